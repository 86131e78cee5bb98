//! Floating-point numbers as Go writes them: in YAML texts that become strings, and in JSON.

use std::fmt::Write as _;

/// Go's `strconv.FormatFloat(v, 'g', -1, 32)`: rounded to 32 bits, fewest digits, exponent form below 1e-4
/// and from 1e6 on, whatever the number of digits (helm-oci-format 1.4).
pub(super) fn format_g32(value: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "rounding to 32 bits is what Go does here"
    )]
    let value = value as f32;
    if value.is_nan() {
        return "NaN".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.into();
    }
    let Some(number) = Decimal::split(&format!("{value:e}")) else {
        return "0".into();
    };
    if (-4..6).contains(&number.exponent) {
        number.plain()
    } else {
        number.scientific(2)
    }
}

/// A float as `encoding/json` writes it (helm-oci-format 1.5).
pub(super) fn format_json(value: f64) -> String {
    let Some(number) = Decimal::split(&format!("{value:e}")) else {
        return "0".into();
    };
    let size = value.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        number.scientific(if number.exponent < 0 { 1 } else { 2 })
    } else {
        number.plain()
    }
}

/// Shortest digits and decimal exponent of a finite float.
struct Decimal {
    negative: bool,
    digits: String,
    exponent: i32,
}

impl Decimal {
    /// Takes Rust's `{:e}` apart, which gives the same shortest digits as Go.
    fn split(text: &str) -> Option<Self> {
        let (mantissa, exponent) = text.split_once('e')?;
        let (negative, mantissa) = match mantissa.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, mantissa),
        };
        Some(Self {
            negative,
            digits: mantissa.chars().filter(|c| *c != '.').collect(),
            exponent: exponent.parse().ok()?,
        })
    }

    fn sign(&self) -> &'static str {
        if self.negative { "-" } else { "" }
    }

    /// `1.5e+07`; the exponent has at least `width` digits.
    fn scientific(&self, width: usize) -> String {
        let (first, rest) = self.digits.split_at(1);
        let dot = if rest.is_empty() { "" } else { "." };
        let sign = if self.exponent < 0 { '-' } else { '+' };
        let exponent = self.exponent.unsigned_abs();
        format!("{}{first}{dot}{rest}e{sign}{exponent:0width$}", self.sign())
    }

    fn plain(&self) -> String {
        let mut text = self.sign().to_owned();
        let point = self.exponent + 1;
        if point <= 0 {
            text.push_str("0.");
            for _ in point..0 {
                text.push('0');
            }
            text.push_str(&self.digits);
            return text;
        }
        let point = usize::try_from(point).unwrap_or(0);
        if self.digits.len() <= point {
            let _ = write!(text, "{:0<point$}", self.digits);
        } else {
            let (whole, fraction) = self.digits.split_at(point);
            let _ = write!(text, "{whole}.{fraction}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_from_floats() {
        for (value, text) in [
            (1.10, "1.1"),
            (1.0, "1"),
            (0.0, "0"),
            (-0.0, "-0"),
            (1_234_567.5, "1.2345675e+06"),
            (0.00001, "1e-05"),
            (0.0001, "0.0001"),
            (1826e29, "1.826e+32"),
            (72551e2, "7.2551e+06"),
            (1234e56, "+Inf"),
            (-1234e56, "-Inf"),
            (20_240_115.1, "2.0240116e+07"),
            (1.234_567_89, "1.2345679"),
            (1e20, "1e+20"),
            (123_489.0, "123489"),
            (999_999.0, "999999"),
            (1e6, "1e+06"),
            (100_000.0, "100000"),
            (1e-50, "0"),
            (12.5, "12.5"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(format_g32(value), text);
        }
    }

    #[test]
    fn json_from_floats() {
        for (value, text) in [
            (9_007_199_254_740_992.0, "9007199254740992"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (1.5e300, "1.5e+300"),
            (1e-6, "0.000001"),
            (1e-7, "1e-7"),
            (1.25e-12, "1.25e-12"),
            (-0.0, "-0"),
            (0.5, "0.5"),
            (-1234.25, "-1234.25"),
        ] {
            assert_eq!(format_json(value), text);
        }
    }
}

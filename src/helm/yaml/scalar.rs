//! What a YAML 1.1 scalar is to Go's yaml v2: null, boolean, number or text (helm-oci-format 1.4).

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::{YamlError, time};

/// A resolved scalar.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Scalar<'a> {
    Null,
    Bool(bool),
    Int(i64),
    /// Beyond `i64`.
    Uint(u64),
    Float(f64),
    Text(Cow<'a, str>),
}

const PREFIX: &str = "tag:yaml.org,2002:";

/// Go decodes padding strictly but does not look at the bits behind the last character.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

/// Resolves `value` with its tag; `plain` if it was written without quotes and without a tag.
pub(crate) fn resolve<'a>(tag: Option<&str>, value: &'a str, plain: bool) -> Result<Scalar<'a>, YamlError> {
    let text = || Ok(Scalar::Text(Cow::Borrowed(value)));
    let Some(tag) = tag.filter(|tag| !tag.is_empty()) else {
        return if plain { Ok(implicit(value)) } else { text() };
    };
    let Some(kind) = tag.strip_prefix(PREFIX) else {
        return text();
    };
    let misfit = || {
        let shown: String = value.chars().take(40).collect();
        YamlError::new(format!("cannot decode `{}` as a !!{kind}", shown.escape_debug()))
    };
    match kind {
        "bool" | "int" | "float" | "null" => match (kind, implicit(value)) {
            ("bool", scalar @ Scalar::Bool(_))
            | ("int", scalar @ (Scalar::Int(_) | Scalar::Uint(_)))
            | ("float", scalar @ Scalar::Float(_))
            | ("null", scalar @ Scalar::Null) => Ok(scalar),
            #[expect(clippy::cast_precision_loss, reason = "as Go converts it")]
            ("float", Scalar::Int(value)) => Ok(Scalar::Float(value as f64)),
            _ => Err(misfit()),
        },
        "timestamp" if time::is_timestamp(value) => text(),
        "timestamp" => Err(misfit()),
        "binary" => binary(value).map(|text| Scalar::Text(Cow::Owned(text))),
        // `!!str`, and unknown ones such as `!!map` on a scalar
        _ => text(),
    }
}

fn binary(value: &str) -> Result<String, YamlError> {
    let clean: Vec<u8> = value.bytes().filter(|b| !matches!(b, b'\r' | b'\n')).collect();
    let bytes = BASE64
        .decode(clean)
        .map_err(|_| YamlError::new("!!binary value contains invalid base64 data"))?;
    Ok(go_text(&bytes))
}

/// Bytes as text; each byte that is no UTF-8 becomes one U+FFFD, as `encoding/json` does it.
fn go_text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    let mut rest = bytes;
    loop {
        match std::str::from_utf8(rest) {
            Ok(good) => {
                text.push_str(good);
                return text;
            }
            Err(error) => {
                let (good, bad) = rest.split_at(error.valid_up_to());
                text.push_str(std::str::from_utf8(good).unwrap_or_default());
                text.push('\u{fffd}');
                rest = &bad[1..];
            }
        }
    }
}

/// The type that a plain scalar has by its text. The first character tells what may come into question.
pub(crate) fn implicit(text: &str) -> Scalar<'_> {
    let as_text = Scalar::Text(Cow::Borrowed(text));
    let Some(first) = text.bytes().next() else {
        return Scalar::Null;
    };
    match first {
        b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' | b'~' => match text {
            "~" | "null" | "Null" | "NULL" => Scalar::Null,
            "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
                Scalar::Bool(true)
            }
            "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
                Scalar::Bool(false)
            }
            _ => as_text,
        },
        b'.' => special(text)
            .or_else(|| point_float(text))
            .map_or(as_text, Scalar::Float),
        b'+' | b'-' | b'0'..=b'9' => match special(text) {
            Some(value) => Scalar::Float(value),
            None if text.contains('_') => number(&text.replace('_', "")).unwrap_or(as_text),
            None => number(text).unwrap_or(as_text),
        },
        _ => as_text,
    }
}

/// Infinities and not-a-number.
fn special(text: &str) -> Option<f64> {
    match text {
        ".nan" | ".NaN" | ".NAN" => Some(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Some(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

/// A text beginning with a point goes to Go's `ParseFloat`, which allows `_` between digits.
fn point_float(text: &str) -> Option<f64> {
    let mut previous = b'!';
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' => previous = b'0',
            b'_' if previous == b'0' => previous = b'_',
            _ if byte == b'_' || previous == b'_' => return None,
            _ => previous = b'!',
        }
    }
    if previous == b'_' {
        return None;
    }
    finite(&text.replace('_', ""))
}

/// An integer or float, as YAML 1.1 and Go's base-0 integers have it. The `_` are gone.
fn number(text: &str) -> Option<Scalar<'static>> {
    let (negative, digits) = match text.as_bytes() {
        [b'-', ..] => (true, &text[1..]),
        [b'+', ..] => (false, &text[1..]),
        _ => (false, text),
    };
    let signed = digits.len() != text.len();
    if let Some(size) = magnitude(digits) {
        if negative {
            if size <= 1 << 63 {
                return Some(Scalar::Int(0_i64.wrapping_sub_unsigned(size)));
            }
        } else if let Ok(value) = i64::try_from(size) {
            return Some(Scalar::Int(value));
        } else if !signed {
            return Some(Scalar::Uint(size));
        }
    }
    if is_float(digits)
        && let Some(value) = finite(text)
    {
        return Some(Scalar::Float(value));
    }
    // Go tries `0b` once more on what follows it, which lets a sign pass there.
    let binary = text.strip_prefix("0b")?;
    let sign = binary.strip_prefix(['+', '-'])?;
    let size = i64::from_str_radix(sign.strip_prefix(['+', '-']).map_or(sign, |_| "x"), 2).ok()?;
    Some(Scalar::Int(if binary.starts_with('-') { -size } else { size }))
}

/// Go's `ParseUint(text, 0, 64)` for a text without `_`.
fn magnitude(digits: &str) -> Option<u64> {
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
        [b'0', b'o' | b'O', ..] => (8, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    // `from_str_radix` would take another sign
    if !digits.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric()) {
        return None;
    }
    u64::from_str_radix(digits, radix).ok()
}

/// `(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`, the sign already gone.
fn is_float(text: &str) -> bool {
    let (number, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let all_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let good_number = match number.split_once('.') {
        Some(("", fraction)) => !fraction.is_empty() && all_digits(fraction),
        Some((whole, fraction)) => all_digits(whole) && all_digits(fraction),
        None => !number.is_empty() && all_digits(number),
    };
    let good_exponent = exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !digits.is_empty() && all_digits(digits)
    });
    good_number && good_exponent
}

/// A float that fits; Go takes one beyond the range of 64 bits for a text.
fn finite(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|value| value.is_finite())
}

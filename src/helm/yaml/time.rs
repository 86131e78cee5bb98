//! Times that Helm's YAML and JSON decoders check: `!!timestamp` values and `generated` of lock files.

use chrono::NaiveDate;

/// Takes 1 or 2 digits off the front, a number up to `max`.
fn short(text: &str, max: u32) -> Option<(u32, &str)> {
    let size = text.bytes().take(2).take_while(u8::is_ascii_digit).count();
    let value = text[..size].parse().ok()?;
    (value <= max).then_some((value, &text[size..]))
}

/// A timestamp of yaml v2: a date, with months and days of one digit allowed, and perhaps a time behind `T`
/// or `t` (with a zone) or behind a blank (without).
pub(super) fn is_timestamp(text: &str) -> bool {
    timestamp(text).is_some()
}

fn timestamp(text: &str) -> Option<()> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    if digits != 4 {
        return None;
    }
    let year = text[..4].parse().ok()?;
    let (month, rest) = short(text[4..].strip_prefix('-')?, 12)?;
    let (day, rest) = short(rest.strip_prefix('-')?, 31)?;
    NaiveDate::from_ymd_opt(year, month, day)?;
    if rest.is_empty() {
        return Some(());
    }
    let zoned = rest.starts_with(['T', 't']);
    let (_, rest) = short(rest.strip_prefix(['T', 't', ' '])?, 23)?;
    let (_, rest) = short(rest.strip_prefix(':')?, 59)?;
    let (_, rest) = short(rest.strip_prefix(':')?, 59)?;
    let rest = fraction(rest)?;
    if zoned {
        zone(rest)
    } else {
        rest.is_empty().then_some(())
    }
}

/// Skips `.123` or `,123`.
fn fraction(text: &str) -> Option<&str> {
    let Some(rest) = text.strip_prefix(['.', ',']) else {
        return Some(text);
    };
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    (digits > 0).then(|| &rest[digits..])
}

/// `Z` or `+hh:mm`.
fn zone(text: &str) -> Option<()> {
    if text == "Z" {
        return Some(());
    }
    match text.as_bytes() {
        [b'+' | b'-', h @ .., b':', m1, m2] if h.len() == 2 => {
            let number = |digits: &[u8]| std::str::from_utf8(digits).ok()?.parse::<u32>().ok();
            (number(h)? < 24 && number(&[*m1, *m2])? < 60 && text.bytes().skip(1).all(|b| b != b'+'))
                .then_some(())
        }
        _ => None,
    }
}

/// A time as Go's `time.Time` accepts it in JSON: RFC 3339 to the letter.
pub(crate) fn is_rfc3339(text: &str) -> bool {
    let two_digits = |range: std::ops::Range<usize>| {
        text.as_bytes()
            .get(range)
            .is_some_and(|pair| pair.iter().all(u8::is_ascii_digit))
    };
    // The lenient reader above, with the places where it is more lenient checked before.
    text.as_bytes().get(10) == Some(&b'T')
        && two_digits(5..7)
        && two_digits(8..10)
        && two_digits(11..13)
        && two_digits(14..16)
        && two_digits(17..19)
        && text.as_bytes().get(19) != Some(&b',')
        && is_timestamp(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps() {
        for text in [
            "2024-01-15",
            "2024-1-5",
            "2024-01-15T01:02:03Z",
            "2024-01-15t1:2:3.5+02:00",
            "2024-01-15 01:02:03",
        ] {
            assert!(is_timestamp(text), "{text}");
        }
        for text in [
            "",
            "x",
            "2024-13-01",
            "2024-02-30",
            "24-01-01",
            "2024-01-15 01:02:03 -5",
            "2024-01-15T01:02:03",
            "2024-01-15T24:00:00Z",
        ] {
            assert!(!is_timestamp(text), "{text}");
        }
    }

    #[test]
    fn json_times() {
        for text in [
            "2024-01-15T01:02:03Z",
            "2024-01-15T01:02:03.123456789-07:00",
            "0001-01-01T00:00:00Z",
        ] {
            assert!(is_rfc3339(text), "{text}");
        }
        for text in [
            "",
            "yesterday",
            "2024-01-15",
            "2024-1-15T01:02:03Z",
            "2024-01-15t01:02:03Z",
            "2024-01-15T01:02:03,5Z",
            "2024-01-15T1:02:03Z",
            "2024-01-15T01:02:03+24:00",
        ] {
            assert!(!is_rfc3339(text), "{text}");
        }
    }
}

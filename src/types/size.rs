//! Byte counts as people write and read them.

use std::fmt;
use std::str::FromStr;

/// A number of bytes. Reads `512`, `64KiB`, `100 MiB`, `2GiB`, `10MB`; writes the binary units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ByteSize(pub u64);

/// The text is no byte size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a size (a whole number and B, KB, MB, GB, KiB, MiB or GiB)", .0.escape_debug())]
pub struct ByteSizeError(String);

impl FromStr for ByteSize {
    type Err = ByteSizeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ByteSizeError(text.chars().take(100).collect());
        let trimmed = text.trim();
        let digits = trimmed.bytes().take_while(u8::is_ascii_digit).count();
        let number: u64 = trimmed[..digits].parse().map_err(|_| error())?;
        let unit = match trimmed[digits..].trim_start().to_ascii_lowercase().as_str() {
            "" | "b" => 1,
            "k" | "kb" => 1_000,
            "m" | "mb" => 1_000_000,
            "g" | "gb" => 1_000_000_000,
            "ki" | "kib" => 1 << 10,
            "mi" | "mib" => 1 << 20,
            "gi" | "gib" => 1 << 30,
            _ => return Err(error()),
        };
        number.checked_mul(unit).map(Self).ok_or_else(error)
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
        for (unit, name) in UNITS {
            if self.0 >= unit {
                let (whole, rest) = (self.0 / unit, self.0 % unit);
                return match rest * 10 / unit {
                    0 => write!(f, "{whole} {name}"),
                    tenth => write!(f, "{whole}.{tenth} {name}"),
                };
            }
        }
        write!(f, "{} B", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_units() {
        for (text, bytes, shown) in [
            ("512", 512, "512 B"),
            ("32MiB", 32 << 20, "32 MiB"),
            ("1.5", 0, ""),
            ("10 MB", 10_000_000, "9.5 MiB"),
            ("99999999999999999999", 0, ""),
            ("-1", 0, ""),
            ("1 TiBB", 0, ""),
            ("é", 0, ""),
        ] {
            match text.parse::<ByteSize>() {
                Ok(size) => assert_eq!((size.0, size.to_string().as_str()), (bytes, shown)),
                Err(_) => assert_eq!(shown, "", "{text}"),
            }
        }
    }
}

//! Extended headers ("pax"): records that replace fields of the next entry.

use std::io;

use super::invalid;

/// What the records of one extended header change.
#[derive(Debug, Default)]
pub(super) struct Overrides {
    pub(super) path: Option<Vec<u8>>,
    pub(super) size: Option<i64>,
    pub(super) mtime: Option<i64>,
    /// The next entry is a sparse file.
    pub(super) sparse: bool,
}

fn bad() -> io::Error {
    invalid("invalid tar header: bad extended header")
}

impl Overrides {
    pub(super) fn parse(mut data: &[u8]) -> io::Result<Self> {
        let mut overrides = Self::default();
        while !data.is_empty() {
            let (key, value, rest) = record(data).ok_or_else(bad)?;
            overrides.apply(key, value)?;
            data = rest;
        }
        Ok(overrides)
    }

    /// A later record of the same key replaces an earlier one; an empty value keeps the header's own.
    fn apply(&mut self, key: &[u8], value: &[u8]) -> io::Result<()> {
        let number = |value: &[u8]| match value {
            [] => Ok(None),
            _ => integer(value).map(Some).ok_or_else(bad),
        };
        match key {
            b"path" => self.path = (!value.is_empty()).then(|| value.to_vec()),
            b"size" => self.size = number(value)?,
            b"uid" | b"gid" => {
                number(value)?;
            }
            b"mtime" => self.mtime = time(value)?,
            b"atime" | b"ctime" => {
                time(value)?;
            }
            _ => self.sparse |= key.starts_with(b"GNU.sparse."),
        }
        Ok(())
    }
}

/// `<length> <key>=<value>\n`, the length counting all of it.
fn record(data: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let blank = data.iter().position(|b| *b == b' ')?;
    let length = usize::try_from(integer(&data[..blank])?).ok()?;
    if length < 5 || length > data.len() || length <= blank + 1 {
        return None;
    }
    let (record, rest) = data.split_at(length);
    let pair = record[blank + 1..].strip_suffix(b"\n")?;
    let equals = pair.iter().position(|b| *b == b'=')?;
    let (key, value) = (&pair[..equals], &pair[equals + 1..]);
    let checked = if matches!(key, b"path" | b"linkpath" | b"uname" | b"gname") {
        value
    } else {
        key
    };
    (!key.is_empty() && !checked.contains(&0)).then_some((key, value, rest))
}

/// A decimal number with an optional sign.
fn integer(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Seconds with an optional fraction, rounded down.
fn time(value: &[u8]) -> io::Result<Option<i64>> {
    if value.is_empty() {
        return Ok(None);
    }
    let point = value.iter().position(|b| *b == b'.').unwrap_or(value.len());
    let fraction = value.get(point + 1..).unwrap_or_default();
    if !fraction.iter().all(u8::is_ascii_digit) {
        return Err(bad());
    }
    let seconds = integer(&value[..point]).ok_or_else(bad)?;
    // Go keeps nine digits of the fraction.
    let below = value[0] == b'-' && fraction.iter().take(9).any(|b| *b != b'0');
    Ok(Some(seconds.saturating_sub(i64::from(below))))
}

//! Bytes of an index on their way to a scanner: size limit and first look.

use std::io::{self, Read};

use super::{IndexError, IndexLimits};

/// What the first bytes promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Yaml,
    Json,
}

/// A reader that ends with an error once it has given `left` bytes and there are more.
pub(super) struct Limited<R> {
    reader: R,
    left: u64,
}

/// Marks the error of [`Limited`] among other I/O errors.
#[derive(Debug, thiserror::Error)]
#[error("size limit")]
struct LimitReached;

impl<R: Read> Limited<R> {
    pub(super) fn new(reader: R, limits: &IndexLimits) -> Self {
        Self {
            reader,
            left: limits.bytes,
        }
    }
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        match self.left.checked_sub(count as u64) {
            Some(left) => self.left = left,
            None => return Err(io::Error::other(LimitReached)),
        }
        Ok(count)
    }
}

/// Turns an I/O error into what it means for the index.
pub(super) fn io_error(error: io::Error, limits: &IndexLimits) -> IndexError {
    match error.get_ref() {
        Some(inner) if inner.is::<LimitReached>() => IndexError::TooLarge { limit: limits.bytes },
        _ => IndexError::Io(error),
    }
}

/// Looks at the first bytes. Returns what they promise and a reader over all of them, without a byte-order mark.
pub(super) fn sniff<R: Read>(mut reader: R) -> io::Result<Result<(Kind, impl Read), IndexError>> {
    let mut head = Vec::with_capacity(512);
    reader.by_ref().take(512).read_to_end(&mut head)?;
    if head.starts_with(b"\xEF\xBB\xBF") {
        head.drain(..3);
    }
    let first = head.iter().find(|b| !b.is_ascii_whitespace());
    Ok(match (head.as_slice(), first) {
        ([], _) => Err(IndexError::Empty),
        ([0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] | [0, _, ..] | [_, 0, ..], _) => Err(IndexError::Utf16),
        ([0x1F, 0x8B, ..], _) => Err(IndexError::Gzip),
        (_, Some(b'<')) => Err(IndexError::Html),
        (_, Some(b'{')) => Ok((Kind::Json, io::Cursor::new(head).chain(reader))),
        _ => Ok((Kind::Yaml, io::Cursor::new(head).chain(reader))),
    })
}

//! Bytes of an index on their way to a scanner: size limit, first look, UTF-8 decoded piece by piece.
//!
//! Nothing holds more than one buffer of the text, whatever the index's size.

use std::cell::{Cell, RefCell};
use std::io::{self, Read};
use std::rc::Rc;

use super::{IndexError, IndexLimits};

const BUFFER: usize = 64 * 1024;

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

/// What the decoder has to say beside characters; the scanner owns the decoder, so this is shared.
#[derive(Default)]
pub(super) struct Notes {
    /// The error that ended the text early.
    pub(super) error: RefCell<Option<io::Error>>,
    /// Byte sequences that were no UTF-8.
    pub(super) replaced: Cell<u64>,
    /// Bytes read since the scanner last produced something.
    pub(super) pending: Cell<usize>,
    /// The text was ended because `pending` grew past its limit.
    pub(super) choked: Cell<bool>,
}

/// The characters of the text; what is no UTF-8 becomes U+FFFD and is counted.
pub(super) struct Chars<R> {
    reader: R,
    buffer: Box<[u8]>,
    at: usize,
    end: usize,
    longest: usize,
    notes: Rc<Notes>,
}

impl<R: Read> Chars<R> {
    pub(super) fn new(reader: R, limits: &IndexLimits) -> (Self, Rc<Notes>) {
        let notes = Rc::new(Notes::default());
        let chars = Self {
            reader,
            buffer: vec![0; BUFFER].into_boxed_slice(),
            at: 0,
            end: 0,
            longest: limits.scalar.saturating_add(2 * BUFFER),
            notes: Rc::clone(&notes),
        };
        (chars, notes)
    }

    /// Moves the rest to the front and reads on; false at the end.
    fn refill(&mut self) -> bool {
        self.buffer.copy_within(self.at..self.end, 0);
        self.end -= self.at;
        self.at = 0;
        let pending = self.notes.pending.get();
        if pending > self.longest {
            // A scanner that reads and reads without a token collects one giant text: stop feeding it.
            self.notes.choked.set(true);
            return false;
        }
        loop {
            match self.reader.read(&mut self.buffer[self.end..]) {
                Ok(0) => return false,
                Ok(count) => {
                    self.end += count;
                    self.notes.pending.set(pending + count);
                    return true;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    *self.notes.error.borrow_mut() = Some(error);
                    return false;
                }
            }
        }
    }

    #[cold]
    fn next_slowly(&mut self) -> Option<char> {
        loop {
            if self.notes.choked.get() || self.notes.error.borrow().is_some() {
                return None;
            }
            let rest = &self.buffer[self.at..self.end];
            let piece = &rest[..rest.len().min(4)];
            let Some(chunk) = piece.utf8_chunks().next() else {
                if self.refill() {
                    continue;
                }
                return None;
            };
            if let Some(char) = chunk.valid().chars().next() {
                self.at += char.len_utf8();
                return Some(char);
            }
            // Fewer than four bytes may be a character cut by the buffer's end.
            if piece.len() < 4 && self.refill() {
                continue;
            }
            self.at += chunk_len(&self.buffer[self.at..self.end]);
            self.notes.replaced.set(self.notes.replaced.get() + 1);
            return Some(char::REPLACEMENT_CHARACTER);
        }
    }
}

/// Length of the broken sequence at the start of `bytes`.
fn chunk_len(bytes: &[u8]) -> usize {
    bytes
        .utf8_chunks()
        .next()
        .map_or(1, |chunk| chunk.invalid().len().max(1))
}

impl<R: Read> Iterator for Chars<R> {
    type Item = char;

    #[inline]
    fn next(&mut self) -> Option<char> {
        match self.buffer[..self.end].get(self.at) {
            Some(byte) if byte.is_ascii() => {
                self.at += 1;
                Some(char::from(*byte))
            }
            _ => self.next_slowly(),
        }
    }
}

/// The same characters as clean UTF-8 bytes, for a scanner that wants to read bytes.
impl<R: Read> Read for Chars<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled + 4 <= out.len() {
            let Some(char) = self.next() else { break };
            filled += char.encode_utf8(&mut out[filled..]).len();
        }
        Ok(filled)
    }
}

//! The JSON path: a pull reader that feeds the same visitor as YAML, without holding the text or building values.
//!
//! Not `serde_json`: from a reader it looks at each byte singly and turns `1.10` into the number 1.1. This one works
//! on a window of the text, knows lines, and copies only what the visitor asks for. What is not strictly JSON is
//! handed back to the YAML path, as in Helm (helm-oci-format 6.1).

use std::io::{self, Read};

use super::event::Event;
use super::input::io_error;
use super::visitor::Visitor;
use super::{Index, IndexError, IndexLimits};

const WINDOW: usize = 64 * 1024;

/// Why reading ended early.
#[derive(Debug)]
pub(super) enum Failure {
    /// The text is not valid JSON; it may still be YAML.
    NotJson,
    /// The index is refused.
    Index(IndexError),
}

impl From<IndexError> for Failure {
    fn from(error: IndexError) -> Self {
        Self::Index(error)
    }
}

/// Reads an index that is one JSON object.
pub(super) fn read(reader: impl Read, limits: &IndexLimits) -> Result<Index, Failure> {
    let mut visitor = Visitor::new(limits);
    let mut json = Json {
        window: Window {
            reader,
            buffer: vec![0; WINDOW].into_boxed_slice(),
            at: 0,
            end: 0,
            line: 1,
            limits,
        },
        copy: Vec::new(),
        open: Vec::new(),
    };
    json.document(&mut visitor)?;
    Ok(visitor.finish()?)
}

/// The part of the text that is in memory.
struct Window<'a, R> {
    reader: R,
    buffer: Box<[u8]>,
    at: usize,
    end: usize,
    line: u32,
    limits: &'a IndexLimits,
}

impl<R: Read> Window<'_, R> {
    /// The bytes at hand, read on if there are none; empty only at the end.
    #[inline]
    fn rest(&mut self) -> Result<&[u8], Failure> {
        if self.at == self.end {
            self.refill()?;
        }
        Ok(&self.buffer[self.at..self.end])
    }

    #[cold]
    fn refill(&mut self) -> Result<(), Failure> {
        (self.at, self.end) = (0, 0);
        loop {
            match self.reader.read(&mut self.buffer) {
                Ok(count) => {
                    self.end = count;
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(io_error(error, self.limits).into()),
            }
        }
    }

    /// Takes one byte that must be there.
    fn take(&mut self) -> Result<u8, Failure> {
        let byte = *self.rest()?.first().ok_or(Failure::NotJson)?;
        self.at += 1;
        Ok(byte)
    }

    /// The next byte that is no blank, left where it is.
    #[inline]
    fn peek(&mut self) -> Result<Option<u8>, Failure> {
        loop {
            let rest = self.rest()?;
            if rest.is_empty() {
                return Ok(None);
            }
            let mut lines = 0;
            let blanks = rest
                .iter()
                .take_while(|b| {
                    lines += u32::from(**b == b'\n');
                    matches!(b, b' ' | b'\n' | b'\t' | b'\r')
                })
                .count();
            let found = rest.get(blanks).copied();
            self.line = self.line.saturating_add(lines);
            self.at += blanks;
            if found.is_some() {
                return Ok(found);
            }
        }
    }
}

struct Json<'a, R> {
    window: Window<'a, R>,
    /// A text that has escapes or lies across two windows.
    copy: Vec<u8>,
    /// The open lists (`[`) and maps (`{`), no deeper than the visitor allows.
    open: Vec<u8>,
}

impl<R: Read> Json<'_, R> {
    fn document(&mut self, visitor: &mut Visitor<'_>) -> Result<(), Failure> {
        loop {
            match self.window.peek()?.ok_or(Failure::NotJson)? {
                start @ (b'{' | b'[') => {
                    self.window.at += 1;
                    let map = start == b'{';
                    let (event, end, close) = if map {
                        (Event::MappingStart, Event::MappingEnd, b'}')
                    } else {
                        (Event::SequenceStart, Event::SequenceEnd, b']')
                    };
                    visitor.event(event, self.window.line)?;
                    if self.window.peek()? != Some(close) {
                        self.open.push(start);
                        if map {
                            self.key(visitor)?;
                        }
                        continue;
                    }
                    self.window.at += 1;
                    visitor.event(end, self.window.line)?;
                }
                b'"' => self.string(visitor)?,
                byte => self.word(byte, visitor)?,
            }
            if self.end_values(visitor)? {
                return Ok(());
            }
        }
    }

    /// After a value: closes what ends here. True at the end of the text, false where another value follows.
    fn end_values(&mut self, visitor: &mut Visitor<'_>) -> Result<bool, Failure> {
        loop {
            let next = self.window.peek()?;
            self.window.at += usize::from(next.is_some());
            match (self.open.last(), next) {
                (None, None) => return Ok(true),
                (Some(b'['), Some(b',')) => return Ok(false),
                (Some(b'{'), Some(b',')) => {
                    self.key(visitor)?;
                    return Ok(false);
                }
                (Some(b'['), Some(b']')) => visitor.event(Event::SequenceEnd, self.window.line)?,
                (Some(b'{'), Some(b'}')) => visitor.event(Event::MappingEnd, self.window.line)?,
                _ => return Err(Failure::NotJson),
            }
            self.open.pop();
        }
    }

    fn key(&mut self, visitor: &mut Visitor<'_>) -> Result<(), Failure> {
        if self.window.peek()? != Some(b'"') {
            return Err(Failure::NotJson);
        }
        self.string(visitor)?;
        if self.window.peek()? != Some(b':') {
            return Err(Failure::NotJson);
        }
        self.window.at += 1;
        Ok(())
    }

    /// A string; the window stands on its opening quote.
    fn string(&mut self, visitor: &mut Visitor<'_>) -> Result<(), Failure> {
        self.window.at += 1;
        self.copy.clear();
        let wanted = visitor.wants_text();
        let line = self.window.line;
        let limit = self.window.limits.scalar;
        loop {
            let rest = self.window.rest()?;
            let run = plain_run(rest);
            let text = &rest[..run];
            let (special, end) = (rest.get(run).copied(), rest.is_empty());
            if special == Some(b'"') && self.copy.is_empty() {
                scalar(visitor, text, wanted, line)?;
                self.window.at += run + 1;
                return Ok(());
            }
            if wanted {
                self.copy.extend_from_slice(text);
            }
            if self.copy.len() > limit {
                return Err(IndexError::TooLong { limit, line }.into());
            }
            match special {
                None if end => return Err(Failure::NotJson),
                None => self.window.at += run,
                Some(b'"') => {
                    self.window.at += run + 1;
                    return scalar(visitor, &self.copy, wanted, line);
                }
                Some(b'\\') => {
                    self.window.at += run + 1;
                    let byte = self.window.take()?;
                    self.escape(byte)?;
                    if !wanted {
                        self.copy.clear();
                    }
                }
                Some(_) => return Err(Failure::NotJson),
            }
        }
    }

    /// Takes an escape of which `byte` follows the backslash. Half surrogate pairs become U+FFFD, as in Go.
    fn escape(&mut self, byte: u8) -> Result<(), Failure> {
        let char = match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'b' => '\x08',
            b'f' => '\x0c',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let mut unit = self.hex4()?;
                while (0xD800..0xDC00).contains(&unit) && self.window.rest()?.first() == Some(&b'\\') {
                    self.window.at += 1;
                    let byte = self.window.take()?;
                    if byte != b'u' {
                        self.push(char::REPLACEMENT_CHARACTER);
                        return self.escape(byte);
                    }
                    let low = self.hex4()?;
                    if (0xDC00..0xE000).contains(&low) {
                        unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
                        break;
                    }
                    self.push(char::REPLACEMENT_CHARACTER);
                    unit = low;
                }
                char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            _ => return Err(Failure::NotJson),
        };
        self.push(char);
        Ok(())
    }

    fn push(&mut self, char: char) {
        self.copy
            .extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
    }

    fn hex4(&mut self) -> Result<u32, Failure> {
        let mut value = 0;
        for _ in 0..4 {
            let digit = char::from(self.window.take()?)
                .to_digit(16)
                .ok_or(Failure::NotJson)?;
            value = value * 16 + digit;
        }
        Ok(value)
    }

    /// A number or one of `true`, `false`, `null`, kept in its source spelling.
    fn word(&mut self, first: u8, visitor: &mut Visitor<'_>) -> Result<(), Failure> {
        let line = self.window.line;
        self.copy.clear();
        let part = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'+' | b'.');
        loop {
            let rest = self.window.rest()?;
            let run = rest.iter().take_while(|b| part(b)).count();
            let more = !rest.is_empty() && run == rest.len();
            self.copy.extend_from_slice(&rest[..run]);
            self.window.at += run;
            if self.copy.len() > self.window.limits.scalar {
                let limit = self.window.limits.scalar;
                return Err(IndexError::TooLong { limit, line }.into());
            }
            if !more {
                break;
            }
        }
        let good = match first {
            b'-' | b'0'..=b'9' => is_number(&self.copy),
            _ => matches!(self.copy.as_slice(), b"true" | b"false" | b"null"),
        };
        let text = std::str::from_utf8(&self.copy)
            .ok()
            .filter(|_| good)
            .ok_or(Failure::NotJson)?;
        visitor.event(Event::Scalar { text, plain: true }, line)?;
        Ok(())
    }
}

fn scalar(visitor: &mut Visitor<'_>, bytes: &[u8], wanted: bool, line: u32) -> Result<(), Failure> {
    if !wanted {
        visitor.event(
            Event::Scalar {
                text: "",
                plain: false,
            },
            line,
        )?;
    } else if let Ok(text) = std::str::from_utf8(bytes) {
        visitor.event(Event::Scalar { text, plain: false }, line)?;
    } else {
        let text = &*String::from_utf8_lossy(bytes);
        visitor.event(Event::Scalar { text, plain: false }, line)?;
    }
    Ok(())
}

/// How many bytes of a string come before a quote, a backslash or a control character, which must be escaped.
fn plain_run(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 255;
    const HIGHS: u64 = ONES << 7;
    let mut run = 0;
    // Eight bytes at a time (the well-known zero-byte trick); the bytes of a hit are then looked at singly.
    for chunk in bytes.chunks_exact(8) {
        let word = u64::from_le_bytes(chunk.try_into().unwrap_or_default());
        let equals = |byte: u64| {
            let x = word ^ (ONES * byte);
            x.wrapping_sub(ONES) & !x
        };
        let control = word.wrapping_sub(ONES * 0x20) & !word;
        if (equals(u64::from(b'"')) | equals(u64::from(b'\\')) | control) & HIGHS != 0 {
            break;
        }
        run += 8;
    }
    let special = |b: &u8| matches!(b, b'"' | b'\\' | 0..0x20);
    run + bytes[run..].iter().take_while(|b| !special(b)).count()
}

/// `-? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?`
fn is_number(bytes: &[u8]) -> bool {
    fn digits(bytes: &[u8]) -> Option<&[u8]> {
        let count = bytes.iter().take_while(|b| b.is_ascii_digit()).count();
        (count > 0).then(|| &bytes[count..])
    }
    let bytes = bytes.strip_prefix(b"-").unwrap_or(bytes);
    let whole = match bytes {
        [b'0', rest @ ..] => Some(rest),
        _ => digits(bytes),
    };
    let fraction = whole.and_then(|rest| match rest {
        [b'.', rest @ ..] => digits(rest),
        _ => Some(rest),
    });
    let exponent = fraction.and_then(|rest| match rest {
        [b'e' | b'E', b'+' | b'-', rest @ ..] | [b'e' | b'E', rest @ ..] => digits(rest),
        _ => Some(rest),
    });
    exponent.is_some_and(<[u8]>::is_empty)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn valid(text: &[u8]) -> bool {
        let limits = IndexLimits {
            depth: 100,
            ..IndexLimits::default()
        };
        match read(text, &limits) {
            Ok(_) | Err(Failure::Index(_)) => true,
            Err(Failure::NotJson) => false,
        }
    }

    #[test]
    fn numbers_by_the_grammar() {
        for text in ["0", "-0", "10", "1.10", "1e5", "1E-5", "1.5e+10", "-12.0"] {
            assert!(is_number(text.as_bytes()), "{text}");
        }
        for text in ["", "-", "01", "1.", ".5", "1e", "1e+", "+1", "0x1", "1.5.5", "1a"] {
            assert!(!is_number(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn runs_end_at_each_special_byte() {
        for length in 0..40 {
            for special in [b'"', b'\\', 0, 0x1f] {
                let mut bytes = vec![b'a'; 40];
                bytes[length] = special;
                assert_eq!(plain_run(&bytes), length);
            }
            let text = "é\u{7f} \u{ff}".repeat(length);
            assert_eq!(plain_run(text.as_bytes()), text.len());
        }
    }

    proptest::proptest! {
        /// The same texts are JSON to this reader and to `serde_json`.
        #[test]
        fn agrees_with_serde_json(text in r#"\{("[a-z\\u00-9"é]{0,5}"|[:,{}\[\] ]|-?[0-9.e+]{1,4}|true|null|nul){0,8}\}?"#) {
            let text = format!(r#"{{"x": {text}}}"#);
            let ours = valid(text.as_bytes());
            // Half surrogates are an error to serde_json and U+FFFD to Go; out-of-range numbers likewise.
            if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(&text) {
                let message = error.to_string();
                let known = message.contains("surrogate") || message.contains("escape") || message.contains("range");
                proptest::prop_assert!(!ours || known, "{text}: {message}");
            } else {
                proptest::prop_assert!(ours, "{text}");
            }
        }
    }
}

//! The text of an index as the YAML scanners read it: clean UTF-8, a window at a time, whatever the index's size.
//!
//! The scanner of saphyr can take characters from any iterator, but moves each of them through a queue of its own. It
//! looks straight into the window here instead: that queue was a tenth of the time of a whole `plan`.

use std::cell::{Cell, RefCell};
use std::io::{self, Read};
use std::rc::Rc;

use saphyr_parser::Input;
use saphyr_parser::input::{is_blank_or_breakz, is_breakz, is_flow};

use super::IndexLimits;

/// Bytes that are read at once.
const READ: usize = 64 << 10;

/// How far the scanner looks ahead at most, in characters: as far as in saphyr's own input.
const AHEAD: usize = 16;

/// Zeros behind the text, so that looking ahead needs no care for its end: there the scanner wants NUL.
const PADDING: usize = 4 * AHEAD;

/// What there is to say beside characters; the scanner owns the text, so this is shared.
#[derive(Default)]
pub(super) struct Notes {
    /// The error that ended the text early.
    pub(super) error: RefCell<Option<io::Error>>,
    /// Byte sequences that were no UTF-8.
    pub(super) replaced: Cell<u64>,
    /// Line breaks before the first of them.
    pub(super) lines: Cell<u32>,
    /// Bytes read since the scanner last produced something.
    pub(super) pending: Cell<usize>,
    /// The text was ended because `pending` grew past its limit.
    pub(super) choked: Cell<bool>,
}

/// The text; what is no UTF-8 becomes U+FFFD and is counted.
pub(super) struct Text<R> {
    reader: R,
    /// Bytes as they were read, the first `kept` of them from the time before: the begin of a character.
    raw: Box<[u8]>,
    kept: usize,
    /// Clean text up to `end`, then zeros.
    window: Vec<u8>,
    at: usize,
    end: usize,
    /// Nothing more comes.
    ended: bool,
    /// Characters that the scanner has asked for and not yet taken.
    ahead: usize,
    longest: usize,
    notes: Rc<Notes>,
}

impl<R: Read> Text<R> {
    pub(super) fn new(reader: R, limits: &IndexLimits) -> (Self, Rc<Notes>) {
        let notes = Rc::new(Notes::default());
        let text = Self {
            reader,
            raw: vec![0; READ].into_boxed_slice(),
            kept: 0,
            window: vec![0; PADDING],
            at: 0,
            end: 0,
            ended: false,
            ahead: 0,
            longest: limits.scalar.saturating_add(2 * READ),
            notes: Rc::clone(&notes),
        };
        (text, notes)
    }

    /// Reads on until there are `count` bytes, if the text has as many.
    #[cold]
    fn fill(&mut self, count: usize) {
        while self.end - self.at < count && !self.ended {
            let pending = self.notes.pending.get();
            if pending > self.longest {
                // A scanner that reads and reads without a token collects one giant text: stop feeding it.
                self.notes.choked.set(true);
                self.ended = true;
                return;
            }
            match self.reader.read(&mut self.raw[self.kept..]) {
                Ok(0) => {
                    self.ended = true;
                    self.take_in(self.kept);
                }
                Ok(read) => {
                    self.notes.pending.set(pending + read);
                    self.take_in(self.kept + read);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    *self.notes.error.borrow_mut() = Some(error);
                    self.ended = true;
                }
            }
        }
    }

    /// Appends the first `length` raw bytes to the window, in place of what the scanner has taken.
    fn take_in(&mut self, length: usize) {
        self.window.truncate(self.end);
        self.window.drain(..self.at);
        self.at = 0;
        self.kept = 0;
        let mut done = 0;
        for chunk in self.raw[..length].utf8_chunks() {
            self.window.extend_from_slice(chunk.valid().as_bytes());
            self.count_lines(chunk.valid());
            done += chunk.valid().len() + chunk.invalid().len();
            if chunk.invalid().is_empty() {
                continue;
            }
            if done == length && !self.ended && may_go_on(chunk.invalid()) {
                self.kept = chunk.invalid().len();
                break;
            }
            let mut sign = [0; 4];
            let sign = char::REPLACEMENT_CHARACTER.encode_utf8(&mut sign);
            self.window.extend_from_slice(sign.as_bytes());
            self.notes.replaced.set(self.notes.replaced.get() + 1);
        }
        self.raw.copy_within(length - self.kept..length, 0);
        self.end = self.window.len();
        self.window.resize(self.end + PADDING, 0);
    }

    /// Counts as far as the first sequence that is no UTF-8: people want to find it.
    fn count_lines(&self, valid: &str) {
        if self.notes.replaced.get() == 0 {
            let lines = valid.bytes().filter(|byte| *byte == b'\n').count();
            let lines = u32::try_from(lines).unwrap_or(u32::MAX);
            self.notes.lines.set(self.notes.lines.get().saturating_add(lines));
        }
    }

    /// The character at `at`, and its length.
    #[inline]
    fn char_at(&self, at: usize) -> (char, usize) {
        match self.window.get(at) {
            Some(byte) if byte.is_ascii() => (char::from(*byte), 1),
            _ => self.wide_char_at(at),
        }
    }

    #[cold]
    fn wide_char_at(&self, at: usize) -> (char, usize) {
        let bytes = self.window.get(at..).unwrap_or_default();
        let low = |place: usize| u32::from(bytes.get(place).copied().unwrap_or(0) & 0x3f);
        let first = bytes.first().map_or(0, |byte| u32::from(*byte));
        let (code, length) = match first {
            ..0x80 => (first, 1),
            0x80..0xe0 => ((first & 0x1f) << 6 | low(1), 2),
            0xe0..0xf0 => ((first & 0x0f) << 12 | low(1) << 6 | low(2), 3),
            _ => ((first & 0x07) << 18 | low(1) << 12 | low(2) << 6 | low(3), 4),
        };
        // The window holds nothing but whole characters.
        (
            char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER),
            length,
        )
    }
}

/// Whether these bytes at the end of what was read may be the begin of a character.
fn may_go_on(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

impl<R: Read> Input for Text<R> {
    #[inline]
    fn lookahead(&mut self, count: usize) {
        if self.end - self.at < 4 * count && !self.ended {
            self.fill(4 * count);
        }
        self.ahead = self.ahead.max(count);
    }

    #[inline]
    fn buflen(&self) -> usize {
        self.ahead
    }

    #[inline]
    fn bufmaxlen(&self) -> usize {
        AHEAD
    }

    fn raw_read_ch(&mut self) -> char {
        self.lookahead(1);
        let char = self.peek();
        self.skip();
        char
    }

    #[inline]
    fn raw_read_non_breakz_ch(&mut self) -> Option<char> {
        self.lookahead(1);
        let char = self.peek_opt();
        match char {
            None => self.ahead = 0,
            Some(char) if is_breakz(char) || char == '\u{feff}' => return None,
            Some(_) => self.skip(),
        }
        char
    }

    #[inline]
    fn skip(&mut self) {
        if self.ahead > 0 {
            self.ahead -= 1;
            let next = self.at + self.char_at(self.at).1;
            self.at = next.min(self.end);
        }
    }

    #[inline]
    fn skip_n(&mut self, count: usize) {
        for _ in 0..count {
            self.skip();
        }
    }

    #[inline]
    fn peek(&self) -> char {
        self.char_at(self.at).0
    }

    #[inline]
    fn peek_nth(&self, n: usize) -> char {
        let mut at = self.at;
        for _ in 0..n {
            at += self.char_at(at).1;
        }
        self.char_at(at).0
    }

    #[inline]
    fn peek_opt(&self) -> Option<char> {
        (self.at < self.end).then(|| self.peek())
    }

    /// As the trait does it, but the second character is looked at only where it matters.
    #[inline]
    fn next_can_be_plain_scalar(&self, in_flow: bool) -> bool {
        match self.peek() {
            ':' => {
                let next = self.peek_nth(1);
                !(is_blank_or_breakz(next) || in_flow && is_flow(next))
            }
            '\u{feff}' => false,
            char => !(in_flow && is_flow(char)),
        }
    }
}

/// The same text as bytes, for a scanner that wants to read them into buffers of four bytes and more: never a part of
/// a character.
impl<R: Read> Read for Text<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.fill(1);
        let mut count = out.len().min(self.end - self.at);
        let is_inside = |byte: u8| byte & 0xc0 == 0x80;
        while count > 0 && is_inside(self.window[self.at + count]) {
            count -= 1;
        }
        out[..count].copy_from_slice(&self.window[self.at..][..count]);
        self.at += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use saphyr_parser::Parser;

    use super::*;

    /// Gives the bytes in pieces of a few.
    struct Drip<'a>(&'a [u8], usize);

    impl Read for Drip<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let size = self.1.min(out.len());
            self.0.read(&mut out[..size])
        }
    }

    fn text(bytes: &[u8], piece: usize) -> (Text<Drip<'_>>, Rc<Notes>) {
        Text::new(Drip(bytes, piece), &IndexLimits::default())
    }

    /// All events with their places, up to an error with its place.
    fn events<T: Input>(mut parser: Parser<'_, T>) -> Vec<String> {
        let mut events = Vec::new();
        while let Some(next) = parser.next_event() {
            events.push(format!("{next:?}"));
            if next.is_err() || events.len() > 10_000 {
                break;
            }
        }
        events
    }

    /// All bytes, read with small buffers.
    fn bytes_of(text: &mut impl Read) -> Vec<u8> {
        let (mut all, mut buffer) = (Vec::new(), [0; 7]);
        loop {
            let count = text.read(&mut buffer).unwrap();
            if count == 0 {
                return all;
            }
            all.extend_from_slice(&buffer[..count]);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// The scanner sees through this window what it sees through its own queue.
        #[test]
        fn agrees_with_the_own_input_of_the_scanner(
            parts in prop::collection::vec(
                prop_oneof![
                    r#"[a-z]{0,20}(: |:|- |\n|\n  |\n    |, |\[|\]|\{|\}|"|'|\\|# | |\t|\r\n|\r|>-\n|\|\n|---\n|\.\.\.\n|\*|&|!|%|\?|\u{0})"#
                        .prop_map(String::into_bytes),
                    "[ -~\u{80}-\u{10ffff}\u{feff}é]{0,6}".prop_map(String::into_bytes),
                    prop::collection::vec(any::<u8>(), 0..4),
                    Just(b"\n".to_vec()),
                ],
                0..40,
            ),
            piece in 1_usize..70,
        ) {
            let bytes = parts.concat();
            let whole = String::from_utf8_lossy(&bytes);
            let (ours, _) = text(&bytes, piece);
            prop_assert_eq!(events(Parser::new(ours)), events(Parser::new_from_iter(whole.chars())));
            let (mut ours, _) = text(&bytes, piece);
            prop_assert_eq!(bytes_of(&mut ours), whole.as_bytes());
        }
    }

    #[test]
    fn counts_what_is_no_text() {
        for piece in 1..8 {
            let (mut ours, notes) = text(b"a\n\xf0\x9f\x98\n\xc3\xa9\xe9\n\xf0\x9f", piece);
            let read = bytes_of(&mut ours);
            assert_eq!(
                String::from_utf8(read).unwrap(),
                "a\n\u{fffd}\n\u{e9}\u{fffd}\n\u{fffd}"
            );
            assert_eq!((notes.replaced.get(), notes.lines.get()), (3, 1));
        }
    }
}

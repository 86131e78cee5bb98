//! The scanner and parser of YAML 1.1 as Helm's own library (a relative of libyaml) sees it: events of the
//! first document, with the differences of `libyaml-safer` mended (helm-oci-format 1.4, "Scanner facts").

use std::borrow::Cow;
use std::io::{self, BufRead, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};

use libyaml_safer::{Event as Raw, EventData, MappingStyle, Parser, ScalarStyle, SequenceStyle};

use super::YamlError;

/// Nesting beyond this is refused by Helm's YAML library, and by its JSON decoder.
pub(crate) const MAX_DEPTH: usize = 10_000;

/// The scanner looks at every open flow collection for each token; this bounds the product, so that a small
/// file of brackets cannot keep a core busy. 5,000 nested lists need 25 million.
const MAX_WORK: usize = 200_000_000;

/// What the parser reports. Anchors are names, not yet resolved.
#[derive(Debug, PartialEq)]
pub(crate) enum Event {
    /// `*anchor`
    Alias(String),
    /// A scalar.
    Scalar(ScalarEvent),
    /// A list begins.
    ListStart(Option<String>),
    /// A mapping begins.
    MapStart(Option<String>),
    /// The innermost list or mapping ends.
    End,
    /// The first document, or the stream without any document, has ended.
    Done,
}

/// A scalar as written.
#[derive(Debug, PartialEq)]
pub(crate) struct ScalarEvent {
    pub(crate) anchor: Option<String>,
    /// The tag in full (`tag:yaml.org,2002:int`), or `!`.
    pub(crate) tag: Option<String>,
    pub(crate) value: String,
    /// Plain, so that its text decides its type.
    pub(crate) plain: bool,
}

/// The events of the first document of a text.
pub(crate) struct Events<'a> {
    parser: Parser<Chunks<'a>>,
    text: &'a [u8],
    masked: bool,
    /// The text ends with a line break of its own; if not, the scanner gets one (it panics without).
    terminated: bool,
    flow: usize,
    block: usize,
    work: usize,
    done: bool,
}

/// A text for the scanner.
pub(crate) struct Text<'a> {
    bytes: Cow<'a, [u8]>,
    /// Some `:` have been replaced by [`MASK`].
    masked: bool,
}

/// Stands for a `:` that our scanner would refuse: in `[a:, b]` the first item is `a:` to Helm's scanner. A
/// character for private use that the text does not hold otherwise.
const MASK: char = '\u{e03a}';

/// Stands for a byte order mark within the text: at the start of a line our scanner skips it, Helm's does not.
const MASK_BOM: char = '\u{e0fe}';

/// Removes a byte order mark and turns UTF-16 into UTF-8, as the scanner of Helm's YAML library does.
pub(crate) fn decode(bytes: &[u8]) -> Result<Text<'_>, YamlError> {
    let wide = |rest: &[u8], unit: fn([u8; 2]) -> u16| {
        let (pairs, []) = rest.as_chunks::<2>() else {
            return Err(YamlError::new("incomplete UTF-16 character"));
        };
        char::decode_utf16(pairs.iter().map(|pair| unit(*pair)))
            .collect::<Result<String, _>>()
            .map(|text| Cow::Owned(text.into_bytes()))
            .map_err(|_| YamlError::new("unpaired surrogate in UTF-16"))
    };
    Ok(mask(match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => Cow::Borrowed(rest),
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes)?,
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes)?,
        _ => Cow::Borrowed(bytes),
    }))
}

/// Masks each byte order mark, and each `:` within a word and right before an indicator of flow collections. Right for plain texts;
/// quoted and block texts get it back, and comments do not matter.
fn mask(bytes: Cow<'_, [u8]>) -> Text<'_> {
    let word = |b: u8| {
        !matches!(
            b,
            b' ' | b'\t' | b'\r' | b'\n' | b'"' | b'\'' | b'[' | b']' | b'{' | b'}' | b','
        )
    };
    let hit =
        |w: &[u8]| w[1] == b':' && matches!(w[2], b',' | b'?' | b'[' | b']' | b'{' | b'}') && word(w[0]);
    let is = |w: &[u8], c: char| w == c.encode_utf8(&mut [0; 4]).as_bytes();
    let odd = |w: &[u8]| hit(w) || is(w, '\u{feff}');
    let taken = |w: &[u8]| is(w, MASK) || is(w, MASK_BOM);
    if !bytes.windows(3).any(odd) || bytes.windows(3).any(taken) {
        return Text { bytes, masked: false };
    }
    let mut masked = Vec::with_capacity(bytes.len() + 64);
    let mut rest = &*bytes;
    while let Some(first) = rest.first() {
        if rest.starts_with("\u{feff}".as_bytes()) {
            masked.extend_from_slice(MASK_BOM.encode_utf8(&mut [0; 4]).as_bytes());
            rest = &rest[3..];
            continue;
        }
        masked.push(*first);
        if rest.get(..3).is_some_and(hit) {
            masked.extend_from_slice(MASK.encode_utf8(&mut [0; 4]).as_bytes());
            rest = &rest[1..];
        }
        rest = &rest[1..];
    }
    Text {
        bytes: Cow::Owned(masked),
        masked: true,
    }
}

impl<'a> Events<'a> {
    /// Events of `text`, which `decode` has returned.
    pub(crate) fn new(text: &'a Text<'_>) -> Self {
        let masked = text.masked;
        let text: &[u8] = &text.bytes;
        let terminated = ends_with_break(text);
        let mut parser = Parser::new();
        parser.set_input(Chunks {
            text,
            rest: if terminated { &[] } else { b"\n" },
        });
        Self {
            parser,
            text,
            masked,
            terminated,
            flow: 0,
            block: 0,
            work: 0,
            done: false,
        }
    }

    /// The next event; after `Done` again `Done`.
    pub(crate) fn next(&mut self) -> Result<Event, YamlError> {
        loop {
            if self.done {
                return Ok(Event::Done);
            }
            let raw = self.parse()?;
            self.work += self.flow;
            if self.work > MAX_WORK {
                return Err(YamlError::new("nested too deeply for its length"));
            }
            if let Some(event) = self.convert(raw)? {
                return Ok(event);
            }
        }
    }

    fn parse(&mut self) -> Result<Raw, YamlError> {
        // The parser has panics that odd input reaches (a tag right before a comma in a flow list): all
        // known ones are errors to Helm, and an unknown one must cost this chart only.
        match catch_unwind(AssertUnwindSafe(|| self.parser.parse())) {
            Ok(Ok(event)) => Ok(event),
            Ok(Err(error)) => Err(YamlError::new(error.to_string())),
            Err(_) => {
                self.done = true;
                Err(YamlError::new("the YAML scanner cannot read it"))
            }
        }
    }

    fn convert(&mut self, raw: Raw) -> Result<Option<Event>, YamlError> {
        let (start, end) = (place(raw.start_mark.index), place(raw.end_mark.index));
        Ok(Some(match raw.data {
            EventData::StreamStart { .. } => return Ok(None),
            EventData::DocumentStart {
                version_directive, ..
            } => {
                if version_directive.is_some_and(|v| (v.major, v.minor) != (1, 1)) {
                    return Err(YamlError::new("`%YAML` names a version other than 1.1"));
                }
                return Ok(None);
            }
            EventData::StreamEnd | EventData::DocumentEnd { .. } => {
                self.done = true;
                Event::Done
            }
            EventData::Alias { anchor } => Event::Alias(anchor),
            EventData::Scalar {
                anchor,
                tag,
                mut value,
                plain_implicit,
                style,
                ..
            } => {
                let line = raw.start_mark.line;
                self.check_scalar(&mut value, style, start, end)
                    .map_err(|error| error.at_line(line))?;
                Event::Scalar(ScalarEvent {
                    anchor,
                    tag,
                    value,
                    plain: plain_implicit,
                })
            }
            EventData::SequenceStart { anchor, style, .. } => {
                self.open(style == SequenceStyle::Flow)?;
                Event::ListStart(anchor)
            }
            EventData::MappingStart { anchor, style, .. } => {
                self.open(style == MappingStyle::Flow)?;
                Event::MapStart(anchor)
            }
            EventData::SequenceEnd | EventData::MappingEnd => {
                // A block collection cannot be inside a flow collection.
                if self.flow > 0 {
                    self.flow -= 1;
                } else {
                    self.block = self.block.saturating_sub(1);
                }
                Event::End
            }
        }))
    }

    fn open(&mut self, flow: bool) -> Result<(), YamlError> {
        let depth = if flow { &mut self.flow } else { &mut self.block };
        *depth += 1;
        if *depth > MAX_DEPTH {
            return Err(YamlError::new("nested over 10,000 deep"));
        }
        Ok(())
    }

    /// What Helm's scanner sees otherwise than ours in a scalar that lies at `start..end` of the text.
    fn check_scalar(
        &self,
        value: &mut String,
        style: ScalarStyle,
        start: usize,
        end: usize,
    ) -> Result<(), YamlError> {
        if self.masked && value.contains([MASK, MASK_BOM]) {
            *value = value.replace(MASK, ":").replace(MASK_BOM, "\u{feff}");
        }
        match style {
            // `?` ends a plain scalar there, and nothing that may follow begins with it.
            ScalarStyle::Plain if self.flow > 0 && value.contains('?') => {
                Err(YamlError::new("`?` in a plain text inside `[]` or `{}`"))
            }
            ScalarStyle::DoubleQuoted if value.contains('/') => {
                let raw = self.text.get(start..end).unwrap_or_default();
                if escapes_slash(raw) {
                    return Err(YamlError::new("unknown escape `\\/`"));
                }
                Ok(())
            }
            ScalarStyle::Literal | ScalarStyle::Folded
                if !self.terminated && end > self.text.len() && value.ends_with('\n') =>
            {
                let raw = self.text.get(start..).unwrap_or_default();
                if added_break_counts(raw) {
                    value.pop();
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

fn place(index: u64) -> usize {
    usize::try_from(index).unwrap_or(usize::MAX)
}

fn ends_with_break(text: &[u8]) -> bool {
    matches!(
        text,
        [.., b'\n' | b'\r'] | [.., 0xc2, 0x85] | [.., 0xe2, 0x80, 0xa8 | 0xa9]
    )
}

/// True if a double-quoted scalar, given with what stands before its first quote, holds the escape `\/`.
fn escapes_slash(raw: &[u8]) -> bool {
    let open = raw.iter().position(|b| *b == b'"').unwrap_or(0);
    let mut bytes = raw[open..].iter();
    while let Some(byte) = bytes.next() {
        if *byte == b'\\' && bytes.next() == Some(&b'/') {
            return true;
        }
    }
    false
}

/// Whether the line break that was added at the end of the text has become the last character of the block
/// scalar `raw` whose value ends with one.
fn added_break_counts(raw: &[u8]) -> bool {
    let mut lines = raw.split(|b| *b == b'\n' || *b == b'\r');
    let header = lines.next().unwrap_or_default();
    let last = raw
        .rsplit(|b| *b == b'\n' || *b == b'\r')
        .next()
        .unwrap_or_default();
    if last.iter().any(|b| *b != b' ') {
        return true;
    }
    // The last line is blank: it counts if blank lines are kept, or if it reaches beyond the indentation.
    let indicator = header.split(|b| *b == b'#').next().unwrap_or_default();
    let indent = lines
        .filter(|line| line.iter().any(|b| *b != b' '))
        .map(|line| line.iter().take_while(|b| **b == b' ').count())
        .next();
    indicator.contains(&b'+') || indent.is_some_and(|indent| last.len() > indent)
}

/// The text in pieces of 512 bytes, as Helm's library reads it: what lies further behind the end of the first
/// document is never decoded, and the scanner's buffer stays small.
struct Chunks<'a> {
    text: &'a [u8],
    rest: &'a [u8],
}

impl Read for Chunks<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let chunk = self.fill_buf()?;
        let size = chunk.len().min(buffer.len());
        buffer[..size].copy_from_slice(&chunk[..size]);
        self.consume(size);
        Ok(size)
    }
}

impl BufRead for Chunks<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.text.is_empty() {
            self.text = std::mem::take(&mut self.rest);
        }
        Ok(&self.text[..self.text.len().min(512)])
    }

    fn consume(&mut self, amount: usize) {
        self.text = &self.text[amount.min(self.text.len())..];
    }
}

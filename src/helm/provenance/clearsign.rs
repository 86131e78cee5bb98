//! The cleartext signature framework (RFC 4880 section 7), read as Helm's OpenPGP library reads it.

use super::MAX_SIZE;
use crate::types::ByteSize;

const BEGIN: &[u8] = b"-----BEGIN PGP SIGNED MESSAGE-----";
const SIGNATURE: &[u8] = b"-----BEGIN PGP SIGNATURE-----";
const END: &[u8] = b"-----END PGP SIGNATURE-----";

/// A clear-signed text: what was signed and the signature over it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClearSigned<'a> {
    text: Vec<u8>,
    signature: &'a [u8],
}

/// Why a file is not clear-signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotClearSigned {
    /// Nothing in it.
    #[error("it is empty")]
    Empty,
    /// Too long to be one.
    #[error("it is over {} long", ByteSize(MAX_SIZE))]
    TooLarge,
    /// A web page, as fallback and login pages are.
    #[error("it is an HTML page")]
    Html,
    /// Something else.
    #[error("it has no line `-----BEGIN PGP SIGNED MESSAGE-----`")]
    NoMessage,
    /// A header other than `Hash`, which Helm does not accept.
    #[error("its headers are not those of a signed message (only `Hash` may stand there)")]
    Header,
    /// Cut off.
    #[error("its signature is missing or cut off")]
    NoSignature,
}

impl<'a> ClearSigned<'a> {
    /// Finds the clear-signed text in a file.
    pub fn scan(file: &'a [u8]) -> Result<Self, NotClearSigned> {
        if file.len() as u64 > MAX_SIZE {
            return Err(NotClearSigned::TooLarge);
        }
        let mut rest = begin(file).ok_or_else(|| other(file))?;
        loop {
            match line(rest).ok_or(NotClearSigned::NoSignature)? {
                (b"", after) => {
                    rest = after;
                    break;
                }
                (header, after) if is_hash(header) => rest = after,
                _ => return Err(NotClearSigned::Header),
            }
        }
        let mut text = Vec::new();
        loop {
            let (line, after) = line(rest).ok_or(NotClearSigned::NoSignature)?;
            if line == SIGNATURE {
                break;
            }
            let line = line.strip_prefix(b"- ").unwrap_or(line);
            text.extend_from_slice(trim_end(line));
            text.push(b'\n');
            rest = after;
        }
        let end = find_line(rest, END).ok_or(NotClearSigned::NoSignature)?;
        Ok(Self {
            text,
            signature: &rest[..end + END.len()],
        })
    }

    /// Whether a file has the first line of a signed message, whatever comes after it.
    pub fn begins(file: &[u8]) -> bool {
        begin(file).is_some()
    }

    /// The text without dash escapes and trailing blanks, every line ended by a line feed.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// The bytes that the signature is over: lines ended by CR LF, except the last one.
    #[cfg_attr(not(feature = "verify"), allow(dead_code, reason = "only signatures need it"))]
    pub(super) fn signed_bytes(&self) -> Vec<u8> {
        let text = self.text.strip_suffix(b"\n").unwrap_or(&self.text);
        text.split(|byte| *byte == b'\n')
            .collect::<Vec<_>>()
            .join(&b"\r\n"[..])
    }

    /// The armored signature.
    #[cfg_attr(not(feature = "verify"), allow(dead_code, reason = "only signatures need it"))]
    pub(super) fn signature(&self) -> &'a [u8] {
        self.signature
    }
}

/// What comes after the first line of the message; text may stand before it.
fn begin(file: &[u8]) -> Option<&[u8]> {
    let start = find_line(file, BEGIN)?;
    match line(&file[start..])? {
        (found, rest) if found == BEGIN => Some(rest),
        _ => None,
    }
}

/// Where a line begins that begins with `wanted`.
fn find_line(text: &[u8], wanted: &[u8]) -> Option<usize> {
    let mut start = 0;
    loop {
        if text[start..].starts_with(wanted) {
            return Some(start);
        }
        start += text[start..].iter().position(|byte| *byte == b'\n')? + 1;
    }
}

/// The first line, its ending removed, and the rest; `None` at the end.
fn line(text: &[u8]) -> Option<(&[u8], &[u8])> {
    if text.is_empty() {
        return None;
    }
    let end = text.iter().position(|byte| *byte == b'\n').unwrap_or(text.len());
    let found = &text[..end];
    let rest = text.get(end + 1..).unwrap_or_default();
    Some((found.strip_suffix(b"\r").unwrap_or(found), rest))
}

fn is_hash(header: &[u8]) -> bool {
    header.iter().all(|byte| matches!(byte, 0x20..=0x7e))
        && header
            .split(|byte| *byte == b':')
            .next()
            .is_some_and(|key| key.len() < header.len() && key.trim_ascii() == b"Hash")
}

fn trim_end(line: &[u8]) -> &[u8] {
    let blanks = line
        .iter()
        .rev()
        .take_while(|byte| matches!(byte, b' ' | b'\t'))
        .count();
    &line[..line.len() - blanks]
}

fn other(file: &[u8]) -> NotClearSigned {
    let head = file.trim_ascii_start();
    let head = &head[..head.len().min(512)];
    if head.is_empty() {
        NotClearSigned::Empty
    } else if is_html(head) {
        NotClearSigned::Html
    } else {
        NotClearSigned::NoMessage
    }
}

/// Pages begin with a document type, a comment or a tag; nothing that is signed begins with `<`.
fn is_html(head: &[u8]) -> bool {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    head.first() == Some(&b'<')
}

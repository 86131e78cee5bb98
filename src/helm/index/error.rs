//! Why a whole index is refused (the `X` rows of reliability.md 6).

use std::io;

use crate::types::Class;

/// The index as a whole cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// There is nothing in it.
    #[error("empty index; a repository without charts still has `apiVersion` and `entries`")]
    Empty,
    /// A page, not an index: login pages and error pages of object stores come with status 200.
    #[error("looks like HTML or XML, not an index; check the URL and whether the source wants a login")]
    Html,
    /// Helm's JSON and YAML readers take UTF-8 here.
    #[error("the index is UTF-16; Helm repositories are UTF-8")]
    Utf16,
    /// Compressed bytes, which Helm would not decode either.
    #[error("the index is gzip data, not YAML or JSON")]
    Gzip,
    /// Larger than allowed.
    #[error("the index is larger than {limit} bytes; `max_index_size` raises the limit")]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// More entries than allowed.
    #[error("the index has more than {limit} charts and versions")]
    TooManyEntries {
        /// The limit.
        limit: usize,
    },
    /// Nested deeper than any index is.
    #[error("line {line}: nested deeper than {limit} levels")]
    TooDeep {
        /// The limit.
        limit: usize,
        /// Where.
        line: u32,
    },
    /// One text is longer than any index needs.
    #[error("line {line}: a text or comment longer than {limit} bytes")]
    TooLong {
        /// The limit in bytes.
        limit: usize,
        /// Where.
        line: u32,
    },
    /// Aliases let a few bytes stand for gigabytes.
    #[error("line {line}: YAML aliases are not allowed in an index")]
    Alias {
        /// Where.
        line: u32,
    },
    /// Helm would read the first document and never say that there are more.
    #[error("line {line}: a second YAML document begins; an index is one document")]
    Documents {
        /// Where.
        line: u32,
    },
    /// A top-level key is there twice (CVE-2020-15185).
    #[error("line {line}: the key `{}` is there twice", .key.escape_debug())]
    DuplicateKey {
        /// The key.
        key: Box<str>,
        /// Where it is the second time.
        line: u32,
    },
    /// Helm refuses such an index too (`ErrNoAPIVersion`).
    #[error("the index has no `apiVersion`; is this the index of a Helm repository?")]
    NoApiVersion,
    /// A value of the top level has the wrong type.
    #[error("line {line}: {what} is {found}, not {expected}")]
    WrongType {
        /// What has the wrong type.
        what: &'static str,
        /// What it should be.
        expected: &'static str,
        /// What it is.
        found: &'static str,
        /// Where.
        line: u32,
    },
    /// Neither valid YAML nor valid JSON.
    #[error("line {line}: not valid YAML: {}", .problem.escape_debug())]
    Syntax {
        /// What the scanner says.
        problem: Box<str>,
        /// Where.
        line: u32,
    },
    /// The bytes could not be read.
    #[error("cannot read the index")]
    Io(#[source] io::Error),
}

impl IndexError {
    /// What kind of failure it is.
    pub fn class(&self) -> Class {
        match self {
            Self::TooLarge { .. }
            | Self::TooManyEntries { .. }
            | Self::TooDeep { .. }
            | Self::TooLong { .. }
            | Self::Alias { .. } => Class::Refused,
            Self::Io(_) => Class::Permanent,
            _ => Class::Integrity,
        }
    }

    /// A syntax error is worth a second opinion; everything else would come out the same.
    pub(super) fn is_syntax(&self) -> bool {
        matches!(self, Self::Syntax { .. })
    }
}

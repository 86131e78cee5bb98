//! `index.yaml`: from bytes to the few fields that a mirror needs (helm-oci-format 6.1, reliability.md 6).
//!
//! The text is streamed, whatever its size: a scanner gives events, one visitor builds entries out of them. Helm refuses
//! a whole index for many small reasons; here one bad entry costs that entry ([`Entry::problem`]), and only what makes
//! the rest doubtful refuses the index ([`IndexError`]). Names, versions and URLs are kept as written and judged by
//! [`crate::plan`].

mod entry;
mod error;
mod event;
mod input;
mod json;
mod text;
mod visitor;
mod yaml;

#[cfg(test)]
mod tests;

use std::io::{self, Read};
use std::sync::Arc;

pub use entry::{Entry, IndexDigest};
pub use error::IndexError;

use crate::types::Reason;
use input::{Kind, Limited, io_error, sniff};

/// What an index may be at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexLimits {
    /// Bytes of the whole text.
    pub bytes: u64,
    /// Charts and versions together.
    pub entries: usize,
    /// Levels of nesting.
    pub depth: usize,
    /// Bytes of one text.
    pub scalar: usize,
}

impl Default for IndexLimits {
    /// Far above every real index (the largest known have 50 MB and 50,000 versions), far below what hurts.
    fn default() -> Self {
        Self {
            bytes: 256 << 20,
            entries: 2_000_000,
            depth: 64,
            scalar: 1 << 20,
        }
    }
}

/// What a repository offers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Index {
    /// The charts, in the index's order.
    pub charts: Vec<IndexChart>,
    /// What is odd about the index as a whole.
    pub warnings: Vec<Reason>,
}

impl Index {
    /// Number of versions, the unusable ones included.
    pub fn versions(&self) -> usize {
        self.charts.iter().map(|chart| chart.entries.len()).sum()
    }
}

/// The versions under one key of `entries`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexChart {
    /// The key.
    pub key: Arc<str>,
    /// The versions, in the index's order.
    pub entries: Vec<Entry>,
}

/// Reads an index. `open` gives the text from its start each time: a text that begins like JSON and is none is read
/// again as YAML, and YAML that the quick scanner refuses is read again with one of the family of Helm's own.
pub fn read(
    open: &dyn Fn() -> io::Result<Box<dyn Read + Send>>,
    limits: &IndexLimits,
) -> Result<Index, IndexError> {
    let text = || {
        let reader = open().map_err(IndexError::Io)?;
        sniff(Limited::new(reader, limits)).map_err(|error| io_error(error, limits))?
    };
    let (kind, reader) = text()?;
    let first = if kind == Kind::Json {
        match json::read(reader, limits) {
            Ok(index) => return Ok(index),
            Err(json::Failure::Index(error)) => return Err(error),
            Err(json::Failure::NotJson) => yaml::read(text()?.1, limits),
        }
    } else {
        yaml::read(reader, limits)
    };
    match first {
        Err(error) if error.is_syntax() => yaml::read_as_helm(text()?.1, limits),
        result => result,
    }
}

//! The bytes of a blob on their way through the program: received once, hashed while they stream, held in
//! memory as long as the budget allows and in a temporary file otherwise, and sent any number of times.

mod budget;
mod spool;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use tempfile::TempPath;

pub use budget::{Budget, Lease};
pub use spool::{Spool, SpoolError, Spooled};

/// Bytes that can be read again from the start, so that a retry replays them. Cloning is cheap.
#[derive(Debug, Clone)]
pub enum Payload {
    /// In memory, counted against the budget until the last clone is dropped.
    Memory {
        /// The bytes.
        bytes: Bytes,
        /// What they take of the budget; `None` for small things of our own making.
        lease: Option<Arc<Lease>>,
    },
    /// In a temporary file that goes away with the last clone.
    File {
        /// Where the bytes are.
        path: Arc<TempPath>,
        /// How many there are.
        size: u64,
    },
}

impl Payload {
    /// The number of bytes.
    pub fn size(&self) -> u64 {
        match self {
            Self::Memory { bytes, .. } => bytes.len() as u64,
            Self::File { size, .. } => *size,
        }
    }

    /// A reader from the start. For files it blocks: call it where blocking is allowed.
    pub fn reader(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(match self {
            Self::Memory { bytes, .. } => Box::new(io::Cursor::new(bytes.clone())),
            Self::File { path, .. } => Box::new(File::open::<&Path>(path)?),
        })
    }
}

impl From<Bytes> for Payload {
    fn from(bytes: Bytes) -> Self {
        Self::Memory { bytes, lease: None }
    }
}

impl From<Vec<u8>> for Payload {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

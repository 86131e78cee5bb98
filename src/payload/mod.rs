//! The bytes of a blob on their way through the program: received once, hashed while they stream, held in
//! memory as long as the budget allows and in a temporary file otherwise, and sent any number of times.

mod budget;
mod spool;

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use bytes::Bytes;

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
    /// In a temporary file without a name: it goes away with the last clone, and also where the process is killed.
    File {
        /// Read by position only, since all clones share it.
        file: Arc<File>,
        /// How many bytes there are.
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
            Self::File { file, .. } => Box::new(Positioned {
                file: Arc::clone(file),
                at: 0,
            }),
        })
    }
}

/// Reads a file from a position of its own.
struct Positioned {
    file: Arc<File>,
    at: u64,
}

impl Read for Positioned {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.at)?;
        self.at += read as u64;
        Ok(read)
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

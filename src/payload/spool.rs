//! Takes bytes as they arrive, hashes them, and decides where they stay.

use std::io;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tokio::io::AsyncWriteExt as _;

use super::{Budget, Lease, Payload};
use crate::types::{ByteSize, Digest, Sha256Stream};

/// The budget is asked for memory in steps of this size: few atomic operations, little waste.
const STEP: u64 = 64 << 10;

/// Receives one blob. Every byte is hashed once, on arrival.
pub struct Spool {
    hash: Sha256Stream,
    size: u64,
    limit: u64,
    /// More than this goes to disk even if the budget would hold it.
    in_memory: u64,
    place: Place,
}

enum Place {
    Memory {
        buffer: BytesMut,
        lease: Lease,
        leased: u64,
    },
    File(tokio::fs::File),
}

/// What arrived.
#[derive(Debug, Clone)]
pub struct Spooled {
    /// The bytes.
    pub payload: Payload,
    /// Their sha256.
    pub digest: Digest,
    /// Their number.
    pub size: u64,
}

/// Why bytes could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// More bytes than allowed.
    #[error("more than {} arrived, which is the limit", ByteSize(*.limit))]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// The temporary file could not be written.
    #[error("cannot write a temporary file in `{dir}`: {source}")]
    Disk {
        /// Where temporary files go.
        dir: String,
        /// What the system said.
        source: io::Error,
    },
}

fn disk(source: io::Error) -> SpoolError {
    SpoolError::Disk {
        dir: std::env::temp_dir().display().to_string(),
        source,
    }
}

impl Spool {
    /// A spool for at most `limit` bytes.
    pub fn new(budget: &Budget, limit: u64) -> Self {
        let place = Place::Memory {
            buffer: BytesMut::new(),
            lease: budget.lease(),
            leased: 0,
        };
        Self {
            hash: Sha256Stream::default(),
            size: 0,
            limit,
            in_memory: u64::MAX,
            place,
        }
    }

    /// Keeps at most `bytes` in memory: for what is read once and slowly, and would hold the budget all that time.
    #[must_use]
    pub fn in_memory(mut self, bytes: u64) -> Self {
        self.in_memory = bytes;
        self
    }

    /// How many bytes it takes.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// Takes the next bytes.
    pub async fn write(&mut self, chunk: &[u8]) -> Result<(), SpoolError> {
        self.size += chunk.len() as u64;
        if self.size > self.limit {
            return Err(SpoolError::TooLarge { limit: self.limit });
        }
        self.hash.update(chunk);
        if let Place::Memory {
            buffer,
            lease,
            leased,
        } = &mut self.place
        {
            let stays = self.size <= self.in_memory;
            while stays && *leased < self.size && lease.grow(STEP) {
                *leased += STEP;
            }
            if stays && *leased >= self.size {
                buffer.extend_from_slice(chunk);
                return Ok(());
            }
            let full = std::mem::take(buffer);
            self.place = spill(full).await.map_err(disk)?;
        }
        match &mut self.place {
            Place::File(file) => file.write_all(chunk).await.map_err(disk),
            Place::Memory { .. } => Ok(()),
        }
    }

    /// All bytes are there.
    pub async fn finish(self) -> Result<Spooled, SpoolError> {
        let (digest, size) = self.hash.finish();
        let payload = match self.place {
            Place::Memory { buffer, lease, .. } => Payload::Memory {
                bytes: Bytes::from(buffer),
                lease: Some(Arc::new(lease)),
            },
            Place::File(mut file) => {
                file.flush().await.map_err(disk)?;
                let file = Arc::new(file.into_std().await);
                Payload::File { file, size }
            }
        };
        Ok(Spooled {
            payload,
            digest,
            size,
        })
    }
}

async fn spill(buffer: BytesMut) -> io::Result<Place> {
    // Only this user can open it, and it has no name that a killed process could leave behind.
    let mut file = tokio::fs::File::from_std(tempfile::tempfile()?);
    file.write_all(&buffer).await?;
    Ok(Place::File(file))
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    async fn spool(budget: &Budget, chunks: &[&[u8]]) -> Spooled {
        let mut spool = Spool::new(budget, 1 << 20);
        for chunk in chunks {
            spool.write(chunk).await.unwrap();
        }
        spool.finish().await.unwrap()
    }

    #[tokio::test]
    async fn spills_what_the_budget_does_not_hold() {
        let budget = Budget::new(STEP);
        let big = vec![7; 100_000];
        let first = spool(&budget, &[b"abc", b"def"]).await;
        assert!(matches!(first.payload, Payload::Memory { .. }));
        let second = spool(&budget, &[b"abc", &big]).await;
        assert!(matches!(second.payload, Payload::File { .. }));
        let mut bytes = Vec::new();
        second.payload.reader().unwrap().read_to_end(&mut bytes).unwrap();
        assert_eq!((bytes.len(), Digest::of(&bytes)), (100_003, second.digest));
        let (mut one, mut other) = (second.payload.reader().unwrap(), second.payload.reader().unwrap());
        let mut start = [[0; 3]; 2];
        one.read_exact(&mut start[0]).unwrap();
        other.read_exact(&mut start[1]).unwrap();
        assert_eq!(start, [*b"abc"; 2], "readers do not share a position");
        drop(first);
        assert!(matches!(
            spool(&budget, &[b"x"]).await.payload,
            Payload::Memory { .. }
        ));
    }

    #[tokio::test]
    async fn spills_what_is_not_to_stay_in_memory() {
        let budget = Budget::new(1 << 20);
        let mut spool = Spool::new(&budget, 1 << 20).in_memory(STEP);
        spool.write(&vec![1; 60_000]).await.unwrap();
        assert!(matches!(spool.place, Place::Memory { .. }));
        spool.write(&[2; 10_000]).await.unwrap();
        let spooled = spool.finish().await.unwrap();
        assert!(matches!(spooled.payload, Payload::File { size: 70_000, .. }));
        assert!(budget.lease().grow(1 << 20), "what was spilled is given back");
    }

    #[tokio::test]
    async fn stops_at_the_limit() {
        let mut spool = Spool::new(&Budget::new(1 << 20), 4);
        spool.write(b"abcd").await.unwrap();
        assert!(matches!(
            spool.write(b"e").await,
            Err(SpoolError::TooLarge { limit: 4 })
        ));
    }
}

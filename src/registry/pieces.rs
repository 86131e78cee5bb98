//! Cuts a payload into pieces for registries that refuse it as a whole.

use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use crate::payload::Payload;

/// GHCR refuses pieces above 4 MiB (registries rule 7).
pub(super) const USUAL: u64 = 4 << 20;

/// Pieces are held in memory, so a registry cannot ask for any size.
const LARGEST: u64 = 64 << 20;

/// The length of pieces that are to be `usual` bytes long, where the registry wants at least `least`.
pub(super) fn length(least: u64, usual: u64) -> u64 {
    least.max(usual).clamp(1, LARGEST)
}

/// The bytes from `offset`, `size` of them.
pub(super) async fn read(payload: &Payload, offset: u64, size: u64) -> io::Result<Payload> {
    let size = usize::try_from(size).map_err(io::Error::other)?;
    match payload {
        Payload::Memory { bytes, lease } => {
            let from = usize::try_from(offset).map_err(io::Error::other)?;
            let end = from.checked_add(size).filter(|end| *end <= bytes.len());
            let end = end.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
            Ok(Payload::Memory {
                bytes: bytes.slice(from..end),
                lease: lease.clone(),
            })
        }
        Payload::File { file, .. } => {
            let file = Arc::clone(file);
            let read = move || {
                let mut piece = vec![0; size];
                file.read_exact_at(&mut piece, offset)?;
                Ok(Payload::from(piece))
            };
            tokio::task::spawn_blocking(read)
                .await
                .map_err(io::Error::other)?
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;
    use crate::payload::{Budget, Spool};

    #[tokio::test]
    async fn pieces_make_the_whole() {
        let whole: Vec<u8> = (0..200_000).map(|n| u8::try_from(n % 251).unwrap()).collect();
        for budget in [1 << 20, 0] {
            let mut spool = Spool::new(&Budget::new(budget), 1 << 20);
            spool.write(&whole).await.unwrap();
            let payload = spool.finish().await.unwrap().payload;
            let mut joined = Vec::new();
            for (offset, size) in [(0, 70_000), (70_000, 70_000), (140_000, 60_000)] {
                read(&payload, offset, size)
                    .await
                    .unwrap()
                    .reader()
                    .unwrap()
                    .read_to_end(&mut joined)
                    .unwrap();
            }
            assert!(joined == whole);
            assert!(read(&payload, 199_999, 2).await.is_err());
        }
        assert_eq!(
            [(0, USUAL), (5 << 20, USUAL), (u64::MAX, USUAL), (0, 7), (0, 0)]
                .map(|(least, usual)| length(least, usual)),
            [USUAL, 5 << 20, LARGEST, 7, 1]
        );
    }
}

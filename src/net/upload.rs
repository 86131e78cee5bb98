//! Bodies that are sent: streamed from memory or file, never buffered twice, always with their exact length.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use reqwest::Body;

use super::traffic::Counters;
use crate::payload::Payload;

/// Pieces of this size are handed to the socket, so that progress can be seen.
const PIECE: usize = 64 << 10;

/// Bodies up to this size go out in one piece together with the headers.
const SMALL: usize = 256 << 10;

/// How far an upload is.
#[derive(Clone, Default)]
pub(super) struct Progress(Arc<AtomicU64>);

impl Progress {
    pub(super) fn sent(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// The payload could not be read. It travels through the client's error chain.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the body: {0}")]
pub(super) struct PayloadError(io::Error);

impl PayloadError {
    pub(super) fn to_io(&self) -> io::Error {
        io::Error::new(self.0.kind(), self.0.to_string())
    }
}

/// A fresh body over `payload`. The caller sets `Content-Length`, which keeps the client from chunking it.
pub(super) fn body(payload: &Payload, progress: &Progress, counters: &Arc<Counters>) -> Body {
    let count = {
        let (progress, counters) = (progress.clone(), Arc::clone(counters));
        move |piece: &Bytes| {
            progress.0.fetch_add(piece.len() as u64, Relaxed);
            counters.sent(piece.len());
        }
    };
    match payload {
        Payload::Memory { bytes, .. } if bytes.len() <= SMALL => {
            count(bytes);
            bytes.clone().into()
        }
        Payload::Memory { bytes, lease } => {
            // The stream keeps the lease: the bytes live as long as the request does.
            let pieces = stream::unfold((bytes.clone(), lease.clone()), |(mut rest, lease)| async move {
                let piece = rest.split_to(PIECE.min(rest.len()));
                (!piece.is_empty()).then_some((piece, (rest, lease)))
            });
            Body::wrap_stream(pieces.inspect(count).map(Ok::<_, PayloadError>))
        }
        Payload::File { file, size } => {
            let start = (Arc::clone(file), 0, *size);
            let pieces = stream::try_unfold(start, |(file, at, size)| async move {
                let piece = piece(&file, at, size).await?;
                let next = at + piece.len() as u64;
                Ok::<_, PayloadError>((!piece.is_empty()).then_some((piece, (file, next, size))))
            });
            Body::wrap_stream(pieces.inspect_ok(count))
        }
    }
}

/// The bytes of a file from `at`; none at its end.
async fn piece(file: &Arc<File>, at: u64, size: u64) -> Result<Bytes, PayloadError> {
    let length = usize::try_from(size - at).map_or(PIECE, |left| left.min(PIECE));
    if length == 0 {
        return Ok(Bytes::new());
    }
    let file = Arc::clone(file);
    let read = tokio::task::spawn_blocking(move || {
        let mut piece = vec![0; length];
        file.read_exact_at(&mut piece, at).map(|()| Bytes::from(piece))
    });
    read.await
        .map_err(io::Error::other)
        .and_then(|piece| piece)
        .map_err(PayloadError)
}

//! Bodies that are sent: streamed from memory or file, never buffered twice, always with their exact length.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use reqwest::Body;
use tokio_util::io::ReaderStream;

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
pub(super) async fn body(
    payload: &Payload,
    progress: &Progress,
    counters: &Arc<Counters>,
) -> io::Result<Body> {
    let count = {
        let (progress, counters) = (progress.clone(), Arc::clone(counters));
        move |piece: &Bytes| {
            progress.0.fetch_add(piece.len() as u64, Relaxed);
            counters.sent.fetch_add(piece.len() as u64, Relaxed);
        }
    };
    match payload {
        Payload::Memory { bytes, .. } if bytes.len() <= SMALL => {
            count(bytes);
            Ok(bytes.clone().into())
        }
        Payload::Memory { bytes, lease } => {
            // The stream keeps the lease: the bytes live as long as the request does.
            let pieces = stream::unfold((bytes.clone(), lease.clone()), |(mut rest, lease)| async move {
                let piece = rest.split_to(PIECE.min(rest.len()));
                (!piece.is_empty()).then_some((piece, (rest, lease)))
            });
            Ok(Body::wrap_stream(
                pieces.inspect(count).map(Ok::<_, PayloadError>),
            ))
        }
        Payload::File { path, .. } => {
            let keep = Arc::clone(path);
            let file = tokio::fs::File::open(&**path).await?;
            let pieces = ReaderStream::with_capacity(file, PIECE).inspect_ok(count);
            let pieces = pieces.map_err(move |error| {
                let _keep = &keep;
                PayloadError(error)
            });
            Ok(Body::wrap_stream(pieces))
        }
    }
}

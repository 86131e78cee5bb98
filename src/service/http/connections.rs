//! Connections: how many, how long, and how they end.
//!
//! `axum::serve` has none of these limits, so the loop is ours and hyper does the protocol.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::Limits;

/// Bytes of a request's head. Browsers bring along the cookies of everything else on `localhost`.
const HEAD: usize = 16 << 10;
/// Lines of it.
const HEADERS: usize = 100;
/// After an error that another try would meet at once, such as no free descriptor.
const BREATH: Duration = Duration::from_millis(200);

/// Accepts connections until `shutdown` is done, then lets what is being answered end.
pub(super) async fn carry(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) {
    let stop = CancellationToken::new();
    let mut open = Open::default();
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let connection = connection(stream, router.clone(), limits, stop.clone());
                open.add(connection, limits.connections);
            }
            Err(error) if of_one_client(error.kind()) => {}
            Err(error) => {
                tracing::warn!(%error, "a connection to the status page cannot be accepted");
                sleep(BREATH).await;
            }
        }
    }
    drop(listener);
    stop.cancel();
    // What is left after that time ends with the set
    _ = timeout(limits.drain, async {
        while open.tasks.join_next().await.is_some() {}
    })
    .await;
}

/// The client went away before it was accepted.
fn of_one_client(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::ConnectionRefused | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset
    )
}

/// The connections that are open.
#[derive(Default)]
struct Open {
    tasks: JoinSet<()>,
    /// Oldest first.
    handles: VecDeque<AbortHandle>,
}

impl Open {
    /// Takes one more; at `most` the oldest gives way. An answer takes milliseconds, so the oldest of many is one that idles
    /// or is slow on purpose.
    fn add(&mut self, connection: impl Future<Output = ()> + Send + 'static, most: usize) {
        while let Some(ended) = self.tasks.try_join_next() {
            if let Err(error) = ended
                && error.is_panic()
            {
                tracing::error!(%error, "a request ended in a defect of chartferry; please report it");
            }
        }
        self.handles.retain(|handle| !handle.is_finished());
        while self.handles.len() >= most.max(1) {
            if let Some(oldest) = self.handles.pop_front() {
                oldest.abort();
            }
        }
        self.handles.push_back(self.tasks.spawn(connection));
    }
}

async fn connection(stream: TcpStream, router: Router, limits: Limits, stop: CancellationToken) {
    // Answers are written whole; there is nothing to wait for
    _ = stream.set_nodelay(true);
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_time)
        .max_buf_size(HEAD)
        .max_headers(HEADERS)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut serving = pin!(serving);
    let ended = tokio::select! {
        ended = serving.as_mut() => Some(ended),
        () = stop.cancelled() => None,
        () = sleep(limits.lifetime) => None,
    };
    let ended = if ended.is_some() {
        ended
    } else {
        serving.as_mut().graceful_shutdown();
        timeout(limits.drain, serving).await.ok()
    };
    if let Some(Err(error)) = ended {
        tracing::debug!(%error, "a client of the status page broke off");
    }
}

//! The answering side of the service: health, metrics, status page, API and trigger over HTTP/1.1.
//!
//! | path | answers |
//! |---|---|
//! | `/` | the status page |
//! | `/mirrors/NAME`, `/mirrors/NAME/versions` | one mirror, and all versions of it |
//! | `/api/v1/mirrors`, `…/NAME`, `…/NAME/versions` | the same as JSON |
//! | `POST /api/v1/mirrors/NAME/run` | starts a run, for whoever has the token |
//! | `/healthz`, `/readyz` | for probes |
//! | `/metrics` | for Prometheus, in the OpenMetrics format |
//!
//! # What it defends against
//!
//! The page shows what indexes and servers wrote, and it is reached by browsers that are in other pages as well.
//!
//! - Everything is escaped by construction, and the policy of the page allows no script at all, so that a mistake would
//!   still run nothing.
//! - **DNS rebinding**: a page in the user's browser may point a name of its own at 127.0.0.1 and read along. A listener on a
//!   loopback address therefore answers only to addresses, to `localhost` and to names that were configured; such an attack
//!   needs a name in `Host`. A listener on another address is meant to be reached from elsewhere under names that nobody
//!   here knows, so there is no such rule for it: whoever can reach it can ask it without tricks too.
//! - A run is started only by POST with a bearer token, which a foreign page has not got. No cookies, no CORS.
//! - Heads, bodies, connections and all waiting have limits (`Limits`). At the limit of connections the oldest one gives way,
//!   so that slow clients never keep a probe out.
//!
//! There is no TLS and no login: that is for what stands in front of it (product 9, reliability 4.4).

mod connections;
mod guard;
mod headers;
mod health;
mod json;
mod name;
mod pages;
mod params;
mod routes;
mod token;
mod trigger;

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::desk::Desk;
pub use token::Token;

/// Readers of a state at a time. Each may hold some 20 MB while it reads, and the disk is one.
const READERS: usize = 2;

/// How the service is served.
#[derive(Debug, Clone, Default)]
pub struct HttpOptions {
    /// Who has it may start runs; without one nobody may.
    pub token: Token,
    /// Names by which a reverse proxy on this machine asks a listener on a loopback address.
    pub hosts: Vec<Box<str>>,
    /// How much and how long.
    pub limits: Limits,
}

/// What clients may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at a time; one more ends the oldest.
    pub connections: usize,
    /// For the head of a request, and for the silence before it.
    pub head_time: Duration,
    /// For the body of a request.
    pub body_time: Duration,
    /// A connection ends after this long, when its request is answered.
    pub lifetime: Duration,
    /// For what is being answered when a connection or the service ends.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 256,
            head_time: Duration::from_secs(10),
            body_time: Duration::from_secs(10),
            lifetime: Duration::from_secs(120),
            drain: Duration::from_secs(5),
        }
    }
}

/// What every handler works with.
#[derive(Clone)]
struct Context {
    desk: Arc<dyn Desk>,
    options: Arc<HttpOptions>,
    /// The listener is on a loopback address.
    loopback: bool,
    readers: Arc<Semaphore>,
}

/// Answers until `shutdown` is done; what is being answered then may still end, within [`Limits::drain`].
pub async fn serve(
    listener: TcpListener,
    desk: Arc<dyn Desk>,
    options: HttpOptions,
    shutdown: impl Future<Output = ()>,
) {
    let limits = options.limits;
    let context = Context {
        desk,
        options: Arc::new(options),
        loopback: listener
            .local_addr()
            .is_ok_and(|address| address.ip().is_loopback()),
        readers: Arc::new(Semaphore::new(READERS)),
    };
    connections::carry(listener, routes::router(context), limits, shutdown).await;
}

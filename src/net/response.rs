//! An answer whose body is read as a stream, within limits of time and size.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, HeaderName};
use http::{HeaderMap, StatusCode};
use tokio::time::Instant;
use url::Url;

use super::cause::Way;
use super::client::CONNECT;
use super::pace::{Permit, Signal};
use super::traffic::Counters;
use super::{NetError, redact};

/// The longest silence within a body.
const IDLE: Duration = Duration::from_secs(30);

/// A body that brings less than this in a second, over [`RATE_WINDOW`] of waiting, is given up (reliability F13).
const LEAST_RATE: u64 = 1 << 10;
const RATE_WINDOW: Duration = Duration::from_secs(60);

/// What is thrown away of an unwanted body to keep the connection.
const DISCARD: u64 = 64 << 10;

/// An answer. As long as its body is neither read to the end nor dropped, it takes one of the host's places.
pub struct Response {
    status: StatusCode,
    headers: HeaderMap,
    url: Url,
    inner: reqwest::Response,
    permit: Option<Permit>,
    counters: Arc<Counters>,
    /// The longest silence, and the time over which the rate is measured.
    patience: (Duration, Duration),
    waited: Duration,
    brought: u64,
}

impl std::fmt::Debug for Response {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Response({} from `{}`)", self.status, redact(&self.url))
    }
}

impl Response {
    pub(super) fn new(
        mut inner: reqwest::Response,
        url: Url,
        permit: Permit,
        counters: Arc<Counters>,
    ) -> Self {
        Self {
            status: inner.status(),
            headers: std::mem::take(inner.headers_mut()),
            url,
            inner,
            permit: Some(permit),
            counters,
            patience: (IDLE, RATE_WINDOW),
            waited: Duration::ZERO,
            brought: 0,
        }
    }

    /// Shortens both times to the host's `timeout`, where that is less.
    pub(super) fn within(mut self, timeout: Option<Duration>) -> Self {
        if let Some(timeout) = timeout {
            self.patience = (IDLE.min(timeout), RATE_WINDOW.min(timeout));
        }
        self
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// A header as text; `None` where it is absent or not ASCII.
    pub fn header(&self, name: HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The URL that answered, after redirects.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The certificate that the server showed, as DER; only with [`super::NetOptions::certificates`] and over TLS.
    pub fn certificate(&self) -> Option<&[u8]> {
        let shown = self.inner.extensions().get::<reqwest::tls::TlsInfo>()?;
        shown.peer_certificate()
    }

    /// What the server says the body's length is. Never allocate by it (reliability A32).
    pub fn content_length(&self) -> Option<u64> {
        self.header(CONTENT_LENGTH)?.parse().ok()
    }

    /// The next piece of the body, `None` at its end. A body that ends early is an error.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, NetError> {
        let began = Instant::now();
        let (idle, window) = self.patience;
        let chunk = match tokio::time::timeout(idle, self.inner.chunk()).await {
            Ok(Ok(chunk)) => chunk,
            Ok(Err(error)) => {
                let way = Way {
                    url: &self.url,
                    proxy: None,
                    connect: CONNECT,
                };
                let error = way.error(&error);
                return Err(self.broken(error));
            }
            Err(_) => {
                let url = redact(&self.url);
                return Err(self.broken(NetError::Timeout {
                    url,
                    phase: "send more",
                    after: idle,
                }));
            }
        };
        let Some(chunk) = chunk else {
            self.permit = None;
            return Ok(None);
        };
        self.counters.received(chunk.len());
        self.waited += began.elapsed();
        self.brought += chunk.len() as u64;
        if self.waited >= window {
            if u128::from(self.brought) * 1000 < u128::from(LEAST_RATE) * self.waited.as_millis() {
                return Err(self.broken(NetError::Slow {
                    url: redact(&self.url),
                    rate: LEAST_RATE,
                }));
            }
            (self.waited, self.brought) = (Duration::ZERO, 0);
        }
        Ok(Some(chunk))
    }

    fn broken(&mut self, error: NetError) -> NetError {
        if let Some(permit) = self.permit.take()
            && error.is_reset()
        {
            permit.learn(Signal::Overload, None);
        }
        error
    }

    /// The whole body, at most `limit` bytes of it.
    pub async fn bytes(mut self, limit: u64) -> Result<Bytes, NetError> {
        let mut all = BytesMut::new();
        while let Some(chunk) = self.chunk().await? {
            if (all.len() + chunk.len()) as u64 > limit {
                return Err(NetError::TooLarge {
                    url: redact(&self.url),
                    limit,
                });
            }
            if all.is_empty() && self.content_length() == Some(chunk.len() as u64) {
                // All in one piece, as most answers are: no copy.
                self.chunk().await?;
                return Ok(chunk);
            }
            all.extend_from_slice(&chunk);
        }
        Ok(all.freeze())
    }

    /// The body as text for an error message: cut at `limit`, empty if it cannot be read.
    pub async fn text_lossy(mut self, limit: usize) -> String {
        let mut all = Vec::new();
        while all.len() < limit
            && let Ok(Some(chunk)) = self.chunk().await
        {
            all.extend_from_slice(&chunk);
        }
        all.truncate(limit);
        String::from_utf8_lossy(&all).into_owned()
    }

    /// Reads a short body away, so that the connection can be used again.
    pub async fn discard(mut self) {
        if self.content_length().is_some_and(|length| length > DISCARD) {
            return;
        }
        let mut left = DISCARD;
        while let Ok(Some(chunk)) = self.chunk().await {
            left = left.saturating_sub(chunk.len() as u64);
            if left == 0 {
                return;
            }
        }
    }
}

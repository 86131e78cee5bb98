//! Brings one blob into a repository (registries rules 6 to 10).
//!
//! Ordinary: POST opens a session, one PUT with everything closes it. One POST with everything where the registry takes
//! that, which is found out with the first small blob of a run. Pieces by PATCH only after a 413. Whatever breaks starts
//! again at POST, never at an old `Location`: sessions do not survive restarts and other replicas.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::header::{CONTENT_RANGE, CONTENT_TYPE, HeaderName, LOCATION};
use http::{HeaderValue, Method, StatusCode};
use url::Url;

use super::RegistryError;
use super::location;
use super::pieces;
use super::scope::Right;
use super::session::Session;
use super::transport::{Call, Transport};
use crate::net::{Response, redact};
use crate::payload::Payload;
use crate::types::{Class, Digest, Repository};

/// Blobs up to this size may try the single POST: its body is wasted where the registry ignores it.
const TRIAL: u64 = 256 << 10;

/// Trials that may end without an answer.
const TRIALS: u8 = 2;

/// How often a lost session is opened again (reliability F23).
const SESSIONS: u8 = 3;

const UNKNOWN: u8 = 0;
const TAKEN: u8 = 1;
const REFUSED: u8 = 2;

const MIN_PIECE: HeaderName = HeaderName::from_static("oci-chunk-min-length");
const OCTETS: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// What uploads have learned about a registry.
pub(super) struct Uploads {
    single: AtomicU8,
    failed_trials: AtomicU8,
    trial: tokio::sync::Mutex<()>,
    /// The smallest body that was too large.
    too_large: AtomicU64,
    /// Sessions that were opened to see whether a repository takes uploads, for the next blob of each.
    opened: Mutex<HashMap<Repository, Session>>,
}

impl Uploads {
    pub(super) fn new(single_post: bool) -> Self {
        Self {
            single: AtomicU8::new(if single_post { UNKNOWN } else { REFUSED }),
            failed_trials: AtomicU8::new(0),
            trial: tokio::sync::Mutex::new(()),
            too_large: AtomicU64::new(u64::MAX),
            opened: Mutex::default(),
        }
    }

    fn opened(&self) -> MutexGuard<'_, HashMap<Repository, Session>> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a session waits for the next blob of a repository.
    pub(super) fn is_open(&self, repository: &Repository) -> bool {
        self.opened().contains_key(repository)
    }

    /// Keeps a session for the next blob of its repository.
    pub(super) fn keep(&self, repository: &Repository, session: Session) {
        self.opened().insert(repository.clone(), session);
    }

    /// The session that was kept for a repository.
    pub(super) fn take(&self, repository: &Repository) -> Option<Session> {
        self.opened().remove(repository)
    }

    /// Whether the registry takes a blob in one POST, once that is known.
    pub(super) fn single_post(&self) -> Option<bool> {
        match self.single.load(Relaxed) {
            UNKNOWN => None,
            state => Some(state == TAKEN),
        }
    }
}

/// One blob on its way.
pub(super) struct Upload<'a> {
    pub(super) transport: &'a Arc<Transport>,
    pub(super) learned: &'a Uploads,
    pub(super) repository: &'a Repository,
    pub(super) digest: &'a Digest,
    pub(super) payload: &'a Payload,
    /// It is not the first try.
    pub(super) repeated: bool,
}

/// How a try failed.
struct Failure {
    error: RegistryError,
    /// The body was on its way: the blob may be there although no answer says so.
    sent: bool,
}

impl From<RegistryError> for Failure {
    fn from(error: RegistryError) -> Self {
        Self { error, sent: false }
    }
}

fn sent(error: RegistryError) -> Failure {
    Failure { error, sent: true }
}

/// What a POST was answered.
enum Posted {
    /// A session, and the least size of pieces in it.
    Open(Session, u64),
    /// No session, and why that is odd where it is.
    Other(StatusCode, RegistryError),
}

/// What became of a body sent with the POST.
enum Whole {
    Done,
    Goes(Session),
    Unsupported,
}

impl Upload<'_> {
    /// Uploads with retries.
    pub(super) async fn run(mut self) -> Result<(), RegistryError> {
        let mut tries = self.transport.net.tries();
        let mut lost_sessions = 0;
        let mut whole_refused = None;
        loop {
            let in_pieces = self.payload.size() >= self.learned.too_large.load(Relaxed);
            let outcome = if in_pieces {
                self.in_pieces(pieces::USUAL).await
            } else {
                self.whole().await
            };
            let Err(Failure { error, sent }) = outcome else {
                return Ok(());
            };
            self.repeated = true;
            let status = error.status().map(|status| status.as_u16());
            if status == Some(413) && !error.is_full() && !in_pieces && self.payload.size() > 0 {
                self.learned.too_large.fetch_min(self.payload.size(), Relaxed);
                whole_refused = Some(error);
                continue;
            }
            // A session that another replica or a restart does not know, and a login that ran out under way.
            let gone = matches!(status, Some(401 | 404 | 416)) || error.is_expired();
            let lost = sent && gone && lost_sessions < SESSIONS;
            lost_sessions += u8::from(lost);
            if !(lost || error.class() == Class::Retry) || !tries.again().await {
                // Where pieces are refused too, that the whole is too large is the matter.
                return Err(whole_refused
                    .filter(|_| error.class() == Class::Permanent)
                    .unwrap_or(error));
            }
            let unanswered = sent && !matches!(status, Some(401 | 404 | 416 | 429));
            if unanswered && self.is_there().await.unwrap_or(false) {
                return Ok(());
            }
        }
    }

    /// HEAD of the blob. A redirect to a store is as good as a yes.
    pub(super) async fn is_there(&self) -> Result<bool, RegistryError> {
        super::blob::is_there(
            self.transport,
            self.repository,
            self.digest,
            Some(self.payload.size()),
            Right::Push,
        )
        .await
    }

    async fn whole(&self) -> Result<(), Failure> {
        // Whether the registry takes a single POST is for the next blob to find out.
        if let Some(session) = self.learned.take(self.repository) {
            return self.put(session).await;
        }
        let size = self.payload.size();
        match self.learned.single.load(Relaxed) {
            TAKEN => self.single().await,
            UNKNOWN if size <= TRIAL => {
                let turn = self.learned.trial.lock().await;
                if self.learned.single.load(Relaxed) == UNKNOWN {
                    return self.single().await;
                }
                drop(turn);
                if self.learned.single.load(Relaxed) == TAKEN {
                    self.single().await
                } else {
                    self.in_two().await
                }
            }
            _ => self.in_two().await,
        }
    }

    async fn single(&self) -> Result<(), Failure> {
        match self.post_whole().await? {
            Whole::Done => {
                self.learned.single.store(TAKEN, Relaxed);
                Ok(())
            }
            Whole::Goes(session) => {
                self.learned.single.store(REFUSED, Relaxed);
                self.put(session).await
            }
            Whole::Unsupported => {
                self.learned.single.store(REFUSED, Relaxed);
                self.in_two().await
            }
        }
    }

    async fn post_whole(&self) -> Result<Whole, Failure> {
        let url = location::with_digest(&self.opening(), self.digest);
        let call = self
            .call(Method::POST, url)
            .header(CONTENT_TYPE, OCTETS)
            .body(self.payload.clone())
            .once();
        match self.post(call).await {
            Ok(Posted::Open(session, _)) => Ok(Whole::Goes(session)),
            Ok(Posted::Other(status, _)) if status.is_success() => Ok(Whole::Done),
            Ok(Posted::Other(_, error)) => Err(error.into()),
            Err(error) => {
                let status = error.status().map(|status| status.as_u16());
                if matches!(status, Some(400 | 405 | 411 | 415 | 422 | 501)) {
                    return Ok(Whole::Unsupported);
                }
                // A registry that chokes on it twice does not take it.
                if error.class() == Class::Retry
                    && self.learned.failed_trials.fetch_add(1, Relaxed) + 1 >= TRIALS
                {
                    let _ = self
                        .learned
                        .single
                        .compare_exchange(UNKNOWN, REFUSED, Relaxed, Relaxed);
                }
                // No session was open yet that could be lost.
                let refused = matches!(status, Some(401 | 404 | 416));
                Err(if refused { error.into() } else { sent(error) })
            }
        }
    }

    async fn in_two(&self) -> Result<(), Failure> {
        match self.open().await? {
            (Some(session), _) => self.put(session).await,
            (None, _) => Ok(()),
        }
    }

    fn opening(&self) -> Url {
        self.transport.url(&format!("{}/blobs/uploads/", self.repository))
    }

    fn call(&self, method: Method, url: Url) -> Call {
        Call::new(method, url, self.repository, Right::Push).repeats(self.repeated)
    }

    /// Sends a POST and hears its answer even if the upload is given up meanwhile, as when its sibling fails: the session that
    /// it opened is cancelled then, as any that is dropped.
    async fn post(&self, call: Call) -> Result<Posted, RegistryError> {
        let (transport, repository) = (Arc::clone(self.transport), self.repository.clone());
        // Boxed: every future around this one would hold it.
        let work = Box::pin(async move {
            let response = transport.send(call).await?;
            let status = response.status();
            if status != StatusCode::ACCEPTED {
                let error = unexpected(&response);
                // Its place at the host is given back first: there may be only one.
                response.discard().await;
                return Ok(Posted::Other(status, error));
            }
            let least = response
                .header(MIN_PIECE)
                .and_then(|text| text.trim().parse().ok());
            let url = location::resolve(response.url(), response.header(LOCATION))?;
            let session = Session::new(&transport, &repository, url);
            response.discard().await;
            Ok(Posted::Open(session, least.unwrap_or(0)))
        });
        self.transport.net.finish(work).await
    }

    /// Opens a session, without tries of its own: those of [`Self::run`] count. Also the least size of pieces. No session if the blob turns out to be there.
    async fn open(&self) -> Result<(Option<Session>, u64), Failure> {
        let call = self.call(Method::POST, self.opening()).once();
        match self.post(call).await? {
            Posted::Open(session, least) => Ok((Some(session), least)),
            Posted::Other(StatusCode::CREATED, _) if self.is_there().await? => Ok((None, 0)),
            Posted::Other(_, error) => Err(error.into()),
        }
    }

    /// Sends everything and closes the session.
    async fn put(&self, session: Session) -> Result<(), Failure> {
        let body = self.payload.clone();
        self.close(session, Some(body)).await
    }

    async fn close(&self, session: Session, body: Option<Payload>) -> Result<(), Failure> {
        let url = location::with_digest(session.url(), self.digest);
        let mut call = self
            .call(Method::PUT, url)
            .header(CONTENT_TYPE, OCTETS)
            .once()
            .opens_anew();
        call.body = body;
        let response = match self.transport.send(call).await {
            Ok(response) => response,
            Err(error) => {
                if error.class() == Class::NotFound {
                    session.closed();
                }
                return Err(sent(error));
            }
        };
        let status = response.status();
        if !status.is_success() {
            return Err(sent(unexpected(&response)));
        }
        session.closed();
        response.discard().await;
        // "Accepted" is no promise.
        if status == StatusCode::ACCEPTED && !self.is_there().await? {
            return Err(RegistryError::Unverified {
                reference: format!("{}@{}", self.repository, self.digest),
                why: "the upload was answered with 202 and the blob is not there".to_owned(),
            }
            .into());
        }
        Ok(())
    }

    /// In pieces, without tries: whether the registry takes them at all.
    pub(super) async fn run_in_pieces(&self, length: u64) -> Result<(), RegistryError> {
        self.in_pieces(length).await.map_err(|failure| failure.error)
    }

    /// In pieces of `usual` bytes, or of what the registry wants at least (registries rule 7).
    async fn in_pieces(&self, usual: u64) -> Result<(), Failure> {
        let (Some(mut session), least) = self.open().await? else {
            return Ok(());
        };
        let total = self.payload.size();
        let length = pieces::length(least, usual);
        let mut offset = 0;
        while offset < total {
            let size = length.min(total - offset);
            let piece =
                pieces::read(self.payload, offset, size)
                    .await
                    .map_err(|source| RegistryError::Payload {
                        url: redact(session.url()),
                        source,
                    })?;
            let range = HeaderValue::from_str(&format!("{offset}-{}", offset + size - 1));
            let mut call = self
                .call(Method::PATCH, session.url().clone())
                .header(CONTENT_TYPE, OCTETS)
                .body(piece);
            if let Ok(range) = range {
                call = call.header(CONTENT_RANGE, range);
            }
            let response = self
                .transport
                .send(call.once().opens_anew())
                .await
                .map_err(sent)?;
            if !response.status().is_success() {
                return Err(sent(unexpected(&response)));
            }
            offset += size;
            // ECR may answer the last piece so: the blob is complete, and the PUT would be refused (registries 3.3).
            if response.status() == StatusCode::CREATED && offset == total {
                response.discard().await;
                if self.is_there().await? {
                    session.closed();
                    return Ok(());
                }
                return self.close(session, None).await;
            }
            if response.headers().contains_key(LOCATION) {
                session.moved(location::resolve(response.url(), response.header(LOCATION))?);
            }
            response.discard().await;
        }
        self.close(session, None).await
    }
}

fn unexpected(response: &Response) -> RegistryError {
    RegistryError::Answer {
        url: redact(response.url()),
        why: format!("{} is no answer to an upload", response.status()),
    }
}

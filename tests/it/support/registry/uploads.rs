//! Uploads of blobs: sessions, pieces, and what registries make of them (registries 3.3).

use std::time::Duration;

use bytes::Bytes;

use super::super::server::{Answer, Kind, Request};
use super::api::{Route, error};
use super::behaviour::{Behaviour, Cookie, Location, NoLength, Pieces, RangeFormat, SessionLoss};
use super::errors::nginx_page;
use super::{Content, Oci, State, digest_of};

/// The largest piece of [`Pieces::AtMost4Mib`].
const LARGEST_PIECE: usize = 4 << 20;

const OCTETS: &str = "application/octet-stream";

/// An open session.
#[derive(Debug)]
pub(super) struct Session {
    repository: String,
    bytes: Vec<u8>,
    pieces: usize,
    opened: Duration,
    /// What the registry had answered when it was opened.
    answered: usize,
}

/// 413, in one of its two shapes.
fn too_large(behaviour: &Behaviour) -> Answer {
    if behaviour.max_body_html {
        return Answer::status(413)
            .header("content-type", "text/html")
            .body(nginx_page(413, "Request Entity Too Large"));
    }
    error(413, "SIZE_INVALID", "request body too large")
}

/// What is wrong with a body before anybody looks into it; else the body that counts.
fn body(behaviour: &Behaviour, request: &Request) -> Result<Bytes, Box<Answer>> {
    let mut body = request.body.clone();
    if request.headers.contains_key("transfer-encoding") || request.header("content-length").is_empty() {
        match behaviour.no_length {
            NoLength::Taken => {}
            NoLength::Refused => {
                return Err(Box::new(error(
                    400,
                    "CONTENT_LENGTH_INVALID",
                    "Content-Length is required",
                )));
            }
            NoLength::Ignored => body = Bytes::new(),
        }
    }
    if behaviour.max_body.is_some_and(|most| body.len() > most) {
        return Err(Box::new(too_large(behaviour)));
    }
    if let Some(most) = behaviour.cut_bodies {
        body.truncate(most);
    }
    Ok(body)
}

impl Oci {
    pub(super) fn open_upload(
        &self,
        behaviour: &Behaviour,
        state: &mut State,
        route: &Route<'_>,
        request: &Request,
    ) -> Answer {
        if request.param("mount").is_some() {
            return Self::mount(behaviour, request);
        }
        let body = match body(behaviour, request) {
            Ok(body) => body,
            Err(refusal) => return *refusal,
        };
        if behaviour.strict && !body.is_empty() && request.param("digest").is_none() {
            return error(400, "UNSUPPORTED", "a body without a digest");
        }
        if let (true, Some(digest)) = (behaviour.single_post, request.param("digest")) {
            if request.header("content-type") != OCTETS {
                return Answer::status(415);
            }
            return self.store_blob(behaviour, state, route.repository, &digest, body);
        }
        let id = state.next_upload;
        state.next_upload += 1;
        state.uploads.insert(
            id,
            Session {
                repository: route.repository.to_owned(),
                bytes: Vec::new(),
                pieces: 0,
                opened: self.clock.now(),
                answered: state.answered,
            },
        );
        let range = match behaviour.range_format {
            RangeFormat::Plain => "0-0",
            RangeFormat::Bytes => "bytes=0--1",
        };
        let answer = Answer::status(202)
            .header("location", self.location(behaviour, route.repository, id))
            .header("docker-upload-uuid", id.to_string())
            .header("range", range);
        if behaviour.cookie == Cookie::Required {
            return answer.header("set-cookie", format!("replica={id}; Path=/"));
        }
        answer
    }

    fn mount(behaviour: &Behaviour, request: &Request) -> Answer {
        if request.param("from").is_none() || behaviour.mount >= 400 {
            return error(behaviour.mount.max(400), "UNSUPPORTED", "no mounts");
        }
        Answer::status(behaviour.mount)
    }

    /// The query belongs to the address: a client that drops or rewrites it does not find its upload (registries rule 8).
    fn location(&self, behaviour: &Behaviour, repository: &str, id: u64) -> String {
        let path = format!("/v2/{repository}/blobs/uploads/{id}?{}", state_of(behaviour, id));
        match behaviour.location {
            Location::Relative | Location::WithQuery => path,
            Location::Absolute => format!("{}{path}", self.origin),
            Location::OtherHost => format!("{}{path}", self.elsewhere()),
            Location::HttpDowngrade => format!("{}{path}", self.origin.replacen("https", "http", 1)),
            Location::PrivateIp => format!("http://127.0.0.2:1{path}"),
        }
    }

    pub(super) fn go_on_with_upload(
        &self,
        behaviour: &Behaviour,
        kind: Kind,
        state: &mut State,
        route: &Route<'_>,
        request: &Request,
    ) -> Answer {
        let unknown = || error(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry");
        let Some(id) = id(behaviour, route, request) else {
            return unknown();
        };
        if self.is_lost(behaviour, state, id, request) {
            return unknown();
        }
        let own = state
            .uploads
            .get(&id)
            .filter(|session| session.repository == route.repository);
        let Some(range) = own.map(|session| end_of(&session.bytes, behaviour)) else {
            return unknown();
        };
        match kind {
            Kind::UploadPut => self.close(behaviour, state, id, route, request),
            Kind::UploadPatch => self.patch(behaviour, state, id, route, request),
            Kind::UploadCancel => {
                state.uploads.remove(&id);
                Answer::status(204)
            }
            _ => Answer::status(204)
                .header("location", self.location(behaviour, route.repository, id))
                .header("range", range),
        }
    }

    fn is_lost(&self, behaviour: &Behaviour, state: &mut State, id: u64, request: &Request) -> bool {
        let answered = state.answered;
        let Some(session) = state.uploads.get(&id) else {
            return true;
        };
        let by_cookie = request.header("cookie").contains(&format!("replica={id}"));
        let gone = match behaviour.session_loss {
            SessionLoss::Never => false,
            SessionLoss::AfterRequests(most) => answered - session.answered > most,
            SessionLoss::Ttl(ttl) => self.clock.now() > session.opened + ttl,
            SessionLoss::OtherReplica => return state.at_other_replica(request),
        };
        if behaviour.cookie == Cookie::Required && !by_cookie {
            return state.at_other_replica(request);
        }
        if gone {
            state.uploads.remove(&id);
        }
        gone
    }

    fn close(
        &self,
        behaviour: &Behaviour,
        state: &mut State,
        id: u64,
        route: &Route<'_>,
        request: &Request,
    ) -> Answer {
        let body = match body(behaviour, request) {
            Ok(body) => body,
            Err(refusal) => return *refusal,
        };
        if behaviour.strict && !body.is_empty() && request.header("content-type") != OCTETS {
            return error(
                400,
                "UNSUPPORTED",
                "the Content-Type is not application/octet-stream",
            );
        }
        let Some(mut session) = state.uploads.remove(&id) else {
            return Answer::status(404);
        };
        session.bytes.extend_from_slice(&body);
        let digest = request.param("digest").unwrap_or_default();
        self.store_blob(behaviour, state, route.repository, &digest, session.bytes.into())
    }

    fn patch(
        &self,
        behaviour: &Behaviour,
        state: &mut State,
        id: u64,
        route: &Route<'_>,
        request: &Request,
    ) -> Answer {
        let body = match body(behaviour, request) {
            Ok(body) => body,
            Err(refusal) => return *refusal,
        };
        let Some(session) = state.uploads.get_mut(&id) else {
            return Answer::status(404);
        };
        let start = request
            .header("content-range")
            .split('-')
            .next()
            .and_then(|start| start.parse::<usize>().ok());
        let wrong = start.map_or(behaviour.strict, |start| start != session.bytes.len());
        let large = behaviour.pieces == Pieces::AtMost4Mib && body.len() > LARGEST_PIECE;
        if large || (wrong && behaviour.pieces != Pieces::AppendUnchecked) {
            return error(416, "RANGE_INVALID", "the range is not the next one")
                .header("range", end_of(&session.bytes, behaviour));
        }
        if behaviour.pieces == Pieces::Refuse && session.pieces > 0 {
            return error(400, "UNSUPPORTED", "chunked uploads are not supported");
        }
        if behaviour.pieces == Pieces::Overwrite {
            session.bytes.clear();
        }
        session.bytes.extend_from_slice(&body);
        session.pieces += 1;
        let shown = if behaviour.pieces == Pieces::StaleRange {
            end_of(&session.bytes[..body.len().min(session.bytes.len())], behaviour)
        } else {
            end_of(&session.bytes, behaviour)
        };
        if behaviour.pieces == Pieces::EarlyCreated && body.len() < LARGEST_PIECE {
            let Some(session) = state.uploads.remove(&id) else {
                return Answer::status(404);
            };
            let digest = digest_of(&session.bytes);
            return self.store_blob(behaviour, state, route.repository, &digest, session.bytes.into());
        }
        Answer::status(202)
            .header("location", self.location(behaviour, route.repository, id))
            .header("range", shown)
    }

    fn store_blob(
        &self,
        behaviour: &Behaviour,
        state: &mut State,
        repository: &str,
        digest: &str,
        bytes: Bytes,
    ) -> Answer {
        if behaviour.verify_digest && digest != digest_of(&bytes) {
            return error(
                400,
                "DIGEST_INVALID",
                "provided digest did not match uploaded content",
            );
        }
        if behaviour.empty_blob_refused && bytes.is_empty() {
            return error(400, "BLOB_UPLOAD_INVALID", "the blob is empty");
        }
        let held: usize = state
            .repositories
            .values()
            .flat_map(|content| content.blobs.values())
            .map(Bytes::len)
            .sum();
        if behaviour.quota.is_some_and(|quota| held + bytes.len() > quota) {
            return error(403, "DENIED", "Quota has been exceeded on namespace");
        }
        let now = self.clock.now();
        let content = state.repositories.entry(repository.to_owned()).or_default();
        content.blobs.insert(digest.to_owned(), bytes);
        state.born.insert((repository.to_owned(), digest.to_owned()), now);
        Answer::status(201)
            .header("location", format!("/v2/{repository}/blobs/{digest}"))
            .header("docker-content-digest", digest)
    }

    /// Takes away the blobs that nobody named in time.
    pub(super) fn sweep(&self, behaviour: &Behaviour, state: &mut State) {
        let Some(ttl) = behaviour.unreferenced_ttl else {
            return;
        };
        let now = self.clock.now();
        let State {
            repositories, born, ..
        } = state;
        for (name, content) in repositories {
            let named = content.named_blobs();
            content.blobs.retain(|digest, _| {
                let born = born.get(&(name.clone(), digest.clone()));
                named.contains(digest) || born.is_none_or(|born| now < *born + ttl)
            });
        }
    }
}

impl State {
    /// Every second closing of one upload arrives at the replica that does not know it. Counted by blob: by request, chance would
    /// decide how often one blob fails.
    fn at_other_replica(&mut self, request: &Request) -> bool {
        let Some(digest) = request.param("digest") else {
            return false;
        };
        let turn = self.turns.entry(digest).or_default();
        *turn += 1;
        *turn % 2 == 1
    }
}

impl Content {
    /// The blobs that manifests name.
    fn named_blobs(&self) -> Vec<String> {
        self.manifests
            .values()
            .filter_map(|manifest| super::references(&manifest.bytes).ok())
            .flatten()
            .map(|(digest, _)| digest)
            .collect()
    }
}

fn state_of(behaviour: &Behaviour, id: u64) -> String {
    if behaviour.location == Location::WithQuery {
        return format!("_nouploadcache=false&_state=k%3D{id}%2B%2F.e-_~&x=%3d%3D");
    }
    format!("_state=k%3D{id}")
}

/// The session that a request means, if it brings back the query byte for byte.
fn id(behaviour: &Behaviour, route: &Route<'_>, request: &Request) -> Option<u64> {
    let id = route.rest.rsplit('/').next()?.parse::<u64>().ok()?;
    let query = request.query.as_deref()?;
    let rest = query.strip_prefix(&state_of(behaviour, id))?;
    (rest.is_empty() || rest.starts_with('&')).then_some(id)
}

/// `Range` of what a session holds.
fn end_of(bytes: &[u8], behaviour: &Behaviour) -> String {
    match (behaviour.range_format, bytes.len()) {
        (RangeFormat::Plain, length) => format!("0-{}", length.saturating_sub(1)),
        (RangeFormat::Bytes, 0) => "bytes=0--1".to_owned(),
        (RangeFormat::Bytes, length) => format!("bytes=0-{}", length - 1),
    }
}

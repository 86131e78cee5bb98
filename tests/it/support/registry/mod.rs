//! An OCI registry in process, after distribution-spec 1.1: stateful, with switches for what real registries do otherwise and an
//! observer that no tag can escape (registries 6.1, reliability 5.1).

mod api;
mod auth;
mod behaviour;
mod clock;
mod elsewhere;
mod errors;
mod manifests;
mod names;
mod rate;
mod tags;
mod uploads;

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::Method;

pub(crate) use api::{error, kind};
pub(crate) use auth::Auth;
pub(crate) use behaviour::{
    Behaviour, BlobPlace, Challenge, Cookie, Immutable, Link, Location, Missing, Names, NoLength, PageCap,
    Pieces, PostTokens, RangeFormat, SessionLoss,
};
pub(crate) use errors::ErrorBody;
pub(crate) use rate::{Rate, RetryAfter};

use self::api::{Route, route};
use self::auth::{Tokens, Visit};
use self::clock::Clock;
use self::elsewhere::Elsewhere;
use self::rate::Meter;
use self::uploads::Session;
use super::charts::sha256_hex;
use super::faults::Fault;
use super::server::{Answer, Handler, Kind, Log, Request, Server};
use super::tls::Tls;

/// A stored manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Manifest {
    pub(crate) media_type: String,
    pub(crate) bytes: Bytes,
}

/// One repository's content.
#[derive(Debug, Clone, Default)]
pub(crate) struct Content {
    /// By digest.
    pub(crate) blobs: BTreeMap<String, Bytes>,
    /// By digest.
    pub(crate) manifests: BTreeMap<String, Manifest>,
    /// Tag to digest.
    pub(crate) tags: BTreeMap<String, String>,
}

#[derive(Debug, Default)]
struct State {
    repositories: BTreeMap<String, Content>,
    uploads: HashMap<u64, Session>,
    next_upload: u64,
    /// Requests so far.
    answered: usize,
    /// How often an upload was to be closed, by its digest: for two replicas that take turns.
    turns: HashMap<String, usize>,
    /// Manifests written so far.
    written: usize,
    /// When a tag of a repository was last written: as which one, and when.
    tagged: HashMap<(String, String), (usize, Duration)>,
    /// When a blob of a repository was stored.
    born: HashMap<(String, String), Duration>,
    /// What the observer saw that must never be.
    violations: Vec<String>,
}

/// The registry behind the server.
pub(crate) struct Oci {
    /// `http://host:port`, for answers that name the registry itself.
    origin: String,
    /// The other origin, where there is one.
    elsewhere: OnceLock<String>,
    behaviour: Mutex<Behaviour>,
    state: Mutex<State>,
    tokens: Tokens,
    clock: Clock,
    meter: Meter,
}

impl Handler for Arc<Oci> {
    fn kind(&self, method: &Method, path: &str) -> Kind {
        kind(method, path)
    }

    fn answer(&self, request: &Request) -> Answer {
        Oci::answer(self, request)
    }
}

impl Oci {
    fn answer(&self, request: &Request) -> Answer {
        let behaviour = self.behaviour.lock().unwrap().clone();
        if behaviour.captive_portal {
            return Answer::html(200);
        }
        self.clock.tick();
        let answer = errors::reshape(behaviour.error_body, self.consider(&behaviour, request));
        if behaviour.cookie == Cookie::Set {
            return answer.header("set-cookie", "sid=0123456789; Path=/; HttpOnly");
        }
        answer
    }

    /// Everything up to the gate, and what lies behind it.
    fn consider(&self, behaviour: &Behaviour, request: &Request) -> Answer {
        let kind = kind(&request.method, &request.path);
        if kind == Kind::Token {
            return self.tokens.issue(behaviour, request, self.clock.now());
        }
        let cookie = !request.header("cookie").is_empty();
        if behaviour.cookie == Cookie::Set && cookie && kind.writes() {
            return error(403, "FORBIDDEN", "CSRF token not found in request");
        }
        let route = route(&request.path);
        let repository = route.as_ref().map(|route| route.repository);
        let mut state = self.state.lock().unwrap();
        state.answered += 1;
        let visit = Visit {
            behaviour,
            request,
            kind,
            repository,
            exists: repository.is_some_and(|name| state.repositories.contains_key(name)),
            realm: self.realm(behaviour),
            now: self.clock.now(),
        };
        if let Some(refusal) = self.tokens.refuse(&visit) {
            return refusal;
        }
        if let Some(refusal) = self.meter.refuse(&behaviour.rate, behaviour.retry_after, kind) {
            return refusal;
        }
        let Some(route) = route else {
            return ping(behaviour, kind);
        };
        let writes = names::creates(kind);
        if let Some(refusal) = names::refuse(&visit, route.repository, writes) {
            return refusal;
        }
        self.dispatch(behaviour, kind, &mut state, &route, request)
    }

    fn realm(&self, behaviour: &Behaviour) -> String {
        let origin = if behaviour.realm_elsewhere {
            self.elsewhere()
        } else {
            &self.origin
        };
        format!("{origin}{}", behaviour.realm_path)
    }

    fn elsewhere(&self) -> &str {
        self.elsewhere
            .get()
            .expect("the switch was turned before the registry was started")
    }

    fn accuse(&self, violation: String) {
        self.state.lock().unwrap().violations.push(violation);
    }

    /// A request that arrived at the other origin, which knows no logins.
    fn serve_elsewhere(&self, request: &Request) -> Answer {
        let behaviour = self.behaviour.lock().unwrap().clone();
        let mut state = self.state.lock().unwrap();
        match route(&request.path) {
            Some(route) => {
                let kind = kind(&request.method, &request.path);
                self.dispatch(&behaviour, kind, &mut state, &route, request)
            }
            None => Answer::status(404),
        }
    }

    fn dispatch(
        &self,
        behaviour: &Behaviour,
        kind: Kind,
        state: &mut State,
        route: &Route<'_>,
        request: &Request,
    ) -> Answer {
        self.sweep(behaviour, state);
        match kind {
            Kind::TagList => tags::list(self, behaviour, state, route, request),
            Kind::ManifestPut => manifests::put(self, behaviour, state, route, request),
            Kind::ManifestHead | Kind::ManifestGet => manifests::get(behaviour, state, route),
            Kind::BlobHead | Kind::BlobGet => manifests::get_blob(self, behaviour, state, route, request),
            Kind::UploadPost => self.open_upload(behaviour, state, route, request),
            Kind::UploadPatch | Kind::UploadPut | Kind::UploadGet | Kind::UploadCancel => {
                self.go_on_with_upload(behaviour, kind, state, route, request)
            }
            Kind::Delete if behaviour.delete == 202 => {
                delete(state, route);
                Answer::status(202)
            }
            Kind::Delete => error(behaviour.delete, "UNSUPPORTED", "deletion is switched off"),
            _ if route.rest.starts_with("referrers/") => referrers(behaviour),
            _ => error(404, "UNSUPPORTED", "no such path"),
        }
    }
}

fn ping(behaviour: &Behaviour, kind: Kind) -> Answer {
    match kind {
        Kind::Ping if behaviour.empty_ping => Answer::status(200).header("content-type", "text/html"),
        Kind::Ping => Answer::status(200).body("{}"),
        _ => error(404, "UNSUPPORTED", "no such path"),
    }
}

fn referrers(behaviour: &Behaviour) -> Answer {
    if behaviour.referrers == 200 {
        let index = serde_json::json!({ "schemaVersion": 2, "manifests": [] });
        return Answer::status(200).body(index.to_string());
    }
    error(behaviour.referrers, "MANIFEST_UNKNOWN", "no referrers")
}

fn delete(state: &mut State, route: &Route<'_>) {
    let reference = route.rest.trim_start_matches("manifests/");
    if let Some(content) = state.repositories.get_mut(route.repository) {
        content.manifests.remove(reference);
        content
            .tags
            .retain(|tag, digest| tag != reference && digest != reference);
    }
}

/// `sha256:…` of `bytes`.
pub(crate) fn digest_of(bytes: &[u8]) -> String {
    format!("sha256:{}", sha256_hex(bytes))
}

/// What a manifest refers to: digest and size.
pub(crate) fn references(manifest: &[u8]) -> Result<Vec<(String, u64)>, serde_json::Error> {
    let json: serde_json::Value = serde_json::from_slice(manifest)?;
    let layers = json["layers"].as_array().into_iter().flatten();
    Ok(std::iter::once(&json["config"])
        .chain(layers)
        .map(|descriptor| {
            let digest = descriptor["digest"].as_str().unwrap_or_default();
            (digest.to_owned(), descriptor["size"].as_u64().unwrap_or(u64::MAX))
        })
        .collect())
}

/// A running registry.
pub(crate) struct Registry {
    server: Server<Arc<Oci>>,
    elsewhere: Option<Server<Elsewhere>>,
}

impl Registry {
    /// A plain one.
    pub(crate) fn start() -> Self {
        Self::with(|_| {})
    }

    /// One with switches turned.
    pub(crate) fn with(change: impl FnOnce(&mut Behaviour)) -> Self {
        Self::listen(None, None, change)
    }

    /// The same over TLS.
    pub(crate) fn secure(tls: &Tls, change: impl FnOnce(&mut Behaviour)) -> Self {
        Self::listen(Some(tls), None, change)
    }

    /// One that is reached by another name, through a proxy that is the registry itself.
    pub(crate) fn named(origin: &str, change: impl FnOnce(&mut Behaviour)) -> Self {
        Self::listen(None, Some(origin), change)
    }

    fn listen(tls: Option<&Tls>, origin: Option<&str>, change: impl FnOnce(&mut Behaviour)) -> Self {
        let mut behaviour = Behaviour::default();
        change(&mut behaviour);
        let needs_elsewhere = behaviour.needs_elsewhere();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let server = Server::start(tls, |address: SocketAddr| {
            Arc::new(Oci {
                origin: origin.map_or_else(|| format!("{scheme}://{address}"), str::to_owned),
                elsewhere: OnceLock::new(),
                behaviour: Mutex::new(behaviour),
                state: Mutex::default(),
                tokens: Tokens::default(),
                clock: Clock::default(),
                meter: Meter::default(),
            })
        });
        let elsewhere = needs_elsewhere.then(|| {
            let oci = Arc::clone(server.handler());
            Server::start(tls, |address: SocketAddr| {
                // Another name of this machine, so that it is another host
                let own = format!("{scheme}://localhost:{}", address.port());
                drop(oci.elsewhere.set(own));
                Elsewhere(Arc::clone(&oci))
            })
        });
        Self { server, elsewhere }
    }

    fn oci(&self) -> &Oci {
        self.server.handler()
    }

    /// Turns switches while it runs.
    pub(crate) fn behave(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut self.oci().behaviour.lock().unwrap());
    }

    pub(crate) fn host(&self) -> String {
        self.server.host()
    }

    /// `oci://host/prefix`.
    pub(crate) fn target(&self, prefix: &str) -> String {
        format!("oci://{}/{prefix}", self.host())
    }

    pub(crate) fn fault(&self, fault: Fault) {
        self.server.fault(fault);
    }

    pub(crate) fn heal(&self) {
        self.server.heal();
    }

    pub(crate) fn log(&self) -> Log {
        self.server.log()
    }

    /// What its other origin was asked.
    pub(crate) fn elsewhere_log(&self) -> Log {
        self.elsewhere
            .as_ref()
            .map_or_else(|| Log(Vec::new()), Server::log)
    }

    /// `localhost:port` of the other origin.
    pub(crate) fn elsewhere_host(&self) -> Option<String> {
        let origin = self.oci().elsewhere.get()?;
        origin.split("://").nth(1).map(str::to_owned)
    }

    pub(crate) fn forget_log(&self) {
        self.server.forget_log();
        if let Some(elsewhere) = &self.elsewhere {
            elsewhere.forget_log();
        }
    }

    /// A repository's content; empty where there is none.
    pub(crate) fn content(&self, repository: &str) -> Content {
        let state = self.oci().state.lock().unwrap();
        state.repositories.get(repository).cloned().unwrap_or_default()
    }

    /// Changes content behind every client's back.
    pub(crate) fn meddle(&self, repository: &str, change: impl FnOnce(&mut Content)) {
        let mut state = self.oci().state.lock().unwrap();
        change(state.repositories.entry(repository.to_owned()).or_default());
    }

    /// `repository:tag` of everything, sorted.
    pub(crate) fn tags(&self) -> Vec<String> {
        let state = self.oci().state.lock().unwrap();
        let all = state
            .repositories
            .iter()
            .flat_map(|(name, content)| content.tags.keys().map(move |tag| format!("{name}:{tag}")));
        let mut all: Vec<_> = all.collect();
        all.sort();
        all
    }

    /// Upload sessions that were neither closed nor cancelled.
    pub(crate) fn open_uploads(&self) -> usize {
        self.oci().state.lock().unwrap().uploads.len()
    }

    /// Every token is refused from now on, as if it had expired.
    pub(crate) fn expire_tokens(&self) {
        self.oci().tokens.expire();
    }

    /// It is started anew: what was stored stays, uploads are forgotten.
    pub(crate) fn restart(&self) {
        self.oci().state.lock().unwrap().uploads.clear();
    }

    /// Sets its clock forward.
    pub(crate) fn skip(&self, time: Duration) {
        self.oci().clock.skip(time);
    }

    /// Sets its clock forward with every request from now on.
    pub(crate) fn age_with_requests(&self, time: Duration) {
        self.oci().clock.step(time);
    }

    /// Panics unless the content is sound.
    pub(crate) fn assert_sound(&self) {
        let flaws = self.flaws();
        assert!(flaws.is_empty(), "{flaws:#?}");
    }

    /// What breaks the invariants I3 and I4: every tag leads to a manifest whose blobs are there, and at no time was it otherwise.
    pub(crate) fn flaws(&self) -> Vec<String> {
        let state = self.oci().state.lock().unwrap();
        let mut flaws = state.violations.clone();
        for (name, content) in &state.repositories {
            for (tag, digest) in &content.tags {
                if let Some(flaw) = content.flaw_behind(digest) {
                    flaws.push(format!("{name}:{tag}: {flaw}"));
                }
            }
        }
        flaws
    }
}

impl Content {
    fn flaw_behind(&self, digest: &str) -> Option<String> {
        let Some(manifest) = self.manifests.get(digest) else {
            return Some("leads nowhere".to_owned());
        };
        if digest_of(&manifest.bytes) != digest {
            return Some("the manifest is another one".to_owned());
        }
        let Ok(references) = references(&manifest.bytes) else {
            return Some("the manifest is no JSON".to_owned());
        };
        references.iter().find_map(|(blob, size)| {
            let Some(bytes) = self.blobs.get(blob) else {
                return Some(format!("lacks {blob}"));
            };
            let whole = bytes.len() as u64 == *size && digest_of(bytes) == *blob;
            (!whole).then(|| format!("{blob} has other bytes"))
        })
    }
}

//! An OCI registry in process, after distribution-spec 1.1: stateful, with switches for what real registries do otherwise and an
//! observer that no tag can escape (registries 6.1, reliability 5.1).

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Mutex;

use bytes::Bytes;
use http::Method;

use super::charts::sha256_hex;
use super::faults::Fault;
use super::registry_auth::{Auth, Tokens};
use super::server::{Answer, Handler, Kind, Log, Request, Server};
use super::tls::Tls;

/// How the tag list tells that there is more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    /// Not at all: the client must go on with `last`.
    None,
    Relative,
    Absolute,
}

/// What is answered to a manifest PUT for a tag that exists (registries 3.5).
#[derive(Debug, Clone)]
pub(crate) struct Immutable {
    pub(crate) answer: Answer,
    /// Harbor refuses an identical push too.
    pub(crate) same_digest_also: bool,
}

/// The switches; the default is a plain registry without logins.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "switches, each independent of the others (registries 6)"
)]
pub(crate) struct Behaviour {
    pub(crate) auth: Auth,
    /// Takes `POST …?digest=` with the blob in it; else 202, as the specification allows.
    pub(crate) single_post: bool,
    /// Repositories come into being by the first upload.
    pub(crate) autocreate: bool,
    /// Refuses a manifest whose blobs are missing.
    pub(crate) check_blobs: bool,
    pub(crate) immutable: Option<Immutable>,
    /// Most tags in one page of the list.
    pub(crate) page_size: Option<usize>,
    pub(crate) link: Link,
    /// `"tags": null` where a page has none.
    pub(crate) null_tags: bool,
    /// `Location` with scheme and host, else a path.
    pub(crate) absolute_location: bool,
    /// Sends `Docker-Content-Digest`.
    pub(crate) digest_header: bool,
    /// A web server that answers 200 and a page to everything.
    pub(crate) captive_portal: bool,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            auth: Auth::None,
            single_post: false,
            autocreate: true,
            check_blobs: true,
            immutable: None,
            page_size: None,
            link: Link::Relative,
            null_tags: false,
            absolute_location: false,
            digest_header: true,
            captive_portal: false,
        }
    }
}

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
    /// Upload id to repository and bytes so far.
    uploads: BTreeMap<u64, (String, Vec<u8>)>,
    next_upload: u64,
    /// What the observer saw that must never be.
    violations: Vec<String>,
}

/// The registry behind the server.
pub(crate) struct Oci {
    /// `http://host:port`, for answers that name the registry itself.
    origin: String,
    behaviour: Mutex<Behaviour>,
    state: Mutex<State>,
    tokens: Tokens,
}

/// A path of the API, taken apart.
struct Route<'a> {
    repository: &'a str,
    rest: &'a str,
}

fn route(path: &str) -> Option<Route<'_>> {
    let path = path.strip_prefix("/v2/")?;
    ["/manifests/", "/blobs/", "/tags/list"].iter().find_map(|mark| {
        let at = path.rfind(mark)?;
        Some(Route {
            repository: &path[..at],
            rest: &path[at + 1..],
        })
    })
}

impl Handler for Oci {
    fn kind(&self, method: &Method, path: &str) -> Kind {
        if path == "/v2/" || path == "/v2" {
            return Kind::Ping;
        }
        if path == "/token" {
            return Kind::Token;
        }
        let Some(route) = route(path) else {
            return Kind::Other;
        };
        let upload = route.rest.starts_with("blobs/uploads");
        let manifest = route.rest.starts_with("manifests/");
        match (method.as_str(), upload, manifest) {
            ("GET", ..) if route.rest == "tags/list" => Kind::TagList,
            ("POST", true, _) => Kind::UploadPost,
            ("PATCH", true, _) => Kind::UploadPatch,
            ("PUT", true, _) => Kind::UploadPut,
            ("GET", true, _) => Kind::UploadGet,
            ("DELETE", true, _) => Kind::UploadCancel,
            ("DELETE", ..) => Kind::Delete,
            ("HEAD", _, true) => Kind::ManifestHead,
            ("GET", _, true) => Kind::ManifestGet,
            ("PUT", _, true) => Kind::ManifestPut,
            ("HEAD", ..) => Kind::BlobHead,
            ("GET", ..) => Kind::BlobGet,
            _ => Kind::Other,
        }
    }

    fn answer(&self, request: &Request) -> Answer {
        let behaviour = self.behaviour.lock().unwrap().clone();
        if behaviour.captive_portal {
            return Answer::html(200);
        }
        let kind = self.kind(&request.method, &request.path);
        if kind == Kind::Token {
            return self.tokens.issue(&behaviour.auth, request);
        }
        let route = route(&request.path);
        let repository = route.as_ref().map(|route| route.repository);
        if let Some(refusal) = self
            .tokens
            .refuse(&behaviour.auth, &self.origin, request, kind, repository)
        {
            return refusal;
        }
        match route {
            None if kind == Kind::Ping => Answer::status(200).body("{}"),
            None => error(404, "UNSUPPORTED", "no such path"),
            Some(route) => self.dispatch(&behaviour, kind, &route, request),
        }
    }
}

/// An error as the specification words it.
pub(crate) fn error(status: u16, code: &str, message: &str) -> Answer {
    let body = serde_json::json!({ "errors": [{ "code": code, "message": message }] });
    Answer::status(status)
        .header("content-type", "application/json")
        .body(body.to_string())
}

impl Oci {
    fn dispatch(&self, behaviour: &Behaviour, kind: Kind, route: &Route<'_>, request: &Request) -> Answer {
        let mut state = self.state.lock().unwrap();
        let writes = kind.writes() || kind == Kind::UploadCancel;
        if !state.repositories.contains_key(route.repository) {
            if !(writes && behaviour.autocreate) {
                return error(404, "NAME_UNKNOWN", "repository name not known to registry");
            }
            let name = route.repository.to_owned();
            state.repositories.insert(name, Content::default());
        }
        match kind {
            Kind::TagList => self.tag_list(behaviour, &state, route, request),
            Kind::ManifestPut => put_manifest(behaviour, &mut state, route, request),
            Kind::ManifestHead | Kind::ManifestGet => get_manifest(behaviour, &state, route),
            Kind::BlobHead | Kind::BlobGet => get_blob(&state, route),
            Kind::UploadPost => self.open_upload(behaviour, &mut state, route, request),
            Kind::UploadPatch | Kind::UploadPut | Kind::UploadGet | Kind::UploadCancel => {
                self.go_on_with_upload(behaviour, kind, &mut state, route, request)
            }
            Kind::Delete => error(405, "UNSUPPORTED", "deletion is switched off"),
            _ => error(404, "UNSUPPORTED", "no such path"),
        }
    }

    fn tag_list(&self, behaviour: &Behaviour, state: &State, route: &Route<'_>, request: &Request) -> Answer {
        let last = request.param("last");
        let asked = request.param("n").and_then(|n| n.parse().ok());
        let size = match (asked, behaviour.page_size) {
            (Some(asked), Some(most)) => std::cmp::min::<usize>(asked, most),
            (asked, most) => asked.or(most).unwrap_or(usize::MAX),
        };
        let mut rest = state.repositories[route.repository]
            .tags
            .keys()
            .filter(|tag| last.as_ref().is_none_or(|last| *tag > last));
        let page: Vec<&String> = rest.by_ref().take(size).collect();
        let more = rest.next().is_some();
        let tags = if page.is_empty() && behaviour.null_tags {
            serde_json::Value::Null
        } else {
            serde_json::json!(page)
        };
        let body = serde_json::json!({ "name": route.repository, "tags": tags }).to_string();
        let answer = Answer::status(200)
            .header("content-type", "application/json")
            .body(body);
        let Some(last) = page.last().filter(|_| more) else {
            return answer;
        };
        let next = format!("/v2/{}/tags/list?last={last}&n={size}", route.repository);
        match behaviour.link {
            Link::None => answer,
            Link::Relative => answer.header("link", format!("<{next}>; rel=\"next\"")),
            Link::Absolute => answer.header("link", format!("<{}{next}>; rel=\"next\"", self.origin)),
        }
    }

    fn location(&self, behaviour: &Behaviour, path: &str) -> String {
        if behaviour.absolute_location {
            format!("{}{path}", self.origin)
        } else {
            path.to_owned()
        }
    }

    fn open_upload(
        &self,
        behaviour: &Behaviour,
        state: &mut State,
        route: &Route<'_>,
        request: &Request,
    ) -> Answer {
        if let (true, Some(digest)) = (behaviour.single_post, request.param("digest")) {
            return store_blob(state, route.repository, &digest, request.body.clone());
        }
        let id = state.next_upload;
        state.next_upload += 1;
        state
            .uploads
            .insert(id, (route.repository.to_owned(), Vec::new()));
        // The query belongs to the address: a client that drops it does not find its upload (registries rule 8)
        let path = format!("/v2/{}/blobs/uploads/{id}?_state=k%3D{id}", route.repository);
        Answer::status(202)
            .header("location", self.location(behaviour, &path))
            .header("docker-upload-uuid", id.to_string())
            .header("range", "0-0")
    }

    fn go_on_with_upload(
        &self,
        behaviour: &Behaviour,
        kind: Kind,
        state: &mut State,
        route: &Route<'_>,
        request: &Request,
    ) -> Answer {
        let id = route
            .rest
            .rsplit('/')
            .next()
            .and_then(|id| id.parse::<u64>().ok())
            .filter(|id| request.param("_state") == Some(format!("k={id}")));
        let Some((id, (_, sofar))) = id.and_then(|id| Some((id, state.uploads.get_mut(&id)?))) else {
            return error(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry");
        };
        sofar.extend_from_slice(&request.body);
        let end = sofar.len().saturating_sub(1);
        let path = format!("/v2/{}/blobs/uploads/{id}?_state=k%3D{id}", route.repository);
        match kind {
            Kind::UploadPut => {
                let (_, bytes) = state.uploads.remove(&id).unwrap();
                let digest = request.param("digest").unwrap_or_default();
                store_blob(state, route.repository, &digest, bytes.into())
            }
            Kind::UploadCancel => {
                state.uploads.remove(&id);
                Answer::status(204)
            }
            kind => Answer::status(if kind == Kind::UploadPatch { 202 } else { 204 })
                .header("location", self.location(behaviour, &path))
                .header("range", format!("0-{end}")),
        }
    }
}

fn store_blob(state: &mut State, repository: &str, digest: &str, bytes: Bytes) -> Answer {
    if digest != digest_of(&bytes) {
        return error(
            400,
            "DIGEST_INVALID",
            "provided digest did not match uploaded content",
        );
    }
    let content = state.repositories.get_mut(repository).unwrap();
    content.blobs.insert(digest.to_owned(), bytes);
    Answer::status(201)
        .header("location", format!("/v2/{repository}/blobs/{digest}"))
        .header("docker-content-digest", digest)
}

/// `sha256:…` of `bytes`.
pub(crate) fn digest_of(bytes: &[u8]) -> String {
    format!("sha256:{}", sha256_hex(bytes))
}

fn get_blob(state: &State, route: &Route<'_>) -> Answer {
    let digest = route.rest.trim_start_matches("blobs/");
    match state.repositories[route.repository].blobs.get(digest) {
        Some(bytes) => Answer::status(200)
            .header("content-type", "application/octet-stream")
            .header("docker-content-digest", digest)
            .body(bytes.clone()),
        None => error(404, "BLOB_UNKNOWN", "blob unknown to registry"),
    }
}

fn get_manifest(behaviour: &Behaviour, state: &State, route: &Route<'_>) -> Answer {
    let reference = route.rest.trim_start_matches("manifests/");
    let content = &state.repositories[route.repository];
    let digest = content.tags.get(reference).map_or(reference, String::as_str);
    let Some(manifest) = content.manifests.get(digest) else {
        return error(404, "MANIFEST_UNKNOWN", "manifest unknown");
    };
    let answer = Answer::status(200)
        .header("content-type", &manifest.media_type)
        .body(manifest.bytes.clone());
    if behaviour.digest_header {
        answer.header("docker-content-digest", digest)
    } else {
        answer
    }
}

/// What a manifest refers to: digest and size.
fn references(manifest: &[u8]) -> Result<Vec<(String, u64)>, serde_json::Error> {
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

fn put_manifest(behaviour: &Behaviour, state: &mut State, route: &Route<'_>, request: &Request) -> Answer {
    let reference = route.rest.trim_start_matches("manifests/");
    let media_type = request.header("content-type");
    let digest = digest_of(&request.body);
    let by_digest = reference.starts_with("sha256:");
    if media_type.is_empty() || (by_digest && reference != digest) {
        return error(400, "MANIFEST_INVALID", "manifest invalid");
    }
    let Ok(references) = references(&request.body) else {
        return error(400, "MANIFEST_INVALID", "manifest is no JSON");
    };
    let content = state.repositories.get_mut(route.repository).unwrap();
    let missing = references.iter().find(|(digest, size)| {
        content
            .blobs
            .get(digest)
            .is_none_or(|blob| blob.len() as u64 != *size)
    });
    if let Some((blob, _)) = missing {
        let violation = format!(
            "{}:{reference} was pushed before its blob {blob}",
            route.repository
        );
        state.violations.push(violation);
        if behaviour.check_blobs {
            return error(404, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry");
        }
    }
    let content = state.repositories.get_mut(route.repository).unwrap();
    if !by_digest {
        let old = content.tags.get(reference);
        if let (Some(old), Some(rule)) = (old, &behaviour.immutable)
            && (rule.same_digest_also || *old != digest)
        {
            return rule.answer.clone();
        }
        content.tags.insert(reference.to_owned(), digest.clone());
    }
    let manifest = Manifest {
        media_type: media_type.to_owned(),
        bytes: request.body.clone(),
    };
    content.manifests.insert(digest.clone(), manifest);
    let answer =
        Answer::status(201).header("location", format!("/v2/{}/manifests/{digest}", route.repository));
    if behaviour.digest_header {
        answer.header("docker-content-digest", digest)
    } else {
        answer
    }
}

/// A running registry.
pub(crate) struct Registry(Server<Oci>);

impl Registry {
    /// A plain one.
    pub(crate) fn start() -> Self {
        Self::with(|_| {})
    }

    /// One with switches turned.
    pub(crate) fn with(change: impl FnOnce(&mut Behaviour)) -> Self {
        Self::listen(None, change)
    }

    /// The same over TLS.
    pub(crate) fn secure(tls: &Tls, change: impl FnOnce(&mut Behaviour)) -> Self {
        Self::listen(Some(tls), change)
    }

    fn listen(tls: Option<&Tls>, change: impl FnOnce(&mut Behaviour)) -> Self {
        let mut behaviour = Behaviour::default();
        change(&mut behaviour);
        let scheme = if tls.is_some() { "https" } else { "http" };
        Self(Server::start(tls, |address: SocketAddr| Oci {
            origin: format!("{scheme}://{address}"),
            behaviour: Mutex::new(behaviour),
            state: Mutex::default(),
            tokens: Tokens::default(),
        }))
    }

    /// Turns switches while it runs.
    pub(crate) fn behave(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut self.0.handler().behaviour.lock().unwrap());
    }

    pub(crate) fn host(&self) -> String {
        self.0.host()
    }

    /// `oci://host/prefix`.
    pub(crate) fn target(&self, prefix: &str) -> String {
        format!("oci://{}/{prefix}", self.host())
    }

    pub(crate) fn fault(&self, fault: Fault) {
        self.0.fault(fault);
    }

    pub(crate) fn heal(&self) {
        self.0.heal();
    }

    pub(crate) fn log(&self) -> Log {
        self.0.log()
    }

    pub(crate) fn forget_log(&self) {
        self.0.forget_log();
    }

    /// A repository's content; empty where there is none.
    pub(crate) fn content(&self, repository: &str) -> Content {
        let state = self.0.handler().state.lock().unwrap();
        state.repositories.get(repository).cloned().unwrap_or_default()
    }

    /// Changes content behind every client's back.
    pub(crate) fn meddle(&self, repository: &str, change: impl FnOnce(&mut Content)) {
        let mut state = self.0.handler().state.lock().unwrap();
        change(state.repositories.entry(repository.to_owned()).or_default());
    }

    /// `repository:tag` of everything, sorted.
    pub(crate) fn tags(&self) -> Vec<String> {
        let state = self.0.handler().state.lock().unwrap();
        let all = state
            .repositories
            .iter()
            .flat_map(|(name, content)| content.tags.keys().map(move |tag| format!("{name}:{tag}")));
        let mut all: Vec<_> = all.collect();
        all.sort();
        all
    }

    /// Every token is refused from now on, as if it had expired.
    pub(crate) fn expire_tokens(&self) {
        self.0.handler().tokens.expire();
    }

    /// Panics unless the content is sound.
    pub(crate) fn assert_sound(&self) {
        let flaws = self.flaws();
        assert!(flaws.is_empty(), "{flaws:#?}");
    }

    /// What breaks the invariants I3 and I4: every tag leads to a manifest whose blobs are there, and at no time was it otherwise.
    pub(crate) fn flaws(&self) -> Vec<String> {
        let state = self.0.handler().state.lock().unwrap();
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

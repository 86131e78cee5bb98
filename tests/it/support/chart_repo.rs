//! A classic chart repository in process: `index.yaml`, packages and provenance files under `/charts/`, with validators, logins
//! and faults.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Mutex;

use base64::Engine as _;
use bytes::Bytes;
use http::Method;

use super::charts::{self, Chart, sha256_hex};
use super::faults::Fault;
use super::server::{Answer, Handler, Kind, Log, Request, Server};
use super::tls::Tls;

const BASE: &str = "/charts/";

/// What the repository holds and how it behaves.
#[derive(Default)]
pub(crate) struct Files {
    files: Mutex<BTreeMap<String, Bytes>>,
    behaviour: Mutex<Behaviour>,
}

/// The switches.
#[derive(Debug, Clone)]
pub(crate) struct Behaviour {
    /// Sends an `ETag` and answers 304 to the matching `If-None-Match`.
    pub(crate) etag: bool,
    /// A login that every request needs.
    pub(crate) login: Option<(String, String)>,
    /// What is answered for a file that is not there.
    pub(crate) missing: Answer,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            etag: true,
            login: None,
            missing: Answer::status(404).body("not found\n"),
        }
    }
}

impl Handler for Files {
    fn kind(&self, _: &Method, path: &str) -> Kind {
        match path.rsplit('.').next() {
            _ if path.ends_with("/index.yaml") => Kind::Index,
            Some("prov") => Kind::Provenance,
            Some("tgz") => Kind::Package,
            _ => Kind::Other,
        }
    }

    fn answer(&self, request: &Request) -> Answer {
        let behaviour = self.behaviour.lock().unwrap().clone();
        if !request.has_login(behaviour.login.as_ref()) {
            return Answer::status(401).header("www-authenticate", "Basic realm=\"charts\"");
        }
        if request.method != Method::GET && request.method != Method::HEAD {
            return Answer::status(405);
        }
        let decoded = percent_decode(&request.path);
        let found = decoded
            .strip_prefix(BASE)
            .and_then(|path| self.files.lock().unwrap().get(path).cloned());
        let Some(body) = found else {
            return behaviour.missing;
        };
        if !behaviour.etag {
            return Answer::status(200).body(body);
        }
        let etag = format!("\"{}\"", &sha256_hex(&body)[..16]);
        let status = if request.header("if-none-match") == etag {
            304
        } else {
            200
        };
        let answer = Answer::status(status).header("etag", &etag);
        if status == 304 { answer } else { answer.body(body) }
    }
}

impl Request {
    /// Whether the request carries this login by Basic; true where none is needed.
    pub(crate) fn has_login(&self, login: Option<&(String, String)>) -> bool {
        login.is_none_or(|(user, password)| {
            let secret = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
            self.header("authorization") == format!("Basic {secret}")
        })
    }
}

fn percent_decode(path: &str) -> String {
    let bytes = path.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escape = (bytes[at] == b'%')
            .then(|| path.get(at + 1..at + 3))
            .flatten()
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        out.push(escape.unwrap_or(bytes[at]));
        at += if escape.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// A running repository.
pub(crate) struct ChartRepo(Server<Files>);

impl ChartRepo {
    /// An empty one: even `index.yaml` is missing.
    pub(crate) fn empty() -> Self {
        Self::listen(None)
    }

    /// An empty one over TLS.
    pub(crate) fn secure(tls: &Tls) -> Self {
        Self::listen(Some(tls))
    }

    /// An empty one at an address of the network that the calling thread is in.
    pub(crate) fn at(address: IpAddr) -> Self {
        Self(Server::start_at(address, None, |_| Files::default()))
    }

    fn listen(tls: Option<&Tls>) -> Self {
        Self(Server::start(tls, |_| Files::default()))
    }

    /// One that serves built charts with an index of them.
    pub(crate) fn of(charts: &[Chart]) -> Self {
        let repo = Self::empty();
        repo.publish(charts);
        repo
    }

    /// One that serves a folder, subfolders too. Where the folder has a `SET.json` (the shared test data), its `base_urls` in the
    /// index are replaced by this server's, which is how that data says it is to be served.
    pub(crate) fn folder(folder: &Path) -> Self {
        let repo = Self::empty();
        repo.show(folder);
        repo
    }

    /// Serves another folder from now on, in the same way.
    pub(crate) fn show(&self, folder: &Path) {
        let mut files = BTreeMap::new();
        collect(folder, "", &mut files);
        if let Some(set) = files.get("SET.json") {
            let set: serde_json::Value = serde_json::from_slice(set).unwrap();
            let index = String::from_utf8(files["index.yaml"].to_vec()).unwrap();
            files.insert("index.yaml".to_owned(), self.own_urls(index, &set).into());
        }
        *self.0.handler().files.lock().unwrap() = files;
    }

    fn own_urls(&self, mut index: String, set: &serde_json::Value) -> String {
        let mut bases: Vec<&str> = set["base_urls"]
            .as_array()
            .map(|list| list.iter().filter_map(|base| base.as_str()).collect())
            .unwrap_or_default();
        // The longest first: one base may begin with another
        bases.sort_unstable_by_key(|base| std::cmp::Reverse(base.len()));
        for base in bases {
            let base = base.trim_end_matches('/');
            index = index.replace(&format!("{base}/"), &format!("{}/", self.url()));
        }
        index
    }

    /// Serves what lies in a folder now, as it is.
    pub(crate) fn fill(&self, folder: &Path) {
        let mut files = BTreeMap::new();
        collect(folder, "", &mut files);
        *self.0.handler().files.lock().unwrap() = files;
    }

    /// Adds packages and makes the index name exactly `charts`.
    pub(crate) fn publish(&self, charts: &[Chart]) {
        for chart in charts {
            self.put(&chart.file_name(), chart.tgz());
        }
        self.put("index.yaml", charts::index_yaml(charts));
    }

    /// Adds or replaces a file; `path` is relative to the index.
    pub(crate) fn put(&self, path: &str, content: impl Into<Bytes>) {
        self.0
            .handler()
            .files
            .lock()
            .unwrap()
            .insert(path.to_owned(), content.into());
    }

    /// Takes a file away.
    pub(crate) fn remove(&self, path: &str) {
        self.0.handler().files.lock().unwrap().remove(path);
    }

    /// Turns switches.
    pub(crate) fn behave(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut self.0.handler().behaviour.lock().unwrap());
    }

    /// The repository's URL, without a slash at its end.
    pub(crate) fn url(&self) -> String {
        format!("{}{}", self.0.origin(), BASE.trim_end_matches('/'))
    }

    pub(crate) fn host(&self) -> String {
        self.0.host()
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
}

fn collect(folder: &Path, prefix: &str, files: &mut BTreeMap<String, Bytes>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type().unwrap().is_dir() {
            collect(&entry.path(), &format!("{name}/"), files);
        } else {
            files.insert(name, std::fs::read(entry.path()).unwrap().into());
        }
    }
}

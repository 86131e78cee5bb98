//! A registry of thirty lines: blobs, manifests, upload sessions; `before` may answer first.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use secrecy::SecretString;

use crate::net::Net;
use crate::net::testing::{Answer, Asked, Server, answer, net};
use crate::registry::{Credential, FixedCredentials, Registry, RegistryOptions};
use crate::types::{Digest, RegistryHost, Repository};

pub(super) type Before = Box<dyn Fn(&Asked, usize) -> Option<Answer> + Send + Sync>;

#[derive(Default)]
pub(super) struct Contents {
    pub(super) blobs: HashMap<String, Vec<u8>>,
    pub(super) manifests: HashMap<String, Vec<u8>>,
    pieces: Vec<u8>,
}

pub(super) struct Fake {
    pub(super) server: Server,
    pub(super) contents: Arc<Mutex<Contents>>,
}

impl Fake {
    pub(super) async fn start(before: Before) -> Self {
        let contents: Arc<Mutex<Contents>> = Arc::default();
        let inside = Arc::clone(&contents);
        let server = Server::start(move |asked, number| {
            before(asked, number).unwrap_or_else(|| serve(&mut inside.lock().unwrap(), asked))
        });
        Self {
            server: server.await,
            contents,
        }
    }

    pub(super) async fn plain() -> Self {
        Self::start(Box::new(|_, _| None)).await
    }

    pub(super) fn registry(&self) -> Registry {
        self.registry_with(net(), Credential::Anonymous, RegistryOptions::default())
    }

    /// Without the search for the single POST, for tests of the ordinary way.
    pub(super) fn in_two(&self) -> Registry {
        let options = RegistryOptions {
            single_post: false,
            ..RegistryOptions::default()
        };
        self.registry_with(net(), Credential::Anonymous, options)
    }

    pub(super) fn registry_with(
        &self,
        net: Net,
        credential: Credential,
        options: RegistryOptions,
    ) -> Registry {
        let host = RegistryHost::new(&self.server.authority()).unwrap();
        let options = RegistryOptions {
            plain_http: true,
            ..options
        };
        Registry::new(net, host, Arc::new(FixedCredentials(credential)), options).unwrap()
    }

    /// Requests without the probe, the tail of uploads cut.
    pub(super) fn lines(&self) -> Vec<String> {
        let lines = self.server.lines();
        lines
            .iter()
            .filter(|line| *line != "GET /v2/")
            .map(|line| line.replace("/v2/a/", ""))
            .collect()
    }

    pub(super) fn count(&self, method: &str) -> usize {
        self.server
            .asked()
            .iter()
            .filter(|asked| asked.method == method)
            .count()
    }
}

pub(super) fn repository() -> Repository {
    Repository::new("a").unwrap()
}

pub(super) fn basic() -> Credential {
    Credential::Basic {
        username: "u".to_owned(),
        password: SecretString::from("s3cr3t"),
    }
}

fn serve(contents: &mut Contents, asked: &Asked) -> Answer {
    let (path, query) = asked.path.split_once('?').unwrap_or((&asked.path, ""));
    let path = path.strip_prefix("/v2/a/").unwrap_or(path);
    let body = asked.body.to_vec();
    let closing = query.rsplit_once("digest=").map(|(_, digest)| digest.to_owned());
    match (asked.method.as_str(), path.split_once('/').unwrap_or((path, ""))) {
        ("GET", _) if path == "/v2/" => answer(200, &[], "{}"),
        ("POST", ("blobs", "uploads/")) => {
            answer(202, &[("location", "/v2/a/blobs/uploads/1?_state=x%3D")], "")
        }
        ("PATCH", ("blobs", _)) => {
            contents.pieces.extend(body);
            answer(202, &[("location", "/v2/a/blobs/uploads/1?_state=x%3D")], "")
        }
        ("PUT", ("blobs", _)) => {
            let mut all = std::mem::take(&mut contents.pieces);
            all.extend(body);
            let digest = Digest::of(&all).to_string();
            if closing.as_deref() != Some(&digest) {
                return answer(400, &[], r#"{"errors":[{"code":"DIGEST_INVALID"}]}"#);
            }
            contents.blobs.insert(digest, all);
            answer(201, &[], "")
        }
        ("DELETE", ("blobs", _)) => answer(204, &[], ""),
        ("HEAD" | "GET", ("blobs", digest)) => match contents.blobs.get(digest) {
            Some(blob) => answer(200, &[], blob.clone()),
            None => answer(404, &[], ""),
        },
        ("PUT", ("manifests", reference)) => {
            let digest = Digest::of(&body).to_string();
            contents.manifests.insert(reference.to_owned(), body);
            answer(201, &[("docker-content-digest", &digest)], "")
        }
        ("HEAD" | "GET", ("manifests", reference)) => match contents.manifests.get(reference) {
            Some(manifest) => {
                let digest = Digest::of(manifest).to_string();
                let kind = "application/vnd.oci.image.manifest.v1+json; charset=utf-8";
                answer(
                    200,
                    &[("docker-content-digest", &digest), ("content-type", kind)],
                    manifest.clone(),
                )
            }
            None => answer(404, &[], r#"{"errors":[{"code":"MANIFEST_UNKNOWN"}]}"#),
        },
        _ => answer(404, &[], r#"{"errors":[{"code":"NAME_UNKNOWN"}]}"#),
    }
}

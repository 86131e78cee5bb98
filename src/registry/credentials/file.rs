//! A `config.json` of Docker, which Helm's and Podman's stores are too: who is asked for a host, and plain logins.
//!
//! Decoding an entry is `docker_credential`'s work. It is given that one entry only: by itself it would start the
//! helpers that a file names, without a time limit and with our whole environment.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use docker_credential::{CredentialRetrievalError, DockerCredential};
use secrecy::SecretString;
use serde_json::{Map, Value, json};

use super::{DOCKER_HUB, server};
use crate::registry::credential::Credential;

/// Real ones have some kilobytes.
const MAX_BYTES: u64 = 1 << 20;

/// A store without any login.
const EMPTY: &[u8] = b"{}";

/// Why a store cannot be used (reliability B62).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` {problem}", .path.display())]
pub struct FileError {
    pub(super) path: PathBuf,
    pub(super) problem: String,
}

/// The parts of the file that concern us.
#[derive(Debug)]
pub(super) struct StoreFile {
    path: PathBuf,
    auths: Map<String, Value>,
    helpers: BTreeMap<String, String>,
    store: Option<String>,
}

impl StoreFile {
    /// Reads a file; `None` if there is none.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, FileError> {
        bytes(path)?.map(|bytes| Self::parse(path, &bytes)).transpose()
    }

    /// The store in the bytes of a file.
    pub(super) fn parse(path: &Path, bytes: &[u8]) -> Result<Self, FileError> {
        let wrong = |problem: String| FileError {
            path: path.into(),
            problem,
        };
        // Docker takes an empty file for an empty store.
        let blank = bytes.iter().all(u8::is_ascii_whitespace);
        let bytes = if blank { EMPTY } else { bytes };
        let Ok(Value::Object(mut top)) = serde_json::from_slice(bytes) else {
            // The parser's message may repeat a part of the file.
            return Err(wrong("is not a JSON object; mend it or move it away".into()));
        };
        let mut object = |name: &str| match top.remove(name) {
            None | Some(Value::Null) => Ok(Map::new()),
            Some(Value::Object(map)) => Ok(map),
            Some(_) => Err(wrong(format!(
                "has a `{name}` that is not an object; mend it or move it away"
            ))),
        };
        let (auths, helpers) = (object("auths")?, object("credHelpers")?);
        let helpers = helpers
            .into_iter()
            .map(|(host, program)| match program {
                Value::String(program) => Ok((host, program)),
                _ => Err(wrong(
                    "has a program in `credHelpers` that is not a string; mend it".into(),
                )),
            })
            .collect::<Result<_, _>>()?;
        let store = match top.remove("credsStore") {
            None | Some(Value::Null) => None,
            Some(Value::String(store)) => Some(store).filter(|store| !store.is_empty()),
            Some(_) => return Err(wrong("has a `credsStore` that is not a string; mend it".into())),
        };
        Ok(Self {
            path: path.into(),
            auths,
            helpers,
            store,
        })
    }

    /// True if it says nothing of logins at all, so that the first one may choose how they are kept.
    pub(super) fn is_unused(&self) -> bool {
        self.auths.is_empty() && self.helpers.is_empty() && self.store.is_none()
    }

    /// The credential helper that answers for a host. Where there is one, plain logins do not count.
    pub(super) fn helper(&self, identity: &str) -> Option<&str> {
        let exact = [server(identity), identity]
            .into_iter()
            .find_map(|key| self.helpers.get(key));
        exact
            .or(self.store.as_ref())
            .map(String::as_str)
            .filter(|program| !program.is_empty())
    }

    /// The plain login of a host.
    pub(super) fn plain(&self, identity: &str) -> Result<Option<Credential>, FileError> {
        self.entry(identity).map_or(Ok(None), |entry| self.decode(entry))
    }

    /// The plain login of a repository by the rule of Podman: the longest key above it, then the host.
    pub(super) fn plain_for(
        &self,
        identity: &str,
        repository: Option<&str>,
    ) -> Result<Option<Credential>, FileError> {
        let key = repository.and_then(|repository| self.namespace(identity, repository));
        let space = || self.auths.get_key_value(key?);
        let of_host = || self.entry_where(identity, |key| key.contains("://") || !key.contains('/'));
        let entry = space().map(|(key, value)| (key.as_str(), value)).or_else(of_host);
        entry.map_or(Ok(None), |entry| self.decode(entry))
    }

    /// The longest key that is `repository` or a namespace above it.
    pub(super) fn namespace(&self, identity: &str, repository: &str) -> Option<&str> {
        let full = format!("{identity}/{repository}");
        let above = |key: &&String| {
            let rest = full.strip_prefix(key.as_str());
            key.contains('/') && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let keys = self.auths.keys().filter(above);
        keys.max_by_key(|key| key.len()).map(String::as_str)
    }

    fn decode(&self, (key, entry): (&str, &Value)) -> Result<Option<Credential>, FileError> {
        let wrong = |problem: &str| FileError {
            path: self.path.clone(),
            problem: format!("has an entry `{}` {problem}; log in again", key.escape_debug()),
        };
        let fields = match entry {
            Value::Null => return Ok(None),
            Value::Object(fields) => fields,
            _ => return Err(wrong("that is not an object")),
        };
        let field = |name: &str| match fields.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
            Some(_) => Err(wrong("with a value that is not a string")),
        };
        if let Some(token) = field("registrytoken")? {
            return Ok(Some(Credential::Bearer {
                token: SecretString::from(token),
            }));
        }
        // `auth` counts before `username` and `password`, as for Helm.
        let (identity, auth) = (field("identitytoken")?, field("auth")?);
        let (username, password) = if auth.is_some() {
            (None, None)
        } else {
            (field("username")?, field("password")?)
        };
        if identity.is_none() && auth.is_none() && (username.is_some() != password.is_some()) {
            return Err(wrong("with only one of user and password"));
        }
        let entry = json!({ "auths": { "entry": {
            "identitytoken": identity, "auth": auth, "username": username, "password": password
        } } });
        match docker_credential::get_credential_from_reader(entry.to_string().as_bytes(), "entry") {
            Ok(DockerCredential::IdentityToken(token)) => {
                Ok(Some(Credential::Identity { token: token.into() }))
            }
            Ok(DockerCredential::UsernamePassword(username, password)) => {
                // Docker pads with NUL characters in places.
                let password = password.trim_end_matches('\0');
                if username.is_empty() || password.is_empty() {
                    return Err(wrong("with a user but no password, or no user"));
                }
                Ok(Some(Credential::Basic {
                    username,
                    password: password.into(),
                }))
            }
            Err(CredentialRetrievalError::NoCredentialConfigured) => Ok(None),
            Err(_) => Err(wrong("whose `auth` is not `user:password` in base64")),
        }
    }

    /// The entry of a host: its exact key, else a key that is the host once scheme and path are cut off, the
    /// shortest first, so that `r.io` comes before `r.io/team`.
    pub(super) fn entry(&self, identity: &str) -> Option<(&str, &Value)> {
        self.entry_where(identity, |_| true)
    }

    /// All keys under which a host is found.
    pub(super) fn keys(&self, identity: &str) -> Vec<&str> {
        let fits =
            |key: &&str| [server(identity), identity].contains(key) || super::identity(host(key)) == identity;
        self.auths.keys().map(String::as_str).filter(fits).collect()
    }

    fn entry_where(&self, identity: &str, counts: impl Fn(&str) -> bool) -> Option<(&str, &Value)> {
        let exact = [server(identity), identity]
            .into_iter()
            .find_map(|key| self.auths.get_key_value(key));
        let near = || {
            let fits =
                |key: &&String| super::identity(host(key)) == identity && *key != DOCKER_HUB && counts(key);
            let key = self.auths.keys().filter(fits).min_by_key(|key| key.len())?;
            self.auths.get_key_value(key)
        };
        exact.or_else(near).map(|(key, value)| (key.as_str(), value))
    }
}

/// The bytes of a store; `None` if there is no such file.
pub(super) fn bytes(path: &Path) -> Result<Option<Vec<u8>>, FileError> {
    let wrong = |problem: String| FileError {
        path: path.into(),
        problem,
    };
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => {
            return Err(wrong(format!(
                "cannot be read ({error}); correct its permissions"
            )));
        }
    };
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| wrong(format!("cannot be read ({error}); give a file")))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(wrong(
            "is larger than 1 MiB and so no store of credentials; correct the path".into(),
        ));
    }
    Ok(Some(bytes))
}

/// The host in a key such as `https://r.io/v2/`.
fn host(key: &str) -> &str {
    let rest = key.split_once("://").map_or(key, |(_, rest)| rest);
    rest.split('/').next().unwrap_or_default()
}

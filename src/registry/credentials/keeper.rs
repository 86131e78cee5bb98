//! Keeps the logins of `chartferry login` where `helm registry login` keeps its own, and forgets them.
//!
//! The file may be in use by Helm, Docker and another chartferry at this moment. It is replaced by a rename, so nobody
//! reads half of it; chartferry's own changes go one after the other under a lock on the folder, and a change that
//! another program made in between is read and kept.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret as _, SecretString};

use super::document::Document;
use super::file::{self, FileError, StoreFile};
use super::helper::{HelperError, Helpers};
use super::{DOCKER_HUB, blocking, identity, paths, server};
use crate::types::RegistryHost;

/// How long another login may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often a change starts again because another program was faster.
const TRIES: usize = 20;

/// Why a login cannot be kept or forgotten.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// Nothing says where.
    #[error(
        "there is no file for logins, as neither `HELM_REGISTRY_CONFIG` nor `HOME` is set; name one with `--registry-config`"
    )]
    NoPlace,
    /// The file cannot be read, or holds something else.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file cannot be written.
    #[error("`{}` cannot be written ({reason}); correct it or name another file with `--registry-config`", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's word.
        reason: String,
    },
    /// The helper that the file names does not do it.
    #[error("{why} (it is named by `{}`)", .path.display())]
    Helper {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: HelperError,
    },
    /// The work was given up.
    #[error("{0}")]
    Given(String),
}

/// The store that `helm registry login` writes.
#[derive(Debug)]
pub struct Keeper {
    path: PathBuf,
    helpers: Helpers,
}

impl Keeper {
    /// The store at `registry_config`, else where the environment says.
    pub fn new(
        registry_config: Option<PathBuf>,
        variables: &BTreeMap<String, String>,
    ) -> Result<Self, KeepError> {
        let path = registry_config.or_else(|| paths::helm(variables));
        Ok(Self {
            path: path.ok_or(KeepError::NoPlace)?,
            helpers: Helpers::new(variables),
        })
    }

    /// Fails if a login could not be kept because the store is broken. Nothing is changed.
    pub async fn check(&self) -> Result<(), KeepError> {
        self.read().await.map(drop)
    }

    /// Keeps a login. Returns for people where it is now.
    pub async fn save(
        &self,
        host: &RegistryHost,
        username: &str,
        password: &SecretString,
    ) -> Result<String, KeepError> {
        let identity = identity(host.as_str());
        let store = self.read().await?;
        let named = store.helper(&identity).map(str::to_owned);
        let chosen = || self.helpers.platform().filter(|_| store.is_unused());
        let key = key(host, &identity);
        if let Some(program) = named.clone().or_else(|| chosen().map(str::to_owned)) {
            let stored = self
                .helpers
                .store(&program, server(&identity), username, password);
            stored.await.map_err(|why| self.helper_error(why))?;
            let place = format!("the credential helper `{program}`");
            // What a plain entry holds is outdated now, and in plain text.
            self.edit(move |document, store| {
                if named.is_none() {
                    document.set_store(&program);
                }
                remove(document, store, &identity) || named.is_none()
            })
            .await?;
            return Ok(place);
        }
        let auth = STANDARD.encode(format!("{username}:{}", password.expose_secret()));
        self.edit(move |document, _| {
            document.set_login(&key, &auth);
            true
        })
        .await?;
        Ok(format!("`{}`", self.path.display()))
    }

    /// Forgets the login of a host. False if there was none.
    pub async fn forget(&self, host: &RegistryHost) -> Result<bool, KeepError> {
        let identity = identity(host.as_str());
        let store = self.read().await?;
        let mut known = false;
        if let Some(program) = store.helper(&identity) {
            let server = server(&identity);
            let found = self.helpers.ask(program, server, None).await;
            known = found.map_err(|why| self.helper_error(why))?.is_some();
            if known {
                let erased = self.helpers.erase(program, server).await;
                erased.map_err(|why| self.helper_error(why))?;
            }
        }
        let removed = self.edit(move |document, store| remove(document, store, &identity));
        Ok(removed.await? || known)
    }

    fn helper_error(&self, why: HelperError) -> KeepError {
        let path = self.path.clone();
        KeepError::Helper { path, why }
    }

    async fn read(&self) -> Result<StoreFile, KeepError> {
        let path = self.path.clone();
        let read = move || {
            refuse_what_is_no_file(&path)?;
            let bytes = file::bytes(&path)?.unwrap_or_default();
            Ok(StoreFile::parse(&path, &bytes)?)
        };
        blocking(read).await.map_err(KeepError::Given)?
    }

    async fn edit(
        &self,
        change: impl Fn(&mut Document, &StoreFile) -> bool + Send + 'static,
    ) -> Result<bool, KeepError> {
        let path = self.path.clone();
        let edit = blocking(move || edit(&path, change));
        edit.await.map_err(KeepError::Given)?
    }
}

/// The name under which Helm and Docker find a plain login: as it is written in references.
fn key(host: &RegistryHost, identity: &str) -> String {
    if server(identity) == DOCKER_HUB {
        DOCKER_HUB.to_owned()
    } else {
        host.to_string()
    }
}

/// Takes out every entry by which the host would still be found.
fn remove(document: &mut Document, store: &StoreFile, identity: &str) -> bool {
    let mut any = false;
    for key in store.keys(identity) {
        any |= document.remove_login(key);
    }
    any
}

/// Links are followed, so that one in a home full of links stays one; what is no file is not opened.
fn refuse_what_is_no_file(path: &Path) -> Result<(), KeepError> {
    let wrong = |problem: &str| FileError {
        path: path.into(),
        problem: problem.to_owned(),
    };
    match fs::metadata(path) {
        Ok(found) if found.is_file() => Ok(()),
        Ok(_) => Err(wrong("is no file; give a file"))?,
        Err(_) if fs::symlink_metadata(path).is_ok() => {
            Err(wrong("is a link that leads nowhere; remove it"))?
        }
        Err(_) => Ok(()),
    }
}

/// Changes the file until nobody else did so at the same time. False if there was nothing to change.
pub(super) fn edit(
    path: &Path,
    change: impl Fn(&mut Document, &StoreFile) -> bool,
) -> Result<bool, KeepError> {
    let failed = |error: std::io::Error| KeepError::Write {
        path: path.into(),
        reason: error.to_string(),
    };
    refuse_what_is_no_file(path)?;
    let real = if path.exists() {
        path.canonicalize().map_err(failed)?
    } else {
        path.to_owned()
    };
    let parent = real.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = parent.unwrap_or(Path::new("."));
    let _lock = locked(folder).map_err(failed)?;
    for _ in 0..TRIES {
        let before = file::bytes(&real)?;
        let bytes = before.as_deref().unwrap_or_default();
        let store = StoreFile::parse(path, bytes)?;
        let mut document = Document::parse(bytes).map_err(|error| failed(error.into()))?;
        if !change(&mut document, &store) {
            return Ok(false);
        }
        let after = document.to_bytes().map_err(|error| failed(error.into()))?;
        if replace(&real, folder, before.as_deref(), &after).map_err(failed)? {
            return Ok(true);
        }
    }
    Err(failed(std::io::Error::other(
        "other programs change it all the time",
    )))
}

/// The folder, made where needed, and its lock for as long as the file is held.
fn locked(folder: &Path) -> std::io::Result<Option<File>> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let lock = File::open(folder)?;
    let began = Instant::now();
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(Some(lock)),
            Err(TryLockError::WouldBlock) if began.elapsed() < PATIENCE => {
                std::thread::sleep(Duration::from_millis(10));
            }
            Err(TryLockError::WouldBlock) => {
                return Err(std::io::Error::new(
                    ErrorKind::TimedOut,
                    "another login is at work on it for 10 s",
                ));
            }
            // Some network file systems know no locks; comparing has to do.
            Err(TryLockError::Error(_)) => return Ok(None),
        }
    }
}

/// Puts a new file, readable by its owner alone, in the place of the old one. False if that is no longer what was read.
fn replace(path: &Path, folder: &Path, before: Option<&[u8]>, after: &[u8]) -> std::io::Result<bool> {
    let mut new = tempfile::Builder::new()
        .prefix(".chartferry-")
        .tempfile_in(folder)?;
    new.write_all(after)?;
    new.as_file().sync_all()?;
    let now = match fs::read(path) {
        Ok(bytes) => Some(bytes),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    if now.as_deref() != before {
        return Ok(false);
    }
    new.persist(path).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()?;
    Ok(true)
}

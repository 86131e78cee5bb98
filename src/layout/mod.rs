//! `oci-layout:DIR`: an OCI image layout on disk, as target and as source (image-spec "Image Layout").
//!
//! Several repositories live in one layout: `index.json` names a manifest by the annotation
//! `org.opencontainers.image.ref.name` = `<repository>:<tag>`. Blobs are shared by all of them.
//!
//! What holds at any moment, a crash included: a file below `blobs/sha256` is complete, and what `index.json`
//! names is there. So everything is written beside its place, synced and renamed, and the index comes last.
//! Many pushes at once share one rewrite of `index.json` (group commit): each returns when its entry is durable.

mod blobs;
mod error;
mod index;
mod lock;
mod permission;

use std::collections::HashSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::payload::{Budget, Payload, Spooled};
use crate::types::{Digest, Repository, Tag};

pub use error::LayoutError;
use index::Index;

/// What a layout is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// To read what is there; a folder without a layout is an error. Takes no lock: files are replaced whole.
    Read,
    /// To read what is there; where nothing is yet, nothing is: no folder, an empty one, or one in which a run has made a
    /// layout and stored nothing. Takes no lock.
    ReadOrEmpty,
    /// To push; the layout is created where there is none. One process at a time.
    Write,
}

/// What to do with a tag that names another manifest already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// Leave it and say so ([`LayoutError::TagTaken`]).
    Keep,
    /// Let it name the new manifest.
    Replace,
}

/// A manifest as it is stored.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// The exact bytes.
    pub bytes: Bytes,
    /// Media type, as the index gives it.
    pub media_type: Box<str>,
    /// Digest of the bytes.
    pub digest: Digest,
}

/// A manifest that `index.json` names.
#[derive(Debug, Clone)]
pub struct Named {
    /// `org.opencontainers.image.ref.name`; by our own writing `<repository>:<tag>`, others write other things.
    pub name: Option<Arc<str>>,
    /// Digest of the manifest.
    pub digest: Digest,
    /// Its media type.
    pub media_type: Arc<str>,
}

/// An image layout. Cloning shares it; a process opens a folder for writing once and clones it.
#[derive(Debug, Clone)]
pub struct Layout {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    dir: PathBuf,
    access: Access,
    /// There is a layout.
    there: bool,
    state: Mutex<State>,
    /// Held while `index.json` is rewritten. Not the lock of `state`, so that lookups and new entries go on
    /// meanwhile; those entries are the next group.
    writer: Mutex<()>,
    /// Keeps other processes from writing as long as it is open.
    _lock: Option<File>,
}

#[derive(Debug)]
struct State {
    index: Index,
    /// Changes made in memory so far.
    changes: u64,
    /// How many of them `index.json` has on disk.
    durable: u64,
}

/// A poisoned lock guards nothing half-done here: every change under it is a single step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs `work` where blocking is allowed. It goes on to its end even if the caller stops waiting.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LayoutError> + Send + 'static,
) -> Result<T, LayoutError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| LayoutError::Task(error.to_string()))?
}

impl Layout {
    /// Opens the layout in `dir`.
    pub async fn open(dir: &Path, access: Access) -> Result<Self, LayoutError> {
        let dir = dir.to_path_buf();
        blocking(move || {
            let (dir, lock) = match access {
                Access::ReadOrEmpty if lock::is_free(&dir) => return Ok(Self::empty(dir)),
                Access::Read | Access::ReadOrEmpty => (lock::existing(&dir)?, None),
                Access::Write => lock::create(&dir).map(|(dir, lock)| (dir, Some(lock)))?,
            };
            blobs::check_folder(&dir)?;
            if access == Access::Write {
                lock::remove_leftovers(&dir);
            }
            let state = State {
                index: Index::read(&dir, access)?,
                changes: 0,
                durable: 0,
            };
            let inner = Inner {
                dir,
                access,
                there: true,
                state: Mutex::new(state),
                writer: Mutex::new(()),
                _lock: lock,
            };
            Ok(Self {
                inner: Arc::new(inner),
            })
        })
        .await
    }

    /// A layout of which nothing exists yet, to be looked at.
    fn empty(dir: PathBuf) -> Self {
        let state = State {
            index: Index::empty(),
            changes: 0,
            durable: 0,
        };
        let inner = Inner {
            dir,
            access: Access::ReadOrEmpty,
            there: false,
            state: Mutex::new(state),
            writer: Mutex::new(()),
            _lock: None,
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// False where there is no layout yet, but only room for one ([`Access::ReadOrEmpty`]).
    pub fn is_there(&self) -> bool {
        self.inner.there
    }

    /// Whether this process could write to the layout in `dir`, or make one there. Nothing is changed, and nobody is asked
    /// for the lock.
    pub async fn check_permission(dir: &Path) -> Result<(), LayoutError> {
        let dir = dir.to_path_buf();
        blocking(move || permission::check(&dir)).await
    }

    /// The folder, absolute.
    pub fn dir(&self) -> &Path {
        &self.inner.dir
    }

    /// All tags of a repository; empty where there is no such repository.
    pub fn list_tags(&self, repository: &Repository) -> HashSet<Box<str>> {
        lock(&self.inner.state).index.tags(repository)
    }

    /// Every manifest that the index names, in its order. Entries in a form that cannot be read are left out.
    pub fn manifests(&self) -> Vec<Named> {
        lock(&self.inner.state).index.manifests()
    }

    /// The digest that a tag names, or a digest itself if its manifest is there.
    pub async fn head_manifest(
        &self,
        repository: &Repository,
        reference: &str,
    ) -> Result<Option<Digest>, LayoutError> {
        let Some((digest, _)) = self.lookup(repository, reference) else {
            return Ok(None);
        };
        Ok(self.has_blob(&digest, None).await?.then_some(digest))
    }

    /// The manifest that a tag or digest names, checked against its digest.
    pub async fn get_manifest(
        &self,
        repository: &Repository,
        reference: &str,
    ) -> Result<Option<Manifest>, LayoutError> {
        match self.lookup(repository, reference) {
            Some((digest, media_type)) => self.manifest_by_digest(digest, &media_type).await.map(Some),
            None => Ok(None),
        }
    }

    /// The manifest of this digest, checked against it.
    pub async fn manifest_by_digest(
        &self,
        digest: Digest,
        media_type: &str,
    ) -> Result<Manifest, LayoutError> {
        let inner = Arc::clone(&self.inner);
        let bytes = blocking(move || blobs::read_manifest(&inner.dir, &digest)).await?;
        Ok(Manifest {
            bytes,
            media_type: media_type.into(),
            digest,
        })
    }

    /// Looks a reference up in the index only.
    fn lookup(&self, repository: &Repository, reference: &str) -> Option<(Digest, Arc<str>)> {
        let state = lock(&self.inner.state);
        match reference.parse::<Digest>() {
            Ok(digest) => state.index.by_digest(&digest),
            Err(_) => state.index.by_tag(repository, reference),
        }
    }

    /// Whether a blob is there, and of this size where one is given. Blobs belong to the layout, not to a repository.
    pub async fn has_blob(&self, digest: &Digest, size: Option<u64>) -> Result<bool, LayoutError> {
        let (inner, digest) = (Arc::clone(&self.inner), *digest);
        blocking(move || {
            let found = blobs::size(&inner.dir, &digest)?;
            Ok(found.is_some_and(|found| size.is_none_or(|size| size == found)))
        })
        .await
    }

    /// Stores a blob. A blob that is there with the right bytes is left alone, a damaged one is replaced.
    pub async fn push_blob(&self, digest: &Digest, payload: &Payload) -> Result<(), LayoutError> {
        let (inner, digest, payload) = (Arc::clone(&self.inner), *digest, payload.clone());
        blocking(move || {
            inner.check_writable()?;
            blobs::write(&inner.dir, &digest, &payload)
        })
        .await
    }

    /// Reads a blob of this size, checked against its digest.
    pub async fn get_blob(
        &self,
        digest: &Digest,
        size: u64,
        budget: &Budget,
    ) -> Result<Spooled, LayoutError> {
        blobs::read(&self.inner.dir, digest, size, budget).await
    }

    /// Stores a manifest whose blobs are there, and lets `tag` name it. Returns when that is durable.
    pub async fn put_manifest(
        &self,
        repository: &Repository,
        tag: &Tag,
        media_type: &str,
        bytes: Bytes,
        existing: Existing,
    ) -> Result<Digest, LayoutError> {
        let inner = Arc::clone(&self.inner);
        let name = index::reference(repository, tag.as_str());
        let media_type: Box<str> = media_type.into();
        blocking(move || inner.put(&name, &media_type, bytes, existing)).await
    }

    /// Removes all tags of a repository that name this manifest, durably; `false` if there are none. Its bytes stay:
    /// other repositories may name them.
    pub async fn delete_manifest(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<bool, LayoutError> {
        let (inner, repository, digest) = (Arc::clone(&self.inner), repository.clone(), *digest);
        blocking(move || {
            inner.check_writable()?;
            let change = {
                let mut state = lock(&inner.state);
                if !state.index.remove(&repository, &digest) {
                    return Ok(false);
                }
                state.changes += 1;
                state.changes
            };
            inner.commit(change).map(|()| true)
        })
        .await
    }
}

impl Inner {
    fn check_writable(&self) -> Result<(), LayoutError> {
        match self.access {
            Access::Write => Ok(()),
            Access::Read | Access::ReadOrEmpty => Err(LayoutError::ReadOnly {
                dir: self.dir.clone(),
            }),
        }
    }

    fn put(
        &self,
        name: &str,
        media_type: &str,
        bytes: Bytes,
        existing: Existing,
    ) -> Result<Digest, LayoutError> {
        self.check_writable()?;
        blobs::check_children(&self.dir, name, &bytes)?;
        let digest = Digest::of(&bytes);
        let size = bytes.len() as u64;
        if existing == Existing::Keep {
            lock(&self.state).index.check_free(name, &digest)?;
        }
        blobs::write(&self.dir, &digest, &bytes.into())?;
        let change = {
            let mut state = lock(&self.state);
            if existing == Existing::Keep {
                state.index.check_free(name, &digest)?;
            }
            if state.index.set(name, digest, size, media_type) {
                state.changes += 1;
            }
            state.changes
        };
        self.commit(change)?;
        Ok(digest)
    }

    /// Makes all changes up to `change` durable. Whoever comes first writes for all who are waiting.
    ///
    /// After an error the entries stay in memory, so the next commit tries them again: like a PUT whose answer
    /// was lost, they may turn out to be stored after all, and their blobs are there.
    fn commit(&self, change: u64) -> Result<(), LayoutError> {
        let _writer = lock(&self.writer);
        let (text, upto) = {
            let state = lock(&self.state);
            if state.durable >= change {
                return Ok(());
            }
            (state.index.render(), state.changes)
        };
        // The names of the blobs must be on disk before the index is that needs them.
        blobs::sync_folder(&blobs::folder(&self.dir))?;
        blobs::replace_file(&self.dir, index::FILE, &text)?;
        lock(&self.state).durable = upto;
        Ok(())
    }
}

#[cfg(test)]
mod tests;

//! Where charts come from: a Helm repository on a web server or in a folder, or an OCI image layout.
//!
//! A source gives its index ([`Source::snapshot`]), says where the package of an entry is ([`Source::locate`]) and
//! fetches it together with its provenance file ([`Source::fetch`]). Whether bytes are the right ones is for the
//! caller to judge; here they are received whole or not at all.
//!
//! What is in a registry already (`oci://` in an index, everything in a layout) is not fetched but copied: `locate`
//! says so, and [`Source::stored`] and [`Source::blob`] read it out of a layout.

mod charts;
mod error;
mod folder;
mod http;
mod layout;
mod loose;
mod provenance;
mod reference;
mod spec;
mod urls;
mod web;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

use secrecy::SecretString;

use crate::helm::index::{Entry, Index, IndexLimits};
use crate::net::Net;
use crate::payload::{Budget, Payload, Spool, SpoolError, Spooled};
use crate::types::Digest;

/// Most real indexes are smaller.
const INDEX_IN_MEMORY: u64 = 4 << 20;

pub use error::SourceError;
pub use layout::Stored;
pub use provenance::ProvenanceFile;
pub use reference::{OciReference, ReferenceError};
pub use spec::SourceSpec;
pub use urls::{PackageUrl, UrlError};

pub use crate::types::Validators;

/// What a source needs to know besides its place.
#[derive(Debug, Clone)]
pub struct SourceOptions {
    /// Limits of the index.
    pub index_limits: IndexLimits,
    /// The largest package in bytes.
    pub max_package_size: u64,
    /// User and password for the origin of the source, and for hosts that its `pass_credentials_to` names.
    pub credentials: Option<(String, SecretString)>,
}

impl Default for SourceOptions {
    fn default() -> Self {
        Self {
            index_limits: IndexLimits::default(),
            max_package_size: 100 << 20,
            credentials: None,
        }
    }
}

/// The index at one time.
#[derive(Debug)]
pub enum Snapshot {
    /// It is new or has changed.
    Fresh {
        /// What it offers.
        index: Index,
        /// For the next time.
        validators: Validators,
    },
    /// It is what it was.
    Unchanged {
        /// For the next time: the server may have given the same text another tag.
        validators: Validators,
    },
}

/// A package and what comes with it.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// The bytes of the package.
    pub package: Spooled,
    /// The provenance file; `None` if it was not asked for.
    pub provenance: ProvenanceFile,
    /// Where the package came from, secrets masked.
    pub url: String,
    /// Which of the locations that is.
    pub place: usize,
}

/// What to fetch of a version.
#[derive(Debug, Clone, Copy, Default)]
pub struct Want {
    /// The provenance file as well.
    pub provenance: bool,
    /// Not from a cache on the way: for a second try after bytes that are not those of the index.
    pub fresh: bool,
}

/// A source of charts. Cloning shares it.
#[derive(Clone)]
pub struct Source {
    kind: Arc<Kind>,
}

enum Kind {
    Http(http::HttpSource),
    Folder(folder::FolderSource),
    Layout(layout::LayoutSource),
}

impl Source {
    /// A source at this place. Nothing is read or sent yet.
    pub fn open(spec: &SourceSpec, net: Net, budget: Budget, options: SourceOptions) -> Self {
        let kind = match spec {
            SourceSpec::Http(url) => Kind::Http(http::HttpSource::new(url.clone(), net, budget, options)),
            SourceSpec::Folder(path) => Kind::Folder(folder::FolderSource::new(path, net, budget, options)),
            SourceSpec::Layout(path) => Kind::Layout(layout::LayoutSource::new(path, budget)),
        };
        Self { kind: Arc::new(kind) }
    }

    /// Reads the index, or finds out that it is the one that `previous` was taken of.
    pub async fn snapshot(&self, previous: Option<&Validators>) -> Result<Snapshot, SourceError> {
        match &*self.kind {
            Kind::Http(source) => source.snapshot(previous).await,
            Kind::Folder(source) => source.snapshot(previous).await,
            Kind::Layout(source) => source.snapshot(previous).await,
        }
    }

    /// Where the package of an entry is, in the order in which to try. Unusable URLs are passed over if there is a
    /// usable one. If the first is [`PackageUrl::Oci`] or [`PackageUrl::Stored`], the artifact is copied.
    pub async fn locate(&self, entry: &Entry) -> Result<Vec<PackageUrl>, SourceError> {
        let mut found = Vec::new();
        let mut errors = Vec::new();
        for text in &entry.urls {
            let location = match &*self.kind {
                Kind::Http(source) => source.locate(text, &entry.version),
                Kind::Folder(source) => source.locate(text, &entry.version).await,
                Kind::Layout(_) => layout::locate(text),
            };
            match location {
                Ok(location) => found.push(location),
                Err(error) => errors.push(error),
            }
        }
        if found.is_empty() {
            return Err(one_of(errors));
        }
        Ok(found)
    }

    /// Fetches a package from the first location that has it, and beside it the provenance file. Locations from which
    /// it would be copied end the search.
    pub async fn fetch(&self, locations: &[PackageUrl], want: Want) -> Result<Fetched, SourceError> {
        let mut errors = Vec::new();
        for (place, location) in locations.iter().enumerate() {
            match self.fetch_one(location, want).await {
                Ok(fetched) => return Ok(Fetched { place, ..fetched }),
                Err(error) => errors.push(error),
            }
        }
        Err(one_of(errors))
    }

    async fn fetch_one(&self, location: &PackageUrl, want: Want) -> Result<Fetched, SourceError> {
        let provenance = async {
            if want.provenance {
                self.provenance(location).await
            } else {
                Ok(ProvenanceFile::None)
            }
        };
        let package = self.package(location, want.fresh);
        let mut package = std::pin::pin!(package);
        let mut provenance = std::pin::pin!(provenance);
        // Without the package the other file is of no use: its transfer is dropped. The other way round the package
        // is awaited, since its error says more.
        let (package, provenance) = tokio::select! {
            package = &mut package => (package?, provenance.await),
            provenance = &mut provenance => (package.await?, provenance),
        };
        Ok(Fetched {
            package,
            provenance: provenance?,
            url: shown(location),
            place: 0,
        })
    }

    /// Fetches a package.
    pub async fn package(&self, location: &PackageUrl, fresh: bool) -> Result<Spooled, SourceError> {
        match (&*self.kind, location) {
            (Kind::Http(source), PackageUrl::Http(url)) => source.web().package(url, fresh).await,
            (Kind::Folder(source), PackageUrl::Http(url)) => source.web().package(url, fresh).await,
            (Kind::Folder(source), PackageUrl::File(path)) => source.package(path).await,
            _ => Err(SourceError::Copied(shown(location))),
        }
    }

    /// Fetches the provenance file of a package.
    pub async fn provenance(&self, location: &PackageUrl) -> Result<ProvenanceFile, SourceError> {
        match (&*self.kind, location) {
            (Kind::Http(source), PackageUrl::Http(url)) => source.web().provenance(url).await,
            (Kind::Folder(source), PackageUrl::Http(url)) => source.web().provenance(url).await,
            (Kind::Folder(source), PackageUrl::File(path)) => source.provenance(path).await,
            _ => Err(SourceError::Copied(shown(location))),
        }
    }

    /// The artifact that a layout stores under this digest of a manifest.
    pub async fn stored(&self, manifest: &Digest) -> Result<Stored, SourceError> {
        match &*self.kind {
            Kind::Layout(source) => source.stored(manifest).await,
            _ => Err(SourceError::Copied(manifest.to_string())),
        }
    }

    /// A blob of a stored artifact, checked against its digest.
    pub async fn blob(&self, digest: &Digest, size: u64) -> Result<Spooled, SourceError> {
        match &*self.kind {
            Kind::Layout(source) => source.blob(digest, size).await,
            _ => Err(SourceError::Copied(digest.to_string())),
        }
    }
}

/// The error of an entry none of whose URLs works.
fn one_of(mut errors: Vec<SourceError>) -> SourceError {
    match errors.pop() {
        None => SourceError::NoUrl,
        Some(only) if errors.is_empty() => only,
        Some(last) => {
            errors.push(last);
            SourceError::All { errors }
        }
    }
}

/// A location for messages and reports.
fn shown(location: &PackageUrl) -> String {
    match location {
        PackageUrl::Http(url) => crate::net::redact(url),
        PackageUrl::File(path) => path.display().to_string(),
        PackageUrl::Oci(reference) => reference.to_string(),
        PackageUrl::Stored(digest) => digest.to_string(),
    }
}

/// Runs `work` where blocking is allowed.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SourceError> + Send + 'static,
) -> Result<T, SourceError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| SourceError::Task(error.to_string()))?
}

/// Where the text of an index goes. A long one is on disk while it is parsed: it is read once from start to end, and
/// in memory it would make the peak of the whole run.
fn index_spool(budget: &Budget, limits: &IndexLimits) -> Spool {
    Spool::new(budget, limits.bytes).in_memory(INDEX_IN_MEMORY)
}

/// Parses an index that was received, away from the threads that serve the network.
async fn read_index(payload: Payload, limits: IndexLimits, url: String) -> Result<Index, SourceError> {
    blocking(move || {
        crate::helm::index::read(&|| payload.reader(), &limits)
            .map_err(|error| SourceError::Index { url, error })
    })
    .await
}

/// Takes a file in, at most as much of it as the spool's limit.
async fn read_file(path: &Path, mut spool: Spool, key: &'static str) -> Result<Spooled, SourceError> {
    use tokio::io::AsyncReadExt as _;
    let io = |source| SourceError::Io {
        path: path.to_path_buf(),
        source,
    };
    let mut file = tokio::fs::File::open(path).await.map_err(io)?;
    let mut buffer = vec![0; 64 << 10];
    loop {
        let read = file.read(&mut buffer).await.map_err(io)?;
        if read == 0 {
            return Ok(spool.finish().await?);
        }
        spool
            .write(&buffer[..read])
            .await
            .map_err(|error| too_large(error, &path.display().to_string(), key))?;
    }
}

/// Names the limit that was passed.
fn too_large(error: SpoolError, url: &str, key: &'static str) -> SourceError {
    if let SpoolError::TooLarge { limit } = error {
        let url = url.to_owned();
        return SourceError::TooLarge { url, limit, key };
    }
    error.into()
}

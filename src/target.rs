//! Where charts go: a registry, or an OCI image layout on disk. Both have the same face, so that everything above
//! them is written once.

use std::collections::HashSet;

use bytes::Bytes;

use crate::layout::{Existing, Layout, LayoutError};
use crate::payload::{Budget, Payload, Spooled};
use crate::registry::{Registry, RegistryError};
use crate::types::{ChartName, Class, Digest, OciTarget, Repository, Tag, TargetError};

/// A target.
#[derive(Clone)]
pub enum Target {
    /// Repositories under a prefix of a registry.
    Registry {
        /// The client.
        registry: Registry,
        /// Host and prefix.
        address: OciTarget,
    },
    /// A folder; repositories have no prefix in it.
    Layout(Layout),
}

/// A manifest as the target holds it.
#[derive(Debug, Clone)]
pub struct StoredManifest {
    /// The exact bytes.
    pub bytes: Bytes,
    /// Its media type.
    pub media_type: Box<str>,
    /// Digest of the bytes.
    pub digest: Digest,
}

impl From<crate::registry::Manifest> for StoredManifest {
    fn from(manifest: crate::registry::Manifest) -> Self {
        Self {
            bytes: manifest.bytes,
            media_type: manifest.media_type.into(),
            digest: manifest.digest,
        }
    }
}

impl From<crate::layout::Manifest> for StoredManifest {
    fn from(manifest: crate::layout::Manifest) -> Self {
        Self {
            bytes: manifest.bytes,
            media_type: manifest.media_type,
            digest: manifest.digest,
        }
    }
}

/// The tags of a repository.
#[derive(Debug, Clone, Default)]
pub struct Tags {
    /// All that the target named.
    pub names: HashSet<Box<str>>,
    /// The repository is there; a layout takes any.
    pub found: bool,
    /// The listing was complete and orderly: a tag that it does not name is absent. Otherwise a look at the tag
    /// itself decides (registries rule 15).
    pub trusted: bool,
    /// Tags are stored in lower case: two that differ only in that are one (registries rule 17).
    pub folded: bool,
}

impl Tags {
    /// Whether this tag is listed.
    pub fn names(&self, tag: &str) -> bool {
        self.names.contains(tag) || (self.folded && self.names.contains(tag.to_ascii_lowercase().as_str()))
    }
}

/// Why a target did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum TargetFault {
    /// The registry.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The folder.
    #[error(transparent)]
    Layout(#[from] LayoutError),
}

impl TargetFault {
    /// The kind of failure.
    pub fn class(&self) -> Class {
        match self {
            Self::Registry(error) => error.class(),
            Self::Layout(error) => error.class(),
        }
    }

    /// Stable code for reports.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Registry(error) => error.code(),
            Self::Layout(LayoutError::TagTaken { .. }) => "conflict",
            Self::Layout(_) => "layout",
        }
    }

    /// The login does not work, so nothing else will.
    pub fn is_login(&self) -> bool {
        matches!(self, Self::Registry(error) if error.is_login())
    }

    /// We are not let in, or what should be written to is not there and is not made.
    pub fn is_denial(&self) -> bool {
        match self {
            Self::Registry(error) => {
                error.class() == Class::Auth
                    || error.code() == "registry-login"
                    || error.is_repository_missing()
            }
            Self::Layout(_) => false,
        }
    }

    /// The digest of what was read, where it is not the one that was asked for.
    pub fn found_digest(&self) -> Option<String> {
        match self {
            Self::Registry(RegistryError::Digest { found, .. }) => Some(found.clone()),
            Self::Layout(LayoutError::Corrupt { found, .. }) => Some(found.to_string()),
            _ => None,
        }
    }

    /// There is no room left.
    pub fn is_full(&self) -> bool {
        self.code() == "registry-quota"
    }

    /// The tag names another manifest and stays as it is.
    pub fn is_conflict(&self) -> bool {
        match self {
            Self::Registry(error) => matches!(error, RegistryError::Conflict { .. }),
            Self::Layout(error) => matches!(error, LayoutError::TagTaken { .. }),
        }
    }
}

impl Target {
    /// `oci://…` or `oci-layout:…`, as the user wrote it.
    pub fn name(&self) -> String {
        match self {
            Self::Registry { address, .. } => address.to_string(),
            Self::Layout(layout) => format!("oci-layout:{}", layout.dir().display()),
        }
    }

    /// The repository of a chart.
    pub fn repository(&self, chart: &ChartName) -> Result<Repository, TargetError> {
        match self {
            Self::Registry { address, .. } => address.repository(chart),
            Self::Layout(_) => Repository::new(chart.as_str()),
        }
    }

    /// How a tag is named in reports.
    pub fn reference(&self, repository: &Repository, tag: &Tag) -> String {
        match self {
            Self::Registry { address, .. } => address.tag_reference(repository, tag),
            Self::Layout(layout) => format!("oci-layout:{}:{repository}:{tag}", layout.dir().display()),
        }
    }

    /// Finds out whether the target can be used at all.
    pub async fn probe(&self) -> Result<(), TargetFault> {
        match self {
            Self::Registry { registry, .. } => Ok(registry.probe().await?),
            Self::Layout(_) => Ok(()),
        }
    }

    /// The tags of a repository; none where it does not exist.
    pub async fn list_tags(&self, repository: &Repository) -> Result<Tags, TargetFault> {
        match self {
            Self::Registry { registry, .. } => {
                let list = registry.list_tags(repository).await?;
                Ok(Tags {
                    names: list.tags,
                    found: list.found,
                    trusted: list.trusted,
                    folded: registry.folds_tags(),
                })
            }
            Self::Layout(layout) => Ok(Tags {
                names: layout.list_tags(repository),
                found: true,
                trusted: true,
                folded: false,
            }),
        }
    }

    /// Stores a blob.
    pub async fn push_blob(
        &self,
        repository: &Repository,
        digest: &Digest,
        payload: &Payload,
    ) -> Result<(), TargetFault> {
        match self {
            Self::Registry { registry, .. } => Ok(registry.push_blob(repository, digest, payload).await?),
            Self::Layout(layout) => Ok(layout.push_blob(digest, payload).await?),
        }
    }

    /// Whether a blob is there, and of this size where that can be told.
    pub async fn has_blob(
        &self,
        repository: &Repository,
        digest: &Digest,
        size: u64,
    ) -> Result<bool, TargetFault> {
        match self {
            Self::Registry { registry, .. } => Ok(registry.has_blob(repository, digest, Some(size)).await?),
            Self::Layout(layout) => Ok(layout.has_blob(digest, Some(size)).await?),
        }
    }

    /// Reads a blob of at most `size` bytes; nothing but the bytes of `digest` is returned.
    pub async fn get_blob(
        &self,
        repository: &Repository,
        digest: &Digest,
        size: u64,
        budget: &Budget,
    ) -> Result<Spooled, TargetFault> {
        match self {
            Self::Registry { registry, .. } => {
                Ok(registry.get_blob(repository, digest, size, budget).await?)
            }
            Self::Layout(layout) => Ok(layout.get_blob(digest, size, budget).await?),
        }
    }

    /// The digest that a tag names.
    pub async fn head_manifest(
        &self,
        repository: &Repository,
        reference: &str,
    ) -> Result<Option<Digest>, TargetFault> {
        match self {
            Self::Registry { registry, .. } => Ok(registry.head_manifest(repository, reference).await?),
            Self::Layout(layout) => Ok(layout.head_manifest(repository, reference).await?),
        }
    }

    /// A manifest by tag or digest.
    pub async fn get_manifest(
        &self,
        repository: &Repository,
        reference: &str,
    ) -> Result<Option<StoredManifest>, TargetFault> {
        match self {
            Self::Registry { registry, .. } => Ok(registry
                .get_manifest(repository, reference)
                .await?
                .map(Into::into)),
            Self::Layout(layout) => Ok(layout.get_manifest(repository, reference).await?.map(Into::into)),
        }
    }

    /// Lets `tag` name this manifest, whose blobs are there.
    pub async fn put_manifest(
        &self,
        repository: &Repository,
        tag: &Tag,
        media_type: &str,
        bytes: Bytes,
        overwrite: bool,
    ) -> Result<(), TargetFault> {
        match self {
            Self::Registry { registry, .. } => {
                registry.put_manifest(repository, tag, media_type, bytes).await?;
            }
            Self::Layout(layout) => {
                let existing = if overwrite {
                    Existing::Replace
                } else {
                    Existing::Keep
                };
                layout
                    .put_manifest(repository, tag, media_type, bytes, existing)
                    .await?;
            }
        }
        Ok(())
    }

    /// Deletes a manifest of a repository, and with it every tag there that names it. `false` if it was not there.
    pub async fn delete_manifest(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<bool, TargetFault> {
        match self {
            Self::Registry { registry, .. } => Ok(registry.delete_manifest(repository, digest).await?),
            Self::Layout(layout) => Ok(layout.delete_manifest(repository, digest).await?),
        }
    }

    /// Reads a tag back until it names `digest`, and looks for its blobs (digest and size). A layout is durable when it
    /// says so.
    pub async fn read_back(
        &self,
        repository: &Repository,
        tag: &Tag,
        digest: &Digest,
        blobs: &[(Digest, u64)],
    ) -> Result<(), TargetFault> {
        match self {
            Self::Registry { registry, .. } => Ok(registry.read_back(repository, tag, digest, blobs).await?),
            Self::Layout(_) => Ok(()),
        }
    }
}

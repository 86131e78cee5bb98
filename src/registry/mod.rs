//! The client of OCI registries: the distribution spec, and what registries make of it.
//!
//! One [`Registry`] for each registry host and run. It asks `/v2/` once, knows from then on what login the registry
//! wants, and wastes no request on a 401; it learns how blobs are best uploaded with the first of them.

mod auth;
mod blob;
mod challenge;
mod creation;
mod credential;
pub mod credentials;
mod error;
mod greeting;
mod location;
mod manifest;
mod pieces;
mod problems;
mod quota;
mod realm;
mod scope;
mod session;
mod standing;
mod tags;
mod token;
mod transport;
mod upload;

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use http::Method;
use http::header::LOCATION;
use url::Url;

pub use creation::{Created, CreationError, CreationFuture, Lacking};
pub use credential::{
    Credential, CredentialError, CredentialFuture, Credentials, FixedCredentials, Given, Wanted,
};
pub use error::RegistryError;
pub use greeting::{Greeting, LoginMethod};
pub use manifest::{Manifest, Stored};
pub use problems::Problems;
pub use standing::Refusal;
pub use tags::{NextPage, TagList, TagPage};

use auth::Auth;
use manifest::Manifests;
use quota::ManifestPace;
use scope::Right;
use session::Session;
use transport::{Call, Transport};
use upload::{Upload, Uploads};

use crate::net::{AddressGuard, Net};
use crate::payload::{Budget, Payload, Spooled};
use crate::types::{Class, Digest, OciTarget, RegistryHost, RegistryKind, Repository, Tag};

/// What a [`Registry`] is for.
#[derive(Debug, Clone)]
pub struct RegistryOptions {
    /// Plain HTTP; also where the host's settings say so.
    pub plain_http: bool,
    /// Only read: tokens are asked for `pull` alone.
    pub read_only: bool,
    /// Whether the upload in one POST is tried.
    pub single_post: bool,
    /// Hosts of token services that may get the credentials, besides those of the host's settings.
    pub trusted_realms: Vec<String>,
    /// On whose behalf it is asked: of the user who configured it where absent, else of the source whose index
    /// names it, whose address rules then hold.
    pub guard: Option<AddressGuard>,
}

impl Default for RegistryOptions {
    fn default() -> Self {
        Self {
            plain_http: false,
            read_only: false,
            single_post: true,
            trusted_realms: Vec::new(),
            guard: None,
        }
    }
}

/// One registry. Cloning is cheap and shares everything.
#[derive(Clone)]
pub struct Registry {
    inner: Arc<Inner>,
}

struct Inner {
    transport: Arc<Transport>,
    uploads: Uploads,
    pace: ManifestPace,
    right: Right,
}

impl Registry {
    /// The registry at `host`. Nothing is sent yet.
    pub fn new(
        net: Net,
        host: RegistryHost,
        credentials: Arc<dyn Credentials>,
        options: RegistryOptions,
    ) -> Result<Self, RegistryError> {
        let base = base(&net, &host, options.plain_http)?;
        let plain = base.scheme() == "http";
        // Nobody configured a registry that an index names.
        let for_index = options.guard.is_some() && options.read_only;
        let guard = options
            .guard
            .unwrap_or_else(|| AddressGuard::registry(&host, plain));
        let auth = Auth::new(
            net.clone(),
            host.clone(),
            base.clone(),
            guard.clone(),
            credentials,
            options.trusted_realms,
            for_index,
        );
        let transport = Transport::new(net, host, base, guard, auth);
        let right = if options.read_only {
            Right::Pull
        } else {
            Right::Push
        };
        let uploads = Uploads::new(options.single_post);
        let pace = ManifestPace::of(transport.kind());
        Ok(Self {
            inner: Arc::new(Inner {
                transport,
                uploads,
                pace,
                right,
            }),
        })
    }

    /// The host as written in references.
    pub fn host(&self) -> &RegistryHost {
        &self.inner.transport.host
    }

    /// Whether the registry takes a blob in one POST; `None` until a blob was pushed.
    pub fn takes_single_post(&self) -> Option<bool> {
        self.inner.uploads.single_post()
    }

    /// Where its API is: scheme, host and port.
    pub fn url(&self) -> Url {
        self.inner.transport.url("")
    }

    /// GET `/v2/` without a login: what it says of itself. Sent every time; nothing is remembered of it.
    pub async fn greet(&self) -> Result<Greeting, RegistryError> {
        self.inner.transport.greet().await
    }

    /// How it wants to be logged in to; [`LoginMethod::None`] until it was asked.
    pub fn login_method(&self) -> LoginMethod {
        self.inner.transport.login_method()
    }

    /// GET `/v2/`, once: whether this is a registry and what login it wants. Every other method does it first.
    pub async fn probe(&self) -> Result<(), RegistryError> {
        self.inner.transport.probe().await
    }

    /// Whether the login is accepted, apart from any repository: an error if it is not, false if none is asked for, so
    /// that nobody can tell.
    pub async fn check_login(&self) -> Result<bool, RegistryError> {
        self.inner.transport.check_login().await
    }

    /// The tags of a repository. One that does not exist has none; 401 and 403 are errors.
    pub async fn list_tags(&self, repository: &Repository) -> Result<TagList, RegistryError> {
        let Inner { transport, right, .. } = &*self.inner;
        match tags::list(transport, repository, *right).await {
            // Docker Hub hides repositories that a push would create behind a 401, and ECR lists to those only who may
            // list; an upload that it opens tells whether to go on (registries rule 14).
            Err(error) if self.hides(&error) && self.open_upload(repository).await.is_ok() => Ok(TagList {
                tags: HashSet::new(),
                found: false,
                // Docker Hub hides tags of what is missing as well. At ECR a look at each tag decides.
                trusted: self.kind() == Some(RegistryKind::DockerHub),
            }),
            // Quay refuses a pull-only look at what does not exist yet (registries rule 1). Who may not push gets
            // the first answer.
            Err(error) if *right == Right::Pull && error.class() == Class::Auth => {
                tags::list(transport, repository, Right::Push)
                    .await
                    .map_err(|_| error)
            }
            listed => listed,
        }
    }

    /// One page of at most `n` tags after `last`: how the registry pages, not what it holds.
    pub async fn tag_page(
        &self,
        repository: &Repository,
        n: usize,
        last: Option<&str>,
    ) -> Result<TagPage, RegistryError> {
        let Inner { transport, right, .. } = &*self.inner;
        tags::one_page(transport, repository, *right, n, last).await
    }

    fn hides(&self, error: &RegistryError) -> bool {
        let known = matches!(self.kind(), Some(RegistryKind::DockerHub | RegistryKind::Ecr));
        known && self.inner.right == Right::Push && error.class() == Class::Auth && !error.is_login()
    }

    /// What registry it is, as far as settings, its name or its login tell.
    pub fn kind(&self) -> Option<RegistryKind> {
        self.inner.transport.kind()
    }

    /// Fails for a target whose path cannot hold charts at this registry, without asking it.
    pub fn check_target(&self, target: &OciTarget) -> Result<(), RegistryError> {
        let checked = self.kind().map_or(Ok(()), |kind| kind.check_target(target));
        checked.map_err(RegistryError::Target)
    }

    /// Opens an upload and cancels it: the only proof of the right to push.
    pub async fn check_push(&self, repository: &Repository) -> Result<(), RegistryError> {
        self.open_session(repository).await?.cancel().await;
        Ok(())
    }

    /// The same proof for who is about to push: the upload stays open for the next blob of the repository, so that it
    /// costs nothing. [`Self::cancel_upload`] where none comes.
    pub async fn open_upload(&self, repository: &Repository) -> Result<(), RegistryError> {
        if !self.inner.uploads.is_open(repository) {
            let session = self.open_session(repository).await?;
            self.inner.uploads.keep(repository, session);
        }
        Ok(())
    }

    /// Cancels what [`Self::open_upload`] opened, if no blob has used it.
    pub async fn cancel_upload(&self, repository: &Repository) {
        if let Some(session) = self.inner.uploads.take(repository) {
            session.cancel().await;
        }
    }

    /// What has to be created before a push to `repository`, of which no tags are listed; `None` where a push creates it
    /// or nobody can tell. Costs a request at Harbor, none elsewhere.
    pub async fn lacking(&self, repository: &Repository) -> Result<Option<Lacking>, RegistryError> {
        creation::lacking(&self.inner.transport, repository).await
    }

    /// Creates what [`Self::lacking`] named.
    pub async fn create(&self, lacking: &Lacking) -> Result<Created, RegistryError> {
        creation::create(&self.inner.transport, lacking).await
    }

    /// How people create a repository at this registry, as a clause for the end of a sentence.
    pub fn how_to_create(&self, repository: &str) -> String {
        creation::how(&self.inner.transport, repository, false)
    }

    async fn open_session(&self, repository: &Repository) -> Result<Session, RegistryError> {
        let transport = &self.inner.transport;
        let url = transport.url(&format!("{repository}/blobs/uploads/"));
        let response = transport
            .send(Call::new(Method::POST, url, repository, Right::Push))
            .await?;
        let url = location::resolve(response.url(), response.header(LOCATION))?;
        response.discard().await;
        Ok(Session::new(transport, repository, url))
    }

    /// Brings a blob into a repository. It is not looked for first.
    pub async fn push_blob(
        &self,
        repository: &Repository,
        digest: &Digest,
        payload: &Payload,
    ) -> Result<(), RegistryError> {
        let Inner {
            transport, uploads, ..
        } = &*self.inner;
        Upload {
            transport,
            learned: uploads,
            repository,
            digest,
            payload,
            repeated: false,
        }
        .run()
        .await
    }

    /// The same by PATCH, in pieces of `length` bytes or of what the registry wants at least: to find out whether it
    /// takes them. [`Registry::push_blob`] does it by itself where a whole blob is too large.
    pub async fn push_blob_in_pieces(
        &self,
        repository: &Repository,
        digest: &Digest,
        payload: &Payload,
        length: u64,
    ) -> Result<(), RegistryError> {
        let Inner {
            transport, uploads, ..
        } = &*self.inner;
        Upload {
            transport,
            learned: uploads,
            repository,
            digest,
            payload,
            repeated: false,
        }
        .run_in_pieces(length)
        .await
    }

    /// Whether a blob is there, and of this size where one is given.
    pub async fn has_blob(
        &self,
        repository: &Repository,
        digest: &Digest,
        size: Option<u64>,
    ) -> Result<bool, RegistryError> {
        blob::is_there(&self.inner.transport, repository, digest, size, self.inner.right).await
    }

    /// Reads a blob of at most `size` bytes; its digest is verified.
    pub async fn get_blob(
        &self,
        repository: &Repository,
        digest: &Digest,
        size: u64,
        budget: &Budget,
    ) -> Result<Spooled, RegistryError> {
        blob::read(
            &self.inner.transport,
            repository,
            digest,
            size,
            budget,
            self.inner.right,
        )
        .await
    }

    fn manifests<'a>(&'a self, repository: &'a Repository, right: Right) -> Manifests<'a> {
        Manifests {
            transport: &self.inner.transport,
            repository,
            right,
        }
    }

    /// The digest behind a tag or digest; `None` if it is not there.
    pub async fn head_manifest(
        &self,
        repository: &Repository,
        reference: &str,
    ) -> Result<Option<Digest>, RegistryError> {
        self.manifests(repository, self.inner.right).head(reference).await
    }

    /// The manifest behind a tag or digest, its digest verified; `None` if it is not there.
    pub async fn get_manifest(
        &self,
        repository: &Repository,
        reference: &str,
    ) -> Result<Option<Manifest>, RegistryError> {
        self.manifests(repository, self.inner.right).get(reference).await
    }

    /// Writes a manifest under a tag and makes sure that it is there.
    pub async fn put_manifest(
        &self,
        repository: &Repository,
        tag: &Tag,
        media_type: &str,
        bytes: Bytes,
    ) -> Result<Stored, RegistryError> {
        self.inner.pace.turn().await;
        self.manifests(repository, Right::Push)
            .put(tag, media_type, bytes)
            .await
    }

    /// Reads a tag back until it shows `digest`, within the tries of the network, and looks for its blobs (digest and
    /// size): after the first tag pushed (registries rule 11).
    pub async fn read_back(
        &self,
        repository: &Repository,
        tag: &Tag,
        digest: &Digest,
        blobs: &[(Digest, u64)],
    ) -> Result<(), RegistryError> {
        let manifests = self.manifests(repository, self.inner.right);
        manifests.read_back(tag, digest).await?;
        manifests.has_blobs(tag, blobs).await
    }

    /// Whether the registry stores tags in lower case, as Gitea and Forgejo do (registries rule 17). Known once it was
    /// probed.
    pub fn folds_tags(&self) -> bool {
        self.inner.transport.folds_tags()
    }

    /// Whether the registry lists what refers to a manifest (distribution-spec "Listing Referrers").
    pub async fn lists_referrers(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<bool, RegistryError> {
        self.manifests(repository, self.inner.right)
            .lists_referrers(digest)
            .await
    }

    /// Deletes a manifest, and with it every tag that shows it. `false` if it was not there.
    pub async fn delete_manifest(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<bool, RegistryError> {
        self.manifests(repository, Right::Delete).delete(digest).await
    }
}

fn base(net: &Net, host: &RegistryHost, plain: bool) -> Result<Url, RegistryError> {
    let with = |scheme: &str| {
        Url::parse(&format!("{scheme}://{}/", host.api_host())).map_err(|error| RegistryError::NotARegistry {
            url: host.to_string(),
            why: error.to_string(),
        })
    };
    let http = with("http")?;
    if plain || net.host(&http).is_some_and(|options| options.plain_http) {
        return Ok(http);
    }
    with("https")
}

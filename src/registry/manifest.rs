//! Writing, looking up and reading manifests. A 2xx is not believed (registries rules 10 to 13).

use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderName};
use http::{HeaderValue, Method};

use super::RegistryError;
use super::scope::Right;
use super::transport::{Call, Transport};
use crate::net::{Response, Tries, redact};
use crate::payload::Payload;
use crate::types::{Class, Digest, Repository, Tag};

/// The largest manifest (distribution-spec "Pushing Manifests"; reliability 4.3).
const LARGEST: u64 = 4 << 20;

const DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

const ACCEPTED: HeaderValue = HeaderValue::from_static(
    "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, \
     application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json",
);

/// A manifest, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The bytes.
    pub bytes: Bytes,
    /// What the registry calls them, without parameters.
    pub media_type: String,
    /// Their sha256.
    pub digest: Digest,
}

/// A manifest that is at the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// The digest that the registry told in its answer to the PUT; absent where it told none and was asked again.
    pub answer_digest: Option<Digest>,
    /// It was there before: an earlier try, or another writer with the same bytes.
    pub was_there: bool,
}

/// The manifests of one repository.
pub(super) struct Manifests<'a> {
    pub(super) transport: &'a Arc<Transport>,
    pub(super) repository: &'a Repository,
    pub(super) right: Right,
}

impl Manifests<'_> {
    fn call(&self, method: Method, reference: &str) -> Call {
        let url = self
            .transport
            .url(&format!("{}/manifests/{reference}", self.repository));
        Call::new(method, url, self.repository, self.right)
    }

    fn shown(&self, reference: &str) -> String {
        let separator = if reference.contains(':') { '@' } else { ':' };
        format!(
            "{}/{}{separator}{reference}",
            self.transport.host, self.repository
        )
    }

    /// The digest behind a tag or digest; `None` if it is not there.
    pub(super) async fn head(&self, reference: &str) -> Result<Option<Digest>, RegistryError> {
        match self
            .transport
            .send(self.call(Method::HEAD, reference).header(ACCEPT, ACCEPTED))
            .await
        {
            Ok(response) => {
                let told = digest_of(&response);
                response.discard().await;
                match told {
                    Some(digest) => Ok(Some(digest)),
                    None => Ok(self.get(reference).await?.map(|manifest| manifest.digest)),
                }
            }
            Err(error) if error.class() == Class::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The manifest behind a tag or digest; `None` if it is not there.
    pub(super) async fn get(&self, reference: &str) -> Result<Option<Manifest>, RegistryError> {
        let mut tries = self.transport.net.tries();
        loop {
            match self.get_once(reference, &mut tries).await {
                Err(RegistryError::Net(error)) if error.class().is_transient() && tries.again().await => {}
                outcome => return outcome,
            }
        }
    }

    async fn get_once(&self, reference: &str, tries: &mut Tries) -> Result<Option<Manifest>, RegistryError> {
        let call = self.call(Method::GET, reference).header(ACCEPT, ACCEPTED);
        let response = match self.transport.send_within(call, tries).await {
            Ok(response) => response,
            Err(error) if error.class() == Class::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let url = redact(response.url());
        let told = digest_of(&response);
        let media_type = response.header(CONTENT_TYPE).map(|text| {
            text.split(';')
                .next()
                .unwrap_or_default()
                .trim()
                .to_ascii_lowercase()
        });
        let bytes = response.bytes(LARGEST).await?;
        let digest = Digest::of(&bytes);
        let wanted = reference.parse().ok().or(told);
        if let Some(wanted) = wanted.filter(|wanted| *wanted != digest) {
            return Err(RegistryError::Digest {
                url,
                wanted,
                found: digest.to_string(),
            });
        }
        Ok(Some(Manifest {
            media_type: media_type.unwrap_or_default(),
            digest,
            bytes,
        }))
    }

    /// Writes a manifest under a tag and makes sure that it is there.
    pub(super) async fn put(
        &self,
        tag: &Tag,
        media_type: &str,
        bytes: Bytes,
    ) -> Result<Stored, RegistryError> {
        let wanted = Digest::of(&bytes);
        let content_type = HeaderValue::from_str(media_type).map_err(|_| RegistryError::Reference {
            reference: self.shown(tag.as_str()),
            why: "its media type has characters that no header may have".to_owned(),
        })?;
        let mut tries = self.transport.net.tries();
        loop {
            let call = self
                .call(Method::PUT, tag.as_str())
                .header(CONTENT_TYPE, content_type.clone());
            let call = call
                .body(Payload::from(bytes.clone()))
                .once()
                .repeats(tries.retries() > 0);
            let error = match self.transport.send(call).await {
                Ok(response) => return self.confirm(tag, &wanted, response).await,
                Err(error) => error,
            };
            if may_be_protected(&error) {
                return self.settle(tag, &wanted, error).await;
            }
            if error.class() != Class::Retry || !tries.again().await {
                return Err(error);
            }
            // It may have been stored all the same (reliability F25, F26).
            if let Ok(Some(found)) = self.head(tag.as_str()).await
                && found == wanted
            {
                return Ok(Stored {
                    answer_digest: None,
                    was_there: true,
                });
            }
        }
    }

    /// Compares the digest of the answer, and reads the tag back where that does not settle it.
    async fn confirm(&self, tag: &Tag, wanted: &Digest, response: Response) -> Result<Stored, RegistryError> {
        let status = response.status();
        let url = redact(response.url());
        let answer_digest = digest_of(&response);
        response.discard().await;
        if !status.is_success() {
            return Err(RegistryError::Answer {
                url,
                why: format!("{status} is no answer to a manifest"),
            });
        }
        if answer_digest != Some(*wanted) {
            self.read_back(tag, wanted).await?;
        }
        Ok(Stored {
            answer_digest,
            was_there: false,
        })
    }

    /// Waits until the tag shows what was pushed: some registries need a moment (reliability F29).
    pub(super) async fn read_back(&self, tag: &Tag, wanted: &Digest) -> Result<(), RegistryError> {
        let mut tries = self.transport.net.tries();
        loop {
            let found = self.head(tag.as_str()).await?;
            if found.as_ref() == Some(wanted) {
                return Ok(());
            }
            if !tries.again().await {
                let why = found.map_or_else(
                    || "the tag is not there".to_owned(),
                    |found| format!("the tag holds `{found}`, not `{wanted}`"),
                );
                return Err(RegistryError::Unverified {
                    reference: self.shown(tag.as_str()),
                    why,
                });
            }
        }
    }

    /// Whether the blobs of a manifest are there with their sizes: some registries store a body without comparing it
    /// with its digest (registries rule 11).
    pub(super) async fn has_blobs(&self, tag: &Tag, blobs: &[(Digest, u64)]) -> Result<(), RegistryError> {
        let looks = blobs.iter().map(|(digest, size)| {
            super::blob::is_there(self.transport, self.repository, digest, Some(*size), self.right)
        });
        let found = futures_util::future::try_join_all(looks).await?;
        match blobs.iter().zip(found).find(|(_, there)| !there) {
            None => Ok(()),
            Some(((digest, size), _)) => Err(RegistryError::Unverified {
                reference: self.shown(tag.as_str()),
                why: format!("its blob `{digest}` is not there with its {size} bytes"),
            }),
        }
    }

    /// A refusal that may mean that the tag is protected: seven spellings are known, so the tag itself decides.
    async fn settle(
        &self,
        tag: &Tag,
        wanted: &Digest,
        error: RegistryError,
    ) -> Result<Stored, RegistryError> {
        match self.head(tag.as_str()).await {
            Ok(Some(found)) if found == *wanted => Ok(Stored {
                answer_digest: None,
                was_there: true,
            }),
            Ok(Some(existing)) => Err(RegistryError::Conflict {
                reference: self.shown(tag.as_str()),
                existing,
                wanted: *wanted,
                why: error.to_string(),
            }),
            _ => Err(error),
        }
    }

    /// Whether there is an endpoint for referrers. 404 is what those answer that have none.
    pub(super) async fn lists_referrers(&self, digest: &Digest) -> Result<bool, RegistryError> {
        let path = format!("{}/referrers/{digest}", self.repository);
        let call = Call::new(
            Method::GET,
            self.transport.url(&path),
            self.repository,
            self.right,
        );
        match self.transport.send(call).await {
            Ok(response) => {
                let listed = response.status().is_success();
                response.discard().await;
                Ok(listed)
            }
            Err(error) if error.class() == Class::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Deletes by digest. `false` if it was not there.
    pub(super) async fn delete(&self, digest: &Digest) -> Result<bool, RegistryError> {
        match self
            .transport
            .send(self.call(Method::DELETE, &digest.to_string()))
            .await
        {
            Ok(response) => {
                response.discard().await;
                Ok(true)
            }
            Err(error) if error.class() == Class::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// The statuses of the spellings (registries 3.5). A 401 is one only where it says so: Artifactory has it for users who
/// may not overwrite.
fn may_be_protected(error: &RegistryError) -> bool {
    match error {
        RegistryError::Status { status, problems, .. } => match status.as_u16() {
            400 | 403 | 405 | 409 | 412 => true,
            401 => problems.says("overwrite"),
            _ => false,
        },
        _ => false,
    }
}

/// `Docker-Content-Digest`, if it is a sha256. Anything else counts as absent, so that the bytes decide
/// (reliability A34).
fn digest_of(response: &Response) -> Option<Digest> {
    response.header(DIGEST)?.trim().parse().ok()
}

//! Files on web servers: packages as raw bytes and provenance files.
//!
//! [`Net::send`] repeats requests that get no answer or a passing one. A body that breaks off is repeated here, from
//! its start: nothing of a half body is ever used (reliability F01, F05).

use base64::Engine as _;
use bytes::BytesMut;
use http::header::{ACCEPT, CACHE_CONTROL};
use http::{HeaderValue, StatusCode};
use secrecy::ExposeSecret as _;
use url::Url;

use super::{ProvenanceFile, SourceError, SourceOptions, index_spool, too_large, urls};
use crate::helm::provenance::{self, ClearSigned};
use crate::net::{AddressGuard, Encoding, Net, Request, Response, redact};
use crate::payload::{Budget, Spool, Spooled};

/// What Helm asks for (helm-oci-format 6.3).
const PACKAGE: HeaderValue = HeaderValue::from_static("application/gzip,application/octet-stream");

/// The web as a source sees it.
pub(super) struct Web {
    /// The repository that was configured: its credentials go to its origin, and only what it is itself is beyond the
    /// address rules. `None` for URLs that a folder's index names.
    home: Option<Url>,
    guard: AddressGuard,
    net: Net,
    budget: Budget,
    options: SourceOptions,
}

impl Web {
    pub(super) fn new(home: Option<Url>, net: Net, budget: Budget, options: SourceOptions) -> Self {
        Self {
            guard: home
                .as_ref()
                .map_or_else(AddressGuard::strict, AddressGuard::source),
            home,
            net,
            budget,
            options,
        }
    }

    pub(super) fn net(&self) -> &Net {
        &self.net
    }

    pub(super) fn options(&self) -> &SourceOptions {
        &self.options
    }

    /// A GET with the credentials that may go there.
    pub(super) fn get(&self, url: &Url) -> Request {
        let request = Request::get(url.clone(), self.guard.clone());
        match (&self.home, &self.options.credentials) {
            (Some(home), Some((user, password))) if self.net.may_have_credentials(home, url) => {
                match basic(user, password.expose_secret()) {
                    Some(value) => request.authorization(value),
                    None => request,
                }
            }
            _ => request,
        }
    }

    /// Fetches a package. `fresh`: not from a cache on the way.
    pub(super) async fn package(&self, url: &Url, fresh: bool) -> Result<Spooled, SourceError> {
        let mut tries = self.net.tries();
        loop {
            let mut request = self.get(url).encoding(Encoding::Raw).header(ACCEPT, PACKAGE);
            if fresh {
                request = request.header(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
            }
            let response = self.net.send_within(request, &mut tries).await?;
            check_status(&response, "package")?;
            match self
                .receive(response, self.package_spool(), "max_package_size")
                .await
            {
                Err(error) if is_broken_body(&error) && tries.again().await => {}
                result => return result,
            }
        }
    }

    fn package_spool(&self) -> Spool {
        Spool::new(&self.budget, self.options.max_package_size)
    }

    /// Where the text of an index goes.
    pub(super) fn index_spool(&self) -> Spool {
        index_spool(&self.budget, &self.options.index_limits)
    }

    /// Takes a whole body in.
    pub(super) async fn receive(
        &self,
        mut response: Response,
        mut spool: Spool,
        key: &'static str,
    ) -> Result<Spooled, SourceError> {
        let (announced, limit) = (response.content_length(), spool.limit());
        let url = redact(response.url());
        if announced.is_some_and(|length| length > limit) {
            return Err(SourceError::TooLarge { url, limit, key });
        }
        while let Some(chunk) = response.chunk().await? {
            spool
                .write(&chunk)
                .await
                .map_err(|error| too_large(error, &url, key))?;
        }
        let spooled = spool.finish().await?;
        match announced {
            Some(announced) if announced != spooled.size => Err(SourceError::Length {
                url,
                announced,
                got: spooled.size,
            }),
            _ => Ok(spooled),
        }
    }

    /// Looks for the provenance file of the package at `package`.
    pub(super) async fn provenance(&self, package: &Url) -> Result<ProvenanceFile, SourceError> {
        let mut found = ProvenanceFile::None;
        for url in urls::provenance(package) {
            found = found.or(self.provenance_at(&url).await?);
            if matches!(found, ProvenanceFile::Signed(_)) {
                break;
            }
        }
        Ok(found)
    }

    async fn provenance_at(&self, url: &Url) -> Result<ProvenanceFile, SourceError> {
        let mut tries = self.net.tries();
        loop {
            let request = self.get(url).encoding(Encoding::Raw);
            let response = self.net.send_within(request, &mut tries).await?;
            match response.status() {
                StatusCode::NOT_FOUND | StatusCode::GONE => {
                    response.discard().await;
                    return Ok(ProvenanceFile::None);
                }
                StatusCode::FORBIDDEN => {
                    response.discard().await;
                    return Ok(ProvenanceFile::Forbidden);
                }
                // Where `.prov` lands in a query, the server may find the query senseless.
                StatusCode::BAD_REQUEST if url.query().is_some() => return Ok(ProvenanceFile::None),
                _ => check_status(&response, "provenance file")?,
            }
            match small_file(response).await {
                Err(error) if is_broken_body(&error) && tries.again().await => {}
                result => return result,
            }
        }
    }
}

/// Reads a provenance file. Of something long that does not begin like one, the rest is not waited for.
async fn small_file(mut response: Response) -> Result<ProvenanceFile, SourceError> {
    let url = redact(response.url());
    let (announced, mut all) = (response.content_length(), BytesMut::new());
    while let Some(chunk) = response.chunk().await? {
        all.extend_from_slice(&chunk);
        if all.len() as u64 > provenance::MAX_SIZE {
            return if ClearSigned::begins(&all) {
                Err(SourceError::TooLarge {
                    url,
                    limit: provenance::MAX_SIZE,
                    key: "size of a provenance file",
                })
            } else {
                Ok(ProvenanceFile::of(all.freeze()))
            };
        }
    }
    match announced {
        Some(announced) if announced != all.len() as u64 => Err(SourceError::Length {
            url,
            announced,
            got: all.len() as u64,
        }),
        _ => Ok(ProvenanceFile::of(all.freeze())),
    }
}

/// Only 200 is a file (helm-oci-format 6.3): 206 would be a part of one, 204 none.
pub(super) fn check_status(response: &Response, what: &'static str) -> Result<(), SourceError> {
    if response.status() == StatusCode::OK {
        return Ok(());
    }
    Err(SourceError::Status {
        what,
        url: redact(response.url()),
        status: response.status(),
    })
}

/// Whether the same request may give the whole body. Errors before the body have been repeated by [`Net::send`].
pub(super) fn is_broken_body(error: &SourceError) -> bool {
    match error {
        SourceError::Net(error) => error.class().is_transient(),
        SourceError::Length { .. } => true,
        _ => false,
    }
}

fn basic(user: &str, password: &str) -> Option<HeaderValue> {
    let token = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    HeaderValue::from_str(&format!("Basic {token}")).ok()
}

//! Looking for blobs and reading them.

use http::{Method, StatusCode};

use super::RegistryError;
use super::scope::Right;
use super::transport::{Call, Transport};
use crate::net::{Encoding, Redirects, Response, redact};
use crate::payload::{Budget, Spool, Spooled};
use crate::types::{Class, Digest, Repository};

fn call(
    transport: &Transport,
    method: Method,
    repository: &Repository,
    digest: &Digest,
    right: Right,
) -> Call {
    Call::new(
        method,
        transport.url(&format!("{repository}/blobs/{digest}")),
        repository,
        right,
    )
}

/// Whether the blob is there, and of this size where the registry tells it. A redirect to a store is a yes.
pub(super) async fn is_there(
    transport: &Transport,
    repository: &Repository,
    digest: &Digest,
    size: Option<u64>,
    right: Right,
) -> Result<bool, RegistryError> {
    let mut call = call(transport, Method::HEAD, repository, digest, right);
    call.redirects = Redirects::Return;
    match transport.send(call).await {
        Ok(response) if response.status() == StatusCode::OK => {
            let told = response.content_length();
            Ok(size.is_none() || told.is_none() || told == size)
        }
        Ok(response) => Ok(response.status().is_redirection()),
        Err(error) if error.class() == Class::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Reads a blob of a known size. Nothing but the very bytes of `digest` is returned.
pub(super) async fn read(
    transport: &Transport,
    repository: &Repository,
    digest: &Digest,
    size: u64,
    budget: &Budget,
    right: Right,
) -> Result<Spooled, RegistryError> {
    let mut tries = transport.net.tries();
    loop {
        let mut call = call(transport, Method::GET, repository, digest, right);
        // Stores label blobs as they like; the digest decides.
        call.encoding = Encoding::Raw;
        call.repeated = tries.retries() > 0;
        let outcome = match transport.send_within(call, &mut tries).await {
            Ok(response) => spool(response, digest, size, budget).await,
            // The network tried as often as it may.
            Err(error) => return Err(error),
        };
        match outcome {
            Err(error) if error.class().is_transient() && tries.again().await => {}
            outcome => return outcome,
        }
    }
}

async fn spool(
    mut response: Response,
    digest: &Digest,
    size: u64,
    budget: &Budget,
) -> Result<Spooled, RegistryError> {
    let url = redact(response.url());
    let mut spool = Spool::new(budget, size);
    while let Some(chunk) = response.chunk().await? {
        spool.write(&chunk).await.map_err(|source| RegistryError::Spool {
            url: url.clone(),
            source,
        })?;
    }
    let spooled = spool.finish().await.map_err(|source| RegistryError::Spool {
        url: url.clone(),
        source,
    })?;
    if spooled.digest != *digest {
        return Err(RegistryError::Digest {
            url,
            wanted: *digest,
            found: spooled.digest.to_string(),
        });
    }
    Ok(spooled)
}

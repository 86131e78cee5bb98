//! Creating what a push needs, at the registries that have a call for it and create nothing by a push: repositories at
//! Amazon ECR, projects at Harbor, organisations at Quay (registries 3.2). Nobody is asked for anything unless the user wants that.

mod harbor;
mod manual;
mod quay;

use std::fmt;
use std::pin::Pin;

pub(super) use manual::how;

use super::RegistryError;
use super::problems::Problems;
use super::transport::Transport;
use crate::types::{RegistryKind, Repository};

/// What must be there before a push to some repository, and is not.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lacking {
    /// `repository`, `project` or `organisation`.
    pub what: &'static str,
    /// Its name in the registry.
    pub name: String,
}

impl fmt::Display for Lacking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} `{}`", self.what, self.name)
    }
}

/// What became of creating something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// It is there now.
    New,
    /// Somebody else was faster.
    There,
}

/// Something could not be created. The text names the right that is missing, where that is the reason.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct CreationError(pub String);

/// What creating gives, when it is done.
pub type CreationFuture<'a> = Pin<Box<dyn Future<Output = Result<Created, CreationError>> + Send + 'a>>;

/// What has to be created before a push to `repository`, which no list of tags knows; `None` where a push creates it,
/// or nobody can tell.
pub(super) async fn lacking(
    transport: &Transport,
    repository: &Repository,
) -> Result<Option<Lacking>, RegistryError> {
    match transport.kind() {
        Some(RegistryKind::Ecr) => Ok(Some(Lacking {
            what: "repository",
            name: repository.to_string(),
        })),
        Some(RegistryKind::Harbor) => harbor::lacking(transport, repository).await,
        Some(RegistryKind::Quay) => quay::lacking(transport, repository).await,
        _ => Ok(None),
    }
}

/// Creates it. That it is there already is a success: somebody else may want it as well.
pub(super) async fn create(transport: &Transport, lacking: &Lacking) -> Result<Created, RegistryError> {
    let host = transport.host.as_str();
    let failed = |why: String| RegistryError::Creation {
        lacking: lacking.to_string(),
        host: host.to_owned(),
        why,
        advice: how(transport, &lacking.name, true),
    };
    match transport.kind() {
        Some(RegistryKind::Harbor) => harbor::create(transport, lacking)
            .await?
            .map_err(|error| failed(error.to_string())),
        Some(RegistryKind::Quay) => quay::create(transport, lacking)
            .await?
            .map_err(|error| failed(error.to_string())),
        _ => match transport.credentials().create_repository(host, &lacking.name) {
            Some(creating) => creating.await.map_err(|error| failed(error.to_string())),
            None => Err(failed(
                "the login that is in use is no login to the interface that creates repositories".to_owned(),
            )),
        },
    }
}

/// What an answer says, behind its status.
fn said(problems: &Problems) -> String {
    if problems.is_empty() {
        String::new()
    } else {
        format!(": {problems}")
    }
}

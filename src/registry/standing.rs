//! How a repository stands towards somebody who wants to push to it, and the faces that a missing one has (registries
//! rule 14): a list of tags tells little, an upload that is opened tells all.

use super::{Registry, RegistryError};
use crate::net::NetError;
use crate::types::{Class, RegistryKind, Repository};

/// What became of looking at a repository and opening an upload in it.
#[derive(Debug)]
pub enum Standing {
    /// It is there and takes uploads.
    Ready,
    /// The list of tags does not know it, or is not shown; it takes uploads, so a push creates it.
    New,
    /// It takes no uploads: it is missing, or the account may not push to it.
    Refused(Refusal, RegistryError),
}

/// Why a repository takes no uploads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It does not exist and is not created by a push.
    Missing,
    /// 401 or 403 without a word about its existence: it is missing or it is somebody else's.
    Denied,
}

impl RegistryError {
    /// What this answer to a look or an upload says of the repository; `None` where it says nothing of it: logins that
    /// do not work, servers that are down. `listed`: its tags could be listed.
    pub fn refusal(&self, listed: bool, kind: Option<RegistryKind>) -> Option<Refusal> {
        if self.is_login() {
            return None;
        }
        if self.is_repository_missing() {
            return Some(Refusal::Missing);
        }
        match self {
            Self::Status { status, .. } if status.as_u16() == 404 && !listed => Some(Refusal::Missing),
            // Amazon ECR hangs up. Nobody else does, so elsewhere a connection that breaks is one that breaks.
            Self::Net(NetError::Interrupted { .. }) if !listed && kind == Some(RegistryKind::Ecr) => {
                Some(Refusal::Missing)
            }
            error if error.class() == Class::Auth => Some(Refusal::Denied),
            _ => None,
        }
    }
}

impl Registry {
    /// Finds out whether a repository can be pushed to: lists its tags, opens an upload in it and cancels it.
    ///
    /// Two requests and a third to cancel. An error is one that says nothing of the repository.
    pub async fn check_repository(&self, repository: &Repository) -> Result<Standing, RegistryError> {
        let listed = match self.list_tags(repository).await {
            Ok(list) => list.found,
            Err(error) => {
                return match error.refusal(false, self.kind()) {
                    Some(refusal) => Ok(Standing::Refused(refusal, error)),
                    None => Err(error),
                };
            }
        };
        match self.check_push(repository).await {
            Ok(()) if listed => Ok(Standing::Ready),
            Ok(()) => Ok(Standing::New),
            Err(error) => match error.refusal(listed, self.kind()) {
                Some(refusal) => Ok(Standing::Refused(refusal, error)),
                None => Err(error),
            },
        }
    }
}

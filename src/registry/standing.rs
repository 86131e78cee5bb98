//! The faces that a missing repository has to somebody who wants to push to it (registries rule 14): a list of tags tells
//! little, an upload that is opened tells all.

use super::RegistryError;
use crate::net::NetError;
use crate::types::{Class, RegistryKind};

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

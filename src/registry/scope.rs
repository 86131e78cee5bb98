//! What a token is asked for.

use std::fmt;

use crate::types::Repository;

/// What is done to a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Right {
    /// Reading: all that a registry is asked for as a source.
    Pull,
    /// Reading and writing, from the first request on a target: Quay answers 401 to a pull-only look at a
    /// repository that does not exist yet (registries rule 1).
    Push,
    /// Deleting, asked for only by what deletes.
    Delete,
}

/// One repository and one right: the key of a token.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Scope {
    pub(super) repository: Repository,
    pub(super) right: Right,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let actions = match self.right {
            Right::Pull => "pull",
            Right::Push => "pull,push",
            Right::Delete => "delete,pull,push",
        };
        write!(f, "repository:{}:{actions}", self.repository)
    }
}

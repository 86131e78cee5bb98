//! Candidates against the tags of their repository: a set difference, one listing whatever the number of versions.

use std::collections::HashSet;
use std::hash::BuildHasher;

use super::Candidate;

/// What is to be pushed and what is there.
#[derive(Debug, Default)]
pub struct Diff {
    /// Candidates without a tag, newest first as they came.
    pub missing: Vec<Candidate>,
    /// Candidates whose tag exists, whatever it points at.
    pub present: Vec<Candidate>,
}

/// Splits candidates of one repository by its tags.
pub fn diff<S: BuildHasher>(candidates: Vec<Candidate>, tags: &HashSet<Box<str>, S>) -> Diff {
    let (present, missing) = candidates
        .into_iter()
        .partition(|candidate| tags.contains(candidate.tag.as_str()));
    Diff { missing, present }
}

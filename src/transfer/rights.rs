//! What a target lets us do: found out by doing it, and remembered, so that what is refused again and again is not
//! paid for with more downloads.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::types::{Reason, Repository};

/// So many refusals are believed where nothing went well before: one version may be refused for a reason of its own,
/// but thousands of downloads for nothing help nobody.
const PATIENCE: u32 = 3;

/// Refusals of one kind of access at one target.
#[derive(Debug, Default)]
pub(super) struct Rights {
    whole: Mutex<Tally>,
    by_repository: Mutex<HashMap<Repository, Tally>>,
    first: OnceLock<Reason>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Tally {
    granted: bool,
    refused: u32,
}

impl Tally {
    fn is_closed(self) -> bool {
        !self.granted && self.refused >= PATIENCE
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Rights {
    /// It went well.
    pub(super) fn granted(&self, repository: &Repository) {
        lock(&self.whole).granted = true;
        let mut tallies = lock(&self.by_repository);
        // Thousands of versions go to one repository: its name is not copied for each.
        if let Some(tally) = tallies.get_mut(repository) {
            tally.granted = true;
        } else {
            let granted = Tally {
                granted: true,
                refused: 0,
            };
            tallies.insert(repository.clone(), granted);
        }
    }

    /// It went well, which says nothing of the next time: counts from the start.
    pub(super) fn restart(&self) {
        *lock(&self.whole) = Tally::default();
    }

    /// It was refused. True once the target as a whole is not worth another try.
    pub(super) fn refused(&self, repository: &Repository, reason: &Reason) -> bool {
        self.first.get_or_init(|| reason.clone());
        lock(&self.by_repository)
            .entry(repository.clone())
            .or_default()
            .refused += 1;
        let mut whole = lock(&self.whole);
        whole.refused += 1;
        whole.is_closed()
    }

    /// True where a repository is not worth another try.
    pub(super) fn is_closed(&self, repository: &Repository) -> bool {
        lock(&self.by_repository)
            .get(repository)
            .is_some_and(|tally| tally.is_closed())
    }

    /// The first refusal.
    pub(super) fn first(&self) -> Option<&Reason> {
        self.first.get()
    }

    /// The first refusal, if nothing ever went well.
    pub(super) fn nothing_granted(&self) -> Option<&Reason> {
        if lock(&self.whole).granted {
            return None;
        }
        self.first()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closes_what_is_refused_again_and_again() {
        let rights = Rights::default();
        let (a, b) = (Repository::new("a").unwrap(), Repository::new("b").unwrap());
        let reason = Reason::new("registry-denied", "x");
        assert!(!rights.refused(&a, &reason) && !rights.refused(&a, &reason));
        assert!(!rights.is_closed(&a));
        assert!(
            rights.refused(&a, &reason),
            "the whole target, as nothing went well"
        );
        assert!(rights.is_closed(&a) && !rights.is_closed(&b));
        assert!(rights.nothing_granted().is_some());
        rights.granted(&b);
        assert!(!rights.refused(&a, &reason) && rights.is_closed(&a));
        assert!(rights.nothing_granted().is_none() && rights.first().is_some());
        for _ in 0..5 {
            assert!(!rights.refused(&b, &reason));
        }
        assert!(!rights.is_closed(&b), "it takes other versions");
    }
}

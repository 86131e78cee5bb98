//! The books: every entry of the index appears exactly once per target (reliability I1).
//!
//! Cheap enough to run after every cycle. An imbalance is a defect of chartferry, never of its input.

use std::collections::HashSet;

use super::{MirrorReport, TargetReport};

/// The report of a target does not add up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Imbalance {
    /// An entry of the index was lost or invented.
    #[error("`{target}` accounts for {accounted} of {entries} entries of the index of `{mirror}`")]
    Count {
        /// The mirror.
        mirror: Box<str>,
        /// The target.
        target: Box<str>,
        /// Entries of the index.
        entries: u64,
        /// Entries that the items stand for.
        accounted: u64,
    },
    /// One line of the index appears twice.
    #[error("`{target}` accounts twice for line {line} of the index of `{mirror}`")]
    Twice {
        /// The mirror.
        mirror: Box<str>,
        /// The target.
        target: Box<str>,
        /// The line.
        line: u32,
    },
}

/// Checks every target of a mirror that was not given up as a whole.
pub fn check(mirror: &MirrorReport) -> Result<(), Imbalance> {
    if mirror.error.is_some() {
        return Ok(());
    }
    mirror
        .targets
        .iter()
        .filter(|target| target.error.is_none())
        .try_for_each(|target| check_target(mirror, target))
}

fn check_target(mirror: &MirrorReport, target: &TargetReport) -> Result<(), Imbalance> {
    // An index in JSON is often one single line, which then tells nothing about the entry.
    let first = target.items.first().map_or(0, |item| item.index_line);
    let lines_tell = target.items.iter().any(|item| item.index_line != first);
    let mut seen = HashSet::new();
    let mut accounted = 0;
    for item in &target.items {
        let duplicates = &item.details().duplicate_lines;
        for &line in std::iter::once(&item.index_line).chain(duplicates) {
            // Lines are counted from 1: 0 stands for a version that is no entry of an index.
            if lines_tell && line != 0 && !seen.insert((&item.chart, &item.version, line)) {
                return Err(Imbalance::Twice {
                    mirror: mirror.name.clone(),
                    target: target.target.clone(),
                    line,
                });
            }
        }
        if item.action != super::Action::Vanished {
            accounted += 1 + duplicates.len() as u64;
        }
    }
    if accounted != mirror.index_entries && !mirror.source_unchanged {
        return Err(Imbalance::Count {
            mirror: mirror.name.clone(),
            target: target.target.clone(),
            entries: mirror.index_entries,
            accounted,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Action, sample};

    #[test]
    fn the_sample_adds_up() {
        for mirror in &sample::full().mirrors {
            assert_eq!(check(mirror), Ok(()));
        }
    }

    #[test]
    fn a_lost_entry_is_found() {
        let mut mirror = sample::full().mirrors.remove(0);
        mirror.targets[0].items.pop();
        let error = check(&mirror).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`oci://registry.acme.io/charts` accounts for 11 of 12 entries of the index of `acme`"
        );
    }

    #[test]
    fn an_entry_listed_twice_is_found_although_the_count_is_right() {
        let mut mirror = sample::full().mirrors.remove(0);
        let items = &mut mirror.targets[0].items;
        let at = items.iter().position(|i| i.action == Action::Present).unwrap();
        let copy = items[at].clone();
        let other = items.iter().position(|i| i.action == Action::Filtered).unwrap();
        items[other] = copy;
        assert!(matches!(check(&mirror), Err(Imbalance::Twice { .. })));
    }

    #[test]
    fn nothing_is_expected_of_what_was_given_up() {
        let mut mirror = sample::full().mirrors.remove(0);
        mirror.targets[0].items.clear();
        assert!(check(&mirror).is_err());
        mirror.targets[0].error = sample::problem();
        assert_eq!(check(&mirror), Ok(()));
    }
}

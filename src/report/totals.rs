//! How many versions per action.

use schemars::JsonSchema;
use serde::Serialize;

use super::{Action, Item};

/// How many versions per action, and what they weigh.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Totals {
    /// All versions.
    pub versions: u64,
    /// Versions that the filters let through.
    pub selected: u64,
    /// Would be pushed (plan only).
    pub push: u64,
    /// Pushed in this run.
    pub pushed: u64,
    /// There already.
    pub present: u64,
    /// Left out by a filter.
    pub filtered: u64,
    /// Waiting for their cooldown.
    pub held: u64,
    /// In the registry with other bytes.
    pub drifted: u64,
    /// Failing or drifting, and known to.
    pub accepted: u64,
    /// In the registry, gone from the source.
    pub vanished: u64,
    /// Could not be done.
    pub failed: u64,
    /// Will not be done as the input stands.
    pub refused: u64,
    /// Bytes sent to the target.
    pub bytes: u64,
}

impl Totals {
    /// Counts one version.
    pub fn add(&mut self, item: &Item) {
        *self.slot(item.action) += 1;
        self.versions += 1;
        // A vanished version is not in the index, so no filter saw it.
        if !matches!(item.action, Action::Filtered | Action::Vanished) {
            self.selected += 1;
        }
        self.bytes += item.details().bytes;
    }

    /// Adds the counts of another target.
    pub fn merge(&mut self, other: &Self) {
        for action in Action::ALL {
            *self.slot(action) += other.of(action);
        }
        self.versions += other.versions;
        self.selected += other.selected;
        self.bytes += other.bytes;
    }

    /// The count of one action.
    pub fn of(&self, action: Action) -> u64 {
        // One match for reading and writing, so that they cannot name different fields.
        *{ *self }.slot(action)
    }

    fn slot(&mut self, action: Action) -> &mut u64 {
        match action {
            Action::Push => &mut self.push,
            Action::Pushed => &mut self.pushed,
            Action::Present => &mut self.present,
            Action::Filtered => &mut self.filtered,
            Action::Held => &mut self.held,
            Action::Drifted => &mut self.drifted,
            Action::Accepted => &mut self.accepted,
            Action::Vanished => &mut self.vanished,
            Action::Failed => &mut self.failed,
            Action::Refused => &mut self.refused,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_every_action_in_its_own_field() {
        let mut totals = Totals::default();
        for (times, action) in (1..).zip(Action::ALL) {
            for _ in 0..times {
                totals.add(&Item::new("a".into(), "1".into(), action));
            }
        }
        for (times, action) in (1..).zip(Action::ALL) {
            assert_eq!(totals.of(action), times, "{action}");
        }
        assert_eq!((totals.versions, totals.selected), (55, 55 - 4 - 8));
        let once = totals;
        totals.merge(&once);
        assert_eq!((totals.refused, totals.versions, totals.selected), (20, 110, 86));
    }
}

//! The books of one mirror while it runs: every version of the index ends here once per target.

use std::sync::{Arc, Mutex, PoisonError};

use super::inspect::Seen;
use crate::plan::{Accept, Candidate, Left};
use crate::report::{Action, Item};
use crate::transfer::Outcome;
use crate::types::{ChartName, Reason};

/// Items per target.
pub(super) struct Ledger {
    targets: Vec<Mutex<Vec<Item>>>,
    accept: Accept,
    /// Failures that the user accepts, by target.
    accepted: Mutex<Vec<(usize, Item)>>,
}

impl Ledger {
    pub(super) fn new(targets: usize, accept: Accept) -> Self {
        Self {
            targets: (0..targets).map(|_| Mutex::default()).collect(),
            accept,
            accepted: Mutex::default(),
        }
    }

    /// A version that was left out for every target.
    pub(super) fn left_out(&self, left: Left, repository: Option<&Arc<str>>) {
        let mut item = Item::new(left.chart, left.version, left.action);
        item.repository = repository.cloned();
        item.index_line = left.index_line;
        item.reason = Some(Arc::new(left.reason));
        for target in 0..self.targets.len() {
            self.enter(target, item.clone());
        }
    }

    /// A version that was looked at and needs no transfer.
    pub(super) fn plain(
        &self,
        target: usize,
        candidate: &Candidate,
        action: Action,
        reason: Option<Arc<Reason>>,
        seen: Option<Box<Seen>>,
    ) {
        let mut item = item(candidate, action);
        item.reason = reason;
        if let Some(seen) = seen {
            let details = item.details_mut();
            details.manifest_digest = Some(seen.manifest);
            details.package_digest = seen.package;
            details.provenance = seen.provenance;
            details.warnings.extend(seen.warnings);
        }
        self.enter(target, item);
    }

    /// A tag of which the source knows nothing.
    pub(super) fn vanished(&self, target: usize, repository: &ChartName, tag: &str, reason: Arc<Reason>) {
        let mut item = Item::new(repository.shared(), tag.into(), Action::Vanished);
        item.repository = Some(repository.shared());
        item.details_mut().tag = Some(tag.into());
        item.reason = Some(reason);
        self.enter(target, item);
    }

    /// A version that was carried.
    pub(super) fn carried(&self, candidate: &Candidate, outcome: Outcome, duration_ms: u64) {
        let mut item = item(candidate, outcome.action);
        item.reason = outcome.reason.map(Arc::new);
        let details = item.details_mut();
        if !outcome.warnings.is_empty() {
            // They begin with the candidate's own; a version that failed early has none beyond those.
            details.warnings = outcome.warnings;
        }
        details.source_url = outcome.source_url;
        details.package_digest = outcome.package_digest;
        details.manifest_digest = outcome.manifest_digest;
        details.provenance = outcome.provenance;
        details.digest_check = outcome.digest_check;
        details.bytes = outcome.bytes;
        details.duration_ms = duration_ms;
        if let Some((chart, tag)) = outcome.place {
            details.tag = Some(tag.as_str().into());
            item.repository = Some(chart.shared());
        }
        self.enter(outcome.destination, item);
    }

    fn enter(&self, target: usize, mut item: Item) {
        let troubled = matches!(item.action, Action::Failed | Action::Refused | Action::Drifted);
        if troubled && self.accept.covers(&item.chart, &item.version) {
            if item.action == Action::Failed {
                let mut accepted = self.accepted.lock().unwrap_or_else(PoisonError::into_inner);
                accepted.push((target, item.clone()));
            }
            item.action = Action::Accepted;
        }
        if let Some(items) = self.targets.get(target) {
            items.lock().unwrap_or_else(PoisonError::into_inner).push(item);
        }
    }

    /// What failed and was accepted, with its target.
    pub(super) fn accepted_failures(&self) -> Vec<(usize, Item)> {
        std::mem::take(&mut *self.accepted.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The items of each target, by chart and in the order of the index.
    pub(super) fn close(self) -> Vec<Vec<Item>> {
        let items = self
            .targets
            .into_iter()
            .map(|items| items.into_inner().unwrap_or_else(PoisonError::into_inner));
        items
            .map(|mut items| {
                sort(&mut items);
                items
            })
            .collect()
    }
}

/// By chart and in the order of the index.
pub(super) fn sort(items: &mut [Item]) {
    items.sort_by(|a, b| {
        a.chart
            .cmp(&b.chart)
            .then(a.index_line.cmp(&b.index_line))
            .then_with(|| a.version.cmp(&b.version))
    });
}

fn item(candidate: &Candidate, action: Action) -> Item {
    let entry = &candidate.entry;
    let mut item = Item::new(Arc::clone(&entry.chart), entry.version.clone(), action);
    item.repository = Some(candidate.repository.shared());
    item.index_line = entry.line;
    if !candidate.alternatives.is_empty() || !candidate.warnings.is_empty() {
        let details = item.details_mut();
        details.duplicate_lines = candidate.alternatives.iter().map(|entry| entry.line).collect();
        details.warnings.clone_from(&candidate.warnings);
    }
    item
}

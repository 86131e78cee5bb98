//! Who writes which repository. Two mirrors that would fill one from different sources: neither does (product rules
//! "Trust").
//!
//! In a service mirrors run at different times, so what they want is remembered as long as the process lives. A mirror whose
//! index is unchanged names what its state says that it fills.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use super::read::Opened;
use super::spec::MirrorSpec;
use crate::plan::Mismatch;
use crate::plan::ownership::{self, Claim, Overlap, overlaps};
use crate::types::ChartName;

/// What the mirrors of a process want to write, by mirror. Cloning shares it.
#[derive(Debug, Clone, Default)]
pub struct Claims(Arc<Mutex<BTreeMap<Box<str>, Vec<Claim>>>>);

impl Claims {
    /// Only these mirrors are left: what others claimed is free.
    pub fn keep_only<'a>(&self, mirrors: impl IntoIterator<Item = &'a str>) {
        let mirrors: BTreeSet<&str> = mirrors.into_iter().collect();
        let mut claims = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        claims.retain(|mirror, _| mirrors.contains(&**mirror));
    }

    /// Takes over what these mirrors want now, and gives what all want.
    fn update(&self, mirrors: &[Opened]) -> Vec<Claim> {
        let mut claims = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for opened in mirrors {
            if opened.work.is_some() {
                claims.insert(opened.spec.name.as_str().into(), wanted(opened).collect());
            } else if opened.report.source_unchanged && !claims.contains_key(opened.spec.name.as_str()) {
                claims.insert(opened.spec.name.as_str().into(), remembered(opened).collect());
            }
            // A mirror whose source could not be read wants what it wanted.
        }
        claims.values().flatten().cloned().collect()
    }
}

/// Marks what two mirrors would fill from different sources.
pub(super) fn settle(claims: &Claims, mirrors: &mut [Opened]) {
    let claims = claims.update(mirrors);
    let overlaps = overlaps(&claims);
    for opened in mirrors {
        let concerns = |overlap: &&Overlap| overlap.mirrors.contains(&opened.spec.name);
        let own: Vec<_> = overlaps.iter().filter(concerns).collect();
        let reasons = own.iter().map(|overlap| overlap.reason.clone());
        opened.report.warnings.extend(reasons);
        let conflicts = own.iter().filter(|overlap| overlap.conflict);
        let conflicts: HashSet<&str> = conflicts.map(|overlap| &*overlap.repository).collect();
        let Some(work) = &opened.work else {
            // It writes nothing now, and looks at all of it the next time.
            if let Some(recall) = opened.recall.as_ref().filter(|_| !conflicts.is_empty()) {
                recall.unsettle();
            }
            continue;
        };
        for destination in work.transfer.destinations() {
            let target = destination.target().name();
            let names = work.selections.iter().filter_map(|one| one.repository.as_ref());
            let mut contested: HashSet<ChartName> = names
                .filter(|name| conflicts.contains(format!("{target}/{name}").as_str()))
                .cloned()
                .collect();
            if opened.spec.policy.mismatch == Mismatch::Package {
                // Its packages may turn out to have any name, so all that others fill is out of bounds.
                contested.extend(ownership::of_others(&claims, &opened.report.source, &target));
            }
            destination.contest(contested);
            if let Some(recall) = &opened.recall {
                let others = ownership::of_others(&claims, &opened.report.source, &target);
                recall.note_foreign(target.clone(), others.collect());
            }
        }
    }
}

fn wanted(opened: &Opened) -> impl Iterator<Item = Claim> + '_ {
    opened.work.iter().flat_map(move |work| {
        let wanted = work
            .selections
            .iter()
            .filter(|selection| !selection.candidates.is_empty());
        let repositories: Vec<_> = wanted
            .filter_map(|selection| selection.repository.clone())
            .collect();
        work.transfer.destinations().iter().map(move |destination| Claim {
            mirror: opened.spec.name.clone(),
            source: opened.report.source.to_string(),
            target: destination.target().name(),
            repositories: repositories.clone(),
        })
    })
}

fn remembered(opened: &Opened) -> impl Iterator<Item = Claim> + '_ {
    let MirrorSpec { name, targets, .. } = &opened.spec;
    targets.iter().enumerate().map(move |(number, target)| Claim {
        mirror: name.clone(),
        source: opened.report.source.to_string(),
        target: target.to_string(),
        repositories: opened
            .recall
            .iter()
            .flat_map(|recall| recall.state(|state| state.repositories(number)))
            .collect(),
    })
}

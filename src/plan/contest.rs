//! Charts of one index that would be written to one repository (reliability.md B05).
//!
//! It happens by a `rename` onto a name that the index has as well, or by entries named otherwise than their key.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::judge::shown;
use super::{Mismatch, Rules};
use crate::helm::index::{Entry, IndexChart};
use crate::types::{ChartName, Reason};

/// The repositories that several keys of an index claim.
#[derive(Debug, Default)]
pub(super) struct Contest {
    claims: HashMap<ChartName, Claim>,
}

#[derive(Debug, Default)]
struct Claim {
    keys: BTreeSet<Arc<str>>,
    /// A `rename` is involved: then whole charts are mixed up, not single versions.
    renamed: bool,
    /// Versions by the keys that list them, where no `rename` is involved.
    versions: HashMap<Box<str>, BTreeSet<Arc<str>>>,
}

impl Contest {
    /// Looks at all charts that the filter lets through.
    pub(super) fn find(charts: &[IndexChart], rules: &Rules) -> Self {
        let mut claims: HashMap<ChartName, Claim> = HashMap::new();
        each_claim(charts, rules, |repository, name, entry| {
            let claim = claims.entry(repository).or_default();
            claim.keys.insert(Arc::clone(&entry.chart));
            claim.renamed |= rules.rename.contains_key(name);
        });
        claims.retain(|_, claim| claim.keys.len() > 1);
        if !claims.is_empty() {
            each_claim(charts, rules, |repository, _, entry| {
                if let Some(claim) = claims.get_mut(&repository) {
                    let keys = claim.versions.entry(entry.version.clone()).or_default();
                    keys.insert(Arc::clone(&entry.chart));
                }
            });
        }
        Self { claims }
    }

    /// Why this version must not be written there, if so.
    pub(super) fn refuses(&self, repository: &ChartName, version: &str) -> Option<Reason> {
        let claim = self.claims.get(repository)?;
        let keys = if claim.renamed {
            Some(&claim.keys)
        } else {
            claim.versions.get(version)
        };
        let keys = keys.filter(|keys| keys.len() > 1)?;
        let names: Vec<_> = keys
            .iter()
            .take(5)
            .map(|key| format!("`{}`", shown(key)))
            .collect();
        let text = format!(
            "the charts {} would share the repository `{repository}`",
            names.join(", ")
        );
        Some(Reason::new("contested-repository", text))
    }
}

/// Calls `claim` with repository, chart name and entry for every entry that may be written somewhere.
fn each_claim(charts: &[IndexChart], rules: &Rules, mut claim: impl FnMut(ChartName, &str, &Entry)) {
    for chart in charts
        .iter()
        .filter(|chart| rules.filter.leaves_chart(&chart.key).is_none())
    {
        let mut last: Option<(Arc<str>, Option<ChartName>)> = None;
        for entry in chart.entries.iter().filter(|entry| entry.problem.is_none()) {
            let name = entry.name.as_ref().unwrap_or(&chart.key);
            if *name != chart.key && rules.mismatch == Mismatch::Error {
                continue;
            }
            if last.as_ref().is_none_or(|(known, _)| known != name) {
                last = Some((Arc::clone(name), rules.repository_for(name).ok()));
            }
            if let Some((name, Some(repository))) = &last {
                claim(repository.clone(), name, entry);
            }
        }
    }
}

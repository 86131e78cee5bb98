//! The index once more, when a package is not what the first reading of it promised: a version that was published anew
//! during the run arrives in its new form instead of failing until the next run (reliability F33).

use tokio::sync::OnceCell;

use super::{Candidate, Transfer, listed};
use crate::helm::index::Index;
use crate::helm::provenance::{ClearSigned, Naming};
use crate::source::{Fetched, ProvenanceFile, Snapshot, Validators};

/// The second reading, made at most once for each run and only if something asks for it.
pub(super) struct Renewal {
    first: Validators,
    second: OnceCell<Option<Index>>,
}

impl Renewal {
    pub(super) fn new(first: Validators) -> Self {
        Self {
            first,
            second: OnceCell::new(),
        }
    }
}

impl Transfer {
    /// The candidate as the index lists it by now; `None` if the index is what it was or no longer lists it.
    pub(super) async fn renewed(&self, candidate: &Candidate) -> Option<Candidate> {
        let reading = async {
            match self.source.snapshot(Some(&self.renewal.first)).await {
                Ok(Snapshot::Fresh { index, .. }) => Some(index),
                Ok(Snapshot::Unchanged { .. }) => None,
                Err(error) => {
                    tracing::warn!(%error, "the index could not be read once more");
                    None
                }
            }
        };
        let index = self.renewal.second.get_or_init(|| reading).await.as_ref()?;
        let wanted = &candidate.entry;
        let charts = index.charts.iter().filter(|chart| chart.key == wanted.chart);
        let mut entries = charts
            .flat_map(|chart| &chart.entries)
            .filter(|entry| entry.version == wanted.version && entry.problem.is_none());
        Some(Candidate {
            entry: entries.next()?.clone(),
            alternatives: entries.cloned().collect(),
            ..candidate.clone()
        })
    }
}

/// Whether the provenance file is about another package: one of the two may have been replaced between the requests
/// for them.
pub(super) fn is_no_pair(candidate: &Candidate, fetched: &Fetched) -> bool {
    let ProvenanceFile::Signed(bytes) = &fetched.provenance else {
        return false;
    };
    let names = |signed: &ClearSigned<'_>| {
        listed(candidate).any(|entry| {
            let name = entry.name.as_deref().unwrap_or(&entry.chart);
            !matches!(
                signed.naming(&fetched.package.digest, name, &entry.version),
                Naming::Not(_)
            )
        })
    };
    ClearSigned::scan(bytes).is_ok_and(|signed| !names(&signed))
}

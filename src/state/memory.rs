//! Everything that is remembered of one mirror, in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::attention::{Attention, Matter};
use super::history::History;
use super::idle::Settled;
use super::version::leads_to;
use super::{Identity, Known, Origin, Placed, Provenance, Wanted};
use crate::types::{Digest, Reason};

/// Longest chart key and version that are remembered, in bytes. Neither can be in a registry if it is longer.
pub const LONGEST_NAME: usize = 512;

/// The versions of one chart, by the text of the index.
pub(super) type Chart = BTreeMap<Box<str>, Known>;

/// What is remembered of one mirror.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    pub(super) identity: Identity,
    pub(super) charts: BTreeMap<Arc<str>, Chart>,
    pub(super) attention: BTreeMap<Matter, Attention>,
    pub(super) settled: Option<Settled>,
    /// The newest `created` of the last trusted index.
    pub(super) newest: Option<DateTime<Utc>>,
    /// When all tag lists were last read.
    pub(super) reconciled: Option<DateTime<Utc>>,
    pub(super) history: History,
}

/// What was put in place or found there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// Who put it there.
    pub origin: Origin,
    /// The digest of its manifest.
    pub manifest: Digest,
    /// sha256 of its package; none if what was found is no chart.
    pub package: Option<Digest>,
    /// The provenance file that came with it.
    pub provenance: Provenance,
}

impl State {
    /// Of a mirror of which nothing is known.
    pub fn new(identity: Identity) -> Self {
        Self {
            identity,
            charts: BTreeMap::new(),
            attention: BTreeMap::new(),
            settled: None,
            newest: None,
            reconciled: None,
            history: History::default(),
        }
    }

    /// Whose state it is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What is remembered of a version, by its text in the index.
    pub fn known(&self, chart: &str, version: &str) -> Option<&Known> {
        self.charts.get(chart)?.get(version)
    }

    /// Every version, by chart and version.
    pub fn versions(&self) -> impl Iterator<Item = (&Arc<str>, &str, &Known)> {
        self.charts.iter().flat_map(|(chart, versions)| {
            versions
                .iter()
                .map(move |(version, known)| (chart, &**version, known))
        })
    }

    /// A version is in place now: pushed and confirmed by the registry, or found there. Call it after the tag was
    /// written, never before (reliability G1). False if its name is too long to be remembered.
    pub fn stored(
        &mut self,
        target: usize,
        wanted: &Wanted<'_>,
        stored: &Stored,
        now: DateTime<Utc>,
    ) -> bool {
        let (chart, version) = (wanted.chart, wanted.version);
        let Ok(number) = u16::try_from(target) else {
            return false;
        };
        let Some(known) = self.entry(chart, version, now) else {
            return false;
        };
        let lists = |package: &Digest| wanted.digests.contains(package);
        let indexed = wanted
            .digests
            .first()
            .filter(|_| !stored.package.as_ref().is_some_and(lists));
        // It is listed, or it would not be wanted. If nobody looked at the index before, this makes the index suspicious,
        // and what is recorded here is not taken for vanished.
        known.current = true;
        let own = leads_to((chart, version), wanted.repository, wanted.tag);
        known.place(Placed {
            target: number,
            origin: stored.origin,
            manifest: stored.manifest,
            package: stored.package,
            indexed: indexed.map(|digest| Box::new(*digest)),
            elsewhere: (!own).then(|| Box::new((wanted.repository.clone(), wanted.tag.clone()))),
        });
        // What came from the source says more than what somebody else put beside it.
        let first = known.provenance == Provenance::Unknown || stored.origin == Origin::Pushed;
        if first && stored.provenance != Provenance::Unknown {
            known.provenance = stored.provenance;
        }
        true
    }

    /// A version is no longer at a target: pruned, or deleted by somebody. If nothing else is known of it, it is
    /// forgotten.
    pub fn gone(&mut self, target: usize, chart: &str, version: &str) {
        let Some(versions) = self.charts.get_mut(chart) else {
            return;
        };
        if let Some(known) = versions.get_mut(version) {
            known.places.retain(|placed| usize::from(placed.target) != target);
            if known.is_gone() {
                versions.remove(version);
            }
        }
        if versions.is_empty() {
            self.charts.remove(chart);
        }
    }

    /// The record of a version, a new one if there is none.
    pub(super) fn entry(&mut self, chart: &str, version: &str, now: DateTime<Utc>) -> Option<&mut Known> {
        if chart.len() > LONGEST_NAME || version.len() > LONGEST_NAME {
            return None;
        }
        // Most calls find their chart, and then no name is copied.
        if !self.charts.contains_key(chart) {
            self.charts.insert(chart.into(), Chart::new());
        }
        let versions = self.charts.get_mut(chart)?;
        if !versions.contains_key(version) {
            versions.insert(version.into(), Known::new(now));
        }
        versions.get_mut(version)
    }

    /// Fits what was read to the targets that the mirror has now. What is remembered of targets that it has no more is
    /// dropped: nothing is ever deleted there, and if one comes back its versions are adopted.
    pub(super) fn retarget(&mut self, now: &Identity, places: &[Option<u16>]) -> Vec<Reason> {
        if self.identity == *now {
            return Vec::new();
        }
        let place = |old: u16| places.get(usize::from(old)).copied().flatten();
        for versions in self.charts.values_mut() {
            for known in versions.values_mut() {
                for mut placed in std::mem::take(&mut known.places) {
                    if let Some(target) = place(placed.target) {
                        placed.target = target;
                        known.place(placed);
                    }
                }
            }
            versions.retain(|_, known| !known.is_gone());
        }
        self.charts.retain(|_, versions| !versions.is_empty());
        let attention = std::mem::take(&mut self.attention).into_iter();
        self.attention = attention
            .filter_map(|(matter, attention)| {
                let target = place(matter.target)?;
                Some((Matter { target, ..matter }, attention))
            })
            .collect();
        // Nobody looked at the new ones yet.
        self.settled = None;
        self.reconciled = None;
        let old = std::mem::replace(&mut self.identity, now.clone());
        let dropped = old
            .targets
            .iter()
            .zip(places)
            .filter(|(_, place)| place.is_none());
        dropped
            .map(|(target, _)| {
                let text = format!(
                    "the mirror no longer writes to `{}`; what was remembered of it is dropped",
                    target.escape_debug()
                );
                Reason::new("state-target-dropped", text)
            })
            .collect()
    }
}

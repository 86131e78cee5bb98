//! What is remembered of one version.

use chrono::{DateTime, SubsecRound as _, Utc};

use super::Provenance;
use crate::types::{ChartName, Digest, Tag};

/// Who put a version where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// This mirror: it may prune it.
    Pushed,
    /// Somebody else: it was found, and its manifest was read once.
    Adopted,
}

/// A version at one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// Which of the mirror's targets.
    pub(super) target: u16,
    /// Who put it there.
    pub origin: Origin,
    /// The digest of its manifest.
    pub manifest: Digest,
    /// sha256 of its package; none if it is no chart.
    pub package: Option<Digest>,
    /// The index's digest for it at that time, if it was another than the package's (`digest = "warn"` or `"off"`).
    pub(super) indexed: Option<Box<Digest>>,
    /// Repository below the target's prefix and tag, if they are not those that chart and version lead to (`rename`,
    /// `mismatch = "package"`).
    pub(super) elsewhere: Option<Box<(ChartName, Tag)>>,
}

/// What is remembered of one version. 48,000 of these are in memory during a run, so what is rare lies in boxes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// When it was first seen in an index.
    pub first_seen: DateTime<Utc>,
    /// It is in the last trusted index.
    pub(super) trusted: bool,
    /// It is in the last index.
    pub(super) current: bool,
    /// The provenance file that was carried with it.
    pub(super) provenance: Provenance,
    /// Where it is, in the order of targets.
    pub(super) places: Vec<Placed>,
}

impl Known {
    pub(super) fn new(first_seen: DateTime<Utc>) -> Self {
        Self {
            first_seen: first_seen.trunc_subsecs(0),
            trusted: false,
            current: false,
            provenance: Provenance::Unknown,
            places: Vec::new(),
        }
    }

    /// In the last index that was read, suspicious or not.
    pub fn is_listed(&self) -> bool {
        self.current
    }

    /// Where it is at one of the mirror's targets.
    pub fn at(&self, target: usize) -> Option<&Placed> {
        self.places
            .iter()
            .find(|placed| usize::from(placed.target) == target)
    }

    /// What is known of its provenance file.
    pub fn provenance(&self) -> Provenance {
        self.provenance
    }

    /// Neither listed nor anywhere: nothing is left to remember.
    pub(super) fn is_gone(&self) -> bool {
        !self.trusted && !self.current && self.places.is_empty()
    }

    pub(super) fn place(&mut self, placed: Placed) {
        match self
            .places
            .binary_search_by_key(&placed.target, |other| other.target)
        {
            Ok(at) => self.places[at] = placed,
            Err(at) => {
                // Most mirrors have one target; room for four would be three of waste.
                self.places.reserve_exact(1);
                self.places.insert(at, placed);
            }
        }
    }
}

impl Placed {
    /// Whether it is under this repository and tag. `chart` and `version` are those of the index.
    pub(super) fn is_at(&self, (chart, version): (&str, &str), repository: &ChartName, tag: &Tag) -> bool {
        match &self.elsewhere {
            Some(place) => place.0 == *repository && place.1 == *tag,
            None => leads_to((chart, version), repository, tag),
        }
    }

    /// Repository and tag. None if the chart's name leads to no repository, which then was recorded as `elsewhere`.
    /// `chart` and `version` are those of the index.
    pub fn place(&self, (chart, version): (&str, &str)) -> Option<(ChartName, Tag)> {
        match &self.elsewhere {
            Some(place) => Some((**place).clone()),
            None => Some((ChartName::new(chart).ok()?, Tag::from_version(version).ok()?)),
        }
    }
}

/// Whether chart and version of an index lead to this repository and tag all by themselves (helm-oci-format 4).
pub(super) fn leads_to((chart, version): (&str, &str), repository: &ChartName, tag: &Tag) -> bool {
    let tagged = version.bytes().map(|byte| if byte == b'+' { b'_' } else { byte });
    chart == repository.as_str() && tagged.eq(tag.as_str().bytes())
}

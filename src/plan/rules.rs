//! The rules of one mirror, as configuration and command line give them.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use globset::GlobSet;

use super::{Accept, Filter};
use crate::helm::range::Range;
use crate::types::{ChartName, NameError};

/// What decides which versions of an index are mirrored, and how.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// The mirror's own filter.
    pub filter: Filter,
    /// Where charts differ from it.
    pub charts: Vec<ChartRule>,
    /// Repository names for charts whose own name is none, or should be another one.
    pub rename: BTreeMap<String, ChartName>,
    /// What to do where index and package, or index key and entry, disagree on a name.
    pub mismatch: Mismatch,
    /// What to do with a version that is listed several times.
    pub duplicates: Duplicates,
    /// How old a version must be.
    pub min_age: Option<Duration>,
    /// What is known to fail or drift.
    pub accept: Accept,
}

/// Overrides for one chart; what is not set is the mirror's.
#[derive(Debug, Clone, Default)]
pub struct ChartRule {
    /// The chart's key in the index.
    pub name: String,
    /// As in [`Filter`].
    pub versions: Option<Range>,
    /// As in [`Filter`].
    pub latest: Option<usize>,
    /// As in [`Filter`].
    pub since: Option<DateTime<Utc>>,
    /// As in [`Filter`].
    pub prereleases: Option<bool>,
    /// As in [`Filter`].
    pub deprecated: Option<bool>,
    /// As in [`Filter`].
    pub app_versions: Option<GlobSet>,
}

/// `mismatch` (product.md 3).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mismatch {
    /// An error of the version.
    #[default]
    Error,
    /// The package's `Chart.yaml` decides, with a warning.
    Package,
}

/// `duplicates` (product.md 4).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Duplicates {
    /// One item, whose bytes may match any of the listed digests.
    #[default]
    ByBytes,
    /// An error of the version.
    Error,
}

impl Rules {
    /// The filter that holds for a chart.
    pub(super) fn filter_for(&self, chart: &str) -> Filter {
        let mut filter = self.filter.clone();
        for rule in self.charts.iter().filter(|rule| rule.name == chart) {
            filter.versions = rule.versions.clone().or(filter.versions);
            filter.latest = rule.latest.or(filter.latest);
            filter.since = rule.since.or(filter.since);
            filter.prereleases = rule.prereleases.or(filter.prereleases);
            filter.deprecated = rule.deprecated.unwrap_or(filter.deprecated);
            filter.app_versions = rule.app_versions.clone().or(filter.app_versions);
        }
        filter
    }

    /// The last component of the repository for a chart of this name.
    pub(super) fn repository_for(&self, name: &str) -> Result<ChartName, NameError> {
        match self.rename.get(name) {
            Some(renamed) => Ok(renamed.clone()),
            None => ChartName::new(name),
        }
    }
}

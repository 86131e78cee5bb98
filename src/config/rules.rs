//! What a mirror's settings mean to the plan.

use chrono::{DateTime, Utc};
use globset::{Glob, GlobSet, GlobSetBuilder};

use super::settings::{DuplicatesPolicy, MirrorConfig, MismatchPolicy, Since};
use crate::plan::{Accept, AcceptError, ChartRule, Duplicates, Filter, Mismatch, Rules};

/// The settings cannot be made into rules. A configuration that was read has been tried, so this is for values that
/// a program put together.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RulesError {
    /// A glob, or all of them together.
    #[error("{0}; give fewer or simpler globs")]
    Glob(#[from] globset::Error),
    /// An item of `accept`.
    #[error(transparent)]
    Accept(#[from] AcceptError),
}

impl MirrorConfig {
    /// The rules for a run that began at `now`.
    pub fn rules(&self, now: DateTime<Utc>) -> Result<Rules, RulesError> {
        let since = |since: Option<Since>| since.map(|since| since.resolve(now));
        let charts = self.charts.iter().map(|chart| {
            Ok(ChartRule {
                name: chart.name.clone(),
                versions: chart.filter.versions.clone(),
                latest: chart.filter.latest,
                since: since(chart.filter.since),
                prereleases: chart.filter.prereleases,
                deprecated: chart.filter.deprecated,
                app_versions: chart
                    .filter
                    .app_versions
                    .as_deref()
                    .map(globs)
                    .transpose()?
                    .flatten(),
            })
        });
        Ok(Rules {
            filter: Filter {
                include: globs(&self.include)?,
                exclude: globs(&self.exclude)?,
                versions: self.filter.versions.clone(),
                latest: self.filter.latest,
                since: since(self.filter.since),
                prereleases: self.filter.prereleases,
                deprecated: self.filter.deprecated.unwrap_or(true),
                app_versions: self
                    .filter
                    .app_versions
                    .as_deref()
                    .map(globs)
                    .transpose()?
                    .flatten(),
            },
            charts: charts.collect::<Result<_, RulesError>>()?,
            rename: self.rename.clone(),
            mismatch: match self.mismatch {
                MismatchPolicy::Error => Mismatch::Error,
                MismatchPolicy::Package => Mismatch::Package,
            },
            duplicates: match self.duplicates {
                DuplicatesPolicy::Bytes => Duplicates::ByBytes,
                DuplicatesPolicy::Error => Duplicates::Error,
            },
            min_age: (!self.min_age.is_zero())
                .then(|| chrono::Duration::from_std(self.min_age).ok())
                .flatten(),
            accept: Accept::parse(&self.accept)?,
        })
    }
}

/// One set of all globs; `None` if there are none.
fn globs(texts: &[String]) -> Result<Option<GlobSet>, globset::Error> {
    if texts.is_empty() {
        return Ok(None);
    }
    let mut set = GlobSetBuilder::new();
    for text in texts {
        set.add(Glob::new(text)?);
    }
    set.build().map(Some)
}

//! Filters (product.md 6): each says by its own code that it left a version out.

use chrono::{DateTime, Utc};
use globset::GlobSet;

use crate::helm::index::Entry;
use crate::helm::range::Range;
use crate::helm::version::Version;
use crate::types::Reason;

/// Which versions are wanted. The default wants all of them.
#[derive(Debug, Clone)]
pub struct Filter {
    /// Charts to take; all if none is given.
    pub include: Option<GlobSet>,
    /// Charts to leave out, also of those included.
    pub exclude: Option<GlobSet>,
    /// Versions to take.
    pub versions: Option<Range>,
    /// How many of a chart's versions to take, newest first, after all other filters and the cooldown.
    pub latest: Option<usize>,
    /// Take what was created at this time or later.
    pub since: Option<DateTime<Utc>>,
    /// Take prereleases. If not set: as `versions` says, and all of them without `versions`.
    pub prereleases: Option<bool>,
    /// Take versions marked as deprecated.
    pub deprecated: bool,
    /// `appVersion`s to take.
    pub app_versions: Option<GlobSet>,
}

impl Default for Filter {
    fn default() -> Self {
        Self {
            include: None,
            exclude: None,
            versions: None,
            latest: None,
            since: None,
            prereleases: None,
            deprecated: true,
            app_versions: None,
        }
    }
}

impl Filter {
    /// Why the whole chart is left out, if it is.
    pub(super) fn leaves_chart(&self, chart: &str) -> Option<Reason> {
        if self.include.as_ref().is_some_and(|globs| !globs.is_match(chart)) {
            return Some(Reason::new(
                "filter-include",
                "the chart is not among those to `include`",
            ));
        }
        if self.exclude.as_ref().is_some_and(|globs| globs.is_match(chart)) {
            return Some(Reason::new(
                "filter-exclude",
                "the chart is among those to `exclude`",
            ));
        }
        None
    }

    /// Why a version is left out, if it is. `version` is `None` where the entry's text is no version: what cannot be
    /// compared is not filtered but judged.
    pub(super) fn leaves(&self, entry: &Entry, version: Option<&Version>) -> Option<Reason> {
        version
            .and_then(|version| self.leaves_version(version))
            .or_else(|| self.leaves_fields(entry))
    }

    fn leaves_version(&self, version: &Version) -> Option<Reason> {
        if version.is_prerelease() && self.prereleases == Some(false) {
            let text = "a prerelease, and `prereleases` is false";
            return Some(Reason::new("filter-prerelease", text));
        }
        let range = self.versions.as_ref()?;
        let inside = range.matches_with_prereleases(version);
        if !inside {
            let text = format!(
                "not in the range `{}` of `versions`",
                range.to_string().escape_debug()
            );
            return Some(Reason::new("filter-versions", text));
        }
        if self.prereleases != Some(true) && !range.matches(version) {
            let text = format!(
                "a prerelease, and the range `{}` names none; `prereleases = true` lets them in",
                range.to_string().escape_debug()
            );
            return Some(Reason::new("filter-prerelease", text));
        }
        None
    }

    fn leaves_fields(&self, entry: &Entry) -> Option<Reason> {
        // A broken entry may lack a field for the very reason that it is broken.
        let whole = entry.problem.is_none();
        if entry.deprecated && !self.deprecated {
            let text = "marked as deprecated, and `deprecated` is false";
            return Some(Reason::new("filter-deprecated", text));
        }
        if let Some(since) = self.since {
            let text = match entry.created {
                Some(created) if created >= since => None,
                Some(created) => Some(format!("created {}, before `since`", created.format("%F"))),
                None if whole => Some("the index gives no usable date to compare with `since`".to_owned()),
                None => None,
            };
            if let Some(text) = text {
                return Some(Reason::new("filter-since", text));
            }
        }
        let globs = self.app_versions.as_ref()?;
        let text = match entry.app_version.as_deref() {
            Some(app_version) if globs.is_match(app_version) => return None,
            Some(app_version) => {
                let shown: String = app_version.chars().take(60).collect();
                format!(
                    "appVersion `{}` is not among `app_versions`",
                    shown.escape_debug()
                )
            }
            None if whole => "no appVersion to compare with `app_versions`".to_owned(),
            None => return None,
        };
        Some(Reason::new("filter-app-version", text))
    }
}

//! What is known of a mirror beyond one run: how the last runs ended, and what needs attention since when. The state of a
//! mirror gives it after each run, so that whoever shows it need not read the file again. It is not in the JSON report,
//! which is about one run.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Action;
use crate::types::Reason;

/// A run in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunSummary {
    /// When it began.
    pub started: DateTime<Utc>,
    /// When it ended.
    pub finished: DateTime<Utc>,
    /// The exit code that this mirror alone would have given (reliability 2).
    pub exit: u8,
    /// How many versions per action, all targets together; only what there was.
    pub counts: Vec<(Box<str>, u64)>,
    /// Bytes sent.
    pub bytes: u64,
    /// What kept the whole mirror from being served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Box<str>>,
}

impl RunSummary {
    /// How many versions the action happened to.
    pub fn of(&self, action: Action) -> u64 {
        let found = self.counts.iter().find(|(name, _)| **name == *action.as_str());
        found.map_or(0, |(_, count)| *count)
    }
}

/// A version that needs attention.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// The chart's key in the index.
    pub chart: Arc<str>,
    /// The version as it is written there.
    pub version: Box<str>,
    /// Which target, by its name.
    pub target: Box<str>,
    /// `failed`, `refused` or `drifted`.
    pub action: Action,
    /// Why, with host and URL.
    pub reason: Reason,
    /// Since when.
    pub since: DateTime<Utc>,
    /// In how many runs in a row.
    pub runs: u32,
    /// Nobody was told before this run.
    pub is_new: bool,
}

/// What a state knows after a run.
#[derive(Debug, Clone, Default)]
pub struct Memoir {
    /// The last runs, newest first; this one included.
    pub runs: Vec<RunSummary>,
    /// When a run last succeeded, also if that run is forgotten.
    pub last_success: Option<DateTime<Utc>>,
    /// Failed runs since then. Those that were told to stop do not count.
    pub failures_in_a_row: u32,
    /// When the first of these failures ended, as far as is remembered.
    pub failing_since: Option<DateTime<Utc>>,
    /// What stays in every report until it is settled, by chart and version.
    pub trouble: Vec<Trouble>,
    /// Versions in place, all targets together.
    pub in_place: u64,
    /// Versions in place that are gone from the index, all targets together.
    pub vanished: u64,
    /// When all tag lists were last read.
    pub reconciled: Option<DateTime<Utc>>,
}

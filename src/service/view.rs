//! What the service knows of its mirrors at one moment, as plain data: the status page, the API and the metrics are three
//! renderings of it, and none of them asks anything else.
//!
//! A view is a copy that is made when somebody looks. All texts come from reports, so secrets are masked in them; nothing
//! is escaped yet, which is for the rendering to do.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use crate::report::{Action, ExitStatus, HostTraffic, Problem, Totals};
use crate::state::RunSummary;
use crate::types::{Digest, Reason};

/// The whole service.
#[derive(Debug, Clone)]
pub struct ServiceView {
    /// Version of chartferry.
    pub version: &'static str,
    /// When it was looked.
    pub now: DateTime<Utc>,
    /// When the process started.
    pub started: DateTime<Utc>,
    /// Whether this replica works.
    pub role: Role,
    /// The file that the mirrors come from.
    pub config: ConfigView,
    /// In the order of the file.
    pub mirrors: Vec<MirrorView>,
    /// Requests since the start, by host.
    pub hosts: Vec<HostTraffic>,
    /// Versions in flight, and how many may be.
    pub in_flight: (usize, usize),
}

/// What a replica does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// It runs the mirrors: the only replica, or the one that holds the lease.
    Leader,
    /// Another replica runs them.
    Standby {
        /// Which, if that is known.
        leader: Option<Box<str>>,
    },
}

/// The configuration that is in force.
#[derive(Debug, Clone)]
pub struct ConfigView {
    /// The file.
    pub path: Box<str>,
    /// Since when it is in force.
    pub loaded: DateTime<Utc>,
    /// A later file that was refused, and why: the one in force is the last good one.
    pub refused: Option<(DateTime<Utc>, Box<str>)>,
}

/// One mirror.
#[derive(Debug, Clone)]
pub struct MirrorView {
    /// Its name in the file.
    pub name: Box<str>,
    /// Where the charts come from.
    pub source: Box<str>,
    /// Where they go, `oci://…` or `oci-layout:…`.
    pub targets: Vec<Box<str>>,
    /// When it runs, as in the file, with the zone: `*/30 * * * * (UTC)`, `every 30m`.
    pub schedule: Box<str>,
    /// When the next run begins; none if there is no further one.
    pub next_run: Option<DateTime<Utc>>,
    /// The run that goes on.
    pub running: Option<RunningView>,
    /// The last run that ended, also that of an earlier process.
    pub last: Option<LastRun>,
    /// The last runs, newest first.
    pub history: Vec<RunSummary>,
    /// When a run last succeeded.
    pub last_success: Option<DateTime<Utc>>,
    /// The first of the failures since then.
    pub failing_since: Option<DateTime<Utc>>,
    /// Failed runs since the last success.
    pub failures_in_a_row: u32,
    /// The schedule is stretched after repeated failures: not before this moment.
    pub backing_off_until: Option<DateTime<Utc>>,
    /// Versions by state, all targets together, as far as is known after the last run.
    pub versions: Totals,
    /// What stays in every report until it is settled: drift, refusals, failures. By chart and version.
    pub trouble: Vec<Trouble>,
    /// What was pushed last, newest first.
    pub recent: Vec<Push>,
}

/// A run that goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningView {
    /// When it began.
    pub since: DateTime<Utc>,
    /// What it does now, e.g. `reading the index`.
    pub phase: Box<str>,
    /// Versions to be carried as far as is known.
    pub planned: u64,
    /// Versions carried, whether or not that went well.
    pub done: u64,
    /// Those of them that failed.
    pub failed: u64,
    /// Bytes received from the source and sent to the targets.
    pub bytes: u64,
    /// Versions in flight now, e.g. `cert-manager 1.2.0`; at most a handful.
    pub current: Vec<Box<str>>,
}

/// How the last run ended.
#[derive(Debug, Clone)]
pub struct LastRun {
    /// When it began.
    pub started: DateTime<Utc>,
    /// When it ended.
    pub finished: DateTime<Utc>,
    /// With what.
    pub status: ExitStatus,
    /// What kept the whole mirror from being served.
    pub problem: Option<Problem>,
    /// What kept single targets from being served, by target.
    pub target_problems: Vec<(Box<str>, Problem)>,
    /// Safety limits that held something back.
    pub safety_limits: Vec<Reason>,
    /// What went on all the same but deserves a look.
    pub warnings: Vec<Reason>,
}

/// A version that needs attention.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// The chart's key in the index.
    pub chart: Arc<str>,
    /// The version as it is written there.
    pub version: Box<str>,
    /// Which target.
    pub target: Box<str>,
    /// `failed`, `refused`, `drifted`.
    pub action: Action,
    /// Why, with host and URL.
    pub reason: Reason,
    /// Since when.
    pub since: DateTime<Utc>,
    /// In how many runs in a row.
    pub runs: u32,
}

/// A version that was pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Push {
    /// When.
    pub at: DateTime<Utc>,
    /// The chart.
    pub chart: Arc<str>,
    /// Its version.
    pub version: Box<str>,
    /// `oci://…/name:tag`.
    pub reference: Box<str>,
    /// Of its manifest.
    pub digest: Option<Digest>,
    /// Bytes sent.
    pub bytes: u64,
}

/// One version at one target, for the details of a mirror: read from its state when somebody asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionView {
    /// The chart's key in the index.
    pub chart: Arc<str>,
    /// The version as it is written there.
    pub version: Box<str>,
    /// Which target.
    pub target: Box<str>,
    /// How it stands there.
    pub standing: Standing,
    /// `oci://…/name:tag`, where it is there.
    pub reference: Option<Box<str>>,
    /// Of its manifest, where it is there.
    pub manifest: Option<Digest>,
    /// sha256 of its package, where it is there.
    pub package: Option<Digest>,
    /// When it was first seen in an index.
    pub first_seen: DateTime<Utc>,
    /// What is wrong with it.
    pub trouble: Option<Reason>,
}

/// How a version stands at a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// There, pushed by this mirror.
    Pushed,
    /// There when it was first looked at: put by somebody else, or before the state was lost.
    Adopted,
    /// There with other bytes than the source has.
    Drifted,
    /// There, gone from the source.
    Vanished,
    /// Not there: left out by a filter, or it waits.
    NotCarried,
    /// Not there: it failed.
    Failed,
    /// Not there: it was refused.
    Refused,
}

impl Standing {
    /// All of them, in the order of tables.
    pub const ALL: [Self; 7] = [
        Self::Pushed,
        Self::Adopted,
        Self::Drifted,
        Self::Vanished,
        Self::NotCarried,
        Self::Failed,
        Self::Refused,
    ];

    /// The word used in every rendering.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pushed => "pushed",
            Self::Adopted => "adopted",
            Self::Drifted => "drifted",
            Self::Vanished => "vanished",
            Self::NotCarried => "not-carried",
            Self::Failed => "failed",
            Self::Refused => "refused",
        }
    }
}

impl MirrorView {
    /// How the mirror is, for a glance.
    pub fn health(&self) -> Health {
        match &self.last {
            None => Health::Unknown,
            Some(last) if !last.status.is_success() && self.failures_in_a_row > 0 => Health::Failing,
            Some(_) if !self.trouble.is_empty() => Health::Trouble,
            Some(last) if last.status == ExitStatus::Conflict => Health::Trouble,
            Some(_) => Health::Good,
        }
    }
}

/// How a mirror is, from good to bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Health {
    /// All in place.
    Good,
    /// It has not run yet.
    Unknown,
    /// It works, but versions need attention.
    Trouble,
    /// Its runs fail.
    Failing,
}

//! `GET /api/v1/mirrors/NAME`: one mirror with its history.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::Moment;
use super::mirrors::Summary;
use crate::report::Action;
use crate::service::view::{MirrorView, Push, ServiceView, Trouble};
use crate::state::RunSummary;
use crate::types::{Digest, Reason};

/// Versions that need attention in one answer; `trouble_count` has the whole number, `/versions` all of them.
const MOST: usize = 1_000;

/// One mirror.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Mirror")]
pub struct Mirror<'a> {
    /// Name and version of this format.
    #[schemars(extend("const" = "chartferry.mirror/v1"))]
    schema: &'static str,
    /// When this was looked at.
    now: Moment,
    /// What is said of it in the list of all mirrors.
    #[serde(flatten)]
    summary: Summary<'a>,
    /// Versions that need attention, at most 1000.
    trouble: Vec<TroubleItem<'a>>,
    /// The last runs, newest first.
    history: Vec<Run<'a>>,
    /// What was pushed last, newest first.
    recent: Vec<PushItem<'a>>,
}

/// A version that needs attention.
#[derive(Debug, Serialize, JsonSchema)]
struct TroubleItem<'a> {
    /// The chart's key in the index.
    chart: &'a str,
    /// The version as it is written there.
    version: &'a str,
    /// Which target.
    target: &'a str,
    /// `failed`, `refused` or `drifted`.
    action: Action,
    /// Why.
    reason: &'a Reason,
    /// Since when.
    since: Moment,
    /// In how many runs in a row.
    runs: u32,
}

/// A run in short.
#[derive(Debug, Serialize, JsonSchema)]
struct Run<'a> {
    /// When it began.
    started: Moment,
    /// When it ended.
    finished: Moment,
    /// The exit code that this mirror alone would have given.
    exit_code: u8,
    /// How many versions per action; only what there was.
    counts: BTreeMap<&'a str, u64>,
    /// Bytes sent.
    bytes: u64,
    /// What kept the whole mirror from being served.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<&'a str>,
}

/// A version that was pushed.
#[derive(Debug, Serialize, JsonSchema)]
struct PushItem<'a> {
    /// When.
    at: Moment,
    /// The chart.
    chart: &'a str,
    /// Its version.
    version: &'a str,
    /// `oci://…/name:tag`.
    reference: &'a str,
    /// Of its manifest.
    #[serde(skip_serializing_if = "Option::is_none")]
    manifest_digest: Option<Digest>,
    /// Bytes sent.
    bytes: u64,
}

impl<'a> Mirror<'a> {
    /// Of this mirror of the view.
    pub fn of(view: &ServiceView, mirror: &'a MirrorView) -> Self {
        Self {
            schema: "chartferry.mirror/v1",
            now: Moment(view.now),
            summary: Summary::of(mirror),
            trouble: mirror.trouble.iter().take(MOST).map(TroubleItem::of).collect(),
            history: mirror.history.iter().map(Run::of).collect(),
            recent: mirror.recent.iter().map(PushItem::of).collect(),
        }
    }
}

impl<'a> TroubleItem<'a> {
    fn of(trouble: &'a Trouble) -> Self {
        Self {
            chart: &trouble.chart,
            version: &trouble.version,
            target: &trouble.target,
            action: trouble.action,
            reason: &trouble.reason,
            since: Moment(trouble.since),
            runs: trouble.runs,
        }
    }
}

impl<'a> Run<'a> {
    fn of(run: &'a RunSummary) -> Self {
        Self {
            started: Moment(run.started),
            finished: Moment(run.finished),
            exit_code: run.exit,
            counts: run
                .counts
                .iter()
                .map(|(action, count)| (&**action, *count))
                .collect(),
            bytes: run.bytes,
            problem: run.problem.as_deref(),
        }
    }
}

impl<'a> PushItem<'a> {
    fn of(push: &'a Push) -> Self {
        Self {
            at: Moment(push.at),
            chart: &push.chart,
            version: &push.version,
            reference: &push.reference,
            manifest_digest: push.digest,
            bytes: push.bytes,
        }
    }
}

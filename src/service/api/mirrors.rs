//! `GET /api/v1/mirrors`: the service, and each mirror in short.

use schemars::JsonSchema;
use serde::Serialize;

use super::Moment;
use crate::report::{HostTraffic, Totals};
use crate::service::view::{ConfigView, Health, MirrorView, Role, RunningView, ServiceView};
use crate::types::Reason;

/// The service and all its mirrors.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Mirrors")]
#[expect(clippy::struct_field_names, reason = "they are the names in the JSON")]
pub struct Mirrors<'a> {
    /// Name and version of this format.
    #[schemars(extend("const" = "chartferry.mirrors/v1"))]
    schema: &'static str,
    /// Version of chartferry.
    version: &'a str,
    /// When this was looked at.
    now: Moment,
    /// When the process started.
    started: Moment,
    /// What this replica does.
    role: RoleWord,
    /// The replica that runs the mirrors, if this one does not and it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    leader: Option<&'a str>,
    /// The configuration that is in force.
    config: Config<'a>,
    /// Versions in flight, over all mirrors.
    in_flight: InFlight,
    /// Requests since the start, by host.
    hosts: &'a [HostTraffic],
    /// In the order of the file.
    mirrors: Vec<Summary<'a>>,
}

/// What a replica does.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum RoleWord {
    /// It runs the mirrors.
    Leader,
    /// Another replica does.
    Standby,
}

/// The configuration that is in force.
#[derive(Debug, Serialize, JsonSchema)]
struct Config<'a> {
    /// The file.
    path: &'a str,
    /// Since when it is in force.
    loaded: Moment,
    /// A later file that was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<Refused<'a>>,
}

/// A file that was refused.
#[derive(Debug, Serialize, JsonSchema)]
struct Refused<'a> {
    /// When.
    at: Moment,
    /// Why.
    reason: &'a str,
}

/// Versions in flight.
#[derive(Debug, Serialize, JsonSchema)]
struct InFlight {
    /// Now.
    now: usize,
    /// How many may be.
    most: usize,
}

/// A mirror in short.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Summary<'a> {
    /// Its name in the file.
    name: &'a str,
    /// How it is: `good`, `unknown` (it has not run yet), `trouble` (versions need attention), `failing` (its runs fail).
    health: Health,
    /// Where the charts come from.
    source: &'a str,
    /// Where they go.
    targets: &'a [Box<str>],
    /// When it runs.
    schedule: &'a str,
    /// When the next run begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_run: Option<Moment>,
    /// The run that goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    running: Option<Running<'a>>,
    /// The last run that ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_run: Option<Run<'a>>,
    /// When a run last succeeded.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_success: Option<Moment>,
    /// The first of the failures since then.
    #[serde(skip_serializing_if = "Option::is_none")]
    failing_since: Option<Moment>,
    /// Failed runs since the last success.
    failures_in_a_row: u32,
    /// The schedule is stretched after repeated failures: not before this moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    backing_off_until: Option<Moment>,
    /// Versions by state, all targets together.
    versions: Totals,
    /// How many versions need attention.
    trouble_count: usize,
}

/// A run that goes on.
#[derive(Debug, Serialize, JsonSchema)]
struct Running<'a> {
    /// When it began.
    since: Moment,
    /// What it does now.
    phase: &'a str,
    /// Versions to be carried as far as is known.
    planned: u64,
    /// Versions carried, whether or not that went well.
    done: u64,
    /// Those of them that failed.
    failed: u64,
    /// Bytes received and sent.
    bytes: u64,
    /// Versions in flight now.
    current: &'a [Box<str>],
}

/// How the last run ended.
#[derive(Debug, Serialize, JsonSchema)]
struct Run<'a> {
    /// When it began.
    started: Moment,
    /// When it ended.
    finished: Moment,
    /// The exit code that this mirror alone would have given (`docs/report.md`).
    exit_code: u8,
    /// What that means.
    meaning: &'static str,
    /// What kept the whole mirror from being served.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<&'a Reason>,
    /// What kept single targets from being served.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    target_problems: Vec<TargetProblem<'a>>,
    /// Safety limits that held something back.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    safety_limits: &'a [Reason],
    /// What went on all the same but deserves a look.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    warnings: &'a [Reason],
}

/// A target that could not be served.
#[derive(Debug, Serialize, JsonSchema)]
struct TargetProblem<'a> {
    /// Which.
    target: &'a str,
    /// Why.
    #[serde(flatten)]
    reason: &'a Reason,
}

impl<'a> Mirrors<'a> {
    /// Of this view.
    pub fn of(view: &'a ServiceView) -> Self {
        let (role, leader) = match &view.role {
            Role::Leader => (RoleWord::Leader, None),
            Role::Standby { leader } => (RoleWord::Standby, leader.as_deref()),
        };
        let (now, most) = view.in_flight;
        Self {
            schema: "chartferry.mirrors/v1",
            version: view.version,
            now: Moment(view.now),
            started: Moment(view.started),
            role,
            leader,
            config: Config::of(&view.config),
            in_flight: InFlight { now, most },
            hosts: &view.hosts,
            mirrors: view.mirrors.iter().map(Summary::of).collect(),
        }
    }
}

impl<'a> Config<'a> {
    fn of(view: &'a ConfigView) -> Self {
        Self {
            path: &view.path,
            loaded: Moment(view.loaded),
            refused: view.refused.as_ref().map(|(at, reason)| Refused {
                at: Moment(*at),
                reason,
            }),
        }
    }
}

impl<'a> Summary<'a> {
    pub(super) fn of(view: &'a MirrorView) -> Self {
        Self {
            name: &view.name,
            health: view.health(),
            source: &view.source,
            targets: &view.targets,
            schedule: &view.schedule,
            next_run: view.next_run.map(Moment),
            running: view.running.as_ref().map(Running::of),
            last_run: Run::of(view),
            last_success: view.last_success.map(Moment),
            failing_since: view.failing_since.map(Moment),
            failures_in_a_row: view.failures_in_a_row,
            backing_off_until: view.backing_off_until.map(Moment),
            versions: view.versions,
            trouble_count: view.trouble.len(),
        }
    }
}

impl<'a> Running<'a> {
    fn of(view: &'a RunningView) -> Self {
        Self {
            since: Moment(view.since),
            phase: &view.phase,
            planned: view.planned,
            done: view.done,
            failed: view.failed,
            bytes: view.bytes,
            current: &view.current,
        }
    }
}

impl<'a> Run<'a> {
    fn of(view: &'a MirrorView) -> Option<Self> {
        let last = view.last.as_ref()?;
        let of_targets = last
            .target_problems
            .iter()
            .map(|(target, problem)| TargetProblem {
                target,
                reason: &problem.reason,
            });
        Some(Self {
            started: Moment(last.started),
            finished: Moment(last.finished),
            exit_code: last.status.code(),
            meaning: last.status.meaning(),
            problem: last.problem.as_ref().map(|problem| &problem.reason),
            target_problems: of_targets.collect(),
            safety_limits: &last.safety_limits,
            warnings: &last.warnings,
        })
    }
}

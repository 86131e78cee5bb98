//! The result of one run: which mirrors, which targets, every version once per target.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use super::{HostTraffic, Item, Memoir, Totals};
use crate::types::{Reason, Shard};

/// The name of the format, in every JSON report.
pub const SCHEMA: &str = "chartferry.report/v1";

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Command {
    /// One run that pushes.
    Migrate,
    /// One run that only says what `migrate` would do.
    Plan,
    /// One cycle of the service.
    Mirror,
    /// A comparison of source and target.
    Verify,
}

impl Command {
    /// The word used in every rendering.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Migrate => "migrate",
            Self::Plan => "plan",
            Self::Mirror => "mirror",
            Self::Verify => "verify",
        }
    }
}

/// The signal that ended a run early.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Signal {
    /// Ctrl-C.
    Int,
    /// What Kubernetes and systemd send first.
    Term,
}

/// Why a whole mirror or a whole target was not served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProblemKind {
    /// The settings cannot work.
    Config,
    /// Another process holds the lock.
    AlreadyRunning,
    /// The target cannot be used (authentication, missing repository, no registry).
    Target,
    /// The source cannot be used (unreachable, no index).
    Source,
    /// A safety limit stopped it.
    SafetyLimit,
    /// The books do not balance: a defect of chartferry.
    Defect,
}

/// What kept a whole mirror or a whole target from being served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Problem {
    /// What is to blame; decides the exit code.
    pub kind: ProblemKind,
    /// Code and sentence.
    #[serde(flatten)]
    pub reason: Reason,
}

/// What a version counts for whose bytes at the source are no longer those in the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DriftPolicy {
    /// The tag stays; exit code 3.
    #[default]
    Report,
    /// The tag is written anew.
    Overwrite,
    /// The tag stays; exit code 2.
    Fail,
}

/// The result of a run.
#[derive(Debug, Clone)]
pub struct RunReport {
    /// What was asked for.
    pub command: Command,
    /// Version of chartferry.
    pub version: Box<str>,
    /// When the run began.
    pub started: DateTime<Utc>,
    /// When it ended.
    pub finished: DateTime<Utc>,
    /// The signal that ended it early.
    pub interrupted: Option<Signal>,
    /// One per mirror, in the order of the file.
    pub mirrors: Vec<MirrorReport>,
    /// One per host that was asked for anything.
    pub hosts: Vec<HostTraffic>,
}

/// The result of one mirror: one source, one or more targets.
#[derive(Debug, Clone)]
pub struct MirrorReport {
    /// Its name; the source where it has none.
    pub name: Box<str>,
    /// Where the charts come from, secrets masked.
    pub source: Box<str>,
    /// Versions that the index lists, duplicates counted, this shard's only.
    pub index_entries: u64,
    /// The source says that its index is the one of the last run: versions are listed only if they need attention.
    pub source_unchanged: bool,
    /// The bytes of versions that are in the registry were compared, not only their tags.
    pub drift_checked: bool,
    /// What a drifted version counts for.
    pub drift: DriftPolicy,
    /// The part of the mirror that this run was about.
    pub shard: Option<Shard>,
    /// What kept the whole mirror from running.
    pub error: Option<Problem>,
    /// Safety limits that held something back (exit code 6) while the rest went on.
    pub safety_limits: Vec<Reason>,
    /// What went on all the same but deserves a look.
    pub warnings: Vec<Reason>,
    /// One per target.
    pub targets: Vec<TargetReport>,
    /// What the mirror's state knows after this run, where it has one.
    pub memoir: Option<Memoir>,
}

impl MirrorReport {
    /// A mirror of which nothing is known yet.
    pub fn new(name: &str, source: &str) -> Self {
        Self {
            name: name.into(),
            source: source.into(),
            index_entries: 0,
            source_unchanged: false,
            drift_checked: false,
            drift: DriftPolicy::Report,
            shard: None,
            error: None,
            safety_limits: Vec::new(),
            warnings: Vec::new(),
            targets: Vec::new(),
            memoir: None,
        }
    }

    /// How many versions per action, and bytes, over all targets.
    pub fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for target in &self.targets {
            totals.merge(&target.totals());
        }
        totals
    }
}

/// How a repository stands that a push needs and that was not simply there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RepositoryState {
    /// Only in a plan: not there yet. A push creates it, or is refused.
    New,
    /// Only in a plan: it would be created first, as `create_repositories` says.
    WouldCreate,
    /// It was created, as `create_repositories` says.
    Created,
    /// It is missing, and a push does not create it.
    Missing,
    /// It is missing, or the account may not push to it: the registry does not tell which.
    Denied,
}

/// A repository, or what must be there for it, that was not simply there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Repository")]
pub struct RepositoryNote {
    /// Its name in the registry.
    pub name: Box<str>,
    /// `repository`, or `project` where that is what has to be created.
    pub what: &'static str,
    /// How it stands.
    pub state: RepositoryState,
    /// Why, and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// The result of one mirror at one target.
#[derive(Debug, Clone)]
pub struct TargetReport {
    /// `oci://…` or `oci-layout:…`.
    pub target: Box<str>,
    /// What kept the whole target from being served.
    pub error: Option<Problem>,
    /// What went on all the same but deserves a look.
    pub warnings: Vec<Reason>,
    /// Repositories that were not simply there: missing, created, to be created.
    pub repositories: Vec<RepositoryNote>,
    /// Every version, once.
    pub items: Vec<Item>,
}

impl TargetReport {
    /// A target of which nothing is known yet.
    pub fn new(target: &str) -> Self {
        Self {
            target: target.into(),
            error: None,
            warnings: Vec::new(),
            repositories: Vec::new(),
            items: Vec::new(),
        }
    }

    /// How many versions per action, and bytes.
    pub fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for item in &self.items {
            totals.add(item);
        }
        totals
    }
}

impl RunReport {
    /// How many versions per action, and bytes, over all mirrors and targets.
    pub fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for mirror in &self.mirrors {
            totals.merge(&mirror.totals());
        }
        totals
    }

    /// Every target with its mirror.
    pub fn targets(&self) -> impl Iterator<Item = (&MirrorReport, &TargetReport)> {
        self.mirrors
            .iter()
            .flat_map(|mirror| mirror.targets.iter().map(move |target| (mirror, target)))
    }

    /// From begin to end, in milliseconds; 0 if the clock was set back meanwhile.
    pub fn duration_ms(&self) -> u64 {
        u64::try_from((self.finished - self.started).num_milliseconds()).unwrap_or(0)
    }
}

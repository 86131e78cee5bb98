//! What a run is asked to do, whoever asks: flags, a file or the library's user.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use crate::net::{Net, NetError, NetOptions};
use crate::payload::Budget;
use crate::plan::Rules;
use crate::progress::{NoProgress, Progress};
use crate::registry::{Credential, Credentials, FixedCredentials};
use crate::report::DriftPolicy;
use crate::source::{SourceOptions, SourceSpec};
use crate::transfer::Policy;
use crate::transfer::width::{Gate, Width};
use crate::types::{OciTarget, Shard, TargetError};

use super::{Claims, Memory, Stop};

/// One source and where its charts go.
#[derive(Debug, Clone)]
pub struct MirrorSpec {
    /// Unique in a run; the source where the user gave none.
    pub name: String,
    /// Where charts come from.
    pub source: SourceSpec,
    /// How the source is read.
    pub source_options: SourceOptions,
    /// Where they go, at least one.
    pub targets: Vec<TargetSpec>,
    /// Which versions.
    pub rules: Rules,
    /// What may be pushed.
    pub policy: Policy,
    /// What to do where the registry holds other bytes.
    pub drift: DriftPolicy,
    /// Ask the registry for the bytes of versions that are there already, one manifest each.
    pub check_drift: bool,
    /// Create repositories that a push does not create, where the registry has a call for it.
    pub create_repositories: bool,
    /// No new work after this long.
    pub run_timeout: Option<Duration>,
    /// Only this part of the repositories, where several processes share the work.
    pub shard: Option<Shard>,
    /// What is remembered between runs; none where each run finds out everything anew.
    pub memory: Option<Memory>,
}

impl MirrorSpec {
    /// All versions of `source`, with the defaults of the command line.
    pub fn new(source: SourceSpec, targets: Vec<TargetSpec>) -> Self {
        Self {
            name: source.to_string(),
            source,
            source_options: SourceOptions::default(),
            targets,
            rules: Rules::default(),
            policy: Policy::default(),
            drift: DriftPolicy::default(),
            check_drift: false,
            create_repositories: false,
            run_timeout: None,
            shard: None,
            memory: None,
        }
    }

    /// The command that pushes again what is missing at a target. With a state it has to be told to look.
    pub(super) fn repair(&self) -> &'static str {
        match self.memory {
            Some(_) => "`migrate --reconcile`",
            None => "`migrate`",
        }
    }

    /// Tags that name other bytes than the source has are written anew.
    pub(super) fn overwrites(&self) -> bool {
        self.drift == DriftPolicy::Overwrite
    }
}

/// A target before it is opened.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TargetSpec {
    /// `oci://…`
    Registry(OciTarget),
    /// `oci-layout:DIR`
    Layout(PathBuf),
}

impl std::fmt::Display for TargetSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Registry(target) => target.fmt(f),
            Self::Layout(dir) => write!(f, "oci-layout:{}", dir.display()),
        }
    }
}

impl FromStr for TargetSpec {
    type Err = TargetError;

    /// `oci://host[:port]/prefix` or `oci-layout:DIR`.
    fn from_str(text: &str) -> Result<Self, TargetError> {
        match text.strip_prefix("oci-layout:") {
            Some(dir) => Ok(Self::Layout(dir.into())),
            None => OciTarget::parse(text).map(Self::Registry),
        }
    }
}

/// What the run does about what it finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Says what would be done.
    Plan,
    /// Does it.
    Migrate,
    /// Compares what is there with the source and with itself.
    Verify {
        /// Reads every blob, not only what names them.
        deep: bool,
    },
}

impl Mode {
    /// Nothing is written.
    pub(super) fn only_reads(self) -> bool {
        self != Self::Migrate
    }
}

/// What all mirrors of a process share.
#[derive(Clone)]
pub struct Engine {
    /// The network, with its limits per host.
    pub net: Net,
    /// Memory for packages.
    pub budget: Budget,
    /// Versions in flight.
    pub gate: Gate,
    /// Logins for registries.
    pub credentials: Arc<dyn Credentials>,
    /// Who is told what goes on.
    pub progress: Arc<dyn Progress>,
    /// How the run is told to end.
    pub stop: Stop,
    /// Which repositories the mirrors of the process fill.
    pub claims: Claims,
}

/// Package bytes in memory where nobody says how many (product rules "Config").
const MEMORY: u64 = 32 << 20;
/// Time to finish what is in flight where nobody says how long; below Kubernetes' 30 s.
const GRACE: Duration = Duration::from_secs(25);

impl Engine {
    /// The defaults of the command line, but without anybody's logins: change the fields that are to be otherwise.
    pub fn new(options: NetOptions) -> Result<Self, NetError> {
        Ok(Self {
            net: Net::new(options)?,
            budget: Budget::new(MEMORY),
            gate: Gate::new(Width::Auto),
            credentials: Arc::new(FixedCredentials(Credential::Anonymous)),
            progress: Arc::new(NoProgress),
            stop: Stop::new(GRACE),
            claims: Claims::default(),
        })
    }
}

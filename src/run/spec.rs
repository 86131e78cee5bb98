//! What a run is asked to do, whoever asks: flags, a file or the library's user.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::net::Net;
use crate::payload::Budget;
use crate::plan::Rules;
use crate::progress::Progress;
use crate::registry::Credentials;
use crate::report::DriftPolicy;
use crate::source::{SourceOptions, SourceSpec};
use crate::transfer::Policy;
use crate::transfer::width::Gate;
use crate::types::OciTarget;

use super::Stop;

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
    /// No new work after this long.
    pub run_timeout: Option<Duration>,
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

/// Does the run push?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Says what would be done.
    Plan,
    /// Does it.
    Migrate,
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
}

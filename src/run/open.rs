//! Opening targets, and registries that an index names. A target that cannot be used is found out before anything is
//! downloaded for it.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::join_all;

use super::spec::{Engine, MirrorSpec, Mode, TargetSpec};
use crate::layout::{Access, Layout, LayoutError};
use crate::net::AddressGuard;
use crate::registry::{Registry, RegistryError, RegistryOptions};
use crate::report::{Problem, ProblemKind, TargetReport};
use crate::target::{Target, TargetFault};
use crate::transfer::{Destination, Fault, OpenRegistry};
use crate::types::{Reason, RegistryHost};

/// A target of a mirror: the report has all of them, work goes to those that can be used.
pub(super) struct OpenedTarget {
    pub(super) report: TargetReport,
    pub(super) destination: Option<Arc<Destination>>,
}

/// Opens all targets of a mirror side by side.
pub(super) async fn open_targets(engine: &Engine, spec: &MirrorSpec, mode: Mode) -> Vec<OpenedTarget> {
    let opened = spec.targets.iter().map(|target| async {
        let mut report = TargetReport::new(&target.to_string());
        let destination = match open(engine, target, mode).await {
            Ok(target) => Some(Arc::new(Destination::new(target))),
            Err(fault) => {
                report.error = Some(problem(&fault));
                None
            }
        };
        OpenedTarget { report, destination }
    });
    join_all(opened).await
}

async fn open(engine: &Engine, target: &TargetSpec, mode: Mode) -> Result<Target, TargetFault> {
    match target {
        TargetSpec::Layout(dir) => Ok(Target::Layout(open_layout(dir, mode).await?)),
        TargetSpec::Registry(address) => {
            let credentials = Arc::clone(&engine.credentials);
            let options = RegistryOptions { read_only: mode == Mode::Plan, ..RegistryOptions::default() };
            let registry = Registry::new(engine.net.clone(), address.host.clone(), credentials, options)?;
            registry.probe().await?;
            Ok(Target::Registry { registry, address: address.clone() })
        }
    }
}

/// A plan may be made for a layout that does not exist yet.
async fn open_layout(dir: &Path, mode: Mode) -> Result<Layout, LayoutError> {
    match mode {
        Mode::Migrate => Layout::open(dir, Access::Write).await,
        Mode::Plan => Layout::open(dir, Access::ReadOrEmpty).await,
    }
}

fn problem(fault: &TargetFault) -> Problem {
    let kind = match fault {
        TargetFault::Layout(LayoutError::Busy { .. }) => ProblemKind::AlreadyRunning,
        _ => ProblemKind::Target,
    };
    Problem { kind, reason: Reason { code: "target-unusable", ..Fault::of_target(fault).reason } }
}

/// Registries that one index names, each opened once, under the address rules of the source.
pub(super) struct Registries {
    engine: Engine,
    guard: AddressGuard,
    opened: Mutex<HashMap<RegistryHost, Registry>>,
}

impl Registries {
    pub(super) fn new(engine: Engine, guard: AddressGuard) -> Self {
        Self { engine, guard, opened: Mutex::default() }
    }
}

impl OpenRegistry for Registries {
    fn open(&self, host: &RegistryHost) -> Result<Registry, RegistryError> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(registry) = opened.get(host) {
            return Ok(registry.clone());
        }
        let options =
            RegistryOptions { read_only: true, guard: Some(self.guard.clone()), ..RegistryOptions::default() };
        let credentials = Arc::clone(&self.engine.credentials);
        let registry = Registry::new(self.engine.net.clone(), host.clone(), credentials, options)?;
        opened.insert(host.clone(), registry.clone());
        Ok(registry)
    }
}

//! Opening targets, and registries that an index names. A target that cannot be used is found out before anything is
//! downloaded for it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
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

/// The registries and layouts that a run writes to, each opened once however many mirrors share it: one probe, one
/// login, one lock.
#[derive(Default)]
pub(super) struct Targets {
    registries: Mutex<HashMap<RegistryHost, Registry>>,
    layouts: tokio::sync::Mutex<HashMap<PathBuf, Layout>>,
}

impl Targets {
    /// Opens all targets of a mirror side by side. Those that are not needed are known by name and asked for nothing; of a
    /// layout nothing need be asked.
    pub(super) async fn open_all(
        &self,
        engine: &Engine,
        spec: &MirrorSpec,
        mode: Mode,
        needed: &(dyn Fn(usize) -> bool + Sync),
    ) -> Vec<OpenedTarget> {
        let targets = spec.targets.iter().enumerate();
        let opened = targets.map(|(number, target)| async move {
            let mut report = TargetReport::new(&target.to_string());
            let destination = match self.open(engine, target, mode, needed(number)).await {
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

    async fn open(
        &self,
        engine: &Engine,
        target: &TargetSpec,
        mode: Mode,
        needed: bool,
    ) -> Result<Target, TargetFault> {
        match target {
            TargetSpec::Layout(dir) => Ok(Target::Layout(self.layout(dir, mode).await?)),
            TargetSpec::Registry(address) => {
                let registry = self.registry(engine, &address.host, mode)?;
                if needed {
                    registry.probe().await?;
                    // What registry it is may have come out only now.
                    registry.check_target(address)?;
                }
                Ok(Target::Registry {
                    registry,
                    address: address.clone(),
                })
            }
        }
    }

    fn registry(&self, engine: &Engine, host: &RegistryHost, mode: Mode) -> Result<Registry, RegistryError> {
        let options = RegistryOptions {
            read_only: mode.only_reads(),
            ..RegistryOptions::default()
        };
        open_once(&self.registries, engine, host, options)
    }

    /// Two names may lead to one folder, so a layout is known by its real place.
    async fn layout(&self, dir: &Path, mode: Mode) -> Result<Layout, LayoutError> {
        let access = match mode {
            Mode::Migrate => Access::Write,
            // A plan may be made for a layout that does not exist yet.
            Mode::Plan | Mode::Verify { .. } => Access::ReadOrEmpty,
        };
        let mut layouts = self.layouts.lock().await;
        let place = dir.canonicalize().unwrap_or_else(|_| dir.to_path_buf());
        if let Some(layout) = layouts.get(&place) {
            return Ok(layout.clone());
        }
        let layout = Layout::open(dir, access).await?;
        layouts.insert(layout.dir().to_path_buf(), layout.clone());
        Ok(layout)
    }
}

fn open_once(
    opened: &Mutex<HashMap<RegistryHost, Registry>>,
    engine: &Engine,
    host: &RegistryHost,
    options: RegistryOptions,
) -> Result<Registry, RegistryError> {
    let mut opened = opened.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(registry) = opened.get(host) {
        return Ok(registry.clone());
    }
    let credentials = Arc::clone(&engine.credentials);
    let registry = Registry::new(engine.net.clone(), host.clone(), credentials, options)?;
    opened.insert(host.clone(), registry.clone());
    Ok(registry)
}

fn problem(fault: &TargetFault) -> Problem {
    let kind = match fault {
        TargetFault::Layout(LayoutError::Busy { .. }) => ProblemKind::AlreadyRunning,
        _ => ProblemKind::Target,
    };
    Problem {
        kind,
        reason: Reason {
            code: "target-unusable",
            ..Fault::of_target(fault).reason
        },
    }
}

/// Registries that one index names, each opened once, under the address rules of the source.
pub(super) struct Registries {
    engine: Engine,
    guard: AddressGuard,
    opened: Mutex<HashMap<RegistryHost, Registry>>,
}

impl Registries {
    pub(super) fn new(engine: Engine, guard: AddressGuard) -> Self {
        Self {
            engine,
            guard,
            opened: Mutex::default(),
        }
    }
}

impl OpenRegistry for Registries {
    fn open(&self, host: &RegistryHost) -> Result<Registry, RegistryError> {
        let options = RegistryOptions {
            read_only: true,
            guard: Some(self.guard.clone()),
            ..RegistryOptions::default()
        };
        open_once(&self.opened, &self.engine, host, options)
    }
}

//! From a configuration to what the service does, at its start and at each reload.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::args::RunArgs;
use super::assemble;
use super::helm_repositories::Entry;
use super::logins::Logins;
use crate::config::{Config, MirrorConfig};
use crate::net::{Net, NetOptions};
use crate::payload::Budget;
use crate::progress::NoProgress;
use crate::registry::credentials::Stores;
use crate::report::{Problem, ProblemKind};
use crate::run::{Engine, MirrorSpec, Stop};
use crate::schedule::Jitter;
use crate::service::{MirrorPlan, Plan, Recipe};
use crate::types::Reason;

/// A run that takes longer is stopped, where the file says nothing: nobody watches, and what hangs must end (product 11).
const RUN_TIMEOUT: Duration = Duration::from_secs(2 * 3600);

/// Makes plans, and remembers the last one: what has not changed is kept, with its connections, pauses and counts.
pub(super) struct Planner {
    file: PathBuf,
    last: Mutex<Option<(Config, Engine)>>,
}

impl Planner {
    pub(super) fn new(file: &Path) -> Self {
        Self {
            file: file.to_path_buf(),
            last: Mutex::new(None),
        }
    }

    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// What `config` means. With `anew` files that it names are read again, such as certificates.
    pub(super) fn plan(&self, config: Config, anew: bool) -> anyhow::Result<Plan> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let mirrors: Vec<_> = config.mirrors.iter().collect();
        let helm = assemble::helm_entries(&mirrors)?;
        // Helm's entries have settings of hosts as well
        let same_hosts =
            |before: &Config| !anew && before.hosts == config.hosts && helm.iter().all(Option::is_none);
        let net = match &*last {
            Some((before, engine)) if same_hosts(before) => engine.net.clone(),
            _ => assemble::network(&config, &helm, &RunArgs::default(), NetOptions::default())?,
        };
        if let Some((before, _)) = &*last {
            tell_what_takes_a_restart(before, &config);
        }
        let stores = assemble::stores(
            &config,
            &net,
            &assemble::target_hosts(&mirrors),
            &Logins::default(),
        );
        let engine = engine(&config, net, &stores, last.as_ref());
        let shared = Arc::new(config.clone());
        let plans = mirrors
            .iter()
            .zip(helm)
            .map(|(mirror, helm)| mirror_plan(&shared, mirror, helm, &stores));
        let plan = Plan {
            engine: engine.clone(),
            mirrors: plans.collect::<Result<_, _>>()?,
        };
        *last = Some((config, engine));
        Ok(plan)
    }
}

fn engine(config: &Config, net: Net, stores: &Arc<Stores>, last: Option<&(Config, Engine)>) -> Engine {
    let same = |same: fn(&Config, &Config) -> bool| last.filter(|(before, _)| same(before, config));
    let gate = same(|a, b| a.concurrency == b.concurrency).map(|(_, engine)| engine.gate.clone());
    let budget = same(|a, b| a.memory_budget == b.memory_budget).map(|(_, engine)| engine.budget.clone());
    Engine {
        net,
        budget: budget.unwrap_or_else(|| Budget::new(config.memory_budget.0)),
        gate: gate.unwrap_or_else(|| assemble::gate(config)),
        credentials: Arc::clone(stores) as _,
        // Each run has its own of these
        progress: Arc::new(NoProgress),
        stop: Stop::new(config.grace),
    }
}

/// Settings that a reload does not reach.
fn tell_what_takes_a_restart(before: &Config, now: &Config) {
    let changed = [
        (before.http != now.http, "[http]"),
        (before.lease != now.lease, "[lease]"),
        (before.grace != now.grace, "grace"),
        (before.log != now.log, "log"),
        (before.log_format != now.log_format, "log_format"),
    ];
    for (_, setting) in changed.into_iter().filter(|(changed, _)| *changed) {
        tracing::warn!("`{setting}` has changed, which takes a restart of the service");
    }
}

fn mirror_plan(
    config: &Arc<Config>,
    mirror: &MirrorConfig,
    helm: Option<Entry>,
    stores: &Arc<Stores>,
) -> anyhow::Result<MirrorPlan> {
    let recipe = FromFile {
        config: Arc::clone(config),
        mirror: mirror.clone(),
        helm,
        stores: Arc::clone(stores),
    };
    Ok(MirrorPlan {
        name: mirror.name.as_str().into(),
        source: assemble::source_spec(mirror, recipe.helm.as_ref())?
            .to_string()
            .into(),
        targets: mirror
            .targets
            .iter()
            .map(|target| assemble::target_spec(target).to_string().into())
            .collect(),
        schedule: mirror.schedule.clone(),
        jitter: Jitter::new(&mirror.name, mirror.jitter)?,
        recipe: Arc::new(recipe),
    })
}

/// A mirror of the file.
struct FromFile {
    config: Arc<Config>,
    mirror: MirrorConfig,
    helm: Option<Entry>,
    stores: Arc<Stores>,
}

impl FromFile {
    async fn spec(&self, now: DateTime<Utc>) -> anyhow::Result<MirrorSpec> {
        let (helm, logins) = (self.helm.as_ref(), Logins::default());
        let login = assemble::source_login(&self.mirror, helm, &logins, &self.stores).await?;
        let login = login.map(|(login, _)| login);
        let spec = assemble::mirror_spec(&self.config, &self.mirror, helm, login, now)?;
        Ok(MirrorSpec {
            run_timeout: spec.run_timeout.or(Some(RUN_TIMEOUT)),
            ..spec
        })
    }
}

impl Recipe for FromFile {
    fn prepare(&self, now: DateTime<Utc>) -> BoxFuture<'_, Result<MirrorSpec, Problem>> {
        async move {
            self.spec(now).await.map_err(|error| Problem {
                kind: ProblemKind::Config,
                reason: Reason::new("config", format!("{error:#}")),
            })
        }
        .boxed()
    }
}

//! From a configuration to what the service does, at its start and at each reload.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, bail};
use chrono::{DateTime, Utc};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use secrecy::SecretString;

use super::args::{MemoryArgs, RunArgs};
use super::helm_repositories::Entry;
use super::logins::Logins;
use super::memory::{self, States};
use super::{assemble, notify};
use crate::config::{Config, MirrorConfig, SecretAt, StateDir};
use crate::net::{Net, NetOptions};
use crate::payload::Budget;
use crate::progress::NoProgress;
use crate::registry::credentials::Stores;
use crate::report::{Problem, ProblemKind};
use crate::run::{Claims, Engine, MirrorSpec, Stop};
use crate::schedule::Jitter;
use crate::secret;
use crate::service::desk::Wish;
use crate::service::http::Token;
use crate::service::{MirrorPlan, Plan, Recipe, Remembered};
use crate::state::{StateFolder, default_folder};
use crate::types::Reason;

/// A run that takes longer is stopped, where the file says nothing: nobody watches, and what hangs must end (product 11).
const RUN_TIMEOUT: Duration = Duration::from_secs(2 * 3600);

/// Makes plans, and remembers the last one: what has not changed is kept, with its connections, pauses and counts.
pub(super) struct Planner {
    file: PathBuf,
    folder: StateFolder,
    token: Token,
    last: Mutex<Option<(Config, Engine)>>,
}

/// Where states are. A service always has a place for them: it lives from what it remembers.
pub(super) fn state_folder(config: &Config) -> anyhow::Result<StateFolder> {
    let path = match &config.state_dir {
        StateDir::At(path) => path.clone(),
        StateDir::Default => default_folder(|name| std::env::var_os(name)).context(
            "there is no place for what mirrors remember: neither `STATE_DIRECTORY` nor `XDG_STATE_HOME` nor `HOME` names a folder; name one as `state_dir`",
        )?,
        StateDir::Off => bail!(
            "`state_dir = \"off\"` is not for the service, which would ask for every tag in each run; name a folder, which may be one that is lost with the machine"
        ),
    };
    let folder = StateFolder::open(&path)?;
    for warning in folder.warnings() {
        tracing::warn!("{warning}");
    }
    Ok(folder)
}

impl Planner {
    pub(super) fn new(file: &Path, folder: StateFolder) -> Self {
        Self {
            file: file.to_path_buf(),
            folder,
            token: Token::default(),
            last: Mutex::new(None),
        }
    }

    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// The token as it was last read; reloads put another one in its place.
    pub(super) fn token(&self) -> Token {
        self.token.clone()
    }

    /// What `config` means. With `anew` files that it names are read again, such as certificates.
    pub(super) fn plan(&self, config: Config, anew: bool) -> anyhow::Result<Plan> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let mirrors: Vec<_> = config.mirrors.iter().collect();
        let helm = assemble::helm_entries(&mirrors)?;
        let token = config.http.token.as_ref().map(read_token).transpose()?;
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
            .map(|(mirror, helm)| self.mirror(&shared, mirror, helm, &stores));
        let plan = Plan {
            engine: engine.clone(),
            mirrors: plans.collect::<Result<_, _>>()?,
            notify: notify::options(&config)?,
        };
        self.token.replace(token);
        *last = Some((config, engine));
        Ok(plan)
    }

    fn mirror(
        &self,
        config: &Arc<Config>,
        mirror: &MirrorConfig,
        helm: Option<Entry>,
        stores: &Arc<Stores>,
    ) -> anyhow::Result<MirrorPlan> {
        let source = assemble::source_spec(mirror, helm.as_ref())?.to_string();
        let targets: Vec<_> = mirror.targets.iter().map(assemble::target_spec).collect();
        let recipe = FromFile {
            config: Arc::clone(config),
            mirror: mirror.clone(),
            helm,
            stores: Arc::clone(stores),
            states: States::In(Some(self.folder.clone())),
        };
        Ok(MirrorPlan {
            name: mirror.name.as_str().into(),
            memory: Some(Remembered {
                folder: self.folder.clone(),
                identity: memory::identity(mirror, &source, &targets, None),
            }),
            source: source.into(),
            targets: targets.iter().map(|target| target.to_string().into()).collect(),
            schedule: mirror.schedule.clone(),
            jitter: Jitter::new(&mirror.name, mirror.jitter)?,
            recipe: Arc::new(recipe),
        })
    }
}

/// The token of the trigger. `password_env` and the like are never kept, but this one is compared with each request.
fn read_token(place: &SecretAt) -> anyhow::Result<SecretString> {
    match place {
        SecretAt::File(path) => Ok(secret::read_file(path)?),
        SecretAt::Variable(name) => {
            let value = std::env::var(name).ok();
            secret::read_variable(value.as_deref()).context("`token_env` of `[http]`")
        }
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
        // Each run has its own of these two
        progress: Arc::new(NoProgress),
        stop: Stop::new(config.grace),
        claims: last.map_or_else(Claims::default, |(_, engine)| engine.claims.clone()),
    }
}

/// Settings that a reload does not reach.
fn tell_what_takes_a_restart(before: &Config, now: &Config) {
    let http = |config: &Config| (config.http.listen, config.http.hosts.clone());
    let changed = [
        (http(before) != http(now), "[http]"),
        (before.lease != now.lease, "[lease]"),
        (before.state_dir != now.state_dir, "state_dir"),
        (before.grace != now.grace, "grace"),
        (before.log != now.log, "log"),
        (before.log_format != now.log_format, "log_format"),
    ];
    for (_, setting) in changed.into_iter().filter(|(changed, _)| *changed) {
        tracing::warn!("`{setting}` has changed, which takes a restart of the service");
    }
}

/// A mirror of the file.
struct FromFile {
    config: Arc<Config>,
    mirror: MirrorConfig,
    helm: Option<Entry>,
    stores: Arc<Stores>,
    states: States,
}

impl FromFile {
    async fn spec(&self, now: DateTime<Utc>, wish: Wish) -> anyhow::Result<MirrorSpec> {
        let (helm, logins) = (self.helm.as_ref(), Logins::default());
        let login = assemble::source_login(&self.mirror, helm, &logins, &self.stores).await?;
        let login = login.map(|(login, _)| login);
        let spec = assemble::mirror_spec(&self.config, &self.mirror, helm, login, now)?;
        let args = MemoryArgs {
            state_dir: None,
            reconcile: wish.reconcile,
            accept_shrink: wish.accept_shrink,
        };
        let memory = self
            .states
            .memory((&self.config, &self.mirror), &spec, None, &args)?;
        Ok(MirrorSpec {
            run_timeout: spec.run_timeout.or(Some(RUN_TIMEOUT)),
            memory,
            ..spec
        })
    }
}

impl Recipe for FromFile {
    fn prepare(&self, now: DateTime<Utc>, wish: Wish) -> BoxFuture<'_, Result<MirrorSpec, Problem>> {
        async move {
            self.spec(now, wish).await.map_err(|error| Problem {
                kind: ProblemKind::Config,
                reason: Reason::new("config", format!("{error:#}")),
            })
        }
        .boxed()
    }
}

//! A chart repository, a registry, and runs between them that are checked as soon as they end.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chartferry::net::{HostOptions, Net, NetOptions, RetryOptions};
use chartferry::payload::Budget;
use chartferry::plan::{Mismatch, Rules};
use chartferry::progress::NoProgress;
use chartferry::registry::{Credential, Credentials, FixedCredentials};
use chartferry::report::{Action, DriftPolicy, ExitStatus, Item, RunReport};
use chartferry::run::{Claims, Engine, MirrorSpec, Mode, Stop, TargetSpec, run};
use chartferry::source::SourceOptions;
use chartferry::transfer::width::{Gate, Width};
use chartferry::transfer::{DigestPolicy, Policy, ProvenancePolicy};
use chartferry::types::{OciTarget, RegistryKind};

use super::invariants;
use crate::support::chart_repo::ChartRepo;
use crate::support::charts::{Chart, grid, unverifiable_prov};
use crate::support::registry::Registry;
use crate::support::registry_auth::Auth;
use crate::support::server::Kind;

/// The login of the source, and a canary: it belongs nowhere but into requests to the source (reliability I7).
pub(super) const SOURCE_LOGIN: (&str, &str) = ("reader", "s3cr3t-source");
/// The login of the registry, and a canary too.
pub(super) const REGISTRY_LOGIN: (&str, &str) = ("ferry", "s3cr3t-registry");

/// A package and its provenance file, which belong together.
pub(super) type Pair = (Vec<u8>, Option<Vec<u8>>);

/// The stage of one test.
pub(super) struct Scene {
    pub(super) repo: ChartRepo,
    /// Shared with logins that create repositories in it.
    pub(super) registry: Arc<Registry>,
    /// What the registry is said to be.
    pub(super) kind: Option<RegistryKind>,
    /// Other logins than [`REGISTRY_LOGIN`].
    pub(super) credentials: Option<Arc<dyn Credentials>>,
    pub(super) retry: RetryOptions,
    /// The longest wait for an answer of either host.
    pub(super) timeout: Option<Duration>,
    pub(super) run_timeout: Option<Duration>,
    pub(super) grace: Duration,
    pub(super) width: Width,
    pub(super) source: SourceOptions,
    pub(super) check_drift: bool,
    pub(super) create_repositories: bool,
    /// Further hosts that speak plain HTTP.
    pub(super) plain: Vec<String>,
    /// What may stand under a tag, `repository:tag`: the pairs that the source had at some time.
    pub(super) expected: RefCell<BTreeMap<String, Vec<Pair>>>,
}

/// What a run logged.
#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A run that is over and was found to keep the invariants.
pub(super) struct Ran {
    pub(super) report: RunReport,
    pub(super) took: Duration,
}

/// Two charts of two versions; one of the four has a provenance file.
pub(super) fn four_charts() -> Vec<Chart> {
    grid(&["alpha", "beta"], &["1.0.0", "1.1.0"])
}

impl Scene {
    /// Four small charts and a registry that wants a login.
    pub(super) fn new() -> Self {
        let scene = Self::of(&four_charts());
        scene.sign(&Chart::new("beta", "1.0.0"));
        scene
    }

    /// One chart of one version, for tests that count requests.
    pub(super) fn single() -> Self {
        Self::of(&[Chart::new("alpha", "1.0.0")])
    }

    /// These charts.
    pub(super) fn of(charts: &[Chart]) -> Self {
        let scene = Self::around(ChartRepo::of(charts));
        for chart in charts {
            scene.expect(&chart.name, &chart.version, (chart.tgz(), None));
        }
        scene
    }

    /// A repository that is served already. What may stand under its tags is for the caller to say.
    pub(super) fn around(repo: ChartRepo) -> Self {
        let login = |(user, password): (&str, &str)| (user.to_owned(), password.to_owned());
        repo.behave(|it| it.login = Some(login(SOURCE_LOGIN)));
        let registry = Registry::with(|it| it.auth = Auth::basic(REGISTRY_LOGIN.0, REGISTRY_LOGIN.1));
        let (user, password) = SOURCE_LOGIN;
        Self {
            repo,
            registry: Arc::new(registry),
            kind: None,
            credentials: None,
            retry: RetryOptions {
                attempts: 4,
                base: Duration::from_millis(60),
                max_delay: Duration::from_millis(200),
                ..RetryOptions::default()
            },
            timeout: None,
            run_timeout: None,
            grace: Duration::from_secs(2),
            width: Width::Auto,
            source: SourceOptions {
                credentials: Some((user.to_owned(), password.to_owned().into())),
                ..SourceOptions::default()
            },
            check_drift: false,
            create_repositories: false,
            plain: Vec::new(),
            expected: RefCell::default(),
        }
    }

    /// Lets the registry ask for tokens instead of a password.
    pub(super) fn with_tokens(self) -> Self {
        self.registry
            .behave(|it| it.auth = Auth::bearer(REGISTRY_LOGIN.0, REGISTRY_LOGIN.1));
        self
    }

    /// Lets a pair stand under a tag.
    pub(super) fn expect(&self, chart: &str, version: &str, pair: Pair) {
        let tag = format!("charts/{chart}:{}", version.replace('+', "_"));
        self.expected.borrow_mut().entry(tag).or_default().push(pair);
    }

    /// Puts a provenance file beside a chart that is served.
    pub(super) fn sign(&self, chart: &Chart) {
        let package = chart.tgz();
        let prov = unverifiable_prov(chart, &package);
        self.repo
            .put(&format!("{}.prov", chart.file_name()), prov.clone());
        let tag = format!("charts/{}:{}", chart.name, chart.version);
        self.expected
            .borrow_mut()
            .insert(tag, vec![(package, Some(prov))]);
    }

    fn hosts(&self) -> Vec<HostOptions> {
        let own = [self.repo.host(), self.registry.host()];
        let options = own.into_iter().chain(self.plain.clone()).map(|name| HostOptions {
            name,
            plain_http: true,
            registry_kind: self.kind,
            timeout: self.timeout,
            ..HostOptions::default()
        });
        options.collect()
    }

    fn engine(&self) -> Engine {
        let net = Net::new(NetOptions {
            hosts: self.hosts(),
            retry: self.retry,
            proxy_from_env: false,
            ..NetOptions::default()
        });
        let (user, password) = REGISTRY_LOGIN;
        let login = Credential::Basic {
            username: user.to_owned(),
            password: password.to_owned().into(),
        };
        Engine {
            net: net.unwrap(),
            budget: Budget::new(32 << 20),
            gate: Gate::new(self.width),
            credentials: self
                .credentials
                .clone()
                .unwrap_or_else(|| Arc::new(FixedCredentials(login))),
            progress: Arc::new(NoProgress),
            stop: Stop::new(self.grace),
            claims: Claims::default(),
        }
    }

    /// The one mirror of the scene.
    pub(super) fn mirror(&self) -> MirrorSpec {
        self.mirror_of(&self.repo)
    }

    /// The same from another source.
    pub(super) fn mirror_of(&self, repo: &ChartRepo) -> MirrorSpec {
        MirrorSpec {
            name: repo.url(),
            source: repo.url().parse().unwrap(),
            source_options: self.source.clone(),
            targets: vec![Self::target(&self.registry)],
            rules: Rules::default(),
            policy: Policy {
                max_package_size: 100 << 20,
                digest: DigestPolicy::Enforce,
                provenance: ProvenancePolicy::Carry,
                verifier: None,
                mismatch: Mismatch::Error,
            },
            drift: DriftPolicy::Report,
            check_drift: self.check_drift,
            create_repositories: self.create_repositories,
            shard: None,
            run_timeout: self.run_timeout,
            memory: None,
        }
    }

    /// A registry as a target.
    pub(super) fn target(registry: &Registry) -> TargetSpec {
        TargetSpec::Registry(OciTarget::parse(&registry.target("charts")).unwrap())
    }

    /// Runs, and holds the outcome against the invariants.
    pub(super) fn run(&self) -> Ran {
        self.run_all(vec![self.mirror()])
    }

    /// Runs these mirrors.
    pub(super) fn run_all(&self, mirrors: Vec<MirrorSpec>) -> Ran {
        self.run_in(mirrors, Mode::Migrate)
    }

    /// Plans the one mirror of the scene.
    pub(super) fn plan(&self) -> Ran {
        self.run_in(vec![self.mirror()], Mode::Plan)
    }

    fn run_in(&self, mirrors: Vec<MirrorSpec>, mode: Mode) -> Ran {
        let logs = Captured::default();
        let writer = logs.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        let before = invariants::Before::of(self);
        let began = Instant::now();
        // One thread, so that this subscriber hears everything and no other test
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let report = tracing::subscriber::with_default(subscriber, || {
            runtime.block_on(run(&self.engine(), mirrors, mode))
        });
        let took = began.elapsed();
        runtime.shutdown_background();
        let logs = logs.0.lock().unwrap();
        invariants::check(self, &report, &String::from_utf8_lossy(&logs), &before);
        Ran { report, took }
    }

    /// Without faults everything arrives, and the run after that writes nothing (reliability I5).
    pub(super) fn settle(&self) {
        self.repo.heal();
        self.registry.heal();
        self.run().expect(0);
        self.assert_complete();
        self.repo.forget_log();
        self.registry.forget_log();
        self.run().expect(0);
        assert_eq!(self.registry.log().writes(), 0, "{}", self.registry.log());
    }

    /// Every tag that is expected is there.
    pub(super) fn assert_complete(&self) {
        let wanted: Vec<String> = self.expected.borrow().keys().cloned().collect();
        assert_eq!(self.registry.tags(), wanted);
    }

    /// Nothing was asked of the registry but whether it is one.
    pub(super) fn assert_registry_untouched(&self) {
        let log = self.registry.log();
        assert_eq!(log.count(Kind::Ping), log.0.len(), "{log}");
    }
}

impl Ran {
    /// The exit code as a process would end with it.
    pub(super) fn exit(&self) -> u8 {
        ExitStatus::of(&self.report).code()
    }

    /// Panics with the report unless the exit code is `code`.
    pub(super) fn expect(self, code: u8) -> Self {
        assert_eq!(self.exit(), code, "{}", self.text());
        self
    }

    /// Panics with the report unless it says this somewhere.
    pub(super) fn says(self, words: &str) -> Self {
        let text = invariants::json(&self.report);
        assert!(text.contains(words), "`{words}` is not in {text}");
        self
    }

    /// Panics unless exactly these versions (`chart version`) did not arrive, each with this action and code, and all others
    /// were carried in the same run (reliability I10).
    pub(super) fn lost(self, wanted: &[&str], action: Action, code: &str) -> Self {
        let arrived = |item: &&Item| matches!(item.action, Action::Pushed | Action::Present);
        let lost: Vec<String> = self.items().filter(|item| !arrived(item)).map(name).collect();
        assert_eq!(lost, wanted, "{}", self.text());
        for item in self.items().filter(|item| !arrived(item)) {
            assert_eq!(
                (item.action, item.code()),
                (action, Some(code)),
                "{}",
                self.text()
            );
        }
        self
    }

    /// The items of all targets.
    pub(super) fn items(&self) -> impl Iterator<Item = &Item> {
        self.report.targets().flat_map(|(_, target)| &target.items)
    }

    /// How many have this action.
    pub(super) fn count(&self, action: Action) -> usize {
        self.items().filter(|item| item.action == action).count()
    }

    /// The report as a person reads it.
    pub(super) fn text(&self) -> String {
        invariants::text(&self.report)
    }
}

fn name(item: &Item) -> String {
    format!("{} {}", item.chart, item.version)
}

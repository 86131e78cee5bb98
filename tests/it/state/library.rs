//! One engine and many runs, as in the service: what a run says of itself, what the process knows, who fills which repository.

use chartferry::net::{HostOptions, NetOptions};
use chartferry::report::{Action, MirrorReport, RunReport};
use chartferry::run::{Engine, Memory, MirrorSpec, Mode, TargetSpec, run};
use chartferry::state::{Identity, MirrorState, Origin, Peeked, StateFolder};
use chartferry::types::{Digest, OciTarget};

use super::scene::{again, assert_requests, charts};
use crate::support::chart_repo::ChartRepo;
use crate::support::charts::{Chart, grid};
use crate::support::registry::Registry;
use crate::support::server::Kind;

/// What the mirrors of a process share.
struct Process {
    engine: Engine,
    folder: StateFolder,
    registry: Registry,
    _home: tempfile::TempDir,
}

impl Process {
    fn start() -> Self {
        let (home, registry) = (tempfile::tempdir().unwrap(), Registry::start());
        let plain = HostOptions {
            name: registry.host(),
            plain_http: true,
            ..HostOptions::default()
        };
        let engine = Engine::new(NetOptions {
            hosts: vec![plain],
            proxy_from_env: false,
            ..NetOptions::default()
        });
        Self {
            engine: engine.unwrap(),
            folder: StateFolder::open(&home.path().join("state")).unwrap(),
            registry,
            _home: home,
        }
    }

    fn identity(&self, name: &str, repo: &ChartRepo) -> Identity {
        Identity::named(name, &repo.url(), &[&self.registry.target("charts")])
    }

    fn mirror(&self, name: &str, repo: &ChartRepo) -> MirrorSpec {
        let target = OciTarget::parse(&self.registry.target("charts")).unwrap();
        let mut spec = MirrorSpec::new(repo.url().parse().unwrap(), vec![TargetSpec::Registry(target)]);
        name.clone_into(&mut spec.name);
        let identity = Identity::named(name, &spec.source.to_string(), &[&self.registry.target("charts")]);
        spec.memory = Some(Memory::new(
            Some(self.folder.clone()),
            identity,
            Digest::of(b"settings"),
        ));
        spec
    }

    async fn run(&self, spec: MirrorSpec) -> (MirrorReport, RunReport) {
        let mut report = run(&self.engine, vec![spec], Mode::Migrate).await;
        (report.mirrors.remove(0), report)
    }
}

fn requests(report: &RunReport, host: &str) -> u64 {
    let found = report.hosts.iter().find(|traffic| traffic.host == host);
    found.map_or(0, |traffic| traffic.requests)
}

#[tokio::test]
async fn a_report_counts_its_own_requests_and_the_process_all() {
    let (process, repo) = (Process::start(), ChartRepo::of(&charts()));
    let (_, first) = process.run(process.mirror("acme", &repo)).await;
    let (_, second) = process.run(process.mirror("acme", &repo)).await;
    let (source, registry) = (repo.host(), process.registry.host());
    assert_eq!((requests(&second, &source), requests(&second, &registry)), (1, 0));
    assert_eq!(requests(&first, &registry), process.registry.log().0.len() as u64);
    let totals = process.engine.net.traffic();
    let total = |host: &str| {
        let found = totals.iter().find(|traffic| traffic.host == host).unwrap();
        (found.requests, found.bytes_sent)
    };
    assert_eq!(total(&source).0, repo.log().0.len() as u64);
    let sent = first
        .hosts
        .iter()
        .find(|traffic| traffic.host == registry)
        .unwrap();
    assert_eq!(total(&registry), (sent.requests, sent.bytes_sent));
}

#[tokio::test]
async fn the_memoir_tells_what_the_state_knows() {
    let (process, repo) = (Process::start(), ChartRepo::of(&charts()));
    process.run(process.mirror("acme", &repo)).await;
    let charts = charts();
    repo.publish(&[vec![again(&charts[0])], charts[1..3].to_vec()].concat());
    let (mirror, _) = process.run(process.mirror("acme", &repo)).await;
    let memoir = mirror.memoir.unwrap();
    assert_eq!((memoir.in_place, memoir.vanished, memoir.runs.len()), (4, 1, 2));
    assert_eq!((memoir.runs[0].exit, memoir.runs[1].of(Action::Pushed)), (3, 4));
    assert!(memoir.last_success.is_some() && memoir.failures_in_a_row == 0);
    let [trouble] = memoir.trouble.as_slice() else {
        panic!("{:?}", memoir.trouble)
    };
    assert_eq!(
        (trouble.action, trouble.runs, trouble.is_new),
        (Action::Drifted, 1, true)
    );
    assert_eq!(*trouble.target, process.registry.target("charts"));
    // Noted in each run, new only once
    let (mirror, _) = process.run(process.mirror("acme", &repo)).await;
    assert!(mirror.source_unchanged);
    let memoir = mirror.memoir.unwrap();
    let trouble = &memoir.trouble[0];
    assert_eq!((trouble.runs, trouble.is_new), (2, false));
    // What a page lists
    let rows: Vec<_> = process.peek("acme", &repo).state.rows().collect();
    assert_eq!(rows.len(), 4);
    assert!(rows.iter().all(|row| row.origin == Some(Origin::Pushed)));
    let drifted: Vec<_> = rows.iter().filter(|row| row.trouble.is_some()).collect();
    assert_eq!(drifted.len(), 1);
    assert_eq!(rows.iter().filter(|row| !row.listed).count(), 1);
    // A source that is down
    repo.remove("index.yaml");
    for failures in 1..=2 {
        let (mirror, _) = process.run(process.mirror("acme", &repo)).await;
        let memoir = mirror.memoir.unwrap();
        assert_eq!(memoir.failures_in_a_row, failures);
        assert_eq!((memoir.trouble.len(), memoir.runs[0].exit), (1, 4));
        assert!(memoir.failing_since >= memoir.last_success);
    }
}

impl Process {
    fn peek(&self, name: &str, repo: &ChartRepo) -> Peeked {
        let mut identity = self.identity(name, repo);
        identity.source = self.mirror(name, repo).source.to_string().into();
        Peeked::read(Some(&self.folder), &identity).unwrap()
    }
}

#[tokio::test]
async fn mirrors_that_run_at_different_times_do_not_fill_one_repository() {
    let process = Process::start();
    let (one, two) = (
        ChartRepo::of(&charts()),
        ChartRepo::of(&[Chart::new("demo", "9.0.0")]),
    );
    process.run(process.mirror("one", &one)).await;
    let (mirror, _) = process.run(process.mirror("two", &two)).await;
    let item = &mirror.targets[0].items[0];
    assert_eq!((item.action, item.code()), (Action::Refused, Some("two-mirrors")));
    assert_eq!(mirror.warnings[0].code, "repository-conflict");
    assert_eq!(process.registry.tags().len(), 4);
    // The other one is told as well, in the run after
    let (mirror, _) = process.run(process.mirror("one", &one)).await;
    assert!(
        mirror
            .warnings
            .iter()
            .any(|reason| reason.code == "repository-conflict")
    );
    // It went away: what it claimed is free
    process.engine.claims.keep_only(["two"]);
    let (mirror, _) = process.run(process.mirror("two", &two)).await;
    assert_eq!(mirror.targets[0].items[0].action, Action::Pushed);
}

/// A process that starts with a mirror at rest knows from its state what that mirror fills.
#[tokio::test]
async fn a_mirror_at_rest_keeps_its_repositories() {
    let mut process = Process::start();
    let (one, two) = (
        ChartRepo::of(&charts()),
        ChartRepo::of(&[Chart::new("demo", "9.0.0")]),
    );
    process.run(process.mirror("one", &one)).await;
    process.engine.claims = chartferry::run::Claims::default();
    let (mirror, _) = process.run(process.mirror("one", &one)).await;
    assert!(mirror.source_unchanged);
    let (mirror, _) = process.run(process.mirror("two", &two)).await;
    assert_eq!(mirror.targets[0].items[0].code(), Some("two-mirrors"));
    assert_eq!(process.registry.tags().len(), 4);
}

#[tokio::test]
async fn a_mirror_that_is_held_elsewhere_does_not_run() {
    let (process, repo) = (Process::start(), ChartRepo::of(&grid(&["demo"], &["1.0.0"])));
    let spec = process.mirror("acme", &repo);
    let identity = spec.memory.as_ref().unwrap().identity.clone();
    let held = MirrorState::open(&process.folder, &identity).unwrap();
    let (mirror, _) = process.run(spec).await;
    assert_eq!(mirror.error.unwrap().reason.code, "already-running");
    assert_requests(&repo.log(), &[]);
    drop(held);
    let (mirror, _) = process.run(process.mirror("acme", &repo)).await;
    assert_eq!(mirror.targets[0].items[0].action, Action::Pushed);
    assert_eq!(process.registry.log().count(Kind::ManifestPut), 1);
}

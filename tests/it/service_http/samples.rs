//! Services as somebody may find them: calm, in trouble, large, at work, and full of hostile names.

use std::sync::Arc;

use chartferry::report::{Action, ExitStatus, HostTraffic, Problem, ProblemKind, Totals};
use chartferry::service::view::{
    ConfigView, LastRun, MirrorView, Push, Role, RunningView, ServiceView, Standing, Trouble, VersionView,
};
use chartferry::state::RunSummary;
use chartferry::types::{Digest, Reason};
use chrono::{DateTime, TimeDelta, Utc};

/// The moment of all samples.
pub(super) fn now() -> DateTime<Utc> {
    "2026-11-26T00:40:00Z".parse().unwrap()
}

pub(super) fn minutes_ago(minutes: i64) -> DateTime<Utc> {
    now() - TimeDelta::minutes(minutes)
}

/// A name with everything that a name could do to a page.
pub(super) const NASTY: &str =
    "<script>alert(1)</script>\"'&amp;\u{202e}gnp.exe\u{0}\u{1b}[31m\u{200b}</bdi></table>";

const NAMES: [&str; 12] = [
    "ingress-nginx",
    "cert-manager",
    "prometheus-community",
    "grafana",
    "bitnami",
    "argo",
    "csi-driver-nfs",
    "external-dns",
    "harbor",
    "jetstack-trust",
    "cilium",
    "longhorn",
];

pub(super) fn service(mirrors: Vec<MirrorView>) -> ServiceView {
    let host = |host: &str, requests, throttled_ms| HostTraffic {
        host: host.into(),
        requests,
        retries: requests / 90,
        throttled_ms,
        bytes_sent: requests * 2_100,
        bytes_received: requests * 310,
        by_status: [("GET 200".to_owned(), requests)].into(),
    };
    ServiceView {
        version: "0.1.0",
        now: now(),
        started: minutes_ago(60 * 24 * 19),
        role: Role::Leader,
        config: ConfigView {
            path: "/etc/chartferry/config.toml".into(),
            loaded: minutes_ago(60 * 24 * 3),
            refused: None,
        },
        mirrors,
        hosts: vec![
            host("registry.acme.io:443", 48_210, 0),
            host("kubernetes.github.io:443", 912, 61_000),
        ],
        in_flight: (0, 64),
    }
}

/// All in place.
pub(super) fn calm(at: usize) -> MirrorView {
    let base = NAMES[at % NAMES.len()];
    let name = match at / NAMES.len() {
        0 => base.to_owned(),
        round => format!("{base}-{round}"),
    };
    let ended = minutes_ago(i64::try_from(at * 7 % 29 + 1).unwrap());
    let versions = 40 + (at as u64 * 37) % 900;
    MirrorView {
        source: format!("https://charts.example.org/{name}").into(),
        targets: vec!["oci://registry.acme.io/charts".into()],
        schedule: "*/30 * * * * (UTC)".into(),
        next_run: Some(ended + TimeDelta::minutes(30)),
        running: None,
        last: Some(last(ended, ExitStatus::Success)),
        history: (0..40)
            .map(|run| {
                let pushed = u64::from(run % 9 == 4);
                summary(ended - TimeDelta::minutes(30 * run), 0, versions, pushed)
            })
            .collect(),
        last_success: Some(ended),
        failing_since: None,
        failures_in_a_row: 0,
        backing_off_until: None,
        versions: Totals {
            versions: versions + 12,
            selected: versions,
            present: versions,
            filtered: 12,
            ..Totals::default()
        },
        trouble: Vec::new(),
        recent: (0..6).map(|push| pushed(&name, push)).collect(),
        name: name.into(),
    }
}

fn last(finished: DateTime<Utc>, status: ExitStatus) -> LastRun {
    LastRun {
        started: finished - TimeDelta::milliseconds(2_340),
        finished,
        status,
        problem: None,
        target_problems: Vec::new(),
        safety_limits: Vec::new(),
        warnings: Vec::new(),
    }
}

fn summary(finished: DateTime<Utc>, exit: u8, present: u64, pushed: u64) -> RunSummary {
    RunSummary {
        started: finished - TimeDelta::milliseconds(2_340),
        finished,
        exit,
        counts: vec![("pushed".into(), pushed), ("present".into(), present)],
        bytes: pushed * 41_000,
        problem: None,
    }
}

fn pushed(chart: &str, at: i64) -> Push {
    let version = if at == 1 {
        "4.11.0+build.7".to_owned()
    } else {
        format!("4.{}.{}", 12 - at, at)
    };
    Push {
        at: minutes_ago(at * 700 + 12),
        chart: chart.into(),
        reference: format!(
            "oci://registry.acme.io/charts/{chart}:{}",
            version.replace('+', "_")
        )
        .into(),
        version: version.into(),
        digest: Some(Digest::of(chart.as_bytes())),
        bytes: 41_237,
    }
}

fn trouble(chart: &str, version: &str, action: Action, reason: Reason, hours: i64) -> Trouble {
    Trouble {
        chart: chart.into(),
        version: version.into(),
        target: "oci://registry.acme.io/charts".into(),
        action,
        reason,
        since: minutes_ago(hours * 60),
        runs: u32::try_from(hours * 2).unwrap(),
    }
}

/// Its source cannot be reached since six hours.
pub(super) fn failing(at: usize) -> MirrorView {
    let mut mirror = calm(at);
    let text = format!(
        "`{}/index.yaml` answered 503 Service Unavailable 5 times in 42 s; look whether `charts.example.org` is up, the run is repeated by itself",
        mirror.source
    );
    let mut last = last(minutes_ago(4), ExitStatus::SourceUnusable);
    last.problem = Some(Problem {
        kind: ProblemKind::Source,
        reason: Reason::new("source-unreachable", text.clone()),
    });
    mirror.last = Some(last);
    mirror.last_success = Some(minutes_ago(60 * 6 + 30));
    mirror.failing_since = Some(minutes_ago(60 * 6));
    mirror.failures_in_a_row = 9;
    mirror.backing_off_until = Some(minutes_ago(-56));
    mirror.next_run = Some(minutes_ago(-56));
    for (run, summary) in mirror.history.iter_mut().enumerate().take(9) {
        summary.exit = 4;
        summary.counts.clear();
        summary.problem = Some(text.as_str().into());
        summary.finished = minutes_ago(4 + 45 * i64::try_from(run).unwrap());
        summary.started = summary.finished - TimeDelta::seconds(42);
    }
    mirror
}

/// Some of its versions fail.
pub(super) fn failing_versions(at: usize) -> MirrorView {
    let mut mirror = calm(at);
    mirror.last = Some(last(minutes_ago(11), ExitStatus::Failed));
    mirror.last_success = None;
    mirror.failing_since = Some(minutes_ago(60 * 30));
    mirror.failures_in_a_row = 60;
    mirror.versions.failed = 2;
    mirror.versions.refused = 1;
    let gone = |version: &str| {
        Reason::new(
            "package-gone",
            format!(
                "`https://charts.example.org/{}/web-{version}.tgz` answered 404 Not Found; the index names a package that is not there, tell its owner or list it in `accept`",
                mirror.name
            ),
        )
    };
    mirror.trouble = vec![
        trouble(
            "Web Shop",
            "1.0.0",
            Action::Refused,
            Reason::new(
                "name-invalid",
                "`Web Shop` cannot be a repository name (upper case, blank); give `rename = { \"Web Shop\" = \"web-shop\" }`",
            ),
            720,
        ),
        trouble("web", "2.3.1", Action::Failed, gone("2.3.1"), 30),
        trouble("web", "2.3.0", Action::Failed, gone("2.3.0"), 30),
    ];
    mirror.history[0].exit = 2;
    mirror.history[1].exit = 2;
    mirror
}

/// Two versions drifted at the source.
pub(super) fn drifted(at: usize) -> MirrorView {
    let mut mirror = calm(at);
    mirror.targets.push("oci://ghcr.io/acme/charts".into());
    mirror.last = Some(last(minutes_ago(17), ExitStatus::Conflict));
    mirror.versions.drifted = 2;
    let reason = Reason::new(
        "drift",
        "the source has other bytes than the registry (sha256:5feceb66… there, sha256:6b86b273… here); accept it, or overwrite it with `drift = \"overwrite\"`",
    );
    mirror.trouble = vec![
        trouble(
            "kube-prometheus-stack",
            "79.2.1",
            Action::Drifted,
            reason.clone(),
            52,
        ),
        trouble("kube-prometheus-stack", "79.2.0", Action::Drifted, reason, 3),
    ];
    for run in &mut mirror.history[..6] {
        run.exit = 3;
    }
    mirror
}

/// In the middle of a run.
pub(super) fn running(at: usize) -> MirrorView {
    let mut mirror = calm(at);
    mirror.running = Some(RunningView {
        since: now() - TimeDelta::seconds(95),
        phase: "carrying versions".into(),
        planned: 1_240,
        done: 471,
        failed: 2,
        bytes: 48_300_000,
        current: vec![
            "web 3.0.1".into(),
            "web 3.0.0".into(),
            "shop 1.9.4+build.3".into(),
        ],
    });
    mirror
}

/// At the very start of its first run.
pub(super) fn first_run(at: usize) -> MirrorView {
    let mut mirror = waiting(at);
    mirror.running = Some(RunningView {
        since: now() - TimeDelta::seconds(2),
        phase: "reading the index".into(),
        planned: 0,
        done: 0,
        failed: 0,
        bytes: 120_000,
        current: Vec::new(),
    });
    mirror
}

/// Not run yet.
pub(super) fn waiting(at: usize) -> MirrorView {
    MirrorView {
        last: None,
        history: Vec::new(),
        last_success: None,
        versions: Totals::default(),
        recent: Vec::new(),
        next_run: Some(minutes_ago(-2)),
        ..calm(at)
    }
}

/// Twelve mirrors, some of them not well.
pub(super) fn twelve() -> ServiceView {
    let mut mirrors: Vec<_> = (0..12).map(calm).collect();
    mirrors[4] = failing(4);
    mirrors[8] = failing_versions(8);
    mirrors[2] = drifted(2);
    mirrors[6] = running(6);
    mirrors[10] = waiting(10);
    service(mirrors)
}

/// Two hundred, of which more fail than anybody wants to read at length.
pub(super) fn two_hundred() -> ServiceView {
    let kinds: [fn(usize) -> MirrorView; 4] = [failing, failing_versions, drifted, running];
    let mirrors = (0..200).map(|at| match at % 16 {
        kind @ 0..4 => kinds[kind](at),
        4 if at < 60 => waiting(at),
        _ => calm(at),
    });
    service(mirrors.collect())
}

/// Every text that can come from elsewhere is `text`.
pub(super) fn hostile(text: &str) -> ServiceView {
    let reason = || Reason::new("drift", text);
    let mut mirror = drifted(0);
    mirror.name = text.into();
    mirror.source = text.into();
    mirror.targets = vec![text.into(), text.into()];
    mirror.schedule = text.into();
    mirror.running = Some(RunningView {
        phase: text.into(),
        current: vec![text.into(), text.into()],
        ..running(0).running.unwrap()
    });
    let mut last = last(minutes_ago(3), ExitStatus::TargetUnusable);
    let problem = || Problem {
        kind: ProblemKind::Target,
        reason: reason(),
    };
    last.problem = Some(problem());
    last.target_problems = vec![(text.into(), problem())];
    last.safety_limits = vec![reason()];
    last.warnings = vec![reason()];
    mirror.last = Some(last);
    mirror.failures_in_a_row = 2;
    mirror.failing_since = Some(minutes_ago(90));
    for trouble in &mut mirror.trouble {
        trouble.chart = text.into();
        trouble.version = text.into();
        trouble.target = text.into();
        trouble.reason = reason();
    }
    for push in &mut mirror.recent {
        push.chart = text.into();
        push.version = text.into();
        push.reference = text.into();
    }
    for run in &mut mirror.history {
        run.problem = Some(text.into());
    }
    let mut quiet = calm(1);
    quiet.name = text.into();
    quiet.source = text.into();
    let mut view = service(vec![mirror, quiet, calm(2)]);
    view.role = Role::Standby {
        leader: Some(text.into()),
    };
    view.config.path = text.into();
    view.config.refused = Some((minutes_ago(8), text.into()));
    view.hosts[0].host = text.into();
    view
}

/// Versions of a mirror, `count` of them, in every standing.
pub(super) fn versions(chart: &str, count: usize) -> Vec<VersionView> {
    let chart: Arc<str> = chart.into();
    let row = |at: usize| {
        let standing = match at % 40 {
            at @ 1..=6 => Standing::ALL[at],
            _ => Standing::Pushed,
        };
        let there = !matches!(
            standing,
            Standing::NotCarried | Standing::Failed | Standing::Refused
        );
        let build = if at.is_multiple_of(7) { "+build.1" } else { "" };
        let version = format!("{}.{}.{}{build}", 9 - at % 3, count - at, at % 10);
        VersionView {
            chart: chart.clone(),
            target: "oci://registry.acme.io/charts".into(),
            standing,
            reference: there.then(|| {
                format!(
                    "oci://registry.acme.io/charts/{chart}:{}",
                    version.replace('+', "_")
                )
                .into()
            }),
            manifest: there.then(|| Digest::of(version.as_bytes())),
            package: there.then(|| Digest::of(b"package")),
            first_seen: minutes_ago(600 * i64::try_from(at).unwrap()),
            trouble: (standing == Standing::Failed).then(|| {
                Reason::new(
                    "package-gone",
                    "`https://charts.example.org/web.tgz` answered 404",
                )
            }),
            version: version.into(),
        }
    };
    (0..count).map(row).collect()
}

//! A service as an operator meets it: one mirror in order, one in trouble, one that runs for the first time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chartferry::report::{Action, ExitStatus, HostTraffic, Item, MirrorReport, TargetReport, Totals};
use chartferry::service::metrics::Metrics;
use chartferry::service::view::{ConfigView, LastRun, MirrorView, Role, RunningView, ServiceView};
use chartferry::types::Reason;
use chrono::{DateTime, TimeDelta, Utc};

fn at(minute: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap() + TimeDelta::minutes(minute)
}

fn mirror(name: &str) -> MirrorView {
    MirrorView {
        name: name.into(),
        source: "https://charts.acme.io".into(),
        targets: vec!["oci://registry.acme.io/charts".into()],
        schedule: "*/30 * * * * (UTC)".into(),
        next_run: Some(at(30)),
        running: None,
        last: None,
        history: Vec::new(),
        last_success: None,
        failing_since: None,
        failures_in_a_row: 0,
        backing_off_until: None,
        versions: Totals::default(),
        trouble: Vec::new(),
        recent: Vec::new(),
    }
}

fn ended(name: &str, status: ExitStatus) -> MirrorView {
    let success = status.is_success().then(|| at(1));
    MirrorView {
        last: Some(LastRun {
            started: at(0),
            finished: at(1),
            status,
            problem: None,
            target_problems: Vec::new(),
            safety_limits: vec![Reason::new("index-shrunk", "x")],
            warnings: Vec::new(),
        }),
        last_success: success,
        failures_in_a_row: u32::from(success.is_none()),
        ..mirror(name)
    }
}

/// Everything that is ever rendered.
pub(super) fn text() -> String {
    let metrics = Metrics::new();
    metrics.receivers(&BTreeSet::from(["team".into()]));
    metrics.notification("team", true);
    for (name, status) in [
        ("quay", ExitStatus::Success),
        ("ingress-nginx", ExitStatus::Failed),
    ] {
        let mut report = MirrorReport::new(name, "https://charts.acme.io");
        let mut target = TargetReport::new("oci://registry.acme.io/charts");
        target
            .items
            .push(Item::new("app".into(), "1.0.0".into(), Action::Pushed));
        report.targets.push(target);
        metrics.run_ended(&report, status, Duration::from_millis(340));
    }
    let mut first = mirror("cert-manager");
    first.running = Some(RunningView {
        since: at(29),
        phase: "reading the index".into(),
        planned: 0,
        done: 0,
        failed: 0,
        bytes: 0,
        current: Vec::new(),
    });
    metrics.render(&ServiceView {
        version: env!("CARGO_PKG_VERSION"),
        now: at(29),
        started: at(-1),
        role: Role::Leader,
        config: ConfigView {
            path: "/etc/chartferry/config.toml".into(),
            loaded: at(-1),
            refused: None,
        },
        mirrors: vec![
            ended("quay", ExitStatus::Success),
            ended("ingress-nginx", ExitStatus::Failed),
            first,
        ],
        hosts: vec![HostTraffic {
            host: "registry.acme.io:443".to_owned(),
            requests: 12,
            retries: 1,
            throttled_ms: 250,
            bytes_sent: 4096,
            bytes_received: 2048,
            by_status: BTreeMap::from([("GET 200".to_owned(), 11), ("PUT error".to_owned(), 1)]),
        }],
        in_flight: (2, 16),
    })
}

//! What is rendered, against the catalogue and against `docs/metrics.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use chrono::{DateTime, TimeDelta, Utc};

use super::catalogue::{ALL, Metric, Type};
use super::counts::{BUCKETS, RESULTS};
use super::*;
use crate::report::{Action, HostTraffic, Item, TargetReport, Totals};
use crate::service::view::{ConfigView, LastRun, MirrorView, Role, RunningView};
use crate::types::Reason;

fn at(minute: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap() + TimeDelta::minutes(minute)
}

fn mirror(name: &str) -> MirrorView {
    MirrorView {
        name: name.into(),
        source: "https://charts.acme.io".into(),
        targets: vec!["oci://r.io/c".into()],
        schedule: "every 30m".into(),
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

fn last(status: ExitStatus) -> LastRun {
    LastRun {
        started: at(0),
        finished: at(0) + TimeDelta::milliseconds(2500),
        status,
        problem: None,
        target_problems: Vec::new(),
        safety_limits: vec![Reason::new("a", "b")],
        warnings: vec![Reason::new("a", "b"); 2],
    }
}

fn view(mirrors: Vec<MirrorView>) -> ServiceView {
    ServiceView {
        version: "1.2.3",
        now: at(31),
        started: at(-600),
        role: Role::Leader,
        config: ConfigView {
            path: "/c.toml".into(),
            loaded: at(-599),
            refused: None,
        },
        mirrors,
        hosts: vec![HostTraffic {
            host: "r.io:443".into(),
            requests: 5,
            retries: 1,
            throttled_ms: 1500,
            bytes_sent: 10,
            bytes_received: 20,
            by_status: BTreeMap::from([("GET 200".to_owned(), 4), ("PUT error".to_owned(), 1)]),
        }],
        in_flight: (3, 16),
    }
}

/// With everything that can be said.
fn full() -> (Metrics, ServiceView) {
    let metrics = Metrics::new();
    metrics.receivers(&BTreeSet::from(["ops".into()]));
    metrics.notification("ops", true);
    metrics.notification("gone", true);
    let mut report = MirrorReport::new("a", "https://s");
    let mut target = TargetReport::new("oci://r.io/c");
    for action in [Action::Pushed, Action::Pushed, Action::Drifted] {
        let mut item = Item::new("app".into(), "1.0.0".into(), action);
        item.details_mut().bytes = 100;
        target.items.push(item);
    }
    report.targets.push(target);
    metrics.run_ended(&report, ExitStatus::Conflict, Duration::from_millis(2500));
    let mut a = mirror("a");
    a.last = Some(last(ExitStatus::Conflict));
    a.last_success = Some(at(0));
    a.versions.drifted = 1;
    let mut b = mirror("b");
    b.running = Some(RunningView {
        since: at(30),
        phase: "reading the index".into(),
        planned: 0,
        done: 0,
        failed: 0,
        bytes: 0,
        current: Vec::new(),
    });
    (metrics, view(vec![a, b]))
}

/// The value of a line.
fn value<'a>(text: &'a str, series: &str) -> Option<&'a str> {
    text.lines()
        .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))
}

/// Lines that [`full`] becomes.
const FIGURES: &[(&str, &str)] = &[
    ("chartferry_build_info{version=\"1.2.3\"}", "1"),
    ("chartferry_leader", "1"),
    ("chartferry_config_last_reload_successful", "1"),
    (
        "chartferry_config_last_reload_success_timestamp_seconds",
        "1799964060.0",
    ),
    ("chartferry_in_flight", "3"),
    ("chartferry_in_flight_limit", "16"),
    (
        "chartferry_last_success_timestamp_seconds{mirror=\"a\"}",
        "1800000000.0",
    ),
    (
        "chartferry_last_run_timestamp_seconds{mirror=\"a\"}",
        "1800000002.5",
    ),
    ("chartferry_last_run_duration_seconds{mirror=\"a\"}", "2.5"),
    ("chartferry_last_run_exit_code{mirror=\"a\"}", "3"),
    ("chartferry_last_run_warnings{mirror=\"a\"}", "2"),
    ("chartferry_safety_limits{mirror=\"a\"}", "1"),
    ("chartferry_health{mirror=\"a\"}", "2"),
    ("chartferry_health{mirror=\"b\"}", "1"),
    ("chartferry_versions{mirror=\"a\",action=\"drifted\"}", "1"),
    (
        "chartferry_next_run_timestamp_seconds{mirror=\"a\"}",
        "1800001800.0",
    ),
    ("chartferry_schedule_lateness_seconds{mirror=\"a\"}", "60.0"),
    ("chartferry_schedule_lateness_seconds{mirror=\"b\"}", "0.0"),
    ("chartferry_schedule_interval_seconds{mirror=\"a\"}", "1800.0"),
    (
        "chartferry_run_start_timestamp_seconds{mirror=\"b\"}",
        "1800001800.0",
    ),
    ("chartferry_backing_off{mirror=\"a\"}", "0"),
    ("chartferry_runs_total{mirror=\"a\",result=\"conflict\"}", "1"),
    ("chartferry_runs_total{mirror=\"b\",result=\"success\"}", "0"),
    ("chartferry_run_duration_seconds_sum", "2.5"),
    ("chartferry_run_duration_seconds_count", "1"),
    ("chartferry_run_duration_seconds_bucket{le=\"1.0\"}", "0"),
    ("chartferry_run_duration_seconds_bucket{le=\"5.0\"}", "1"),
    ("chartferry_run_duration_seconds_bucket{le=\"+Inf\"}", "1"),
    ("chartferry_pushed_versions_total{mirror=\"a\"}", "2"),
    ("chartferry_pushed_bytes_total{mirror=\"a\"}", "300"),
    (
        "chartferry_http_requests_total{host=\"r.io:443\",method=\"PUT\",status=\"error\"}",
        "1",
    ),
    ("chartferry_http_retries_total{host=\"r.io:443\"}", "1"),
    ("chartferry_throttled_seconds_total{host=\"r.io:443\"}", "1.5"),
    ("chartferry_http_sent_bytes_total{host=\"r.io:443\"}", "10"),
    ("chartferry_http_received_bytes_total{host=\"r.io:443\"}", "20"),
    (
        "chartferry_notifications_total{receiver=\"ops\",result=\"sent\"}",
        "1",
    ),
    ("process_start_time_seconds", "1799964000.0"),
];

#[test]
fn view_and_reports_become_figures() {
    let (metrics, view) = full();
    let text = metrics.render(&view);
    for (series, wanted) in FIGURES {
        assert_eq!(value(&text, series), Some(*wanted), "{series}\n{text}");
    }
    for absent in [
        "chartferry_last_success_timestamp_seconds{mirror=\"b\"}",
        "chartferry_run_start_timestamp_seconds{mirror=\"a\"}",
        "chartferry_notifications_total{receiver=\"gone\"",
        "chartferry_versions{mirror=\"a\",action=\"push\"}",
    ] {
        assert!(!text.contains(absent), "{absent}");
    }
    assert!(text.ends_with("# EOF\n"), "{text}");
}

#[test]
fn a_mirror_that_is_gone_leaves_nothing_behind() {
    let (metrics, mut view) = full();
    assert!(metrics.render(&view).contains("mirror=\"a\""));
    let gone = view.mirrors.remove(0);
    assert!(!metrics.render(&view).contains("mirror=\"a\""));
    // It comes back as a new one.
    view.mirrors.push(gone);
    let text = metrics.render(&view);
    assert_eq!(
        value(&text, "chartferry_runs_total{mirror=\"a\",result=\"conflict\"}"),
        Some("0")
    );
}

#[test]
fn a_standby_says_nothing_of_mirrors() {
    let (metrics, mut view) = full();
    view.role = Role::Standby { leader: None };
    view.config.refused = Some((at(0), "x".into()));
    let text = metrics.render(&view);
    assert_eq!(value(&text, "chartferry_leader"), Some("0"));
    assert_eq!(
        value(&text, "chartferry_config_last_reload_successful"),
        Some("0")
    );
    for gauge in ALL
        .iter()
        .filter(|m| m.labels.contains(&"mirror") && m.kind == Type::Gauge)
    {
        assert!(!text.contains(gauge.name), "{}", gauge.name);
    }
    // What it counted itself stays.
    assert!(text.contains("chartferry_runs_total{mirror=\"a\""));
}

#[test]
fn exactly_the_catalogue_is_rendered() {
    let (metrics, view) = full();
    let text = metrics.render(&view);
    let mut seen = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let series = line.rsplit_once(' ').unwrap().0;
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let labels: Vec<_> = labels
            .trim_end_matches('}')
            .split(',')
            .filter_map(|label| label.split_once('=').map(|(key, _)| key.to_owned()))
            .filter(|key| key != "le")
            .collect();
        let stem = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|end| name.strip_suffix(end))
            .unwrap_or(name);
        seen.insert(stem.to_owned(), labels);
    }
    let linux = cfg!(target_os = "linux");
    let wanted: BTreeMap<_, _> = ALL
        .iter()
        .filter(|metric| linux || !metric.help.contains("Linux only"))
        .map(|metric| {
            let labels: Vec<_> = metric.labels.iter().map(|label| (*label).to_owned()).collect();
            (metric.name.to_owned(), labels)
        })
        .collect();
    assert_eq!(seen, wanted);
}

#[test]
fn every_status_has_a_word_and_every_name_its_form() {
    let statuses: BTreeSet<_> = RESULTS.iter().map(|(status, _)| status.code()).collect();
    assert_eq!(statuses.len(), RESULTS.len());
    for metric in ALL {
        assert_eq!(
            metric.name.ends_with("_total"),
            metric.kind == Type::Counter,
            "{}",
            metric.name
        );
        assert!(metric.help.ends_with('.'), "{}", metric.name);
        assert!(!metric.labels.contains(&"chart"), "{}", metric.name);
    }
    assert!(BUCKETS.is_sorted());
}

#[test]
fn how_often_a_mirror_runs_is_not_said_by_a_pause_of_ours() {
    const INTERVAL: &str = "chartferry_schedule_interval_seconds{mirror=\"a\"}";
    let (metrics, mut view) = full();
    view.mirrors[0].backing_off_until = Some(at(600));
    let text = metrics.render(&view);
    assert_eq!(value(&text, INTERVAL), None);
    assert_eq!(value(&text, "chartferry_backing_off{mirror=\"a\"}"), Some("1"));
    // It is over, but the last run was that of an earlier process.
    view.mirrors[0].backing_off_until = Some(at(0));
    view.started = at(1);
    let text = metrics.render(&view);
    assert_eq!(value(&text, INTERVAL), None);
    assert_eq!(value(&text, "chartferry_backing_off{mirror=\"a\"}"), Some("0"));
}

#[test]
fn labels_are_escaped() {
    let text = Metrics::new().render(&view(vec![mirror("a\"b\\c\nd")]));
    assert!(text.contains("{mirror=\"a\\\"b\\\\c\\nd\"}"), "{text}");
}

/// The table of `docs/metrics.md`.
fn table() -> String {
    let mut table = String::from("| metric | type | labels | meaning |\n|---|---|---|---|\n");
    for Metric {
        name,
        kind,
        labels,
        help,
    } in ALL
    {
        let labels: Vec<_> = labels.iter().map(|label| format!("`{label}`")).collect();
        let kind = format!("{kind:?}").to_lowercase();
        _ = writeln!(table, "| `{name}` | {kind} | {} | {help} |", labels.join(", "));
    }
    table
}

#[test]
fn the_documentation_has_this_table() {
    const BEGIN: &str = "<!-- metrics: from src/service/metrics/catalogue.rs -->\n";
    const END: &str = "<!-- end of metrics -->";
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (found, after) = rest.split_once(END).unwrap();
    if std::env::var_os("CHARTFERRY_BLESS").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{}{END}{after}", table())).unwrap();
        return;
    }
    assert!(
        found == table(),
        "`docs/metrics.md` is stale: run this test with CHARTFERRY_BLESS=1"
    );
    for (_, word) in RESULTS {
        assert!(text.contains(&format!("`{word}`")), "{word} is not explained");
    }
    for action in Action::ALL {
        let word = format!("`{action}`");
        assert!(
            action == Action::Push || text.contains(&word),
            "{word} is not explained"
        );
    }
}

//! Reports for the tests of the renderings.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    Action, Command, DigestCheck, HostTraffic, Item, MirrorReport, Problem, ProblemKind, Provenance,
    RunReport, TargetReport,
};
use crate::types::{Digest, Reason};

fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_750_000_000, 0).unwrap()
}

/// A report without mirrors.
pub(super) fn empty(command: Command) -> RunReport {
    RunReport {
        command,
        version: "0.1.0".into(),
        started: start(),
        finished: start() + TimeDelta::milliseconds(12_345),
        interrupted: None,
        mirrors: Vec::new(),
        hosts: Vec::new(),
    }
}

/// A target that cannot be used.
#[expect(clippy::unnecessary_wraps, reason = "it fills fields that are optional")]
pub(super) fn problem() -> Option<Problem> {
    Some(Problem {
        kind: ProblemKind::Target,
        reason: Reason::new(
            "registry-auth",
            "`registry.acme.io` answered 401 Unauthorized to the login of `robot`",
        ),
    })
}

/// A version with the reason that its action usually has.
pub(super) fn item(chart: &str, version: &str, action: Action, line: u32) -> Item {
    let mut item = Item::new(chart.into(), version.into(), action);
    item.index_line = line;
    if action != Action::Refused {
        item.repository = Some(chart.into());
    }
    let reason = match action {
        Action::Filtered => Some(Reason::new("filter-latest", "not among the newest 2")),
        Action::Held => Some(Reason::new(
            "held-min-age",
            "younger than 3 days, free on 2025-06-18",
        )),
        Action::Drifted => Some(Reason::new(
            "drift",
            "the source has other bytes than the registry",
        )),
        Action::Accepted => Some(Reason::new("digest-mismatch", "the index gives another digest")),
        Action::Vanished => Some(Reason::new("vanished", "no longer in the index")),
        Action::Failed => Some(Reason::new(
            "not-found",
            "`https://charts.acme.io/x.tgz` answered 404 Not Found",
        )),
        Action::Refused => Some(Reason::new(
            "invalid-name",
            "repository names are lower case; `rename` gives the chart another name there",
        )),
        Action::Push | Action::Pushed | Action::Present => None,
    };
    item.reason = reason.map(Arc::new);
    if matches!(action, Action::Pushed | Action::Failed | Action::Push) {
        item.details_mut().source_url = Some(format!("https://charts.acme.io/{chart}-{version}.tgz").into());
    }
    if action == Action::Pushed {
        let details = item.details_mut();
        details.package_digest = Some(Digest::of(version.as_bytes()));
        details.manifest_digest = Some(Digest::of(chart.as_bytes()));
        details.provenance = Some(Provenance::Carried);
        details.digest_check = Some(DigestCheck::Verified);
        details.bytes = 20_480;
        details.duration_ms = 250;
    }
    item
}

/// One mirror whose versions have every action that a run can give; 12 entries of the index.
pub(super) fn full() -> RunReport {
    let mut target = TargetReport::new("oci://registry.acme.io/charts");
    target.items = vec![
        item("ingress", "4.12.0", Action::Pushed, 5),
        item("ingress", "4.11.1+up2", Action::Pushed, 15),
        item("ingress", "4.11.0", Action::Present, 25),
        item("ingress", "4.10.0", Action::Filtered, 35),
        item("ingress", "4.9.0", Action::Filtered, 45),
        item("redis", "7.0.0", Action::Held, 65),
        item("redis", "6.0.0", Action::Failed, 75),
        item("redis", "5.0.0", Action::Drifted, 85),
        item("redis", "4.0.0", Action::Accepted, 95),
        item("redis", "3.0.0", Action::Vanished, 0),
        item("Jenkins Master", "1.0.0", Action::Refused, 105),
    ];
    let odd = target.items[0].details_mut();
    odd.duplicate_lines = vec![115];
    odd.provenance = Some(Provenance::Mismatch);
    odd.warnings = vec![Reason::new(
        "provenance-mismatch",
        "the provenance file names another digest",
    )];
    target
        .items
        .push(item("zoo\u{1b}[2J", "0.1.0", Action::Refused, 125));
    let mut mirror = MirrorReport::new("acme", "https://charts.acme.io");
    mirror.index_entries = 12;
    mirror.warnings = vec![Reason::new(
        "world-readable",
        "`/etc/password` can be read by everybody",
    )];
    mirror.targets.push(target);
    let mut report = empty(Command::Migrate);
    report.mirrors.push(mirror);
    report.hosts = vec![
        traffic("charts.acme.io", 21, 0, 0),
        traffic("registry.acme.io", 75, 2, 3_210),
    ];
    report
}

/// What `plan` says of the same mirror.
pub(super) fn plan() -> RunReport {
    let mut report = full();
    report.command = Command::Plan;
    for item in &mut report.mirrors[0].targets[0].items {
        if item.action == Action::Pushed {
            *item = self::item(
                &item.chart.clone(),
                &item.version.clone(),
                Action::Push,
                item.index_line,
            );
        }
    }
    report
}

fn traffic(host: &str, requests: u64, retries: u64, throttled_ms: u64) -> HostTraffic {
    HostTraffic {
        host: host.into(),
        requests,
        retries,
        throttled_ms,
        bytes_sent: 40_960,
        bytes_received: 100,
        by_status: [("GET 200".to_owned(), requests)].into(),
    }
}

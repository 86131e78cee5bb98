//! One run: read the sources, look at the targets, decide, carry, report.
//!
//! `migrate`, `plan`, `verify` and the service go through [`run`] alike. The indexes of all mirrors are read first, because
//! only together they show whether two mirrors claim one repository; from there on each mirror goes its own way,
//! repository by repository, so that transfers start while other tag lists are still being read.

mod cycle;
mod drift;
mod inspect;
mod ledger;
mod open;
mod read;
mod spec;
mod stop;

use chrono::Utc;
use futures_util::FutureExt as _;
use futures_util::future::join_all;

use crate::net::Traffic;
use crate::report::{Command, HostTraffic, Problem, ProblemKind, RunReport, account};
use crate::types::Reason;

pub use spec::{Engine, MirrorSpec, Mode, TargetSpec};
pub use stop::Stop;

/// Runs all mirrors. A run never fails as a whole: what went wrong stands in the report.
pub async fn run(engine: &Engine, mirrors: Vec<MirrorSpec>, mode: Mode) -> RunReport {
    let started = Utc::now();
    let targets = open::Targets::default();
    let reads = mirrors
        .into_iter()
        .map(|spec| read::read(engine, &targets, spec, mode, started).boxed());
    let mut opened = join_all(reads).await;
    drop(targets);
    read::settle_claims(&mut opened);
    let cycles = opened
        .into_iter()
        .map(|mirror| cycle::run(engine, mirror, mode).boxed());
    let mut mirrors = join_all(cycles).await;
    engine.stop.last_words(|limit| engine.net.settle(limit)).await;
    for mirror in &mut mirrors {
        if let Err(imbalance) = account::check(mirror) {
            let text = format!("the report does not add up, which is a defect of chartferry: {imbalance}");
            mirror.error = Some(Problem {
                kind: ProblemKind::Defect,
                reason: Reason::new("defect", text),
            });
        }
    }
    RunReport {
        command: match mode {
            Mode::Plan => Command::Plan,
            Mode::Migrate => Command::Migrate,
            Mode::Verify { .. } => Command::Verify,
        },
        version: env!("CARGO_PKG_VERSION").into(),
        started,
        finished: Utc::now(),
        interrupted: None,
        mirrors,
        hosts: engine.net.traffic().into_iter().map(host_traffic).collect(),
    }
}

fn host_traffic(traffic: Traffic) -> HostTraffic {
    HostTraffic {
        host: traffic.host,
        requests: traffic.requests,
        retries: traffic.retries,
        throttled_ms: u64::try_from(traffic.throttled.as_millis()).unwrap_or(u64::MAX),
        bytes_sent: traffic.bytes_sent,
        bytes_received: traffic.bytes_received,
        by_status: traffic.by_status,
    }
}

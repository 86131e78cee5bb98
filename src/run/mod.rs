//! One run: read the sources, look at the targets, decide, carry, report.
//!
//! `migrate`, `plan`, `verify` and the service go through [`run`] alike. The indexes of all mirrors are read first, because
//! only together they show whether two mirrors claim one repository; from there on each mirror goes its own way,
//! repository by repository, so that transfers start while other tag lists are still being read.
//!
//! A mirror with a [`Memory`] asks its source first whether anything changed, and its targets only for what it does not
//! know: `crate::state` says how.

mod carry;
mod claims;
mod conclude;
mod cycle;
mod drift;
mod inspect;
mod ledger;
mod memory;
mod open;
mod prune;
mod read;
mod recall;
mod remembered;
mod spec;
mod stop;

use chrono::{DateTime, Utc};
use futures_util::FutureExt as _;
use futures_util::future::join_all;

use crate::net::Traffic;
use crate::report::{Command, HostTraffic, MirrorReport, Problem, ProblemKind, RunReport, account};
use crate::types::Reason;

use conclude::Ending;
use read::{Opened, Work};

pub use claims::Claims;
pub use memory::Memory;
pub use spec::{Engine, MirrorSpec, Mode, TargetSpec};
pub use stop::Stop;

/// Runs all mirrors. A run never fails as a whole: what went wrong stands in the report.
pub async fn run(engine: &Engine, mirrors: Vec<MirrorSpec>, mode: Mode) -> RunReport {
    let started = Utc::now();
    // The report counts what this run sends, whatever else the process does meanwhile.
    let engine = &Engine {
        net: engine.net.for_run(None),
        ..engine.clone()
    };
    let targets = open::Targets::default();
    let reads = mirrors
        .into_iter()
        .map(|spec| read::read(engine, &targets, spec, mode, started).boxed());
    let mut opened = join_all(reads).await;
    drop(targets);
    claims::settle(&engine.claims, &mut opened);
    // Boxed: their types together are too much for the compiler to see that a run may be a task
    let mirrors = opened
        .into_iter()
        .map(|opened| finish(engine, opened, mode, started).boxed());
    let mirrors = join_all(mirrors).await;
    engine.stop.last_words(|limit| engine.net.settle(limit)).await;
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

/// Does the work of one mirror, checks its books, and remembers what came of it.
async fn finish(engine: &Engine, opened: Opened, mode: Mode, started: DateTime<Utc>) -> MirrorReport {
    let recall = opened.recall.clone();
    let places = opened.work.as_ref().map_or_else(Vec::new, Work::places);
    let stop = opened.stop.clone();
    let mut report = cycle::run(engine, opened, mode).await;
    if let Err(imbalance) = account::check(&report) {
        let text = format!("the report does not add up, which is a defect of chartferry: {imbalance}");
        report.error = Some(Problem {
            kind: ProblemKind::Defect,
            reason: Reason::new("defect", text),
        });
    }
    if let Some(recall) = recall {
        let ending = Ending {
            mode,
            started,
            stopped: engine.stop.is_stopping(),
        };
        recall.conclude(&mut report, &places, (ending, &stop)).await;
    }
    report
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

//! What is counted: the ended runs by mirror, and the notifications by receiver. All of it comes out of reports.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::report::{ExitStatus, MirrorReport, Totals};

/// Upper bounds of the histogram of durations, in seconds: an idle cycle is the first, a large first migration the last.
pub(super) const BUCKETS: [f64; 11] = [
    0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 1800.0, 3600.0, 7200.0,
];

/// Words for the label `result`; the numbers beside them in `docs/metrics.md` are the exit codes. A run without success may be
/// the first of its kind, so all are rendered from the start: a counter that appears with 1 has not increased.
pub(super) const RESULTS: [(ExitStatus, &str); 10] = [
    (ExitStatus::Success, "success"),
    (ExitStatus::Config, "config"),
    (ExitStatus::Failed, "failed"),
    (ExitStatus::Conflict, "conflict"),
    (ExitStatus::SourceUnusable, "source-unusable"),
    (ExitStatus::TargetUnusable, "target-unusable"),
    (ExitStatus::SafetyLimit, "safety-limit"),
    (ExitStatus::AlreadyRunning, "already-running"),
    (ExitStatus::Interrupted, "interrupted"),
    (ExitStatus::Terminated, "terminated"),
];

/// The counters.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) mirrors: BTreeMap<Box<str>, Mirror>,
    pub(super) receivers: BTreeMap<Box<str>, Receiver>,
    pub(super) durations: Durations,
}

/// Of one mirror.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Mirror {
    /// By place in [`RESULTS`].
    pub(super) runs: [u64; RESULTS.len()],
    pub(super) pushed: u64,
    pub(super) bytes: u64,
}

/// Of one receiver.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Receiver {
    pub(super) sent: u64,
    pub(super) failed: u64,
}

/// How long runs took.
#[derive(Debug, Default, Clone)]
pub(super) struct Durations {
    pub(super) sum: f64,
    /// By place in [`BUCKETS`]; the last is for what is longer than all of them. Not cumulated.
    pub(super) counts: [u64; BUCKETS.len() + 1],
}

impl Counts {
    pub(super) fn run(&mut self, report: &MirrorReport, status: ExitStatus, took: Duration) {
        let mut totals = Totals::default();
        for target in &report.targets {
            totals.merge(&target.totals());
        }
        let mirror = self.mirrors.entry(report.name.clone()).or_default();
        if let Some(at) = RESULTS.iter().position(|(result, _)| *result == status) {
            mirror.runs[at] += 1;
        }
        mirror.pushed += totals.pushed;
        mirror.bytes += totals.bytes;
        let seconds = took.as_secs_f64();
        self.durations.sum += seconds;
        let at = BUCKETS.iter().position(|bound| seconds <= *bound);
        self.durations.counts[at.unwrap_or(BUCKETS.len())] += 1;
    }
}

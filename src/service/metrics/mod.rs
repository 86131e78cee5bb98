//! The metrics, as Prometheus reads them.
//!
//! There is no second truth: counters add up the reports of ended runs ([`Metrics::run_ended`]), gauges are a rendering of the
//! [`ServiceView`] that the status page shows as well. Names and meanings stand in `catalogue`, from which
//! `docs/metrics.md` is checked; `tests/it/metrics` lets Prometheus' own programs read the result, the rules and the
//! dashboard.
//!
//! A mirror that is gone from the configuration is gone from the text. A replica on standby renders no mirrors: what it
//! knows of them is old, and alerts would believe it.

mod catalogue;
mod counts;
mod exposition;
mod process;
mod samples;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use counts::Counts;

use super::view::ServiceView;
use crate::report::{ExitStatus, MirrorReport};

/// The content type of what [`Metrics::render`] gives.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The counters of the service.
#[derive(Debug, Default)]
pub struct Metrics {
    counts: Mutex<Counts>,
}

impl Metrics {
    /// Nothing counted yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A run of a mirror ended with `status` after `took`.
    pub fn run_ended(&self, report: &MirrorReport, status: ExitStatus, took: Duration) {
        self.lock().run(report, status, took);
    }

    /// Notifications may go to these receivers, and to no others any more.
    pub fn receivers(&self, names: &BTreeSet<Box<str>>) {
        let mut counts = self.lock();
        counts.receivers.retain(|name, _| names.contains(name));
        for name in names {
            counts.receivers.entry(name.clone()).or_default();
        }
    }

    /// A notification was delivered, or given up. One to a receiver that is gone from the configuration is not counted.
    pub fn notification(&self, receiver: &str, sent: bool) {
        if let Some(counts) = self.lock().receivers.get_mut(receiver) {
            *(if sent {
                &mut counts.sent
            } else {
                &mut counts.failed
            }) += 1;
        }
    }

    /// All of it in the OpenMetrics text format, see [`CONTENT_TYPE`].
    pub fn render(&self, view: &ServiceView) -> String {
        let families = {
            let mut counts = self.lock();
            let known: BTreeSet<&str> = view.mirrors.iter().map(|mirror| &*mirror.name).collect();
            counts.mirrors.retain(|name, _| known.contains(&**name));
            for name in known {
                counts.mirrors.entry(name.into()).or_default();
            }
            samples::families(view, &counts)
        };
        exposition::text(families)
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! What a run tells while it goes on, kept for whoever looks: a few numbers and the versions in flight, never more.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};

use super::view::RunningView;
use crate::progress::{FlightId, Progress, Step};
use crate::report::Action;

/// Versions in flight that are shown.
const SHOWN: usize = 8;

/// One run of one mirror.
#[derive(Debug)]
pub(super) struct RunWatch {
    since: DateTime<Utc>,
    phase: Mutex<Box<str>>,
    planned: AtomicU64,
    done: AtomicU64,
    failed: AtomicU64,
    bytes: AtomicU64,
    /// As many as the pool is wide.
    current: Mutex<BTreeMap<FlightId, Box<str>>>,
}

impl RunWatch {
    pub(super) fn new(since: DateTime<Utc>) -> Self {
        Self {
            since,
            phase: Mutex::new("starting".into()),
            planned: AtomicU64::new(0),
            done: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            current: Mutex::default(),
        }
    }

    pub(super) fn view(&self) -> RunningView {
        RunningView {
            since: self.since,
            phase: lock(&self.phase).clone(),
            planned: self.planned.load(Relaxed),
            done: self.done.load(Relaxed),
            failed: self.failed.load(Relaxed),
            bytes: self.bytes.load(Relaxed),
            current: lock(&self.current).values().take(SHOWN).cloned().collect(),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Progress for RunWatch {
    fn phase(&self, _: &str, phase: &str) {
        *lock(&self.phase) = phase.into();
    }

    fn planned(&self, _: &str, versions: u64) {
        self.planned.fetch_add(versions, Relaxed);
    }

    fn started(&self, id: FlightId, label: &str) {
        lock(&self.current).insert(id, label.into());
    }

    fn step(&self, _: FlightId, _: Step) {}

    fn bytes(&self, _: FlightId, bytes: u64) {
        self.bytes.fetch_add(bytes, Relaxed);
    }

    fn finished(&self, id: FlightId, action: Action) {
        lock(&self.current).remove(&id);
        self.done.fetch_add(1, Relaxed);
        if matches!(action, Action::Failed | Action::Refused) {
            self.failed.fetch_add(1, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_what_goes_on_and_forgets_what_is_done() {
        let watch = RunWatch::new(DateTime::UNIX_EPOCH);
        watch.phase("m", "comparing with the registry");
        watch.planned("m", 20);
        for id in 0..20 {
            watch.started(id, &format!("app 1.0.{id}"));
        }
        watch.bytes(1, 7);
        let view = watch.view();
        assert_eq!((view.current.len(), &*view.current[0]), (SHOWN, "app 1.0.0"));
        for id in 0..19 {
            let action = if id == 3 { Action::Failed } else { Action::Pushed };
            watch.finished(id, action);
        }
        let view = watch.view();
        assert_eq!((view.planned, view.done, view.failed, view.bytes), (20, 19, 1, 7));
        assert_eq!(
            (&*view.phase, &*view.current[0]),
            ("comparing with the registry", "app 1.0.19")
        );
    }
}

//! One version in flight, as those who watch see it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::progress::{FlightId, Progress, Step};
use crate::report::Action;

/// No two versions of a process have the same number.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// Tells the watcher of one version. It is told of the end even if the flight is dropped half-way.
pub(crate) struct Flight {
    id: FlightId,
    progress: Arc<dyn Progress>,
    ended: bool,
}

impl Flight {
    pub(crate) fn start(progress: Arc<dyn Progress>, chart: &str, version: &str) -> Self {
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        progress.started(id, &format!("{chart} {version}"));
        progress.step(id, Step::Download);
        Self { id, progress, ended: false }
    }

    pub(super) fn bytes(&self, bytes: u64) {
        self.progress.bytes(self.id, bytes);
    }

    pub(super) fn pushing(&self) {
        self.progress.step(self.id, Step::Push);
    }

    pub(crate) fn end(mut self, action: Action) {
        self.ended = true;
        self.progress.finished(self.id, action);
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        if !self.ended {
            self.progress.finished(self.id, Action::Failed);
        }
    }
}

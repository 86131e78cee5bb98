//! The clock of the fake: that of the machine, which a test may set forward by hours, at once or with every request.

use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Time since the registry was started.
#[derive(Debug)]
pub(super) struct Clock {
    started: Instant,
    skipped: Mutex<Duration>,
    step: Mutex<Duration>,
}

impl Default for Clock {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            skipped: Mutex::default(),
            step: Mutex::default(),
        }
    }
}

impl Clock {
    pub(super) fn now(&self) -> Duration {
        self.started.elapsed() + *self.skipped.lock().unwrap()
    }

    pub(super) fn skip(&self, time: Duration) {
        *self.skipped.lock().unwrap() += time;
    }

    /// From now on every request takes so long.
    pub(super) fn step(&self, time: Duration) {
        *self.step.lock().unwrap() = time;
    }

    /// A request came.
    pub(super) fn tick(&self) {
        let step = *self.step.lock().unwrap();
        self.skip(step);
    }
}

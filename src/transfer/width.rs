//! How many versions are in flight at once.
//!
//! Given a number, that many. Left to itself, the width starts at `START` and doubles as long as doubling
//! raises the number of versions finished per second; the first doubling that does not is taken back. Near a fast
//! registry the processor is the limit and a small width is best; over a slow line each version mostly waits and
//! a large one is. Overload is not its business: the network layer slows down host by host.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// The smallest width found by itself.
pub const MIN: usize = 4;
/// The largest width found by itself: more connections than this a registry rarely welcomes.
pub const MAX: usize = 64;
/// Enough to keep a registry on the same machine busy, small enough to be polite before anything is known.
const START: usize = 16;
/// A doubling counts as a gain when it brings at least this much, which is above the noise of one window.
const GAIN: f64 = 1.15;
/// After this many windows at rest the width is tried again: lines and registries change during long runs.
const REST: u32 = 24;

/// How wide to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Width {
    /// Found by measuring, between [`MIN`] and [`MAX`].
    #[default]
    Auto,
    /// So many versions at once.
    Fixed(usize),
}

/// Admits versions to the pool. Cloning shares it.
#[derive(Debug, Clone)]
pub struct Gate {
    permits: Arc<Semaphore>,
    control: Option<Arc<Mutex<Control>>>,
}

/// A place in the pool; given back on drop, which also counts the version as finished.
#[derive(Debug)]
pub struct Place {
    permit: Option<OwnedSemaphorePermit>,
    gate: Gate,
}

impl Gate {
    /// A gate of this width.
    pub fn new(width: Width) -> Self {
        let (permits, control) = match width {
            Width::Fixed(width) => (width.max(1), None),
            Width::Auto => (START, Some(Arc::new(Mutex::new(Control::new(Instant::now()))))),
        };
        Self {
            permits: Arc::new(Semaphore::new(permits)),
            control,
        }
    }

    /// Waits for a place. `None` once the gate is closed.
    pub async fn enter(&self) -> Option<Place> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.ok()?;
        Some(Place {
            permit: Some(permit),
            gate: self.clone(),
        })
    }

    /// Lets nobody in any more.
    pub fn close(&self) {
        self.permits.close();
    }

    /// Counts a finished version and changes the width if a window is full.
    fn finished(&self, permit: OwnedSemaphorePermit) {
        let Some(control) = &self.control else { return };
        let mut control = control.lock().unwrap_or_else(PoisonError::into_inner);
        // Only a full pool says anything about the width: with places to spare it is not the limit.
        let full = self.permits.available_permits() == 0;
        control.finish(Instant::now(), full);
        if control.debt > 0 {
            control.debt -= 1;
            permit.forget();
        } else if control.credit > 0 {
            self.permits.add_permits(std::mem::take(&mut control.credit));
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(permit) = self.permit.take() {
            self.gate.clone().finished(permit);
        }
    }
}

/// The hill climber. It works in windows of as many finished versions as are in flight, so that each window sees
/// every place of the pool about once.
#[derive(Debug)]
struct Control {
    width: usize,
    /// Rate and width of the best window of this climb.
    best: Option<(f64, usize)>,
    climbing: bool,
    rested: u32,
    window_start: Instant,
    finished: usize,
    full: bool,
    /// Places still to be taken away as they come back.
    debt: usize,
    /// Places to be added.
    credit: usize,
}

impl Control {
    fn new(now: Instant) -> Self {
        Self {
            width: START,
            best: None,
            climbing: true,
            rested: 0,
            window_start: now,
            finished: 0,
            full: true,
            debt: 0,
            credit: 0,
        }
    }

    fn finish(&mut self, now: Instant, full: bool) {
        self.finished += 1;
        self.full &= full;
        if self.finished < self.width.max(START) || self.debt > 0 {
            return;
        }
        let elapsed = now
            .saturating_duration_since(self.window_start)
            .max(Duration::from_micros(1));
        #[expect(clippy::cast_precision_loss, reason = "a window has at most 64 versions")]
        let rate = self.finished as f64 / elapsed.as_secs_f64();
        if self.full {
            self.judge(rate);
        }
        self.finished = 0;
        self.full = true;
        self.window_start = now;
    }

    fn judge(&mut self, rate: f64) {
        if !self.climbing {
            self.rested += 1;
            if self.rested >= REST {
                // Begin again one step below: a narrower pool may do as well by now.
                (self.rested, self.climbing, self.best) = (0, true, None);
                self.resize((self.width / 2).max(MIN));
            }
            return;
        }
        match self.best {
            Some((best, width)) if rate < best * GAIN => {
                self.climbing = false;
                self.resize(width);
            }
            _ => {
                self.best = Some((rate, self.width));
                if self.width == MAX {
                    self.climbing = false;
                } else {
                    self.resize((self.width * 2).min(MAX));
                }
            }
        }
    }

    fn resize(&mut self, width: usize) {
        match width.checked_sub(self.width) {
            Some(more) => self.credit += more,
            None => self.debt += self.width - width,
        }
        self.width = width;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Drives the climber against a server that gives `rate(width)` versions a second.
    fn settle(rate: impl Fn(usize) -> f64) -> usize {
        let mut now = Instant::now();
        let mut control = Control::new(now);
        for _ in 0..400 {
            if !control.climbing {
                break;
            }
            now += Duration::from_secs_f64(1.0 / rate(control.width));
            control.finish(now, true);
            (control.debt, control.credit) = (0, 0);
        }
        control.width
    }

    #[test]
    fn stays_narrow_where_the_processor_is_the_limit() {
        assert_eq!(settle(|_| 1000.0), 16);
    }

    #[test]
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    fn goes_wide_where_versions_mostly_wait() {
        assert_eq!(settle(|width| width as f64 * 15.0), 64);
        assert_eq!(settle(|width| width.min(32) as f64 * 15.0), 32);
    }

    #[test]
    fn a_pool_with_places_to_spare_is_no_evidence() {
        let mut now = Instant::now();
        let mut control = Control::new(now);
        for _ in 0..100 {
            now += Duration::from_millis(10);
            control.finish(now, false);
        }
        assert_eq!(control.width, START);
    }

    #[tokio::test]
    async fn admits_as_many_as_fit() {
        let gate = Gate::new(Width::Fixed(2));
        let first = gate.enter().await.unwrap();
        let _second = gate.enter().await.unwrap();
        assert!(
            tokio::time::timeout(Duration::from_millis(5), gate.enter())
                .await
                .is_err()
        );
        drop(first);
        assert!(gate.enter().await.is_some());
        gate.close();
        assert!(gate.enter().await.is_none());
    }
}

//! The width that the pool finds by itself.
//!
//! It starts at `START` and doubles as long as doubling raises the number of versions finished per second; a doubling that
//! does not is taken back and tried again later, and now and then half the width is tried too. Near a fast registry the
//! processor is the limit and a small width is best; over a slow line each version mostly waits and a large one is.

use std::time::Duration;

use tokio::time::Instant;

use super::{MAX, MIN};

/// Enough to keep a registry on the same machine busy, small enough to be polite before anything is known.
const START: usize = 16;
/// A doubling counts as a gain when it brings at least this much, which is above the noise of one window.
const GAIN: f64 = 1.15;
/// Windows at rest before another width is tried: few at first, since one window may mislead and a short run must not
/// stay narrow for it; twice as many after each vain try, up to the second number.
const REST: (u32, u32) = (3, 48);

/// The hill climber. It works in windows of as many finished versions as are in flight, so that each window sees
/// every place of the pool about once.
#[derive(Debug)]
pub(super) struct Control {
    width: usize,
    /// The width that is being tried, against the rate and the width that it must do better than.
    trial: Option<(f64, usize)>,
    /// Windows at rest so far, and how many it takes until the next trial.
    rested: u32,
    rest: u32,
    /// Trials without success. Two of three go wider, one narrower.
    vain: u32,
    window_start: Option<Instant>,
    finished: usize,
    full: bool,
    /// Places still to come back after the width was narrowed: until then the windows are those of the old width.
    debt: usize,
}

impl Control {
    pub(super) fn new() -> Self {
        Self {
            width: START,
            trial: None,
            rested: 0,
            // The first window is measured, then the climb begins.
            rest: 1,
            vain: 0,
            window_start: None,
            finished: 0,
            full: true,
            debt: 0,
        }
    }

    /// Counts a finished version. `full`: there was no place to spare.
    pub(super) fn finish(&mut self, now: Instant, full: bool) {
        let paid = self.debt > 0;
        self.debt = self.debt.saturating_sub(1);
        self.finished += 1;
        self.full &= full;
        if self.finished < self.width.max(START) || paid {
            return;
        }
        let elapsed = now.saturating_duration_since(self.window_start.unwrap_or(now));
        #[expect(clippy::cast_precision_loss, reason = "a window has at most 64 versions")]
        let rate = self.finished as f64 / elapsed.max(Duration::from_micros(1)).as_secs_f64();
        if self.full {
            self.judge(rate);
        }
        self.finished = 0;
        self.full = true;
        self.window_start = Some(now);
    }

    /// The width to go by.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// Versions begin to be carried. Not earlier: reading the index and the first tag lists says nothing about them.
    pub(super) fn begin(&mut self, now: Instant) {
        self.window_start.get_or_insert(now);
    }

    fn judge(&mut self, rate: f64) {
        match self.trial.take() {
            None => {
                self.rested += 1;
                if self.rested >= self.rest {
                    self.try_another(rate);
                }
            }
            Some((known, width)) if self.width > width => {
                if rate >= known * GAIN {
                    // As far as it goes, at once.
                    self.try_another(rate);
                } else {
                    self.give_up(width);
                }
            }
            Some((known, width)) => {
                if rate * GAIN >= known {
                    (self.rested, self.rest) = (0, REST.0);
                } else {
                    self.give_up(width);
                }
            }
        }
    }

    /// Leaves a width that has done `rate` for the next one to try.
    fn try_another(&mut self, rate: f64) {
        let from = self.width;
        let to = match self.vain % 3 {
            2 => (from / 2).max(MIN),
            _ => (from * 2).min(MAX),
        };
        self.rested = 0;
        if to == from {
            (self.vain, self.rest) = (self.vain.wrapping_add(1), REST.1);
        } else {
            self.trial = Some((rate, from));
            self.resize(to);
        }
    }

    /// Goes back to `width`.
    fn give_up(&mut self, width: usize) {
        self.resize(width);
        self.vain = self.vain.wrapping_add(1);
        self.rest = (self.rest * 2).clamp(REST.0, REST.1);
    }

    fn resize(&mut self, width: usize) {
        self.debt += self.width.saturating_sub(width);
        self.width = width;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Drives the climber for `versions` against a server that gives `rate(width)` versions a second; the width at
    /// which it is at rest then.
    fn settle(control: &mut Control, versions: usize, rate: impl Fn(usize) -> f64) -> usize {
        let mut now = *control.window_start.get_or_insert_with(Instant::now);
        for _ in 0..versions {
            now += Duration::from_secs_f64(1.0 / rate(control.width));
            control.finish(now, true);
            control.debt = 0;
        }
        control.trial.map_or(control.width, |(_, width)| width)
    }

    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    fn waiting(width: usize) -> f64 {
        width as f64 * 15.0
    }

    #[test]
    fn stays_narrow_where_the_processor_is_the_limit() {
        // Half the width does as well there, and is found out in time; a quarter does not.
        assert_eq!(settle(&mut Control::new(), 32, |_| 1000.0), 16);
        assert_eq!(
            settle(&mut Control::new(), 4000, |width| waiting(width.min(8))),
            8
        );
    }

    #[test]
    fn goes_wide_where_versions_mostly_wait() {
        let mut control = Control::new();
        assert_eq!(settle(&mut control, 16 + 32, waiting), 32);
        assert_eq!(control.width, 64);
        assert_eq!(settle(&mut control, 2000, waiting), 64);
        assert_eq!(
            settle(&mut Control::new(), 200, |width| waiting(width.min(32))),
            32
        );
    }

    #[test]
    fn one_bad_window_does_not_keep_it_narrow() {
        let mut control = Control::new();
        assert_eq!(settle(&mut control, 16, waiting), 16);
        // The trial of 32 falls into a pause of the server.
        assert_eq!(settle(&mut control, 32, |_| 10.0), 16);
        assert_eq!(settle(&mut control, 600, waiting), 64);
    }

    #[test]
    fn a_pool_with_places_to_spare_is_no_evidence() {
        let mut now = Instant::now();
        let mut control = Control::new();
        for _ in 0..100 {
            now += Duration::from_millis(10);
            control.finish(now, false);
        }
        assert_eq!(control.width, START);
    }
}

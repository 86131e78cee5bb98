//! How fast it goes, over the last ten seconds: long enough to be calm, short enough to show a stall.

use std::collections::VecDeque;
use std::time::Duration;

use crate::report::duration;

/// How far back a rate looks.
const WINDOW: Duration = Duration::from_secs(10);
/// No promise is made before so much has been seen.
const WARM_UP: Duration = Duration::from_secs(2);

/// Samples of what was done by when.
#[derive(Debug, Default)]
pub(super) struct Meter {
    samples: VecDeque<Sample>,
}

#[derive(Debug, Clone, Copy)]
struct Sample {
    at: Duration,
    bytes: u64,
    done: u64,
}

impl Meter {
    /// Notes how much had been done after `at`.
    pub(super) fn note(&mut self, at: Duration, bytes: u64, done: u64) {
        if bytes == 0 && done == 0 {
            // Nothing moves yet: the time until it does shall not count as slow.
            self.samples.clear();
        }
        self.samples.push_back(Sample { at, bytes, done });
        // One sample older than the window stays: the rate shall cover the whole of it.
        while self
            .samples
            .get(1)
            .is_some_and(|second| at.saturating_sub(second.at) >= WINDOW)
        {
            self.samples.pop_front();
        }
    }

    /// From the begin to the last sample.
    pub(super) fn elapsed(&self) -> String {
        let at = self.samples.back().map_or(Duration::ZERO, |sample| sample.at);
        duration(u64::try_from(at.as_millis()).unwrap_or(u64::MAX))
    }

    /// Bytes per second, if there are any.
    pub(super) fn bytes_per_second(&self) -> Option<u64> {
        let (first, last, millis) = self.span()?;
        Some((last.bytes - first.bytes).saturating_mul(1000) / millis).filter(|rate| *rate > 0)
    }

    /// How long `versions` more will take.
    pub(super) fn left(&self, versions: u64) -> Option<String> {
        let (first, last, millis) = self.span()?;
        let done = last.done - first.done;
        if done == 0 || versions == 0 {
            return None;
        }
        // Whole seconds: a promise of tenths would be a false one.
        let seconds = (versions.saturating_mul(millis) / done).div_ceil(1000);
        match seconds {
            0..60 => Some(format!("{seconds}s")),
            _ => Some(duration(seconds * 1000)),
        }
    }

    fn span(&self) -> Option<(&Sample, &Sample, u64)> {
        let (first, last) = (self.samples.front()?, self.samples.back()?);
        let span = last.at.saturating_sub(first.at);
        let millis = u64::try_from(span.as_millis()).ok()?;
        (span >= WARM_UP).then_some((first, last, millis))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_look_at_the_last_ten_seconds() {
        let mut meter = Meter::default();
        for second in 0..=60 {
            // 1000 bytes and one version a second, then ten times as much from the 40th on.
            let slow = second.min(40);
            let fast = second - slow;
            meter.note(
                Duration::from_secs(second),
                slow * 1000 + fast * 10_000,
                slow + fast * 10,
            );
        }
        assert_eq!(meter.bytes_per_second(), Some(10_000));
        assert_eq!(meter.left(450).as_deref(), Some("45s"));
        assert_eq!(meter.left(6000).as_deref(), Some("10m00s"));
        assert_eq!(meter.left(0), None);
        assert_eq!(meter.elapsed(), "1m00s");
        assert!(meter.samples.len() <= 12);
    }

    #[test]
    fn waiting_for_the_first_byte_is_not_slowness() {
        let mut meter = Meter::default();
        for second in 0..=8 {
            meter.note(Duration::from_secs(second), 0, 0);
        }
        meter.note(Duration::from_secs(10), 4000, 4);
        assert_eq!(meter.bytes_per_second(), Some(2000));
    }

    #[test]
    fn promises_nothing_at_first_nor_in_a_stall() {
        let mut meter = Meter::default();
        assert_eq!((meter.bytes_per_second(), meter.left(5)), (None, None));
        meter.note(Duration::ZERO, 0, 0);
        meter.note(Duration::from_millis(100), 500, 3);
        assert_eq!((meter.bytes_per_second(), meter.left(5)), (None, None));
        meter.note(Duration::from_secs(30), 500, 3);
        meter.note(Duration::from_secs(60), 500, 3);
        assert_eq!((meter.bytes_per_second(), meter.left(5)), (None, None));
    }
}

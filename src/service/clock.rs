//! The clock that the service goes by: the system's, or one that a test makes faster and sets.
//!
//! Schedules, naps and what the page shows go by it; time limits of requests and runs are always real.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Instant;

/// What time it is, and waiting. Cloning shares it.
#[derive(Debug, Clone)]
pub struct Clock(Option<Arc<Own>>);

#[derive(Debug)]
struct Own {
    start: DateTime<Utc>,
    began: Instant,
    speed: u32,
    /// Milliseconds that it was set forward; below zero: back.
    set: AtomicI64,
}

impl Clock {
    /// That of the system.
    pub fn system() -> Self {
        Self(None)
    }

    /// One that shows `start` now and runs `speed` times as fast as time does; 0 counts as 1.
    pub fn own(start: DateTime<Utc>, speed: u32) -> Self {
        Self(Some(Arc::new(Own {
            start,
            began: Instant::now(),
            speed: speed.max(1),
            set: AtomicI64::new(0),
        })))
    }

    /// What it shows.
    pub fn now(&self) -> DateTime<Utc> {
        let Some(own) = &self.0 else { return Utc::now() };
        let elapsed = own.began.elapsed().saturating_mul(own.speed);
        let elapsed = TimeDelta::from_std(elapsed).unwrap_or(TimeDelta::MAX);
        let set = TimeDelta::milliseconds(own.set.load(Ordering::Relaxed));
        own.start
            .checked_add_signed(elapsed)
            .and_then(|now| now.checked_add_signed(set))
            .unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    /// Sets a clock of one's own forward, or back by a time below zero. Who sleeps is not woken by it, as with the system's.
    pub fn set(&self, by: TimeDelta) {
        if let Some(own) = &self.0 {
            own.set.fetch_add(by.num_milliseconds(), Ordering::Relaxed);
        }
    }

    /// Waits while the clock runs on by so much.
    pub async fn sleep(&self, time: Duration) {
        let speed = self.0.as_ref().map_or(1, |own| own.speed);
        tokio::time::sleep(time / speed).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_clock_of_ones_own_runs_fast_and_can_be_set() {
        let clock = Clock::own(DateTime::UNIX_EPOCH, 60);
        let (real, shown) = (Instant::now(), clock.now());
        clock.sleep(Duration::from_secs(120)).await;
        assert_eq!(
            (real.elapsed().as_secs(), (clock.now() - shown).num_seconds()),
            (2, 120)
        );
        clock.set(TimeDelta::seconds(-20));
        assert_eq!((clock.now() - shown).num_seconds(), 100);
    }
}

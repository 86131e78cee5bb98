//! When and how often something is tried again.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use http::StatusCode;
use tokio::time::Instant;

use super::options::RetryOptions;

/// No two tries follow each other faster (reliability I11).
const LEAST: Duration = Duration::from_millis(50);

/// Whether the same request may get another answer later (reliability F10, F11). 501, 505 and 507 are no passing
/// troubles; 499 and 520 to 524 are what proxies and content networks answer for a dead origin.
pub fn is_transient(status: StatusCode) -> bool {
    matches!(
        status.as_u16(),
        408 | 429 | 499 | 500 | 502 | 503 | 504 | 520..=524
    )
}

/// A budget of tries for one thing: exponential waits with full jitter, within the deadline.
pub struct Tries {
    waits: ExponentialBackoff,
    deadline: Option<Instant>,
    made: u32,
}

impl Tries {
    pub(super) fn new(options: &RetryOptions, deadline: Option<Instant>) -> Self {
        let waits = ExponentialBuilder::default()
            .with_min_delay(options.base)
            .with_factor(2.0)
            .with_max_delay(options.max_delay)
            .with_max_times(options.attempts.saturating_sub(1) as usize)
            .build();
        Self {
            waits,
            deadline,
            made: 0,
        }
    }

    /// Waits before the next try; false, at once, if no try or no time is left.
    pub async fn again(&mut self) -> bool {
        match self.next_wait() {
            Some(wait) => tokio::time::sleep(wait).await,
            None => return false,
        }
        true
    }

    /// Takes a try, and tells how long to wait before it.
    pub(super) fn next_wait(&mut self) -> Option<Duration> {
        let wait = full_jitter(self.waits.next()?).max(LEAST);
        let late = |deadline| Instant::now() + wait >= deadline;
        if self.deadline.is_some_and(late) {
            return None;
        }
        self.made += 1;
        Some(wait)
    }

    /// How often it was tried again.
    pub fn retries(&self) -> u32 {
        self.made
    }
}

/// A random part of `longest`. The standard library's hash seed is random enough to spread clients.
pub(super) fn full_jitter(longest: Duration) -> Duration {
    let random = RandomState::new().hash_one(std::process::id());
    let share = u32::try_from(random % 1025).unwrap_or(0);
    longest.saturating_mul(share) / 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_budget_counts_tries() {
        let options = RetryOptions {
            attempts: 4,
            base: Duration::from_millis(10),
            ..RetryOptions::default()
        };
        let mut tries = Tries::new(&options, None);
        let began = Instant::now();
        for _ in 0..3 {
            assert!(tries.again().await);
        }
        assert!(!tries.again().await);
        assert_eq!(tries.retries(), 3);
        assert!(began.elapsed() >= LEAST * 3);
    }

    #[tokio::test]
    async fn the_deadline_ends_it() {
        let deadline = Instant::now() + Duration::from_millis(10);
        assert!(!Tries::new(&RetryOptions::default(), Some(deadline)).again().await);
    }

    #[test]
    fn jitter_stays_inside() {
        let all: Vec<Duration> = (0..100).map(|_| full_jitter(Duration::from_secs(1))).collect();
        assert!(all.iter().all(|wait| *wait <= Duration::from_secs(1)));
        assert!(all.iter().any(|wait| *wait < Duration::from_millis(500)));
        assert!(all.iter().any(|wait| *wait > Duration::from_millis(500)));
    }
}

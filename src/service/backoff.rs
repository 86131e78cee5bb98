//! A mirror that keeps failing as a whole waits longer and longer, whatever its schedule says: a source that is down or a
//! registry that refuses the login is not helped by being asked each minute.
//!
//! Only runs count that failed as a whole (exit codes 1, 4 and 5). Where single versions fail, the rest is served, and
//! their repetition costs little.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::report::ExitStatus;
use crate::schedule::Jitter;

/// The pause after the first failure; each further one doubles it.
const FIRST: Duration = Duration::from_secs(60);
/// The longest pause, so that nobody waits for long once the trouble is over. What was drawn by lot comes on top.
const LONGEST: Duration = Duration::from_secs(30 * 60);

/// The pauses of one mirror.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Backoff {
    failures: u32,
    until: Option<DateTime<Utc>>,
}

/// What a run changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// Nothing: it goes on as it was.
    None,
    /// The mirror waits until then, after so many failures.
    Waits(DateTime<Utc>, u32),
    /// The first run that did not fail as a whole, after so many that did.
    Over(u32),
}

impl Backoff {
    /// A run ended at `now`.
    pub(super) fn ended(&mut self, mirror: &str, status: ExitStatus, now: DateTime<Utc>) -> Turn {
        match status {
            ExitStatus::Config | ExitStatus::SourceUnusable | ExitStatus::TargetUnusable => {
                self.failures = self.failures.saturating_add(1);
                let until = now + spread(mirror, pause(self.failures), now);
                self.until = Some(until);
                Turn::Waits(until, self.failures)
            }
            // It says nothing about source or target
            ExitStatus::Terminated | ExitStatus::Interrupted | ExitStatus::AlreadyRunning => Turn::None,
            _ => match std::mem::take(self).failures {
                0 => Turn::None,
                failures => Turn::Over(failures),
            },
        }
    }

    /// Until when nothing begins by itself. A moment that lies farther off than any pause is one of a clock that was set
    /// back since, and counts no more.
    pub(super) fn until(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let farthest = TimeDelta::from_std(LONGEST * 2).unwrap_or_default();
        self.until
            .filter(|until| *until > now && *until - now <= farthest)
    }
}

fn pause(failures: u32) -> Duration {
    let doubled = failures.saturating_sub(1).min(16);
    FIRST.saturating_mul(1 << doubled).min(LONGEST)
}

/// Up to half as long again, by the mirror's name: those that one registry failed together do not come back together.
fn spread(mirror: &str, pause: Duration, now: DateTime<Utc>) -> TimeDelta {
    let jitter = Jitter::new(mirror, pause / 2).unwrap_or_else(|_| Jitter::none());
    let pause = TimeDelta::from_std(pause).unwrap_or_default();
    jitter.delay(now, None) - now + pause
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        let mut backoff = Backoff::default();
        for (failures, seconds) in (1..).zip([60, 120, 240, 480, 960, 1800, 1800, 1800]) {
            let Turn::Waits(until, counted) = backoff.ended("a", ExitStatus::SourceUnusable, at(0)) else {
                panic!("it does not wait");
            };
            assert_eq!(counted, failures);
            let pause = (until - at(0)).num_seconds();
            assert!(
                (seconds..=seconds * 3 / 2).contains(&pause),
                "{pause} for {seconds}"
            );
            assert_eq!(backoff.until(at(0)), Some(until));
            assert_eq!(backoff.until(until), None);
        }
        assert_eq!(backoff.ended("a", ExitStatus::Terminated, at(0)), Turn::None);
        assert_eq!(backoff.ended("a", ExitStatus::Failed, at(0)), Turn::Over(8));
        assert_eq!(backoff.ended("a", ExitStatus::Success, at(0)), Turn::None);
        assert_eq!(backoff, Backoff::default());
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_prolong_a_pause() {
        let mut backoff = Backoff::default();
        backoff.ended("a", ExitStatus::TargetUnusable, at(1_000_000));
        assert_eq!(backoff.until(at(0)), None);
    }

    #[test]
    fn mirrors_come_back_one_by_one() {
        let ends: std::collections::BTreeSet<_> = (0..50)
            .map(
                |n| match Backoff::default().ended(&format!("m{n}"), ExitStatus::TargetUnusable, at(0)) {
                    Turn::Waits(until, _) => until,
                    turn => panic!("{turn:?}"),
                },
            )
            .collect();
        assert!(ends.len() > 40, "{}", ends.len());
    }
}

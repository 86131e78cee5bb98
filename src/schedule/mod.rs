//! When a mirror runs: crontab expressions in a time zone, plain periods, jitter, and the small machine that says at each
//! moment what to do (product 9).
//!
//! Nothing here waits and nothing here reads a clock: the moment is handed in, so that tests can let years pass, jump and
//! run backwards. [`Schedule`] says when, [`Jitter`] spreads mirrors that have the same schedule, and [`Clockwork`] keeps
//! account of one mirror: its first run, its next one, what was missed, and that it never runs twice at a time.
//!
//! # The dialect
//!
//! Five fields (minute, hour, day of month, month, day of week) as in a crontab and in a `CronJob` of Kubernetes, or six with
//! seconds first. Where those two differ, it is decided thus:
//!
//! | subject | here | Kubernetes (`robfig/cron` 3) | Vixie cron, cronie |
//! |---|---|---|---|
//! | Sunday | 0 and 7 | 0 | 0 and 7 |
//! | both day fields are restricted | either may match | the same | the same |
//! | `*/2` in a day field | is a restriction | the same | counts as `*` |
//! | `*/1`, or `*` anywhere in a list | counts as `*` | the same | only the first character counts |
//! | `5/10` | from 5 to the end, each 10th | the same | refused |
//! | `22-2`, `fri-mon`, `fri-sun` | refused, with what to write | refused | refused |
//! | `?` | `*`, in the two day fields | `*`, in each field | refused |
//! | `1,,2`, `*-5` | refused | accepted | refused |
//! | a step beyond the field (`*/90`) | its first value alone | the same | the same |
//! | `L`, `W`, `#`, `H`, a year, `TZ=` | refused | refused | refused |
//! | `@hourly` and its kin | accepted | accepted | accepted |
//! | `@every 30m`, `@reboot` | refused: `every` and the first run are for that | the first accepted | the second accepted |
//! | never (`0 0 31 2 *`) | refused | never runs | never runs |
//!
//! # When clocks change
//!
//! Expressions are matched against the clock on the wall of their zone.
//!
//! - **Fixed hours** (`30 2 * * *`, `*/10 1-3 * * *`): a time that the clock skips runs at the first moment after the gap,
//!   once, however many fell into it. A time that comes twice runs the first time.
//! - **Open hours** (`*`, `*/2`, `1/2` in the hour field) mean "again and again": a time that the clock skips is skipped, one
//!   that comes twice runs twice.
//!
//! Either way moments come in order and none comes twice. Vixie cron has the same two kinds, but counts a `*` in the minute
//! field as open too. Kubernetes skips fixed times in a gap and runs them twice in an overlap, which nobody wants of a nightly run.

mod clockwork;
mod crontab;
mod every;
mod expression;
mod field;
mod jitter;
mod zone;

use std::fmt;
use std::iter::FusedIterator;
use std::time::Duration;

use chrono::{DateTime, Utc};

pub use self::clockwork::{Cause, Clockwork, Due, First, LONGEST_NAP};
use self::crontab::Crontab;
pub use self::every::{Every, EveryError};
pub use self::expression::{CronError, Problem};
pub use self::field::{Fault, Field};
pub use self::jitter::{Jitter, JitterError};
pub use self::zone::{Zone, ZoneError};

/// When a mirror runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule(Kind);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Cron(Crontab),
    Every(Every),
}

/// Occurrences that came and went without a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missed {
    /// The first of them. They are not counted: they bring one run, and a schedule by the second has many of them in a year.
    pub since: DateTime<Utc>,
}

impl Schedule {
    /// A crontab expression, or one of `@hourly`, `@daily`, `@midnight`, `@weekly`, `@monthly`, `@yearly`, `@annually`, on the
    /// clock of `zone`.
    pub fn cron(text: &str, zone: Zone) -> Result<Self, CronError> {
        Ok(Self(Kind::Cron(Crontab::new(text, zone)?)))
    }

    /// One run each `period`, counted from start to start: a run that takes 10 of 30 minutes is followed by a pause of 20.
    pub fn every(period: Duration) -> Result<Self, EveryError> {
        Ok(Every::new(period)?.into())
    }

    /// The first occurrence after `after`, which for a plain period means: after a start at `after`.
    ///
    /// `None` if there is none before the year 2101, where the calendar of the `cron` crate ends.
    pub fn next_after(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match &self.0 {
            Kind::Cron(crontab) => crontab.next_after(after),
            Kind::Every(every) => every.next_after(after),
        }
    }

    /// All occurrences after `after`, in order.
    pub fn occurrences(&self, after: DateTime<Utc>) -> Occurrences<'_> {
        Occurrences {
            schedule: self,
            after: Some(after),
        }
    }

    /// Whether something was missed by `now`, when the last run began at `last_start`: then one run should begin at once,
    /// however many were missed. Nothing is missed if the clock shows less than at the last start.
    pub fn missed(&self, last_start: DateTime<Utc>, now: DateTime<Utc>) -> Option<Missed> {
        let since = self.next_after(last_start)?;
        (since <= now).then_some(Missed { since })
    }

    /// The zone of a crontab expression; a plain period has none.
    pub fn zone(&self) -> Option<Zone> {
        match &self.0 {
            Kind::Cron(crontab) => Some(crontab.zone()),
            Kind::Every(_) => None,
        }
    }

    /// The period, if it is a plain one.
    fn period(&self) -> Option<Every> {
        match &self.0 {
            Kind::Cron(_) => None,
            Kind::Every(every) => Some(*every),
        }
    }
}

impl From<Every> for Schedule {
    fn from(every: Every) -> Self {
        Self(Kind::Every(every))
    }
}

/// As it would be told to a reader: `*/30 * * * * (Europe/Berlin)`, `every 30m`.
impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Cron(crontab) => write!(f, "{crontab}"),
            Kind::Every(every) => write!(f, "every {every}"),
        }
    }
}

/// The moments of a [`Schedule`], in order.
#[derive(Debug, Clone)]
pub struct Occurrences<'a> {
    schedule: &'a Schedule,
    /// The latest that was given out; `None` at the end.
    after: Option<DateTime<Utc>>,
}

impl Iterator for Occurrences<'_> {
    type Item = DateTime<Utc>;

    fn next(&mut self) -> Option<Self::Item> {
        self.after = self.schedule.next_after(self.after?);
        self.after
    }
}

impl FusedIterator for Occurrences<'_> {}

#[cfg(test)]
mod tests;

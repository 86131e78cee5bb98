//! What one mirror's schedule says at each moment: run now, wait until then, or wait for the run that goes on.
//!
//! A pure state machine. The service asks [`Clockwork::poll`] with the wall clock's time, sleeps for [`Due::nap`], and reports
//! [`Clockwork::started`] and [`Clockwork::finished`]. No nap is longer than [`LONGEST_NAP`], because sleep is measured by
//! another clock than the schedule: one stands still while a laptop sleeps or is paused with its virtual machine, the
//! other can be set. So both are noticed within that time (reliability F19, F53).
//!
//! - **Forwards** (set, or woken up): what was missed is one run, at once; from there the schedule goes on.
//! - **Backwards**: an expression's next occurrence is looked up again on the new clock, so nothing waits for years until the
//!   old time comes back; an occurrence that was served is not served again if the clock was put right by at
//!   most [`SLACK`]. A plain period keeps what was left of it.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Jitter, Schedule};

/// Longest time between two looks at the wall clock.
pub const LONGEST_NAP: Duration = Duration::from_secs(60);

/// Clocks are put right by seconds each day; a served occurrence that comes again within this time is the same one.
const SLACK: TimeDelta = TimeDelta::seconds(60);

/// The schedule of one mirror, with its account of runs.
#[derive(Debug, Clone)]
pub struct Clockwork {
    schedule: Schedule,
    jitter: Jitter,
    /// The first run is still due, whatever the schedule says.
    first: bool,
    /// The next occurrence; `None` if there is none, or before the first run.
    next: Option<Next>,
    /// The occurrence that was served last, so that a small step back of the clock does not bring it again.
    served: Option<DateTime<Utc>>,
    running: bool,
    /// What the wall clock showed last: if it shows less, then it was set back.
    seen: Option<DateTime<Utc>>,
}

/// An occurrence, and when its run begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Next {
    occurrence: DateTime<Utc>,
    begins: DateTime<Utc>,
}

impl Next {
    fn earlier_by(self, time: TimeDelta) -> Option<Self> {
        Some(Self {
            occurrence: self.occurrence.checked_sub_signed(time)?,
            begins: self.begins.checked_sub_signed(time)?,
        })
    }
}

/// How a mirror's account begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum First {
    /// With a run at once: the start of the service (product 9).
    Now,
    /// As if the last run had begun then: a reload of the settings, or taking over from another replica. A run follows at
    /// once only if one was missed.
    After(DateTime<Utc>),
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Begin a run.
    Now(Cause),
    /// Nothing before this moment.
    At(DateTime<Utc>),
    /// Nothing before the run that goes on has ended: a mirror never overlaps with itself.
    Running,
    /// The schedule has no further occurrence.
    Never,
}

/// Why a run begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The first one.
    First,
    /// The schedule says so.
    Schedule {
        /// The moment of the schedule, without jitter.
        occurrence: DateTime<Utc>,
    },
    /// One or more occurrences went by: while a run went on, the machine slept or its clock was set.
    Missed {
        /// The first of them.
        since: DateTime<Utc>,
    },
}

impl Due {
    /// How long to sleep before the next look. A run that ends, a reload or a request to run now come before that.
    pub fn nap(self, now: DateTime<Utc>) -> Duration {
        match self {
            Self::Now(_) => Duration::ZERO,
            Self::At(at) => (at - now).to_std().unwrap_or_default().min(LONGEST_NAP),
            Self::Running | Self::Never => LONGEST_NAP,
        }
    }
}

impl Clockwork {
    /// The account of a mirror of which nothing runs.
    pub fn new(schedule: Schedule, jitter: Jitter, first: First) -> Self {
        let mut clockwork = Self {
            schedule,
            jitter,
            first: first == First::Now,
            next: None,
            served: None,
            running: false,
            seen: None,
        };
        if let First::After(start) = first {
            clockwork.seen = Some(start);
            clockwork.next = clockwork.after(start);
        }
        clockwork
    }

    /// The schedule.
    pub fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// What to do at `now`.
    pub fn poll(&mut self, now: DateTime<Utc>) -> Due {
        self.look(now);
        if self.running {
            return Due::Running;
        }
        if self.first {
            return Due::Now(Cause::First);
        }
        match self.next {
            Some(next) if next.begins <= now => Due::Now(self.cause(next, now)),
            Some(next) => Due::At(next.begins),
            None => Due::Never,
        }
    }

    /// When the next run begins as far as is known, also while one goes on: what a status page shows.
    pub fn next_run(&self) -> Option<DateTime<Utc>> {
        self.next.map(|next| next.begins)
    }

    /// A run began, because it was due or because someone asked for it.
    pub fn started(&mut self, now: DateTime<Utc>) {
        self.look(now);
        self.running = true;
        self.first = false;
        let mut from = now;
        if let Some(next) = self.next.filter(|next| next.occurrence <= now) {
            self.served = Some(next.occurrence);
            // Counted from the moment it was meant for, or each run would begin a little later than the one before
            if next.begins <= now && matches!(self.cause(next, now), Cause::Schedule { .. }) {
                from = next.occurrence;
            }
        }
        self.next = match self.schedule.period() {
            Some(_) => self.after(from),
            None => self.after(now),
        };
    }

    /// The run ended, in whichever way.
    pub fn finished(&mut self, now: DateTime<Utc>) {
        self.look(now);
        self.running = false;
    }

    /// Late by more than the longest nap, or by so much that the one after is due as well, is missed.
    fn cause(&self, next: Next, now: DateTime<Utc>) -> Cause {
        let occurrence = next.occurrence;
        let late = (now - next.begins).to_std().unwrap_or_default() > LONGEST_NAP;
        let more = self
            .schedule
            .next_after(occurrence)
            .is_some_and(|after| after <= now);
        if late || more {
            Cause::Missed { since: occurrence }
        } else {
            Cause::Schedule { occurrence }
        }
    }

    /// The occurrence after `start`.
    fn after(&self, start: DateTime<Utc>) -> Option<Next> {
        let served = self
            .served
            .filter(|served| self.schedule.period().is_none() && *served > start && *served - start <= SLACK);
        let occurrence = self.schedule.next_after(served.unwrap_or(start))?;
        let begins = self
            .jitter
            .delay(occurrence, self.schedule.next_after(occurrence));
        Some(Next { occurrence, begins })
    }

    /// Takes note of the clock; if it was set back, looks again for the next occurrence.
    fn look(&mut self, now: DateTime<Utc>) {
        let back = self.seen.map(|seen| seen - now).unwrap_or_default();
        if back > TimeDelta::zero() && !self.first {
            self.next = match (self.schedule.period(), self.next) {
                (Some(_), Some(next)) => next.earlier_by(back),
                // It came already, and its run waits for the end of its delay
                (None, Some(next)) if next.occurrence <= now => Some(next),
                _ => self.after(now),
            };
        }
        self.seen = Some(now);
    }
}

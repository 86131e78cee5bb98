//! The adapter around the `cron` crate, which by itself wants seconds, counts the week from 1, asks that both day fields
//! match, and skips or doubles runs when clocks change (crates 4.1).
//!
//! The crate is only asked about a calendar in which clocks never change, with sets of plain numbers. What a field
//! means is read in [`expression`](super::expression), when a time on the wall comes is asked of the [`Zone`].

use std::fmt;

use chrono::{DateTime, Datelike as _, NaiveDateTime, TimeDelta, Utc};

use super::expression::{CronError, Expression};
use super::zone::{Place, Zone};

/// The `cron` crate knows the years from 1970 to this one.
const LAST_YEAR: i32 = 2100;

/// A crontab expression in a zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Crontab {
    expression: Expression,
    zone: Zone,
    /// One, or one for each day field if either may match.
    calendars: Vec<cron::Schedule>,
}

impl Crontab {
    /// Reads the expression.
    pub(super) fn new(text: &str, zone: Zone) -> Result<Self, CronError> {
        let expression = Expression::parse(text)?;
        let mut calendars = Vec::with_capacity(2);
        for line in expression.calendars() {
            // Cannot fail: the line is made of numbers within the crate's bounds
            let calendar = line.parse().map_err(|_| CronError::never(text))?;
            calendars.push(calendar);
        }
        let crontab = Self {
            expression,
            zone,
            calendars,
        };
        match crontab.next_wall(DateTime::UNIX_EPOCH.naive_utc()) {
            Some(_) => Ok(crontab),
            None => Err(CronError::never(text)),
        }
    }

    pub(super) fn zone(&self) -> Zone {
        self.zone
    }

    /// The first moment after `after`.
    pub(super) fn next_after(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        // A machine without a battery wakes up in 1970, a broken clock shows anything
        let after = after.max(DateTime::UNIX_EPOCH);
        if after.year() > LAST_YEAR {
            None
        } else if self.expression.has_open_hours() {
            self.next_of_open_hours(after)
        } else {
            self.next_of_fixed_hours(after)
        }
    }

    /// What the clock skips comes right after the gap, what it shows twice comes the first time. So moments are in the
    /// order of the times on the wall, and only those that lie in the past are to be passed over: the second time.
    fn next_of_fixed_hours(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let mut wall = self.zone.wall(after);
        loop {
            wall = self.next_wall(wall)?;
            let (Place::Once(at) | Place::Twice(at, _) | Place::Skipped(at)) = self.zone.place(wall);
            if at > after {
                return Some(at);
            }
        }
    }

    /// What the clock shows twice comes twice. If `after` is in the first pass, then what is left of that pass comes first,
    /// the second pass from its beginning next, and everything else later.
    fn next_of_open_hours(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let wall = self.zone.wall(after);
        let ahead = self.first_real(wall, after);
        match self.zone.place(wall) {
            Place::Twice(first, second) if first == after => {
                let back = self.zone.set_back_between(first, second);
                match ahead {
                    Some(at) if at < back => Some(at),
                    _ => {
                        let just_before = TimeDelta::seconds(1);
                        self.first_real(self.zone.wall(back) - just_before, back - just_before)
                    }
                }
            }
            _ => ahead,
        }
    }

    /// The first time after `wall` that the clock really shows, at its first moment after `after`.
    fn first_real(&self, mut wall: NaiveDateTime, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        loop {
            wall = self.next_wall(wall)?;
            match self.zone.place(wall) {
                Place::Twice(first, _) if first > after => return Some(first),
                Place::Once(at) | Place::Twice(_, at) => return Some(at),
                // On from there, so that a skipped day is not walked through by the second
                Place::Skipped(end) => wall = self.zone.wall(end) - TimeDelta::seconds(1),
            }
        }
    }

    /// The next time that matches, on a clock that is never set.
    fn next_wall(&self, after: NaiveDateTime) -> Option<NaiveDateTime> {
        let after = after.and_utc();
        let next = self
            .calendars
            .iter()
            .filter_map(|calendar| calendar.after(&after).next());
        next.min().map(|at| at.naive_utc())
    }
}

impl fmt::Display for Crontab {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.expression, self.zone)
    }
}

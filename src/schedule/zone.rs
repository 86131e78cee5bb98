//! A time zone by its IANA name, and what its clock does to a time on the wall.
//!
//! The database is compiled in (`chrono-tz`), since the images that this program runs in have no `/usr/share/zoneinfo`.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDateTime, Offset as _, TimeDelta, TimeZone as _, Utc};
use chrono_tz::{GapInfo, TZ_VARIANTS, Tz};

/// A time zone of the IANA database. The default is UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Zone(Tz);

/// The text names no time zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ZoneError {
    /// `local` and the like.
    #[error(
        "`{0}` is another zone on each machine; name one, as `Europe/Berlin`, or leave `timezone` out for `UTC`"
    )]
    Local(String),
    /// The name in another case.
    #[error("the time zone `{0}` is not known; did you mean `{1}`?")]
    Case(String, &'static str),
    /// Not in the database.
    #[error(
        "the time zone `{0}` is not known; give a name of the IANA database, as `Europe/Berlin`, `America/New_York` or `UTC`"
    )]
    Unknown(String),
}

/// When a time on the wall of a zone comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Once(DateTime<Utc>),
    /// The clock was set back over it.
    Twice(DateTime<Utc>, DateTime<Utc>),
    /// The clock was set forward over it; the first moment after.
    Skipped(DateTime<Utc>),
}

impl Zone {
    /// Coordinated universal time.
    pub const UTC: Self = Self(Tz::UTC);

    /// The name in the IANA database.
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// What the clock on the wall shows.
    pub(super) fn wall(self, at: DateTime<Utc>) -> NaiveDateTime {
        at.with_timezone(&self.0).naive_local()
    }

    /// When the clock on the wall shows `wall`.
    pub(super) fn place(self, wall: NaiveDateTime) -> Place {
        let utc = |at: DateTime<Tz>| at.with_timezone(&Utc);
        match self.0.from_local_datetime(&wall) {
            chrono::MappedLocalTime::Single(at) => Place::Once(utc(at)),
            chrono::MappedLocalTime::Ambiguous(first, second) => Place::Twice(utc(first), utc(second)),
            chrono::MappedLocalTime::None => {
                let end = GapInfo::new(&wall, &self.0).and_then(|gap| gap.end);
                Place::Skipped(end.map_or_else(|| self.unhindered(wall), utc))
            }
        }
    }

    /// When `wall` would come if the clock had not been set forward. Only for a gap whose end the database does not give,
    /// because the clock is set back at the same moment: none is known.
    fn unhindered(self, wall: NaiveDateTime) -> DateTime<Utc> {
        let before = wall.and_utc() - TimeDelta::days(2);
        let offset = self.0.offset_from_utc_datetime(&before.naive_utc()).fix();
        (wall - offset).and_utc()
    }

    /// The moment at which the clock is set back, for two moments at which it shows the same.
    pub(super) fn set_back_between(self, first: DateTime<Utc>, second: DateTime<Utc>) -> DateTime<Utc> {
        let offset = |second: i64| {
            let at = DateTime::from_timestamp(second, 0).unwrap_or_default();
            self.0.offset_from_utc_datetime(&at.naive_utc()).fix()
        };
        let (mut before, mut after) = (first.timestamp(), second.timestamp());
        let old = offset(before);
        while after - before > 1 {
            let middle = before + (after - before) / 2;
            if offset(middle) == old {
                before = middle;
            } else {
                after = middle;
            }
        }
        DateTime::from_timestamp(after, 0).unwrap_or(second)
    }
}

impl Default for Zone {
    fn default() -> Self {
        Self::UTC
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Zone {
    type Err = ZoneError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(zone) = text.parse::<Tz>() {
            return Ok(Self(zone));
        }
        let shown = text
            .chars()
            .take(60)
            .collect::<String>()
            .escape_debug()
            .to_string();
        if ["local", "localtime", "system"]
            .iter()
            .any(|word| text.eq_ignore_ascii_case(word))
        {
            return Err(ZoneError::Local(shown));
        }
        match TZ_VARIANTS
            .iter()
            .find(|zone| zone.name().eq_ignore_ascii_case(text))
        {
            Some(zone) => Err(ZoneError::Case(shown, zone.name())),
            None => Err(ZoneError::Unknown(shown)),
        }
    }
}

//! A plain period between two starts.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// A period, from one start to the next: 1 second to 366 days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Every(Duration);

/// The text or the time is no period.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no period between runs; give a number with its unit from `1s` to `366days`, as `30m` or `6h`"
)]
pub struct EveryError(String);

impl Every {
    /// The shortest period.
    pub const MIN: Duration = Duration::from_secs(1);
    /// What fits most sources.
    pub const HOUR: Self = Self(Duration::from_secs(3600));
    /// The longest period: a leap year.
    pub const MAX: Duration = Duration::from_secs(366 * 24 * 3600);

    /// Checks the period.
    pub fn new(period: Duration) -> Result<Self, EveryError> {
        if (Self::MIN..=Self::MAX).contains(&period) {
            Ok(Self(period))
        } else {
            Err(EveryError(humantime::format_duration(period).to_string()))
        }
    }

    /// The period.
    pub fn period(self) -> Duration {
        self.0
    }

    /// One period later.
    pub(super) fn next_after(self, start: DateTime<Utc>) -> Option<DateTime<Utc>> {
        start.checked_add_signed(TimeDelta::from_std(self.0).ok()?)
    }
}

impl fmt::Display for Every {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", humantime::format_duration(self.0))
    }
}

impl FromStr for Every {
    type Err = EveryError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let shown = || {
            EveryError(
                text.chars()
                    .take(60)
                    .collect::<String>()
                    .escape_debug()
                    .to_string(),
            )
        };
        let period = humantime::parse_duration(text).map_err(|_| shown())?;
        Self::new(period).map_err(|_| shown())
    }
}

//! A delay that spreads mirrors with the same schedule.
//!
//! The delay is worked out from the mirror's name and the moment of the schedule, not drawn: a restart does not shuffle the
//! mirrors, and the status page can tell the next run to the second.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest as _, Sha256};

/// How late a mirror may begin, and whose delay this is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jitter {
    /// The mirror's name: two mirrors get different delays.
    name: Box<str>,
    most: Duration,
}

/// The time is too long for a delay.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a jitter of {0} is too long; give at most `1day`")]
pub struct JitterError(String);

impl Jitter {
    /// The longest delay.
    pub const MAX: Duration = Duration::from_secs(24 * 3600);

    /// Delays of up to `most` for the mirror `name`; zero means none.
    pub fn new(name: &str, most: Duration) -> Result<Self, JitterError> {
        if most > Self::MAX {
            return Err(JitterError(humantime::format_duration(most).to_string()));
        }
        Ok(Self {
            name: name.into(),
            most,
        })
    }

    /// No delay.
    pub fn none() -> Self {
        Self {
            name: Box::default(),
            most: Duration::ZERO,
        }
    }

    /// When the run of `occurrence` begins: from `occurrence` to the longest delay after it, in milliseconds, and always
    /// before `next`, the occurrence after it.
    pub fn delay(&self, occurrence: DateTime<Utc>, next: Option<DateTime<Utc>>) -> DateTime<Utc> {
        let most = u64::try_from(self.most.as_millis()).unwrap_or(u64::MAX);
        let room = next.map_or(u64::MAX, |next| {
            u64::try_from((next - occurrence).num_milliseconds() - 1).unwrap_or(0)
        });
        let most = most.min(room);
        if most == 0 {
            return occurrence;
        }
        let delay = self.hash(occurrence) % (most + 1);
        let delay = i64::try_from(delay).unwrap_or(0);
        occurrence
            .checked_add_signed(TimeDelta::milliseconds(delay))
            .unwrap_or(occurrence)
    }

    /// The same for the same name and moment on each machine and in each version.
    fn hash(&self, occurrence: DateTime<Utc>) -> u64 {
        let mut hash = Sha256::new();
        hash.update(self.name.as_bytes());
        hash.update([0]);
        hash.update(occurrence.timestamp_millis().to_be_bytes());
        hash.finalize()
            .iter()
            .take(8)
            .fold(0, |number, byte| (number << 8) | u64::from(*byte))
    }
}

impl fmt::Display for Jitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", humantime::format_duration(self.most))
    }
}

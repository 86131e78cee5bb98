//! How long things take in an election, and the moments they are counted from.

use std::time::Duration;

/// A moment of this replica's own clock, which never goes back: the time since some start. It says nothing to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Moment(Duration);

impl Moment {
    /// So long after the clock's start.
    pub fn after_start(elapsed: Duration) -> Self {
        Self(elapsed)
    }

    /// How long after the clock's start.
    pub fn since_start(self) -> Duration {
        self.0
    }

    /// `later` after this one. Stops at the end of time, since a record may name any duration.
    #[must_use]
    pub fn plus(self, later: Duration) -> Self {
        Self(self.0.saturating_add(later))
    }

    /// How long until `then`; nothing if that is over.
    pub fn until(self, then: Self) -> Duration {
        then.0.saturating_sub(self.0)
    }
}

/// The three times of an election. The default is that of Kubernetes' own components: 15 s, 10 s and 2 s.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Timing {
    lease: Duration,
    deadline: Duration,
    retry: Duration,
}

/// Times that cannot work together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimingError {
    /// Others could lead before the holder has stopped.
    #[error("the renew deadline of {deadline:?} must be shorter than the lease of {lease:?}")]
    Deadline {
        /// When a holder gives up.
        deadline: Duration,
        /// When others may take over.
        lease: Duration,
    },
    /// One lost answer would cost the lease.
    #[error(
        "the retry period of {retry:?} must not be nothing nor more than half the renew deadline of {deadline:?}"
    )]
    Retry {
        /// Between two attempts.
        retry: Duration,
        /// When a holder gives up.
        deadline: Duration,
    },
}

impl Timing {
    /// Times that keep two leaders apart.
    pub fn new(lease: Duration, deadline: Duration, retry: Duration) -> Result<Self, TimingError> {
        if deadline >= lease {
            return Err(TimingError::Deadline { deadline, lease });
        }
        if retry.is_zero() || retry > deadline / 2 {
            return Err(TimingError::Retry { retry, deadline });
        }
        Ok(Self {
            lease,
            deadline,
            retry,
        })
    }

    /// How long others leave a lease alone that does not change.
    pub fn lease(&self) -> Duration {
        self.lease
    }

    /// How long a holder leads after it last asked for a renewal that was granted.
    pub fn deadline(&self) -> Duration {
        self.deadline
    }

    /// Between two renewals, and between two looks at another's lease.
    pub fn retry(&self) -> Duration {
        self.retry
    }

    /// Times that nobody checked, to see that it takes the check.
    #[cfg(test)]
    pub(crate) fn unchecked(lease: Duration, deadline: Duration, retry: Duration) -> Self {
        Self {
            lease,
            deadline,
            retry,
        }
    }
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(15),
            deadline: Duration::from_secs(10),
            retry: Duration::from_secs(2),
        }
    }
}

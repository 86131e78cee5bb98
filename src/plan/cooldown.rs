//! How long a version waits before it is pushed (`min_age`, product rules "Trust").

use chrono::{DateTime, TimeDelta, Utc};

/// Whether a version may be pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cooldown {
    /// Now.
    Over,
    /// Not before this time.
    Until(DateTime<Utc>),
}

/// Counts from the index's `created`, or from when the version was first seen if that date is missing or in the future.
/// Without either the wait begins now. A first sight in the future, after the clock was set back, counts as now.
pub fn cooldown(
    created: Option<DateTime<Utc>>,
    first_seen: Option<DateTime<Utc>>,
    min_age: TimeDelta,
    now: DateTime<Utc>,
) -> Cooldown {
    let begin = created
        .filter(|created| *created <= now)
        .or(first_seen)
        .map_or(now, |begin| begin.min(now));
    let end = begin
        .checked_add_signed(min_age)
        .unwrap_or(DateTime::<Utc>::MAX_UTC);
    if end <= now {
        Cooldown::Over
    } else {
        Cooldown::Until(end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_from_what_can_be_believed() {
        let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let hour = |hours: i64| now + TimeDelta::hours(hours);
        let until = |hours: i64| Cooldown::Until(hour(hours));
        for (created, seen, expected) in [
            (Some(-72), None, Cooldown::Over),
            (Some(-71), None, until(1)),
            (Some(-71), Some(-100), until(1)),
            // Backdated: the index's word counts.
            (Some(-1000), Some(-1), Cooldown::Over),
            (Some(1), Some(-100), Cooldown::Over),
            (Some(1), Some(-2), until(70)),
            (Some(1), None, until(72)),
            (None, Some(-72), Cooldown::Over),
            (None, Some(-2), until(70)),
            (None, None, until(72)),
            (None, Some(5), until(72)),
        ] {
            let found = cooldown(created.map(hour), seen.map(hour), TimeDelta::hours(72), now);
            assert_eq!(found, expected, "{created:?} {seen:?}");
        }
        assert_eq!(cooldown(None, None, TimeDelta::zero(), now), Cooldown::Over);
        let forever = cooldown(None, None, TimeDelta::MAX, now);
        assert_eq!(forever, Cooldown::Until(DateTime::<Utc>::MAX_UTC));
    }
}

//! Plain periods, delays, and what was missed.

use std::collections::HashSet;
use std::time::Duration;

use chrono::TimeDelta;
use proptest::prelude::*;

use super::super::{Every, Jitter, Missed};
use super::*;

fn every(text: &str) -> Schedule {
    text.parse::<Every>().unwrap().into()
}

#[test]
fn a_period_is_counted_from_the_last_start() {
    let schedule = every("30m");
    assert_eq!(
        moments(&schedule, "2026-11-22T10:07:03Z", 3),
        [
            "2026-11-22T10:37:03Z",
            "2026-11-22T11:07:03Z",
            "2026-11-22T11:37:03Z"
        ]
    );
    assert_eq!(schedule.to_string(), "every 30m");
    assert_eq!(schedule.zone(), None);
    assert_eq!(Schedule::every(Duration::from_secs(1800)).unwrap(), schedule);
    assert_eq!("90m".parse::<Every>().unwrap().to_string(), "1h 30m");
    assert_eq!("1s".parse::<Every>().unwrap().period(), Every::MIN);
    assert_eq!("366days".parse::<Every>().unwrap().period(), Every::MAX);
    // Clocks that are set do not matter to it, and the end of time is an end
    assert_eq!(schedule.next_after(DateTime::<Utc>::MAX_UTC), None);
    assert!(schedule.next_after(DateTime::<Utc>::MIN_UTC).is_some());
}

#[test]
fn senseless_periods_are_refused() {
    for text in [
        "0",
        "0s",
        "-5m",
        "10",
        "1e9h",
        "",
        " ",
        "999ms",
        "367days",
        "100years",
        "99999999999999999999s",
        "five",
        "\u{7}",
    ] {
        let error = text.parse::<Every>().unwrap_err().to_string();
        let says = format!(
            "`{}` is no period between runs; give a number with its unit",
            text.escape_debug()
        );
        assert!(error.starts_with(&says), "{error}");
    }
    for period in [Duration::ZERO, Duration::from_millis(999), Duration::MAX] {
        assert!(Schedule::every(period).is_err(), "{period:?}");
    }
    let error = Jitter::new("a", Duration::from_secs(90_000)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a jitter of 1day 1h is too long; give at most `1day`"
    );
    assert!(Jitter::new("a", Duration::MAX).is_err());
}

/// A new version that worked out other delays would move every mirror of every user.
#[test]
fn delays_stay_what_they_are() {
    let jitter = Jitter::new("ingress-nginx", Duration::from_secs(300)).unwrap();
    assert_eq!(jitter.to_string(), "5m");
    let delays: Vec<_> = [
        "2026-11-22T10:00:00Z",
        "2026-11-22T10:30:00Z",
        "2026-11-22T11:00:00Z",
    ]
    .iter()
    .map(|text| (jitter.delay(at(text), None) - at(text)).num_milliseconds())
    .collect();
    assert_eq!(delays, [18_795, 230_663, 39_940]);
}

#[test]
fn delays_spread_mirrors_over_the_whole_time() {
    let occurrence = at("2026-11-22T10:00:00Z");
    let delays: Vec<_> = (0..1000)
        .map(|number| {
            let jitter = Jitter::new(&format!("mirror-{number}"), Duration::from_secs(600)).unwrap();
            (jitter.delay(occurrence, None) - occurrence).num_seconds()
        })
        .collect();
    assert!(delays.iter().all(|delay| (0..=600).contains(delay)));
    let minutes: HashSet<_> = delays
        .iter()
        .map(|delay| delay / 60)
        .filter(|minute| *minute < 10)
        .collect();
    assert_eq!(minutes.len(), 10, "some minute got none of 1000 mirrors");
    let most = (0..10)
        .map(|minute| delays.iter().filter(|delay| **delay / 60 == minute).count())
        .max();
    assert!(most < Some(160), "{most:?} of 1000 mirrors in one of ten minutes");
    assert_eq!(Jitter::none().delay(occurrence, None), occurrence);
}

proptest! {
    #[test]
    fn a_delay_never_reaches_the_next_occurrence(
        name in "[a-z]{1,8}",
        most in 0_u64..=86_400,
        second in 0_i64..4_000_000_000,
        gap in prop_oneof![1_i64..4, 1_i64..10_000_000],
    ) {
        let occurrence = DateTime::from_timestamp(second, 0).unwrap();
        let next = occurrence + TimeDelta::milliseconds(gap);
        let jitter = Jitter::new(&name, Duration::from_secs(most)).unwrap();
        let begins = jitter.delay(occurrence, Some(next));
        prop_assert!(occurrence <= begins && begins < next);
        prop_assert!(begins - occurrence <= TimeDelta::seconds(most.cast_signed()));
        prop_assert_eq!(begins, jitter.delay(occurrence, Some(next)));
    }
}

#[test]
fn many_missed_occurrences_are_one() {
    let hourly = cron("0 * * * *", "UTC");
    let start = at("2026-11-22T10:00:05Z");
    for (now, wanted) in [
        ("2026-11-22T10:59:59Z", None),
        ("2026-11-22T11:00:00Z", Some("2026-11-22T11:00:00Z")),
        ("2036-11-22T11:00:00Z", Some("2026-11-22T11:00:00Z")),
        ("2016-11-22T11:00:00Z", None),
    ] {
        let wanted = wanted.map(|since| Missed { since: at(since) });
        assert_eq!(hourly.missed(start, at(now)), wanted, "{now}");
    }
    // By the second for ten years: seen without counting them
    let each = cron("* * * * * *", "UTC");
    assert!(each.missed(start, at("2036-11-22T10:00:00Z")).is_some());
    let period = every("30m");
    assert_eq!(period.missed(start, at("2026-11-22T10:30:04Z")), None);
    assert!(period.missed(start, at("2026-11-22T10:30:05Z")).is_some());
}

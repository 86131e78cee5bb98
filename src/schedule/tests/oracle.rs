//! Two other ways to the same moments, on generated expressions: the `croner` crate, and a walk through each minute.
//!
//! `croner` agrees on the calendar. About changes of the clock it differs where [`comparable`] says so; there the walk is
//! the witness: it only reads the clock on the wall, minute by minute, and never asks a zone when a local time comes.

use std::fmt::Write as _;
use std::str::FromStr as _;

use chrono::{NaiveDateTime, TimeDelta, TimeZone as _};
use chrono_tz::Tz;
use croner::Cron;
use proptest::prelude::*;

use super::*;

const ZONES: [&str; 14] = [
    "UTC",
    "Europe/Berlin",
    "Europe/Dublin",
    "America/New_York",
    "America/Sao_Paulo",
    "America/Caracas",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Asia/Tehran",
    "Africa/Casablanca",
    "Africa/Cairo",
    "Antarctica/Casey",
    "Pacific/Apia",
    "Pacific/Chatham",
];

/// Expressions, each of them tried in all zones.
const CASES: u32 = 150;

/// An item of a list: number, range, range with step. Ranges never run backwards.
fn item(low: u32, high: u32) -> impl Strategy<Value = String> {
    let number = low..=high;
    let range = (low..=high).prop_flat_map(move |from| (Just(from), from..=high));
    prop_oneof![
        4 => number.prop_map(|number| number.to_string()),
        2 => range.clone().prop_map(|(from, to)| format!("{from}-{to}")),
        1 => (range, 1..=high).prop_map(|((from, to), step)| format!("{from}-{to}/{step}")),
    ]
}

fn field(low: u32, high: u32) -> impl Strategy<Value = String> {
    prop_oneof![
        3 => Just("*".to_owned()),
        3 => (low..=high).prop_map(|number| number.to_string()),
        // Not `*/1`: in a day field we take it for `*`, as Kubernetes does, croner for a restriction
        1 => (2..=high).prop_map(|step| format!("*/{step}")),
        2 => prop::collection::vec(item(low, high), 1..4).prop_map(|items| items.join(",")),
    ]
}

/// Five fields; minutes seldom `*`, so that whole hours can be compared at a time.
fn expression() -> impl Strategy<Value = String> {
    let weekday = prop_oneof![4 => field(0, 7), 1 => prop::sample::select(vec!["mon-fri".to_owned(), "SUN".into(), "tue,Sat".into()])];
    let month =
        prop_oneof![3 => Just("*".to_owned()), 1 => field(1, 12), 1 => Just("mar,oct,NOV".to_owned())];
    let day = prop_oneof![3 => Just("*".to_owned()), 1 => field(1, 31)];
    let weekday = prop_oneof![2 => Just("*".to_owned()), 1 => weekday];
    (field(0, 59), field(0, 23), day, month, weekday)
        .prop_map(|(minute, hour, day, month, weekday)| format!("{minute} {hour} {day} {month} {weekday}"))
}

fn moment(low: &str, high: &str) -> impl Strategy<Value = DateTime<Utc>> {
    (at(low).timestamp()..at(high).timestamp())
        .prop_map(|second| DateTime::from_timestamp(second, 0).unwrap())
}

/// Whether `croner` has the same rules for changes of the clock:
///
/// - It takes a job as fixed only if minute and hour are single numbers; `0,30 2 * * *` and `0 1-3 * * *` are "again and
///   again" there, so that a nightly run is skipped in a gap and doubled in an overlap.
/// - It gives up on a fixed job at a gap of more than two hours (a day in Apia, three hours in Casey).
fn comparable(text: &str, zone: &str) -> bool {
    let mut fields = text.split(' ');
    let minute = fields.next().is_some_and(|minute| minute.parse::<u32>().is_ok());
    let hour = fields.next().unwrap_or_default();
    let single = minute && hour.parse::<u32>().is_ok();
    match zone {
        "UTC" | "Asia/Kathmandu" => true,
        "Pacific/Apia" | "Antarctica/Casey" => is_open(hour),
        _ => single || is_open(hour),
    }
}

/// Whether an hour field means "again and again".
fn is_open(hour: &str) -> bool {
    hour.split(',').any(|item| item.starts_with('*'))
}

/// Both ways agree on whether there is a next one and on the next few.
fn agrees_with_croner(text: &str, zone_name: &str, start: DateTime<Utc>) {
    let Ok(theirs) = Cron::from_str(text) else {
        panic!("croner refuses {text}");
    };
    let tz: Tz = zone_name.parse().unwrap();
    let Ok(ours) = Schedule::cron(text, zone(zone_name)) else {
        let never = theirs.find_next_occurrence(&start.with_timezone(&tz), false);
        assert!(never.is_err(), "{text} is refused, but comes at {never:?}");
        return;
    };
    let ours: Vec<_> = ours.occurrences(start).take(5).collect();
    let theirs: Vec<_> = theirs
        .iter_after(start.with_timezone(&tz))
        .take(ours.len())
        .map(|at| at.with_timezone(&Utc))
        .collect();
    assert_eq!(ours, theirs, "`{text}` in {zone_name} after {start}");
}

/// The first change of the zone's clock after `start` within a year and a half.
fn change_after(tz: Tz, start: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let offset = |at: DateTime<Utc>| at.with_timezone(&tz).naive_local() - at.naive_utc();
    let steps = (1..2200).map(|step| start + TimeDelta::hours(6 * step));
    steps.into_iter().find(|at| offset(*at) != offset(start))
}

/// What a patient reader of the clock on the wall would do in the `minutes` after `start`.
fn walk(calendar: &Cron, open: bool, tz: Tz, start: DateTime<Utc>, minutes: i64) -> Vec<DateTime<Utc>> {
    let minute = TimeDelta::minutes(1);
    let wall = |at: DateTime<Utc>| at.with_timezone(&tz).naive_local();
    let matches = |wall: NaiveDateTime| calendar.is_time_matching(&wall).unwrap();
    // A few hours earlier, to know what the clock showed before it was set back
    let mut now = start - TimeDelta::hours(4);
    let mut highest = wall(now);
    let mut found = Vec::new();
    while now < start + minute * i32::try_from(minutes).unwrap() {
        now += minute;
        let shown = wall(now);
        let mut due = matches(shown) && (open || shown > highest);
        let mut skipped = highest + minute;
        while !open && !due && skipped < shown {
            due = matches(skipped);
            skipped += minute;
        }
        highest = highest.max(shown);
        if due && now > start {
            found.push(now);
        }
    }
    found
}

fn agrees_with_the_walk(text: &str, zone_name: &str, start: DateTime<Utc>) {
    const MINUTES: i64 = 14 * 60;
    let tz: Tz = zone_name.parse().unwrap();
    let Ok(ours) = Schedule::cron(text, zone(zone_name)) else {
        return;
    };
    let hour = text.split(' ').nth(1).unwrap_or_default();
    let calendar = Cron::from_str(text).unwrap();
    let walked = walk(&calendar, is_open(hour), tz, start, MINUTES);
    let end = start + TimeDelta::minutes(MINUTES);
    let ours: Vec<_> = ours.occurrences(start).take_while(|at| *at <= end).collect();
    assert_eq!(ours, walked, "`{text}` in {zone_name} after {start}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    /// Each expression in 14 zones at two starts each: some moment, and one shortly before a change of the clock.
    #[test]
    fn croner_finds_the_same_moments(text in expression(), start in moment("1975-01-01T00:00:00Z", "2037-06-01T00:00:00Z")) {
        for zone in ZONES.into_iter().filter(|zone| comparable(&text, zone)) {
            agrees_with_croner(&text, zone, start);
            if let Some(change) = change_after(zone.parse().unwrap(), start) {
                agrees_with_croner(&text, zone, change - TimeDelta::hours(9));
            }
        }
    }

    /// The hours around changes of the clock, minute by minute; days and months are left open, so that all of them come.
    #[test]
    fn a_walk_through_the_minutes_finds_the_same_moments(
        minute in field(0, 59),
        hour in field(0, 23),
        start in moment("1990-01-01T00:00:00Z", "2037-01-01T00:00:00Z"),
        before in 0_i64..600,
    ) {
        let text = format!("{minute} {hour} * * *");
        for zone in ZONES {
            let minute = DateTime::from_timestamp(start.timestamp() / 60 * 60, 0).unwrap();
            let start = change_after(zone.parse().unwrap(), minute).unwrap_or(minute);
            let start = start - TimeDelta::minutes(before);
            agrees_with_the_walk(&text, zone, start);
        }
    }

    /// Whatever is read: no panic, an error that points into the text, and moments in order.
    #[test]
    fn any_text_is_read_or_refused(text in "[0-9*/,\\-?LWH#@a-z ]{0,30}|\\PC{0,20}", start in any::<i64>()) {
        match Schedule::cron(&text, zone("Europe/Berlin")) {
            Err(error) => {
                let mut message = String::new();
                write!(message, "{error}").unwrap();
                prop_assert!(text.get(error.span()).is_some(), "{message}");
            }
            Ok(schedule) => {
                let start = Utc.timestamp_opt(start % 8_000_000_000_000, 0).single().unwrap_or_default();
                let moments: Vec<_> = schedule.occurrences(start).take(5).collect();
                prop_assert!(moments.first().is_none_or(|first| *first > start));
                prop_assert!(moments.is_sorted_by(|a, b| a < b), "{moments:?}");
            }
        }
    }
}

/// Where `croner` is known to differ: if it comes to agree, these fail and can go.
#[test]
fn the_exceptions_are_real() {
    for (text, zone_name, start) in [
        ("0,30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z"),
        ("0 1-3 * * *", "Europe/Berlin", "2026-10-24T22:30:00Z"),
        ("0 12 * * *", "Pacific/Apia", "2011-12-29T23:00:00Z"),
    ] {
        let tz: Tz = zone_name.parse().unwrap();
        let ours: Vec<_> = cron(text, zone_name).occurrences(at(start)).take(3).collect();
        let theirs: Vec<_> = Cron::from_str(text)
            .unwrap()
            .iter_after(at(start).with_timezone(&tz))
            .take(3)
            .map(|at| at.with_timezone(&Utc))
            .collect();
        assert_ne!(ours, theirs, "{text}");
    }
    // Read by us as by Kubernetes, not by croner
    assert!(Cron::from_str("10/20 * * * *").is_err());
    // Read by croner only
    for text in ["0 0 L * *", "0 0 15W * *", "0 0 * * 5#2"] {
        assert!(
            Cron::from_str(text).is_ok() && Schedule::cron(text, Zone::UTC).is_err(),
            "{text}"
        );
    }
}

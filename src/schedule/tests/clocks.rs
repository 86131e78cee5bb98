//! The clockwork under a virtual clock: plain days, long runs, sleep, and clocks that are set.

use std::time::Duration;

use chrono::TimeDelta;
use proptest::prelude::*;

use super::super::{Cause, Clockwork, Due, Every, First, Jitter, LONGEST_NAP};
use super::*;

const YEARS: i64 = 3652 * 86_400;

fn every(text: &str) -> Schedule {
    text.parse::<Every>().unwrap().into()
}

fn plain(schedule: Schedule) -> Clockwork {
    Clockwork::new(schedule, Jitter::none(), First::Now)
}

/// A run that takes no time.
fn run(clockwork: &mut Clockwork, now: &str) {
    clockwork.started(at(now));
    clockwork.finished(at(now));
}

fn scheduled(occurrence: &str) -> Due {
    Due::Now(Cause::Schedule {
        occurrence: at(occurrence),
    })
}

fn missed(since: &str) -> Due {
    Due::Now(Cause::Missed { since: at(since) })
}

#[test]
fn the_first_run_is_at_the_start_and_the_rest_by_the_schedule() {
    let mut clockwork = plain(cron("*/10 * * * *", "UTC"));
    assert_eq!(clockwork.next_run(), None);
    assert_eq!(clockwork.poll(at("2026-11-22T10:03:00Z")), Due::Now(Cause::First));
    clockwork.started(at("2026-11-22T10:03:00Z"));
    assert_eq!(clockwork.poll(at("2026-11-22T10:04:00Z")), Due::Running);
    assert_eq!(clockwork.next_run(), Some(at("2026-11-22T10:10:00Z")));
    clockwork.finished(at("2026-11-22T10:05:00Z"));
    let wait = clockwork.poll(at("2026-11-22T10:05:00Z"));
    assert_eq!(wait, Due::At(at("2026-11-22T10:10:00Z")));
    assert_eq!(wait.nap(at("2026-11-22T10:05:00Z")), LONGEST_NAP);
    assert_eq!(
        wait.nap(at("2026-11-22T10:09:58.5Z")),
        Duration::from_millis(1500)
    );
    assert_eq!(wait.nap(at("2026-11-22T10:11:00Z")), Duration::ZERO);
    assert_eq!(
        clockwork.poll(at("2026-11-22T10:10:00Z")),
        scheduled("2026-11-22T10:10:00Z")
    );
    run(&mut clockwork, "2026-11-22T10:10:00Z");
    assert_eq!(
        clockwork.poll(at("2026-11-22T10:10:00Z")),
        Due::At(at("2026-11-22T10:20:00Z"))
    );
}

#[test]
fn what_a_long_run_missed_is_one_run() {
    let mut clockwork = plain(cron("*/10 * * * *", "UTC"));
    clockwork.started(at("2026-11-22T10:00:00Z"));
    assert_eq!(clockwork.poll(at("2026-11-22T10:25:00Z")), Due::Running);
    clockwork.finished(at("2026-11-22T10:25:00Z"));
    assert_eq!(
        clockwork.poll(at("2026-11-22T10:25:00Z")),
        missed("2026-11-22T10:10:00Z")
    );
    run(&mut clockwork, "2026-11-22T10:25:00Z");
    assert_eq!(
        clockwork.poll(at("2026-11-22T10:25:01Z")),
        Due::At(at("2026-11-22T10:30:00Z"))
    );

    let mut clockwork = plain(every("10m"));
    clockwork.started(at("2026-11-22T10:00:00Z"));
    clockwork.finished(at("2026-11-22T10:25:00Z"));
    assert_eq!(
        clockwork.poll(at("2026-11-22T10:25:00Z")),
        missed("2026-11-22T10:10:00Z")
    );
    run(&mut clockwork, "2026-11-22T10:25:00Z");
    assert_eq!(
        clockwork.poll(at("2026-11-22T10:25:00Z")),
        Due::At(at("2026-11-22T10:35:00Z"))
    );
}

/// Each look at the clock comes a little late; the period does not grow by it.
#[test]
fn a_period_does_not_drift() {
    let mut clockwork = plain(every("10m"));
    run(&mut clockwork, "2026-11-22T10:00:00Z");
    for (late, next) in [
        ("2026-11-22T10:10:00.300Z", "2026-11-22T10:20:00Z"),
        ("2026-11-22T10:20:40Z", "2026-11-22T10:30:00Z"),
        ("2026-11-22T10:30:00Z", "2026-11-22T10:40:00Z"),
    ] {
        run(&mut clockwork, late);
        assert_eq!(clockwork.poll(at(late)), Due::At(at(next)));
    }
    // Later than a nap can be late: the machine slept, and the period begins anew
    let late = "2026-11-22T10:41:01Z";
    assert_eq!(clockwork.poll(at(late)), missed("2026-11-22T10:40:00Z"));
    run(&mut clockwork, late);
    assert_eq!(clockwork.poll(at(late)), Due::At(at("2026-11-22T10:51:01Z")));
    // A second's period, half a minute late: one run, not thirty
    let mut clockwork = plain(every("1s"));
    run(&mut clockwork, "2026-11-22T10:00:00Z");
    assert_eq!(
        clockwork.poll(at("2026-11-22T10:00:30Z")),
        missed("2026-11-22T10:00:01Z")
    );
    run(&mut clockwork, "2026-11-22T10:00:30Z");
    assert_eq!(
        clockwork.poll(at("2026-11-22T10:00:30Z")),
        Due::At(at("2026-11-22T10:00:31Z"))
    );
}

#[test]
fn a_run_that_was_asked_for_counts_as_a_start() {
    let mut clockwork = plain(every("30m"));
    run(&mut clockwork, "2026-11-22T10:00:00Z");
    run(&mut clockwork, "2026-11-22T10:20:00Z");
    assert_eq!(
        clockwork.poll(at("2026-11-22T10:20:00Z")),
        Due::At(at("2026-11-22T10:50:00Z"))
    );
    // Also right after the clock was put back by some seconds
    run(&mut clockwork, "2026-11-22T10:50:00Z");
    run(&mut clockwork, "2026-11-22T10:49:30Z");
    assert_eq!(
        clockwork.poll(at("2026-11-22T10:49:30Z")),
        Due::At(at("2026-11-22T11:19:30Z"))
    );
    let mut clockwork = plain(cron("0 * * * *", "UTC"));
    run(&mut clockwork, "2026-11-22T10:00:00Z");
    run(&mut clockwork, "2026-11-22T10:59:00Z");
    assert_eq!(
        clockwork.poll(at("2026-11-22T10:59:00Z")),
        Due::At(at("2026-11-22T11:00:00Z"))
    );
}

#[test]
fn a_reload_runs_only_what_was_missed() {
    let hourly = || cron("0 * * * *", "UTC");
    let after = |schedule, start: &str| Clockwork::new(schedule, Jitter::none(), First::After(at(start)));
    let mut clockwork = after(hourly(), "2026-11-22T10:00:01Z");
    assert_eq!(
        clockwork.poll(at("2026-11-22T10:30:00Z")),
        Due::At(at("2026-11-22T11:00:00Z"))
    );
    let mut clockwork = after(hourly(), "2026-11-22T06:00:01Z");
    assert_eq!(
        clockwork.poll(at("2026-11-22T10:30:00Z")),
        missed("2026-11-22T07:00:00Z")
    );
    run(&mut clockwork, "2026-11-22T10:30:00Z");
    assert_eq!(
        clockwork.poll(at("2026-11-22T10:30:00Z")),
        Due::At(at("2026-11-22T11:00:00Z"))
    );
    // A start that lies ahead was written by a clock that was wrong
    let mut clockwork = after(hourly(), "2036-11-22T06:00:01Z");
    assert_eq!(
        clockwork.poll(at("2026-11-22T10:30:00Z")),
        Due::At(at("2026-11-22T11:00:00Z"))
    );
    let mut clockwork = after(every("30m"), "2036-11-22T06:00:01Z");
    assert_eq!(
        clockwork.poll(at("2026-11-22T10:30:00Z")),
        Due::At(at("2026-11-22T11:00:00Z"))
    );
}

#[test]
fn a_jump_forwards_brings_one_run() {
    for (jump, again) in [(3600, "2026-11-22T11:10:00Z"), (YEARS, "2036-11-21T10:10:00Z")] {
        let mut clockwork = plain(cron("*/10 * * * *", "UTC"));
        run(&mut clockwork, "2026-11-22T10:02:00Z");
        let now = at("2026-11-22T10:03:00Z") + TimeDelta::seconds(jump);
        assert_eq!(clockwork.poll(now), missed("2026-11-22T10:10:00Z"));
        clockwork.started(now);
        clockwork.finished(now);
        assert_eq!(clockwork.poll(now), Due::At(at(again)));
    }
}

#[test]
fn a_jump_backwards_waits_for_the_next_real_occurrence() {
    for (jump, next) in [(3600, "2026-11-22T09:10:00Z"), (YEARS, "2016-11-22T10:10:00Z")] {
        let mut clockwork = plain(cron("*/10 * * * *", "UTC"));
        run(&mut clockwork, "2026-11-22T10:02:00Z");
        let now = at("2026-11-22T10:03:00Z") - TimeDelta::seconds(jump);
        assert_eq!(clockwork.poll(now), Due::At(at(next)));

        // What was left of the period is left: 10 minutes less the one that went by
        let mut clockwork = plain(every("10m"));
        run(&mut clockwork, "2026-11-22T10:02:00Z");
        clockwork.poll(at("2026-11-22T10:03:00Z"));
        assert_eq!(clockwork.poll(now), Due::At(now + TimeDelta::minutes(9)));

        // While a run goes on
        let mut clockwork = plain(cron("*/10 * * * *", "UTC"));
        clockwork.started(at("2026-11-22T10:02:00Z"));
        clockwork.finished(now);
        assert_eq!(clockwork.poll(now), Due::At(at(next)));
    }
}

#[test]
fn a_clock_that_is_put_right_by_seconds_serves_nothing_twice() {
    let mut clockwork = plain(cron("*/10 * * * *", "UTC"));
    run(&mut clockwork, "2026-11-22T10:02:00Z");
    clockwork.poll(at("2026-11-22T10:10:00Z"));
    run(&mut clockwork, "2026-11-22T10:10:00Z");
    for now in [
        "2026-11-22T10:09:59.9Z",
        "2026-11-22T10:09:30Z",
        "2026-11-22T10:10:02Z",
        "2026-11-22T10:09:00Z",
    ] {
        assert_eq!(
            clockwork.poll(at(now)),
            Due::At(at("2026-11-22T10:20:00Z")),
            "{now}"
        );
    }
    // Between the look and the start
    clockwork.poll(at("2026-11-22T10:20:00Z"));
    clockwork.started(at("2026-11-22T10:20:00Z"));
    clockwork.finished(at("2026-11-22T10:19:59.999Z"));
    assert_eq!(
        clockwork.poll(at("2026-11-22T10:19:59.999Z")),
        Due::At(at("2026-11-22T10:30:00Z"))
    );
}

#[test]
fn a_delayed_run_is_neither_lost_nor_doubled() {
    let jitter = Jitter::new("a", Duration::from_secs(300)).unwrap();
    let schedule = cron("*/10 * * * *", "UTC");
    let mut clockwork = Clockwork::new(schedule, jitter.clone(), First::Now);
    run(&mut clockwork, "2026-11-22T10:02:00Z");
    let begins = jitter.delay(at("2026-11-22T10:10:00Z"), None);
    assert!(begins > at("2026-11-22T10:10:05Z"), "pick another name");
    assert_eq!(clockwork.poll(at("2026-11-22T10:10:04Z")), Due::At(begins));
    // Put back by a second within the delay
    assert_eq!(clockwork.poll(at("2026-11-22T10:10:03Z")), Due::At(begins));
    assert_eq!(clockwork.poll(begins), scheduled("2026-11-22T10:10:00Z"));
    clockwork.started(begins);
    clockwork.finished(begins);
    let next = jitter.delay(at("2026-11-22T10:20:00Z"), None);
    assert_eq!(clockwork.poll(begins), Due::At(next));
    // The delay is not added to the period
    let mut clockwork = Clockwork::new(every("10m"), jitter.clone(), First::Now);
    run(&mut clockwork, "2026-11-22T10:00:00Z");
    for occurrence in [
        "2026-11-22T10:10:00Z",
        "2026-11-22T10:20:00Z",
        "2026-11-22T10:30:00Z",
    ] {
        let begins = jitter.delay(at(occurrence), None);
        assert_eq!(clockwork.poll(begins), scheduled(occurrence));
        clockwork.started(begins);
        clockwork.finished(begins);
    }
}

#[test]
fn after_the_last_year_nothing_comes_until_the_clock_is_right_again() {
    let mut clockwork = plain(cron("0 * * * *", "UTC"));
    run(&mut clockwork, "2026-11-22T10:02:00Z");
    let far = at("2150-01-01T00:00:00Z");
    assert_eq!(clockwork.poll(far), missed("2026-11-22T11:00:00Z"));
    clockwork.started(far);
    clockwork.finished(far);
    assert_eq!(clockwork.poll(far), Due::Never);
    assert_eq!(Due::Never.nap(far), LONGEST_NAP);
    assert_eq!(
        clockwork.poll(at("2026-11-22T10:03:00Z")),
        Due::At(at("2026-11-22T11:00:00Z"))
    );
}

/// A service, reduced to its loop. Returns when its runs began, in seconds that really went by.
fn service(clockwork: &mut Clockwork, jumps: &[(i64, i64)], run_takes: i64, end: i64) -> Vec<i64> {
    let base = at("2026-11-22T10:00:00Z");
    let (mut real, mut starts, mut ends) = (0_i64, Vec::new(), None);
    while real < end {
        let skew: i64 = jumps
            .iter()
            .filter(|(when, _)| *when <= real)
            .map(|(_, by)| by)
            .sum();
        let now = base + TimeDelta::seconds(real + skew);
        if ends.is_some_and(|ends| ends <= real) {
            clockwork.finished(now);
            ends = None;
        }
        let due = clockwork.poll(now);
        if let Due::Now(_) = due {
            assert!(ends.is_none(), "two runs at a time");
            clockwork.started(now);
            starts.push(real);
            ends = Some(real + run_takes);
            assert_eq!(clockwork.poll(now), Due::Running);
        }
        let nap = match due {
            Due::Now(_) => LONGEST_NAP,
            due => due.nap(now),
        };
        assert!(
            nap <= LONGEST_NAP && nap > Duration::ZERO,
            "{nap:?} after {due:?}"
        );
        let awake = real + i64::try_from(nap.as_secs()).unwrap().max(1);
        real = ends.map_or(awake, |ends| ends.max(real + 1).min(awake));
    }
    starts
}

proptest! {
    /// A day with up to eight jumps of up to ten years either way: never a storm, never a long silence.
    #[test]
    fn jumping_clocks_do_no_harm(
        jumps in prop::collection::vec((0_i64..86_400, prop_oneof![
            -120_i64..120, Just(3600), Just(-3600), Just(YEARS), Just(-YEARS), -YEARS..YEARS,
        ]), 0..8),
        minutes in prop::sample::select(vec![5_i64, 10, 30]),
        period in any::<bool>(),
        jitter in 0_u64..200,
        run_takes in 0_i64..1200,
    ) {
        let schedule = if period {
            every(&format!("{minutes}m"))
        } else {
            cron(&format!("*/{minutes} * * * *"), "UTC")
        };
        let jitter = Jitter::new("mirror", Duration::from_secs(jitter)).unwrap();
        let mut clockwork = Clockwork::new(schedule, jitter, First::Now);
        let starts = service(&mut clockwork, &jumps, run_takes, 86_400);

        let count = i64::try_from(jumps.len()).unwrap();
        let most = 86_400 / (minutes * 60) + 2 + 2 * count;
        prop_assert!(i64::try_from(starts.len()).unwrap() <= most, "{} runs, at most {most}", starts.len());

        prop_assert_eq!(starts[0], 0);
        let nap = 60;
        for pair in starts.windows(2).chain([&[*starts.last().unwrap(), 86_400][..]]) {
            let within = jumps.iter().filter(|(when, _)| (pair[0]..=pair[1]).contains(when)).count();
            let within = i64::try_from(within).unwrap();
            // A period and its delay, or the run; after each jump at worst once more, and the naps to notice it
            let longest = (minutes * 60 + 200).max(run_takes) + within * (minutes * 60 + 200 + 2 * nap) + 2 * nap;
            prop_assert!(pair[1] - pair[0] <= longest, "{pair:?}: more than {longest}");
        }
    }
}

/// The machine sleeps for an hour in the middle of a nap: the loop wakes within a nap and runs once.
#[test]
fn an_hour_of_sleep_is_one_missed_run() {
    let mut clockwork = plain(cron("*/10 * * * *", "UTC"));
    let starts = service(&mut clockwork, &[(650, 3600)], 5, 1900);
    // At the start, at ten past, at the first look after the sleep, and each ten minutes again
    assert_eq!(starts, [0, 600, 665, 1200, 1800]);
}

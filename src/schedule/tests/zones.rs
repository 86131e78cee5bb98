//! What comes when clocks change, worked out by hand from the zones' rules.

use super::*;

/// Expression, zone, start, and the next moments in UTC.
type Row = (&'static str, &'static str, &'static str, &'static [&'static str]);

fn table(rows: &[Row]) {
    for (text, zone, after, wanted) in rows {
        let got = moments(&cron(text, zone), after, wanted.len());
        let short: Vec<_> = got.iter().map(|at| at.trim_end_matches(":00Z")).collect();
        assert_eq!(&short, wanted, "`{text}` in {zone} after {after}");
    }
}

/// In Berlin 02:00 becomes 03:00 on 2026-03-29 at 01:00 UTC, in New York on 2026-03-08 at 07:00 UTC.
const GAP_FIXED: &[Row] = &[
    (
        "30 2 * * *",
        "Europe/Berlin",
        "2026-03-28T00:00:00Z",
        &["2026-03-28T01:30", "2026-03-29T01:00", "2026-03-30T00:30"],
    ),
    (
        "30 2 29 3 *",
        "Europe/Berlin",
        "2026-01-01T00:00:00Z",
        &["2026-03-29T01:00", "2027-03-29T00:30"],
    ),
    // Once for all that fall into it, and not once more for what would come at its end anyway
    (
        "0,15,59 2 * * *",
        "Europe/Berlin",
        "2026-03-28T12:00:00Z",
        &["2026-03-29T01:00", "2026-03-30T00:00", "2026-03-30T00:15"],
    ),
    (
        "*/20 1-3 * * *",
        "Europe/Berlin",
        "2026-03-29T00:35:00Z",
        &["2026-03-29T00:40", "2026-03-29T01:00", "2026-03-29T01:20"],
    ),
    (
        "* * 2 * * *",
        "Europe/Berlin",
        "2026-03-28T12:00:00Z",
        &["2026-03-29T01:00", "2026-03-30T00:00", "2026-03-30T00:00:01Z"],
    ),
    (
        "30 2 * * *",
        "America/New_York",
        "2026-03-07T12:00:00Z",
        &["2026-03-08T07:00", "2026-03-09T06:30"],
    ),
    // Midnight itself is skipped
    (
        "0 0 * * *",
        "America/Sao_Paulo",
        "2018-11-03T00:00:00Z",
        &["2018-11-03T03:00", "2018-11-04T03:00", "2018-11-05T02:00"],
    ),
    (
        "0 0 * * 0",
        "America/Sao_Paulo",
        "2018-11-03T00:00:00Z",
        &["2018-11-04T03:00", "2018-11-11T02:00"],
    ),
    // Half an hour
    (
        "15 2 * * *",
        "Australia/Lord_Howe",
        "2026-10-02T16:00:00Z",
        &["2026-10-03T15:30", "2026-10-04T15:15"],
    ),
    // After Ramadan
    (
        "30 2 * * *",
        "Africa/Casablanca",
        "2026-03-21T12:00:00Z",
        &["2026-03-22T02:00", "2026-03-23T01:30"],
    ),
    // The 30th of December 2011 never was: its run comes first thing on the 31st
    (
        "0 12 * * *",
        "Pacific/Apia",
        "2011-12-29T00:00:00Z",
        &["2011-12-29T22:00", "2011-12-30T10:00", "2011-12-30T22:00"],
    ),
    (
        "0 0 30 12 *",
        "Pacific/Apia",
        "2011-01-01T00:00:00Z",
        &["2011-12-30T10:00", "2012-12-29T10:00"],
    ),
    // Offsets with seconds: 00:00 became 00:44:30
    (
        "20 0 * * *",
        "Africa/Monrovia",
        "1972-01-06T12:00:00Z",
        &["1972-01-07T00:44:30Z", "1972-01-08T00:20"],
    ),
];

#[test]
fn a_time_in_the_gap_comes_right_after_it() {
    table(GAP_FIXED);
}

const GAP_OPEN: &[Row] = &[
    (
        "30 * * * *",
        "Europe/Berlin",
        "2026-03-29T00:00:00Z",
        &["2026-03-29T00:30", "2026-03-29T01:30"],
    ),
    (
        "*/20 * * * *",
        "Europe/Berlin",
        "2026-03-29T00:30:00Z",
        &["2026-03-29T00:40", "2026-03-29T01:00", "2026-03-29T01:20"],
    ),
    (
        "0 */2 * * *",
        "Europe/Berlin",
        "2026-03-28T22:30:00Z",
        &["2026-03-28T23:00", "2026-03-29T02:00"],
    ),
    (
        "0 2/12 * * *",
        "Europe/Berlin",
        "2026-03-28T22:30:00Z",
        &["2026-03-29T12:00", "2026-03-30T00:00"],
    ),
    (
        "45 * * * *",
        "Australia/Lord_Howe",
        "2026-10-03T15:00:00Z",
        &["2026-10-03T15:15", "2026-10-03T15:45", "2026-10-03T16:45"],
    ),
    (
        "0 * * * *",
        "Pacific/Apia",
        "2011-12-30T08:30:00Z",
        &["2011-12-30T09:00", "2011-12-30T10:00", "2011-12-30T11:00"],
    ),
    (
        "0 * 30 12 *",
        "Pacific/Apia",
        "2011-01-01T00:00:00Z",
        &["2012-12-29T10:00"],
    ),
    (
        "* * * 30 12 *",
        "Pacific/Apia",
        "2011-01-01T00:00:00Z",
        &["2012-12-29T10:00"],
    ),
];

#[test]
fn open_hours_pass_over_the_gap() {
    table(GAP_OPEN);
}

/// In Berlin 03:00 becomes 02:00 on 2026-10-25 at 01:00 UTC, in New York 02:00 becomes 01:00 on 2026-11-01 at 06:00 UTC.
const BACK_FIXED: &[Row] = &[
    (
        "30 2 * * *",
        "Europe/Berlin",
        "2026-10-24T12:00:00Z",
        &["2026-10-25T00:30", "2026-10-26T01:30"],
    ),
    (
        "0 2 * * *",
        "Europe/Berlin",
        "2026-10-24T12:00:00Z",
        &["2026-10-25T00:00", "2026-10-26T01:00"],
    ),
    (
        "0 3 * * *",
        "Europe/Berlin",
        "2026-10-24T12:00:00Z",
        &["2026-10-25T02:00", "2026-10-26T02:00"],
    ),
    // Asked in the second pass: nothing is left of that hour
    (
        "45 2 * * *",
        "Europe/Berlin",
        "2026-10-25T01:15:00Z",
        &["2026-10-26T01:45"],
    ),
    (
        "*/30 1-3 * * *",
        "Europe/Berlin",
        "2026-10-24T23:20:00Z",
        &[
            "2026-10-24T23:30",
            "2026-10-25T00:00",
            "2026-10-25T00:30",
            "2026-10-25T02:00",
            "2026-10-25T02:30",
        ],
    ),
    (
        "30 1 * * *",
        "America/New_York",
        "2026-10-31T12:00:00Z",
        &["2026-11-01T05:30", "2026-11-02T06:30"],
    ),
    (
        "30 23 * * *",
        "America/Sao_Paulo",
        "2018-02-17T12:00:00Z",
        &["2018-02-18T01:30", "2018-02-19T02:30"],
    ),
    (
        "0 0 * * *",
        "America/Sao_Paulo",
        "2018-02-17T12:00:00Z",
        &["2018-02-18T03:00", "2018-02-19T03:00"],
    ),
    (
        "45 1 * * *",
        "Australia/Lord_Howe",
        "2026-04-04T00:00:00Z",
        &["2026-04-04T14:45", "2026-04-05T15:15"],
    ),
    (
        "30 2 * * *",
        "Africa/Casablanca",
        "2026-02-14T12:00:00Z",
        &["2026-02-15T01:30", "2026-02-16T02:30"],
    ),
];

#[test]
fn fixed_times_come_once_when_the_clock_is_set_back() {
    table(BACK_FIXED);
}

const BACK_OPEN: &[Row] = &[
    (
        "*/20 * * * *",
        "Europe/Berlin",
        "2026-10-24T23:50:00Z",
        &[
            "2026-10-25T00:00",
            "2026-10-25T00:20",
            "2026-10-25T00:40",
            "2026-10-25T01:00",
            "2026-10-25T01:20",
            "2026-10-25T01:40",
            "2026-10-25T02:00",
        ],
    ),
    (
        "30 * * * *",
        "Europe/Berlin",
        "2026-10-25T00:30:00Z",
        &["2026-10-25T01:30", "2026-10-25T02:30"],
    ),
    // Asked between the last time of the first pass and its end
    (
        "0 * * * *",
        "Europe/Berlin",
        "2026-10-25T00:59:59Z",
        &["2026-10-25T01:00", "2026-10-25T02:00"],
    ),
    (
        "0 */2 * * *",
        "Europe/Berlin",
        "2026-10-24T21:30:00Z",
        &[
            "2026-10-24T22:00",
            "2026-10-25T00:00",
            "2026-10-25T01:00",
            "2026-10-25T03:00",
        ],
    ),
    // A year later it is the first pass again
    (
        "30 * 25 10 *",
        "Europe/Berlin",
        "2026-10-25T22:00:00Z",
        &["2026-10-25T22:30", "2027-10-24T22:30"],
    ),
    (
        "30 * * * *",
        "America/New_York",
        "2026-11-01T05:00:00Z",
        &["2026-11-01T05:30", "2026-11-01T06:30", "2026-11-01T07:30"],
    ),
    (
        "*/15 * * * *",
        "Australia/Lord_Howe",
        "2026-04-04T14:20:00Z",
        &[
            "2026-04-04T14:30",
            "2026-04-04T14:45",
            "2026-04-04T15:00",
            "2026-04-04T15:15",
            "2026-04-04T15:30",
        ],
    ),
    // Three hours come again: from +11 to +08 on 2010-03-05 at 02:00
    (
        "0 * * * *",
        "Antarctica/Casey",
        "2010-03-04T13:30:00Z",
        &["2010-03-04T14:00", "2010-03-04T15:00", "2010-03-04T16:00"],
    ),
    (
        "0 1 * * *",
        "Antarctica/Casey",
        "2010-03-04T13:30:00Z",
        &["2010-03-04T14:00", "2010-03-05T17:00"],
    ),
];

#[test]
fn open_hours_come_twice_when_the_clock_is_set_back() {
    table(BACK_OPEN);
}

#[test]
fn zones_without_changes_are_plain() {
    table(&[
        (
            "0 0 * * *",
            "Asia/Kathmandu",
            "2026-11-22T00:00:00Z",
            &["2026-11-22T18:15", "2026-11-23T18:15"],
        ),
        (
            "30 2 * * *",
            "UTC",
            "2026-03-28T12:00:00Z",
            &["2026-03-29T02:30", "2026-03-30T02:30"],
        ),
        (
            "0 0 * * *",
            "America/Sao_Paulo",
            "2026-11-01T00:00:00Z",
            &["2026-11-01T03:00", "2026-11-02T03:00"],
        ),
        // A weekday is one of the zone, not of UTC
        (
            "0 1 * * mon",
            "Pacific/Apia",
            "2026-11-20T00:00:00Z",
            &["2026-11-22T12:00", "2026-11-29T12:00"],
        ),
    ]);
}

//! Which expressions are read, as what, and what is said of the others.

use super::super::{CronError, Problem};
use super::*;

/// Two spellings that come at the same 40 moments.
fn same(left: &str, right: &str) {
    let (one, two) = (cron(left, "UTC"), cron(right, "UTC"));
    let start = "2027-12-30T22:58:59Z";
    assert_eq!(
        moments(&one, start, 40),
        moments(&two, start, 40),
        "{left} | {right}"
    );
}

#[test]
fn reads_what_crontab_and_kubernetes_read() {
    for (left, right) in [
        ("@hourly", "0 * * * *"),
        ("@daily", "0 0 * * *"),
        ("@midnight", "0 0 * * *"),
        ("@weekly", "0 0 * * sun"),
        ("@monthly", "0 0 1 * *"),
        ("@yearly", "0 0 1 jan *"),
        ("@annually", "0 0 1 1 *"),
        ("5 4 * * 0", "5 4 * * 7"),
        ("5 4 * * SUN", "5 4 * * 7"),
        ("5 4 * * mon-Fri", "5 4 * * 1,2,3,4,5"),
        ("5 4 * * 5-7", "5 4 * * 0,5,6"),
        ("5 4 * * 0-7", "5 4 * * *"),
        ("5 4 * * */2", "5 4 * * 0,2,4,6"),
        ("5 4 * * */7", "5 4 * * 0"),
        ("5 4 * * 1/2", "5 4 * * 1,3,5"),
        ("5 4 * * 7/2", "5 4 * * 0"),
        ("5 4 * * mon/3", "5 4 * * 1,4"),
        ("5 4 * * 3-7/2", "5 4 * * 3,5,7"),
        ("5 4 * jan-mar/2,DEC *", "5 4 * 1,3,12 *"),
        ("*/15 * * * *", "0,15,30,45 * * * *"),
        ("*/90 * * * *", "0 * * * *"),
        ("*/99999999999999999999 * * * *", "0 * * * *"),
        ("10/20 * * * *", "10,30,50 * * * *"),
        ("10-50/20 * * * *", "10,30,50 * * * *"),
        ("007 04 * * *", "7 4 * * *"),
        ("5 4 ? * ?", "5 4 * * *"),
        (" 5\t4  * * *\n", "5 4 * * *"),
        ("5 4 * * *", "0 5 4 * * *"),
        ("5,5,5-6 4 * * *", "5,6 4 * * *"),
        // Restrictions of the day: a full range is one, a `*` in a list is none, a step is one
        ("5 4 13 * 0-6", "5 4 * * *"),
        ("5 4 13 * *,5", "5 4 13 * *"),
        ("5 4 13 * 5,*", "5 4 13 * *"),
        ("5 4 13 * */1", "5 4 13 * *"),
        ("5 4 */40 * 1", "5 4 1 * 1"),
    ] {
        same(left, right);
    }
}

/// Kubernetes and POSIX: one of two restricted day fields is enough.
#[test]
fn either_day_field_may_match() {
    assert_eq!(
        moments(&cron("0 0 13 * 5", "UTC"), "2026-11-01T00:00:00Z", 6),
        [
            "2026-11-06T00:00:00Z",
            "2026-11-13T00:00:00Z",
            "2026-11-20T00:00:00Z",
            "2026-11-27T00:00:00Z",
            "2026-12-04T00:00:00Z",
            "2026-12-11T00:00:00Z"
        ]
    );
    assert_eq!(
        moments(&cron("0 0 13 * 1", "UTC"), "2026-11-10T00:00:00Z", 3),
        [
            "2026-11-13T00:00:00Z",
            "2026-11-16T00:00:00Z",
            "2026-11-23T00:00:00Z"
        ]
    );
    // As robfig/cron has it: a step restricts. Vixie cron would want odd days that are Mondays
    assert_eq!(
        moments(&cron("0 0 */2 * 1", "UTC"), "2026-11-01T00:00:00Z", 4),
        [
            "2026-11-02T00:00:00Z",
            "2026-11-03T00:00:00Z",
            "2026-11-05T00:00:00Z",
            "2026-11-07T00:00:00Z"
        ]
    );
    // No February has a 31st, but it has Mondays
    assert_eq!(
        moments(&cron("0 0 31 2 1", "UTC"), "2027-01-01T00:00:00Z", 1),
        ["2027-02-01T00:00:00Z"]
    );
}

#[test]
fn seconds_come_first() {
    assert_eq!(
        moments(&cron("*/20 59 23 31 12 *", "UTC"), "2026-11-22T00:00:00Z", 4),
        [
            "2026-12-31T23:59:00Z",
            "2026-12-31T23:59:20Z",
            "2026-12-31T23:59:40Z",
            "2027-12-31T23:59:00Z"
        ]
    );
    // Parts of a second do not matter, and the moment itself is not after itself
    let each = cron("* * * * * *", "UTC");
    assert_eq!(
        moments(&each, "2026-11-22T00:00:00.999Z", 1),
        ["2026-11-22T00:00:01Z"]
    );
    assert_eq!(
        moments(&each, "2026-11-22T00:00:01Z", 1),
        ["2026-11-22T00:00:02Z"]
    );
}

#[test]
fn leap_days_come_and_the_calendar_ends() {
    assert_eq!(
        moments(&cron("0 0 29 2 *", "UTC"), "2092-03-01T00:00:00Z", 3),
        ["2096-02-29T00:00:00Z"],
        "2100 is no leap year, and there the calendar ends"
    );
    let daily = cron("0 0 * * *", "UTC");
    assert_eq!(
        moments(&daily, "2100-12-30T12:00:00Z", 3),
        ["2100-12-31T00:00:00Z"]
    );
    for far in [DateTime::<Utc>::MAX_UTC, at("2200-01-01T00:00:00Z")] {
        assert_eq!(daily.next_after(far), None);
    }
    for far in [DateTime::<Utc>::MIN_UTC, at("1950-01-01T00:00:00Z")] {
        assert_eq!(daily.next_after(far), Some(at("1970-01-02T00:00:00Z")));
    }
    let west = cron("30 23 * * *", "America/New_York");
    assert_eq!(
        west.next_after(DateTime::<Utc>::MIN_UTC),
        Some(at("1970-01-02T04:30:00Z")),
        "the calendar begins with 1970 on the wall"
    );
}

fn refused(text: &str) -> CronError {
    match Schedule::cron(text, Zone::UTC) {
        Ok(schedule) => panic!("`{text}` is read as {schedule}"),
        Err(error) => error,
    }
}

/// The text, the part that the message points at, and what it says after the expression.
const REFUSED: &[(&str, &str, &str)] = &[
    (
        "61 * * * *",
        "61",
        "`61` in field 1 (minute): there is no such number; allowed is 0 to 59, as `*`, `5`, `5,7`, `5-7` or `*/2`",
    ),
    (
        "0 * * * * 8",
        "8",
        "`8` in field 6 (day of week): there is no such number; allowed is 0 to 7 or `sun` to `sat`, where 0 and 7 are Sunday,",
    ),
    ("0 60 * * * *", "60", "`60` in field 2 (minute): there is"),
    (
        "0  5,24,x * * *",
        "24",
        "`24` in field 2 (hour): there is no such number; allowed is 0 to 23,",
    ),
    (
        "0 0 0 * *",
        "0",
        "`0` in field 3 (day of month): there is no such number; allowed is 1 to 31,",
    ),
    (
        "0 0 1 13 *",
        "13",
        "`13` in field 4 (month): there is no such number; allowed is 1 to 12 or `jan` to `dec`,",
    ),
    (
        "0 0 * * monday",
        "monday",
        "`monday` in field 5 (day of week): it is neither a number nor a name",
    ),
    ("0 mon * * *", "mon", "`mon` in field 2 (hour): it is neither"),
    ("+5 * * * *", "+5", "`+5` in field 1 (minute): it is neither"),
    (
        "\u{665} * * * *",
        "\u{665}",
        "`\u{665}` in field 1 (minute): it is neither",
    ),
    (
        "0 22-2 * * *",
        "22-2",
        "`22-2` in field 2 (hour): it runs over the end; write `22-23,0-2`",
    ),
    (
        "0 0 * * fri-sun",
        "fri-sun",
        "`fri-sun` in field 5 (day of week): it runs over the end; write `5-7`",
    ),
    (
        "0 0 * * sat-mon",
        "sat-mon",
        "`sat-mon` in field 5 (day of week): it runs over the end; write `6,0-1`",
    ),
    (
        "0 0 * dec-jan *",
        "dec-jan",
        "`dec-jan` in field 4 (month): it runs over the end; write `12,1`",
    ),
    (
        "*/0 * * * *",
        "*/0",
        "`*/0` in field 1 (minute): a step is a number from 1 on",
    ),
    ("*/x * * * *", "*/x", "`*/x` in field 1 (minute): a step"),
    ("*/ * * * *", "*/", "`*/` in field 1 (minute): a step"),
    (
        "1/2/3 * * * *",
        "1/2/3",
        "`1/2/3` in field 1 (minute): an item has at most one `-` and one `/`",
    ),
    (
        "1-2-3 * * * *",
        "1-2-3",
        "`1-2-3` in field 1 (minute): an item has",
    ),
    (
        "1-5-/3 * * * *",
        "1-5-/3",
        "`1-5-/3` in field 1 (minute): an item has",
    ),
    (
        "1,,2 * * * *",
        "1,,2",
        "`1,,2` in field 1 (minute): something is missing",
    ),
    (
        "1, * * * *",
        "1,",
        "`1,` in field 1 (minute): something is missing",
    ),
    (
        "-5 * * * *",
        "-5",
        "`-5` in field 1 (minute): something is missing",
    ),
    (
        "5- * * * *",
        "5-",
        "`5-` in field 1 (minute): something is missing",
    ),
    (
        "/5 * * * *",
        "/5",
        "`/5` in field 1 (minute): something is missing",
    ),
    ("*-5 * * * *", "*-5", "`*-5` in field 1 (minute): it is neither"),
    ("** * * * *", "**", "`**` in field 1 (minute): it is neither"),
    (
        "0 0 L * *",
        "L",
        "`L` in field 3 (day of month): `L` is an extension that neither crontab nor Kubernetes knows; name the days or times;",
    ),
    (
        "0 0 1,15w * *",
        "15w",
        "`15w` in field 3 (day of month): `W` is an extension",
    ),
    (
        "0 0 LW * *",
        "LW",
        "`LW` in field 3 (day of month): `L` is an extension",
    ),
    (
        "0 0 * * 5L",
        "5L",
        "`5L` in field 5 (day of week): `L` is an extension",
    ),
    (
        "0 0 * * fri#2",
        "fri#2",
        "`fri#2` in field 5 (day of week): `#` is an extension",
    ),
    ("H 0 * * *", "H", "`H` in field 1 (minute): `H` is an extension"),
    (
        "? * * * *",
        "?",
        "`?` in field 1 (minute): `?` may only stand in a day field; write `*`",
    ),
    ("0 ?/2 * * *", "?/2", "`?/2` in field 2 (hour): `?` may only"),
    (
        "0 0 31 2 *",
        "0 0 31 2 *",
        "it never comes, since none of its months has such a day",
    ),
    ("0 0 30,31 feb ?", "0 0 30,31 feb ?", "it never comes"),
    ("0 0 31 2,4,6,9,11 *", "0 0 31 2,4,6,9,11 *", "it never comes"),
    (
        "",
        "",
        "it has 0 fields; give five (minute, hour, day of month, month, day of week), or six with seconds first,",
    ),
    ("10", "10", "it has 1 fields; give five"),
    ("30m", "30m", "it has 1 fields; give five"),
    ("* * * *", "* * * *", "it has 4 fields"),
    ("0 0 0 1 1 * 2027", "0 0 0 1 1 * 2027", "it has 7 fields"),
    (
        "TZ=Europe/Berlin 0 0 * * *",
        "TZ=Europe/Berlin",
        "the time zone goes into `timezone`",
    ),
    ("CRON_TZ=UTC 0 0 * * *", "CRON_TZ=UTC", "the time zone goes into"),
    (
        "@every 30m",
        "@every 30m",
        "a plain period goes into `every`, as `every = \"30m\"`",
    ),
    (
        "@reboot",
        "@reboot",
        "there is nothing to set, since each mirror runs at the start of the service",
    ),
    (
        " @fortnightly ",
        "@fortnightly",
        "this nickname is not known; there are `@hourly`,",
    ),
    ("@daily 5", "@daily 5", "this nickname is not known"),
    ("@Daily", "@Daily", "this nickname is not known"),
];

#[test]
fn says_which_field_is_wrong_and_what_it_may_hold() {
    for (text, part, says) in REFUSED {
        let error = refused(text);
        assert_eq!(&text[error.span()], *part, "{error}");
        let message = error.to_string();
        let start = format!("`{}` is no schedule: {says}", text.escape_debug());
        assert!(message.starts_with(&start), "{message}\n{start}");
    }
}

#[test]
fn errors_are_short_and_escaped() {
    let error = refused("\u{1b}[31m * * * *");
    assert!(!error.to_string().contains('\u{1b}'), "{error}");
    let long = refused(&format!("0 0 {} * *", "1,".repeat(400)));
    assert!(long.to_string().len() < 300, "{long}");
    let longer = refused(&"1".repeat(1001));
    assert_eq!(longer.problem(), &Problem::Long);
    assert!(longer.to_string().len() < 200, "{longer}");
    // Everything written out is not too long
    let all = |low: u32, high: u32| (low..=high).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
    let full = [
        all(0, 59),
        all(0, 59),
        all(0, 23),
        all(1, 31),
        all(1, 12),
        all(0, 7),
    ]
    .join(" ");
    assert_eq!(
        moments(&cron(&full, "UTC"), "2026-11-22T00:00:00Z", 2),
        ["2026-11-22T00:00:01Z", "2026-11-22T00:00:02Z"]
    );
}

#[test]
fn tells_itself_to_a_reader() {
    assert_eq!(
        cron(" */30  * * * *", "Europe/Berlin").to_string(),
        "*/30 * * * * (Europe/Berlin)"
    );
    assert_eq!(cron("@daily", "UTC").to_string(), "@daily (UTC)");
    assert_eq!(
        cron("@daily", "Asia/Kathmandu").zone(),
        Some(zone("Asia/Kathmandu"))
    );
}

#[test]
fn zones_have_their_iana_names() {
    assert_eq!(Zone::default().to_string(), "UTC");
    for name in [
        "UTC",
        "Europe/Berlin",
        "Etc/GMT-3",
        "America/Argentina/Buenos_Aires",
        "CET",
        "US/Eastern",
    ] {
        assert_eq!(zone(name).name(), name);
    }
    for (text, says) in [
        (
            "local",
            "`local` is another zone on each machine; name one, as `Europe/Berlin`, or leave `timezone` out for `UTC`",
        ),
        ("Local", "`Local` is another zone on each machine;"),
        (
            "europe/berlin",
            "the time zone `europe/berlin` is not known; did you mean `Europe/Berlin`?",
        ),
        ("utc", "the time zone `utc` is not known; did you mean `UTC`?"),
        (
            "UTC+2",
            "the time zone `UTC+2` is not known; give a name of the IANA database, as",
        ),
        ("", "the time zone `` is not known; give"),
        ("Mars/\u{7}", "the time zone `Mars/\\u{7}` is not known;"),
    ] {
        let message = text.parse::<Zone>().unwrap_err().to_string();
        assert!(message.starts_with(says), "{message}");
    }
}

//! Times, numbers and results as people say them.

use chrono::{DateTime, Datelike as _, TimeDelta, Utc};

use crate::report::{Action, Totals, duration};
use crate::types::ByteSize;

/// `6 h`, `12 min`: one unit, rounded down, as nobody needs two at a glance.
pub(super) fn span(delta: TimeDelta) -> String {
    let seconds = delta.num_seconds().max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match () {
        () if seconds < 60 => format!("{seconds} s"),
        () if minutes < 60 => format!("{minutes} min"),
        () if hours < 48 => format!("{hours} h"),
        () if days < 60 => format!("{days} days"),
        () if days < 730 => format!("{} months", days / 30),
        () => format!("{} years", days / 365),
    }
}

/// `12 min ago`, `in 3 h`, `just now`.
pub(super) fn ago(now: DateTime<Utc>, moment: DateTime<Utc>) -> String {
    let delta = now - moment;
    match delta.num_seconds() {
        -5..=5 => "just now".into(),
        6.. => format!("{} ago", span(delta)),
        _ => format!("in {}", span(-delta)),
    }
}

/// `25 Nov, 18:40 UTC`; with the year, where it is another one.
pub(super) fn at(now: DateTime<Utc>, moment: DateTime<Utc>) -> String {
    let form = if moment.date_naive() == now.date_naive() {
        "%H:%M UTC"
    } else if moment.year() == now.year() {
        "%-d %b, %H:%M UTC"
    } else {
        "%-d %b %Y, %H:%M UTC"
    };
    moment.format(form).to_string()
}

/// `2026-11-25 18:40:07 UTC`.
pub(super) fn exactly(moment: DateTime<Utc>) -> String {
    moment.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// `48 210`, with narrow blanks that break no line.
pub(super) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + 8);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

/// `1 mirror`, `2 mirrors`.
pub(super) fn count(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", number(count as u64))
}

/// `4.2 MiB`, in one piece.
pub(super) fn bytes(bytes: u64) -> String {
    ByteSize(bytes).to_string().replace(' ', "\u{a0}")
}

/// `1m05s`: how long something took.
pub(super) fn took(delta: TimeDelta) -> String {
    duration(delta.num_milliseconds().try_into().unwrap_or_default())
}

/// `12 s` of milliseconds; nothing is a dash.
pub(super) fn waited(ms: u64) -> String {
    match ms {
        0 => "–".into(),
        _ => duration(ms),
    }
}

/// What an exit code means for one mirror.
pub(super) fn result(exit: u8) -> &'static str {
    match exit {
        0 => "all in place",
        1 => "the settings cannot work",
        2 => "some versions failed",
        3 => "in place but for drift or conflicts",
        4 => "source unusable",
        5 => "target unusable",
        6 => "stopped by a safety limit",
        75 => "another process works on it",
        130 | 143 => "told to stop",
        _ => "unknown",
    }
}

/// Versions that are at the targets as they should be.
pub(super) fn in_place(totals: &Totals) -> u64 {
    totals.present + totals.pushed
}

/// What is to be said of versions that are not simply in place, the worst first: the number and the word.
pub(super) fn odd(totals: &Totals) -> Vec<(Action, u64)> {
    const WORST_FIRST: [Action; 5] = [
        Action::Failed,
        Action::Refused,
        Action::Drifted,
        Action::Vanished,
        Action::Held,
    ];
    let counted = WORST_FIRST.map(|action| (action, totals.of(action)));
    counted.into_iter().filter(|(_, count)| *count > 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_750_000_000 + seconds, 0).unwrap()
    }

    #[test]
    fn times_have_one_unit() {
        for (seconds, shown) in [
            (0, "just now"),
            (5, "just now"),
            (6, "6 s ago"),
            (59, "59 s ago"),
            (60, "1 min ago"),
            (3_599, "59 min ago"),
            (3_600, "1 h ago"),
            (47 * 3_600, "47 h ago"),
            (48 * 3_600, "2 days ago"),
            (61 * 86_400, "2 months ago"),
            (800 * 86_400, "2 years ago"),
            (-90, "in 1 min"),
            (-3, "just now"),
        ] {
            assert_eq!(ago(moment(seconds), moment(0)), shown);
        }
    }

    #[test]
    fn a_date_has_the_year_only_where_it_is_another() {
        let then = moment(0);
        for (now, shown) in [
            (then + TimeDelta::hours(1), "15:06 UTC"),
            (then + TimeDelta::days(1), "15 Jun, 15:06 UTC"),
            (then + TimeDelta::days(365), "15 Jun 2025, 15:06 UTC"),
        ] {
            assert_eq!(at(now, then), shown);
        }
        assert_eq!(exactly(then), "2025-06-15 15:06:40 UTC");
    }

    #[test]
    fn numbers_are_in_groups_of_three() {
        for (value, shown) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1\u{202f}000"),
            (1_234_567, "1\u{202f}234\u{202f}567"),
        ] {
            assert_eq!(number(value), shown);
        }
        assert_eq!(
            (count(1, "run"), count(2, "run")),
            ("1 run".into(), "2 runs".into())
        );
    }

    #[test]
    fn every_exit_code_has_words() {
        for exit in [0, 1, 2, 3, 4, 5, 6, 75, 130, 143] {
            assert_ne!(result(exit), "unknown", "{exit}");
        }
    }
}

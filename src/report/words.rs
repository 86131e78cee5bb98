//! Numbers as people read them.

use std::fmt::Write as _;

use super::{Action, Command, ExitStatus, RepositoryState, RunReport, TargetReport, Totals};
use crate::types::ByteSize;

/// Repositories named in one clause.
const NAMED: usize = 20;

/// `1 version`, `2 versions`.
pub(crate) fn count(number: u64, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}

/// `340ms`, `12.3s`, `2m05s`, `1h03m`: without blanks, so that no line ends inside.
pub(crate) fn duration(ms: u64) -> String {
    let (seconds, minutes, hours) = (ms / 1_000, ms / 60_000, ms / 3_600_000);
    match () {
        () if hours > 0 => format!("{hours}h{:02}m", minutes % 60),
        () if minutes > 0 => format!("{minutes}m{:02}s", seconds % 60),
        () if seconds > 0 => format!("{seconds}.{}s", ms % 1_000 / 100),
        () => format!("{ms}ms"),
    }
}

/// `2 pushed (40 KiB), 1 present, 2 failed`: every action that occurs.
pub(super) fn totals(totals: &Totals) -> String {
    let mut text = String::new();
    for action in Action::ALL {
        let number = totals.of(action);
        if number == 0 {
            continue;
        }
        if !text.is_empty() {
            text.push_str(", ");
        }
        match action {
            Action::Push => _ = write!(text, "{number} to push"),
            Action::Pushed => _ = write!(text, "{number} pushed ({})", ByteSize(totals.bytes)),
            _ => _ = write!(text, "{number} {action}"),
        }
    }
    if text.is_empty() {
        text.push_str("no versions");
    }
    text
}

/// The run in a few words: what the exit code means, and what a plan found that no exit code tells.
pub(super) fn verdict(report: &RunReport) -> String {
    let totals = report.totals();
    let status = ExitStatus::of(report);
    let meaning = match status {
        ExitStatus::Success if totals.pushed + totals.present == 0 => "nothing to do",
        _ => status.meaning(),
    };
    match (report.command, totals.push) {
        (Command::Plan, 1..) if status == ExitStatus::Success => format!("{} to push", totals.push),
        (Command::Plan, 1..) => format!("{} to push; {meaning}", totals.push),
        _ => meaning.to_owned(),
    }
}

/// What is to be said of repositories that were not simply there, a clause each; what kept the target from being served
/// stands in its error.
pub(super) fn repositories(target: &TargetReport) -> Vec<String> {
    let mut clauses = Vec::new();
    let mut say = |state: RepositoryState, words: &str, names: bool| {
        let notes: Vec<_> = target
            .repositories
            .iter()
            .filter(|note| note.state == state)
            .collect();
        let Some(first) = notes.first() else { return };
        let noun = match (first.what, notes.len()) {
            (what, 1) => what.to_owned(),
            ("repository", _) => "repositories".to_owned(),
            (what, _) => format!("{what}s"),
        };
        let mut text = format!("{} {noun} {words}", notes.len());
        if names {
            let shown: Vec<_> = notes.iter().take(NAMED).map(|note| &*note.name).collect();
            _ = write!(text, ": {}", shown.join(", "));
            if notes.len() > NAMED {
                _ = write!(text, " and {} more", notes.len() - NAMED);
            }
        }
        if let Some(reason) = &first.reason {
            _ = write!(text, "; {}", reason.text);
        }
        clauses.push(text);
    };
    say(RepositoryState::Created, "created", true);
    say(RepositoryState::WouldCreate, "to be created first", true);
    let new = "not there yet: a push creates what is not there, or is refused";
    say(RepositoryState::New, new, false);
    if target.error.is_none() {
        say(RepositoryState::Missing, "missing", true);
    }
    clauses
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_two_units_at_most() {
        for (ms, text) in [
            (0, "0ms"),
            (999, "999ms"),
            (12_345, "12.3s"),
            (125_999, "2m05s"),
            (3_780_000, "1h03m"),
            (360_000_000, "100h00m"),
        ] {
            assert_eq!(duration(ms), text);
        }
    }

    #[test]
    fn totals_leave_out_zeros() {
        let mut sums = Totals::default();
        assert_eq!(totals(&sums), "no versions");
        (sums.push, sums.pushed, sums.bytes, sums.failed) = (3, 2, 40_960, 1);
        assert_eq!(totals(&sums), "3 to push, 2 pushed (40 KiB), 1 failed");
    }
}

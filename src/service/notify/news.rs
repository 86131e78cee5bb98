//! What is new since the run before, and so worth telling: pure, from what was known of a mirror before a run and after it.
//!
//! Both views come from the state, so a restart tells nothing twice. A matter is old while it keeps the date since when it
//! is there; the state gives it a new one when it becomes another, e.g. when other bytes appear at the source.

use std::collections::BTreeSet;

use crate::notice::Event;
use crate::report::{Action, ExitStatus};
use crate::service::view::{MirrorView, Trouble};

/// What one run brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct News<'a> {
    /// At least one, the worst first.
    pub(super) events: Vec<Event>,
    /// Versions in trouble since this run.
    pub(super) fresh: Vec<&'a Trouble>,
}

/// What is to be told of the run that made `after` out of `before`.
pub(super) fn news<'a>(before: &MirrorView, after: &'a MirrorView) -> Option<News<'a>> {
    let last = after.last.as_ref()?;
    if before
        .last
        .as_ref()
        .is_some_and(|earlier| (earlier.started, earlier.finished) == (last.started, last.finished))
    {
        return None; // no run between the two
    }
    let known: BTreeSet<_> = before.trouble.iter().map(key).collect();
    // A view lists a limited number: what was beyond it before is not new because it is listed now.
    let since = before.last.as_ref().map(|earlier| earlier.started);
    let recent = |trouble: &&Trouble| since.is_none_or(|since| trouble.since >= since);
    let candidates = after.trouble.iter().filter(recent);
    let fresh: Vec<_> = candidates
        .filter(|trouble| !known.contains(&key(trouble)))
        .collect();
    let failed = fails(last.status);
    let begins = before.failures_in_a_row == 0 || last_failure(before) != Some(last.status.code());
    // In a run that succeeded, whatever is refused is a conflict.
    let conflicts = |trouble: &&Trouble| trouble.action == Action::Drifted || last.status.is_success();
    let applies = |event: &Event| match event {
        Event::Failure => failed && (begins || fresh.iter().any(|trouble| !conflicts(trouble))),
        Event::Drift => fresh.iter().any(conflicts),
        Event::Recovery => before.failures_in_a_row > 0 && last.status.is_success(),
    };
    let events: Vec<_> = Event::ALL.into_iter().filter(applies).collect();
    (!events.is_empty()).then_some(News { events, fresh })
}

/// What makes two matters the same.
fn key(trouble: &Trouble) -> impl Ord + '_ {
    let Trouble {
        chart,
        version,
        target,
        action,
        since,
        ..
    } = trouble;
    (chart, version, target, *action, *since)
}

/// Runs that were told to stop neither failed nor succeeded, nor did those that somebody else did at that moment.
const NEITHER: [ExitStatus; 3] = [
    ExitStatus::Interrupted,
    ExitStatus::Terminated,
    ExitStatus::AlreadyRunning,
];

fn fails(status: ExitStatus) -> bool {
    !status.is_success() && !NEITHER.contains(&status)
}

/// With what the last run ended that was not told to stop.
fn last_failure(before: &MirrorView) -> Option<u8> {
    let neither = NEITHER.map(ExitStatus::code);
    let mut runs = before.history.iter().map(|run| run.exit);
    runs.find(|exit| !neither.contains(exit))
        .or_else(|| before.last.as_ref().map(|last| last.status.code()))
}

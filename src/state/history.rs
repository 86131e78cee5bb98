//! How the last runs ended.

use std::borrow::Cow;
use std::collections::VecDeque;

use chrono::{DateTime, Utc};

use super::State;
use super::clip::clip;
use crate::report::{Action, ExitStatus, RunSummary, Totals};

/// Runs that are remembered: two days of a run every hour.
pub(super) const MOST: usize = 50;
const TEXT: usize = 1000;

/// The last runs of a mirror.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// Oldest first.
    pub(super) runs: VecDeque<RunSummary>,
    /// When a run last succeeded, also if that run is forgotten.
    pub last_success: Option<DateTime<Utc>>,
    /// Runs since then that failed. Those that were told to stop do not count, nor those that found another process at work.
    pub failures_in_a_row: u32,
}

impl RunSummary {
    /// Of a run's totals.
    pub fn new(
        (started, finished): (DateTime<Utc>, DateTime<Utc>),
        status: ExitStatus,
        totals: &Totals,
        problem: Option<&str>,
    ) -> Self {
        let counts = Action::ALL
            .into_iter()
            .map(|action| (action.as_str().into(), totals.of(action)));
        Self {
            started,
            finished,
            exit: status.code(),
            counts: counts.filter(|(_, count)| *count > 0).collect(),
            bytes: totals.bytes,
            problem: problem.map(|text| clip(Cow::Borrowed(text), TEXT).into()),
        }
    }
}

impl History {
    /// The last runs, newest first.
    pub fn runs(&self) -> impl Iterator<Item = &RunSummary> {
        self.runs.iter().rev()
    }
}

impl State {
    /// A run ended.
    pub fn ended(&mut self, run: RunSummary, status: ExitStatus) {
        let history = &mut self.history;
        match status {
            _ if status.is_success() => {
                history.last_success = Some(run.finished);
                history.failures_in_a_row = 0;
            }
            // Told to stop, or somebody else held what it needs: neither one nor the other
            ExitStatus::Interrupted | ExitStatus::Terminated | ExitStatus::AlreadyRunning => {}
            _ => history.failures_in_a_row = history.failures_in_a_row.saturating_add(1),
        }
        if history.runs.len() >= MOST {
            history.runs.pop_front();
        }
        history.runs.push_back(run);
    }

    /// How the last runs ended.
    pub fn history(&self) -> &History {
        &self.history
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::sample;

    #[test]
    fn counts_failures_until_a_success() {
        let mut state = State::new(sample::identity());
        let mut run = |status: ExitStatus, day| {
            let times = (sample::day(day), sample::day(day));
            let summary = RunSummary::new(times, status, &Totals::default(), None);
            state.ended(summary, status);
            (state.history.failures_in_a_row, state.history.last_success)
        };
        assert_eq!(run(ExitStatus::Failed, 1), (1, None));
        assert_eq!(run(ExitStatus::SourceUnusable, 2), (2, None));
        assert_eq!(run(ExitStatus::Terminated, 3), (2, None));
        assert_eq!(run(ExitStatus::AlreadyRunning, 3), (2, None));
        assert_eq!(run(ExitStatus::Conflict, 4), (0, Some(sample::day(4))));
        assert_eq!(run(ExitStatus::SafetyLimit, 5), (1, Some(sample::day(4))));
        assert_eq!(run(ExitStatus::Success, 6), (0, Some(sample::day(6))));
        for day in 7..100 {
            run(ExitStatus::Success, day);
        }
        assert_eq!(state.history.runs().count(), MOST);
        assert_eq!(state.history.runs().next().unwrap().finished, sample::day(99));
    }

    #[test]
    fn keeps_what_there_was() {
        let totals = Totals {
            pushed: 3,
            failed: 1,
            bytes: 7,
            ..Totals::default()
        };
        let times = (sample::day(1), sample::day(2));
        let run = RunSummary::new(times, ExitStatus::Failed, &totals, Some("x"));
        assert_eq!((run.of(Action::Pushed), run.of(Action::Drifted)), (3, 0));
        assert_eq!((run.counts.len(), run.exit, run.bytes), (2, 2, 7));
    }
}

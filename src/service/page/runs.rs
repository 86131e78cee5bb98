//! Past runs: a small picture, and a table.

use std::fmt::Write as _;

use maud::{Markup, html};

use super::text::{at, sentence};
use super::words;
use crate::report::Action;
use crate::service::view::ServiceView;
use crate::state::RunSummary;

/// Runs that are shown in words, and how many more on demand.
const SHOWN: usize = 8;
const MORE: usize = 52;

/// How a run counts in the picture; each kind has its own height, since colour alone tells nothing to many people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Good,
    Drift,
    Stopped,
    Failed,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Good, Self::Drift, Self::Stopped, Self::Failed];

    fn of(run: &RunSummary) -> Self {
        match run.exit {
            0 => Self::Good,
            3 => Self::Drift,
            130 | 143 => Self::Stopped,
            _ => Self::Failed,
        }
    }

    fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Drift => "trouble",
            Self::Stopped => "waiting",
            Self::Failed => "failing",
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Drift => "with drift or conflicts",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        }
    }

    fn height(self) -> usize {
        match self {
            Self::Good => 5,
            Self::Drift => 9,
            Self::Stopped => 2,
            Self::Failed => 14,
        }
    }
}

/// The last runs as bars, the newest on the right.
pub(super) fn picture(history: &[RunSummary], most: usize) -> Markup {
    let kinds: Vec<_> = history.iter().take(most).rev().map(Kind::of).collect();
    let mut label = format!(
        "the last {}, newest on the right",
        words::count(kinds.len(), "run")
    );
    for kind in Kind::ALL {
        let count = kinds.iter().filter(|one| **one == kind).count();
        if count > 0 {
            _ = write!(label, ", {count} {}", kind.word());
        }
    }
    let width = (kinds.len() * 7).max(1);
    html! {
        @if !kinds.is_empty() {
            svg.bars role="img" aria-label=(label) width=(width) height="14" viewBox={ "0 0 " (width) " 14" } {
                title { (label) }
                @for kind in Kind::ALL {
                    @let path = bars(&kinds, kind);
                    @if !path.is_empty() { path class=(kind.class()) d=(path) {} }
                }
            }
        }
    }
}

fn bars(kinds: &[Kind], kind: Kind) -> String {
    let mut path = String::new();
    for (at, _) in kinds.iter().enumerate().filter(|(_, one)| **one == kind) {
        _ = write!(path, "M{} 14v-{}h5v{}z", at * 7, kind.height(), kind.height());
    }
    path
}

/// The last runs in words.
pub(super) fn list(view: &ServiceView, history: &[RunSummary]) -> Markup {
    let (newest, older) = history.split_at(history.len().min(SHOWN));
    let older = &older[..older.len().min(MORE)];
    html! {
        (table(view, "The last runs, newest first", newest))
        @if !older.is_empty() {
            details {
                summary { (words::count(older.len(), "earlier run")) }
                (table(view, "Earlier runs, newest first", older))
            }
        }
    }
}

fn table(view: &ServiceView, caption: &str, runs: &[RunSummary]) -> Markup {
    html! {
        table.runs {
            caption.sr { (caption) }
            thead { tr {
                th scope="col" { "Begun" }
                th.figure scope="col" { "Took" }
                th scope="col" { "Result" }
                th scope="col" { "Versions" }
            } }
            tbody {
                @for (row, run) in runs.iter().enumerate() {
                    tr {
                        th scope="row" { (at(view.now, run.started)) }
                        td.figure { (words::took(run.finished - run.started)) }
                        td {
                            span class={ "mark " (Kind::of(run).class()) } {}
                            (words::result(run.exit))
                            @match &run.problem {
                                // Said of the run after it already
                                Some(problem) if row > 0 && runs[row - 1].problem.as_ref() == Some(problem) => {
                                    small { "the same" }
                                }
                                Some(problem) => small { (sentence(problem)) },
                                None => {}
                            }
                        }
                        td { (counts(run)) }
                    }
                }
            }
        }
    }
}

/// What the run did; what was there before and what a filter left out is the same each time.
fn counts(run: &RunSummary) -> Markup {
    let dull = |action: &Action| matches!(action, Action::Present | Action::Filtered | Action::Push);
    let told: Vec<_> = Action::ALL
        .into_iter()
        .filter(|action| !dull(action) && run.of(*action) > 0)
        .collect();
    html! {
        @if told.is_empty() && matches!(Kind::of(run), Kind::Good | Kind::Drift) { span.quiet { "nothing new" } }
        @for (at, action) in told.into_iter().enumerate() {
            @if at > 0 { ", " }
            span class=(action) { (words::number(run.of(action))) " " (action) }
            @if action == Action::Pushed { " (" (words::bytes(run.bytes)) ")" }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(exit: u8) -> RunSummary {
        RunSummary {
            started: chrono::DateTime::UNIX_EPOCH,
            finished: chrono::DateTime::UNIX_EPOCH,
            exit,
            counts: Vec::new(),
            bytes: 0,
            problem: None,
        }
    }

    #[test]
    fn the_newest_run_is_on_the_right_and_words_say_the_same() {
        let history = [run(4), run(0), run(3), run(0), run(2)];
        let shown = picture(&history, 4).into_string();
        assert!(
            shown.contains(
                r#"aria-label="the last 4 runs, newest on the right, 2 good, 1 with drift or conflicts, 1 failed""#
            ),
            "{shown}"
        );
        assert!(
            shown.contains(r#"<path class="failing" d="M21 14v-14h5v14z">"#),
            "{shown}"
        );
        assert!(
            shown.contains(r#"<path class="good" d="M0 14v-5h5v5zM14 14v-5h5v5z">"#),
            "{shown}"
        );
        assert_eq!(picture(&[], 4).into_string(), "");
    }
}

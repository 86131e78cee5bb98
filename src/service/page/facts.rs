//! What a mirror is and when it runs, and its versions by state.

use maud::{Markup, html};

use super::cards::next;
use super::mirror::{all_of, standing_of};
use super::text::{ago, at, code};
use super::{schedule, words};
use crate::report::{Action, Totals};
use crate::service::view::{MirrorView, ServiceView};

/// The states in the bar and the list, the good one first.
const STATES: [(Action, &str); 8] = [
    (Action::Present, "in place"),
    (Action::Failed, "failed"),
    (Action::Refused, "refused"),
    (Action::Drifted, "drifted"),
    (Action::Accepted, "accepted as they are"),
    (Action::Vanished, "gone from the source"),
    (Action::Held, "waiting for their cooldown"),
    (Action::Filtered, "left out by a filter"),
];

/// The sections.
pub(super) fn facts(view: &ServiceView, mirror: &MirrorView) -> Markup {
    html! {
        div.columns {
            section aria-labelledby="when" {
                h2 #when { "When it runs" }
                (when(view, mirror))
            }
            section aria-labelledby="versions" {
                h2 #versions { "Versions" }
                (bar(&mirror.versions))
                (by_state(mirror))
                p { "Look at " (all_of(mirror, None, "all versions")) "." }
            }
        }
    }
}

fn when(view: &ServiceView, mirror: &MirrorView) -> Markup {
    let backing_off = mirror.backing_off_until.filter(|until| *until > view.now);
    html! {
        dl {
            dt { "Last run" }
            dd {
                @match &mirror.last {
                    Some(last) => {
                        (ago(view.now, last.finished)) ", in " (words::took(last.finished - last.started)) ": "
                        (words::result(last.status.code()))
                    }
                    None => "none yet",
                }
            }
            dt { "Next run" }
            dd { (next(view, mirror)) }
            @if let Some(until) = backing_off {
                dt { "Backing off" }
                dd {
                    "until " (at(view.now, until)) ": after "
                    (words::count(mirror.failures_in_a_row as usize, "failure"))
                    " in a row it runs less often than its schedule says; the first success ends that"
                }
            }
            dt { "Last success" }
            dd {
                @match mirror.last_success {
                    Some(success) => { (ago(view.now, success)) ", " (at(view.now, success)) }
                    None => "never",
                }
            }
            dt { "Schedule" }
            dd {
                @match schedule::in_words(&mirror.schedule) {
                    Some(words) if words == *mirror.schedule => (words),
                    Some(words) => { (words) ", " (code(&mirror.schedule)) }
                    None => (code(&mirror.schedule)),
                }
            }
        }
    }
}

/// How many versions are in which state; `pushed` are in place as well.
fn counts(totals: &Totals) -> impl Iterator<Item = (Action, &'static str, u64)> {
    let counted = STATES.map(|(action, words)| match action {
        Action::Present => (action, words, words::in_place(totals)),
        _ => (action, words, totals.of(action)),
    });
    counted.into_iter().filter(|(_, _, count)| *count > 0)
}

/// The shares as a bar. What is left out by a filter is not the mirror's business and would dwarf the rest.
fn bar(totals: &Totals) -> Markup {
    let parts: Vec<_> = counts(totals)
        .filter(|(action, ..)| *action != Action::Filtered)
        .collect();
    let all: u64 = parts.iter().map(|(_, _, count)| count).sum();
    let mut at = 0;
    let widths = parts.iter().map(|(action, _, count)| {
        // Something that is there is seen, however little it is
        let width = (count * 1_000 / all.max(1)).max(8);
        let begin = at;
        at += width;
        (action, begin, width)
    });
    let widths: Vec<_> = widths.collect();
    html! {
        @if !widths.is_empty() {
            svg.bar aria-hidden="true" viewBox={ "0 0 " (at) " 10" } preserveAspectRatio="none" {
                @for (action, begin, width) in widths {
                    rect class=(action) x=(begin) y="0" width=(width) height="10" {}
                }
            }
        }
    }
}

fn by_state(mirror: &MirrorView) -> Markup {
    let totals = &mirror.versions;
    html! {
        ul.states {
            @for (action, words, count) in counts(totals) {
                li {
                    span class={ "mark " (action) } {}
                    b { (words::number(count)) } " "
                    @match standing_of(action) {
                        Some(standing) => (all_of(mirror, Some(standing), words)),
                        None => (words),
                    }
                }
            }
            @if counts(totals).next().is_none() { li { "none known yet" } }
        }
    }
}

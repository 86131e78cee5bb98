//! Mirrors at length: those that fail, that need attention, or that run.

use maud::{Markup, html};

use super::finding::{self, Finding};
use super::group::Group;
use super::query::path;
use super::text::{ago, at, sentence, text};
use super::words;
use crate::service::view::{Health, MirrorView, RunningView, ServiceView};

/// A card each, with so many things that are wrong; the mirror's own page has all of them.
pub(super) fn cards(view: &ServiceView, group: Group, mirrors: &[&MirrorView], findings: usize) -> Markup {
    html! {
        ul.cards {
            @for mirror in mirrors {
                li class={ "card " (group.key()) } { (card(view, mirror, findings)) }
            }
        }
    }
}

fn card(view: &ServiceView, mirror: &MirrorView, most: usize) -> Markup {
    let (found, more) = finding::first(mirror, most);
    html! {
        div.title {
            h3 { a href=(path(&mirror.name)) { (text(&mirror.name)) } }
            p.since {
                @if mirror.health() == Health::Failing { strong { "failing " } }
                (standing(view, mirror))
            }
        }
        @if !found.is_empty() { (findings(&found)) }
        @if more > 0 {
            p.more { a href={ (path(&mirror.name)) "#wrong" } { "and " (words::number(more as u64)) " more" } }
        }
        @if let Some(running) = &mirror.running { (progress(view, running)) }
        p.way { (way(mirror)) }
        p.quiet { (times(view, mirror)) }
        p.quiet { (versions(mirror)) }
    }
}

/// For how long it has been like that.
pub(super) fn standing(view: &ServiceView, mirror: &MirrorView) -> Markup {
    html! {
        @match finding::since(mirror) {
            Some(since) => {
                strong { "for " (words::span(view.now - since)) } ", since " (at(view.now, since))
                @if mirror.failures_in_a_row > 1 {
                    ", " (words::number(mirror.failures_in_a_row.into())) " runs in a row"
                }
            }
            None => {}
        }
    }
}

/// Sentences with what they are about.
pub(super) fn findings(found: &[Finding<'_>]) -> Markup {
    html! {
        ul.findings {
            @for one in found {
                li {
                    @if let Some(subject) = &one.subject { strong { (text(subject)) } ": " }
                    (sentence(one.text))
                    @if let Some(code) = one.code { " " span.code { (code) } }
                }
            }
        }
    }
}

/// A run that goes on.
pub(super) fn progress(view: &ServiceView, running: &RunningView) -> Markup {
    let known = running.planned > 0;
    let value = known.then_some(running.done.min(running.planned));
    html! {
        div.progress {
            p {
                strong { (text(&running.phase)) }
                @if known {
                    ", " (words::number(running.done)) " of " (words::number(running.planned)) " versions"
                }
                @if running.failed > 0 {
                    ", " strong.failing { (words::number(running.failed)) " failed" }
                }
                ", " (words::bytes(running.bytes)) ", begun " (ago(view.now, running.since))
            }
            progress aria-label="Versions carried" max=[known.then_some(running.planned)] value=[value] {}
            @if !running.current.is_empty() {
                p.quiet {
                    "now: "
                    @for (at, one) in running.current.iter().enumerate() {
                        @if at > 0 { ", " } (text(one))
                    }
                }
            }
        }
    }
}

/// `source → target`.
pub(super) fn way(mirror: &MirrorView) -> Markup {
    html! {
        (text(&mirror.source))
        @for (at, target) in mirror.targets.iter().enumerate() {
            @if at == 0 { span.to { " → " } span.sr { "to " } } @else { ", " }
            (text(target))
        }
    }
}

/// The last and the next run.
fn times(view: &ServiceView, mirror: &MirrorView) -> Markup {
    html! {
        @match &mirror.last {
            Some(last) => {
                "Last run " (ago(view.now, last.finished)) ": " (words::result(last.status.code())) "."
            }
            None => "It has not run yet.",
        }
        @if mirror.last_success.is_none() && mirror.last.is_some() { " It never succeeded." }
        @if let Some(success) = mirror.last_success.filter(|_| mirror.health() == Health::Failing) {
            " Last success " (ago(view.now, success)) "."
        }
        @if mirror.running.is_none() { " Next run " (next(view, mirror)) "." }
    }
}

/// When it runs next.
pub(super) fn next(view: &ServiceView, mirror: &MirrorView) -> Markup {
    let backing_off = mirror.backing_off_until.is_some_and(|until| until > view.now);
    html! {
        @match mirror.next_run {
            _ if mirror.running.is_some() => "now",
            Some(next) if next <= view.now => { "due since " (at(view.now, next)) }
            Some(next) => {
                (ago(view.now, next)) @if backing_off { ", backing off after failures" }
            }
            None => "none",
        }
    }
}

/// Versions by state.
pub(super) fn versions(mirror: &MirrorView) -> Markup {
    html! {
        (words::number(words::in_place(&mirror.versions))) " versions in place"
        @for (action, count) in words::odd(&mirror.versions) {
            ", " span class=(action) { (words::number(count)) " " (action) }
        }
    }
}

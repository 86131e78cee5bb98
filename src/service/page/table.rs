//! Mirrors in a table, one line each, and the links between pages of anything.

use maud::{Markup, html};

use super::cards::{next, way};
use super::group::Group;
use super::query::path;
use super::text::{ago, sentence, text};
use super::{finding, runs, words};
use crate::service::view::{MirrorView, ServiceView};

/// Runs in the small picture of a line.
const RUNS: usize = 10;

/// A line each.
pub(super) fn table(view: &ServiceView, caption: &str, mirrors: &[&MirrorView]) -> Markup {
    html! {
        table.mirrors {
            caption.sr { (caption) }
            thead { tr {
                th scope="col" { "Mirror" }
                th scope="col" { "State" }
                th scope="col" { "Last run" }
                th scope="col" { "Next run" }
                th.figure scope="col" { "Versions" }
                th scope="col" { "Runs" }
            } }
            tbody {
                @for mirror in mirrors { (line(view, mirror)) }
            }
        }
    }
}

fn line(view: &ServiceView, mirror: &MirrorView) -> Markup {
    let group = Group::of(mirror);
    html! {
        tr {
            th scope="row" {
                a href=(path(&mirror.name)) { (text(&mirror.name)) }
                span.way { (way(mirror)) }
                @for one in finding::first(mirror, 1).0 {
                    small.why { @if let Some(subject) = &one.subject { (text(subject)) ": " } (sentence(one.text)) }
                }
            }
            td class={ "state " (group.key()) } {
                span { (group.icon().draw()) (group.word()) }
                @if let Some(since) = finding::since(mirror) { small { "for " (words::span(view.now - since)) } }
            }
            td.last {
                @match &mirror.last {
                    Some(last) => {
                        (ago(view.now, last.finished))
                        small { (words::result(last.status.code())) }
                    }
                    None => "–",
                }
            }
            td.next { (next(view, mirror)) }
            td.figure.versions {
                (words::number(words::in_place(&mirror.versions))) span.unit { " in place" }
                @for (action, count) in words::odd(&mirror.versions) {
                    small class=(action) { (words::number(count)) " " (action) }
                }
            }
            td.runs { (runs::picture(&mirror.history, RUNS)) }
        }
    }
}

/// Links to the pages before and after, if there are several.
pub(super) fn pages(page: usize, pages: usize, address: impl Fn(usize) -> String) -> Markup {
    html! {
        @if pages > 1 {
            nav.pages aria-label="Pages" {
                @if page > 0 { a rel="prev" href=(address(page.min(pages) - 1)) { "← previous" } }
                span { "page " (words::number(page as u64 + 1)) " of " (words::number(pages as u64)) }
                @if page + 1 < pages { a rel="next" href=(address(page + 1)) { "next →" } }
            }
        }
    }
}

//! One mirror: what is wrong first, then what goes on, what it is, what it pushed and how its runs went.

use maud::{Markup, html};

use super::cards::{findings, progress, standing, way};
use super::facts::facts;
use super::frame::{Frame, Live};
use super::group::Group;
use super::query::{PAUSE, VersionsQuery, path, segment};
use super::text::{ago, sentence, text};
use super::{finding, pushes, runs, words};
use crate::report::Action;
use crate::service::filter::VersionFilter;
use crate::service::view::{MirrorView, ServiceView, Standing, Trouble};

/// Versions that need attention, at most; the page of versions has all of them.
const TROUBLES: usize = 100;
/// Runs in the picture.
const RUNS: usize = 60;

/// The page. `live` unless it was asked not to reload itself; `can_trigger` if a token is configured.
pub fn mirror(view: &ServiceView, mirror: &MirrorView, live: bool, can_trigger: bool) -> String {
    let group = Group::of(mirror);
    let here = path(&mirror.name);
    let still = format!("{here}?{}={}", PAUSE.0, PAUSE.1);
    let live = Live::of(view, !live, here, still);
    let title = format!("{}: {}", mirror.name, group.word().to_lowercase());
    Frame::new(&title, group.icon(), view, live).around(&html! {
        nav.path aria-label="Breadcrumb" { a href="/" { "All mirrors" } " / " (text(&mirror.name)) }
        (head(view, mirror, group))
        (wrong(view, mirror))
        @if let Some(running) = &mirror.running {
            section.running aria-labelledby="running" {
                h2 #running { "The run that goes on" }
                (progress(view, running))
            }
        }
        (facts(view, mirror))
        (pushes::section(view, mirror))
        (history(view, mirror))
        (warnings(mirror))
        (for_programs(mirror, can_trigger))
    })
}

/// Name and state.
pub(super) fn head(view: &ServiceView, mirror: &MirrorView, group: Group) -> Markup {
    html! {
        div class={ "verdict " (group.key()) } {
            (group.icon().draw())
            div {
                h1 { (text(&mirror.name)) }
                p {
                    strong { (group.word()) }
                    @if finding::since(mirror).is_some() { " " (standing(view, mirror)) }
                    @if mirror.last_success.is_none() && mirror.last.is_some() { ". It never succeeded" }
                    "."
                }
                p.way { (way(mirror)) }
            }
        }
    }
}

fn wrong(view: &ServiceView, mirror: &MirrorView) -> Markup {
    let found = finding::of_run(mirror);
    let troubles = finding::troubles(mirror);
    let more = troubles.len().saturating_sub(TROUBLES);
    html! {
        @if !found.is_empty() || !troubles.is_empty() {
            section #wrong aria-labelledby="wrong-title" {
                h2 #wrong-title { "What is wrong" }
                @if !found.is_empty() { (findings(&found)) }
                @if !troubles.is_empty() { (trouble_table(view, mirror, &troubles)) }
                @if more > 0 {
                    p { (words::number(more as u64)) " more are among " (all_of(mirror, None, "all versions")) "." }
                }
            }
        }
    }
}

fn trouble_table(view: &ServiceView, mirror: &MirrorView, troubles: &[&Trouble]) -> Markup {
    let several = mirror.targets.len() > 1;
    html! {
        table.troubles {
            caption { "Versions that need attention" }
            thead { tr {
                th scope="col" { "Version" }
                th scope="col" { "State" }
                th scope="col" { "Since" }
                th scope="col" { "Why, and what to do" }
            } }
            tbody {
                @for trouble in troubles.iter().take(TROUBLES) {
                    tr {
                        th scope="row" {
                            (text(&trouble.chart)) " " (text(&trouble.version))
                            @if several { small { (text(&trouble.target)) } }
                        }
                        td class={ "state " (trouble.action) } { (trouble.action) }
                        td {
                            (ago(view.now, trouble.since))
                            @if trouble.runs > 1 { small { (words::number(trouble.runs.into())) " runs in a row" } }
                        }
                        td.why { (sentence(&trouble.reason.text)) " " span.code { (trouble.reason.code) } }
                    }
                }
            }
        }
    }
}

/// A link to versions of the mirror: all, or those that stand so.
pub(super) fn all_of(mirror: &MirrorView, standing: Option<Standing>, words: &str) -> Markup {
    let query = VersionsQuery {
        filter: VersionFilter {
            standing,
            search: Box::default(),
        },
        page: 0,
    };
    html! { a href=(query.address(&mirror.name)) { (words) } }
}

fn history(view: &ServiceView, mirror: &MirrorView) -> Markup {
    html! {
        @if !mirror.history.is_empty() {
            section aria-labelledby="history" {
                h2 #history { "Runs" }
                p.bars { (runs::picture(&mirror.history, RUNS)) }
                (runs::list(view, &mirror.history))
            }
        }
    }
}

fn warnings(mirror: &MirrorView) -> Markup {
    let warnings = mirror.last.as_ref().map_or(&[][..], |last| &last.warnings);
    html! {
        @if !warnings.is_empty() {
            section aria-labelledby="warnings" {
                h2 #warnings { "Warnings of the last run" }
                ul.findings {
                    @for warning in warnings {
                        li { (sentence(&warning.text)) " " span.code { (warning.code) } }
                    }
                }
            }
        }
    }
}

fn for_programs(mirror: &MirrorView, can_trigger: bool) -> Markup {
    let api = format!("/api/v1/mirrors/{}", segment(&mirror.name));
    let command = format!("curl -X POST -H \"Authorization: Bearer $TOKEN\" \"$CHARTFERRY{api}/run\"");
    html! {
        details {
            summary { "Start a run, or read this as JSON" }
            @if can_trigger {
                p { "With the address of this service in " code { "CHARTFERRY" } " and its token in " code { "TOKEN" } ":" }
                pre.copy tabindex="0" { (command) }
            } @else {
                p { "Runs can be started over HTTP once " code { "[http]" } " has a " code { "token_file" } "." }
            }
            p { a href=(api) { "This mirror as JSON" } }
        }
    }
}

/// How versions of this action are called on the page of versions.
pub(super) fn standing_of(action: Action) -> Option<Standing> {
    match action {
        Action::Failed => Some(Standing::Failed),
        Action::Refused => Some(Standing::Refused),
        Action::Drifted => Some(Standing::Drifted),
        Action::Vanished => Some(Standing::Vanished),
        _ => None,
    }
}

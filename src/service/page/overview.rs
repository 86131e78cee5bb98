//! All mirrors: one sentence that says how they are, then those in trouble, then the rest.

use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::cards::cards;
use super::frame::{Frame, Live};
use super::group::Group;
use super::icon::Icon;
use super::query::{OverviewQuery, PAUSE, Sort};
use super::table::table;
use super::text::{ago, at, text};
use super::{finding, words};
use crate::service::filter::contains;
use crate::service::view::{MirrorView, ServiceView};

/// Mirrors on one page.
const PAGE: usize = 200;
/// Mirrors of a group that are shown at length; those beyond are in a table below them, and it is still a page that can be read.
const AT_LENGTH: usize = 5;
/// What is wrong with each of them, at most; where many are not well, one sentence each, so that many are seen.
const FINDINGS: usize = 3;
const FEW: usize = 3;

/// The page.
pub fn overview(view: &ServiceView, query: &OverviewQuery) -> String {
    let (headline, icon) = headline(view);
    let with = |paused| OverviewQuery {
        paused,
        ..query.clone()
    };
    let live = Live::of(view, query.paused, with(false).address(), with(true).address());
    let found = found(view, query);
    let shown: Vec<_> = found.iter().skip(query.page * PAGE).take(PAGE).copied().collect();
    Frame::new(&headline, icon, view, live).around(&html! {
        (verdict(view, &headline, icon))
        @if view.mirrors.len() > 1 { (choice(view, query)) }
        @if found.is_empty() && !view.mirrors.is_empty() {
            p.empty { "No mirror is like that. " a href="/" { "All mirrors" } }
        }
        @match query.sort {
            Sort::State => {
                @for group in Group::ALL { (section(view, group, &shown)) }
            }
            _ => (table(view, "Mirrors", &shown)),
        }
        (pages(query, found.len()))
    })
}

/// The mirrors that are asked for, in the order that is asked for.
fn found<'a>(view: &'a ServiceView, query: &OverviewQuery) -> Vec<&'a MirrorView> {
    let fits = |mirror: &&MirrorView| {
        let mut texts = vec![&*mirror.name, &*mirror.source];
        texts.extend(mirror.targets.iter().map(|target| &**target));
        query.group.is_none_or(|group| group == Group::of(mirror)) && contains(&query.search, &texts)
    };
    let mut found: Vec<_> = view.mirrors.iter().filter(fits).collect();
    let never = DateTime::<Utc>::MAX_UTC;
    match query.sort {
        // Among those that are not well, the one that has been so for the longest time is the first
        Sort::State => {
            found.sort_by_key(|mirror| (Group::of(mirror), finding::since(mirror).unwrap_or(never)));
        }
        Sort::Name => found.sort_by_key(|mirror| mirror.name.to_lowercase()),
        Sort::LastRun => found.sort_by_key(|mirror| mirror.last.as_ref().map(|last| last.finished)),
        Sort::NextRun => found.sort_by_key(|mirror| mirror.next_run.unwrap_or(never)),
        Sort::Versions => {
            found.sort_by_key(|mirror| std::cmp::Reverse(words::in_place(&mirror.versions)));
        }
    }
    found
}

/// The sentence that is all that many people read, and the icon that says the same.
fn headline(view: &ServiceView) -> (String, Icon) {
    let all = view.mirrors.len();
    let of = |group| {
        let groups = view.mirrors.iter().map(Group::of);
        groups.filter(|one| *one == group).count()
    };
    let never = view.mirrors.iter().filter(|mirror| mirror.last.is_none()).count();
    let (failing, trouble) = (of(Group::Failing), of(Group::Trouble));
    let some = |count: usize, one: &str, many: &str| match (count, all) {
        (1, 1) => format!("The mirror {one}"),
        (count, all) if count == all => format!("All {} mirrors {many}", words::number(all as u64)),
        (1, _) => format!("1 of {} mirrors {one}", words::number(all as u64)),
        _ => format!(
            "{} of {} mirrors {many}",
            words::number(count as u64),
            words::number(all as u64)
        ),
    };
    match () {
        () if all == 0 => ("There are no mirrors".into(), Icon::Ring),
        () if failing > 0 => (some(failing, "fails", "fail"), Icon::Cross),
        () if trouble > 0 => (some(trouble, "needs attention", "need attention"), Icon::Triangle),
        () if never == all && all == 1 => ("The mirror has not run yet".into(), Icon::Ring),
        () if never == all => (
            format!("None of {} mirrors has run yet", words::number(all as u64)),
            Icon::Ring,
        ),
        () => (some(all - never, "is in place", "are in place"), Icon::Check),
    }
}

fn verdict(view: &ServiceView, headline: &str, icon: Icon) -> Markup {
    let class = match icon {
        Icon::Cross => "failing",
        Icon::Triangle => "trouble",
        Icon::Check => "good",
        Icon::Arrow | Icon::Ring => "waiting",
    };
    html! {
        section class={ "verdict " (class) } aria-labelledby="verdict" {
            (icon.draw())
            div {
                h1 #verdict { (headline) }
                p { (since(view)) (besides(view, icon)) }
            }
        }
    }
}

/// Since when the worst is as it is.
fn since(view: &ServiceView) -> Markup {
    let worst = view.mirrors.iter().map(Group::of).min();
    let group = worst.filter(|group| *group <= Group::Trouble);
    let sinces = view
        .mirrors
        .iter()
        .filter(|mirror| Some(Group::of(mirror)) == group);
    let mut sinces = sinces.filter_map(finding::since);
    let first = sinces.next();
    let several = sinces.clone().next().is_some();
    let oldest = first.map(|first| sinces.fold(first, Ord::min));
    html! {
        @if let Some(oldest) = oldest {
            @if several { "The longest since " } @else { "Since " }
            strong { (at(view.now, oldest)) } ", " (ago(view.now, oldest)) ". "
        }
    }
}

/// What else is to be known: the other groups, and what comes next.
fn besides(view: &ServiceView, icon: Icon) -> Markup {
    let count = |of: &dyn Fn(&MirrorView) -> bool| view.mirrors.iter().filter(|mirror| of(mirror)).count();
    let trouble = count(&|mirror| Group::of(mirror) == Group::Trouble);
    let running = count(&|mirror| mirror.running.is_some());
    let waiting = count(&|mirror| Group::of(mirror) == Group::Waiting);
    let next = view.mirrors.iter().filter_map(|mirror| mirror.next_run).min();
    html! {
        @if icon == Icon::Cross && trouble > 0 {
            (words::number(trouble as u64))
            @if trouble == 1 { " more needs attention. " } @else { " more need attention. " }
        }
        @if icon != Icon::Ring && waiting > 0 {
            (words::number(waiting as u64)) @if waiting == 1 { " has" } @else { " have" } " not run yet. "
        }
        @match (running, next) {
            (0, Some(next)) if next <= view.now => "The next run is due.",
            (0, Some(next)) => { "Next run " (ago(view.now, next)) "." }
            (0, None) => {}
            (1, _) => "1 run goes on.",
            _ => { (words::number(running as u64)) " runs go on." }
        }
    }
}

/// Links to the groups with their sizes, and the search or the way to it.
fn choice(view: &ServiceView, query: &OverviewQuery) -> Markup {
    let link = |group| OverviewQuery {
        group,
        page: 0,
        ..query.clone()
    };
    let size = |group| {
        view.mirrors
            .iter()
            .filter(|mirror| Group::of(mirror) == group)
            .count()
    };
    let current = |group| (query.group == group).then_some("page");
    html! {
        nav.chips aria-label="By state" {
            a href=(link(None).address()) aria-current=[current(None)] {
                "All " b { (words::number(view.mirrors.len() as u64)) }
            }
            @for (group, size) in Group::ALL.map(|group| (group, size(group))) {
                @if size > 0 || query.group == Some(group) {
                    a class=(group.key()) href=(link(Some(group)).address()) aria-current=[current(Some(group))] {
                        (group.icon().draw()) (group.word()) " " b { (words::number(size as u64)) }
                    }
                }
            }
        }
        @if query.paused { (form(query)) } @else { (asked(query)) }
    }
}

/// What is looked for, and the way to the form. A page that reloads itself has no form, as it would lose what is being typed.
fn asked(query: &OverviewQuery) -> Markup {
    let still = OverviewQuery {
        paused: true,
        page: 0,
        ..query.clone()
    };
    html! {
        p.asked {
            @if !query.search.is_empty() { "Looking for “" (text(&query.search)) "”. " }
            @if query.sort != Sort::State { "In the order of: " (query.sort.word()) ". " }
            a href=(still.address()) { "Find and sort" }
            @if !query.search.is_empty() || query.sort != Sort::State { " · " a href="/" { "Reset" } }
        }
    }
}

fn form(query: &OverviewQuery) -> Markup {
    html! {
        form.find role="search" action="/" method="get" {
            label { span { "Find" }
                input type="search" name="q" value=(query.search) placeholder="name, source or target" maxlength="200"
                    autofocus[query.search.is_empty()];
            }
            label { span { "Order" }
                select name="sort" {
                    @for sort in Sort::ALL {
                        option value=(sort.key()) selected[sort == query.sort] { (sort.word()) }
                    }
                }
            }
            @if let Some(group) = query.group { input type="hidden" name="state" value=(group.key()); }
            input type="hidden" name=(PAUSE.0) value=(PAUSE.1);
            button { "Show" }
        }
    }
}

fn section(view: &ServiceView, group: Group, shown: &[&MirrorView]) -> Markup {
    let members: Vec<_> = shown
        .iter()
        .filter(|mirror| Group::of(mirror) == group)
        .copied()
        .collect();
    let at_length = match group {
        Group::Failing | Group::Trouble | Group::Running => AT_LENGTH.min(members.len()),
        Group::Waiting | Group::Good => 0,
    };
    let (long, short) = members.split_at(at_length);
    let findings = if members.len() > FEW { 1 } else { FINDINGS };
    html! {
        @if !members.is_empty() {
            section class=(group.key()) aria-labelledby={ "group-" (group.key()) } {
                h2 #{ "group-" (group.key()) } {
                    (group.icon().draw()) (group.word()) " " span.count { (words::number(members.len() as u64)) }
                }
                @if !long.is_empty() { (cards(view, group, long, findings)) }
                @if !short.is_empty() {
                    (table(view, if long.is_empty() { group.word() } else { "Further ones" }, short))
                }
            }
        }
    }
}

fn pages(query: &OverviewQuery, found: usize) -> Markup {
    super::table::pages(query.page, found.div_ceil(PAGE), |page| {
        OverviewQuery {
            page,
            ..query.clone()
        }
        .address()
    })
}

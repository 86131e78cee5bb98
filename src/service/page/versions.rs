//! All versions of a mirror, to be searched. This page never reloads itself.

use maud::{Markup, html};

use super::frame::{Frame, Live};
use super::group::Group;
use super::mirror::head;
use super::pushes::references;
use super::query::{VersionsQuery, path};
use super::text::{ago, sentence, text};
use super::{table, words};
use crate::service::view::{MirrorView, ServiceView, Standing, VersionView};

/// Versions on a page.
const PAGE: usize = 200;

/// The page; `rows` are all versions, or why they cannot be read.
pub fn versions(
    view: &ServiceView,
    mirror: &MirrorView,
    rows: Result<&[VersionView], &str>,
    query: &VersionsQuery,
) -> String {
    let group = Group::of(mirror);
    let title = format!("Versions of {}", mirror.name);
    Frame::new(&title, group.icon(), view, Live::Never).around(&html! {
        nav.path aria-label="Breadcrumb" {
            a href="/" { "All mirrors" } " / " a href=(path(&mirror.name)) { (text(&mirror.name)) } " / versions"
        }
        (head(view, mirror, group))
        section aria-labelledby="versions" {
            h2 #versions { "Versions" }
            @match rows {
                Ok(rows) => (found(view, mirror, rows, query)),
                Err(text_of) => {
                    p.banner.warn role="alert" { "The state of the mirror cannot be read: " (text(text_of)) }
                }
            }
        }
    })
}

fn found(view: &ServiceView, mirror: &MirrorView, rows: &[VersionView], query: &VersionsQuery) -> Markup {
    let found: Vec<_> = rows.iter().filter(|row| query.filter.matches(row)).collect();
    let shown = found.iter().skip(query.page * PAGE).take(PAGE).copied();
    html! {
        (form(mirror, rows, query))
        p role="status" {
            @if found.len() == rows.len() {
                (words::count(rows.len(), "version"))
            } @else {
                (words::number(found.len() as u64)) " of " (words::count(rows.len(), "version"))
            }
            @if mirror.targets.len() > 1 { ", each target by itself" }
        }
        @if found.is_empty() {
            p.empty { "No version is like that." }
        } @else {
            (rows_of(view, mirror.targets.len() > 1, shown))
        }
        (table::pages(query.page, found.len().div_ceil(PAGE), |page| {
            VersionsQuery { page, ..query.clone() }.address(&mirror.name)
        }))
    }
}

fn form(mirror: &MirrorView, rows: &[VersionView], query: &VersionsQuery) -> Markup {
    let size = |standing| rows.iter().filter(|row| row.standing == standing).count() as u64;
    html! {
        form.find role="search" action={ (path(&mirror.name)) "/versions" } method="get" {
            label { span { "Find" }
                input type="search" name="q" value=(query.filter.search) placeholder="chart or version" maxlength="200";
            }
            label { span { "Standing" }
                select name="standing" {
                    option value="" { "any" }
                    @for standing in Standing::ALL {
                        option value=(standing.as_str()) selected[query.filter.standing == Some(standing)] {
                            (word(standing)) " (" (words::number(size(standing))) ")"
                        }
                    }
                }
            }
            button { "Show" }
        }
    }
}

fn rows_of<'a>(view: &ServiceView, several: bool, shown: impl Iterator<Item = &'a VersionView>) -> Markup {
    html! {
        table.versions {
            caption.sr { "Versions, by chart and newest first" }
            thead { tr {
                th scope="col" { "Version" }
                th scope="col" { "Standing" }
                th scope="col" { "First seen" }
                th scope="col" { "For " code { "helm pull" } ", or what is wrong" }
            } }
            tbody {
                @for row in shown {
                    tr {
                        th scope="row" {
                            (text(&row.chart)) " " (text(&row.version))
                            @if several { small { (text(&row.target)) } }
                        }
                        td class={ "state " (row.standing.as_str()) } { (word(row.standing)) }
                        td { (ago(view.now, row.first_seen)) }
                        td {
                            @if let Some(trouble) = &row.trouble {
                                p { (sentence(&trouble.text)) " " span.code { (trouble.code) } }
                            }
                            @if let Some(reference) = &row.reference {
                                (references(reference, &row.version, row.manifest))
                            }
                        }
                    }
                }
            }
        }
    }
}

fn word(standing: Standing) -> &'static str {
    match standing {
        Standing::Pushed => "in place",
        Standing::Adopted => "in place, found there",
        Standing::Drifted => "drifted",
        Standing::Vanished => "gone from the source",
        Standing::NotCarried => "not carried",
        Standing::Failed => "failed",
        Standing::Refused => "refused",
    }
}

//! What is around every page: its head, the banners that concern all mirrors, its foot.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::icon::{Icon, sheet};
use super::text::{ago, at, clipped, code, text};
use super::{STYLE, words};
use crate::service::view::{Role, ServiceView};

/// Seconds between two looks at a run that goes on. A page that is left open in a corner is to notice a failure, too.
const DURING_A_RUN: u32 = 10;
const AT_REST: u32 = 60;

/// The parts of a page that are not its own.
pub(super) struct Frame<'a> {
    title: String,
    icon: Icon,
    view: Option<&'a ServiceView>,
    /// Where this page stops reloading, if it reloads; where it begins to again, if it was stopped.
    live: Live,
}

/// Whether a page reloads itself.
pub(super) enum Live {
    /// It does not, and nobody would want it to.
    Never,
    /// It does, every so many seconds; stopped by this address.
    Every(u32, String),
    /// It was stopped; goes on by this address.
    Paused(String),
}

impl Live {
    /// For a page of `view`: with the address of the page that reloads itself, and of the one that does not.
    pub(super) fn of(view: &ServiceView, paused: bool, live: String, still: String) -> Self {
        if paused {
            return Self::Paused(live);
        }
        let running = view.mirrors.iter().any(|mirror| mirror.running.is_some());
        Self::Every(if running { DURING_A_RUN } else { AT_REST }, still)
    }
}

impl<'a> Frame<'a> {
    /// Of a page about `view`.
    pub(super) fn new(title: &str, icon: Icon, view: &'a ServiceView, live: Live) -> Self {
        Self {
            title: format!("{title} · chartferry"),
            icon,
            view: Some(view),
            live,
        }
    }

    /// Of a page that is about nothing.
    pub(super) fn bare(title: &str) -> Self {
        Self {
            title: format!("{title} · chartferry"),
            icon: Icon::Check,
            view: None,
            live: Live::Never,
        }
    }

    /// The whole page with `content` in its middle.
    pub(super) fn around(&self, content: &Markup) -> String {
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta name="robots" content="noindex";
                    @if let Live::Every(seconds, _) = &self.live {
                        meta http-equiv="refresh" content=(seconds);
                    }
                    title { (clipped(&self.title)) }
                    link rel="icon" href=(self.icon.of_tab());
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    (sheet())
                    (self.head())
                    main {
                        @if let Some(view) = self.view { (banners(view)) }
                        (content)
                    }
                    @if let Some(view) = self.view { (foot(view)) }
                }
            }
        };
        page.into_string()
    }

    fn head(&self) -> Markup {
        html! {
            header.top {
                a.name href="/" { "chartferry" }
                @if let Some(view) = self.view {
                    p.quiet {
                        "as of " (at(view.now, view.now))
                        @match &self.live {
                            Live::Never => {}
                            Live::Every(seconds, still) => {
                                " · reloads every " (seconds) " s · " a href=(still) { "stop" }
                            }
                            Live::Paused(live) => { " · stopped · " a href=(live) { "reload by itself" } }
                        }
                    }
                }
            }
        }
    }
}

/// What concerns all mirrors and is easily overlooked.
fn banners(view: &ServiceView) -> Markup {
    html! {
        @if let Role::Standby { leader } = &view.role {
            p.banner.note {
                strong { "This replica is on standby. " }
                @match leader {
                    Some(leader) => { (text(leader)) " runs the mirrors." }
                    None => "Another one runs the mirrors; which is not known.",
                }
                " What is shown here is what this replica knows, which may be older."
            }
        }
        @if let Some((when, why)) = &view.config.refused {
            div.banner.warn role="status" {
                p {
                    (Icon::Triangle.draw())
                    strong { "The configuration is out of date. " }
                    (code(&view.config.path)) " of " (at(view.now, *when)) " (" (ago(view.now, *when)) ") was refused. "
                    "The mirrors run by the file of " (at(view.now, view.config.loaded)) "."
                }
                pre { @for line in why.lines() { (clipped(line)) "\n" } }
            }
        }
    }
}

fn foot(view: &ServiceView) -> Markup {
    let (now, most) = view.in_flight;
    html! {
        footer {
            @if !view.hosts.is_empty() { (hosts(view)) }
            p.quiet {
                "chartferry " (view.version) ", started " (ago(view.now, view.started))
                " · " (words::number(now as u64)) " of " (words::number(most as u64)) " places in use"
                " · " (code(&view.config.path)) " loaded " (ago(view.now, view.config.loaded))
            }
            nav.quiet aria-label="For programs" {
                a href="/api/v1/mirrors" { "JSON" } " · " a href="/metrics" { "metrics" } " · "
                a href="/readyz" { "readiness" }
            }
        }
    }
}

fn hosts(view: &ServiceView) -> Markup {
    html! {
        details.hosts {
            summary { "Requests by host since the start" }
            div.wide {
                table {
                    thead { tr {
                        th scope="col" { "Host" }
                        th.figure scope="col" { "Requests" }
                        th.figure scope="col" { "Repeated" }
                        th.figure scope="col" { "Waited" }
                        th.figure scope="col" { "Sent" }
                        th.figure scope="col" { "Received" }
                    } }
                    tbody {
                        @for host in &view.hosts {
                            tr {
                                th scope="row" { (text(&host.host)) }
                                td.figure { (words::number(host.requests)) }
                                td.figure { (words::number(host.retries)) }
                                td.figure { (words::waited(host.throttled_ms)) }
                                td.figure { (words::bytes(host.bytes_sent)) }
                                td.figure { (words::bytes(host.bytes_received)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

//! A source: whether it answers, whether its index is sane, and what the mirrors would take of it.

use std::collections::BTreeSet;

use chrono::Utc;
use http::Method;
use http::header::DATE;
use url::Url;

use super::check::{Checks, Status, names};
use super::limit::{INDEX, within, within_time};
use super::{Mirror, Role, Subject, host, tls};
use crate::helm::index::Index;
use crate::net::{AddressGuard, Net, NetError, Redirects, Request};
use crate::payload::Budget;
use crate::plan::{Planner, nothing_selected};
use crate::report::{Action, count};
use crate::source::{PackageUrl, Snapshot, Source, SourceSpec};
use crate::transfer::chain;
use crate::types::{ChartName, Reason};

/// Oddities that get a line of their own.
const SHOWN: usize = 5;

/// What became of a source.
pub(super) struct Examined {
    pub(super) subject: Subject,
    /// For each mirror, the charts that it would write; nothing where the index could not be read.
    pub(super) charts: Option<Vec<Vec<ChartName>>>,
}

/// Looks at the source that all of `mirrors` share.
pub(super) async fn examine(net: &Net, budget: &Budget, mirrors: &[&Mirror]) -> Examined {
    let mut checks = Checks::default();
    let first = mirrors[0];
    let spec = &first.spec;
    let mut charts = None;
    let answers = match &spec.source {
        SourceSpec::Http(url) => way(net, url, first, &mut checks).await,
        SourceSpec::Folder(_) | SourceSpec::Layout(_) => true,
    };
    if answers {
        let source = Source::open(
            &spec.source,
            net.clone(),
            budget.clone(),
            spec.source_options.clone(),
        );
        match within_time(INDEX, source.snapshot(None)).await {
            Ok(Ok(Snapshot::Fresh { index, .. })) => {
                counted(&index, &mut checks);
                packages(net, &source, &index, first, &mut checks).await;
                charts = Some(select(&index, mirrors, &mut checks));
            }
            // Nothing was given to compare with.
            Ok(Ok(Snapshot::Unchanged { .. })) => {
                checks.fail("index", "the source says that nothing changed since never");
            }
            Ok(Err(error)) => checks.fail("index", chain(&error)),
            Err(late) => checks.fail("index", late),
        }
    } else {
        checks.skip(&["index"], "the source cannot be reached");
    }
    Examined {
        subject: Subject {
            role: Role::Source,
            name: spec.source.to_string(),
            mirrors: mirrors.iter().map(|mirror| mirror.spec.name.clone()).collect(),
            checks: checks.done(),
        },
        charts,
    }
}

/// Name, connection, certificate, clock and credentials.
async fn way(net: &Net, url: &Url, mirror: &Mirror, checks: &mut Checks) -> bool {
    const LATER: [&str; 3] = ["tls", "clock", "credentials"];
    if !host::reach(net, url, checks).await {
        checks.skip(&LATER, "the host cannot be reached");
        return false;
    }
    // Without the login: this is about the host. Any answer will do, also to a method that it does not like.
    let request =
        Request::new(Method::HEAD, url.clone(), AddressGuard::source(url)).redirects(Redirects::Return);
    let answer = match within(net.send(request)).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => {
            let id = if matches!(error, NetError::Tls { .. }) {
                "tls"
            } else {
                "connection"
            };
            checks.fail(id, error.to_string());
            checks.skip(&["clock", "credentials"], "there is no answer");
            return false;
        }
        Err(late) => {
            checks.fail("connection", late);
            checks.skip(&LATER, "there is no answer");
            return false;
        }
    };
    let now = Utc::now();
    let insecure = net.host(url).is_some_and(|host| host.insecure_skip_tls_verify);
    tls::judge(url, answer.certificate(), insecure, now, checks);
    host::clock(answer.header(DATE), now, checks);
    answer.discard().await;
    credentials(url, mirror, checks);
    true
}

fn credentials(url: &Url, mirror: &Mirror, checks: &mut Checks) {
    match (&mirror.spec.source_options.credentials, &mirror.login_origin) {
        (Some((user, _)), origin) => {
            let origin = origin.as_deref().unwrap_or("the caller");
            let text = format!("user `{user}`, from {origin}");
            if url.scheme() == "http" {
                let text = format!("{text}; the password goes over plain HTTP: use `https://`");
                checks.warn("credentials", text);
            } else {
                checks.ok("credentials", text);
            }
        }
        (None, _) => checks.ok(
            "credentials",
            "none are given; the source is read as anybody may read it",
        ),
    }
}

fn counted(index: &Index, checks: &mut Checks) {
    let number = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let charts = count(number(index.charts.len()), "chart");
    let versions = count(number(index.versions()), "version");
    if index.versions() == 0 {
        checks.warn(
            "index",
            format!("it lists no versions ({charts}): is this the right repository?"),
        );
        return;
    }
    checks.ok("index", format!("{charts}, {versions}"));
}

/// Where packages are, and whether the login of the source reaches them.
async fn packages(net: &Net, source: &Source, index: &Index, mirror: &Mirror, checks: &mut Checks) {
    let SourceSpec::Http(home) = &mirror.spec.source else {
        return;
    };
    let mut hosts: BTreeSet<String> = BTreeSet::new();
    let mut without_login: BTreeSet<String> = BTreeSet::new();
    for entry in index.charts.iter().flat_map(|chart| &chart.entries) {
        let Ok(places) = source.locate(entry).await else {
            continue;
        };
        for place in places {
            let PackageUrl::Http(url) = place else { continue };
            let host = crate::net::redact(&url.join("/").unwrap_or(url.clone()));
            if !net.may_have_credentials(home, &url) {
                without_login.insert(host.clone());
            }
            hosts.insert(host);
        }
    }
    if without_login.is_empty() {
        return;
    }
    let others = names(&without_login, SHOWN);
    if mirror.spec.source_options.credentials.is_some() {
        let text = format!(
            "packages are also at {others}, which does not get the source's credentials; where it wants them, name it in `pass_credentials_to` (`--source-pass-credentials-to`)"
        );
        checks.warn("packages", text);
    } else {
        checks.ok("packages", format!("they are also at {others}"));
    }
}

/// What each mirror would take, and what is odd.
fn select(index: &Index, mirrors: &[&Mirror], checks: &mut Checks) -> Vec<Vec<ChartName>> {
    let all = index.versions();
    let mut odd: Vec<Reason> = index.warnings.clone();
    let mut charts = Vec::with_capacity(mirrors.len());
    let mut refused = 0;
    let mut first_refusal = None;
    for mirror in mirrors {
        let planner = Planner::new(&index.charts, &mirror.spec.rules, Utc::now());
        odd.extend_from_slice(planner.warnings());
        let mut selected = 0;
        let mut names = BTreeSet::new();
        let mut bad = 0;
        for chart in index.charts.iter().cloned() {
            for selection in planner.select(chart).split() {
                odd.extend(selection.warnings);
                for left in selection
                    .left
                    .iter()
                    .filter(|left| left.action == Action::Refused)
                {
                    bad += 1;
                    first_refusal
                        .get_or_insert_with(|| format!("`{} {}`: {}", left.chart, left.version, left.reason));
                }
                selected += selection.candidates.len();
                if !selection.candidates.is_empty() {
                    names.extend(selection.repository);
                }
            }
        }
        refused = bad.max(refused);
        odd.extend(nothing_selected(selected, all));
        charts.push(names.into_iter().collect());
    }
    if let Some(first) = first_refusal {
        let text = format!(
            "{refused} of {all} versions cannot be migrated, `chartferry plan` names all of them; the first: {first}"
        );
        checks.warn("versions", text);
    }
    oddities(odd, checks);
    charts
}

fn oddities(mut odd: Vec<Reason>, checks: &mut Checks) {
    // Mirrors that share an index share its oddities.
    odd.sort_by(|a, b| a.text.cmp(&b.text));
    odd.dedup();
    let more = odd.len().saturating_sub(SHOWN);
    for reason in odd.into_iter().take(SHOWN) {
        checks.add("index", Status::Warning, reason.text);
    }
    if more > 0 {
        checks.warn(
            "index",
            format!("{more} more warnings of this kind; `chartferry plan` has all"),
        );
    }
}

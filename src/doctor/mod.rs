//! `doctor`: what stands between us and the sources and registries, found out before a run does.
//!
//! Hosts are looked at side by side, each from the ground up: name, connection, certificate, clock, login, rights. What
//! needs something that has failed is shown as skipped, and one host never stops the others. Nothing is written but
//! uploads that are opened and cancelled at once, unless a [`Probe`] is asked for.

mod check;
mod host;
mod limit;
mod login;
mod probe;
mod registry;
mod report;
mod rights;
mod source;
mod tls;

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::Arc;

use chrono::Utc;
use futures_util::FutureExt as _;
use futures_util::future::{join, join_all};

pub use check::{Check, Status};
pub use probe::{Probe, TAG};
pub use report::{Report, Role, SCHEMA, Subject, schema};

use check::{Checks, names};
use registry::{Arrival, Place};
use rights::Wanted;
use source::Examined;

use crate::layout::{Access, Layout, LayoutError};
use crate::net::Net;
use crate::payload::Budget;
use crate::registry::credentials::Stores;
use crate::run::{MirrorSpec, TargetSpec};
use crate::types::{ChartName, OciTarget, RegistryHost, Repository};

/// A mirror that is looked at.
pub struct Mirror {
    /// The mirror.
    pub spec: MirrorSpec,
    /// Where the source's login was found, for people.
    pub login_origin: Option<String>,
}

/// What is looked at.
pub struct Task {
    /// The network, with [`crate::net::NetOptions::certificates`].
    pub net: Net,
    /// Memory for indexes.
    pub budget: Budget,
    /// Logins for registries.
    pub stores: Arc<Stores>,
    /// The mirrors of a configuration: their sources and their targets.
    pub mirrors: Vec<Mirror>,
    /// A target by itself.
    pub target: Option<TargetSpec>,
    /// Where a small artifact is pushed.
    pub probe: Option<Probe>,
}

/// Looks at everything. It never fails as a whole: what is wrong stands in the report.
pub async fn examine(task: &Task) -> Report {
    let started = Utc::now();
    let groups = by_source(&task.mirrors);
    let sources = join_all(groups.iter().map(|group| examine_source(task, group)));
    let places = places(task);
    let arrivals = join_all(places.iter().map(|place| arrive(task, place)));
    let (sources, arrivals) = join(sources, arrivals).await;
    let charts = charts_by_mirror(task, &groups, &sources);
    let registries = places.iter().zip(arrivals).map(|(place, arrival)| async {
        let subject = place.subject();
        let wanted = wanted(task, place, &arrival.refused, &charts);
        let rest = registry::examine(task, place, arrival, wanted);
        let checks = AssertUnwindSafe(rest).catch_unwind().await;
        Subject {
            checks: checks.unwrap_or_else(|_| defect()),
            ..subject
        }
    });
    let mut subjects = join_all(registries).await;
    subjects.extend(join_all(layouts(task)).await);
    subjects.extend(sources.into_iter().map(|source| source.subject));
    Report {
        started,
        finished: Utc::now(),
        subjects,
    }
}

const DEFECT: &str = "a defect of chartferry ended the look at it; please report it";

/// A panic is a defect of one subject.
fn defect() -> Vec<Check> {
    let mut checks = Checks::default();
    checks.fail("internal", DEFECT);
    checks.done()
}

async fn arrive(task: &Task, place: &Place) -> Arrival {
    let arrival = AssertUnwindSafe(registry::arrive(task, place)).catch_unwind();
    arrival.await.unwrap_or_else(|_| {
        let mut checks = Checks::default();
        checks.fail("internal", DEFECT);
        Arrival {
            checks,
            registry: Err("a defect of chartferry came before it"),
            refused: Vec::new(),
        }
    })
}

/// Mirrors that share a source, by its name.
fn by_source(mirrors: &[Mirror]) -> Vec<Vec<usize>> {
    let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (number, mirror) in mirrors.iter().enumerate() {
        groups
            .entry(mirror.spec.source.to_string())
            .or_default()
            .push(number);
    }
    groups.into_values().collect()
}

async fn examine_source(task: &Task, group: &[usize]) -> Examined {
    let mirrors: Vec<&Mirror> = group.iter().map(|number| &task.mirrors[*number]).collect();
    let look = AssertUnwindSafe(source::examine(&task.net, &task.budget, &mirrors));
    look.catch_unwind().await.unwrap_or_else(|_| Examined {
        subject: Subject {
            role: Role::Source,
            name: mirrors[0].spec.source.to_string(),
            mirrors: Vec::new(),
            checks: defect(),
        },
        charts: None,
    })
}

/// For each mirror the charts that it would write, as far as its index could be read.
fn charts_by_mirror(task: &Task, groups: &[Vec<usize>], sources: &[Examined]) -> Vec<Option<Vec<ChartName>>> {
    let mut charts: Vec<Option<Vec<ChartName>>> = task.mirrors.iter().map(|_| None).collect();
    for (group, source) in groups.iter().zip(sources) {
        for (at, number) in group.iter().enumerate() {
            charts[*number] = source.charts.as_ref().and_then(|all| all.get(at).cloned());
        }
    }
    charts
}

/// The registries, each with its targets and the mirrors that write to them.
fn places(task: &Task) -> Vec<Place> {
    let mut places: BTreeMap<RegistryHost, Place> = BTreeMap::new();
    let mut add = |target: &OciTarget, mirror: Option<usize>| {
        let place = places
            .entry(target.host.clone())
            .or_insert_with(|| Place::new(&target.host));
        place.targets.push((target.clone(), mirror));
        if let Some(mirror) = mirror {
            place.mirrors.push(task.mirrors[mirror].spec.name.clone());
        }
    };
    if let Some(TargetSpec::Registry(target)) = &task.target {
        add(target, None);
    }
    for (number, mirror) in task.mirrors.iter().enumerate() {
        for target in &mirror.spec.targets {
            if let TargetSpec::Registry(target) = target {
                add(target, Some(number));
            }
        }
    }
    let mut places: Vec<Place> = places.into_values().collect();
    for place in &mut places {
        place.mirrors.dedup();
    }
    places
}

/// The repositories of a registry that would be written, or why they are not known.
fn wanted(
    task: &Task,
    place: &Place,
    refused: &[OciTarget],
    charts: &[Option<Vec<ChartName>>],
) -> Result<Wanted, String> {
    let mut repositories: Vec<Repository> = Vec::new();
    let mut unknown = Vec::new();
    let targets = || {
        place
            .targets
            .iter()
            .filter(|(target, _)| !refused.contains(target))
    };
    if targets().next().is_none() {
        return Err("the path cannot hold charts".to_owned());
    }
    for (target, mirror) in targets() {
        let Some(mirror) = mirror else {
            return registry::stand_in(target);
        };
        match &charts[*mirror] {
            Some(names) => repositories.extend(names.iter().filter_map(|name| target.repository(name).ok())),
            None => unknown.push(task.mirrors[*mirror].spec.name.clone()),
        }
    }
    repositories.sort();
    repositories.dedup();
    unknown.dedup();
    if repositories.is_empty() {
        return Err(match unknown.as_slice() {
            [] => "the mirrors select no chart".to_owned(),
            _ => format!(
                "the index of {} could not be read, so no repository is known",
                names(&unknown, usize::MAX)
            ),
        });
    }
    Ok(Wanted {
        repositories,
        stand_in: false,
        unknown,
    })
}

/// Folders that are targets: whether they can be read, if they are there, and written.
fn layouts(task: &Task) -> Vec<impl Future<Output = Subject>> {
    let mut folders: BTreeMap<&Path, Vec<String>> = BTreeMap::new();
    if let Some(TargetSpec::Layout(dir)) = &task.target {
        folders.entry(dir).or_default();
    }
    for mirror in &task.mirrors {
        for target in &mirror.spec.targets {
            if let TargetSpec::Layout(dir) = target {
                folders.entry(dir).or_default().push(mirror.spec.name.clone());
            }
        }
    }
    let folders = folders.into_iter();
    folders
        .map(|(dir, mirrors)| async move {
            let mut checks = Checks::default();
            match layout(dir).await {
                Ok(text) => checks.ok("layout", text),
                Err(error) => checks.fail("layout", crate::transfer::chain(&error)),
            }
            Subject {
                role: Role::Target,
                name: format!("oci-layout:{}", dir.display()),
                mirrors,
                checks: checks.done(),
            }
        })
        .collect()
}

async fn layout(dir: &Path) -> Result<String, LayoutError> {
    Layout::check_permission(dir).await?;
    let layout = Layout::open(dir, Access::ReadOrEmpty).await?;
    if !layout.is_there() {
        return Ok("it is not there yet; `migrate` makes it".to_owned());
    }
    let stored = u64::try_from(layout.manifests().len()).unwrap_or(u64::MAX);
    Ok(format!("it holds {}", crate::report::count(stored, "version")))
}

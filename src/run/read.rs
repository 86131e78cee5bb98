//! The first half of a run: what each source has, which of it is wanted, and who may write where.

use std::collections::HashSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::open::{OpenedTarget, Registries, open_targets};
use super::spec::{Engine, MirrorSpec, Mode, TargetSpec};
use crate::helm::index::Index;
use crate::net::AddressGuard;
use crate::plan::ownership::{Claim, overlaps};
use crate::plan::{self, Planner, Selection};
use crate::report::{MirrorReport, Problem, ProblemKind};
use crate::source::{Snapshot, Source, SourceError, SourceSpec, Validators};
use crate::transfer::{Transfer, chain};
use crate::types::{ChartName, Reason};

/// A mirror whose source was read.
pub(super) struct Opened {
    pub(super) spec: MirrorSpec,
    pub(super) report: MirrorReport,
    /// None where the source could not be used, or no target.
    pub(super) work: Option<Work>,
}

/// What there is to do.
pub(super) struct Work {
    pub(super) transfer: Arc<Transfer>,
    /// For each destination of the transfer, which target of the report it is.
    pub(super) targets: Vec<usize>,
    /// One per repository.
    pub(super) selections: Vec<Selection>,
    /// Repositories, by destination, that another mirror claims too.
    pub(super) contested: Vec<HashSet<ChartName>>,
}

/// Opens the targets and reads the index of one mirror, side by side.
pub(super) async fn read(engine: &Engine, spec: MirrorSpec, mode: Mode, now: DateTime<Utc>) -> Opened {
    let mut report = MirrorReport::new(&spec.name, &spec.source.to_string());
    report.drift = spec.drift;
    report.drift_checked = spec.check_drift;
    engine.progress.phase(&spec.name, "reading the index");
    let reading = async {
        tokio::select! {
            read = read_source(engine, &spec) => Some(read),
            () = engine.stop.stopping() => None,
        }
    };
    let (targets, source) = futures_util::join!(open_targets(engine, &spec, mode), reading);
    let work = match source {
        Some(Ok(read)) => Some(prepare(engine, &spec, read, targets, &mut report, now)),
        Some(Err(error)) => {
            let reason = Reason {
                code: error.code(),
                text: chain(&error),
            };
            report.error = Some(Problem {
                kind: ProblemKind::Source,
                reason,
            });
            report.targets = targets.into_iter().map(|target| target.report).collect();
            None
        }
        None => {
            let reason = Reason::new("interrupted", "the run was told to stop while it read the index");
            report.error = Some(Problem {
                kind: ProblemKind::Source,
                reason,
            });
            None
        }
    };
    Opened { spec, report, work }
}

/// A source and what its index said.
struct Read {
    source: Source,
    index: Index,
    validators: Validators,
}

async fn read_source(engine: &Engine, spec: &MirrorSpec) -> Result<Read, SourceError> {
    let options = spec.source_options.clone();
    let source = Source::open(&spec.source, engine.net.clone(), engine.budget.clone(), options);
    match source.snapshot(None).await? {
        Snapshot::Fresh { index, validators } => Ok(Read {
            source,
            index,
            validators,
        }),
        // Nothing was given to compare with, so nothing can be unchanged.
        Snapshot::Unchanged { validators } => Ok(Read {
            source,
            index: Index::default(),
            validators,
        }),
    }
}

fn prepare(
    engine: &Engine,
    spec: &MirrorSpec,
    read: Read,
    targets: Vec<OpenedTarget>,
    report: &mut MirrorReport,
    now: DateTime<Utc>,
) -> Work {
    let Read {
        source,
        index,
        validators,
    } = read;
    report.index_entries = index.charts.iter().map(|chart| chart.entries.len() as u64).sum();
    report.warnings.extend(index.warnings);
    let planner = Planner::new(&index.charts, &spec.rules, now);
    report.warnings.extend_from_slice(planner.warnings());
    let selections: Vec<_> = index
        .charts
        .into_iter()
        .flat_map(|chart| planner.select(chart).split())
        .collect();
    report.warnings.extend(
        selections
            .iter()
            .flat_map(|selection| selection.warnings.iter().cloned()),
    );
    let selected = selections
        .iter()
        .map(|selection| selection.candidates.len())
        .sum();
    let entries = usize::try_from(report.index_entries).unwrap_or(usize::MAX);
    report.warnings.extend(plan::nothing_selected(selected, entries));
    let mut numbers = Vec::new();
    let mut destinations = Vec::new();
    for (number, target) in targets.into_iter().enumerate() {
        report.targets.push(target.report);
        if let Some(destination) = target.destination {
            numbers.push(number);
            destinations.push(destination);
        }
    }
    let contested = vec![HashSet::new(); destinations.len()];
    let guard = match &spec.source {
        SourceSpec::Http(url) => AddressGuard::source(url),
        SourceSpec::Folder(_) | SourceSpec::Layout(_) => AddressGuard::strict(),
    };
    let transfer = Transfer::new(
        &report.source,
        (source, validators),
        destinations,
        spec.policy.clone(),
        engine.budget.clone(),
        Arc::new(Registries::new(engine.clone(), guard)),
    );
    Work {
        transfer: Arc::new(transfer),
        targets: numbers,
        selections,
        contested,
    }
}

/// Marks what two mirrors would fill from different sources: neither writes it (product rules "Trust").
pub(super) fn settle_claims(mirrors: &mut [Opened]) {
    let claims: Vec<Claim> = mirrors.iter().flat_map(claims).collect();
    for overlap in overlaps(&claims) {
        for opened in mirrors
            .iter_mut()
            .filter(|opened| overlap.mirrors.contains(&opened.spec.name))
        {
            opened.report.warnings.push(overlap.reason.clone());
            let Some(work) = opened.work.as_mut().filter(|_| overlap.conflict) else {
                continue;
            };
            for (destination, number) in work.targets.iter().enumerate() {
                let target = address(&opened.spec.targets[*number]);
                let names = work
                    .selections
                    .iter()
                    .filter_map(|selection| selection.repository.as_ref());
                let contested = names.filter(|name| overlap.repository == format!("{target}/{name}"));
                work.contested[destination].extend(contested.cloned());
            }
        }
    }
}

fn claims(opened: &Opened) -> impl Iterator<Item = Claim> + '_ {
    opened.work.iter().flat_map(move |work| {
        let wanted = work
            .selections
            .iter()
            .filter(|selection| !selection.candidates.is_empty());
        let repositories: Vec<_> = wanted
            .filter_map(|selection| selection.repository.clone())
            .collect();
        work.targets.iter().map(move |number| Claim {
            mirror: opened.spec.name.clone(),
            source: opened.report.source.to_string(),
            target: address(&opened.spec.targets[*number]),
            repositories: repositories.clone(),
        })
    })
}

fn address(target: &TargetSpec) -> String {
    target.to_string().trim_end_matches('/').to_owned()
}

//! The first half of a run: what each source has, which of it is wanted, and who may write where.

use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures_util::{FutureExt as _, future};

use super::open::{OpenedTarget, Registries, Targets};
use super::spec::{Engine, MirrorSpec, Mode};
use super::stop::{Stop, Timer};
use crate::helm::index::Index;
use crate::net::AddressGuard;
use crate::plan::ownership::{self, Claim, Overlap, overlaps};
use crate::plan::{self, Mismatch, Planner, Selection};
use crate::report::{MirrorReport, Problem, ProblemKind};
use crate::source::{Snapshot, Source, SourceError, SourceSpec, Validators};
use crate::transfer::{Transfer, chain};
use crate::types::{ChartName, Reason, Shard};

/// A mirror whose source was read.
pub(super) struct Opened {
    pub(super) spec: MirrorSpec,
    pub(super) report: MirrorReport,
    /// None where the source could not be used, or no target.
    pub(super) work: Option<Work>,
    /// The mirror's own cords, and what pulls the first of them when its time is up.
    pub(super) stop: Stop,
    pub(super) timer: Option<Timer>,
}

/// What there is to do.
pub(super) struct Work {
    pub(super) transfer: Arc<Transfer>,
    /// For each destination of the transfer, which target of the report it is.
    pub(super) targets: Vec<usize>,
    /// One per repository.
    pub(super) selections: Vec<Selection>,
}

/// Opens the targets and reads the index of one mirror, side by side.
pub(super) async fn read(
    engine: &Engine,
    targets: &Targets,
    spec: MirrorSpec,
    mode: Mode,
    now: DateTime<Utc>,
) -> Opened {
    let (stop, timer) = engine.stop.timed(spec.run_timeout);
    let mut report = MirrorReport::new(&spec.name, &spec.source.to_string());
    report.drift = spec.drift;
    report.drift_checked = spec.check_drift || matches!(mode, Mode::Verify { .. });
    engine.progress.phase(&spec.name, "reading the index");
    let reading = AssertUnwindSafe(read_source(engine, &spec)).catch_unwind();
    let both = future::join(targets.open_all(engine, &spec, mode), reading);
    let read = tokio::select! {
        read = both => Some(read),
        () = stop.stopping() => None,
    };
    let mut fail = |kind, reason| report.error = Some(Problem { kind, reason });
    let work = match read {
        None => {
            fail(ProblemKind::Source, stop.reason("while it read the index"));
            None
        }
        Some((targets, Ok(Ok(read)))) => Some(prepare(engine, &spec, read, targets, &mut report, now)),
        Some((targets, source)) => {
            if let Ok(Err(error)) = source {
                fail(ProblemKind::Source, Reason::new(error.code(), chain(&error)));
            } else {
                let text = "a defect of chartferry ended the reading of the index";
                fail(ProblemKind::Defect, Reason::new("internal", text));
            }
            report.targets = targets.into_iter().map(|target| target.report).collect();
            None
        }
    };
    Opened {
        spec,
        report,
        work,
        stop,
        timer,
    }
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
    let selections = match spec.shard {
        None => selections,
        Some(shard) => share(selections, shard, report),
    };
    let mut numbers = Vec::new();
    let mut destinations = Vec::new();
    for (number, target) in targets.into_iter().enumerate() {
        report.targets.push(target.report);
        if let Some(destination) = target.destination {
            numbers.push(number);
            destinations.push(destination);
        }
    }
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
    }
}

/// Keeps what belongs to this part. The books of the report are about nothing else.
fn share(selections: Vec<Selection>, shard: Shard, report: &mut MirrorReport) -> Vec<Selection> {
    let (own, others): (Vec<_>, Vec<_>) = selections.into_iter().partition(|selection| {
        let name = selection
            .repository
            .as_ref()
            .map_or(&*selection.chart, ChartName::as_str);
        shard.takes(name)
    });
    let entries: usize = others.iter().map(Selection::entries).sum();
    report.index_entries = report.index_entries.saturating_sub(entries as u64);
    report.shard = Some(shard);
    own
}

/// Marks what two mirrors would fill from different sources: neither writes it (product rules "Trust").
pub(super) fn settle_claims(mirrors: &mut [Opened]) {
    let claims: Vec<Claim> = mirrors.iter().flat_map(claims).collect();
    let overlaps = overlaps(&claims);
    for opened in mirrors {
        let concerns = |overlap: &&Overlap| overlap.mirrors.contains(&opened.spec.name);
        let own: Vec<_> = overlaps.iter().filter(concerns).collect();
        let reasons = own.iter().map(|overlap| overlap.reason.clone());
        opened.report.warnings.extend(reasons);
        let Some(work) = &opened.work else { continue };
        let conflicts = own.iter().filter(|overlap| overlap.conflict);
        let conflicts: HashSet<&str> = conflicts.map(|overlap| &*overlap.repository).collect();
        for destination in work.transfer.destinations() {
            let target = destination.target().name();
            let names = work.selections.iter().filter_map(|one| one.repository.as_ref());
            let mut contested: HashSet<ChartName> = names
                .filter(|name| conflicts.contains(format!("{target}/{name}").as_str()))
                .cloned()
                .collect();
            if opened.spec.policy.mismatch == Mismatch::Package {
                // Its packages may turn out to have any name, so all that others fill is out of bounds.
                contested.extend(ownership::of_others(&claims, &opened.report.source, &target));
            }
            destination.contest(contested);
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
        work.transfer.destinations().iter().map(move |destination| Claim {
            mirror: opened.spec.name.clone(),
            source: opened.report.source.to_string(),
            target: destination.target().name(),
            repositories: repositories.clone(),
        })
    })
}

//! The first half of a run: what each source has, and which of it is wanted.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures_util::{FutureExt as _, future};
use http::StatusCode;

use super::open::{OpenedTarget, Registries, Targets};
use super::prune::Place;
use super::recall::Recall;
use super::remembered;
use super::spec::{Engine, MirrorSpec, Mode};
use super::stop::{Stop, Timer};
use crate::helm::index::Index;
use crate::net::AddressGuard;
use crate::plan::{self, Planner, Selection};
use crate::report::{MirrorReport, Problem, ProblemKind};
use crate::source::{Snapshot, Source, SourceError, SourceSpec, Validators};
use crate::transfer::{Transfer, chain};
use crate::types::{ChartName, Reason, Shard};

/// A mirror whose source was read.
pub(super) struct Opened {
    pub(super) spec: MirrorSpec,
    pub(super) report: MirrorReport,
    /// None where the source could not be used, or no target, or nothing changed.
    pub(super) work: Option<Work>,
    /// What the mirror remembers, where it does.
    pub(super) recall: Option<Arc<Recall>>,
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

impl Work {
    /// The targets that are in use, by their numbers among those of the mirror.
    pub(super) fn places(&self) -> Vec<Place> {
        let destinations = self.transfer.destinations().iter().cloned();
        self.targets.iter().copied().zip(destinations).collect()
    }
}

/// What a source said.
enum Found {
    /// A new index. The targets, if they were opened meanwhile.
    Fresh(Box<Read>, Option<Vec<OpenedTarget>>),
    /// The one of the last run.
    Unchanged(Validators),
}

/// A source and what its index said.
struct Read {
    source: Source,
    index: Index,
    validators: Validators,
}

/// Why there is nothing to do, and what is known of the targets.
type Halt = (Problem, Vec<OpenedTarget>);

/// Reads the index of one mirror and opens its targets: side by side, or with a state only those that the index gives
/// work for.
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
    let mut opened = Opened {
        spec,
        report,
        work: None,
        recall: None,
        stop,
        timer,
    };
    let reading = Reading {
        engine,
        targets,
        mode,
        now,
    };
    if let Err((problem, targets)) = reading.run(&mut opened).await {
        opened.report.error = Some(problem);
        opened.report.targets = targets.into_iter().map(|target| target.report).collect();
    }
    opened
}

struct Reading<'a> {
    engine: &'a Engine,
    targets: &'a Targets,
    mode: Mode,
    now: DateTime<Utc>,
}

impl Reading<'_> {
    async fn run(&self, opened: &mut Opened) -> Result<(), Halt> {
        self.remember(opened).await?;
        let Opened {
            spec,
            report,
            work,
            recall,
            stop,
            ..
        } = opened;
        let recall = recall.as_deref();
        self.engine.progress.phase(&spec.name, "reading the index");
        let (read, targets) = match or_stop(stop, self.ask(spec, recall)).await? {
            Found::Unchanged(validators) => {
                if let Some(recall) = recall {
                    recall.rest(spec, validators, report);
                }
                return Ok(());
            }
            Found::Fresh(read, targets) => (read, targets),
        };
        let Read {
            source,
            index,
            validators,
        } = *read;
        let selections = self.select(spec, recall, index, &validators, report);
        let targets = if let Some(targets) = targets {
            targets
        } else {
            let needed = |number| needs_target(spec, recall, number, &selections);
            let opening = self.targets.open_all(self.engine, spec, self.mode, &needed);
            or_stop(stop, async { Ok(opening.await) }).await?
        };
        *work = Some(equip(
            self.engine,
            spec,
            (source, validators),
            targets,
            selections,
            report,
        ));
        Ok(())
    }

    /// Opens the state. `verify` compares with the registry itself and needs none.
    async fn remember(&self, opened: &mut Opened) -> Result<(), Halt> {
        let Some(memory) = &opened.spec.memory else {
            return Ok(());
        };
        if matches!(self.mode, Mode::Verify { .. }) {
            return Ok(());
        }
        let (recall, warnings) = Recall::open(memory.clone(), self.mode, self.now)
            .await
            .map_err(|problem| (problem, Vec::new()))?;
        opened.report.warnings.extend(warnings);
        // The record tells what is there, and the index what should be.
        opened.report.drift_checked = true;
        opened.recall = Some(recall);
        Ok(())
    }

    async fn ask(&self, spec: &MirrorSpec, recall: Option<&Recall>) -> Result<Found, Halt> {
        let Some(recall) = recall else {
            let all = |_| true;
            let opening = self.targets.open_all(self.engine, spec, self.mode, &all);
            let (targets, found) = future::join(opening, self.index(spec, None)).await;
            return match found {
                Ok(Found::Fresh(read, _)) => Ok(Found::Fresh(read, Some(targets))),
                Ok(unchanged @ Found::Unchanged(_)) => Ok(unchanged),
                Err(problem) => Err((problem, targets)),
            };
        };
        let condition = recall.condition(spec, self.mode, self.now);
        let found = self.index(spec, condition.as_ref()).await;
        found.map_err(|problem| (problem, Vec::new()))
    }

    async fn index(&self, spec: &MirrorSpec, condition: Option<&Validators>) -> Result<Found, Problem> {
        let reading = AssertUnwindSafe(read_source(self.engine, spec, condition)).catch_unwind();
        match reading.await {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(error)) => Err(Problem {
                kind: ProblemKind::Source,
                reason: Reason::new(error.code(), chain(&error)),
            }),
            Err(_) => Err(Problem {
                kind: ProblemKind::Defect,
                reason: Reason::new(
                    "internal",
                    "a defect of chartferry ended the reading of the index",
                ),
            }),
        }
    }

    /// What of an index is wanted.
    fn select(
        &self,
        spec: &MirrorSpec,
        recall: Option<&Recall>,
        index: Index,
        validators: &Validators,
        report: &mut MirrorReport,
    ) -> Vec<Selection> {
        report.index_entries = index.charts.iter().map(|chart| chart.entries.len() as u64).sum();
        report.warnings.extend(index.warnings);
        if let Some(recall) = recall {
            let (odd, holds_back) = recall.take_up(&index.charts, validators, self.now);
            if holds_back {
                report.safety_limits.extend(odd);
            } else {
                report.warnings.extend(odd);
            }
        }
        let first_seen = |chart: &str, version: &str| recall?.first_seen(chart, version);
        let planner = Planner::new(&index.charts, &spec.rules, self.now).remembering(&first_seen);
        report.warnings.extend_from_slice(planner.warnings());
        let charts = index.charts.into_iter();
        let selections: Vec<_> = charts.flat_map(|chart| planner.select(chart).split()).collect();
        let warnings = selections.iter().flat_map(|selection| &selection.warnings);
        report.warnings.extend(warnings.cloned());
        let candidates = selections.iter().map(|selection| selection.candidates.len());
        let entries = usize::try_from(report.index_entries).unwrap_or(usize::MAX);
        let nothing = plan::nothing_selected(candidates.sum(), entries);
        report.warnings.extend(nothing);
        let selections = match spec.shard {
            None => selections,
            Some(shard) => share(selections, shard, report),
        };
        if let Some(recall) = recall {
            recall.selected(&selections, self.now);
        }
        selections
    }
}

/// Does `work` unless the mirror is told to stop meanwhile.
async fn or_stop<T>(stop: &Stop, work: impl Future<Output = Result<T, Halt>>) -> Result<T, Halt> {
    tokio::select! {
        done = work => done,
        () = stop.stopping() => {
            let reason = stop.reason("while it read the index");
            let kind = ProblemKind::Source;
            Err((Problem { kind, reason }, Vec::new()))
        }
    }
}

async fn read_source(
    engine: &Engine,
    spec: &MirrorSpec,
    condition: Option<&Validators>,
) -> Result<Found, SourceError> {
    let options = spec.source_options.clone();
    let source = Source::open(&spec.source, engine.net.clone(), engine.budget.clone(), options);
    match source.snapshot(condition).await? {
        Snapshot::Fresh { index, validators } => Ok(Found::Fresh(
            Box::new(Read {
                source,
                index,
                validators,
            }),
            None,
        )),
        Snapshot::Unchanged { validators } if condition.is_some() => Ok(Found::Unchanged(validators)),
        // Nothing was given to compare with, so nothing can be unchanged; what it has is not known all the same.
        Snapshot::Unchanged { .. } => Err(SourceError::Status {
            what: "index",
            url: spec.source.to_string(),
            status: StatusCode::NOT_MODIFIED,
        }),
    }
}

/// Whether anything is to be asked of a target: a version that is not recorded there, or whatever is to be looked at anew.
fn needs_target(spec: &MirrorSpec, recall: Option<&Recall>, number: usize, selections: &[Selection]) -> bool {
    let Some(recall) = recall else { return true };
    let overwrite = spec.overwrites();
    let unknown = |selection: &Selection| {
        let candidates = &selection.candidates;
        !remembered::suffices(recall, number, candidates, overwrite)
    };
    let prunes = || recall.memory.prune && recall.state(|state| state.vanished(number).next().is_some());
    recall.reconciles || spec.check_drift || prunes() || selections.iter().any(unknown)
}

fn equip(
    engine: &Engine,
    spec: &MirrorSpec,
    read: (Source, Validators),
    targets: Vec<OpenedTarget>,
    selections: Vec<Selection>,
    report: &mut MirrorReport,
) -> Work {
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
        read,
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

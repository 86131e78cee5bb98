//! The second half of a run, per mirror: tag lists in, versions out, both at the same time.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt as _, StreamExt as _, future, stream};
use tokio::sync::mpsc;

use super::carry::{carry_all, panicked};
use super::drift::{Depth, Look, Standing, case_collisions};
use super::ledger::Ledger;
use super::read::{Opened, Work};
use super::recall::Recall;
use super::remembered;
use super::spec::{Engine, MirrorSpec, Mode};
use super::stop::Stop;
use crate::plan::{Candidate, Selection};
use crate::report::{Action, Item, MirrorReport, Problem, ProblemKind};
use crate::target::{Tags, Target};
use crate::transfer::{Destination, Fault, Job, Transfer};
use crate::types::{ChartName, Digest, Reason, Repository, Tag};

/// Tag lists read side by side per mirror. The network layer bounds them per host.
const LISTINGS: usize = 16;
/// Versions that wait for a place. Enough that the pool never starves, so few that tag lists are not read long
/// before they are needed.
const QUEUE: usize = 1024;

/// How long uploads may take to be cancelled that no push has used: the registry forgets them by itself some day.
const ENDING: Duration = Duration::from_secs(5);

/// When the end of the run reached versions that nobody had taken up.
pub(super) const BEFORE: &str = "before this version's turn";

/// What the tasks of one mirror share.
pub(super) struct Cycle {
    pub(super) spec: MirrorSpec,
    mode: Mode,
    pub(super) transfer: Arc<Transfer>,
    /// For each destination of the transfer, which target of the mirror it is.
    pub(super) targets: Vec<usize>,
    pub(super) ledger: Ledger,
    pub(super) engine: Engine,
    pub(super) stop: Stop,
    /// What the mirror remembers, where it does.
    pub(super) recall: Option<Arc<Recall>>,
    /// The tags of all that the index lists, where they are compared with what the target has.
    known: HashMap<ChartName, HashSet<String>>,
}

/// The tags that the source accounts for, also where filters leave their versions out.
fn known(selections: &[Selection]) -> HashMap<ChartName, HashSet<String>> {
    let mut known: HashMap<ChartName, HashSet<String>> = HashMap::new();
    for selection in selections {
        let Some(repository) = &selection.repository else {
            continue;
        };
        let tags = known.entry(repository.clone()).or_default();
        tags.extend(selection.candidates.iter().map(|one| one.tag.to_string()));
        let left = selection.left.iter();
        tags.extend(left.filter_map(|left| Some(Tag::from_version(&left.version).ok()?.to_string())));
    }
    known
}

/// Does the work of one mirror.
pub(super) async fn run(engine: &Engine, opened: Opened, mode: Mode) -> MirrorReport {
    let Opened {
        spec,
        mut report,
        work,
        recall,
        stop,
        timer,
    } = opened;
    let Some(Work {
        transfer,
        targets,
        selections,
    }) = work
    else {
        return report;
    };
    let ledger = Ledger::new(transfer.destinations().len(), spec.rules.accept.clone());
    let known = match mode {
        Mode::Verify { .. } => known(&selections),
        Mode::Plan | Mode::Migrate => HashMap::new(),
    };
    let cycle = Arc::new(Cycle {
        known,
        spec,
        mode,
        transfer,
        targets,
        ledger,
        // Places are shared between mirrors
        engine: Engine {
            gate: engine.gate.another(),
            ..engine.clone()
        },
        stop,
        recall,
    });
    engine
        .progress
        .phase(&cycle.spec.name, "comparing with the registry");
    let (send, receive) = mpsc::channel(QUEUE);
    let ((), ()) = future::join(
        cycle.look(selections, send).boxed(),
        carry_all(&cycle, receive).boxed(),
    )
    .await;
    drop(timer);
    let ends = cycle.transfer.destinations().iter().map(|one| one.end());
    tokio::select! {
        _ = tokio::time::timeout(ENDING, future::join_all(ends)) => {}
        () = cycle.stop.expired() => {}
    }
    // All tasks were joined. Should one live on all the same, the books stay empty and do not balance, which `run`
    // finds out.
    if let Some(cycle) = Arc::into_inner(cycle) {
        cycle.close(&mut report);
    }
    report
}

impl Cycle {
    /// Reads the tag lists and decides what is to be done, repository by repository.
    async fn look(&self, selections: Vec<Selection>, send: mpsc::Sender<Job>) {
        stream::iter(selections)
            .for_each_concurrent(LISTINGS, |selection| {
                let send = send.clone();
                async move {
                    for job in self.judge(selection).boxed().await {
                        // The receiver is gone only when the run is over.
                        let _ = send.send(job).await;
                    }
                }
            })
            .await;
    }

    /// All versions of one chart: what needs no work goes into the ledger, the rest becomes jobs.
    async fn judge(&self, selection: Selection) -> Vec<Job> {
        let repository = selection.repository.as_ref().map(ChartName::shared);
        for left in selection.left {
            self.ledger.left_out(left, repository.as_ref());
        }
        let mut jobs: BTreeMap<usize, Job> = BTreeMap::new();
        if selection.candidates.is_empty() {
            return Vec::new();
        }
        let targets = 0..self.transfer.destinations().len();
        let standings =
            future::join_all(targets.map(|target| self.standings(target, &selection.candidates))).await;
        for (target, standings) in standings.into_iter().enumerate() {
            for (index, standing) in standings.into_iter().enumerate() {
                self.settle(
                    target,
                    &selection.candidates[index],
                    standing,
                    |overwrite, note| {
                        let job = jobs.entry(index).or_insert_with(|| Job {
                            candidate: selection.candidates[index].clone(),
                            destinations: Vec::new(),
                            overwrite: false,
                        });
                        job.destinations.push(target);
                        job.overwrite |= overwrite;
                        job.candidate.warnings.extend(note);
                    },
                );
            }
        }
        self.engine.progress.planned(&self.spec.name, jobs.len() as u64);
        jobs.into_values().collect()
    }

    /// How each version stands at one target. A defect there is the trouble of this chart alone.
    async fn standings(&self, target: usize, candidates: &[Candidate]) -> Vec<Standing> {
        let all = |standing: Standing| vec![standing; candidates.len()];
        let Some(first) = candidates.first() else {
            return Vec::new();
        };
        let destination = &self.transfer.destinations()[target];
        if let Err(fault) = destination.check_contest(&first.repository) {
            return all(Standing::failed(fault));
        }
        if let Some(standings) = self.remembered(target, candidates) {
            return standings;
        }
        let interrupted = || {
            self.flaw();
            let reason = self.stop.reason(BEFORE);
            all(Standing::Failed(Action::Failed, Arc::new(reason)))
        };
        if self.stop.is_stopping() {
            return interrupted();
        }
        let found = AssertUnwindSafe(self.find(target, first, candidates)).catch_unwind();
        tokio::select! {
            found = found => match found {
                Ok(Ok((standings, tags))) => {
                    self.name_unknown(target, &first.repository, &tags);
                    standings
                }
                Ok(Err(fault)) => {
                    self.flaw();
                    all(Standing::failed(fault))
                }
                Err(_) => {
                    self.flaw();
                    all(Standing::failed(panicked("a look at the target")))
                }
            },
            () = self.stop.expired() => interrupted(),
        }
    }

    /// How each version stands without a request, where all of them are recorded. A layout is looked at all the same: it
    /// costs nothing there.
    fn remembered(&self, target: usize, candidates: &[Candidate]) -> Option<Vec<Standing>> {
        let recall = self.recall.as_ref()?;
        let destination = self.transfer.destinations()[target].target();
        if recall.reconciles || self.spec.check_drift || matches!(destination, Target::Layout(_)) {
            return None;
        }
        let number = self.targets[target];
        if !remembered::suffices(recall, number, candidates, self.spec.overwrites()) {
            return None;
        }
        remembered::standings(recall, (number, destination), candidates)
    }

    /// A tag list or a tag could not be read.
    fn flaw(&self) {
        if let Some(recall) = &self.recall {
            recall.flaw();
        }
    }

    async fn find(
        &self,
        number: usize,
        first: &Candidate,
        candidates: &[Candidate],
    ) -> Result<(Vec<Standing>, Tags), Fault> {
        let destination = &*self.transfer.destinations()[number];
        let target = destination.target();
        let repository = target
            .repository(&first.repository)
            .map_err(|error| Fault::refused("invalid-name", error.to_string()))?;
        destination.usable(&repository)?;
        let tags = target
            .list_tags(&repository)
            .await
            .map_err(|fault| destination.hidden(&repository, fault))?;
        destination.looked(&repository, tags.found);
        let look = Look {
            engine: &self.engine,
            transfer: &self.transfer,
            destination,
            repository: &repository,
            tags: &tags,
            depth: Depth::of(self.mode, self.spec.check_drift),
            number: self.targets[number],
            repair: self.spec.repair(),
            recall: self.recall.as_deref(),
        };
        if let Some(recall) = look.recall {
            remembered::forget_deleted(recall, look.number, (target, &repository), &tags);
        }
        let collisions = if tags.folded {
            case_collisions(candidates)
        } else {
            HashMap::new()
        };
        let look = &look;
        // By number: a closure over references would keep the run from being a task
        let standings = (0..candidates.len()).map(|index| {
            let candidate = &candidates[index];
            let collision = collisions
                .get(&candidate.tag.as_str().to_ascii_lowercase())
                .cloned();
            async move {
                match collision {
                    Some(reason) => Standing::Failed(Action::Refused, reason),
                    None => look.standing(candidate).await,
                }
            }
        });
        let mut standings: Vec<_> = stream::iter(standings).buffered(LISTINGS).collect().await;
        if !tags.found {
            self.preflight(destination, &repository, &mut standings).await;
        }
        Ok((standings, tags))
    }

    /// Where something is to be pushed to a repository that is in no list: makes sure before any download that it takes
    /// uploads, or in a plan says what stands in the way. What is there already is none the worse for it.
    async fn preflight(
        &self,
        destination: &Destination,
        repository: &Repository,
        standings: &mut [Standing],
    ) {
        let overwrite = self.spec.overwrites();
        let wanted = |standing: &&mut Standing| match standing {
            Standing::Missing | Standing::Healed(_) => true,
            Standing::Drifted(..) => overwrite,
            Standing::Present(_) | Standing::Left(_) | Standing::Failed(..) => false,
        };
        let mut wanted = standings.iter_mut().filter(wanted).peekable();
        if wanted.peek().is_none() {
            return;
        }
        let create = self.spec.create_repositories;
        let outcome = match self.mode {
            Mode::Migrate => destination.admit(repository, create).await,
            Mode::Plan => destination.foresee(repository, create).await,
            // It writes nothing, so nothing stands in its way.
            Mode::Verify { .. } => Ok(()),
        };
        if let Err(fault) = outcome {
            let failed = Standing::failed(fault);
            wanted.for_each(|standing| standing.clone_from(&failed));
        }
    }

    /// Enters what is decided; asks `want` for a transfer otherwise, says whether it replaces what is there and what is to
    /// be told of it.
    fn settle(
        &self,
        target: usize,
        candidate: &Candidate,
        standing: Standing,
        mut want: impl FnMut(bool, Option<Reason>),
    ) {
        let overwrite = self.spec.overwrites();
        if let (Standing::Drifted(..), Some(recall)) = (&standing, &self.recall) {
            recall.drifted(self.targets[target], candidate);
        }
        let (action, reason, seen) = match (standing, self.mode) {
            (Standing::Missing, Mode::Migrate) => return want(false, None),
            (Standing::Healed(note), Mode::Migrate) => return want(false, Some(note)),
            (Standing::Drifted(..), Mode::Migrate) if overwrite => return want(true, None),
            (Standing::Missing, Mode::Plan) => (Action::Push, None, None),
            (Standing::Drifted(reason, _), Mode::Plan) if overwrite => (Action::Push, Some(reason), None),
            (Standing::Missing, Mode::Verify { .. }) => {
                let text = format!("not at the target; {} pushes it", self.spec.repair());
                let reason = Reason::new("missing", text);
                (Action::Failed, Some(Arc::new(reason)), None)
            }
            (Standing::Healed(note), _) => (Action::Push, Some(Arc::new(note)), None),
            (Standing::Left(reason), _) => (Action::Filtered, Some(reason), None),
            (Standing::Present(seen), _) => (Action::Present, None, seen),
            (Standing::Drifted(reason, seen), _) => (Action::Drifted, Some(reason), seen),
            (Standing::Failed(action, reason), _) => (action, Some(reason), None),
        };
        self.ledger.plain(target, candidate, action, reason, seen);
    }

    /// Tags of which the source knows nothing, where they are asked for. Those of signatures and attestations belong to
    /// other tags.
    fn name_unknown(&self, target: usize, repository: &ChartName, tags: &Tags) {
        let Some(known) = self.known.get(repository) else {
            return;
        };
        let named = |tag: &str| {
            known.contains(tag) || (tags.folded && known.iter().any(|own| own.eq_ignore_ascii_case(tag)))
        };
        let unknown = tags
            .names
            .iter()
            .filter(|tag| !named(tag) && !tag.starts_with("sha256-") && tag.parse::<Digest>().is_err());
        let mut unknown: Vec<_> = unknown.collect();
        unknown.sort();
        let reason = Reason::new(
            "not-in-source",
            "at the target, and not in the index of the source",
        );
        let reason = Arc::new(reason);
        for tag in unknown {
            self.ledger.vanished(target, repository, tag, Arc::clone(&reason));
        }
    }

    fn close(self, report: &mut MirrorReport) {
        if let Some(recall) = &self.recall {
            for (destination, item) in self.ledger.accepted_failures() {
                recall.accepted_failure(self.targets[destination], &item);
            }
        }
        let books = self.ledger.close();
        let destinations = self.transfer.destinations();
        for ((number, mut items), destination) in self.targets.iter().zip(books).zip(destinations) {
            if let Some(reason) = destination.disproved() {
                let reason = Arc::new(reason.clone());
                for item in items.iter_mut().filter(|item| item.action == Action::Pushed) {
                    item.action = Action::Failed;
                    item.reason = Some(Arc::clone(&reason));
                    if let Some(recall) = &self.recall {
                        recall.change(|state| state.gone(*number, &item.chart, &item.version));
                    }
                }
            }
            let target = &mut report.targets[*number];
            target.error = unusable(destination, &items);
            target.repositories = destination.repositories();
            target.items = items;
        }
    }
}

/// Why a target as a whole was of no use in this run: it was given up, repositories are missing in it (reliability F45),
/// or it refused us and holds nothing of what is wanted.
fn unusable(destination: &Destination, items: &[Item]) -> Option<Problem> {
    let in_place = |item: &Item| matches!(item.action, Action::Pushed | Action::Present);
    let refusal = || destination.refusal().filter(|_| !items.iter().any(in_place));
    let given_up = destination.broken().cloned().or_else(|| destination.unwritable());
    let reason = given_up.or_else(|| refusal().cloned())?;
    Some(Problem {
        kind: ProblemKind::Target,
        reason,
    })
}

//! What a mirror remembers at the end of a run, and the report of a run that found the index unchanged.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::ledger;
use super::prune::Place;
use super::recall::{Recall, TakenUp};
use super::remembered::stays;
use super::spec::{MirrorSpec, Mode};
use super::stop::Stop;
use crate::report::{Action, Command, ExitStatus, Item, MirrorReport, RunSummary, TargetReport};
use crate::source::Validators;
use crate::state::{Matter, MirrorState, Settled, State};
use crate::types::{ChartName, Reason, Tag};

/// A package that is gone is looked for in so many runs; then the mirror rests all the same, until the index changes or
/// everything is looked at again (reliability B37).
const GONE_FOR_GOOD: u32 = 3;
/// See [`GONE_FOR_GOOD`].
const GONE: &str = "source-gone";
/// The end of the run reached versions that nobody had looked at: that says nothing of them.
const CUT_SHORT: [&str; 2] = ["interrupted", "deadline"];
/// What other mirrors want decides, so that an unchanged index says nothing.
const CONTESTED: &str = "two-mirrors";

/// A run that ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ending {
    pub(super) mode: Mode,
    pub(super) started: DateTime<Utc>,
    /// It was told to stop.
    pub(super) stopped: bool,
}

impl Recall {
    /// Writes the report of a run that found the index unchanged: what needs attention, and what vanished. Nothing was
    /// asked but the source.
    pub(super) fn rest(&self, spec: &MirrorSpec, validators: Validators, report: &mut MirrorReport) {
        self.change(|state| {
            state.unchanged(validators);
            state.remains();
            report.source_unchanged = true;
            if self.memory.prune {
                report.safety_limits.extend(state.suspicion());
            } else {
                report.warnings.extend(state.suspicion());
            }
            for (number, target) in spec.targets.iter().enumerate() {
                let mut target = TargetReport::new(&target.to_string());
                target.items = standing_matters(state, number);
                report.targets.push(target);
            }
        });
        self.name_vanished(report);
    }

    /// Lists what is at the targets and gone from the source.
    pub(super) fn name_vanished(&self, report: &mut MirrorReport) {
        let reason = Reason::new("vanished", "at the target, and gone from the index of the source");
        let reason = Arc::new(reason);
        for (number, target) in report.targets.iter_mut().enumerate() {
            if target.error.is_some() {
                continue;
            }
            // Of some of them more was said: they were to be deleted.
            let told: HashSet<_> = target
                .items
                .iter()
                .filter(|item| item.index_line == 0)
                .map(|item| (Arc::clone(&item.chart), item.version.clone()))
                .collect();
            let items = self.state(|state| {
                let vanished = state.vanished(number);
                let untold = vanished.filter(|one| {
                    let name = (Arc::clone(&one.chart), one.version.clone());
                    !told.contains(&name)
                });
                let items = untold.map(|vanished| {
                    let mut item = Item::new(vanished.chart, vanished.version, Action::Vanished);
                    place(&mut item, &vanished.repository, &vanished.tag);
                    item.details_mut().manifest_digest = Some(vanished.manifest);
                    item.reason = Some(Arc::clone(&reason));
                    item
                });
                items.collect::<Vec<_>>()
            });
            target.items.extend(items);
            ledger::sort(&mut target.items);
        }
    }

    /// Remembers what the report says, and saves.
    pub(super) async fn conclude(
        self: &Arc<Self>,
        report: &mut MirrorReport,
        places: &[Place],
        (ending, stop): (Ending, &Stop),
    ) {
        if let Some(index) = self.index.get().filter(|_| report.error.is_none()) {
            self.prune(report, places, ending, stop).await;
            self.account(report, index, ending);
            self.name_vanished(report);
        }
        let finished = Utc::now();
        let command = match ending.mode {
            Mode::Plan => Command::Plan,
            Mode::Migrate => Command::Migrate,
            Mode::Verify { .. } => Command::Verify,
        };
        let status = match ExitStatus::of_mirror(command, report) {
            status if ending.stopped && !status.is_success() => ExitStatus::Terminated,
            status => status,
        };
        let problem = report.error.as_ref().map(|problem| &*problem.reason.text);
        let times = (ending.started, finished);
        let summary = RunSummary::new(times, status, &report.totals(), problem);
        report.memoir = Some(self.change(|state| {
            state.ended(summary, status);
            let memoir = state.memoir();
            // The memoir says once that something is new; whoever reads it tells others.
            state.notified();
            memoir
        }));
        let recall = Arc::clone(self);
        let saving = tokio::task::spawn_blocking(move || recall.save(MirrorState::save));
        if let Err(error) = saving.await {
            let text = format!("a defect of chartferry kept the state from being saved: {error}");
            report.warnings.push(Reason::new("internal", text));
        }
        report.warnings.extend(self.unsaved.get().cloned());
    }

    fn account(&self, report: &MirrorReport, index: &TakenUp, ending: Ending) {
        let complete = !ending.stopped && !self.is_flawed();
        let mut account = Account {
            recall: self,
            noted: BTreeSet::new(),
            reached: complete,
            finished: complete && !self.holds_back(),
            now: Utc::now(),
        };
        self.change(|state| {
            for (number, target) in report.targets.iter().enumerate() {
                let Ok(number) = u16::try_from(number) else {
                    continue;
                };
                account.target(state, number, target);
            }
            let Account {
                noted,
                reached,
                finished,
                ..
            } = account;
            state.settle_all_but(&noted);
            if reached && self.reconciles {
                state.reconciled(ending.started);
            }
            state.set_settled(finished.then(|| Settled {
                validators: index.validators.clone(),
                settings: self.memory.settings,
                until: index.until.get().copied().flatten(),
            }));
        });
    }
}

/// What is to be remembered of a report.
struct Account<'a> {
    recall: &'a Recall,
    /// What needs attention.
    noted: BTreeSet<Matter>,
    /// Every target was looked at.
    reached: bool,
    /// Every version is in place, or noted as something that repeating cannot mend (reliability G2).
    finished: bool,
    now: DateTime<Utc>,
}

impl Account<'_> {
    fn target(&mut self, state: &mut State, number: u16, target: &TargetReport) {
        if target.error.is_some() {
            (self.reached, self.finished) = (false, false);
            let known = state.attention().filter(|(matter, _)| matter.target == number);
            self.noted.extend(known.map(|(matter, _)| matter.clone()));
            return;
        }
        for item in &target.items {
            let matter = Matter {
                chart: Arc::clone(&item.chart),
                version: item.version.clone(),
                target: number,
            };
            self.item(state, matter, item);
        }
    }

    fn item(&mut self, state: &mut State, matter: Matter, item: &Item) {
        let code = item.code();
        if code.is_some_and(|code| CUT_SHORT.contains(&code)) {
            self.finished = false;
            if state.matter(&matter).is_some() {
                self.noted.insert(matter);
            }
            return;
        }
        let failed = item.action == Action::Failed || self.recall.is_accepted_failure(&matter);
        let runs = match &item.reason {
            Some(reason) if stays(item.action, code) => self.note(state, &matter, item.action, reason),
            _ => 0,
        };
        let hopeless = code == Some(GONE) && runs >= GONE_FOR_GOOD;
        if (failed && !hopeless) || code == Some(CONTESTED) {
            self.finished = false;
        }
    }

    /// Takes something down that needs attention; in how many runs it did.
    fn note(&mut self, state: &mut State, matter: &Matter, action: Action, reason: &Reason) -> u32 {
        if self.noted.insert(matter.clone()) {
            let subject = self.recall.subject(matter);
            state.note(matter.clone(), action, reason, subject, self.now);
        }
        state.matter(matter).map_or(0, |known| known.runs)
    }
}

/// What needs attention at a target, as the last run that looked said it.
fn standing_matters(state: &State, target: usize) -> Vec<Item> {
    let here = state
        .attention()
        .filter(|(matter, _)| usize::from(matter.target) == target);
    let items = here.map(|(matter, attention)| {
        let mut item = Item::new(
            Arc::clone(&matter.chart),
            matter.version.clone(),
            attention.action,
        );
        item.reason = Some(Arc::new(attention.reason.clone()));
        let known = state.known(&matter.chart, &matter.version);
        match known.and_then(|known| known.at(target)) {
            Some(placed) => {
                let details = item.details_mut();
                details.manifest_digest = Some(placed.manifest);
                details.package_digest = placed.package;
                if let Some((repository, tag)) = placed.place((&matter.chart, &matter.version)) {
                    place(&mut item, &repository, &tag);
                }
            }
            None => item.repository = ChartName::new(&matter.chart).ok().map(|name| name.shared()),
        }
        item
    });
    items.collect()
}

/// Repository and tag of an item.
pub(super) fn place(item: &mut Item, repository: &ChartName, tag: &Tag) {
    item.repository = Some(repository.shared());
    if Tag::from_version(&item.version).ok().as_ref() != Some(tag) {
        item.details_mut().tag = Some(tag.as_str().into());
    }
}

//! A mirror's state during one run: opened before anything is sent, asked while the run decides, told of every tag that was
//! written, saved at the end.
//!
//! `migrate` holds the state under its lock; `plan` looks at a copy and keeps nothing.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

use super::memory::Memory;
use super::spec::{MirrorSpec, Mode, TargetSpec};
use crate::helm::index::{Entry, IndexChart, IndexDigest};
use crate::plan::{Candidate, Selection};
use crate::report::{Action, Item, Problem, ProblemKind, Provenance as Carried};
use crate::source::Validators;
use crate::state::{
    Ask, Attention, Matter, MirrorState, Origin, Peeked, Placed, Provenance, Recorded, Seen, State,
    StateError, Stored, Wanted,
};
use crate::transfer::{Outcome, listed};
use crate::types::{ChartName, Digest, Reason};

/// The longest time that an index rests whose selection hangs on ages.
const AGES_MOVE: TimeDelta = TimeDelta::days(1);

/// A state in use.
pub(super) struct Recall {
    pub(super) memory: Memory,
    /// All tag lists are read in this run.
    pub(super) reconciles: bool,
    store: Mutex<Store>,
    /// Of the index that this run took up.
    pub(super) index: OnceLock<TakenUp>,
    /// Digests that the source has now of versions that drifted.
    subjects: Mutex<HashMap<Matter, Digest>>,
    /// Versions that failed although the user accepts that they do: another run may succeed.
    accepted_failures: Mutex<HashSet<Matter>>,
    /// Repositories that mirrors of other sources fill, by target: nothing is pruned there.
    foreign: Mutex<HashMap<String, HashSet<ChartName>>>,
    /// Something could not be looked at.
    flawed: AtomicBool,
    /// Something is still to be deleted.
    held_back: AtomicBool,
    /// A save failed during the run.
    pub(super) unsaved: OnceLock<Reason>,
}

/// An index that was taken up.
pub(super) struct TakenUp {
    pub(super) validators: Validators,
    /// Nothing may be pruned by it.
    pub(super) untrusted: bool,
    /// When time alone may change what is selected.
    pub(super) until: OnceLock<Option<DateTime<Utc>>>,
}

enum Store {
    Held(Box<MirrorState>),
    Peeked(Box<State>),
}

impl Recall {
    /// Takes the lock and reads the state; for a plan it only reads. With what is odd about it.
    pub(super) async fn open(
        memory: Memory,
        mode: Mode,
        now: DateTime<Utc>,
    ) -> Result<(Arc<Self>, Vec<Reason>), Problem> {
        let (folder, identity) = (memory.folder.clone(), memory.identity.clone());
        let opening = tokio::task::spawn_blocking(move || match (mode, &folder) {
            (Mode::Migrate, Some(folder)) => {
                let held = MirrorState::open(folder, &identity)?;
                let warnings = held.warnings().to_vec();
                Ok((Store::Held(Box::new(held)), warnings))
            }
            (_, folder) => {
                let Peeked { state, warnings } = Peeked::read(folder.as_ref(), &identity)?;
                Ok((Store::Peeked(Box::new(state)), warnings))
            }
        });
        let opened: Result<_, StateError> = opening.await.map_err(|error| defect(&error.to_string()))?;
        let (store, warnings) = opened.map_err(|error| error.problem())?;
        let recall = Self {
            reconciles: memory.reconcile || store.state().reconcile_due(memory.reconcile_every, now),
            memory,
            store: Mutex::new(store),
            index: OnceLock::new(),
            subjects: Mutex::default(),
            accepted_failures: Mutex::default(),
            foreign: Mutex::default(),
            flawed: AtomicBool::new(false),
            held_back: AtomicBool::new(false),
            unsaved: OnceLock::new(),
        };
        Ok((Arc::new(recall), warnings))
    }

    /// Looks at what is remembered.
    pub(super) fn state<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(self.lock().state())
    }

    /// Remembers more.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(self.lock().state_mut())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Under which condition the source is asked. None if the index is needed whether or not it changed: for a plan, which
    /// lists every version; where the user asks for a thorough look; and where a target is a layout, at which a look costs
    /// nothing.
    pub(super) fn condition(&self, spec: &MirrorSpec, mode: Mode, now: DateTime<Utc>) -> Option<Validators> {
        let layout = |target: &TargetSpec| matches!(target, TargetSpec::Layout(_));
        let thorough = self.memory.reconcile || spec.check_drift || spec.targets.iter().any(layout);
        if mode != Mode::Migrate || thorough {
            return None;
        }
        self.state(|state| {
            if self.memory.accept_shrink && state.suspicion().is_some() {
                return None;
            }
            match state.ask(&self.memory.settings, self.memory.reconcile_every, now) {
                Ask::IfChanged(validators) => Some(validators.clone()),
                Ask::Whole(_) => None,
            }
        })
    }

    /// The next run looks at everything.
    pub(super) fn unsettle(&self) {
        self.change(|state| state.set_settled(None));
    }

    /// Enters what an index lists. What is odd about it, and whether that holds something back.
    pub(super) fn take_up(
        &self,
        charts: &[IndexChart],
        validators: &Validators,
        now: DateTime<Utc>,
    ) -> (Vec<Reason>, bool) {
        let entries = charts.iter().flat_map(|chart| &chart.entries).map(|entry| Seen {
            chart: &entry.chart,
            version: &entry.version,
            created: entry.created,
        });
        let memory = &self.memory;
        let look = self.change(|state| state.look(entries, memory.max_shrink, memory.accept_shrink, now));
        // Nobody else takes an index up in this run.
        let _ = self.index.set(TakenUp {
            validators: validators.clone(),
            untrusted: look.forbids_prune(),
            until: OnceLock::new(),
        });
        (look.warnings(), memory.prune && look.forbids_prune())
    }

    /// Takes note of when time alone may change what was selected.
    pub(super) fn selected(&self, selections: &[Selection], now: DateTime<Utc>) {
        let left = selections.iter().flat_map(|selection| &selection.left);
        let ages = self.memory.ages.then(|| now + AGES_MOVE);
        let until = left.filter_map(|left| left.due).chain(ages).min();
        if let Some(index) = self.index.get() {
            let _ = index.until.set(until);
        }
    }

    /// When a version was first seen.
    pub(super) fn first_seen(&self, chart: &str, version: &str) -> Option<DateTime<Utc>> {
        self.state(|state| state.known(chart, version).map(|known| known.first_seen))
    }

    /// How a version stands by what is remembered, and what is recorded of it.
    pub(super) fn recorded(&self, target: usize, candidate: &Candidate) -> (Recorded, Option<Placed>) {
        let digests = digests(candidate);
        self.state(|state| {
            let recorded = state.recorded(target, &wanted(candidate, &digests));
            let entry = &candidate.entry;
            let placed = state
                .known(&entry.chart, &entry.version)
                .and_then(|known| known.at(target))
                .filter(|_| recorded != Recorded::Unknown);
            (recorded, placed.cloned())
        })
    }

    /// What was wrong with a version.
    pub(super) fn attention(&self, target: usize, candidate: &Candidate) -> Option<Attention> {
        let matter = matter(target, candidate)?;
        self.state(|state| state.matter(&matter).cloned())
    }

    /// Which repositories of a target mirrors of other sources fill.
    pub(super) fn note_foreign(&self, target: String, repositories: HashSet<ChartName>) {
        let mut foreign = self.foreign.lock().unwrap_or_else(PoisonError::into_inner);
        foreign.insert(target, repositories);
    }

    /// See [`Recall::note_foreign`].
    pub(super) fn is_foreign(&self, target: &str, repository: &ChartName) -> bool {
        let foreign = self.foreign.lock().unwrap_or_else(PoisonError::into_inner);
        foreign
            .get(target)
            .is_some_and(|names| names.contains(repository))
    }

    /// The digest that the source has now of a version that drifted: the drift of another one is news.
    pub(super) fn drifted(&self, target: usize, candidate: &Candidate) {
        if let (Some(matter), Some(digest)) = (matter(target, candidate), digests(candidate).first()) {
            let mut subjects = self.subjects.lock().unwrap_or_else(PoisonError::into_inner);
            subjects.insert(matter, *digest);
        }
    }

    /// See [`Recall::drifted`].
    pub(super) fn subject(&self, matter: &Matter) -> Option<Digest> {
        let subjects = self.subjects.lock().unwrap_or_else(PoisonError::into_inner);
        subjects.get(matter).copied()
    }

    /// A version failed, and the user accepts it.
    pub(super) fn accepted_failure(&self, target: usize, item: &Item) {
        let Ok(target) = u16::try_from(target) else { return };
        let matter = Matter {
            chart: Arc::clone(&item.chart),
            version: item.version.clone(),
            target,
        };
        let mut accepted = self
            .accepted_failures
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        accepted.insert(matter);
    }

    /// See [`Recall::accepted_failure`].
    pub(super) fn is_accepted_failure(&self, matter: &Matter) -> bool {
        let accepted = self
            .accepted_failures
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        accepted.contains(matter)
    }

    /// Something is in place now.
    pub(super) fn stored(&self, target: usize, candidate: &Candidate, stored: &Stored) {
        let digests = digests(candidate);
        self.change(|state| state.stored(target, &wanted(candidate, &digests), stored, Utc::now()));
    }

    /// A version is not at the target any more.
    pub(super) fn gone(&self, target: usize, candidate: &Candidate) {
        let entry = &candidate.entry;
        self.change(|state| state.gone(target, &entry.chart, &entry.version));
    }

    /// Takes note of what became of a version that was carried, and saves now and then.
    pub(super) async fn carried(self: &Arc<Self>, target: usize, candidate: &Candidate, outcome: &Outcome) {
        if let Some(stored) = self.of_outcome(target, candidate, outcome) {
            let (chart, tag) = match &outcome.place {
                Some((chart, tag)) => (chart, tag),
                None => (&candidate.repository, &candidate.tag),
            };
            let digests = digests(candidate);
            let wanted = Wanted {
                repository: chart,
                tag,
                ..wanted(candidate, &digests)
            };
            self.change(|state| state.stored(target, &wanted, &stored, Utc::now()));
            self.checkpoint().await;
        }
    }

    /// What a carried version is recorded as. One that was found there by another name is somebody else's, unless it is
    /// known.
    fn of_outcome(&self, target: usize, candidate: &Candidate, outcome: &Outcome) -> Option<Stored> {
        let manifest = outcome.manifest_digest?;
        let entry = &candidate.entry;
        let origin = match outcome.action {
            Action::Pushed => Origin::Pushed,
            Action::Present => self.state(|state| {
                let known = state.known(&entry.chart, &entry.version);
                let placed = known.and_then(|known| known.at(target));
                let same = placed.filter(|placed| placed.manifest == manifest);
                same.map_or(Origin::Adopted, |placed| placed.origin)
            }),
            _ => return None,
        };
        Some(Stored {
            origin,
            manifest,
            package: outcome.package_digest,
            provenance: provenance(outcome),
        })
    }

    async fn checkpoint(self: &Arc<Self>) {
        let due = match &*self.lock() {
            Store::Held(held) => held.is_checkpoint_due(Utc::now()),
            Store::Peeked(_) => false,
        };
        if due {
            let recall = Arc::clone(self);
            // A second one that waited for the first finds nothing to do.
            let saving = tokio::task::spawn_blocking(move || recall.save(MirrorState::checkpoint));
            drop(saving.await);
        }
    }

    /// Saves; a failure is told once, at the end.
    pub(super) fn save(&self, how: impl FnOnce(&mut MirrorState, DateTime<Utc>) -> Result<(), StateError>) {
        if let Store::Held(held) = &mut *self.lock()
            && let Err(error) = how(held, Utc::now())
        {
            let _ = self.unsaved.set(Reason::new(error.code(), error.to_string()));
        }
    }

    /// Something could not be looked at, so this run does not count as a complete look.
    pub(super) fn flaw(&self) {
        self.flawed.store(true, Ordering::Release);
    }

    /// See [`Recall::flaw`].
    pub(super) fn is_flawed(&self) -> bool {
        self.flawed.load(Ordering::Acquire)
    }

    /// Something is still to be deleted, so the next run looks at everything.
    pub(super) fn hold_back(&self) {
        self.held_back.store(true, Ordering::Release);
    }

    /// See [`Recall::hold_back`].
    pub(super) fn holds_back(&self) -> bool {
        self.held_back.load(Ordering::Acquire)
    }
}

impl Store {
    fn state(&self) -> &State {
        match self {
            Self::Held(held) => held.state(),
            Self::Peeked(state) => state,
        }
    }

    fn state_mut(&mut self) -> &mut State {
        match self {
            Self::Held(held) => held.state_mut(),
            Self::Peeked(state) => state,
        }
    }
}

fn provenance(outcome: &Outcome) -> Provenance {
    match (outcome.provenance, outcome.provenance_digest) {
        (_, Some(digest)) => Provenance::Carried(digest),
        (Some(Carried::None), None) => Provenance::None,
        (_, None) => Provenance::Unknown,
    }
}

fn wanted<'a>(candidate: &'a Candidate, digests: &'a [Digest]) -> Wanted<'a> {
    Wanted {
        chart: &candidate.entry.chart,
        version: &candidate.entry.version,
        repository: &candidate.repository,
        tag: &candidate.tag,
        digests,
    }
}

/// The sha256 digests that the index gives for a version.
pub(super) fn digests(candidate: &Candidate) -> Vec<Digest> {
    listed(candidate).filter_map(known_digest).copied().collect()
}

fn known_digest(entry: &Entry) -> Option<&Digest> {
    match &entry.digest {
        IndexDigest::Sha256(digest) => Some(digest),
        IndexDigest::None | IndexDigest::Other(_) => None,
    }
}

fn matter(target: usize, candidate: &Candidate) -> Option<Matter> {
    Some(Matter {
        chart: Arc::clone(&candidate.entry.chart),
        version: candidate.entry.version.clone(),
        target: u16::try_from(target).ok()?,
    })
}

fn defect(text: &str) -> Problem {
    let text = format!("a defect of chartferry ended the reading of the state: {text}");
    Problem {
        kind: ProblemKind::Defect,
        reason: Reason::new("internal", text),
    }
}

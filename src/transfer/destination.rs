//! One target during a run: what was proved about it, and whether it is still worth trying.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use super::fault::{Fault, chain};
use super::preflight::Preflight;
use super::rights::Rights;
use crate::registry::RegistryError;
use crate::report::{Action, RepositoryNote};
use crate::target::{Target, TargetFault};
use crate::types::{ChartName, Digest, Reason, Repository, Tag};

/// A target with what this run learned about it.
pub struct Destination {
    target: Target,
    /// The first tag pushed is read back, so that a server that answers 201 to everything is found out.
    proved: AtomicBool,
    preflight: Preflight,
    looks: Rights,
    writes: Rights,
    /// How often in a row there was no room, which is the same for all repositories.
    full: Rights,
    broken: OnceLock<Reason>,
    /// What the target said to have stored is not there.
    disproved: OnceLock<Reason>,
    /// Charts whose repositories other mirrors fill from other sources.
    contested: OnceLock<HashSet<ChartName>>,
    /// What each tag was given to in this run, where two versions may want one.
    taken: Mutex<HashMap<(Repository, Tag), Digest>>,
}

impl Destination {
    /// A destination of which nothing is known yet.
    pub fn new(target: Target) -> Self {
        Self {
            target,
            proved: AtomicBool::new(false),
            preflight: Preflight::default(),
            looks: Rights::default(),
            writes: Rights::default(),
            full: Rights::default(),
            broken: OnceLock::new(),
            disproved: OnceLock::new(),
            contested: OnceLock::new(),
            taken: Mutex::default(),
        }
    }

    /// The target.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Why the target was given up during the run.
    pub fn broken(&self) -> Option<&Reason> {
        self.broken.get()
    }

    /// Why repositories of the target could not be pushed to, which was found out before anything was downloaded for
    /// them. Names them all.
    pub fn unwritable(&self) -> Option<Reason> {
        self.preflight.verdict()
    }

    /// What is to be said of single repositories: missing, created, to be created.
    pub fn repositories(&self) -> Vec<RepositoryNote> {
        self.preflight.notes()
    }

    /// Why the target refused all that was tried: for want of rights, a login, a repository or room.
    pub fn refusal(&self) -> Option<&Reason> {
        [&self.writes, &self.looks, &self.full]
            .into_iter()
            .find_map(Rights::nothing_granted)
    }

    /// Why nothing that this run stored may be believed.
    pub fn disproved(&self) -> Option<&Reason> {
        self.disproved.get()
    }

    /// Names the charts that must not be written here. Said once, before anything is written.
    pub(crate) fn contest(&self, charts: HashSet<ChartName>) {
        // Whoever says it twice says the same.
        let _ = self.contested.set(charts);
    }

    /// Fails for a chart whose repository another mirror fills from another source (product rules "Trust").
    pub(crate) fn check_contest(&self, chart: &ChartName) -> Result<(), Fault> {
        if self.contested.get().is_none_or(|charts| !charts.contains(chart)) {
            return Ok(());
        }
        Err(Fault::refused(
            "two-mirrors",
            format!("`{chart}` is claimed by several mirrors with different sources"),
        ))
    }

    /// Fails where the target or the repository was given up.
    pub(crate) fn usable(&self, repository: &Repository) -> Result<(), Fault> {
        let failed = |reason| Fault {
            action: Action::Failed,
            reason,
        };
        if let Some(reason) = self.broken.get() {
            let text = format!("not tried any more: {}", reason.text);
            return Err(failed(Reason::new("target-given-up", text)));
        }
        match self.writes.first().filter(|_| self.writes.is_closed(repository)) {
            None => Ok(()),
            Some(first) => {
                let text = format!(
                    "`{repository}` was refused several times and is not tried any more, the first time: {}",
                    first.text
                );
                Err(failed(Reason::new(first.code, text)))
            }
        }
    }

    /// Keeps two versions from being pushed under one tag: the second fails unless it is the same manifest.
    pub(super) fn take(&self, repository: &Repository, tag: &Tag, manifest: &Digest) -> Result<(), Fault> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let holder = *taken
            .entry((repository.clone(), tag.clone()))
            .or_insert(*manifest);
        if holder == *manifest {
            return Ok(());
        }
        Err(Fault::conflict(format!(
            "another version of the index is pushed as {} ({holder}); this package would be {manifest}",
            self.target.reference(repository, tag)
        )))
    }

    /// Takes note of a failed write.
    pub(super) fn failed(&self, repository: &Repository, fault: &TargetFault) -> Fault {
        self.note(&self.writes, repository, fault)
    }

    /// Takes note of a failed look at a repository.
    pub(crate) fn look_failed(&self, repository: &Repository, fault: &TargetFault) -> Fault {
        self.note(&self.looks, repository, fault)
    }

    /// Takes note that a repository could be looked at. One that is not `listed` may have been asked by an upload.
    pub(crate) fn looked(&self, repository: &Repository, listed: bool) {
        if !listed {
            self.preflight.may_be_open(repository);
        }
        self.looks.granted(repository);
    }

    /// Takes note of a repository whose tags are not shown.
    pub(crate) fn hidden(&self, repository: &Repository, fault: TargetFault) -> Fault {
        match fault {
            TargetFault::Registry(error) => self.unwelcome(repository, error, &self.looks),
            TargetFault::Layout(_) => self.look_failed(repository, &fault),
        }
    }

    /// Makes sure that a repository which is in no list takes uploads, before anything is downloaded for it. With
    /// `create`, what it lacks is created first.
    pub(crate) async fn admit(&self, repository: &Repository, create: bool) -> Result<(), Fault> {
        let Target::Registry { registry, address } = &self.target else {
            return Ok(());
        };
        self.usable(repository)?;
        let refuse = |error: RegistryError| self.unwelcome(repository, error, &self.writes);
        if create
            && let Some(reason) = self
                .preflight
                .create(registry, repository)
                .await
                .map_err(refuse)?
        {
            return Err(Fault {
                action: Action::Failed,
                reason,
            });
        }
        self.preflight
            .ask(registry, address, repository)
            .await
            .map_err(refuse)
    }

    /// What a plan has to say of a repository that is in no list and needs a push. A look that fails is told as a
    /// failure would be: the plan is worth no more than it.
    pub(crate) async fn foresee(&self, repository: &Repository, create: bool) -> Result<(), Fault> {
        let Target::Registry { registry, .. } = &self.target else {
            return Ok(());
        };
        self.preflight
            .foresee(registry, repository, create)
            .await
            .map_err(|error| self.unwelcome(repository, error, &self.looks))
    }

    /// Ends what was opened and not used.
    pub(crate) async fn end(&self) {
        if let Target::Registry { registry, .. } = &self.target {
            self.preflight.end(registry).await;
        }
    }

    /// Takes note of a repository that was refused as such, or of what is wrong with the target.
    fn unwelcome(&self, repository: &Repository, error: RegistryError, rights: &Rights) -> Fault {
        let kind = match &self.target {
            Target::Registry { registry, .. } => registry.kind(),
            Target::Layout(_) => None,
        };
        match error.refusal(false, kind) {
            Some(refusal) => Fault {
                action: Action::Failed,
                reason: self.preflight.refused(repository, refusal, &error),
            },
            None => self.note(rights, repository, &error.into()),
        }
    }

    fn note(&self, rights: &Rights, repository: &Repository, error: &TargetFault) -> Fault {
        let fault = Fault::of_target(error);
        let hopeless = match error {
            // A login that does not work is not tried again: that locks accounts.
            error if error.is_login() => {
                rights.refused(repository, &fault.reason);
                rights.nothing_granted().is_some()
            }
            error if error.is_full() => self.full.refused(repository, &fault.reason),
            error if error.is_denial() => rights.refused(repository, &fault.reason),
            _ => false,
        };
        if hopeless {
            self.broken.get_or_init(|| fault.reason.clone());
        }
        fault
    }

    /// Takes note of a stored manifest, and reads the first one back.
    pub(super) async fn stored(
        &self,
        repository: &Repository,
        tag: &Tag,
        digest: &Digest,
        blobs: &[(Digest, u64)],
    ) -> Result<(), Fault> {
        self.writes.granted(repository);
        self.full.restart();
        if self.proved.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        let Err(error) = self.target.read_back(repository, tag, digest, blobs).await else {
            return Ok(());
        };
        let text = format!(
            "the target accepted a manifest but does not give it back: {}",
            chain(&error)
        );
        let reason = Reason::new("target-not-storing", text);
        self.broken.get_or_init(|| reason.clone());
        self.disproved.get_or_init(|| reason.clone());
        Err(Fault {
            action: Action::Failed,
            reason,
        })
    }
}

//! Before anything is downloaded for a repository: does it take uploads, and what has to be created first (registries
//! rule 14, reliability F45)?
//!
//! A repository whose tags are listed is there and asks for nothing. The first other one that needs a push has its upload
//! opened before the download instead of after it, and the first blob goes on with that upload: it costs a request only
//! where the registry would have taken that blob in one POST. If it goes well the others are believed; if it is refused,
//! each of them is asked before its own downloads, so that the report names all that are missing.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OnceCell;

use crate::registry::{Created, Lacking, Refusal, Registry, RegistryError};
use crate::report::{RepositoryNote, RepositoryState};
use crate::types::{OciTarget, Reason, RegistryKind, Repository};

/// Repositories named in one sentence.
const NAMED: usize = 50;

/// What is known of the repositories of one target.
#[derive(Debug, Default)]
pub(super) struct Preflight {
    known: tokio::sync::Mutex<Known>,
    notes: Mutex<BTreeMap<String, Noted>>,
    /// What had to be created, each once however many repositories lack it.
    lacking: Mutex<HashMap<String, Arc<OnceCell<Lack>>>>,
    opened: Mutex<HashSet<Repository>>,
}

#[derive(Debug)]
struct Noted {
    note: RepositoryNote,
    /// It keeps versions from being carried: not only what a plan foresees.
    refused: bool,
}

/// Whether something had to be created first.
#[derive(Debug, Clone)]
enum Lack {
    Nothing,
    /// It was, or in a plan would be, seen to.
    Settled,
    Failed(Reason),
}

/// What holds for the first repository that is asked may hold for all.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Known {
    /// None was asked so far.
    #[default]
    Nothing,
    /// It was refused or got no answer: each has to be asked, side by side.
    Mixed,
    /// One takes uploads.
    Good,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The repository itself, as something that may be lacking.
fn whole(repository: &Repository) -> Lacking {
    Lacking {
        what: "repository",
        name: repository.to_string(),
    }
}

impl Preflight {
    /// Opens an upload in a repository, unless another one shows that they are taken. Only the first is asked alone.
    pub(super) async fn ask(
        &self,
        registry: &Registry,
        address: &OciTarget,
        repository: &Repository,
    ) -> Result<(), RegistryError> {
        // Below a prefix one repository is as good as the other. Without one each may be a project of its own, and ECR
        // creates some and others not.
        let alike =
            address.prefix.is_some() && !registry.kind().is_some_and(RegistryKind::needs_repositories);
        let mut known = self.known.lock().await;
        match *known {
            Known::Good if alike => return Ok(()),
            Known::Nothing => {
                let outcome = self.open(registry, repository).await;
                *known = if outcome.is_ok() {
                    Known::Good
                } else {
                    Known::Mixed
                };
                return outcome;
            }
            Known::Good | Known::Mixed => drop(known),
        }
        self.open(registry, repository).await
    }

    async fn open(&self, registry: &Registry, repository: &Repository) -> Result<(), RegistryError> {
        self.may_be_open(repository);
        registry.open_upload(repository).await
    }

    /// Remembers to end what was opened in a repository.
    pub(super) fn may_be_open(&self, repository: &Repository) {
        lock(&self.opened).insert(repository.clone());
    }

    /// Cancels the uploads that no push has used.
    pub(super) async fn end(&self, registry: &Registry) {
        let opened = std::mem::take(&mut *lock(&self.opened));
        for repository in opened {
            registry.cancel_upload(&repository).await;
        }
    }

    /// Where it is kept what a repository lacks: below one project of Harbor or organisation of Quay all lack the same.
    fn lack(&self, registry: &Registry, repository: &Repository) -> Arc<OnceCell<Lack>> {
        let path = repository.as_str();
        let key = match registry.kind() {
            Some(RegistryKind::Harbor | RegistryKind::Quay) => path.split('/').next().unwrap_or(path),
            _ => path,
        };
        Arc::clone(lock(&self.lacking).entry(key.to_owned()).or_default())
    }

    /// Creates what a repository lacks. The reason where that failed, which is everybody's who lacks the same.
    pub(super) async fn create(
        &self,
        registry: &Registry,
        repository: &Repository,
    ) -> Result<Option<Reason>, RegistryError> {
        let lack = self.lack(registry, repository);
        let create = || async {
            let Some(lacking) = registry.lacking(repository).await? else {
                return Ok(Lack::Nothing);
            };
            match registry.create(&lacking).await {
                Ok(Created::New) => {
                    self.note(&lacking, RepositoryState::Created, None, false);
                    Ok(Lack::Settled)
                }
                Ok(Created::There) => Ok(Lack::Settled),
                Err(error @ RegistryError::Creation { .. }) => {
                    let reason = Reason::new(error.code(), error.to_string());
                    self.note(&lacking, RepositoryState::Missing, Some(reason.clone()), true);
                    Ok(Lack::Failed(reason))
                }
                Err(error) => Err(error),
            }
        };
        match lack.get_or_try_init(create).await? {
            Lack::Failed(reason) => Ok(Some(reason.clone())),
            Lack::Nothing | Lack::Settled => Ok(None),
        }
    }

    /// What a plan says of a repository that needs a push and is in no list.
    pub(super) async fn foresee(
        &self,
        registry: &Registry,
        repository: &Repository,
        create: bool,
    ) -> Result<(), RegistryError> {
        let lack = self.lack(registry, repository);
        let look = || async {
            let Some(lacking) = registry.lacking(repository).await? else {
                return Ok::<_, RegistryError>(Lack::Nothing);
            };
            let (state, reason) = if create {
                (RepositoryState::WouldCreate, None)
            } else {
                let how = registry.how_to_create(&lacking.name);
                let text = format!("{lacking} is not there yet; {how}");
                (
                    RepositoryState::Missing,
                    Some(Reason::new("repository-missing", text)),
                )
            };
            self.note(&lacking, state, reason, false);
            Ok(Lack::Settled)
        };
        if let Lack::Nothing = lack.get_or_try_init(look).await? {
            self.note(&whole(repository), RepositoryState::New, None, false);
        }
        Ok(())
    }

    /// Takes note of a repository that takes no uploads, and says why.
    pub(super) fn refused(&self, repository: &Repository, refusal: Refusal, error: &RegistryError) -> Reason {
        let (state, reason) = match refusal {
            Refusal::Missing => (
                RepositoryState::Missing,
                Reason::new(
                    "repository-missing",
                    format!(
                        "the repository `{repository}` is missing and a push does not create it: {error}"
                    ),
                ),
            ),
            Refusal::Denied => (
                RepositoryState::Denied,
                Reason::new(error.code(), error.to_string()),
            ),
        };
        self.note(&whole(repository), state, Some(reason.clone()), true);
        reason
    }

    fn note(&self, what: &Lacking, state: RepositoryState, reason: Option<Reason>, refused: bool) {
        let note = RepositoryNote {
            name: what.name.clone().into(),
            what: what.what,
            state,
            reason,
        };
        lock(&self.notes).insert(what.name.clone(), Noted { note, refused });
    }

    /// Everything that was noted, by name.
    pub(super) fn notes(&self) -> Vec<RepositoryNote> {
        let notes = lock(&self.notes);
        notes.values().map(|noted| noted.note.clone()).collect()
    }

    /// What keeps the target as a whole from being served, where repositories of it take no uploads: one sentence that
    /// names them all.
    pub(super) fn verdict(&self) -> Option<Reason> {
        let notes = lock(&self.notes);
        let of = |state| {
            let refused = notes.values().filter(|noted| noted.refused);
            let notes = refused.map(|noted| &noted.note);
            notes.filter(|note| note.state == state).collect::<Vec<_>>()
        };
        let (missing, denied) = (of(RepositoryState::Missing), of(RepositoryState::Denied));
        let first = missing.first().or(denied.first())?;
        let reason = first.reason.as_ref()?;
        let mut parts = Vec::new();
        if !missing.is_empty() {
            parts.push(format!("missing, and not created by a push: {}", names(&missing)));
        }
        if !denied.is_empty() {
            parts.push(format!("missing, or not for this account: {}", names(&denied)));
        }
        let text = format!("{}; the first: {}", parts.join("; "), reason.text);
        Some(Reason::new(reason.code, text))
    }
}

fn names(notes: &[&RepositoryNote]) -> String {
    let shown: Vec<_> = notes
        .iter()
        .take(NAMED)
        .map(|note| format!("`{}`", note.name))
        .collect();
    match notes.len().saturating_sub(NAMED) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

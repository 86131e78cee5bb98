//! Deleting what vanished from the source (`prune = "vanished"`, product rules "Prune", reliability G4): after everything
//! else went well, only what this mirror pushed and nobody touched since.
//!
//! A manifest is deleted by its digest, and with it every tag that names it. So before anything goes, every other tag of
//! the repository is asked what it names: a manifest that somebody else tagged as well stays.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _, stream};

use super::conclude::{Ending, place};
use super::recall::Recall;
use super::spec::Mode;
use super::stop::Stop;
use crate::report::{Action, Item, MirrorReport, TargetReport};
use crate::state::{Conduct, MaxDelete, Origin, Prunable, PruneHeld};
use crate::target::{Target, TargetFault};
use crate::transfer::{Destination, Fault};
use crate::types::{ChartName, Digest, Reason, Repository};

/// Tags that are asked for side by side.
const LOOKS: usize = 16;

/// A target with its number among those of the mirror.
pub(super) type Place = (usize, Arc<Destination>);

impl Recall {
    /// Deletes what may go, or in a plan says what would.
    pub(super) async fn prune(
        &self,
        report: &mut MirrorReport,
        places: &[Place],
        ending: Ending,
        stop: &Stop,
    ) {
        let Some(index) = self.index.get().filter(|_| self.memory.prune) else {
            return;
        };
        let conduct = Conduct {
            complete: is_sound(report) && !ending.stopped && !self.is_flawed(),
            untrusted: index.untrusted,
        };
        let max = if self.memory.accept_shrink {
            MaxDelete::NONE
        } else {
            MaxDelete::default()
        };
        for (number, destination) in places {
            let ours = self.state(|state| {
                let mut vanished = state.vanished(*number);
                vanished.any(|vanished| vanished.origin == Origin::Pushed)
            });
            if !ours {
                continue;
            }
            let target = destination.target();
            let prunable = self.state(|state| state.prunable(*number, conduct, max));
            let prunable = prunable.map(|all| self.leave_foreign(all, target, &mut report.targets[*number]));
            match prunable {
                Ok(prunable) if ending.mode == Mode::Plan => {
                    let items = prunable.iter().map(|one| planned(one, target));
                    report.targets[*number].items.extend(items);
                }
                Ok(prunable) => {
                    let job = Job {
                        recall: self,
                        number: *number,
                        target,
                        stop,
                    };
                    let items = job.run(prunable).await;
                    report.targets[*number].items.extend(items);
                }
                Err(held) => self.hold(report, *number, held),
            }
        }
    }

    /// Those of repositories that another mirror fills from another source stay: it may want what is gone here.
    fn leave_foreign(&self, all: Vec<Prunable>, target: &Target, report: &mut TargetReport) -> Vec<Prunable> {
        let name = target.name();
        let (theirs, ours): (Vec<_>, Vec<_>) = all
            .into_iter()
            .partition(|one| self.is_foreign(&name, &one.repository));
        let why = "another mirror fills this repository from another source";
        report
            .items
            .extend(theirs.iter().map(|one| stays(one, target, why)));
        ours
    }

    /// What keeps tags from being deleted stays until it is settled.
    fn hold(&self, report: &mut MirrorReport, number: usize, held: PruneHeld) {
        let target = &mut report.targets[number];
        let text = format!("{}: {held}", target.target);
        let reason = Reason::new(held.code(), text);
        match held {
            // Said already, of the index.
            PruneHeld::Untrusted => {}
            PruneHeld::Incomplete => target.warnings.push(reason),
            PruneHeld::TooMany { .. } => {
                report.safety_limits.push(reason);
                self.hold_back();
            }
        }
    }
}

/// Nothing went wrong anywhere (reliability G4). Drift and conflicts are for somebody to settle, and in the way of nothing.
fn is_sound(report: &MirrorReport) -> bool {
    let sound = |item: &Item| !item.is_failure();
    let mut targets = report.targets.iter();
    report.error.is_none() && targets.all(|target| target.error.is_none() && target.items.iter().all(sound))
}

fn planned(prunable: &Prunable, target: &Target) -> Item {
    let text = format!(
        "{} would be deleted: the source lists it no more (`prune`)",
        shown(prunable, target)
    );
    item(prunable, Action::Vanished, Reason::new("prune", text))
}

fn stays(prunable: &Prunable, target: &Target, why: &str) -> Item {
    let text = format!("{} stays: {why}", shown(prunable, target));
    item(prunable, Action::Vanished, Reason::new("prune-not-ours", text))
}

fn item(prunable: &Prunable, action: Action, reason: Reason) -> Item {
    let mut item = Item::new((*prunable.chart).into(), prunable.version.clone(), action);
    place(&mut item, &prunable.repository, &prunable.tag);
    item.details_mut().manifest_digest = Some(prunable.manifest);
    item.reason = Some(Arc::new(reason));
    item
}

fn shown(prunable: &Prunable, target: &Target) -> String {
    match target.repository(&prunable.repository) {
        Ok(repository) => target.reference(&repository, &prunable.tag),
        Err(_) => format!("`{}`", prunable.tag),
    }
}

/// The deletions at one target.
struct Job<'a> {
    recall: &'a Recall,
    number: usize,
    target: &'a Target,
    stop: &'a Stop,
}

impl Job<'_> {
    async fn run(&self, prunable: Vec<Prunable>) -> Vec<Item> {
        let mut repositories: BTreeMap<ChartName, Vec<Prunable>> = BTreeMap::new();
        for one in prunable {
            repositories.entry(one.repository.clone()).or_default().push(one);
        }
        let mut items = Vec::new();
        for (name, prunable) in repositories {
            let Ok(repository) = self.target.repository(&name) else {
                continue;
            };
            let Some(others) = self.in_time(self.others(&repository, &prunable).boxed()).await else {
                return items;
            };
            match others {
                Ok(others) => {
                    for one in &prunable {
                        let work = self.one(&repository, one, others.as_ref()).boxed();
                        let Some(item) = self.in_time(work).await else {
                            return items;
                        };
                        items.extend(item);
                    }
                }
                Err(fault) => items.extend(prunable.iter().map(|one| self.failed(one, &fault))),
            }
        }
        items
    }

    /// Does `work` unless the mirror was told to stop, or its grace time ends meanwhile. What is left is for the next run.
    async fn in_time<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let done = if self.stop.is_stopping() {
            None
        } else {
            tokio::select! {
                done = work => Some(done),
                () = self.stop.expired() => None,
            }
        };
        if done.is_none() {
            self.recall.hold_back();
        }
        done
    }

    /// What the tags of the repository name, but for those that may go and are as this mirror left them. None if not all tags
    /// are known.
    async fn others(
        &self,
        repository: &Repository,
        prunable: &[Prunable],
    ) -> Result<Option<HashSet<Digest>>, TargetFault> {
        let tags = self.target.list_tags(repository).await?;
        if !tags.trusted {
            return Ok(None);
        }
        let own: HashMap<&str, &Digest> = prunable
            .iter()
            .map(|one| (one.tag.as_str(), &one.manifest))
            .collect();
        let looks = tags.names.into_iter().map(|tag| async move {
            let found = self.target.head_manifest(repository, &tag).await?;
            Ok::<_, TargetFault>((tag, found))
        });
        let found: Vec<_> = stream::iter(looks).buffered(LOOKS).try_collect().await?;
        let others = found.into_iter().filter_map(|(tag, found)| {
            // One that somebody made to name another manifest may name one that would go
            found.filter(|found| own.get(&*tag).is_none_or(|ours| *ours != found))
        });
        Ok(Some(others.collect()))
    }

    /// Deletes one, if it is still what this mirror pushed. None if it was gone already.
    async fn one(
        &self,
        repository: &Repository,
        one: &Prunable,
        others: Option<&HashSet<Digest>>,
    ) -> Option<Item> {
        let found = match self.target.head_manifest(repository, one.tag.as_str()).await {
            Ok(found) => found,
            Err(fault) => return Some(self.failed(one, &fault)),
        };
        if found.is_none() {
            self.gone(one);
            return None;
        }
        if !one.is_ours(found.as_ref()) {
            return Some(stays(one, self.target, "somebody has overwritten it"));
        }
        let Some(others) = others else {
            let why =
                "the registry gives no complete list of tags, so another tag may name the same manifest";
            return Some(stays(one, self.target, why));
        };
        if others.contains(&one.manifest) {
            return Some(stays(one, self.target, "another tag names the same manifest"));
        }
        match self.target.delete_manifest(repository, &one.manifest).await {
            Ok(_) => {
                self.gone(one);
                let text = format!(
                    "{} was deleted: the source lists it no more (`prune`)",
                    shown(one, self.target)
                );
                Some(item(one, Action::Vanished, Reason::new("pruned", text)))
            }
            Err(fault) => Some(self.failed(one, &fault)),
        }
    }

    fn gone(&self, one: &Prunable) {
        let number = self.number;
        self.recall
            .change(|state| state.gone(number, &one.chart, &one.version));
    }

    fn failed(&self, one: &Prunable, fault: &TargetFault) -> Item {
        self.recall.hold_back();
        let text = format!(
            "{} could not be deleted, though the source lists it no more (`prune`): {}",
            shown(one, self.target),
            Fault::of_target(fault).reason.text
        );
        item(one, Action::Failed, Reason::new("prune-failed", text))
    }
}

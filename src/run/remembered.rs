//! How a version stands by what is remembered of it, alone or with a look at the target.

use std::sync::Arc;

use super::drift::{Look, Standing, drift};
use super::inspect::Seen;
use super::recall::{Recall, digests};
use crate::plan::Candidate;
use crate::report::Action;
use crate::state::{Attention, Origin, Placed, Provenance, Recorded, Step, Stored, Tagged, step};
use crate::target::{Tags, Target, TargetFault};
use crate::types::{Digest, Reason, Repository};

/// Somebody put other bytes under a tag that this mirror had written.
const OVERWRITTEN: &str = "overwritten";
/// Somebody deleted a tag and `heal` is off.
const LEFT_DELETED: &str = "not-healed";
/// Somebody deleted a tag, which is pushed again.
const HEALED: &str = "healed";

/// Whether what is remembered tells how all these versions stand at a target, without a request. Before a tag is written
/// anew its manifest is looked at.
pub(super) fn suffices(recall: &Recall, number: usize, candidates: &[Candidate], overwrite: bool) -> bool {
    candidates
        .iter()
        .all(|candidate| match recall.recorded(number, candidate).0 {
            Recorded::Unknown => false,
            Recorded::Changed { .. } => !overwrite,
            Recorded::InPlace => match recall.attention(number, candidate) {
                Some(noted) if noted.reason.code == LEFT_DELETED => !recall.memory.heal,
                Some(noted) if noted.reason.code == OVERWRITTEN => !overwrite,
                _ => true,
            },
        })
}

/// How versions stand by what is remembered, where that suffices.
pub(super) fn standings(
    recall: &Recall,
    (number, target): (usize, &Target),
    candidates: &[Candidate],
) -> Option<Vec<Standing>> {
    candidates
        .iter()
        .map(|candidate| {
            let (recorded, placed) = recall.recorded(number, candidate);
            let noted = recall.attention(number, candidate);
            let reference = || reference(target, candidate);
            standing((recorded, placed?), noted.as_ref(), candidate, reference)
        })
        .collect()
}

fn reference(target: &Target, candidate: &Candidate) -> String {
    match target.repository(&candidate.repository) {
        Ok(repository) => target.reference(&repository, &candidate.tag),
        Err(_) => format!("`{}`", candidate.tag),
    }
}

/// What is recorded, where that is enough.
fn standing(
    (recorded, placed): (Recorded, Placed),
    noted: Option<&Attention>,
    candidate: &Candidate,
    reference: impl FnOnce() -> String,
) -> Option<Standing> {
    let seen = || Some(Box::new(Seen::recorded(&placed)));
    match recorded {
        Recorded::Unknown => None,
        Recorded::InPlace => Some(match noted.filter(|noted| is_about_the_tag(noted)) {
            Some(noted) if noted.reason.code == LEFT_DELETED => {
                Standing::Left(Arc::new(noted.reason.clone()))
            }
            Some(noted) => Standing::Drifted(Arc::new(noted.reason.clone()), None),
            None => Standing::Present(seen()),
        }),
        Recorded::Changed { .. } => {
            let reason = drift(&reference(), candidate, &Seen::recorded(&placed))?;
            Some(Standing::Drifted(Arc::new(reason), seen()))
        }
    }
}

/// What a look at the target had shown, which the record of what was pushed does not tell.
fn is_about_the_tag(noted: &Attention) -> bool {
    [OVERWRITTEN, LEFT_DELETED].contains(&noted.reason.code)
}

impl Look<'_> {
    /// Judges by the record and the tag list, and by the tag itself where these are not enough.
    pub(super) async fn remembered(
        &self,
        recall: &Recall,
        candidate: &Candidate,
    ) -> Result<Standing, TargetFault> {
        let (recorded, placed) = recall.recorded(self.number, candidate);
        let mut tagged = if self.tags.names(candidate.tag.as_str()) {
            Tagged::Yes
        } else {
            Tagged::No
        };
        let mut found = None;
        let in_doubt = tagged == Tagged::No && !self.tags.trusted;
        let in_place = recorded == Recorded::InPlace && tagged == Tagged::Yes;
        if in_doubt || (in_place && self.compares_tags(recall, candidate)) {
            found = self.head(candidate).await?;
            tagged = if found.is_some() { Tagged::Yes } else { Tagged::No };
        }
        match (step(recorded, tagged, recall.memory.heal), placed) {
            (Step::Adopt, _) => self.adopt(recall, candidate, None).await,
            (Step::Compare, Some(placed)) => match self.adopt(recall, candidate, Some(&placed)).await? {
                // The list still names it: gone all the same, and no reason to put other bytes there in silence
                Standing::Missing => Ok(self.source_changed((recorded, placed), candidate)),
                standing => Ok(standing),
            },
            (Step::Heal, Some(_)) => {
                // It is not there, whatever becomes of the push.
                recall.gone(self.number, candidate);
                let text = format!(
                    "somebody had deleted {}; it is pushed again (`heal`)",
                    self.reference(candidate)
                );
                Ok(Standing::Healed(Reason::new(HEALED, text)))
            }
            (Step::LeaveDeleted, Some(_)) => {
                let text = format!(
                    "somebody deleted {}, and `heal` is off",
                    self.reference(candidate)
                );
                Ok(Standing::Left(Arc::new(Reason::new(LEFT_DELETED, text))))
            }
            (Step::Nothing, Some(placed)) => match found {
                Some(found) if found != placed.manifest => self.replaced(recall, candidate, &placed).await,
                _ => Ok(Standing::Present(Some(Box::new(Seen::recorded(&placed))))),
            },
            (Step::SourceChanged { .. }, Some(placed)) => {
                Ok(self.source_changed((recorded, placed), candidate))
            }
            _ => Ok(Standing::Missing),
        }
    }

    /// The source has other bytes now than those that are recorded, and the tag is gone.
    fn source_changed(&self, recorded: (Recorded, Placed), candidate: &Candidate) -> Standing {
        let standing = standing(recorded, None, candidate, || self.reference(candidate));
        standing.unwrap_or(Standing::Missing)
    }

    /// A tag list does not tell what a tag names. That is asked whenever everything is looked at, where it costs nothing,
    /// and of what was overwritten when somebody last looked.
    fn compares_tags(&self, recall: &Recall, candidate: &Candidate) -> bool {
        let free = matches!(self.destination.target(), Target::Layout(_));
        let overwritten = || {
            let noted = recall.attention(self.number, candidate);
            noted.is_some_and(|noted| noted.reason.code == OVERWRITTEN)
        };
        recall.reconciles || self.compares() || free || overwritten()
    }

    fn reference(&self, candidate: &Candidate) -> String {
        let target = self.destination.target();
        target.reference(self.repository, &candidate.tag)
    }

    async fn head(&self, candidate: &Candidate) -> Result<Option<Digest>, TargetFault> {
        let target = self.destination.target();
        target
            .head_manifest(self.repository, candidate.tag.as_str())
            .await
    }

    /// Reads the manifest of what somebody else put there, or of what may have been settled there, and records it.
    async fn adopt(
        &self,
        recall: &Recall,
        candidate: &Candidate,
        recorded: Option<&Placed>,
    ) -> Result<Standing, TargetFault> {
        let Some(seen) = self.manifest(candidate).await? else {
            return Ok(Standing::Missing);
        };
        if recorded.is_none_or(|placed| placed.manifest != seen.manifest) {
            recall.stored(self.number, candidate, &adopted(&seen));
        }
        Ok(match drift(&self.reference(candidate), candidate, &seen) {
            Some(reason) => Standing::Drifted(Arc::new(reason), Some(Box::new(seen))),
            None => Standing::Present(Some(Box::new(seen))),
        })
    }

    /// The tag names another manifest than the one that is recorded. The same package under another manifest is as good:
    /// `helm push` makes one with another `created`.
    async fn replaced(
        &self,
        recall: &Recall,
        candidate: &Candidate,
        recorded: &Placed,
    ) -> Result<Standing, TargetFault> {
        let Some(seen) = self.manifest(candidate).await? else {
            return Ok(Standing::Missing);
        };
        let same = seen.package.is_some() && seen.package == recorded.package;
        let listed = seen
            .package
            .is_some_and(|package| digests(candidate).contains(&package));
        if same || listed {
            recall.stored(self.number, candidate, &adopted(&seen));
            return Ok(Standing::Present(Some(Box::new(seen))));
        }
        let text = format!(
            "{} was overwritten by somebody: it holds {}, this mirror had {}; `drift = \"overwrite\"` replaces it",
            self.reference(candidate),
            holds(seen.package),
            holds(recorded.package),
        );
        let reason = Arc::new(Reason::new(OVERWRITTEN, text));
        Ok(Standing::Drifted(reason, Some(Box::new(seen))))
    }

    async fn manifest(&self, candidate: &Candidate) -> Result<Option<Seen>, TargetFault> {
        let target = self.destination.target();
        let manifest = target
            .get_manifest(self.repository, candidate.tag.as_str())
            .await?;
        Ok(manifest.as_ref().map(Seen::manifest))
    }
}

fn holds(package: Option<Digest>) -> String {
    match package {
        Some(package) => format!("the package {package}"),
        None => "no chart".to_owned(),
    }
}

fn adopted(seen: &Seen) -> Stored {
    Stored {
        origin: Origin::Adopted,
        manifest: seen.manifest,
        package: seen.package,
        provenance: match seen.signature {
            Some(digest) => Provenance::Carried(digest),
            None => Provenance::Unknown,
        },
    }
}

/// What vanished from the source of a repository whose tags were read, and is no longer there either.
pub(super) fn forget_deleted(recall: &Recall, number: usize, look: (&Target, &Repository), tags: &Tags) {
    let (target, repository) = look;
    if !tags.trusted {
        return;
    }
    let gone: Vec<_> = recall.state(|state| {
        let vanished = state.vanished(number);
        let here = vanished.filter(|vanished| {
            let own = target.repository(&vanished.repository);
            own.is_ok_and(|own| own == *repository) && !tags.names(vanished.tag.as_str())
        });
        here.map(|vanished| (vanished.chart, vanished.version)).collect()
    });
    for (chart, version) in gone {
        recall.change(|state| state.gone(number, &chart, &version));
    }
}

/// Actions that stay in every report until they are settled.
pub(super) fn stays(action: Action, code: Option<&str>) -> bool {
    match action {
        Action::Failed | Action::Refused | Action::Drifted | Action::Accepted => true,
        Action::Filtered => code == Some(LEFT_DELETED),
        _ => false,
    }
}

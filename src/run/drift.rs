//! How a version stands at a target: missing, there, or there with other bytes.

use std::collections::HashMap;
use std::sync::Arc;

use super::inspect::{Inspection, Seen};
use super::recall::{Recall, digests};
use super::spec::{Engine, Mode};
use crate::plan::Candidate;
use crate::report::Action;
use crate::target::{Tags, TargetFault};
use crate::transfer::{Destination, Fault, Transfer};
use crate::types::{Reason, Repository};

/// One version at one target.
#[derive(Debug, Clone)]
pub(super) enum Standing {
    /// Not there.
    Missing,
    /// Not there, though it was: to be pushed again.
    Healed(Reason),
    /// Not there, and it is to stay so.
    Left(Arc<Reason>),
    /// There, and what a look at it showed. With other bytes only if nobody asked.
    Present(Option<Box<Seen>>),
    /// There with other bytes.
    Drifted(Arc<Reason>, Option<Box<Seen>>),
    /// Cannot be told.
    Failed(Action, Arc<Reason>),
}

impl Standing {
    pub(super) fn failed(fault: Fault) -> Self {
        Self::Failed(fault.action, Arc::new(fault.reason))
    }
}

/// Of versions whose tags differ only in case, a registry that folds case keeps one: none of them is written (registries
/// rule 17).
pub(super) fn case_collisions(candidates: &[Candidate]) -> HashMap<String, Arc<Reason>> {
    let mut tags: HashMap<String, Vec<&str>> = HashMap::new();
    for candidate in candidates {
        let tag = candidate.tag.as_str();
        let same = tags.entry(tag.to_ascii_lowercase()).or_default();
        if !same.contains(&tag) {
            same.push(tag);
        }
    }
    tags.retain(|_, same| same.len() > 1);
    let reason = |same: Vec<&str>| {
        let text = format!(
            "the registry stores tags in lower case, so `{}` would overwrite each other; leave out all but one of these versions with a filter",
            same.join("` and `")
        );
        Arc::new(Reason::new("tag-case", text))
    };
    tags.into_iter().map(|(tag, same)| (tag, reason(same))).collect()
}

/// How closely the versions of one repository are looked at.
pub(super) struct Look<'a> {
    pub(super) engine: &'a Engine,
    pub(super) transfer: &'a Transfer,
    pub(super) destination: &'a Destination,
    pub(super) repository: &'a Repository,
    pub(super) tags: &'a Tags,
    pub(super) depth: Depth,
    /// Which target of the mirror it is.
    pub(super) number: usize,
    /// The command that pushes again what somebody deletes.
    pub(super) repair: &'static str,
    /// What is remembered.
    pub(super) recall: Option<&'a Recall>,
}

/// What a look costs and tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// The tag list alone.
    Tags,
    /// One manifest a version: it tells the package's sha256, without downloading the package.
    Digests,
    /// And whether all that it names is there.
    Parts {
        /// And what it is, byte for byte.
        deep: bool,
    },
}

impl Depth {
    pub(super) fn of(mode: Mode, check_drift: bool) -> Self {
        match (mode, check_drift) {
            (Mode::Verify { deep }, _) => Self::Parts { deep },
            (_, true) => Self::Digests,
            (_, false) => Self::Tags,
        }
    }
}

impl Look<'_> {
    /// Judges by the tag list, where that can be trusted and is enough; by the tag itself otherwise.
    pub(super) async fn standing(&self, candidate: &Candidate) -> Standing {
        if let Some(recall) = self.recall {
            let found = self.remembered(recall, candidate).await;
            return found.unwrap_or_else(|fault| {
                recall.flaw();
                Standing::failed(self.destination.look_failed(self.repository, &fault))
            });
        }
        let listed = self.tags.names(candidate.tag.as_str());
        if !listed && self.tags.trusted {
            return Standing::Missing;
        }
        if listed && self.depth == Depth::Tags {
            return Standing::Present(None);
        }
        match self.look(candidate).await {
            Ok(found) => found.unwrap_or(Standing::Missing),
            Err(fault) => Standing::failed(self.destination.look_failed(self.repository, &fault)),
        }
    }

    /// Whether what is there is compared with the source.
    pub(super) fn compares(&self) -> bool {
        self.depth != Depth::Tags
    }

    async fn look(&self, candidate: &Candidate) -> Result<Option<Standing>, TargetFault> {
        let (target, tag) = (self.destination.target(), candidate.tag.as_str());
        if self.depth == Depth::Tags {
            let digest = target.head_manifest(self.repository, tag).await?;
            return Ok(digest.map(|_| Standing::Present(None)));
        }
        let Some(manifest) = target.get_manifest(self.repository, tag).await? else {
            return Ok(None);
        };
        let mut seen = Seen::manifest(&manifest);
        let reference = target.reference(self.repository, &candidate.tag);
        if let Some(reason) = drift(&reference, candidate, &seen) {
            return Ok(Some(Standing::Drifted(Arc::new(reason), Some(Box::new(seen)))));
        }
        let Depth::Parts { deep } = self.depth else {
            return Ok(Some(Standing::Present(Some(Box::new(seen)))));
        };
        let inspection = Inspection {
            engine: self.engine,
            transfer: self.transfer,
            target,
            repository: self.repository,
            candidate,
            deep,
            repair: self.repair,
        };
        Ok(Some(match inspection.check(&manifest, &mut seen).await {
            Ok(()) => Standing::Present(Some(Box::new(seen))),
            Err(fault) if fault.action == Action::Drifted => {
                Standing::Drifted(Arc::new(fault.reason), Some(Box::new(seen)))
            }
            Err(fault) => Standing::failed(fault),
        }))
    }
}

/// What an index gives as digest is the package's; for an `oci://` entry it may be the manifest's.
pub(super) fn drift(reference: &str, candidate: &Candidate, seen: &Seen) -> Option<Reason> {
    let Some(package) = seen.package else {
        let text = format!("{reference} is no Helm chart");
        return Some(Reason::new("not-a-chart", text));
    };
    let digests = digests(candidate);
    if digests.is_empty() || digests.contains(&package) || digests.contains(&seen.manifest) {
        return None;
    }
    let wanted: Vec<_> = digests.iter().map(ToString::to_string).collect();
    let text = format!(
        "{reference} holds the package {package}, the source now has {}; `drift = \"overwrite\"` replaces it",
        wanted.join(" or ")
    );
    Some(Reason::new("drift", text))
}

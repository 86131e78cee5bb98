//! How a version stands at a target: missing, there, or there with other bytes.

use std::sync::Arc;

use crate::helm::index::{Entry, IndexDigest};
use crate::helm::manifest::ChartManifest;
use crate::plan::Candidate;
use crate::report::Action;
use crate::target::{StoredManifest, Tags};
use crate::transfer::{Destination, Fault};
use crate::types::{Digest, Reason, Repository};

/// One version at one target.
#[derive(Debug, Clone)]
pub(super) enum Standing {
    /// Not there.
    Missing,
    /// There; with other bytes only if nobody asked.
    Present,
    /// There with other bytes.
    Drifted(Arc<Reason>),
    /// Cannot be told.
    Failed(Action, Arc<Reason>),
}

impl Standing {
    pub(super) fn failed(fault: Fault) -> Self {
        Self::Failed(fault.action, Arc::new(fault.reason))
    }
}

/// Judges by the tag list, where that can be trusted; by the tag itself otherwise. With `check_drift` the manifest of
/// a version that is there tells its package's digest, without downloading the package.
pub(super) async fn standing(
    destination: &Destination,
    repository: &Repository,
    candidate: &Candidate,
    tags: &Tags,
    check_drift: bool,
) -> Standing {
    let listed = tags.names.contains(candidate.tag.as_str());
    if !listed && tags.trusted {
        return Standing::Missing;
    }
    if listed && !check_drift {
        return Standing::Present;
    }
    let (target, tag) = (destination.target(), candidate.tag.as_str());
    let found = if check_drift {
        let manifest = target.get_manifest(repository, tag).await;
        manifest.map(|manifest| {
            let manifest = manifest?;
            let reference = target.reference(repository, &candidate.tag);
            Some(compare(&reference, candidate, &manifest))
        })
    } else {
        let digest = target.head_manifest(repository, tag).await;
        digest.map(|digest| digest.map(|_| Standing::Present))
    };
    match found {
        Ok(found) => found.unwrap_or(Standing::Missing),
        Err(fault) => Standing::failed(destination.look_failed(repository, &fault)),
    }
}

fn compare(reference: &str, candidate: &Candidate, manifest: &StoredManifest) -> Standing {
    let listed = std::iter::once(&candidate.entry).chain(&candidate.alternatives);
    let digests: Vec<&Digest> = listed.filter_map(known_digest).collect();
    match chart_layer(manifest) {
        None => Standing::Drifted(Arc::new(Reason::new(
            "not-a-chart",
            format!("{reference} is no Helm chart"),
        ))),
        Some(found) if digests.is_empty() || digests.contains(&&found) => Standing::Present,
        Some(found) => {
            let wanted: Vec<_> = digests.iter().map(ToString::to_string).collect();
            let text = format!(
                "{reference} holds the package {found}, the source now has {}; `drift = \"overwrite\"` replaces it",
                wanted.join(" or ")
            );
            Standing::Drifted(Arc::new(Reason::new("drift", text)))
        }
    }
}

fn known_digest(entry: &Entry) -> Option<&Digest> {
    match &entry.digest {
        IndexDigest::Sha256(digest) => Some(digest),
        IndexDigest::None | IndexDigest::Other(_) => None,
    }
}

/// The package's digest is the digest of the chart layer.
fn chart_layer(manifest: &StoredManifest) -> Option<Digest> {
    let chart = ChartManifest::parse(&manifest.bytes).ok()?;
    chart.package().map(|package| package.digest)
}

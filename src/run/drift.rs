//! How a version stands at a target: missing, there, or there with other bytes.

use std::sync::Arc;

use serde::Deserialize;

use crate::artifact::CHART_MEDIA_TYPE;
use crate::helm::index::{Entry, IndexDigest};
use crate::plan::Candidate;
use crate::report::Action;
use crate::target::{StoredManifest, Tags};
use crate::transfer::{Destination, Fault};
use crate::types::{Digest, Reason};

/// Helm up to 3.7 used this media type for charts; such artifacts are still in registries (helm-oci-format 11, 20).
const OLD_CHART_MEDIA_TYPE: &str = "application/tar+gzip";

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

/// Judges by the tag list, where that can be trusted; by the tag itself otherwise. With `check_drift` the manifest of
/// a version that is there tells its package's digest, without downloading the package.
pub(super) async fn standing(
    destination: &Destination,
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
    let failed = |fault: Fault| Standing::Failed(fault.action, Arc::new(fault.reason));
    let target = destination.target();
    let repository = match target.repository(&candidate.repository) {
        Ok(repository) => repository,
        Err(error) => return failed(Fault::refused("invalid-name", error.to_string())),
    };
    if !check_drift {
        return match target.head_manifest(&repository, candidate.tag.as_str()).await {
            Ok(Some(_)) => Standing::Present,
            Ok(None) => Standing::Missing,
            Err(fault) => failed(destination.look_failed(&fault)),
        };
    }
    match target.get_manifest(&repository, candidate.tag.as_str()).await {
        Ok(Some(manifest)) => compare(&target.reference(&repository, &candidate.tag), candidate, &manifest),
        Ok(None) => Standing::Missing,
        Err(fault) => failed(destination.look_failed(&fault)),
    }
}

fn compare(reference: &str, candidate: &Candidate, manifest: &StoredManifest) -> Standing {
    let listed = std::iter::once(&candidate.entry).chain(&candidate.alternatives);
    let digests: Vec<&Digest> = listed.filter_map(known_digest).collect();
    match chart_layer(manifest) {
        None => Standing::Drifted(Arc::new(Reason::new("not-a-chart", format!("{reference} is no Helm chart")))),
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
    #[derive(Deserialize)]
    struct Layer {
        #[serde(rename = "mediaType")]
        media_type: String,
        digest: Digest,
    }
    #[derive(Deserialize)]
    struct Body {
        layers: Vec<Layer>,
    }
    let body: Body = serde_json::from_slice(&manifest.bytes).ok()?;
    let chart = |layer: &&Layer| [CHART_MEDIA_TYPE, OLD_CHART_MEDIA_TYPE].contains(&layer.media_type.as_str());
    body.layers.iter().find(chart).map(|layer| layer.digest)
}

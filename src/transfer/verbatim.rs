//! Copying an artifact that is one already: an `oci://` entry of an index, or an image layout as source. Manifest,
//! config and layers go over unchanged, so that the digest stays (registries, "`oci://` urls in an index").

use futures_util::future::{join_all, try_join_all};
use serde::Deserialize;

use super::obtain::source_fault;
use super::{Destination, Fault, Flight, Job, Outcome, Transfer, chain, chart_name};
use crate::artifact::{CHART_MEDIA_TYPE, PROVENANCE_MEDIA_TYPE};
use crate::payload::Spooled;
use crate::plan::Candidate;
use crate::registry::Registry;
use crate::report::{Action, DigestCheck, Provenance};
use crate::source::OciReference;
use crate::target::StoredManifest;
use crate::types::{Class, Digest, Reason};

/// Where an artifact is.
pub(super) enum Origin {
    /// In a registry that the index names.
    Registry(Registry, OciReference),
    /// In the layout that is the source, under this digest.
    Stored(Digest),
}

/// An artifact with all its blobs, the config first.
struct Copied {
    manifest: StoredManifest,
    blobs: Vec<Spooled>,
    package: Option<Digest>,
    provenance: Provenance,
    shown: Box<str>,
}

/// The parts of a config blob that must agree with the index.
#[derive(Deserialize)]
struct ConfigBody {
    name: String,
    version: String,
}

impl Transfer {
    /// The registry of an `oci://` entry.
    pub(super) fn origin(&self, reference: &OciReference) -> Result<Origin, Fault> {
        let registry = self.registries.open(&reference.host);
        let registry = registry.map_err(|error| Fault::failed(error.code(), error.class(), &error))?;
        Ok(Origin::Registry(registry, reference.clone()))
    }

    pub(super) async fn copy(&self, job: &Job, origin: &Origin, flight: &Flight) -> Result<Vec<Outcome>, Fault> {
        let copied = match origin {
            Origin::Registry(registry, reference) => self.from_registry(registry, reference).await?,
            Origin::Stored(manifest) => self.from_layout(manifest).await?,
        };
        flight.bytes(copied.blobs.iter().map(|blob| blob.size).sum());
        check_config(&copied, &job.candidate).await?;
        flight.pushing();
        let deliveries = job.destinations.iter().map(|index| async {
            let result = deliver(&self.destinations[*index], job, &copied).await;
            flight.bytes(result.as_ref().copied().unwrap_or_default());
            outcome(*index, result, job, &copied)
        });
        Ok(join_all(deliveries).await)
    }

    async fn from_registry(&self, registry: &Registry, reference: &OciReference) -> Result<Copied, Fault> {
        let shown = reference.to_string();
        let repository = &reference.repository;
        let fault = |error: crate::registry::RegistryError| Fault::failed(error.code(), error.class(), &error);
        let chart = registry.chart_manifest(repository, &reference.reference()).await.map_err(fault)?;
        let Some(chart) = chart else {
            let reason = Reason::new("not-found", format!("{shown} does not exist"));
            return Err(Fault { action: Action::Failed, reason, class: Class::NotFound });
        };
        let parts = std::iter::once(&chart.config).chain(&chart.layers);
        let blobs = parts.map(|part| registry.get_blob(repository, &part.digest, part.size, &self.budget));
        let blobs = try_join_all(blobs).await.map_err(fault)?;
        let layer = |media_type: &str| chart.layers.iter().find(|layer| layer.media_type == media_type);
        Ok(Copied {
            manifest: chart.manifest.into(),
            blobs,
            package: layer(CHART_MEDIA_TYPE).map(|layer| layer.digest),
            provenance: carried(layer(PROVENANCE_MEDIA_TYPE).is_some()),
            shown: shown.into(),
        })
    }

    async fn from_layout(&self, manifest: &Digest) -> Result<Copied, Fault> {
        let stored = self.source.stored(manifest).await.map_err(|error| source_fault(&error))?;
        let blobs = stored.blobs.iter().map(|(digest, size)| self.source.blob(digest, *size));
        let blobs = try_join_all(blobs).await.map_err(|error| source_fault(&error))?;
        Ok(Copied {
            shown: format!("{}@{manifest}", self.source_url).into(),
            manifest: stored.manifest.into(),
            blobs,
            package: Some(stored.package),
            provenance: carried(stored.blobs.len() > 2),
        })
    }
}

fn carried(there: bool) -> Provenance {
    if there { Provenance::Carried } else { Provenance::None }
}

/// Name and version come from the index; the artifact must agree (reliability B33, B44).
async fn check_config(copied: &Copied, candidate: &Candidate) -> Result<(), Fault> {
    let Some(blob) = copied.blobs.first() else {
        return Err(Fault::refused("not-a-chart", format!("{} has no config", copied.shown)));
    };
    let payload = blob.payload.clone();
    let read = tokio::task::spawn_blocking(move || {
        let reader = payload.reader().map_err(|error| error.to_string())?;
        let reader = std::io::BufReader::new(reader);
        serde_json::from_reader::<_, ConfigBody>(reader).map_err(|error| error.to_string())
    });
    let config = read.await.map_err(|error| error.to_string()).and_then(|config| config);
    let config = config.map_err(|why| {
        Fault::refused("not-a-chart", format!("the config of {} is none of Helm's: {why}", copied.shown))
    })?;
    if config.name == *chart_name(candidate) && config.version == *candidate.entry.version {
        return Ok(());
    }
    Err(Fault::refused(
        "name-mismatch",
        format!(
            "the index says `{}` `{}`, {} says `{}` `{}`",
            chart_name(candidate).escape_debug(),
            candidate.entry.version.escape_debug(),
            copied.shown,
            config.name.escape_debug(),
            config.version.escape_debug()
        ),
    ))
}

async fn deliver(destination: &Destination, job: &Job, copied: &Copied) -> Result<u64, Fault> {
    destination.usable()?;
    let (target, candidate) = (destination.target(), &job.candidate);
    let repository = target
        .repository(&candidate.repository)
        .map_err(|error| Fault::refused("invalid-name", chain(&error)))?;
    try_join_all(copied.blobs.iter().map(|blob| target.push_blob(&repository, &blob.digest, &blob.payload)))
        .await
        .map_err(|fault| destination.failed(&fault))?;
    let manifest = &copied.manifest;
    target
        .put_manifest(&repository, &candidate.tag, &manifest.media_type, manifest.bytes.clone(), job.overwrite)
        .await
        .map_err(|fault| destination.failed(&fault))?;
    destination.stored(&repository, &candidate.tag, &manifest.digest).await?;
    Ok(copied.blobs.iter().map(|blob| blob.size).sum::<u64>() + manifest.bytes.len() as u64)
}

fn outcome(index: usize, result: Result<u64, Fault>, job: &Job, copied: &Copied) -> Outcome {
    let (action, reason, bytes) = match result {
        Ok(bytes) => (Action::Pushed, None, bytes),
        Err(fault) => (fault.action, Some(fault.reason), 0),
    };
    Outcome {
        destination: index,
        tag: None,
        manifest_digest: reason.is_none().then_some(copied.manifest.digest),
        action,
        reason,
        warnings: job.candidate.warnings.clone(),
        source_url: Some(copied.shown.clone()),
        package_digest: copied.package,
        provenance: Some(copied.provenance),
        // Every blob was checked against the digest by which the manifest names it.
        digest_check: Some(DigestCheck::Verified),
        bytes,
    }
}

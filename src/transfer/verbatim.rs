//! Copying an artifact that is one already: an `oci://` entry of an index, or an image layout as source. Manifest,
//! config and layers go over unchanged, so that the digest stays (registries, "`oci://` urls in an index"). What the
//! mirror trusts holds for it as for a package: the index's digest, the provenance policy, the limits.

use bytes::Bytes;
use futures_util::future::try_join_all;

use super::deliver::Cargo;
use super::obtain::{digest_mismatch, digest_warning, source_fault};
use super::policy;
use super::provenance::Subject;
use super::{Fault, Flight, Job, Outcome, ProvenancePolicy, Transfer, chart_name, listed};
use crate::helm::manifest::{ChartManifest, ConfigNames};
use crate::helm::provenance::MAX_SIZE;
use crate::payload::{Payload, Spooled};
use crate::plan::Candidate;
use crate::registry::Registry;
use crate::report::{DigestCheck, Provenance};
use crate::source::OciReference;
use crate::target::StoredManifest;
use crate::types::{ByteSize, Class, Digest, Reason};

/// Chart.yaml as JSON; annotations of some kilobytes are common, of megabytes unknown.
const LARGEST_CONFIG: u64 = 4 << 20;

/// Where an artifact is.
pub(super) enum Origin {
    /// In a registry that the index names.
    Registry(Registry, OciReference),
    /// In the layout that is the source, under this digest.
    Stored(Digest),
}

/// An artifact whose blobs were received, in the order in which its manifest names them.
struct Copied {
    manifest: StoredManifest,
    chart: ChartManifest,
    blobs: Vec<Spooled>,
    package: Digest,
    shown: String,
}

impl Transfer {
    /// The registry of an `oci://` entry.
    pub(super) fn origin(&self, reference: &OciReference) -> Result<Origin, Fault> {
        let registry = self.registries.open(&reference.host);
        let registry = registry.map_err(|error| Fault::failed(error.code(), error.class(), &error))?;
        Ok(Origin::Registry(registry, reference.clone()))
    }

    pub(super) async fn copy(
        &self,
        job: &Job,
        origin: &Origin,
        flight: &Flight,
    ) -> Result<Vec<Outcome>, Fault> {
        let copied = match origin {
            Origin::Registry(registry, reference) => self.read_registry(registry, reference).await?,
            Origin::Stored(manifest) => self.read_layout(manifest).await?,
        };
        flight.bytes(copied.blobs.iter().map(|blob| blob.size).sum());
        let cargo = self.judge_copy(&job.candidate, copied).await?;
        Ok(self.deliver(job, &cargo, flight).await)
    }

    async fn read_registry(&self, registry: &Registry, reference: &OciReference) -> Result<Copied, Fault> {
        let shown = reference.to_string();
        let repository = &reference.repository;
        let fault =
            |error: crate::registry::RegistryError| Fault::failed(error.code(), error.class(), &error);
        let manifest = registry
            .get_manifest(repository, &reference.reference())
            .await
            .map_err(fault)?;
        let Some(manifest) = manifest else {
            let reason = Reason::new("not-found", format!("{shown} does not exist"));
            return Err(Fault {
                action: crate::report::Action::Failed,
                reason,
            });
        };
        let chart = ChartManifest::parse(&manifest.bytes)
            .map_err(|error| Fault::refused("not-a-chart", format!("{shown}: {error}")))?;
        let package = self.check_parts(&chart, &shown)?;
        let parts = chart.blobs();
        let blobs = parts.map(|part| registry.get_blob(repository, &part.digest, part.size, &self.budget));
        let blobs = try_join_all(blobs).await.map_err(fault)?;
        Ok(Copied {
            manifest: manifest.into(),
            chart,
            blobs,
            package,
            shown,
        })
    }

    async fn read_layout(&self, manifest: &Digest) -> Result<Copied, Fault> {
        let shown = format!("{}@{manifest}", self.source_url);
        let stored = self
            .source
            .stored(manifest)
            .await
            .map_err(|error| source_fault(&error))?;
        let package = self.check_parts(&stored.chart, &shown)?;
        let blobs = stored
            .chart
            .blobs()
            .map(|blob| self.source.blob(&blob.digest, blob.size));
        let blobs = try_join_all(blobs).await.map_err(|error| source_fault(&error))?;
        Ok(Copied {
            manifest: stored.manifest.into(),
            chart: stored.chart,
            blobs,
            package,
            shown,
        })
    }

    /// Finds the package among the layers. Sizes are what somebody else's manifest says: nothing is received that
    /// the limits would not let pass as a package.
    fn check_parts(&self, chart: &ChartManifest, shown: &str) -> Result<Digest, Fault> {
        let limit = self.policy.max_package_size;
        let total = chart
            .layers
            .iter()
            .fold(0_u64, |sum, layer| sum.saturating_add(layer.size));
        if chart.config.size > LARGEST_CONFIG || total > limit.saturating_add(MAX_SIZE) {
            let text = format!(
                "{shown} is larger than {}, which is the limit `max_package_size`",
                ByteSize(limit)
            );
            return Err(Fault::refused("too-large", text));
        }
        match chart.package() {
            Some(package) => Ok(package.digest),
            None => Err(Fault::refused(
                "not-a-chart",
                format!("{shown} has no layer with a package"),
            )),
        }
    }

    async fn judge_copy(&self, candidate: &Candidate, copied: Copied) -> Result<Cargo, Fault> {
        let config = read_config(&copied).await?;
        check_names(&copied.shown, &config, candidate)?;
        let digest_check = self.check_copied_digest(candidate, &copied)?;
        let mut warnings = candidate.warnings.clone();
        warnings.extend(digest_warning(digest_check, candidate, &copied.package));
        let subject = Subject {
            url: &copied.shown,
            package: &copied.package,
            name: &config.name,
            version: &config.version,
        };
        let signature = self.copied_signature(&copied).await?;
        let (provenance, warning) = self.judge_copied_provenance(&subject, signature)?;
        warnings.extend(warning);
        let provenance_digest = copied.chart.provenance().map(|layer| layer.digest);
        let digests = copied.chart.blobs().map(|blob| blob.digest);
        let payloads = copied.blobs.into_iter().map(|blob| blob.payload);
        Ok(Cargo {
            chart: candidate.repository.clone(),
            tag: candidate.tag.clone(),
            blobs: digests.zip(payloads).collect(),
            manifest: copied.manifest,
            source_url: copied.shown.into(),
            package_digest: copied.package,
            provenance,
            provenance_digest,
            digest_check,
            warnings,
        })
    }

    /// What an index gives as digest of an `oci://` entry is the package's, or the manifest's.
    fn check_copied_digest(&self, candidate: &Candidate, copied: &Copied) -> Result<DigestCheck, Fault> {
        let policy = self.policy.digest;
        let of_manifest = policy::check_digest(policy, listed(candidate), &copied.manifest.digest);
        if of_manifest == Ok(DigestCheck::Verified) {
            return Ok(DigestCheck::Verified);
        }
        policy::check_digest(policy, listed(candidate), &copied.package)
            .map_err(|claims| digest_mismatch(&claims, &copied.shown, &copied.package))
    }

    /// The bytes of the provenance layer, where they matter: the copy itself needs no look at them.
    async fn copied_signature(&self, copied: &Copied) -> Result<Option<Bytes>, Fault> {
        let Some(layer) = copied.chart.provenance() else {
            return Ok(None);
        };
        let payload = copied.blobs.iter().find(|blob| blob.digest == layer.digest);
        match payload {
            Some(blob) if self.policy.provenance.verifies() && blob.size <= MAX_SIZE => {
                read_all(blob.payload.clone()).await.map(Some)
            }
            _ => Ok(Some(Bytes::new())),
        }
    }

    /// What the provenance file in an artifact at a target is worth, under the rules for what is pushed there. Its bytes
    /// are needed only where signatures are checked.
    pub(crate) fn judge_stored_provenance(
        &self,
        shown: &str,
        package: &Digest,
        names: &ConfigNames,
        signature: Option<Bytes>,
    ) -> Result<(Provenance, Option<Reason>), Fault> {
        let subject = Subject {
            url: shown,
            package,
            name: &names.name,
            version: &names.version,
        };
        match self.policy.provenance {
            ProvenancePolicy::Off => Ok((Provenance::Off, None)),
            _ => self.judge_copied_provenance(&subject, signature),
        }
    }

    fn judge_copied_provenance(
        &self,
        subject: &Subject<'_>,
        signature: Option<Bytes>,
    ) -> Result<(Provenance, Option<Reason>), Fault> {
        match signature {
            None => self.no_provenance(subject.url).map(|()| (Provenance::None, None)),
            Some(bytes) if self.policy.provenance.verifies() => {
                let judged = self.judge_signed(subject, bytes)?;
                Ok((judged.state, judged.warning))
            }
            Some(_) => Ok((Provenance::Carried, None)),
        }
    }
}

/// Reads a payload, which may lie on disk, as a whole.
async fn read_all(payload: Payload) -> Result<Bytes, Fault> {
    use std::io::Read as _;
    let read = tokio::task::spawn_blocking(move || {
        let mut bytes = Vec::new();
        payload.reader()?.read_to_end(&mut bytes).map(|_| bytes)
    });
    match read.await {
        Ok(Ok(bytes)) => Ok(bytes.into()),
        Ok(Err(error)) => Err(Fault::failed("disk", Class::Permanent, &error)),
        Err(error) => Err(Fault::failed("internal", Class::Permanent, &error)),
    }
}

async fn read_config(copied: &Copied) -> Result<ConfigNames, Fault> {
    let payload = match copied.blobs.first() {
        Some(blob) => blob.payload.clone(),
        None => Payload::from(Bytes::new()),
    };
    let bytes = read_all(payload).await?;
    ConfigNames::parse(&bytes).map_err(|why| {
        let text = format!("the config of {} is none of Helm's: {why}", copied.shown);
        Fault::refused("not-a-chart", text)
    })
}

/// Name and version come from the index; the artifact must agree (reliability B33, B44).
fn check_names(shown: &str, config: &ConfigNames, candidate: &Candidate) -> Result<(), Fault> {
    if config.name == *chart_name(candidate) && config.version == *candidate.entry.version {
        return Ok(());
    }
    Err(Fault::refused(
        "name-mismatch",
        format!(
            "the index says `{}` `{}`, {shown} says `{}` `{}`",
            chart_name(candidate).escape_debug(),
            candidate.entry.version.escape_debug(),
            config.name.escape_debug(),
            config.version.escape_debug()
        ),
    ))
}

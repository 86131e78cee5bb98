//! Pushing one package to every destination that misses it: blobs side by side, then the manifest by tag. A tag
//! never points at something incomplete.

use bytes::Bytes;
use futures_util::future::{join_all, try_join_all};

use super::obtain::Obtained;
use super::{Destination, Fault, Flight, Job, Outcome, Transfer};
use crate::artifact::{self, Artifact};
use crate::payload::Payload;
use crate::plan::Mismatch;
use crate::report::Action;
use crate::source::PackageUrl;
use crate::types::{ChartName, Class, Digest, Reason, Repository, Tag};

/// Everything that one push sends.
struct Cargo {
    artifact: Artifact,
    blobs: Vec<(Digest, Payload)>,
    chart: ChartName,
    tag: Tag,
    /// Chart or tag are not those that were looked up in the target's tag list.
    unlisted: bool,
}

/// What a push did.
enum Pushed {
    Stored(u64),
    Present,
}

impl Pushed {
    fn bytes(&self) -> u64 {
        match self {
            Self::Stored(bytes) => *bytes,
            Self::Present => 0,
        }
    }
}

impl Transfer {
    pub(super) async fn push_package(
        &self,
        job: &Job,
        locations: &[PackageUrl],
        flight: &Flight,
    ) -> Result<Vec<Outcome>, Fault> {
        let obtained = self.obtain(&job.candidate, locations, flight).await?;
        flight.pushing();
        let cargo = self.load(job, &obtained)?;
        let pushes = job.destinations.iter().map(|index| async {
            let destination = &self.destinations[*index];
            let result = deliver(destination, &cargo, job.overwrite).await;
            flight.bytes(result.as_ref().map_or(0, Pushed::bytes));
            outcome(*index, result, &obtained, &cargo)
        });
        Ok(join_all(pushes).await)
    }

    /// Builds what `helm push` would send.
    fn load(&self, job: &Job, obtained: &Obtained) -> Result<Cargo, Fault> {
        let (chart, tag) = self.address(job, obtained)?;
        let unlisted = chart != job.candidate.repository || tag != job.candidate.tag;
        let provenance = obtained.provenance_file.as_ref();
        let artifact = artifact::assemble(
            &obtained.package,
            (obtained.spooled.digest, obtained.spooled.size),
            provenance.map(|(digest, bytes)| (*digest, bytes.len() as u64)),
            obtained.created,
        )
        .map_err(|error| Fault::refused("refused-by-helm", super::chain(&error)))?;
        let mut blobs = vec![
            (artifact.config_descriptor.digest, Payload::from(artifact.config.clone())),
            (obtained.spooled.digest, obtained.spooled.payload.clone()),
        ];
        blobs.extend(provenance.map(|(digest, bytes)| (*digest, Payload::from(bytes.clone()))));
        Ok(Cargo { artifact, blobs, chart, tag, unlisted })
    }

    /// Repository name and tag. The package decides, as in `helm push`; where it differs from the index that is an
    /// error unless `mismatch = "package"` (helm-oci-format 11, item 2).
    fn address(&self, job: &Job, obtained: &Obtained) -> Result<(ChartName, Tag), Fault> {
        let candidate = &job.candidate;
        if obtained.mismatch.is_none() {
            return Ok((candidate.repository.clone(), candidate.tag.clone()));
        }
        debug_assert_eq!(self.policy.mismatch, Mismatch::Package, "an error otherwise, long before");
        let metadata = &obtained.package.metadata;
        let chart = if metadata.name == *super::chart_name(candidate) {
            candidate.repository.clone()
        } else {
            ChartName::new(&metadata.name).map_err(|error| Fault::refused("invalid-name", error.to_string()))?
        };
        let tag = Tag::from_version(&metadata.version)
            .map_err(|error| Fault::refused("invalid-tag", error.to_string()))?;
        Ok((chart, tag))
    }
}

async fn deliver(destination: &Destination, cargo: &Cargo, overwrite: bool) -> Result<Pushed, Fault> {
    destination.usable()?;
    let target = destination.target();
    let repository = target
        .repository(&cargo.chart)
        .map_err(|error| Fault::refused("invalid-name", error.to_string()))?;
    if cargo.unlisted && !overwrite && present(destination, &repository, cargo).await? {
        return Ok(Pushed::Present);
    }
    try_join_all(cargo.blobs.iter().map(|(digest, payload)| {
        target.push_blob(&repository, digest, payload)
    }))
    .await
    .map_err(|fault| destination.failed(&fault))?;
    let manifest = &cargo.artifact.manifest;
    target
        .put_manifest(&repository, &cargo.tag, artifact::MANIFEST_MEDIA_TYPE, manifest.clone(), overwrite)
        .await
        .map_err(|fault| destination.failed(&fault))?;
    destination.stored(&repository, &cargo.tag, &cargo.artifact.manifest_digest).await?;
    let blobs: u64 = cargo.blobs.iter().map(|(_, payload)| payload.size()).sum();
    Ok(Pushed::Stored(blobs + manifest.len() as u64))
}

/// Looks up a tag that no list was read for. Another manifest under it is a conflict: nothing is overwritten.
async fn present(destination: &Destination, repository: &Repository, cargo: &Cargo) -> Result<bool, Fault> {
    let target = destination.target();
    let found = target.head_manifest(repository, cargo.tag.as_str()).await.map_err(|fault| destination.failed(&fault))?;
    match found {
        None => Ok(false),
        Some(digest) if digest == cargo.artifact.manifest_digest => Ok(true),
        Some(digest) => Err(Fault {
            action: Action::Drifted,
            reason: Reason::new(
                "conflict",
                format!(
                    "{} already names {digest}, this package would be {}",
                    target.reference(repository, &cargo.tag),
                    cargo.artifact.manifest_digest
                ),
            ),
            class: Class::Permanent,
        }),
    }
}

fn outcome(index: usize, result: Result<Pushed, Fault>, obtained: &Obtained, cargo: &Cargo) -> Outcome {
    let (action, reason, bytes) = match result {
        Ok(Pushed::Stored(bytes)) => (Action::Pushed, None, bytes),
        Ok(Pushed::Present) => (Action::Present, None, 0),
        Err(fault) => (fault.action, Some(fault.reason), 0),
    };
    let arrived = reason.is_none();
    Outcome {
        destination: index,
        tag: cargo.unlisted.then(|| cargo.tag.as_str().into()),
        action,
        reason,
        warnings: obtained.warnings.clone(),
        source_url: Some(obtained.url.clone()),
        package_digest: Some(obtained.spooled.digest),
        manifest_digest: arrived.then_some(cargo.artifact.manifest_digest),
        provenance: Some(obtained.provenance),
        digest_check: Some(obtained.check),
        bytes,
    }
}

/// Bytes of a provenance file with their digest.
pub(super) type ProvenanceFile = (Digest, Bytes);

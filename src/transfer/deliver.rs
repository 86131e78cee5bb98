//! Pushing what was made ready to one destination: blobs side by side, then the manifest by tag. A tag never points
//! at something incomplete.

use futures_util::future::{join_all, try_join_all};

use super::{Destination, Fault, Flight, Job, Outcome, Transfer, chain};
use crate::payload::Payload;
use crate::plan::Mismatch;
use crate::report::{Action, DigestCheck, Provenance};
use crate::target::StoredManifest;
use crate::types::{ChartName, Digest, Reason, Repository, Tag};

/// Everything that one push sends, and what the report will say of it.
pub(super) struct Cargo {
    pub(super) chart: ChartName,
    pub(super) tag: Tag,
    pub(super) manifest: StoredManifest,
    pub(super) blobs: Vec<(Digest, Payload)>,
    pub(super) source_url: Box<str>,
    pub(super) package_digest: Digest,
    pub(super) provenance: Provenance,
    /// sha256 of the provenance file.
    pub(super) provenance_digest: Option<Digest>,
    pub(super) digest_check: DigestCheck,
    pub(super) warnings: Vec<Reason>,
}

/// What a push did.
enum Pushed {
    Stored(u64),
    Present,
}

/// How one cargo is brought to its destinations.
struct Errand<'a> {
    cargo: &'a Cargo,
    /// The tag is there with other bytes and may be replaced.
    overwrite: bool,
    /// Chart or tag are not those that were looked up in the target's tag list.
    unlisted: bool,
    /// Another version may turn out to want the same tag.
    rivals: bool,
}

impl Transfer {
    /// Pushes to every destination of the job, side by side.
    pub(super) async fn deliver(&self, job: &Job, cargo: &Cargo, flight: &Flight) -> Vec<Outcome> {
        flight.pushing();
        let candidate = &job.candidate;
        let errand = Errand {
            cargo,
            overwrite: job.overwrite,
            unlisted: cargo.chart != candidate.repository || cargo.tag != candidate.tag,
            rivals: self.policy.mismatch == Mismatch::Package,
        };
        let errand = &errand;
        let pushes = job.destinations.iter().map(|index| async move {
            let result = errand.run(&self.destinations[*index]).await;
            if let Ok(Pushed::Stored(bytes)) = result {
                flight.bytes(bytes);
            }
            errand.outcome(*index, result)
        });
        join_all(pushes).await
    }
}

impl Errand<'_> {
    async fn run(&self, destination: &Destination) -> Result<Pushed, Fault> {
        let (cargo, target) = (self.cargo, destination.target());
        destination.check_contest(&cargo.chart)?;
        let repository = target
            .repository(&cargo.chart)
            .map_err(|error| Fault::refused("invalid-name", chain(&error)))?;
        destination.usable(&repository)?;
        if self.unlisted && !self.overwrite && self.is_there(destination, &repository).await? {
            return Ok(Pushed::Present);
        }
        // Only now: a rival that is not there must not keep the one that is from being found present.
        if self.rivals {
            destination.take(&repository, &cargo.tag, &cargo.manifest.digest)?;
        }
        let pushes = cargo
            .blobs
            .iter()
            .map(|(digest, payload)| target.push_blob(&repository, digest, payload));
        try_join_all(pushes)
            .await
            .map_err(|fault| destination.failed(&repository, &fault))?;
        let manifest = &cargo.manifest;
        target
            .put_manifest(
                &repository,
                &cargo.tag,
                &manifest.media_type,
                manifest.bytes.clone(),
                self.overwrite,
            )
            .await
            .map_err(|fault| destination.failed(&repository, &fault))?;
        let sizes: Vec<(Digest, u64)> = cargo
            .blobs
            .iter()
            .map(|(digest, payload)| (*digest, payload.size()))
            .collect();
        destination
            .stored(&repository, &cargo.tag, &manifest.digest, &sizes)
            .await?;
        let blobs: u64 = sizes.iter().map(|(_, size)| size).sum();
        Ok(Pushed::Stored(blobs + manifest.bytes.len() as u64))
    }

    /// Looks up a tag that no list was read for. Another manifest under it is a conflict: nothing is overwritten.
    async fn is_there(&self, destination: &Destination, repository: &Repository) -> Result<bool, Fault> {
        let (cargo, target) = (self.cargo, destination.target());
        let found = target
            .head_manifest(repository, cargo.tag.as_str())
            .await
            .map_err(|fault| destination.look_failed(repository, &fault))?;
        match found {
            None => Ok(false),
            Some(digest) if digest == cargo.manifest.digest => Ok(true),
            Some(digest) => Err(Fault::conflict(format!(
                "{} already names {digest}, this package would be {}",
                target.reference(repository, &cargo.tag),
                cargo.manifest.digest
            ))),
        }
    }

    fn outcome(&self, index: usize, result: Result<Pushed, Fault>) -> Outcome {
        let cargo = self.cargo;
        let (action, reason, bytes) = match result {
            Ok(Pushed::Stored(bytes)) => (Action::Pushed, None, bytes),
            Ok(Pushed::Present) => (Action::Present, None, 0),
            Err(fault) => (fault.action, Some(fault.reason), 0),
        };
        Outcome {
            destination: index,
            place: self.unlisted.then(|| (cargo.chart.clone(), cargo.tag.clone())),
            action,
            manifest_digest: reason.is_none().then_some(cargo.manifest.digest),
            reason,
            warnings: cargo.warnings.clone(),
            source_url: Some(cargo.source_url.clone()),
            package_digest: Some(cargo.package_digest),
            provenance: Some(cargo.provenance),
            provenance_digest: cargo.provenance_digest,
            digest_check: Some(cargo.digest_check),
            bytes,
        }
    }
}

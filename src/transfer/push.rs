//! From a package to what `helm push` would send of it.

use super::deliver::Cargo;
use super::obtain::Obtained;
use super::{Fault, Flight, Job, Outcome, Transfer, chain, chart_name};
use crate::artifact;
use crate::helm::manifest::MANIFEST_MEDIA_TYPE;
use crate::payload::Payload;
use crate::plan::{Candidate, Mismatch};
use crate::source::PackageUrl;
use crate::target::StoredManifest;
use crate::types::{ChartName, Tag};

impl Transfer {
    pub(super) async fn push_package(
        &self,
        job: &Job,
        locations: &[PackageUrl],
        flight: &Flight,
    ) -> Result<Vec<Outcome>, Fault> {
        let obtained = self.obtain(&job.candidate, locations, flight).await?;
        let cargo = self.load(&job.candidate, obtained)?;
        Ok(self.deliver(job, &cargo, flight).await)
    }

    fn load(&self, candidate: &Candidate, obtained: Obtained) -> Result<Cargo, Fault> {
        let (chart, tag) = self.address(candidate, &obtained)?;
        let spooled = obtained.spooled;
        let provenance = obtained.provenance_file;
        let provenance_digest = provenance.as_ref().map(|(digest, _)| *digest);
        let artifact = artifact::assemble(
            &obtained.package,
            (spooled.digest, spooled.size),
            provenance
                .as_ref()
                .map(|(digest, bytes)| (*digest, bytes.len() as u64)),
            obtained.created,
        )
        .map_err(|error| Fault::refused("refused-by-helm", chain(&error)))?;
        let mut blobs = vec![
            (artifact.config_descriptor.digest, Payload::from(artifact.config)),
            (spooled.digest, spooled.payload),
        ];
        blobs.extend(provenance.map(|(digest, bytes)| (digest, Payload::from(bytes))));
        Ok(Cargo {
            chart,
            tag,
            manifest: StoredManifest {
                bytes: artifact.manifest,
                media_type: MANIFEST_MEDIA_TYPE.into(),
                digest: artifact.manifest_digest,
            },
            blobs,
            source_url: obtained.url,
            package_digest: spooled.digest,
            provenance: obtained.provenance,
            provenance_digest,
            digest_check: obtained.check,
            warnings: obtained.warnings,
        })
    }

    /// Repository name and tag. The package decides, as in `helm push`; where it differs from the index that is an
    /// error unless `mismatch = "package"` (helm-oci-format 11, item 2).
    fn address(&self, candidate: &Candidate, obtained: &Obtained) -> Result<(ChartName, Tag), Fault> {
        if obtained.mismatch.is_none() {
            return Ok((candidate.repository.clone(), candidate.tag.clone()));
        }
        debug_assert_eq!(
            self.policy.mismatch,
            Mismatch::Package,
            "an error otherwise, long before"
        );
        let metadata = &obtained.package.metadata;
        let chart = if metadata.name == *chart_name(candidate) {
            candidate.repository.clone()
        } else {
            ChartName::new(&metadata.name)
                .map_err(|error| Fault::refused("invalid-name", error.to_string()))?
        };
        let tag = Tag::from_version(&metadata.version)
            .map_err(|error| Fault::refused("invalid-tag", error.to_string()))?;
        Ok((chart, tag))
    }
}

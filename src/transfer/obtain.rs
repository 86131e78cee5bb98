//! Getting one version from the source: package and provenance file side by side, then every question that can be
//! asked of the bytes before anything is pushed.

use std::borrow::Cow;

use chrono::{DateTime, Utc};

use super::push::ProvenanceFile;
use super::renewal::is_no_pair;
use super::{Fault, Flight, ProvenancePolicy, Transfer, chain, listed, policy};
use crate::helm::index::{Entry, IndexDigest};
use crate::helm::package::{self, Package};
use crate::payload::{Payload, Spooled};
use crate::plan::{Candidate, Mismatch};
use crate::report::{DigestCheck, Provenance};
use crate::source::{Fetched, PackageUrl, SourceError, Want};
use crate::types::{Class, Digest, Reason};

/// Packages up to this size are read where they are; larger ones where blocking is allowed.
const INLINE: u64 = 128 << 10;

/// A package that may be pushed.
pub(super) struct Obtained {
    pub(super) spooled: Spooled,
    pub(super) url: Box<str>,
    pub(super) package: Package,
    pub(super) provenance_file: Option<ProvenanceFile>,
    pub(super) provenance: Provenance,
    pub(super) check: DigestCheck,
    /// `created` of the index entry whose bytes these are.
    pub(super) created: Option<DateTime<Utc>>,
    /// How name or version differ from the index, where that is let pass.
    pub(super) mismatch: Option<String>,
    pub(super) warnings: Vec<Reason>,
}

impl Transfer {
    pub(super) async fn obtain(
        &self,
        candidate: &Candidate,
        locations: &[PackageUrl],
        flight: &Flight,
    ) -> Result<Obtained, Fault> {
        let (fetched, check, candidate) = self.fetch_checked(candidate, locations, flight).await?;
        let candidate = &*candidate;
        let package = read_package(&fetched, check).await?;
        let mut warnings = candidate.warnings.clone();
        warnings.extend(package.warnings.iter().cloned());
        warnings.extend(digest_warning(check, candidate, &fetched.package.digest));
        let mismatch = self.compare_names(candidate, &package)?;
        if let Some(text) = &mismatch {
            warnings.push(Reason::new("name-mismatch", text.clone()));
        }
        warnings.extend(self.dependency_note(&package));
        let judged = self.judge_provenance(&package, &fetched)?;
        warnings.extend(judged.warning);
        Ok(Obtained {
            created: created(candidate, &fetched.package.digest),
            spooled: fetched.package,
            url: fetched.url.into(),
            package,
            provenance_file: judged.file.map(|bytes| (Digest::of(&bytes), bytes)),
            provenance: judged.state,
            check,
            mismatch,
            warnings,
        })
    }

    /// The package with its digest judged. What does not match is asked for once more, past all caches: a version that
    /// was published anew leaves stale copies behind. Then the index is read once more, which may list it anew.
    async fn fetch_checked<'a>(
        &self,
        candidate: &'a Candidate,
        locations: &[PackageUrl],
        flight: &Flight,
    ) -> Result<(Fetched, DigestCheck, Cow<'a, Candidate>), Fault> {
        let provenance = self.policy.provenance != ProvenancePolicy::Off;
        let mut want = Want {
            provenance,
            fresh: false,
        };
        loop {
            let fetched = self
                .source
                .fetch(locations, want)
                .await
                .map_err(|error| source_fault(&error))?;
            flight.bytes(fetched.package.size);
            let digest = &fetched.package.digest;
            let judge = |candidate| policy::check_digest(self.policy.digest, listed(candidate), digest);
            let suspect = |check| check == DigestCheck::Mismatch || is_no_pair(candidate, &fetched);
            let claims = match judge(candidate) {
                Ok(check) if want.fresh || !suspect(check) => {
                    return Ok((fetched, check, Cow::Borrowed(candidate)));
                }
                Ok(_) => None,
                Err(claims) => Some(claims),
            };
            if let (Some(claims), true) = (claims, want.fresh) {
                if let Some(renewed) = self.renewed(candidate).await
                    && let Ok(check) = judge(&renewed)
                {
                    return Ok((fetched, check, Cow::Owned(renewed)));
                }
                let url = &fetched.url;
                return Err(Fault::refused(
                    "digest-mismatch",
                    format!(
                        "the index says {claims}, but {url} has {digest}; ask the publisher, or set `digest = \"warn\"`"
                    ),
                ));
            }
            want.fresh = true;
        }
    }

    fn compare_names(&self, candidate: &Candidate, package: &Package) -> Result<Option<String>, Fault> {
        let metadata = &package.metadata;
        let (name, version) = (super::chart_name(candidate), &*candidate.entry.version);
        if metadata.name == *name && metadata.version == *version {
            return Ok(None);
        }
        let text = format!(
            "the index says `{}` `{}`, the package's Chart.yaml says `{}` `{}`",
            name.escape_debug(),
            version.escape_debug(),
            metadata.name.escape_debug(),
            metadata.version.escape_debug()
        );
        match self.policy.mismatch {
            Mismatch::Package => Ok(Some(text)),
            Mismatch::Error => {
                let advice = "`mismatch = \"package\"` pushes it as Chart.yaml says";
                Err(Fault::refused("name-mismatch", format!("{text}; {advice}")))
            }
        }
    }

    /// A chart whose dependencies still come from the repository being migrated works as before, but still needs it.
    fn dependency_note(&self, package: &Package) -> Option<Reason> {
        let names: Vec<_> = package
            .metadata
            .dependencies
            .iter()
            .filter(|dependency| dependency.repository.trim_end_matches('/') == &*self.source_url)
            .map(|dependency| format!("`{}`", dependency.name.escape_debug()))
            .collect();
        (!names.is_empty()).then(|| {
            let text = format!(
                "its dependencies {} still name {}",
                names.join(", "),
                self.source_url
            );
            Reason::new("dependency-on-source", text)
        })
    }
}

pub(super) fn source_fault(error: &SourceError) -> Fault {
    Fault::failed(error.code(), error.class(), error)
}

async fn read_package(fetched: &Fetched, check: DigestCheck) -> Result<Package, Fault> {
    let payload = fetched.package.payload.clone();
    let inline = matches!(payload, Payload::Memory { .. }) && payload.size() <= INLINE;
    let read = move || {
        let reader = payload
            .reader()
            .map_err(|error| Fault::failed("disk", Class::Permanent, &error))?;
        package::read(reader).map_err(|error| Fault::refused("refused-by-helm", chain(&error)))
    };
    let package = if inline {
        read()?
    } else {
        match tokio::task::spawn_blocking(read).await {
            Ok(result) => result?,
            Err(error) => return Err(Fault::failed("internal", Class::Permanent, &error)),
        }
    };
    // Nothing but the trailer would show a download that was cut at a block border.
    if check == DigestCheck::Unverified && !package.gzip_complete {
        return Err(Fault::refused(
            "incomplete-package",
            format!(
                "{} ends before its gzip stream does, and the index gives no digest to check it by",
                fetched.url
            ),
        ));
    }
    Ok(package)
}

fn digest_warning(check: DigestCheck, candidate: &Candidate, actual: &Digest) -> Option<Reason> {
    match check {
        DigestCheck::Mismatch => Some(Reason::new(
            "digest-mismatch",
            format!("the package is {actual}, which is not what the index says"),
        )),
        DigestCheck::Unverified => {
            let empty = matches!(candidate.entry.digest, IndexDigest::None);
            empty.then(|| {
                Reason::new(
                    "digest-absent",
                    format!("the index gives no digest; the package is {actual}"),
                )
            })
        }
        DigestCheck::Verified | DigestCheck::Off => None,
    }
}

/// `created` of the entry that describes these bytes, which among duplicates is the one with their digest.
fn created(candidate: &Candidate, digest: &Digest) -> Option<DateTime<Utc>> {
    let describes = |entry: &&Entry| matches!(&entry.digest, IndexDigest::Sha256(listed) if listed == digest);
    listed(candidate)
        .find(describes)
        .unwrap_or(&candidate.entry)
        .created
}

//! Getting one version from the source: package and provenance file side by side, then every question that can be
//! asked of the bytes before anything is pushed.

use std::borrow::Cow;

use bytes::Bytes;
use chrono::{DateTime, Utc};

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
    /// Digest and bytes.
    pub(super) provenance_file: Option<(Digest, Bytes)>,
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
        let package = read_package(&fetched, !listed(candidate).any(gives_digest)).await?;
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

    /// The package with its digest judged. A place whose bytes do not match is asked once more, past all caches: a
    /// version that was published anew leaves stale copies behind. Then the next place has its turn, and at the end
    /// the index is read once more, which may list the version anew.
    async fn fetch_checked<'a>(
        &self,
        candidate: &'a Candidate,
        locations: &[PackageUrl],
        flight: &Flight,
    ) -> Result<(Fetched, DigestCheck, Cow<'a, Candidate>), Fault> {
        let mut unlike = None;
        let mut rest = locations;
        while !rest.is_empty() {
            let fetched = match self.fetch(rest, false, flight).await {
                Ok(fetched) => fetched,
                Err(error) if unlike.is_none() => return Err(error),
                // What was found is worth more of a word than what was not.
                Err(_) => break,
            };
            let place = &rest[fetched.place..=fetched.place];
            rest = &rest[fetched.place + 1..];
            match self.check(candidate, &fetched).and_then(matching) {
                Ok(check) if !is_no_pair(candidate, &fetched) => {
                    return Ok((fetched, check, Cow::Borrowed(candidate)));
                }
                _ => {}
            }
            let fetched = self.fetch(place, true, flight).await?;
            let verdict = self.check(candidate, &fetched);
            if let Ok(check) = verdict.clone().and_then(matching) {
                return Ok((fetched, check, Cow::Borrowed(candidate)));
            }
            unlike.get_or_insert((fetched, verdict));
        }
        let Some((fetched, verdict)) = unlike else {
            return Err(source_fault(&SourceError::NoUrl));
        };
        let claims = match verdict {
            Ok(check) => return Ok((fetched, check, Cow::Borrowed(candidate))),
            Err(claims) => claims,
        };
        if let Some(renewed) = self.renewed(candidate).await
            && let Ok(check) = self.check(&renewed, &fetched)
        {
            return Ok((fetched, check, Cow::Owned(renewed)));
        }
        let digest = &fetched.package.digest;
        Err(digest_mismatch(&claims, &fetched.url, digest))
    }

    async fn fetch(&self, places: &[PackageUrl], fresh: bool, flight: &Flight) -> Result<Fetched, Fault> {
        let want = Want {
            provenance: self.policy.provenance != ProvenancePolicy::Off,
            fresh,
        };
        let fetched = self.source.fetch(places, want).await;
        let fetched = fetched.map_err(|error| source_fault(&error))?;
        flight.bytes(fetched.package.size);
        Ok(fetched)
    }

    fn check(&self, candidate: &Candidate, fetched: &Fetched) -> Result<DigestCheck, String> {
        policy::check_digest(self.policy.digest, listed(candidate), &fetched.package.digest)
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

fn gives_digest(entry: &Entry) -> bool {
    !matches!(entry.digest, IndexDigest::None)
}

pub(super) fn source_fault(error: &SourceError) -> Fault {
    Fault::failed(error.code(), error.class(), error)
}

/// Passes on what need not be asked for again.
fn matching(check: DigestCheck) -> Result<DigestCheck, String> {
    match check {
        DigestCheck::Mismatch => Err(String::new()),
        check => Ok(check),
    }
}

pub(super) fn digest_mismatch(claims: &str, url: &str, found: &Digest) -> Fault {
    let advice = "ask the publisher, or set `digest = \"warn\"`";
    Fault::refused(
        "digest-mismatch",
        format!("the index says {claims}, but {url} has {found}; {advice}"),
    )
}

async fn read_package(fetched: &Fetched, checks_trailer: bool) -> Result<Package, Fault> {
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
    if checks_trailer && !package.gzip_complete {
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

pub(super) fn digest_warning(check: DigestCheck, candidate: &Candidate, actual: &Digest) -> Option<Reason> {
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

//! Carries versions from a source to their destinations: obtain the package once, judge it, push it everywhere.
//!
//! One [`Transfer`] serves one mirror. A version ends in an [`Outcome`] per destination and never in an error of
//! the run: one bad version costs one line in the report.

mod deliver;
mod destination;
mod fault;
mod flight;
mod obtain;
mod policy;
mod preflight;
mod provenance;
mod push;
mod renewal;
mod rights;
mod verbatim;
mod verifier;
pub mod width;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::helm::index::Entry;
use crate::payload::Budget;
use crate::plan::{Candidate, Mismatch};
use crate::registry::{Registry, RegistryError};
use crate::report::{Action, DigestCheck, Provenance};
use crate::source::{PackageUrl, Source, SourceOptions, Validators};
use crate::types::{ChartName, Digest, Reason, RegistryHost, Tag};

pub use destination::Destination;
pub(crate) use fault::{Fault, chain};
pub(crate) use flight::Flight;
pub use policy::{DigestPolicy, ProvenancePolicy};
use renewal::Renewal;
pub use verifier::Verifier;

/// What may be pushed and how.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Index digests.
    pub digest: DigestPolicy,
    /// Provenance files.
    pub provenance: ProvenancePolicy,
    /// Public keys, where signatures are verified.
    pub verifier: Option<Arc<Verifier>>,
    /// Packages that are not what the index says.
    pub mismatch: Mismatch,
    /// The largest package in bytes, also where it is copied out of a registry.
    pub max_package_size: u64,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            digest: DigestPolicy::default(),
            provenance: ProvenancePolicy::default(),
            verifier: None,
            mismatch: Mismatch::default(),
            max_package_size: SourceOptions::default().max_package_size,
        }
    }
}

/// One version that is missing at some destinations.
#[derive(Debug)]
pub struct Job {
    /// The version.
    pub candidate: Candidate,
    /// Indexes into [`Transfer::destinations`], at least one.
    pub destinations: Vec<usize>,
    /// The tag is there with other bytes and may be replaced.
    pub overwrite: bool,
}

/// What became of one version at one destination.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Index into [`Transfer::destinations`].
    pub destination: usize,
    /// Repository and tag, where they are not those that the index leads to (`mismatch = "package"`).
    pub place: Option<(ChartName, Tag)>,
    /// What happened.
    pub action: Action,
    /// Why, where there is something to say.
    pub reason: Option<Reason>,
    /// What went on all the same.
    pub warnings: Vec<Reason>,
    /// Where the bytes came from, secrets masked.
    pub source_url: Option<Box<str>>,
    /// sha256 of the package.
    pub package_digest: Option<Digest>,
    /// Digest of the manifest.
    pub manifest_digest: Option<Digest>,
    /// What is known of the provenance file.
    pub provenance: Option<Provenance>,
    /// sha256 of the provenance file, where one was carried.
    pub provenance_digest: Option<Digest>,
    /// Whether the index's digest was compared.
    pub digest_check: Option<DigestCheck>,
    /// Bytes sent.
    pub bytes: u64,
}

impl Outcome {
    pub(crate) fn fault(destination: usize, fault: &Fault) -> Self {
        Self {
            destination,
            place: None,
            action: fault.action,
            reason: Some(fault.reason.clone()),
            warnings: Vec::new(),
            source_url: None,
            package_digest: None,
            manifest_digest: None,
            provenance: None,
            provenance_digest: None,
            digest_check: None,
            bytes: 0,
        }
    }
}

/// Opens registries for reading `oci://` entries of an index.
pub trait OpenRegistry: Send + Sync {
    /// The registry of `host`, to read from it on behalf of an index.
    fn open(&self, host: &RegistryHost) -> Result<Registry, RegistryError>;
}

/// One mirror's transfers.
pub struct Transfer {
    source: Source,
    destinations: Vec<Arc<Destination>>,
    policy: Policy,
    budget: Budget,
    registries: Arc<dyn OpenRegistry>,
    renewal: Renewal,
    /// A source that answers with pages instead of provenance files is told of once, not per version.
    told_of_pages: AtomicBool,
    /// The text that dependencies name when they still point at this source.
    source_url: Box<str>,
}

impl Transfer {
    /// The rules for what is pushed.
    pub(crate) fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Transfers from `source`, which the user calls `name` and whose index was `read`, to `destinations`.
    pub fn new(
        name: &str,
        (source, read): (Source, Validators),
        destinations: Vec<Arc<Destination>>,
        policy: Policy,
        budget: Budget,
        registries: Arc<dyn OpenRegistry>,
    ) -> Self {
        let source_url = name.trim_end_matches('/').into();
        Self {
            source,
            destinations,
            policy,
            budget,
            registries,
            renewal: Renewal::new(read),
            told_of_pages: AtomicBool::new(false),
            source_url,
        }
    }

    /// The destinations, in the order of the indexes that jobs use.
    pub fn destinations(&self) -> &[Arc<Destination>] {
        &self.destinations
    }

    /// Carries one version. Each destination of the job gets exactly one outcome.
    pub(crate) async fn carry(&self, job: &Job, flight: &Flight) -> Vec<Outcome> {
        self.route(job, flight).await.unwrap_or_else(|fault| {
            job.destinations
                .iter()
                .map(|destination| Outcome::fault(*destination, &fault))
                .collect()
        })
    }

    /// A package is pushed as `helm push` would; what is in a registry or layout already is copied.
    async fn route(&self, job: &Job, flight: &Flight) -> Result<Vec<Outcome>, Fault> {
        self.check_destinations(job)?;
        let locations = self.locate(&job.candidate).await?;
        match locations.first() {
            Some(PackageUrl::Oci(reference)) => self.copy(job, &self.origin(reference)?, flight).await,
            Some(PackageUrl::Stored(manifest)) => {
                self.copy(job, &verbatim::Origin::Stored(*manifest), flight).await
            }
            _ => self.push_package(job, &locations, flight).await,
        }
    }

    /// Fails where there is no destination left to download for.
    fn check_destinations(&self, job: &Job) -> Result<(), Fault> {
        let mut fault = None;
        for index in &job.destinations {
            let destination = &self.destinations[*index];
            // A name that does not fit there is told of when it is pushed.
            let Ok(repository) = destination.target().repository(&job.candidate.repository) else {
                return Ok(());
            };
            match destination.usable(&repository) {
                Ok(()) => return Ok(()),
                Err(why) => fault = fault.or(Some(why)),
            }
        }
        fault.map_or(Ok(()), Err)
    }

    /// Where the package may be: the URLs of the entry, then those of the same version listed again.
    async fn locate(&self, candidate: &Candidate) -> Result<Vec<PackageUrl>, Fault> {
        let mut found = Vec::new();
        let mut first_error = None;
        for entry in listed(candidate) {
            match self.source.locate(entry).await {
                Ok(locations) => {
                    for location in locations {
                        if !found.contains(&location) {
                            found.push(location);
                        }
                    }
                }
                Err(error) => {
                    first_error.get_or_insert(error);
                }
            }
        }
        match first_error {
            Some(error) if found.is_empty() => Err(obtain::source_fault(&error)),
            _ => Ok(found),
        }
    }
}

/// The name under which the index lists a version.
pub(crate) fn chart_name(candidate: &Candidate) -> &str {
    candidate.entry.name.as_deref().unwrap_or(&candidate.entry.chart)
}

/// All index entries that a candidate stands for.
pub(crate) fn listed(candidate: &Candidate) -> impl Iterator<Item = &Entry> {
    std::iter::once(&candidate.entry).chain(&candidate.alternatives)
}

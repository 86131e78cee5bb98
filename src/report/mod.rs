//! The result of a run as data. Exit code, table, JSON, Markdown, map and metrics all derive from it.
//!
//! `chartferry.report/v1` is a promise to programs: fields are added, never renamed or removed, within v1.

use serde::Serialize;

use crate::types::{Digest, Reason};

/// What happened, or in a plan would happen, to one version at one target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Would be pushed (plan only).
    Push,
    /// Was pushed in this run.
    Pushed,
    /// Was there already.
    Present,
    /// Left out by a filter.
    Filtered,
    /// Waits for its cooldown.
    Held,
    /// In the registry with other bytes than the source has now.
    Drifted,
    /// Fails or drifts, and the user said that this is known.
    Accepted,
    /// In the registry, gone from the source.
    Vanished,
    /// Could not be done; another run may succeed.
    Failed,
    /// Will not be done as the input stands.
    Refused,
}

/// What is known of the provenance file of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Provenance {
    /// The setting is `off`.
    Off,
    /// The source has none.
    None,
    /// Carried, not verified.
    Carried,
    /// Carried, though it does not name this package's digest.
    Mismatch,
    /// Carried, its signature is good and it names this package.
    Verified,
}

/// Whether the index's digest was compared with the package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DigestCheck {
    /// The index gives a digest and the package has it.
    Verified,
    /// The index gives none.
    Unverified,
    /// They differ and the setting let it pass.
    Mismatch,
    /// The setting is `off`.
    Off,
}

/// One version at one target.
#[derive(Debug, Clone, Serialize)]
pub struct Item {
    /// Chart name, as in the index.
    pub chart: std::sync::Arc<str>,
    /// Version, as in the index.
    pub version: Box<str>,
    /// Tag in the registry, where the version maps to one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<Box<str>>,
    /// What happened.
    pub action: Action,
    /// Why, where there is something to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// What went on all the same but deserves a look.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Reason>,
    /// Where the package came from, secrets masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_url: Option<Box<str>>,
    /// `oci://…:tag` at the target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<Box<str>>,
    /// sha256 of the package, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package_digest: Option<Digest>,
    /// Digest of the manifest at the target, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manifest_digest: Option<Digest>,
    /// What is known of the provenance file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Provenance>,
    /// Whether the index's digest was compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest_check: Option<DigestCheck>,
    /// Bytes sent to the target for this version.
    pub bytes: u64,
    /// From the first request for this version to the last, in milliseconds.
    pub duration_ms: u64,
    /// Line of the entry in the index, 1-based; 0 where there is none.
    pub index_line: u32,
}

/// Requests to one host in a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct HostTraffic {
    /// `host:port`.
    pub host: String,
    /// Requests sent, retries included.
    pub requests: u64,
    /// Requests that repeated an earlier one.
    pub retries: u64,
    /// Time spent waiting because the host asked for it or answered 429 or 503, in milliseconds, summed over requests.
    pub throttled_ms: u64,
    /// Bytes sent in bodies.
    pub bytes_sent: u64,
    /// Bytes received in bodies.
    pub bytes_received: u64,
    /// Requests by method and status, e.g. `GET 200`; `GET error` where no answer came.
    pub by_status: std::collections::BTreeMap<String, u64>,
}

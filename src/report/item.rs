//! One version at one target: what happened to it and what became known on the way.
//!
//! A report may hold 48,000 of these, most of them with nothing to tell (`present`, `filtered`). So the
//! struct is small, what is rare lies in a box, and tag, reference and pinned reference are rendered when
//! they are asked for instead of being kept.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use crate::types::{Digest, Reason, Tag};

/// What happened, or in a plan would happen, to one version at one target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
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

impl Action {
    /// All of them, in the order of tables.
    pub const ALL: [Self; 10] = [
        Self::Push,
        Self::Pushed,
        Self::Present,
        Self::Filtered,
        Self::Held,
        Self::Drifted,
        Self::Accepted,
        Self::Vanished,
        Self::Failed,
        Self::Refused,
    ];

    /// The word used in every rendering.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::Pushed => "pushed",
            Self::Present => "present",
            Self::Filtered => "filtered",
            Self::Held => "held",
            Self::Drifted => "drifted",
            Self::Accepted => "accepted",
            Self::Vanished => "vanished",
            Self::Failed => "failed",
            Self::Refused => "refused",
        }
    }
}

impl std::fmt::Display for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// What is known of the provenance file of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, JsonSchema)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, JsonSchema)]
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
#[derive(Debug, Clone)]
pub struct Item {
    /// Chart name, as in the index.
    pub chart: Arc<str>,
    /// Version, as in the index.
    pub version: Box<str>,
    /// Repository under the target's prefix, where the chart has one: its name, or what `rename` makes of it.
    pub repository: Option<Arc<str>>,
    /// What happened.
    pub action: Action,
    /// Why, where there is something to say. Shared, since thousands of versions may have the same reason.
    pub reason: Option<Arc<Reason>>,
    /// Line of the entry in the index, 1-based; 0 where there is none.
    pub index_line: u32,
    /// What is known only of versions that were looked at closely.
    pub details: Option<Box<Details>>,
}

/// What is known of a version that was transferred or that is odd in some way.
#[derive(Debug, Clone, Default)]
pub struct Details {
    /// The tag, only if it is not the one that the version in the index maps to (`mismatch = "package"`).
    pub tag: Option<Box<str>>,
    /// What went on all the same but deserves a look.
    pub warnings: Vec<Reason>,
    /// Further lines of the index with the same chart and version.
    pub duplicate_lines: Vec<u32>,
    /// Where the package came from, secrets masked.
    pub source_url: Option<Box<str>>,
    /// sha256 of the package.
    pub package_digest: Option<Digest>,
    /// Digest of the manifest at the target.
    pub manifest_digest: Option<Digest>,
    /// What is known of the provenance file.
    pub provenance: Option<Provenance>,
    /// Whether the index's digest was compared.
    pub digest_check: Option<DigestCheck>,
    /// Bytes sent to the target for this version.
    pub bytes: u64,
    /// From the first request for this version to the last, in milliseconds.
    pub duration_ms: u64,
}

/// What an item without details has.
static NO_DETAILS: Details = Details {
    tag: None,
    warnings: Vec::new(),
    duplicate_lines: Vec::new(),
    source_url: None,
    package_digest: None,
    manifest_digest: None,
    provenance: None,
    digest_check: None,
    bytes: 0,
    duration_ms: 0,
};

/// Codes of versions that are not pushed because two parties claim the same tag: they count as
/// conflicts, not as failures (reliability 2 and B58).
const CONFLICT_CODES: [&str; 3] = ["two-mirrors", "repository-conflict", "conflict"];

impl Item {
    /// A version to which `action` happened.
    pub fn new(chart: Arc<str>, version: Box<str>, action: Action) -> Self {
        Self {
            chart,
            version,
            repository: None,
            action,
            reason: None,
            index_line: 0,
            details: None,
        }
    }

    /// The details, empty ones if there are none.
    pub fn details(&self) -> &Details {
        self.details.as_deref().unwrap_or(&NO_DETAILS)
    }

    /// The details, to be filled in.
    pub fn details_mut(&mut self) -> &mut Details {
        self.details.get_or_insert_default()
    }

    /// The tag at the target. None where the chart has no repository there or the version maps to no tag.
    pub fn tag(&self) -> Option<String> {
        self.repository.as_ref()?;
        match &self.details().tag {
            Some(tag) => Some(tag.to_string()),
            None => Tag::from_version(&self.version).ok().map(|tag| tag.to_string()),
        }
    }

    /// The version at `target` by tag, e.g. `oci://registry.acme.io/charts/ingress-nginx:4.12.0`.
    pub fn reference(&self, target: &str) -> Option<String> {
        let (repository, tag) = (self.repository.as_ref()?, self.tag()?);
        Some(if target.starts_with("oci://") {
            format!("{target}/{repository}:{tag}")
        } else {
            format!("{target}:{repository}:{tag}")
        })
    }

    /// The version at `target` by the digest of its manifest, where that is known.
    pub fn pinned(&self, target: &str) -> Option<String> {
        let (repository, digest) = (self.repository.as_ref()?, self.details().manifest_digest?);
        Some(if target.starts_with("oci://") {
            format!("{target}/{repository}@{digest}")
        } else {
            format!("{target}@{digest}")
        })
    }

    /// The stable code of the reason, if there is one.
    pub fn code(&self) -> Option<&'static str> {
        self.reason.as_ref().map(|reason| reason.code)
    }

    /// Source and target, or two sources, disagree about this version.
    pub fn is_conflict(&self) -> bool {
        match self.action {
            Action::Drifted => true,
            Action::Failed | Action::Refused => self.code().is_some_and(|c| CONFLICT_CODES.contains(&c)),
            _ => false,
        }
    }

    /// This version is not in place and no rule of the user's says that it need not be.
    pub fn is_failure(&self) -> bool {
        matches!(self.action, Action::Failed | Action::Refused) && !self.is_conflict()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(version: &str) -> Item {
        let mut item = Item::new("app".into(), version.into(), Action::Pushed);
        item.repository = Some("app".into());
        item
    }

    #[test]
    fn stays_small() {
        // 48,000 items of this size are 3.6 MB, beside their version texts.
        assert!(size_of::<Item>() <= 80, "{}", size_of::<Item>());
    }

    #[test]
    fn renders_references() {
        let mut item = item("1.0.0+up2");
        item.details_mut().manifest_digest = Some(Digest::of(b""));
        let hex = Digest::of(b"").to_string();
        for (target, reference, pinned) in [
            (
                "oci://r.io/charts",
                "oci://r.io/charts/app:1.0.0_up2",
                format!("oci://r.io/charts/app@{hex}"),
            ),
            (
                "oci://r.io",
                "oci://r.io/app:1.0.0_up2",
                format!("oci://r.io/app@{hex}"),
            ),
            (
                "oci-layout:/tmp/x",
                "oci-layout:/tmp/x:app:1.0.0_up2",
                format!("oci-layout:/tmp/x@{hex}"),
            ),
        ] {
            assert_eq!(item.reference(target).as_deref(), Some(reference));
            assert_eq!(item.pinned(target), Some(pinned));
        }
    }

    #[test]
    fn has_no_reference_where_there_is_none() {
        let mut named = item("not a version");
        assert_eq!(named.reference("oci://r.io"), None);
        named.details_mut().tag = Some("1.0.0".into());
        assert_eq!(named.tag().as_deref(), Some("1.0.0"));
        named.repository = None;
        assert_eq!((named.tag(), named.reference("oci://r.io")), (None, None));
    }

    #[test]
    fn two_mirrors_are_a_conflict_and_no_failure() {
        let mut item = item("1.0.0");
        item.action = Action::Refused;
        item.reason = Some(Arc::new(Reason::new("invalid-name", "x")));
        assert!(item.is_failure() && !item.is_conflict());
        item.reason = Some(Arc::new(Reason::new("two-mirrors", "x")));
        assert!(!item.is_failure() && item.is_conflict());
    }
}

//! The trust settings that decide what may be pushed (product rules "Trust").

use serde::Deserialize;

use crate::helm::index::{Entry, IndexDigest};
use crate::report::DigestCheck;
use crate::types::Digest;

/// What to do when a package's sha256 is not the one that the index gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DigestPolicy {
    /// It is an error of that version.
    #[default]
    Enforce,
    /// It is pushed with a warning.
    Warn,
    /// They are not compared.
    Off,
}

/// What to do about provenance files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProvenancePolicy {
    /// Carried where there is one, not verified.
    #[default]
    Carry,
    /// Verified where there is one.
    Verify,
    /// Must be there and verify.
    Require,
    /// Not asked for.
    Off,
}

impl ProvenancePolicy {
    /// True where signatures are checked.
    pub fn verifies(self) -> bool {
        matches!(self, Self::Verify | Self::Require)
    }
}

/// Compares a package with what the index says of its version, which may be listed several times with different
/// digests: any of them will do. `Err` holds what the index says.
pub(super) fn check_digest<'a>(
    policy: DigestPolicy,
    listed: impl Iterator<Item = &'a Entry>,
    actual: &Digest,
) -> Result<DigestCheck, String> {
    if policy == DigestPolicy::Off {
        return Ok(DigestCheck::Off);
    }
    let mut claims = Vec::new();
    for entry in listed {
        match &entry.digest {
            IndexDigest::Sha256(digest) if digest == actual => return Ok(DigestCheck::Verified),
            IndexDigest::Sha256(digest) => claims.push(digest.to_string()),
            IndexDigest::Other(text) => claims.push(format!("`{}`", text.escape_debug())),
            IndexDigest::None => {}
        }
    }
    match (claims.is_empty(), policy) {
        (true, _) => Ok(DigestCheck::Unverified),
        (false, DigestPolicy::Warn) => Ok(DigestCheck::Mismatch),
        (false, _) => {
            claims.dedup();
            Err(claims.join(" or "))
        }
    }
}

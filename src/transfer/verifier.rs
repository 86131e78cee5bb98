//! Signature checks, where this build has them.

use crate::helm::provenance::ClearSigned;

/// Checks signatures against a keyring.
#[derive(Debug)]
pub struct Verifier {
    #[cfg(feature = "verify")]
    ring: crate::helm::provenance::Keyring,
}

impl Verifier {
    /// A verifier with the public keys of `keyring`, binary or armored. The error is a sentence for the user.
    #[cfg(feature = "verify")]
    pub fn new(keyring: &[u8]) -> Result<Self, String> {
        let ring = crate::helm::provenance::Keyring::read(keyring).map_err(|error| super::chain(&error))?;
        Ok(Self { ring })
    }

    /// This build has no signature checks.
    #[cfg(not(feature = "verify"))]
    pub fn new(_keyring: &[u8]) -> Result<Self, String> {
        Err("this chartferry was built without signature checks (cargo feature `verify`)".into())
    }

    #[cfg(feature = "verify")]
    pub(super) fn check(&self, signed: &ClearSigned<'_>) -> Result<(), String> {
        match crate::helm::provenance::verify(signed, &self.ring, chrono::Utc::now()) {
            Ok(_) => Ok(()),
            Err(error) => Err(super::chain(&error)),
        }
    }

    #[cfg(not(feature = "verify"))]
    #[expect(clippy::unused_self, reason = "the same face in both builds")]
    pub(super) fn check(&self, _signed: &ClearSigned<'_>) -> Result<(), String> {
        Err("this build checks no signatures".into())
    }
}

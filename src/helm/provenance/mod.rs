//! Provenance files: what Helm's `.prov` is, whether it names a package, and who signed it
//! (helm-oci-format 6.5).
//!
//! A `.prov` is OpenPGP clear-signed text: the chart's metadata, a line `...`, and the sha256 of the archive under
//! its file name. It is carried byte for byte; it is read here only to know what it is worth.

mod clearsign;
#[cfg(feature = "verify")]
mod keyring;
#[cfg(feature = "verify")]
mod verify;

use std::collections::BTreeMap;

use crate::types::Digest;

pub use clearsign::{ClearSigned, NotClearSigned};
#[cfg(feature = "verify")]
pub use keyring::{Keyring, KeyringError};
#[cfg(feature = "verify")]
pub use verify::{Signer, VerifyError, verify};

/// Longer files are not taken (crates 2.5). Real ones have some kilobytes.
pub const MAX_SIZE: u64 = 1 << 20;

/// Whether a provenance file is about a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Naming {
    /// It names the digest under `<name>-<version>.tgz`: `helm pull --verify` from OCI finds it.
    Archive,
    /// It names the digest under this other file name only: the classic repository verifies it, OCI does not
    /// (helm-oci-format 5).
    Other(String),
    /// It does not name the digest, and why.
    Not(String),
}

#[derive(serde::Deserialize)]
struct Statement {
    #[serde(default)]
    files: Option<BTreeMap<String, String>>,
}

impl ClearSigned<'_> {
    /// Whether the signed text names the package `digest` of this chart. The signature is not looked at.
    pub fn naming(&self, digest: &Digest, name: &str, version: &str) -> Naming {
        let files = match self.files() {
            Ok(files) => files,
            Err(why) => return Naming::Not(why),
        };
        let archive = format!("{name}-{version}.tgz");
        let sum = digest.to_string();
        if files.get(&archive) == Some(&sum) {
            return Naming::Archive;
        }
        if let Some((other, _)) = files.iter().find(|(_, value)| **value == sum) {
            return Naming::Other(other.clone());
        }
        let Some((key, value)) = files.get_key_value(&archive).or_else(|| files.first_key_value()) else {
            return Naming::Not("it names no file".into());
        };
        Naming::Not(format!(
            "it gives `{}` for `{}`, the package is `{sum}`",
            shorten(value),
            shorten(key)
        ))
    }

    /// The `files` of the part after the line `...`, as Helm takes the text apart: on newline, `...`, newline.
    fn files(&self) -> Result<BTreeMap<String, String>, String> {
        let text = std::str::from_utf8(self.text()).map_err(|_| "its text is not UTF-8".to_owned())?;
        let Some(sums) = text.split("\n...\n").nth(1) else {
            return Err("it has no line `...` with checksums below it".into());
        };
        // A file that repeats a long scalar by aliases would take gigabytes; no tool writes one.
        if sums.contains('&') && sums.contains('*') {
            return Err("its checksums use YAML aliases".into());
        }
        let statement: Statement = serde_yaml::from_str(sums).map_err(|error| {
            format!(
                "its checksums are no YAML that Helm reads: {}",
                shorten(&error.to_string())
            )
        })?;
        Ok(statement.files.unwrap_or_default())
    }
}

/// Foreign text for a message.
fn shorten(text: &str) -> String {
    let head: String = text.chars().take(200).collect();
    head.escape_debug().to_string()
}

#[cfg(test)]
mod tests;

//! Chart names that may become the last component of a repository.

use std::fmt;
use std::sync::Arc;

/// A chart name that OCI allows as a repository component: runs of `[a-z0-9]` joined by `.`, `_`,
/// `__` or any number of `-` (distribution-spec "Pulling manifests"; helm-oci-format 4).
///
/// It holds no `/`: whatever path a source writes into a name, it never reaches another repository.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChartName(Arc<str>);

/// Why a chart name cannot be pushed. The name itself is shown escaped by whoever reports it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The name is empty, `.` or `..`.
    #[error("a chart name must not be empty, `.` or `..`")]
    Empty,
    /// The name is a path.
    #[error("a chart name must not contain `/` or `\\`")]
    Path,
    /// The name has characters outside ASCII.
    #[error("a chart name in a registry must be ASCII")]
    NotAscii,
    /// The name has upper-case letters, which repository names never have.
    #[error("repository names are lower case; `rename` gives the chart another name there")]
    UpperCase,
    /// The name breaks the grammar in another way.
    #[error(
        "repository names are letters and digits joined by `.`, `_`, `__` or `-`; `rename` gives the chart another name there"
    )]
    Grammar,
    /// The name is longer than a repository may be.
    #[error("a repository name, its host included, has at most 255 characters")]
    TooLong,
}

impl ChartName {
    /// Checks `text`.
    pub fn new(text: &str) -> Result<Self, NameError> {
        if matches!(text, "" | "." | "..") {
            return Err(NameError::Empty);
        }
        if text.contains(['/', '\\']) {
            return Err(NameError::Path);
        }
        if !text.is_ascii() {
            return Err(NameError::NotAscii);
        }
        if text.len() > 255 {
            return Err(NameError::TooLong);
        }
        if is_component(&text.to_ascii_lowercase()) {
            if text.bytes().any(|b| b.is_ascii_uppercase()) {
                return Err(NameError::UpperCase);
            }
            return Ok(Self(text.into()));
        }
        Err(NameError::Grammar)
    }

    /// The name as shared text.
    pub fn shared(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ChartName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One path component of a repository name by the grammar of the distribution spec.
pub(super) fn is_component(text: &str) -> bool {
    let alnum = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = text.as_bytes();
    let mut rest = bytes;
    loop {
        let run = rest.iter().take_while(|b| alnum(b)).count();
        if run == 0 {
            return false;
        }
        rest = &rest[run..];
        let separator = rest.iter().take_while(|b| !alnum(b)).count();
        match &rest[..separator] {
            [] => return true,
            b"." | b"_" | b"__" => {}
            dashes if dashes.iter().all(|b| *b == b'-') => {}
            _ => return false,
        }
        rest = &rest[separator..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allows_what_oci_allows() {
        for name in [
            "a",
            "cert-manager",
            "a--b",
            "a__b",
            "a.b_c-d",
            "crd.projectcalico.org.v1",
            "0",
        ] {
            assert_eq!(ChartName::new(name).map(|n| n.to_string()), Ok(name.into()));
        }
    }

    #[test]
    fn says_why_not() {
        for (name, why) in [
            ("", NameError::Empty),
            ("..", NameError::Empty),
            ("../../etc/passwd", NameError::Path),
            ("foo/bar", NameError::Path),
            ("a\\b", NameError::Path),
            ("MyChart", NameError::UpperCase),
            ("Jenkins Master", NameError::Grammar),
            ("ch\u{430}rt", NameError::NotAscii),
            ("a\nb", NameError::Grammar),
            ("a..b", NameError::Grammar),
            ("a___b", NameError::Grammar),
            ("a-_b", NameError::Grammar),
            ("-a", NameError::Grammar),
            ("a-", NameError::Grammar),
        ] {
            assert_eq!(ChartName::new(name), Err(why), "{name:?}");
        }
        assert_eq!(ChartName::new(&"a".repeat(300)), Err(NameError::TooLong));
    }
}

//! Tags and how a chart version becomes one.

use std::fmt;

/// A tag: `[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}` (distribution-spec "Pulling manifests").
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(Box<str>);

/// The text cannot be a tag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` cannot be a tag (1 to 128 of letters, digits, `_`, `.`, `-`, not beginning with `.` or `-`)", .0.escape_debug())]
pub struct TagError(String);

impl Tag {
    /// Checks `text`.
    pub fn new(text: &str) -> Result<Self, TagError> {
        let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        let bytes = text.as_bytes();
        let good = bytes.len() <= 128
            && bytes.first().is_some_and(|b| word(*b))
            && bytes.iter().all(|b| word(*b) || matches!(b, b'.' | b'-'));
        if good {
            Ok(Self(text.into()))
        } else {
            Err(TagError(text.chars().take(150).collect()))
        }
    }

    /// The tag under which Helm stores a chart version: every `+` becomes `_` (helm-oci-format 4).
    pub fn from_version(version: &str) -> Result<Self, TagError> {
        Self::new(&version.replace('+', "_"))
    }

    /// The tag as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::borrow::Borrow<str> for Tag {
    fn borrow(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plus_becomes_underscore() {
        let tag = Tag::from_version("104.2.0+up1.6.4").unwrap();
        assert_eq!(tag.as_str(), "104.2.0_up1.6.4");
    }

    #[test]
    fn refuses_what_registries_refuse() {
        for text in ["", ".a", "-a", "a b", "a+b", "é", "a/b"] {
            assert!(Tag::new(text).is_err(), "{text}");
        }
        assert!(Tag::new(&"a".repeat(128)).is_ok());
        assert!(Tag::new(&"a".repeat(129)).is_err());
    }
}

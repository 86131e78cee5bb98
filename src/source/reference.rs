//! References to charts that are in a registry already: the `oci://` URLs of an index.

use std::fmt;

use crate::types::{Digest, RegistryHost, Repository, Tag, TagError, TargetError};

/// `oci://host[:port]/repository[:tag][@digest]`. One of tag and digest is there.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OciReference {
    /// The registry.
    pub host: RegistryHost,
    /// The repository.
    pub repository: Repository,
    /// The tag; where the URL has neither tag nor digest, the one of the version, as Helm takes it.
    pub tag: Option<Tag>,
    /// The digest; it counts more than the tag.
    pub digest: Option<Digest>,
}

/// Why a text is no such reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// Host or repository.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The tag, or the version that became one.
    #[error(transparent)]
    Tag(#[from] TagError),
    /// The digest.
    #[error("`{}` is not a sha256 digest", .0.escape_debug())]
    Digest(String),
    /// No repository.
    #[error("it names no repository")]
    NoRepository,
}

impl OciReference {
    /// Reads what comes after `oci://` in the URL of this version.
    pub(super) fn parse(rest: &str, version: &str) -> Result<Self, ReferenceError> {
        let (rest, digest) = match rest.split_once('@') {
            Some((rest, digest)) => match digest.parse() {
                Ok(digest) => (rest, Some(digest)),
                Err(_) => return Err(ReferenceError::Digest(digest.chars().take(100).collect())),
            },
            None => (rest, None),
        };
        let (host, path) = rest.split_once('/').ok_or(ReferenceError::NoRepository)?;
        let (path, tag) = match path.split_once(':') {
            Some((path, tag)) => (path, Some(Tag::new(tag)?)),
            None if digest.is_none() => (path, Some(Tag::from_version(version)?)),
            None => (path, None),
        };
        Ok(Self {
            host: RegistryHost::new(host)?,
            repository: Repository::new(path)?,
            tag,
            digest,
        })
    }

    /// What to ask the registry for: the digest, else the tag.
    pub fn reference(&self) -> String {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => digest.to_string(),
            (None, Some(tag)) => tag.to_string(),
            (None, None) => String::new(),
        }
    }
}

impl fmt::Display for OciReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "oci://{}/{}", self.host, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_helm_takes() {
        let digest = Digest::of(b"");
        for (text, shown) in [
            ("r.io/c/demo:1.0.0", "oci://r.io/c/demo:1.0.0".to_owned()),
            ("r.io:5000/demo", "oci://r.io:5000/demo:2.0.0_b".to_owned()),
            (
                &format!("r.io/demo@{digest}"),
                format!("oci://r.io/demo@{digest}"),
            ),
            (
                &format!("r.io/demo:x@{digest}"),
                format!("oci://r.io/demo:x@{digest}"),
            ),
        ] {
            assert_eq!(OciReference::parse(text, "2.0.0+b").unwrap().to_string(), shown);
        }
    }

    #[test]
    fn refuses_the_rest() {
        for text in [
            "",
            "r.io",
            "r.io/",
            "r.io/Demo",
            "r.io/demo:",
            "r.io/demo:a:b",
            "u:p@r.io/demo",
            "r.io/demo@sha256:00",
            "r.io/../x",
            "r.io/demo?x=1",
            "/demo",
        ] {
            assert!(OciReference::parse(text, "1.0.0").is_err(), "{text}");
        }
    }
}

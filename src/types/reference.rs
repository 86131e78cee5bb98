//! Registry hosts, repositories and targets.

use std::fmt;

use super::name::is_component;
use super::{ChartName, Digest, Tag};

/// `host[:port]` of a registry, lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegistryHost(Box<str>);

impl RegistryHost {
    /// Checks `text`: a DNS name, an IPv4 address or an IPv6 address in brackets, with an optional port.
    pub fn new(text: &str) -> Result<Self, TargetError> {
        let bad = || TargetError::Host(text.chars().take(300).collect());
        if text.is_empty() || text.contains(['/', '@', '?', '#', '\\']) || !text.is_ascii() {
            return Err(bad());
        }
        let url = url::Url::parse(&format!("https://{text}/")).map_err(|_| bad())?;
        let host = url.host_str().ok_or_else(bad)?;
        // The URL parser drops `:443`, which in a registry reference is part of the name.
        let port = text
            .rsplit_once(':')
            .filter(|(_, p)| p.bytes().all(|b| b.is_ascii_digit()));
        Ok(Self(match port {
            Some((_, "")) => return Err(bad()),
            Some((_, port)) if !text.ends_with(']') => format!("{host}:{port}").into(),
            _ => host.into(),
        }))
    }

    /// The host as written in references.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host that serves the API: `docker.io` is reached as `registry-1.docker.io` (helm-oci-format 4).
    pub fn api_host(&self) -> &str {
        match &*self.0 {
            "docker.io" | "index.docker.io" => "registry-1.docker.io",
            host => host,
        }
    }
}

impl fmt::Display for RegistryHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A repository path without the host, e.g. `charts/ingress-nginx`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Repository(Box<str>);

impl Repository {
    /// Checks `text`: lower-case components joined by `/`, at most 255 characters.
    pub fn new(text: &str) -> Result<Self, TargetError> {
        if text.len() <= 255 && text.split('/').all(is_component) {
            Ok(Self(text.into()))
        } else {
            Err(TargetError::Path(text.chars().take(300).collect()))
        }
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `oci://host[:port][/prefix]`: where charts are pushed to. The prefix may be empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OciTarget {
    /// The registry.
    pub host: RegistryHost,
    /// The path in front of every chart name.
    pub prefix: Option<Repository>,
}

/// Why a text is no target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// No `oci://` in front.
    #[error("`{}` is no registry target; write `oci://host[:port]/prefix`", .0.escape_debug())]
    Scheme(String),
    /// The host cannot be one.
    #[error("`{}` is not a registry host (`name[:port]`, without scheme, user or path)", .0.escape_debug())]
    Host(String),
    /// The path breaks the grammar of repositories.
    #[error(
        "`{}` is not a repository path (lower-case names joined by `/`, no tag or digest, no `//` and no `/` at the end)",
        .0.escape_debug()
    )]
    Path(String),
    /// Host and path together are too long.
    #[error("`{}` has over 255 characters with its host", .0.escape_debug())]
    TooLong(String),
}

impl OciTarget {
    /// Reads `oci://host[:port][/prefix]`.
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        let rest = text
            .strip_prefix("oci://")
            .ok_or_else(|| TargetError::Scheme(text.chars().take(300).collect()))?;
        let (host, prefix) = match rest.split_once('/') {
            Some((host, path)) => (host, Some(Repository::new(path)?)),
            None => (rest, None),
        };
        Ok(Self {
            host: RegistryHost::new(host)?,
            prefix,
        })
    }

    /// The repository of a chart under this target.
    pub fn repository(&self, chart: &ChartName) -> Result<Repository, TargetError> {
        let path = match &self.prefix {
            Some(prefix) => format!("{prefix}/{chart}"),
            None => chart.to_string(),
        };
        if self.host.as_str().len() + 1 + path.len() > 255 {
            return Err(TargetError::TooLong(path));
        }
        Repository::new(&path)
    }

    /// `oci://host/repository:tag`, as Helm prints it.
    pub fn tag_reference(&self, repository: &Repository, tag: &Tag) -> String {
        format!("oci://{}/{repository}:{tag}", self.host)
    }

    /// `oci://host/repository@sha256:…`.
    pub fn digest_reference(&self, repository: &Repository, digest: &Digest) -> String {
        format!("oci://{}/{repository}@{digest}", self.host)
    }
}

impl fmt::Display for OciTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "oci://{}", self.host)?;
        match &self.prefix {
            Some(prefix) => write!(f, "/{prefix}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_read_back() {
        for text in [
            "oci://registry.acme.io/charts",
            "oci://localhost:5000",
            "oci://127.0.0.1:5000/a/b",
            "oci://[::1]:5000/a",
            "oci://registry.acme.io:443/x",
            "oci://docker.io/ferry",
        ] {
            assert_eq!(OciTarget::parse(text).map(|t| t.to_string()), Ok(text.into()));
        }
    }

    #[test]
    fn refuses_what_is_no_target() {
        for text in [
            "https://r.io/charts",
            "oci://",
            "oci://r.io/",
            "oci://r.io/a//b",
            "oci://r.io/Charts",
            "oci://r.io/a:1.0",
            "oci://r.io/a@sha256:00",
            "oci://https://r.io/a",
            "oci://u:p@r.io/a",
            "oci://r.io:x/a",
            "oci://r.io:/a",
        ] {
            assert!(OciTarget::parse(text).is_err(), "{text}");
        }
    }
}

//! How a user names a source: an `http(s)://` URL, a folder or `file://` URL, or `oci-layout:DIR`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use url::Url;

use super::SourceError;
use super::urls;
use crate::net::{redact, redact_text};

/// A source as the user named it, checked, nothing opened yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceSpec {
    /// A repository on a web server, without `/index.yaml`.
    Http(Url),
    /// A folder with an `index.yaml`, or with packages only.
    Folder(PathBuf),
    /// An OCI image layout.
    Layout(PathBuf),
}

impl FromStr for SourceSpec {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, SourceError> {
        let bad = |why: &str| SourceError::Spec {
            text: redact_text(text),
            why: why.to_owned(),
        };
        if text.is_empty() {
            return Err(bad("it is empty"));
        }
        if let Some(dir) = text.strip_prefix("oci-layout:") {
            return match dir {
                "" => Err(bad("name the folder of the layout: `oci-layout:DIR`")),
                dir => Ok(Self::Layout(dir.into())),
            };
        }
        let Ok(url) = Url::parse(text) else {
            return Ok(Self::Folder(folder(text.into())));
        };
        match url.scheme() {
            "http" | "https" if !url.username().is_empty() || url.password().is_some() => Err(bad(
                "it holds a user name or password; use `--source-username` and `--source-password-stdin`, or `[[host]]` in the configuration",
            )),
            "http" | "https" => Ok(Self::Http(urls::repository(&url))),
            "file" => match url.to_file_path() {
                Ok(path) => Ok(Self::Folder(folder(path))),
                Err(()) => Err(bad(
                    "a `file://` URL names a folder of this machine: `file:///path`",
                )),
            },
            "oci" => Err(bad(
                "an OCI registry is a target; sources are Helm repositories and image layouts",
            )),
            _ if text.contains("://") => Err(bad(
                "sources are `http(s)://` and `file://` URLs, folders and `oci-layout:DIR`",
            )),
            // `a:b` is a name that a folder may have.
            _ => Ok(Self::Folder(folder(text.into()))),
        }
    }
}

/// The folder, also where its `index.yaml` was named.
fn folder(path: PathBuf) -> PathBuf {
    if !path.ends_with("index.yaml") || path.is_dir() {
        return path;
    }
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
        _ => PathBuf::from("."),
    }
}

/// Secrets masked.
impl fmt::Display for SourceSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(url) => f.write_str(&redact(url)),
            Self::Folder(path) => path.display().fmt(f),
            Self::Layout(path) => write!(f, "oci-layout:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_sources_apart() {
        for (text, shown) in [
            ("https://charts.acme.io", "https://charts.acme.io/"),
            (
                "https://h/charts/index.yaml?token=secret",
                "https://h/charts?token=***",
            ),
            ("file:///srv/charts", "/srv/charts"),
            ("./charts/index.yaml", "./charts"),
            ("index.yaml", "."),
            ("charts", "charts"),
            ("oci-layout:/srv/layout", "oci-layout:/srv/layout"),
        ] {
            assert_eq!(text.parse::<SourceSpec>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn refuses_the_rest_without_telling_secrets() {
        for text in [
            "",
            "oci://r.io/charts",
            "ftp://h/charts",
            "https://u:secret@h/",
            "oci-layout:",
            "file://host/x",
        ] {
            let error = text.parse::<SourceSpec>().unwrap_err().to_string();
            assert!(!error.contains("secret@"), "{error}");
        }
    }
}

//! The URLs of an index and what they lead to, resolved as Helm does (helm-oci-format 6.2).

use std::path::PathBuf;

use url::{ParseError, Url};

use super::reference::{OciReference, ReferenceError};
use crate::net::{redact_text, same_origin};
use crate::types::Digest;

/// Longer URLs are refused (reliability B35).
const LONGEST: usize = 8 << 10;

/// Where a package is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PackageUrl {
    /// On a web server.
    Http(Url),
    /// On disk, below the folder that is the source.
    File(PathBuf),
    /// In a registry: the artifact is copied as it is, by whoever talks to registries.
    Oci(OciReference),
    /// In the image layout that is the source: the manifest of this digest is copied as it is.
    Stored(Digest),
}

/// Why a URL of an index is not used. The URL is masked by whoever reports it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Too long.
    #[error("it is over {} KiB long", LONGEST >> 10)]
    Long,
    /// User name or password in it.
    #[error(
        "it holds a user name or password; such URLs are not used, name the credentials in the configuration instead"
    )]
    User,
    /// A scheme that is not used, such as `file:` or `ftp:`.
    #[error("the scheme `{}` is not used in an index (http, https and oci are)", .0.escape_debug())]
    Scheme(String),
    /// It climbs out of the folder that is the source.
    #[error("it leads out of the folder")]
    Climbs,
    /// No URL.
    #[error("it is not a URL: {0}")]
    Malformed(ParseError),
    /// A bad `oci://` reference.
    #[error("it is not a reference to a chart in a registry: {0}")]
    Reference(#[from] ReferenceError),
    /// Not one that a layout's own index holds.
    #[error("it is not the digest of a manifest")]
    Digest,
}

/// A URL as an index writes it: complete, or to be resolved.
#[derive(Debug)]
pub(super) enum Written {
    Absolute(Url),
    Oci(OciReference),
    Relative,
}

/// Takes a URL of the index apart without resolving it.
pub(super) fn read(text: &str, version: &str) -> Result<Written, UrlError> {
    if text.len() > LONGEST {
        return Err(UrlError::Long);
    }
    if let Some((scheme, rest)) = text.trim().split_once("://")
        && scheme.eq_ignore_ascii_case("oci")
    {
        return Ok(Written::Oci(OciReference::parse(rest, version)?));
    }
    match Url::parse(text) {
        Ok(url) => check(url).map(Written::Absolute),
        Err(ParseError::RelativeUrlWithoutBase) => Ok(Written::Relative),
        Err(error) => Err(UrlError::Malformed(error)),
    }
}

fn check(url: Url) -> Result<Url, UrlError> {
    if !url.username().is_empty() || url.password().is_some() {
        return Err(UrlError::User);
    }
    match url.scheme() {
        "http" | "https" | "file" => Ok(url),
        scheme => Err(UrlError::Scheme(scheme.chars().take(40).collect())),
    }
}

/// The URL of a package in the index of the repository at `base`.
pub(super) fn resolve(base: &Url, text: &str, version: &str) -> Result<PackageUrl, UrlError> {
    let mut url = match read(text, version)? {
        Written::Oci(reference) => return Ok(PackageUrl::Oci(reference)),
        Written::Absolute(url) => url,
        Written::Relative => {
            let joined = folder(base).join(text).map_err(UrlError::Malformed)?;
            let mut joined = check(joined)?;
            // As Helm: what the index writes as a query is lost, the repository's own is kept. Unlike Helm, not for
            // another host (`//host/a.tgz`): it may be a token.
            joined.set_query(base.query().filter(|_| same_origin(base, &joined)));
            joined
        }
    };
    if url.scheme() == "file" {
        return Err(UrlError::Scheme("file".into()));
    }
    url.set_fragment(None);
    Ok(PackageUrl::Http(url))
}

/// The repository's URL with a slash at the end of its path, so that names resolve below it.
fn folder(base: &Url) -> Url {
    let mut folder = base.clone();
    folder.set_path(&format!(
        "{}/",
        base.path().strip_suffix('/').unwrap_or(base.path())
    ));
    folder
}

/// The repository's URL without the name of its index, if somebody gave that.
pub(super) fn repository(url: &Url) -> Url {
    let mut base = url.clone();
    base.set_fragment(None);
    if let Some(path) = url.path().strip_suffix("/index.yaml") {
        base.set_path(path);
    }
    base
}

/// The URL of the index.
pub(super) fn index(base: &Url) -> Url {
    let mut index = folder(base);
    index.set_path(&format!("{}index.yaml", index.path()));
    index
}

/// Where a package's provenance file may be, most likely first: Helm appends `.prov` to the text of the URL; where
/// that hits a query, the file is at the path with `.prov` more often.
pub(super) fn provenance(package: &Url) -> Vec<Url> {
    let mut text = package.clone();
    let mut path = package.clone();
    path.set_path(&format!("{}.prov", package.path()));
    match package.query() {
        Some(query) => {
            text.set_query(Some(&format!("{query}.prov")));
            vec![path, text]
        }
        None => vec![path],
    }
}

/// A URL of an index for messages.
pub(super) fn shown(text: &str) -> String {
    // Masked before it is cut: a cut could hide that what is left of it was a password.
    redact_text(text).chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn http(base: &str, text: &str) -> String {
        match resolve(&Url::parse(base).unwrap(), text, "1.0.0") {
            Ok(PackageUrl::Http(url)) => url.into(),
            other => format!("{other:?}"),
        }
    }

    /// The table of Helm's own tests, and B31, B32, B35.
    #[test]
    fn resolves_as_helm() {
        for (base, text, url) in [
            (
                "http://localhost:8123/charts/",
                "nginx-0.2.0.tgz",
                "http://localhost:8123/charts/nginx-0.2.0.tgz",
            ),
            (
                "http://localhost:8123/charts",
                "nginx-0.2.0.tgz",
                "http://localhost:8123/charts/nginx-0.2.0.tgz",
            ),
            (
                "http://h/charts?with=queryparameter",
                "nginx-0.2.0.tgz",
                "http://h/charts/nginx-0.2.0.tgz?with=queryparameter",
            ),
            (
                "http://h/charts?with=q",
                "a.tgz?raw=true",
                "http://h/charts/a.tgz?with=q",
            ),
            ("http://h/charts", "a.tgz?raw=true", "http://h/charts/a.tgz"),
            (
                "http://h/charts?with=q",
                "https://i/a.tgz?raw=true#x",
                "https://i/a.tgz?raw=true",
            ),
            (
                "http://h/charts%2fwith%2fescaped%2fslashes",
                "a.tgz",
                "http://h/charts%2fwith%2fescaped%2fslashes/a.tgz",
            ),
            ("http://h/charts", "./a.tgz", "http://h/charts/a.tgz"),
            ("http://h/charts", "/a.tgz", "http://h/a.tgz"),
            ("https://h/charts", "//i/a.tgz", "https://i/a.tgz"),
            ("https://h/charts?token=t", "//i/a.tgz", "https://i/a.tgz"),
            ("https://h/charts?token=t", "//h/a.tgz", "https://h/a.tgz?token=t"),
            ("http://h/charts", "?x", "http://h/charts/"),
            ("http://h/charts", "../../../x.tgz", "http://h/x.tgz"),
            (
                "http://h/charts",
                "keda-2.14.3%20copy.tgz",
                "http://h/charts/keda-2.14.3%20copy.tgz",
            ),
            (
                "http://h/charts",
                "Jenkins Master-0.0.1.tgz",
                "http://h/charts/Jenkins%20Master-0.0.1.tgz",
            ),
            ("http://h/charts", "\u{e9}.tgz", "http://h/charts/%C3%A9.tgz"),
            (
                "http://h/c",
                "elemental/elemental-104.2.0+up1.6.4.tgz",
                "http://h/c/elemental/elemental-104.2.0+up1.6.4.tgz",
            ),
        ] {
            assert_eq!(http(base, text), url);
        }
    }

    #[test]
    fn refuses_what_leads_elsewhere() {
        let base = Url::parse("https://h/charts").unwrap();
        let long = "a".repeat(LONGEST + 1);
        for (text, error) in [
            ("https://u:secret@h/a.tgz", UrlError::User),
            ("https://u@h/a.tgz", UrlError::User),
            ("//u:secret@h/a.tgz", UrlError::User),
            ("file:///etc/shadow", UrlError::Scheme("file".into())),
            ("gopher://h/a", UrlError::Scheme("gopher".into())),
            ("data:text/plain,x", UrlError::Scheme("data".into())),
            ("C:\\a.tgz", UrlError::Scheme("c".into())),
            ("https://", UrlError::Malformed(ParseError::EmptyHost)),
            (&long, UrlError::Long),
        ] {
            assert_eq!(resolve(&base, text, "1.0.0").unwrap_err(), error, "{text}");
        }
        let secret = shown("https://u:secret@h/a.tgz?token=secret");
        assert!(!secret.contains("secret"), "{secret}");
        assert!(matches!(
            resolve(&base, "OCI://r.io/demo", "1.0.0"),
            Ok(PackageUrl::Oci(_))
        ));
    }

    #[test]
    fn finds_index_and_provenance() {
        for (given, expected) in [
            ("https://h", "https://h/index.yaml"),
            ("https://h/charts/", "https://h/charts/index.yaml"),
            (
                "https://h/charts/index.yaml?t=1#x",
                "https://h/charts/index.yaml?t=1",
            ),
            ("https://h/a%2fb?t=1", "https://h/a%2fb/index.yaml?t=1"),
        ] {
            let base = repository(&Url::parse(given).unwrap());
            assert_eq!(index(&base).as_str(), expected);
        }
        let urls = |text: &str| {
            provenance(&Url::parse(text).unwrap())
                .into_iter()
                .map(String::from)
                .collect::<Vec<_>>()
        };
        assert_eq!(urls("https://h/a.tgz"), ["https://h/a.tgz.prov"]);
        assert_eq!(
            urls("https://h/a.tgz?t=1"),
            ["https://h/a.tgz.prov?t=1", "https://h/a.tgz?t=1.prov"]
        );
    }
}

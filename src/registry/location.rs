//! Where an upload goes on: `Location` is opaque, may be relative, and may be on another host (registries rule 8).

use url::Url;

use super::RegistryError;
use crate::net::{redact, redact_text};
use crate::types::Digest;

/// The URL that `location` means in an answer from `from`.
pub(super) fn resolve(from: &Url, location: Option<&str>) -> Result<Url, RegistryError> {
    let bad = |why: &'static str| RegistryError::Location {
        from: redact(from),
        location: location.map(redact_text).unwrap_or_default(),
        why,
    };
    let text = location.ok_or_else(|| bad("the header `Location` is missing or not ASCII"))?;
    let mut url = from.join(text).map_err(|_| bad("it is no URL"))?;
    url.set_fragment(None);
    if !matches!(url.scheme(), "http" | "https") {
        return Err(bad("only http and https are possible"));
    }
    if from.scheme() == "https" && url.scheme() == "http" {
        return Err(bad(
            "it goes from https to http; the proxy in front of the registry has to set `X-Forwarded-Proto: https`, or the registry has to send relative URLs",
        ));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(bad("it holds a user name or a password"));
    }
    Ok(url)
}

/// The upload URL with the digest that closes it. What the query holds stays byte for byte: registries sign it.
pub(super) fn with_digest(url: &Url, digest: &Digest) -> Url {
    let mut closing = url.clone();
    let query = match url.query() {
        None | Some("") => format!("digest={digest}"),
        Some(query) => format!("{query}&digest={digest}"),
    };
    closing.set_query(Some(&query));
    closing
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn never_downgrades_and_keeps_the_query(path in "(/|[a-z]|:|\\.|@|http|https|%2F|\\\\){0,12}", query in "[a-zA-Z0-9%=&._~+-]{1,40}") {
            let from = Url::parse("https://r.io/v2/a/blobs/uploads/").unwrap();
            if let Ok(url) = resolve(&from, Some(&format!("{path}?{query}"))) {
                prop_assert_eq!(url.scheme(), "https");
                let closing = with_digest(&url, &Digest::of(b""));
                let wanted = format!("{query}&digest={}", Digest::of(b""));
                prop_assert_eq!(closing.query(), Some(wanted.as_str()));
            }
        }
    }

    fn at(location: &str) -> Result<String, RegistryError> {
        let from = Url::parse("https://r.io/v2/a/blobs/uploads/").unwrap();
        Ok(with_digest(&resolve(&from, Some(location))?, &Digest::of(b"")).to_string())
    }

    #[test]
    fn every_form_is_understood() {
        let digest = format!("digest={}", Digest::of(b""));
        for (location, url) in [
            ("/v2/a/blobs/uploads/1", "https://r.io/v2/a/blobs/uploads/1?"),
            (
                "1?_state=a%3D%2Fb",
                "https://r.io/v2/a/blobs/uploads/1?_state=a%3D%2Fb&",
            ),
            (
                "https://s.io:8443/u?_nouploadcache=false&_state=x%3D",
                "https://s.io:8443/u?_nouploadcache=false&_state=x%3D&",
            ),
            ("/u?", "https://r.io/u?"),
        ] {
            assert_eq!(at(location).unwrap(), format!("{url}{digest}"), "{location}");
        }
    }

    #[test]
    fn traps_are_refused() {
        let downgrade = at("http://r.io/u?s=s3cr3t").unwrap_err().to_string();
        assert!(
            downgrade.contains("X-Forwarded-Proto") && !downgrade.contains("s3cr3t"),
            "{downgrade}"
        );
        for location in ["file:///etc/passwd", "https://u:s3cr3t@r.io/u", "https://["] {
            let error = at(location).unwrap_err().to_string();
            assert!(!error.contains("s3cr3t"), "{error}");
        }
        let from = Url::parse("http://r.io/").unwrap();
        assert!(resolve(&from, None).is_err());
        assert!(resolve(&from, Some("https://r.io/u")).is_ok());
    }
}

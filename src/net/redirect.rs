//! Redirects, followed by ourselves: at most five hops, credentials stay with their origin (reliability A11 to A15).

use http::header::{
    ACCEPT, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderName, IF_MODIFIED_SINCE, IF_NONE_MATCH,
    LOCATION, RANGE,
};
use http::{HeaderMap, Method, StatusCode};
use url::Url;

use super::{NetError, Request, redact};
use crate::payload::Payload;

/// How many redirects are followed.
pub(super) const MOST_HOPS: usize = 5;

/// What another origin gets to see of a request. A list of what may pass, since secrets travel in headers of any name.
const PASSING: [HeaderName; 6] = [
    ACCEPT,
    CACHE_CONTROL,
    CONTENT_TYPE,
    IF_MODIFIED_SINCE,
    IF_NONE_MATCH,
    RANGE,
];

/// Whether two URLs have the same scheme, host and port. Credentials never leave their origin.
pub fn same_origin(a: &Url, b: &Url) -> bool {
    a.scheme() == b.scheme() && a.host() == b.host() && a.port_or_known_default() == b.port_or_known_default()
}

/// One request of a chain.
#[derive(Clone)]
pub(super) struct Hop {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Payload>,
}

impl From<&Request> for Hop {
    fn from(request: &Request) -> Self {
        Self {
            method: request.method.clone(),
            url: request.url.clone(),
            headers: request.headers.clone(),
            body: request.body.clone(),
        }
    }
}

/// Where the answer sends us, if it does. `passes` tells whether credentials may go on to that URL.
pub(super) fn next(
    hop: &Hop,
    status: StatusCode,
    headers: &HeaderMap,
    passes: impl Fn(&Url) -> bool,
) -> Result<Option<Hop>, NetError> {
    if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let Some(location) = headers.get(LOCATION) else {
        return Ok(None);
    };
    let text = String::from_utf8_lossy(location.as_bytes());
    let bad = || NetError::Location {
        url: redact(&hop.url),
        location: super::redact_text(&text),
    };
    let mut url = hop.url.join(&text).map_err(|_| bad())?;
    url.set_fragment(None);
    if hop.url.scheme() == "https" && url.scheme() != "https" {
        return Err(NetError::Downgrade {
            from: redact(&hop.url),
            to: redact(&url),
        });
    }
    let mut next = Hop { url, ..hop.clone() };
    let becomes_get = status == StatusCode::SEE_OTHER && hop.method != Method::HEAD
        || matches!(status.as_u16(), 301 | 302) && hop.method == Method::POST;
    if becomes_get {
        next.method = Method::GET;
        next.body = None;
        next.headers.remove(CONTENT_TYPE);
    }
    if !same_origin(&hop.url, &next.url) {
        let keep = passes(&next.url);
        next.headers = hop
            .headers
            .iter()
            .filter(|(name, _)| PASSING.contains(name) || (keep && *name == AUTHORIZATION))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
    }
    Ok(Some(next))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hop(url: &str) -> Hop {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, "Basic s3cr3t".parse().unwrap());
        headers.insert("cookie", "s3cr3t".parse().unwrap());
        headers.insert(ACCEPT, "*/*".parse().unwrap());
        Hop {
            method: Method::POST,
            url: Url::parse(url).unwrap(),
            headers,
            body: Some(vec![1].into()),
        }
    }

    fn follow(hop: &Hop, status: u16, to: &str) -> Result<Option<Hop>, NetError> {
        let mut headers = HeaderMap::new();
        headers.insert(LOCATION, to.parse().unwrap());
        next(hop, StatusCode::from_u16(status).unwrap(), &headers, |url| {
            url.host_str() == Some("friend.io")
        })
    }

    #[test]
    fn credentials_stay_with_their_origin() {
        let from = hop("https://h.io/a");
        for (to, kept) in [
            ("/b", true),
            ("https://h.io:443/b", true),
            ("https://h.io:8443/b", false),
            ("https://other.io/b", false),
            ("//other.io/b", false),
            ("https://friend.io/b", true),
        ] {
            let next = follow(&from, 307, to).unwrap().unwrap();
            assert_eq!(next.headers.contains_key(AUTHORIZATION), kept, "{to}");
            assert_eq!(
                next.headers.contains_key("cookie"),
                same_origin(&from.url, &next.url),
                "{to}"
            );
            assert!(next.headers.contains_key(ACCEPT) && next.body.is_some());
        }
    }

    #[test]
    fn https_never_becomes_http() {
        assert!(matches!(
            follow(&hop("https://h.io/a"), 302, "http://h.io/a"),
            Err(NetError::Downgrade { .. })
        ));
        assert!(
            follow(&hop("http://h.io/a"), 302, "https://h.io/a")
                .unwrap()
                .is_some()
        );
        assert!(matches!(
            follow(&hop("https://h.io/a"), 302, "http://["),
            Err(NetError::Location { .. })
        ));
    }

    #[test]
    fn methods_change_as_everywhere() {
        for (status, method) in [
            (303, Method::GET),
            (302, Method::GET),
            (307, Method::POST),
            (308, Method::POST),
        ] {
            let next = follow(&hop("https://h.io/a"), status, "/b").unwrap().unwrap();
            assert_eq!(
                (next.body.is_some(), next.method == method),
                (method == Method::POST, true),
                "{status}"
            );
        }
        assert!(follow(&hop("https://h.io/a"), 304, "/b").unwrap().is_none());
    }
}

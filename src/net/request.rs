//! What is to be sent.

use http::header::{AUTHORIZATION, HeaderName};
use http::{HeaderMap, HeaderValue, Method};
use url::Url;

use super::guard::AddressGuard;
use crate::payload::Payload;

/// Whether redirects are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redirects {
    /// Up to five hops, each checked again (reliability A11 to A15).
    Follow,
    /// The redirect itself is the answer.
    Return,
}

/// What is done about compression on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Asks for none and refuses an answer that has one: for JSON, manifests and tokens (reliability A36).
    Identity,
    /// Asks for none and hands out the bytes as they come, whatever the server calls them: for packages, whose
    /// digest is that of the bytes on the wire (crates 3.3).
    Raw,
    /// Asks for gzip and unpacks it: for the index.
    Gzip,
}

/// One request. The body is replayed on every try and always has a `Content-Length` (registries rule 6).
#[derive(Debug, Clone)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The URL, without user information.
    pub url: Url,
    /// Headers besides those that every request has.
    pub headers: HeaderMap,
    /// The body.
    pub body: Option<Payload>,
    /// Whether redirects are followed.
    pub redirects: Redirects,
    /// Compression.
    pub encoding: Encoding,
    /// Which addresses may be reached.
    pub guard: AddressGuard,
    /// Whether [`super::Net::send`] repeats it. Off where the caller has to look before it repeats.
    pub retry: bool,
    /// It repeats an earlier request, for the counts: set by callers that repeat by themselves.
    pub repeated: bool,
    /// The path of the URL is a secret: the log shows its host alone. Errors name the whole URL; who sets this masks them.
    pub concealed: bool,
}

impl Request {
    /// A request without body that follows redirects and is repeated.
    pub fn new(method: Method, url: Url, guard: AddressGuard) -> Self {
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            body: None,
            redirects: Redirects::Follow,
            encoding: Encoding::Identity,
            guard,
            retry: true,
            repeated: false,
            concealed: false,
        }
    }

    /// A GET.
    pub fn get(url: Url, guard: AddressGuard) -> Self {
        Self::new(Method::GET, url, guard)
    }

    /// With this header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// With this `Authorization`. It stays with the origin of `url`, and with hosts in `pass_credentials_to` of it.
    #[must_use]
    pub fn authorization(self, mut value: HeaderValue) -> Self {
        value.set_sensitive(true);
        self.header(AUTHORIZATION, value)
    }

    /// With this body.
    #[must_use]
    pub fn body(mut self, body: Payload) -> Self {
        self.body = Some(body);
        self
    }

    /// With this handling of compression.
    #[must_use]
    pub fn encoding(mut self, encoding: Encoding) -> Self {
        self.encoding = encoding;
        self
    }

    /// With this handling of redirects.
    #[must_use]
    pub fn redirects(mut self, redirects: Redirects) -> Self {
        self.redirects = redirects;
        self
    }

    /// With a URL that is not to be logged.
    #[must_use]
    pub fn conceal(mut self) -> Self {
        self.concealed = true;
        self
    }

    /// Sent once, whatever happens.
    #[must_use]
    pub fn once(mut self) -> Self {
        self.retry = false;
        self
    }
}

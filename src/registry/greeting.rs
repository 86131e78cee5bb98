//! What a registry says before anybody logged in: the answer to GET `/v2/` (distribution-spec "Determining Support").

use http::StatusCode;
use http::header::{DATE, HeaderName};

use super::challenge::{Challenge, challenges};
use super::problems::Problems;
use crate::net::Response;

const VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");

/// The answer of something that can be a registry.
#[derive(Debug, Clone)]
pub struct Greeting {
    /// 200, or 401 or 403 where a login is wanted.
    pub status: StatusCode,
    /// The header `Docker-Distribution-Api-Version`, which may be absent.
    pub version: Option<String>,
    /// The header `Date`: the clock of the registry.
    pub date: Option<String>,
    /// The certificate that was shown, as DER, where the network keeps it.
    pub certificate: Option<Vec<u8>>,
    pub(super) offered: Vec<Challenge>,
    pub(super) problems: Problems,
}

impl Greeting {
    /// Whether anybody is let in without a login.
    pub fn wants_login(&self) -> bool {
        self.status != StatusCode::OK
    }

    /// Without the body, which is read last.
    pub(super) fn of(response: &Response) -> Self {
        let text = |name| response.header(name).map(str::to_owned);
        Self {
            status: response.status(),
            version: text(VERSION),
            date: text(DATE),
            certificate: response.certificate().map(<[u8]>::to_vec),
            offered: challenges(response.headers()),
            problems: Problems::default(),
        }
    }
}

/// How a registry wants to be logged in to, once it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoginMethod {
    /// Not at all.
    None,
    /// User and password with every request.
    Basic,
    /// Tokens from this service.
    Token {
        /// Its URL, secrets masked.
        service: String,
        /// It is on another host than the registry, and may have its credentials all the same.
        other_host: bool,
        /// Because `trusted_realms` says so.
        by_setting: bool,
    },
}

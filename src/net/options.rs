//! What callers may set: per process, and per host.

use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use super::guard::AddressRule;
use crate::types::RegistryKind;

/// Settings of a [`super::Net`].
#[derive(Debug, Clone)]
pub struct NetOptions {
    /// Settings of single hosts; the first that fits counts.
    pub hosts: Vec<HostOptions>,
    /// Sent as `User-Agent`.
    pub user_agent: String,
    /// How often and how fast a request is repeated.
    pub retry: RetryOptions,
    /// Addresses that every source may lead to, on top of the rules (product.md 4 "Network").
    pub allow_private: Vec<AddressRule>,
    /// Whether `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` count.
    pub proxy_from_env: bool,
    /// Whether [`super::Response::certificate`] knows what the server showed; it costs a copy with every answer.
    pub certificates: bool,
}

impl Default for NetOptions {
    fn default() -> Self {
        Self {
            hosts: Vec::new(),
            user_agent: concat!("chartferry/", env!("CARGO_PKG_VERSION")).to_owned(),
            retry: RetryOptions::default(),
            allow_private: Vec::new(),
            proxy_from_env: true,
            certificates: false,
        }
    }
}

/// How often and how fast a request is repeated.
#[derive(Debug, Clone, Copy)]
pub struct RetryOptions {
    /// Tries in all, the first included; at least 1.
    pub attempts: u32,
    /// The longest first wait; it doubles with every try, and full jitter takes a random part of it.
    pub base: Duration,
    /// The longest wait that we choose ourselves.
    pub max_delay: Duration,
    /// The longest wait that a server may ask for with `Retry-After`.
    pub max_wait: Duration,
}

impl Default for RetryOptions {
    fn default() -> Self {
        Self {
            attempts: 6,
            base: Duration::from_millis(250),
            max_delay: Duration::from_secs(20),
            max_wait: Duration::from_secs(15 * 60),
        }
    }
}

/// Settings of one host, a source's or a registry's.
#[derive(Debug, Clone, Default)]
pub struct HostOptions {
    /// `host` or `host:port`; without a port it means the default one of the scheme.
    pub name: String,
    /// The registry speaks plain HTTP.
    pub plain_http: bool,
    /// Any certificate is accepted.
    pub insecure_skip_tls_verify: bool,
    /// PEM certificates to trust besides those of the system.
    pub ca_file: Option<PathBuf>,
    /// PEM certificate chain of the client.
    pub cert_file: Option<PathBuf>,
    /// PEM key of the client.
    pub key_file: Option<PathBuf>,
    /// Requests in flight at most.
    pub max_connections: Option<usize>,
    /// Requests a second at most.
    pub requests_per_second: Option<f64>,
    /// How long the headers of an answer may take; 60 s when absent. A shorter time limits the silence within its body as well.
    pub timeout: Option<Duration>,
    /// Other hosts (`host[:port]`) that may get this host's credentials.
    pub pass_credentials_to: Vec<String>,
    /// Addresses that this host may lead to although the rules forbid it.
    pub allow_private: Vec<AddressRule>,
    /// Hosts (`host[:port]`) of token services that may get this registry's credentials.
    pub trusted_realms: Vec<String>,
    /// What registry it is, where its name does not tell. Nothing here looks at it.
    pub registry_kind: Option<RegistryKind>,
}

impl HostOptions {
    /// Whether these settings are meant for `url`.
    pub(super) fn fits(&self, url: &Url) -> bool {
        names(&self.name, url)
    }
}

/// Whether `name` (`host[:port]`) is the host of `url`; no port means the default one of the scheme. `docker.io` is
/// reached as `registry-1.docker.io` (helm-oci-format 4).
pub fn names(name: &str, url: &Url) -> bool {
    let Some(host) = url.host_str() else { return false };
    let (wanted, port) = match split_port(name) {
        ("docker.io" | "index.docker.io", port) => ("registry-1.docker.io", port),
        other => other,
    };
    let default = if url.scheme() == "http" { 80 } else { 443 };
    wanted.eq_ignore_ascii_case(host) && port.unwrap_or(default) == url.port().unwrap_or(default)
}

fn split_port(name: &str) -> (&str, Option<u16>) {
    match name.rsplit_once(':') {
        Some((host, port)) if !name.ends_with(']') => match port.parse() {
            Ok(port) => (host, Some(port)),
            Err(_) => (name, None),
        },
        _ => (name, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_without_port_means_the_default_port() {
        for (name, url, fits) in [
            ("r.io", "https://r.io/v2/", true),
            ("R.io", "http://r.io/", true),
            ("r.io:443", "https://r.io/", true),
            ("r.io", "https://r.io:5000/", false),
            ("r.io:5000", "https://r.io:5000/", true),
            ("[::1]:5000", "http://[::1]:5000/", true),
            ("[::1]", "http://[::1]/", true),
            ("r.io", "https://evil-r.io/", false),
        ] {
            let url = Url::parse(url).unwrap();
            assert_eq!(names(name, &url), fits, "{name} {url}");
        }
    }
}

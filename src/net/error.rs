//! What went wrong where no answer came, or where a safety rule forbids to ask.

use std::error::Error as StdError;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use super::dns::ResolveError;
use super::redact;
use crate::types::{ByteSize, Class};

/// Why a request has no answer. URLs in it are masked.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// The URL cannot be used.
    #[error("cannot use the URL `{url}`: {why}")]
    Url {
        /// The URL.
        url: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The address rules forbid it.
    #[error(
        "`{url}` leads to a {zone} address ({address}), where this source may not lead; if that is intended, add `{host}` to `allow_private` (`--allow-private`)"
    )]
    Address {
        /// The URL.
        url: String,
        /// Its host.
        host: String,
        /// The address, or the name if that alone tells.
        address: String,
        /// The kind of address.
        zone: super::Zone,
    },
    /// A redirect from https to http.
    #[error("`{from}` redirects from https to http (`{to}`), which is refused")]
    Downgrade {
        /// From where.
        from: String,
        /// To where.
        to: String,
    },
    /// A redirect that leads nowhere.
    #[error("`{url}` redirects to something that is no URL: `{location}`")]
    Location {
        /// From where.
        url: String,
        /// The header.
        location: String,
    },
    /// Too many redirects.
    #[error("`{url}` redirects more than {limit} times")]
    Redirects {
        /// The first URL.
        url: String,
        /// How many are followed.
        limit: usize,
    },
    /// The name has no address.
    #[error("cannot resolve `{host}`: {why}")]
    Dns {
        /// The name.
        host: String,
        /// What the resolver said.
        why: String,
    },
    /// No connection.
    #[error("cannot connect to `{host}` for `{url}`: {why}")]
    Connect {
        /// `host:port`.
        host: String,
        /// The URL.
        url: String,
        /// What the system said.
        why: String,
    },
    /// The server is not who it should be, or does not accept us.
    #[error("TLS with `{host}` failed: {why}{hint}")]
    Tls {
        /// `host:port`.
        host: String,
        /// What rustls said.
        why: String,
        /// What to do.
        hint: &'static str,
    },
    /// The proxy does not do its work.
    #[error("the proxy `{proxy}` does not reach `{url}`: {why}")]
    Proxy {
        /// The proxy, from the environment.
        proxy: String,
        /// The URL.
        url: String,
        /// What happened.
        why: String,
    },
    /// Nothing came in time.
    #[error("`{url}` did not {phase} within {} s", .after.as_secs())]
    Timeout {
        /// The URL.
        url: String,
        /// What was waited for.
        phase: &'static str,
        /// How long.
        after: Duration,
    },
    /// The connection broke.
    #[error("the connection broke while talking to `{url}`: {why}")]
    Interrupted {
        /// The URL.
        url: String,
        /// How.
        why: String,
    },
    /// Bytes come too slowly.
    #[error("`{url}` sends less than {} a second", ByteSize(*.rate))]
    Slow {
        /// The URL.
        url: String,
        /// The least rate in bytes.
        rate: u64,
    },
    /// More bytes than allowed.
    #[error("`{url}` is larger than {}, which is the limit", ByteSize(*.limit))]
    TooLarge {
        /// The URL.
        url: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// Compressed though we asked for plain bytes.
    #[error("`{url}` answers with the encoding `{encoding}`, which was not asked for")]
    Encoding {
        /// The URL.
        url: String,
        /// The encoding.
        encoding: String,
    },
    /// The time of the run is over, or would be before the server lets us in again.
    #[error("no time is left for `{url}`{why}")]
    Deadline {
        /// The URL.
        url: String,
        /// Why now.
        why: String,
    },
    /// The bytes to be sent cannot be read.
    #[error("cannot read the bytes to send to `{url}`: {source}")]
    Payload {
        /// The URL.
        url: String,
        /// What the system said.
        source: io::Error,
    },
    /// A file named in the settings of a host is unusable.
    #[error("cannot use the {what} `{}`: {why}", .path.display())]
    File {
        /// Which setting.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Settings that contradict each other.
    #[error("settings of host `{host}`: {why}")]
    Options {
        /// The host.
        host: String,
        /// What is wrong.
        why: &'static str,
    },
    /// The HTTP client could not be built.
    #[error("cannot set up the HTTP client: {why}")]
    Client {
        /// What it said.
        why: String,
    },
}

impl NetError {
    /// What kind of failure it is.
    pub fn class(&self) -> Class {
        match self {
            Self::Connect { .. }
            | Self::Dns { .. }
            | Self::Proxy { .. }
            | Self::Timeout { .. }
            | Self::Interrupted { .. }
            | Self::Slow { .. } => Class::Retry,
            Self::Url { .. } | Self::File { .. } | Self::Options { .. } => Class::Config,
            Self::Address { .. } | Self::Downgrade { .. } | Self::TooLarge { .. } => Class::Refused,
            Self::Encoding { .. } => Class::Integrity,
            Self::Location { .. }
            | Self::Redirects { .. }
            | Self::Tls { .. }
            | Self::Deadline { .. }
            | Self::Payload { .. }
            | Self::Client { .. } => Class::Permanent,
        }
    }

    /// Stable code for reports.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Url { .. } => "url",
            Self::Address { .. } => "address-refused",
            Self::Downgrade { .. } => "redirect-downgrade",
            Self::Location { .. } | Self::Redirects { .. } => "redirect",
            Self::Dns { .. } => "dns",
            Self::Connect { .. } => "connect",
            Self::Tls { .. } => "tls",
            Self::Proxy { .. } => "proxy",
            Self::Timeout { .. } | Self::Slow { .. } => "timeout",
            Self::Interrupted { .. } => "interrupted",
            Self::TooLarge { .. } => "too-large",
            Self::Encoding { .. } => "encoding",
            Self::Deadline { .. } => "deadline",
            Self::Payload { .. } => "local-read",
            Self::File { .. } | Self::Options { .. } | Self::Client { .. } => "config",
        }
    }

    /// True if the connection broke or never came to be, which is a sign of overload to the pacing.
    pub(super) fn is_reset(&self) -> bool {
        matches!(self, Self::Interrupted { .. })
    }

    /// Makes sense of an error of the client. `proxy` is set where one stands between.
    pub(super) fn from_client(
        error: &reqwest::Error,
        url: &Url,
        proxy: Option<&Url>,
        connect: Duration,
    ) -> Self {
        let host = super::host::authority(url);
        let why = innermost(error);
        if let Some(refused) = find::<ResolveError>(error) {
            return refused.to_net_error(url);
        }
        if let Some(source) = find::<super::upload::PayloadError>(error) {
            return Self::Payload {
                url: redact(url),
                source: source.to_io(),
            };
        }
        if let Some(hint) = identity_hint(&why) {
            return Self::Tls { host, why, hint };
        }
        match proxy {
            Some(proxy) if error.is_connect() => Self::Proxy {
                proxy: redact(proxy),
                url: redact(url),
                why,
            },
            _ if error.is_connect() && error.is_timeout() => Self::Timeout {
                url: redact(url),
                phase: "accept a connection",
                after: connect,
            },
            _ if error.is_connect() => Self::Connect {
                host,
                url: redact(url),
                why,
            },
            _ => Self::Interrupted {
                url: redact(url),
                why,
            },
        }
    }
}

/// The cause at the end of the chain: the outer ones only say that something below failed.
fn innermost(error: &dyn StdError) -> String {
    let mut last = error;
    while let Some(next) = last.source() {
        last = next;
    }
    let text = last.to_string();
    let shown = text.chars().map(|c| {
        if c.is_control() {
            c.escape_debug().to_string()
        } else {
            c.to_string()
        }
    });
    shown.collect()
}

/// The first error of type `T` in the chain.
fn find<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        // An I/O error hides what it wraps from `source` of its own, not from `get_ref`.
        if let Some(found) = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref)
            && let Some(found) = found.downcast_ref::<T>()
        {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// What servers say about the certificate of a client (RFC 8446 6.2).
const REFUSALS: [&str; 8] = [
    "BadCertificate",
    "UnsupportedCertificate",
    "CertificateRevoked",
    "CertificateExpired",
    "CertificateUnknown",
    "UnknownCA",
    "AccessDenied",
    "DecryptError",
];

/// Advice for TLS failures that repeating cannot mend (reliability F21). By text, since rustls' types are behind
/// reqwest; what is not recognised counts as a broken connection and is tried again.
fn identity_hint(why: &str) -> Option<&'static str> {
    let has = |text: &str| why.contains(text);
    if let Some((_, alert)) = why.split_once("received fatal alert: ")
        && REFUSALS.contains(&alert)
    {
        return Some(
            "; the server does not accept our client certificate, see `cert_file` and `key_file` (`--cert-file`, of a source `--source-cert-file`)",
        );
    }
    // A signature is bad where a CA was renewed under its old name.
    if has("UnknownIssuer") || has("BadSignature") || has("CaUsedAsEndEntity") || has("SelfSigned") {
        Some(
            "; if the certificate is from a CA of your own, name its PEM file as `ca_file` (`--ca-file`, of a source `--source-ca-file`)",
        )
    } else if has("certificate expired") || has("Expired") || has("not valid yet") || has("NotValidYet") {
        Some("; the server's certificate has to be renewed, or the clock of this machine is wrong")
    } else if has("not valid for name") || has("NotValidForName") {
        Some("; the certificate is for another host name")
    } else if has("CertificateRequired") || has("certificate required") {
        Some(
            "; the server wants a client certificate, see `cert_file` and `key_file` (`--cert-file`, of a source `--source-cert-file`)",
        )
    } else if has("invalid peer certificate") || has("certificate") || has("ProtocolVersion") {
        Some("")
    } else if has("InvalidContentType") || has("corrupt message") {
        Some("; the server seems to speak plain HTTP, see `plain_http` (`--plain-http`)")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_identity_errors_are_final() {
        assert!(
            identity_hint("invalid peer certificate: UnknownIssuer")
                .unwrap()
                .contains("ca_file")
        );
        assert!(
            identity_hint("received corrupt message of type InvalidContentType")
                .unwrap()
                .contains("plain")
        );
        for refusal in [
            "BadCertificate",
            "UnknownCA",
            "CertificateExpired",
            "CertificateRequired",
        ] {
            let hint = identity_hint(&format!("received fatal alert: {refusal}")).unwrap();
            assert!(hint.contains("client certificate"), "{refusal}: {hint}");
        }
        assert_eq!(identity_hint("received fatal alert: InternalError"), None);
        assert_eq!(identity_hint("tls handshake eof"), None);
        assert_eq!(identity_hint("Connection reset by peer (os error 104)"), None);
    }
}

//! What went wrong where no answer came, or where a safety rule forbids to ask.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

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
    /// The name has no address, or nobody says which.
    #[error("cannot resolve `{host}`: the resolver says: {why}{}", if *.passing { "" } else { "; is the name right, and known to the name servers of this machine?" })]
    Dns {
        /// The name.
        host: String,
        /// What the resolver said.
        why: String,
        /// The resolver is in trouble; else it knows that there is nothing.
        passing: bool,
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
        /// What is wrong with it.
        why: String,
        /// What to do, with `; ` in front, or nothing.
        hint: &'static str,
    },
    /// The proxy does not do its work.
    #[error("the proxy `{proxy}` does not lead to `{url}`: {why}{hint}")]
    Proxy {
        /// The proxy, from the environment.
        proxy: String,
        /// The URL.
        url: String,
        /// What happened.
        why: String,
        /// What to do, with `; ` in front, or nothing.
        hint: &'static str,
        /// It may do it later.
        passing: bool,
    },
    /// A proxy of the environment that cannot be used. Going around it would be worse than not going at all.
    #[error("cannot use the proxy `{value}` of the environment variable `{variable}`: {why}")]
    ProxySetting {
        /// The variable.
        variable: String,
        /// Its value.
        value: String,
        /// What is wrong with it.
        why: &'static str,
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
            | Self::Dns { passing: true, .. }
            | Self::Proxy { passing: true, .. }
            | Self::Timeout { .. }
            | Self::Interrupted { .. }
            | Self::Slow { .. } => Class::Retry,
            Self::Url { .. } | Self::File { .. } | Self::Options { .. } | Self::ProxySetting { .. } => {
                Class::Config
            }
            Self::Address { .. } | Self::Downgrade { .. } | Self::TooLarge { .. } => Class::Refused,
            Self::Encoding { .. } => Class::Integrity,
            Self::Location { .. }
            | Self::Redirects { .. }
            | Self::Dns { .. }
            | Self::Proxy { .. }
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
            Self::File { .. } | Self::Options { .. } | Self::ProxySetting { .. } | Self::Client { .. } => {
                "config"
            }
        }
    }

    /// True if the connection broke or never came to be, which is a sign of overload to the pacing.
    pub(super) fn is_reset(&self) -> bool {
        matches!(self, Self::Interrupted { .. })
    }
}

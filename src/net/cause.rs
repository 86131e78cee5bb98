//! Makes sense of what the HTTP client says went wrong: who failed (the host, the proxy before it, the resolver, this
//! machine), and whether trying again can help.

use std::error::Error as StdError;
use std::io;
use std::iter::successors;
use std::time::Duration;

use chrono::DateTime;
use reqwest::StatusCode;
use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, Error as TlsError};
use url::Url;

use super::dns::ResolveError;
use super::host::authority;
use super::upload::PayloadError;
use super::{NetError, redact};

/// Names of a foreign certificate that are shown.
const MOST_NAMES: usize = 5;

const OWN_CA: &str = "; if the certificate is from a CA of your own, name that CA's PEM file as `ca_file` (`--ca-file`, of a source `--source-ca-file`)";
const NO_CA: &str = "; a certificate that signs itself must not be one of a CA: make it again with `basicConstraints=CA:FALSE`, or have it signed by a CA of your own, and name that PEM file as `ca_file` (`--ca-file`, of a source `--source-ca-file`)";
const CLOCK: &str = "; the certificate has to be renewed, or the clock of this machine is wrong";
const OTHER_NAME: &str = "; use a name that the certificate is for, or have one made for this name";
const IDENTITY: &str = "; see `cert_file` and `key_file` (`--cert-file`, of a source `--source-cert-file`)";
const PLAIN: &str = "; the server seems to speak plain HTTP: write `http://` for a source, set `plain_http` (`--plain-http`) for a registry";
const PLAIN_PROXY: &str =
    "; the proxy seems to speak plain HTTP: write `http://` in the variable that names it";
const OLD: &str = "; TLS before 1.2 and its ciphers are refused: the server, or the proxy in front of it, has to be updated";

const LOGIN: &str = "; put the user and the password into the variable that names it, as in `HTTPS_PROXY=http://user:password@proxy:3128`";
const OTHER_LOGIN: &str = "; the user and the password in the proxy's URL may be wrong";
const DEAD: &str = "; it is named by the environment (`HTTP_PROXY`, `HTTPS_PROXY` or `ALL_PROXY`): is that right, and does it run?";
const RULES: &str = "; the proxy may forbid this host or be unable to reach it: ask who runs it, or name the host in `NO_PROXY` if it can be reached directly";
const PROXY_CA: &str = "; a proxy's certificate is checked like a server's: the system has to trust its CA (`SSL_CERT_FILE` names another store)";

/// What stands between us and a URL.
pub(super) struct Way<'a> {
    pub(super) url: &'a Url,
    pub(super) proxy: Option<&'a Url>,
    /// How long a connection was waited for.
    pub(super) connect: Duration,
}

impl Way<'_> {
    /// Makes sense of an error of the client.
    pub(super) fn error(&self, error: &reqwest::Error) -> NetError {
        let (host, url) = (authority(self.url), redact(self.url));
        if let Some(refused) = find::<ResolveError>(error) {
            return refused.to_net_error(self.url);
        }
        if let Some(source) = find::<PayloadError>(error) {
            let source = source.to_io();
            return NetError::Payload { url, source };
        }
        let final_tls = find::<TlsError>(error).and_then(identity);
        match (self.proxy, final_tls) {
            (Some(proxy), Some((why, hint))) if self.is_about_proxy(error) => self.proxy_error(
                proxy,
                format!("TLS with the proxy failed: {why}"),
                if hint == PLAIN { PLAIN_PROXY } else { PROXY_CA },
                false,
            ),
            (_, Some((why, hint))) => NetError::Tls { host, why, hint },
            (Some(proxy), None) if error.is_connect() => self.proxy_failed(proxy, error),
            (None, None) if error.is_connect() && error.is_timeout() => NetError::Timeout {
                url,
                phase: "accept a connection",
                after: self.connect,
            },
            (None, None) if error.is_connect() => NetError::Connect {
                host,
                url,
                why: innermost(error),
            },
            _ => NetError::Interrupted {
                url,
                why: innermost(error),
            },
        }
    }

    /// A proxy's own 407, which reaches us as an answer where no tunnel is needed.
    pub(super) fn refusal(&self, status: StatusCode) -> Option<NetError> {
        let proxy = self.proxy?;
        (status == StatusCode::PROXY_AUTHENTICATION_REQUIRED).then(|| self.login_wanted(proxy))
    }

    /// The connection to the proxy itself is the matter, not what lies behind it.
    fn is_about_proxy(&self, error: &reqwest::Error) -> bool {
        let tls = self.proxy.is_some_and(|proxy| proxy.scheme() == "https");
        tls && (self.url.scheme() == "http" || says(error, "failed to create underlying connection"))
    }

    fn proxy_failed(&self, proxy: &Url, error: &reqwest::Error) -> NetError {
        let to = authority(self.url);
        // The words of the client, whose types for this are private.
        if says(error, "proxy authorization required") {
            return self.login_wanted(proxy);
        }
        if says(error, "SOCKS error") && (says(error, "auth") || says(error, "credentials")) {
            let hint = if has_login(proxy) { OTHER_LOGIN } else { LOGIN };
            return self.proxy_error(proxy, innermost(error), hint, false);
        }
        if says(error, "tunnel error: unsuccessful") {
            let why = format!("it refuses to connect to `{to}`");
            return self.proxy_error(proxy, why, RULES, true);
        }
        if error.is_timeout() {
            let why = format!("no connection within {} s", self.connect.as_secs());
            return self.proxy_error(proxy, why, DEAD, true);
        }
        self.proxy_error(proxy, innermost(error), DEAD, true)
    }

    fn login_wanted(&self, proxy: &Url) -> NetError {
        let (why, hint) = if has_login(proxy) {
            ("it does not accept our login (407)", OTHER_LOGIN)
        } else {
            ("it wants a login (407)", LOGIN)
        };
        self.proxy_error(proxy, why.to_owned(), hint, false)
    }

    fn proxy_error(&self, proxy: &Url, why: String, hint: &'static str, passing: bool) -> NetError {
        NetError::Proxy {
            proxy: redact(proxy),
            url: redact(self.url),
            why,
            hint,
            passing,
        }
    }
}

fn has_login(proxy: &Url) -> bool {
    !proxy.username().is_empty() || proxy.password().is_some()
}

/// What is wrong with the TLS of the other side, and what to do; `None` for what may pass (reliability F21).
fn identity(error: &TlsError) -> Option<(String, &'static str)> {
    let said = |hint| Some((escaped(&error.to_string()), hint));
    match error {
        TlsError::InvalidCertificate(problem) => Some(certificate(problem)),
        TlsError::NoCertificatesPresented => said(""),
        TlsError::PeerIncompatible(_) => said(OLD),
        TlsError::InvalidMessage(_) => Some(("the answer is not TLS".to_owned(), PLAIN)),
        TlsError::AlertReceived(alert) => refusal(*alert),
        _ => None,
    }
}

fn certificate(problem: &CertificateError) -> (String, &'static str) {
    let said = || escaped(&problem.to_string());
    match problem {
        CertificateError::ExpiredContext { time, not_after } => (
            format!(
                "its certificate expired on {} (this machine's clock says {})",
                day(*not_after),
                day(*time)
            ),
            CLOCK,
        ),
        CertificateError::NotValidYetContext { time, not_before } => (
            format!(
                "its certificate is not valid before {} (this machine's clock says {})",
                day(*not_before),
                day(*time)
            ),
            CLOCK,
        ),
        CertificateError::NotValidForNameContext { presented, .. } => (
            format!("its certificate is for another host: {}", names(presented)),
            OTHER_NAME,
        ),
        CertificateError::UnknownIssuer => (
            "its certificate is signed by itself or by a CA that is not trusted here (UnknownIssuer)"
                .to_owned(),
            OWN_CA,
        ),
        // So it is where a CA was renewed under its old name.
        CertificateError::BadSignature => (
            "its certificate is not signed with the key of the CA that it names (BadSignature)".to_owned(),
            OWN_CA,
        ),
        CertificateError::Other(_) if said().contains("CaUsedAsEndEntity") => (
            "its certificate is one of a CA, most likely signed by itself (CaUsedAsEndEntity)".to_owned(),
            NO_CA,
        ),
        _ => (format!("its certificate is refused: {}", said()), ""),
    }
}

/// What alerts of the other side mean (RFC 8446 6.2).
fn refusal(alert: AlertDescription) -> Option<(String, &'static str)> {
    use AlertDescription as A;
    let said = |words: &str, hint| Some((format!("{words} ({alert:?})"), hint));
    match alert {
        A::CertificateRequired => said("the server wants a client certificate", IDENTITY),
        A::BadCertificate
        | A::UnsupportedCertificate
        | A::CertificateRevoked
        | A::CertificateExpired
        | A::CertificateUnknown
        | A::UnknownCA
        | A::DecryptError => said("the server does not accept our client certificate", IDENTITY),
        A::ProtocolVersion | A::InsufficientSecurity => {
            said("there is no TLS version that both sides accept", OLD)
        }
        // Servers up to TLS 1.2 ask for a client certificate like this too.
        A::HandshakeFailure => said(
            "the server found nothing that both sides accept",
            "; it may want a client certificate (`cert_file` and `key_file`), or speak outdated TLS only",
        ),
        A::AccessDenied => said(
            "the server turns us away",
            "; it may not know this host name, or want another client certificate (`cert_file` and `key_file`)",
        ),
        A::UnrecognisedName => said(
            "the server has no certificate for this name",
            "; use the name that the server is set up for",
        ),
        _ => None,
    }
}

fn day(time: UnixTime) -> String {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    DateTime::from_timestamp(seconds, 0).map_or_else(
        || format!("{seconds} s after 1970"),
        |time| time.format("%Y-%m-%d %H:%M UTC").to_string(),
    )
}

/// The names in a certificate, which rustls shows as `DnsName("a.example")`.
fn names(presented: &[String]) -> String {
    if presented.is_empty() {
        return "it names none".to_owned();
    }
    let mut shown: Vec<String> = presented
        .iter()
        .take(MOST_NAMES)
        .map(|name| plain_name(name))
        .collect();
    if presented.len() > MOST_NAMES {
        shown.push(format!("{} more", presented.len() - MOST_NAMES));
    }
    shown.join(", ")
}

fn plain_name(name: &str) -> String {
    let inner = name
        .split_once('(')
        .and_then(|(_, rest)| rest.strip_suffix(')'))
        .map_or(name, |inner| inner.trim_matches('"'));
    format!("`{}`", escaped(&inner.chars().take(255).collect::<String>()))
}

/// The cause at the end of the chain: the outer ones only say that something below failed.
fn innermost(error: &reqwest::Error) -> String {
    links(error)
        .last()
        .map_or_else(String::new, |last| escaped(&last.to_string()))
}

fn escaped(text: &str) -> String {
    let shown = text.chars().map(|c| {
        if c.is_control() {
            c.escape_debug().to_string()
        } else {
            c.to_string()
        }
    });
    shown.collect()
}

/// Whether any error of the chain says this.
fn says(error: &reqwest::Error, words: &str) -> bool {
    links(error).any(|link| link.to_string().contains(words))
}

/// The first error of type `T` in the chain.
fn find<T: StdError + 'static>(error: &reqwest::Error) -> Option<&T> {
    links(error).find_map(|link| link.downcast_ref())
}

/// An error and its causes, outermost first. What an I/O error wraps is a link of its own: `source` passes over it.
fn links(error: &reqwest::Error) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    let first: &(dyn StdError + 'static) = error;
    successors(Some(first), |&link| cause(link))
}

fn cause<'a>(link: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    match link.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(inner) => Some(inner),
        None => link.source(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_repeating_cannot_mend_says_what_to_do() {
        use TlsError as E;
        for (error, why, hint) in [
            (
                E::InvalidCertificate(CertificateError::UnknownIssuer),
                "not trusted here",
                "ca_file",
            ),
            (
                E::InvalidCertificate(CertificateError::BadSignature),
                "not signed with the key",
                "ca_file",
            ),
            (
                E::InvalidCertificate(CertificateError::ExpiredContext {
                    time: UnixTime::since_unix_epoch(Duration::from_secs(86_400)),
                    not_after: UnixTime::since_unix_epoch(Duration::ZERO),
                }),
                "expired on 1970-01-01 00:00 UTC (this machine's clock says 1970-01-02 00:00 UTC)",
                "renewed",
            ),
            (
                E::InvalidMessage(rustls::InvalidMessage::InvalidContentType),
                "not TLS",
                "plain_http",
            ),
            (
                E::AlertReceived(AlertDescription::CertificateRequired),
                "wants a client certificate",
                "cert_file",
            ),
            (
                E::AlertReceived(AlertDescription::UnknownCA),
                "our client certificate",
                "cert_file",
            ),
            (
                E::AlertReceived(AlertDescription::ProtocolVersion),
                "no TLS version",
                "updated",
            ),
        ] {
            let (said, advice) = identity(&error).unwrap();
            assert!(said.contains(why) && advice.contains(hint), "{said}{advice}");
        }
        assert_eq!(identity(&E::AlertReceived(AlertDescription::InternalError)), None);
    }

    #[test]
    fn names_of_certificates_are_foreign_text() {
        let shown = names(&[
            "DnsName(\"a.example\")".to_owned(),
            "IpAddress(10.0.0.1)".to_owned(),
            "x\u{1b}".to_owned(),
        ]);
        assert_eq!(shown, "`a.example`, `10.0.0.1`, `x\\u{1b}`");
        let many: Vec<String> = (0..9).map(|n| format!("DnsName(\"{n}\")")).collect();
        assert!(names(&many).ends_with("`4`, 4 more"), "{}", names(&many));
        assert_eq!(names(&[]), "it names none");
    }
}

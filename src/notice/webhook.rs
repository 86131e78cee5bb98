//! The URL of a receiver. Slack and its kin put the secret into the path, so nothing but the host is ever shown.

use std::fmt;

use url::Url;

/// A URL that notifications are posted to. `Display` and `Debug` mask all but scheme and host.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookUrl(Url);

/// The text is no such URL. It is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WebhookUrlError {
    /// No URL of HTTP.
    #[error("is no URL that can be posted to; write `https://host/path`")]
    Scheme,
    /// A user or a password in front of the host.
    #[error(
        "must not hold a user or password; give `header = \"Authorization\"` with `header_file` or `header_env`"
    )]
    User,
    /// A fragment, which is never sent.
    #[error("must not have a fragment (`#…`); cut it off")]
    Fragment,
}

impl WebhookUrl {
    /// Checks `text`.
    pub fn new(text: &str) -> Result<Self, WebhookUrlError> {
        let url = Url::parse(text.trim()).map_err(|_| WebhookUrlError::Scheme)?;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err(WebhookUrlError::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(WebhookUrlError::User);
        }
        if url.fragment().is_some() {
            return Err(WebhookUrlError::Fragment);
        }
        Ok(Self(url))
    }

    /// The whole URL, for sending only.
    pub fn expose(&self) -> &Url {
        &self.0
    }

    /// Whether what is sent can be read on the way: no TLS, and not this machine.
    pub fn is_readable_on_the_way(&self) -> bool {
        let local = match self.0.host() {
            Some(url::Host::Domain(name)) => name == "localhost",
            Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
            Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
            None => false,
        };
        self.0.scheme() == "http" && !local
    }
}

impl fmt::Display for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origin = self.0.origin().ascii_serialization();
        let bare = self.0.path() == "/" && self.0.query().is_none();
        write!(f, "{origin}/{}", if bare { "" } else { "***" })
    }
}

impl fmt::Debug for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WebhookUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_host_shows() {
        for (text, shown) in [
            (
                "https://hooks.slack.com/services/T0/B0/s3cr3t",
                "https://hooks.slack.com/***",
            ),
            ("http://10.0.0.1:8080/?token=s3cr3t", "http://10.0.0.1:8080/***"),
            (" https://h.io \n", "https://h.io/"),
        ] {
            let url = WebhookUrl::new(text).unwrap();
            assert_eq!(url.to_string(), shown);
            assert_eq!(format!("{url:?}"), format!("WebhookUrl({shown})"));
        }
    }

    #[test]
    fn what_cannot_be_posted_to_is_refused_without_being_shown() {
        for (text, error) in [
            ("hooks.slack.com/s3cr3t", WebhookUrlError::Scheme),
            ("ftp://h/s3cr3t", WebhookUrlError::Scheme),
            ("", WebhookUrlError::Scheme),
            ("https://u:s3cr3t@h.io/", WebhookUrlError::User),
            ("https://h.io/#s3cr3t", WebhookUrlError::Fragment),
        ] {
            let found = WebhookUrl::new(text).unwrap_err();
            assert_eq!(found, error);
            assert!(!found.to_string().contains("s3cr3t"));
        }
    }

    #[test]
    fn knows_what_others_can_read() {
        for (text, readable) in [
            ("http://h.io/", true),
            ("http://10.0.0.1/", true),
            ("https://h.io/", false),
            ("http://localhost:9/", false),
            ("http://127.0.0.1/", false),
            ("http://[::1]/", false),
        ] {
            assert_eq!(
                WebhookUrl::new(text).unwrap().is_readable_on_the_way(),
                readable,
                "{text}"
            );
        }
    }
}

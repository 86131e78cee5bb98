//! Requests to the services of clouds: sent by our own transport, their answers read within limits, their refusals put
//! into words without the secrets that they were sent.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use url::{Host, Url};

use super::CloudError;
use crate::net::{AddressGuard, Net, Redirects, Request, is_transient, redact};
use crate::payload::Payload;

/// The largest answer that is read: tokens have some kilobytes.
const LARGEST: u64 = 1 << 20;

/// How much of a refusal is shown.
const SHOWN: usize = 400;

/// One way of logging in, while it asks.
pub(super) struct Ask<'a> {
    net: &'a Net,
    /// Its name, as it begins every message.
    pub(super) way: &'a str,
    /// What no message may repeat.
    secrets: Vec<SecretString>,
}

/// An answer, whatever its status.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
    /// Who answered, masked.
    url: String,
}

impl<'a> Ask<'a> {
    pub(super) fn new(net: &'a Net, way: &'a str) -> Self {
        Self {
            net,
            way,
            secrets: Vec::new(),
        }
    }

    /// Keeps `secret` out of what is shown of answers.
    pub(super) fn hiding(mut self, secret: &SecretString) -> Self {
        self.secrets.push(secret.clone());
        self
    }

    /// Sends a request and repeats it as usual. Redirects are not followed: they would carry the secret away.
    pub(super) async fn send(&self, request: Request) -> Result<Answer, CloudError> {
        if request.body.is_some() && !is_safe(&request.url) {
            let url = redact(&request.url);
            return Err(self.setting(format!(
                "`{url}` would get a secret without TLS; give it as https"
            )));
        }
        let response = self.net.send(request.redirects(Redirects::Return)).await;
        let response = response.map_err(|error| self.failed(&error))?;
        let (status, url) = (response.status(), redact(response.url()));
        let body = response
            .bytes(LARGEST)
            .await
            .map_err(|error| self.failed(&error))?;
        Ok(Answer { status, body, url })
    }

    /// The JSON of a good answer; `advice` (with `; ` in front) is for the others.
    #[cfg(any(feature = "azure", feature = "google"))]
    pub(super) async fn json(&self, request: Request, advice: &str) -> Result<Value, CloudError> {
        let answer = self.send(request).await?;
        self.read(&answer, advice)
    }

    /// The same of an answer that came already.
    pub(super) fn read(&self, answer: &Answer, advice: &str) -> Result<Value, CloudError> {
        if !answer.status.is_success() {
            return Err(self.refused(answer, advice));
        }
        serde_json::from_slice(&answer.body).map_err(|_| self.odd(answer, "it is not JSON"))
    }

    /// Asks a metadata service; `None` if nobody is there, which is an error where it is `sure` to be.
    pub(super) async fn metadata(&self, request: Request, sure: bool) -> Result<Option<Answer>, CloudError> {
        let mut tries = self.net.tries();
        loop {
            match self.send(request.clone().once()).await {
                // A node's own proxy of the service may start after the first pods do.
                Ok(answer) if is_transient(answer.status) && tries.again().await => {}
                Err(CloudError::Network { .. }) if sure && tries.again().await => {}
                Err(CloudError::Network { .. }) if !sure => return Ok(None),
                Ok(answer) => return Ok(Some(answer)),
                Err(error) => return Err(error),
            }
        }
    }

    fn failed(&self, error: &crate::net::NetError) -> CloudError {
        CloudError::Network {
            way: self.way.to_owned(),
            why: error.to_string(),
        }
    }

    /// An answer that is a refusal.
    pub(super) fn refused(&self, answer: &Answer, advice: &str) -> CloudError {
        CloudError::Refused {
            way: self.way.to_owned(),
            url: answer.url.clone(),
            status: answer.status.as_u16(),
            said: self.said(&answer.body),
            advice: advice.to_owned(),
        }
    }

    /// An answer that lacks something.
    pub(super) fn odd(&self, answer: &Answer, why: &str) -> CloudError {
        self.lacks(&answer.url, why)
    }

    /// The same where only the URL is at hand.
    pub(super) fn lacks(&self, url: &str, why: &str) -> CloudError {
        CloudError::Answer {
            way: self.way.to_owned(),
            url: url.to_owned(),
            why: why.to_owned(),
        }
    }

    /// A variable or a file that makes no sense.
    pub(super) fn setting(&self, what: impl Into<String>) -> CloudError {
        CloudError::Setting {
            way: self.way.to_owned(),
            what: what.into(),
        }
    }

    /// The URL that `name` holds.
    pub(super) fn url(&self, name: &str, text: &str) -> Result<Url, CloudError> {
        Url::parse(text)
            .ok()
            .filter(|url| url.has_host() && matches!(url.scheme(), "http" | "https"))
            .ok_or_else(|| self.setting(format!("`{name}` is no http(s) URL; correct it")))
    }

    /// What the body of a refusal says, as far as it may be shown.
    fn said(&self, body: &[u8]) -> String {
        let mut text = words(&String::from_utf8_lossy(body));
        for secret in &self.secrets {
            let secret = secret.expose_secret().trim();
            if !secret.is_empty() {
                text = text.replace(secret, "***");
            }
        }
        let text: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let cut: String = text.chars().take(SHOWN).collect();
        cut.escape_debug().to_string()
    }
}

/// Whether a secret may be sent there.
fn is_safe(url: &Url) -> bool {
    url.scheme() == "https"
        || match url.host() {
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => false,
        }
}

/// The words in an error's body: the forms of the three clouds, else the beginning of the text.
fn words(text: &str) -> String {
    let Ok(json) = serde_json::from_str::<Value>(text) else {
        let parts = ["Code", "Message"].map(|tag| element(text, tag).unwrap_or_default());
        return match parts {
            ["", ""] if text.trim_start().starts_with('<') => String::new(),
            ["", ""] => text.to_owned(),
            parts => parts.join(" "),
        };
    };
    let at = |pointer: &str| json.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let code = [
        at("/__type"),
        at("/error"),
        at("/error/status"),
        at("/errors/0/code"),
    ];
    let message = [
        at("/message"),
        at("/Message"),
        at("/error_description"),
        at("/error/message"),
        at("/errors/0/message"),
    ];
    let first = |of: &[&str]| {
        of.iter()
            .find(|text| !text.is_empty())
            .copied()
            .unwrap_or_default()
            .to_owned()
    };
    format!("{} {}", first(&code), first(&message))
}

/// The text of the first element of this name. The answers that are read so hold plain text only.
pub(super) fn element<'x>(xml: &'x str, name: &str) -> Option<&'x str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    Some(text.trim())
}

/// A POST of a form.
pub(super) fn form(url: Url, guard: AddressGuard, pairs: &[(&str, &str)]) -> Request {
    let body = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish();
    Request::new(Method::POST, url, guard)
        .header(
            CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded"),
        )
        .body(Payload::from(body.into_bytes()))
}

/// A GET with one header, as metadata services demand.
#[cfg(any(feature = "azure", feature = "google"))]
pub(super) fn get(url: Url, guard: AddressGuard, name: &'static str, value: &'static str) -> Request {
    Request::get(url, guard).header(
        http::HeaderName::from_static(name),
        HeaderValue::from_static(value),
    )
}

/// A header that nothing prints. `None` if the text has characters that no header may have.
pub(super) fn secret_value(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text.trim()).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// A text that is there and not empty.
pub(super) fn text<'v>(json: &'v Value, pointer: &str) -> Option<&'v str> {
    json.pointer(pointer)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_put_into_words_without_secrets() {
        let net = crate::net::testing::net();
        let ask = Ask::new(&net, "AWS").hiding(&"s3cr3t".into());
        for (body, said) in [
            (
                r#"{"__type":"AccessDeniedException","message":"no s3cr3t\u0007 for you"}"#,
                "AccessDeniedException no ***\\u{7} for you",
            ),
            (
                r#"{"error":"invalid_client","error_description":"AADSTS70021:\r\n none"}"#,
                "invalid_client AADSTS70021: none",
            ),
            (
                r#"{"error":{"status":"PERMISSION_DENIED","message":"no"}}"#,
                "PERMISSION_DENIED no",
            ),
            (
                r#"{"errors":[{"code":"UNAUTHORIZED","message":"no"}]}"#,
                "UNAUTHORIZED no",
            ),
            (
                "<ErrorResponse><Error><Code>AccessDenied</Code><Message>not you</Message></Error></ErrorResponse>",
                "AccessDenied not you",
            ),
            ("<html><body>s3cr3t</body></html>", ""),
            ("plain s3cr3t", "plain ***"),
            ("", ""),
        ] {
            assert_eq!(ask.said(body.as_bytes()).trim(), said, "{body}");
        }
        assert!(ask.said("x".repeat(10_000).as_bytes()).len() <= SHOWN);
    }
}

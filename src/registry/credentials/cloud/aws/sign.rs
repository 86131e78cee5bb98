//! Signature Version 4, for the one kind of request that we send: a POST without a query.
//!
//! The steps are those of "Create a signed AWS API request" in AWS's reference: a canonical request, a text to sign, a
//! key derived from the secret, a signature. Tested with the values that AWS publishes.

use std::fmt::Write as _;

use aws_lc_rs::hmac::{self, HMAC_SHA256, Key};
use chrono::{DateTime, Utc};
use http::header::{AUTHORIZATION, HOST};
use http::{HeaderMap, HeaderName, HeaderValue};
use secrecy::ExposeSecret as _;
use url::Url;

use super::keys::Keys;
use crate::types::Digest;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// For whom a request is signed.
pub(super) struct Scope<'a> {
    pub(super) region: &'a str,
    pub(super) service: &'a str,
}

/// Adds the date, the session's token and the signature to `headers`, all of which are signed. `None` if a secret has
/// characters that no header may have.
pub(super) fn sign(
    url: &Url,
    headers: &mut HeaderMap,
    body: &[u8],
    keys: &Keys,
    scope: &Scope<'_>,
    now: DateTime<Utc>,
) -> Option<()> {
    let date = now.format("%Y%m%dT%H%M%SZ").to_string();
    headers.insert(
        HeaderName::from_static("x-amz-date"),
        HeaderValue::from_str(&date).ok()?,
    );
    if let Some(token) = &keys.token {
        headers.insert(
            HeaderName::from_static("x-amz-security-token"),
            super::ask::secret_value(token.expose_secret())?,
        );
    }
    let mut signed: Vec<(&str, String)> = Vec::new();
    for (name, value) in headers.iter() {
        let value = value.to_str().ok()?;
        let words: Vec<_> = value.split_whitespace().collect();
        signed.push((name.as_str(), words.join(" ")));
    }
    signed.push((HOST.as_str(), host(url)));
    signed.sort_unstable();
    let names = signed.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
    let lines: Vec<String> = signed
        .iter()
        .map(|(name, value)| format!("{name}:{value}\n"))
        .collect();
    let request = format!(
        "POST\n{}\n\n{}\n{names}\n{}",
        url.path().replace('%', "%25"),
        lines.concat(),
        Digest::of(body).hex()
    );

    let Scope { region, service } = scope;
    let day = &date[..8];
    let place = format!("{day}/{region}/{service}/aws4_request");
    let hash = Digest::of(request.as_bytes()).hex();
    let text = format!("{ALGORITHM}\n{date}\n{place}\n{hash}");
    let secret = format!("AWS4{}", keys.secret.expose_secret());
    let key = [day, region, service, "aws4_request"]
        .iter()
        .fold(secret.into_bytes(), |key, part| mac(&key, part));
    let signature = mac(&key, &text);
    let signature: String = signature.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    let value = format!(
        "{ALGORITHM} Credential={}/{place}, SignedHeaders={names}, Signature={signature}",
        keys.id
    );
    headers.insert(AUTHORIZATION, super::ask::secret_value(&value)?);
    Some(())
}

/// The `Host` that the client will send.
fn host(url: &Url) -> String {
    let name = url.host_str().unwrap_or_default();
    url.port()
        .map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"))
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let tag = hmac::sign(&Key::new(HMAC_SHA256, key), text.as_bytes());
    tag.as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone as _;
    use http::header::CONTENT_TYPE;

    use super::*;

    /// The keys, the moment and the place of AWS's published test suite (aws-sig-v4-test-suite).
    fn signature(
        headers: &[(HeaderName, &'static str)],
        body: &str,
        token: Option<&str>,
    ) -> (String, String) {
        let keys = Keys {
            id: "AKIDEXAMPLE".into(),
            secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".into(),
            token: token.map(Into::into),
            origin: String::new(),
        };
        let scope = Scope {
            region: "us-east-1",
            service: "service",
        };
        let mut all: HeaderMap = headers
            .iter()
            .map(|(name, value)| (name.clone(), HeaderValue::from_static(value)))
            .collect();
        let url = Url::parse("https://example.amazonaws.com/").unwrap();
        let now = Utc.with_ymd_and_hms(2015, 8, 30, 12, 36, 0).unwrap();
        sign(&url, &mut all, body.as_bytes(), &keys, &scope, now).unwrap();
        assert!(
            !format!("{all:?}").contains("Signature"),
            "it is marked as a secret"
        );
        let value = all[AUTHORIZATION].to_str().unwrap().to_owned();
        let (front, signature) = value.split_once(", Signature=").unwrap();
        (front.to_owned(), signature.to_owned())
    }

    #[test]
    fn published_requests_get_their_published_signatures() {
        let front =
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=";
        let (head, found) = signature(&[], "", None);
        assert_eq!(head, format!("{front}host;x-amz-date"));
        assert_eq!(
            found,
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"
        );

        let (head, found) = signature(
            &[(CONTENT_TYPE, "application/x-www-form-urlencoded")],
            "Param1=value1",
            None,
        );
        assert_eq!(head, format!("{front}content-type;host;x-amz-date"));
        assert_eq!(
            found,
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"
        );

        let (head, found) = signature(
            &[],
            "",
            Some(
                "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==",
            ),
        );
        assert_eq!(head, format!("{front}host;x-amz-date;x-amz-security-token"));
        assert_eq!(
            found,
            "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"
        );
    }
}

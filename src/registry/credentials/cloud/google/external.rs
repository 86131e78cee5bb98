//! Workload identity federation: a token of somebody else's (Kubernetes, GitHub, Azure …), from a file or a URL, is
//! exchanged for one of Google's (RFC 8693). Sources by AWS's signatures and by programs are not supported.

use std::path::Path;

use http::{HeaderName, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use url::{Host, Url};

use super::super::ask::{self, Ask};
use super::super::{CloudError, environment};
use super::file::Document;
use super::{SCOPE, Token};
use crate::net::{AddressGuard, Request, Zone, redact, zone};

const WAY: &str = "Google: workload identity federation";

/// Google's token for the file's identity.
pub(super) async fn token(file: &Document<'_>) -> Result<Token, CloudError> {
    let audience = file.needed(WAY, "audience")?;
    let kind = file.needed(WAY, "subject_token_type")?;
    let url = file.url(WAY, "token_url", Some("https://sts.googleapis.com/v1/token"))?;
    let subject = subject(file).await?;
    let ask = Ask::new(&file.clouds.net, WAY).hiding(&subject);
    let mut pairs = vec![
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        (
            "requested_token_type",
            "urn:ietf:params:oauth:token-type:access_token",
        ),
        ("audience", audience),
        ("scope", SCOPE),
        ("subject_token_type", kind),
        ("subject_token", subject.expose_secret()),
    ];
    let project = file
        .text("workforce_pool_user_project")
        .map(|project| json!({ "userProject": project }).to_string());
    if let Some(options) = &project {
        pairs.push(("options", options));
    }
    let advice = "; the pool's provider must trust the issuer, the audience and the subject of the token";
    file.grant(&ask, url, &pairs, advice).await
}

/// The foreign token.
async fn subject(file: &Document<'_>) -> Result<SecretString, CloudError> {
    let source = file
        .json
        .get("credential_source")
        .ok_or_else(|| file.wrong(WAY, "has no `credential_source`; make it anew"))?;
    if let Some(path) = ask::text(source, "/file") {
        let text = environment::read_named(WAY, Path::new(path), "credential_source.file").await?;
        return extract(file, source, &text);
    }
    let Some(text) = ask::text(source, "/url").filter(|_| source.get("environment_id").is_none()) else {
        return Err(file.wrong(
            WAY,
            "takes its token from AWS or from a program, which chartferry does not do; use a source of the kind `file` or `url`, or a credential helper",
        ));
    };
    let url = Url::parse(text)
        .ok()
        .filter(Url::has_host)
        .ok_or_else(|| file.wrong(WAY, "has a `credential_source.url` that is no URL; make it anew"))?;
    let ask = Ask::new(&file.clouds.net, WAY);
    let shown = redact(&url);
    let guard = guard(&url);
    let mut request = Request::get(url, guard);
    for (name, value) in source
        .get("headers")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        let header = name.parse::<HeaderName>().ok();
        let value = value.as_str().and_then(|value| HeaderValue::from_str(value).ok());
        let (Some(name), Some(mut value)) = (header, value) else {
            return Err(file.wrong(
                WAY,
                "has `credential_source.headers` that are no headers; make it anew",
            ));
        };
        value.set_sensitive(true);
        request = request.header(name, value);
    }
    let answer = ask.send(request).await?;
    if !answer.status.is_success() {
        return Err(ask.refused(&answer, ""));
    }
    let text = String::from_utf8_lossy(&answer.body);
    if text.trim().is_empty() {
        return Err(ask.lacks(&shown, "it is empty"));
    }
    extract(file, source, text.trim())
}

/// The user's file may name the metadata service of the cloud that we run in; it is asked as such.
fn guard(url: &Url) -> AddressGuard {
    let local = match url.host() {
        Some(Host::Ipv4(ip)) => zone(ip.into()) == Zone::Local,
        Some(Host::Ipv6(ip)) => zone(ip.into()) == Zone::Local,
        _ => false,
    };
    if local {
        AddressGuard::metadata(url)
    } else {
        AddressGuard::source(url)
    }
}

/// The token in what was read: all of it, or a field of JSON.
fn extract(file: &Document<'_>, source: &Value, text: &str) -> Result<SecretString, CloudError> {
    if ask::text(source, "/format/type") != Some("json") {
        return Ok(text.into());
    }
    let field = ask::text(source, "/format/subject_token_field_name")
        .ok_or_else(|| file.wrong(WAY, "has no `subject_token_field_name`; make it anew"))?;
    let json: Value = serde_json::from_str(text).unwrap_or_default();
    json.get(field)
        .and_then(Value::as_str)
        .filter(|token| !token.is_empty())
        .map(SecretString::from)
        .ok_or_else(|| {
            file.wrong(
                WAY,
                &format!(
                    "names the field `{}`, which the token's source does not have",
                    field.escape_debug()
                ),
            )
        })
}

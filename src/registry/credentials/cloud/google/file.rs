//! Files of credentials: keys of service accounts, logins of people, identities of elsewhere (workload identity
//! federation), and any of these in the clothes of a service account.

use std::path::Path;

use http::header::AUTHORIZATION;
use http::{HeaderValue, Method};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use url::Url;

use super::super::ask::{self, Ask};
use super::super::{CloudError, Clouds};
use super::jwt::{self, Claim};
use super::{LIFE, SCOPE, Token, external};
use crate::net::{AddressGuard, Request, redact};
use crate::payload::Payload;

/// Where tokens come from, unless the file says otherwise.
const TOKENS: &str = "https://oauth2.googleapis.com/token";

/// One file.
pub(super) struct Document<'a> {
    pub(super) clouds: &'a Clouds,
    pub(super) path: &'a Path,
    pub(super) json: &'a Value,
}

/// The token of whoever the file is about.
pub(super) async fn token(clouds: &Clouds, path: &Path, text: &str) -> Result<Token, CloudError> {
    let json: Value = serde_json::from_str(text).map_err(|_| CloudError::File {
        way: "Google: credentials".to_owned(),
        path: path.to_owned(),
        what: "is no JSON; give a file of credentials as Google makes them".to_owned(),
    })?;
    let file = Document {
        clouds,
        path,
        json: &json,
    };
    if file.text("type") != Some("impersonated_service_account") {
        return plain(&file, &json).await;
    }
    let inner = file
        .json
        .get("source_credentials")
        .ok_or_else(|| file.wrong("Google: credentials", "has no `source_credentials`; make it anew"))?;
    let token = plain(&file, inner).await?;
    impersonate(&file, token).await
}

async fn plain(file: &Document<'_>, json: &Value) -> Result<Token, CloudError> {
    let file = Document { json, ..*file };
    match file.text("type") {
        Some("service_account") => service_account(&file).await,
        Some("authorized_user") => authorized_user(&file).await,
        Some("external_account") => {
            let token = external::token(&file).await?;
            impersonate(&file, token).await
        }
        kind => Err(file.wrong(
            "Google: credentials",
            &format!(
                "is of the type `{}`, which chartferry does not use; give one of `service_account`, `external_account` or `authorized_user`",
                kind.unwrap_or_default().escape_debug()
            ),
        )),
    }
}

impl Document<'_> {
    /// A field that is there and not empty.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.json.get(key)?.as_str().filter(|text| !text.is_empty())
    }

    /// A field that must be there.
    pub(super) fn needed(&self, way: &str, key: &str) -> Result<&str, CloudError> {
        self.text(key)
            .ok_or_else(|| self.wrong(way, &format!("has no `{key}`; make it anew")))
    }

    /// A field that is a URL; `usual` where it is absent.
    pub(super) fn url(&self, way: &str, key: &str, usual: Option<&str>) -> Result<Url, CloudError> {
        let text = match (self.text(key), usual) {
            (None, Some(usual)) => usual,
            _ => self.needed(way, key)?,
        };
        Url::parse(text)
            .ok()
            .filter(Url::has_host)
            .ok_or_else(|| self.wrong(way, &format!("has a `{key}` that is no URL; make it anew")))
    }

    pub(super) fn wrong(&self, way: &str, what: &str) -> CloudError {
        CloudError::File {
            way: way.to_owned(),
            path: self.path.to_owned(),
            what: what.to_owned(),
        }
    }

    /// Asks a token service by a form.
    pub(super) async fn grant(
        &self,
        ask: &Ask<'_>,
        url: Url,
        pairs: &[(&str, &str)],
        advice: &str,
    ) -> Result<Token, CloudError> {
        let (shown, guard) = (redact(&url), AddressGuard::source(&url));
        let json = ask.json(ask::form(url, guard, pairs), advice).await?;
        Token::read(&json, ask.way).ok_or_else(|| ask.lacks(&shown, "it holds no access token"))
    }
}

async fn service_account(file: &Document<'_>) -> Result<Token, CloudError> {
    let account = file.needed("Google: service account", "client_email")?;
    let way = format!("Google: service account `{}`", account.escape_debug());
    let key = file.needed(&way, "private_key")?;
    let url = file.url(&way, "token_uri", Some(TOKENS))?;
    let claim = Claim {
        account,
        key_id: file.text("private_key_id"),
        audience: url.as_str(),
    };
    let signed = jwt::sign(&claim, key, chrono::Utc::now().timestamp())
        .map_err(|why| file.wrong(&way, &format!("cannot be used: {why}; make a new key")))?;
    let ask = Ask::new(&file.clouds.net, &way).hiding(&signed);
    let pairs = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
        ("assertion", signed.expose_secret()),
    ];
    let advice = "; the key may have been deleted, and the clock of this machine must be right";
    file.grant(&ask, url.clone(), &pairs, advice).await
}

async fn authorized_user(file: &Document<'_>) -> Result<Token, CloudError> {
    let way = format!("Google: login in `{}`", file.path.display());
    let secret = SecretString::from(file.needed(&way, "client_secret")?);
    let refresh = SecretString::from(file.needed(&way, "refresh_token")?);
    let ask = Ask::new(&file.clouds.net, &way).hiding(&secret).hiding(&refresh);
    let pairs = [
        ("grant_type", "refresh_token"),
        ("client_id", file.needed(&way, "client_id")?),
        ("client_secret", secret.expose_secret()),
        ("refresh_token", refresh.expose_secret()),
    ];
    let url = file.url(&way, "token_uri", Some(TOKENS))?;
    let advice = "; `gcloud auth application-default login` renews it, and `cloud = \"off\"` leaves it out";
    file.grant(&ask, url, &pairs, advice).await
}

/// The token of the service account that the file names, had by another token; that token if it names none.
async fn impersonate(file: &Document<'_>, token: Token) -> Result<Token, CloudError> {
    const KEY: &str = "service_account_impersonation_url";
    if file.text(KEY).is_none() {
        return Ok(token);
    }
    let way = format!("{} as a service account", token.origin);
    let url = file.url(&way, KEY, None)?;
    let (shown, guard) = (redact(&url), AddressGuard::source(&url));
    let ask = Ask::new(&file.clouds.net, &way).hiding(&token.text);
    let value = ask::secret_value(&format!("Bearer {}", token.text.expose_secret()))
        .ok_or_else(|| ask.lacks(&shown, "the token is no header"))?;
    let seconds = file
        .json
        .pointer("/service_account_impersonation/token_lifetime_seconds")
        .and_then(Value::as_u64)
        .unwrap_or(3600);
    let body = json!({ "scope": [SCOPE], "lifetime": format!("{seconds}s") }).to_string();
    let request = Request::new(Method::POST, url, guard)
        .header(AUTHORIZATION, value)
        .header(
            http::header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        )
        .body(Payload::from(body.into_bytes()));
    let advice = "; the identity needs the role `roles/iam.workloadIdentityUser` (or `serviceAccountTokenCreator`) on the service account";
    let json = ask.json(request, advice).await?;
    let found =
        ask::text(&json, "/accessToken").ok_or_else(|| ask.lacks(&shown, "it holds no access token"))?;
    let life = ask::text(&json, "/expireTime")
        .and_then(|end| chrono::DateTime::parse_from_rfc3339(end).ok())
        .and_then(|end| (end.to_utc() - chrono::Utc::now()).to_std().ok())
        .unwrap_or(LIFE);
    Ok(Token {
        text: found.into(),
        life,
        origin: way,
    })
}

//! Access tokens: one fetch for each scope however many need it at once, renewed before they expire.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tokio::time::Instant;
use url::Url;

use super::RegistryError;
use super::credential::{Credential, basic_header, bearer_header};
use super::problems::Problems;
use crate::net::{AddressGuard, Net, Redirects, Request, Response, Tries, is_transient};
use crate::payload::Payload;
use crate::types::Class;

/// What no `expires_in` means (registries rule 3).
const DEFAULT_LIFE: Duration = Duration::from_secs(60);

/// A token is renewed this long before its end, or at half its life, whichever is sooner.
const EARLY: Duration = Duration::from_secs(30);

/// How long an old token that still works is used when the token service does not answer.
const GRACE: Duration = Duration::from_secs(5);

/// The largest answer of a token service (reliability 4.3).
const LARGEST: u64 = 1 << 20;

/// Where tokens come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Service {
    /// The checked realm.
    pub(super) realm: Url,
    pub(super) service: Option<String>,
}

struct Token {
    header: HeaderValue,
    renew: Instant,
    expires: Instant,
}

type Slot = Arc<tokio::sync::Mutex<Option<Token>>>;

/// The tokens of one registry.
pub(super) struct Tokens {
    net: Net,
    host: String,
    guard: AddressGuard,
    slots: Mutex<HashMap<String, Slot>>,
    /// What the service said to a credential that it does not know. It is not shown again for every repository of a
    /// run: that locks accounts.
    denied: Mutex<Option<(Credential, String)>>,
}

impl Tokens {
    pub(super) fn new(net: Net, host: String, guard: AddressGuard) -> Self {
        Self {
            net,
            host,
            guard,
            slots: Mutex::default(),
            denied: Mutex::default(),
        }
    }

    fn slot(&self, scope: &str) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(scope.to_owned()).or_default())
    }

    /// The `Authorization` for `scope`. Whoever comes while it is fetched waits for that fetch.
    pub(super) async fn get(
        &self,
        service: &Service,
        scope: &str,
        credential: &Credential,
    ) -> Result<HeaderValue, RegistryError> {
        let slot = self.slot(scope);
        let mut held = slot.lock().await;
        let now = Instant::now();
        if let Some(token) = held.as_ref().filter(|token| now < token.renew) {
            return Ok(token.header.clone());
        }
        match self.fetch(service, scope, credential).await {
            Ok(token) => {
                let header = token.header.clone();
                *held = Some(token);
                Ok(header)
            }
            Err(error) => match held.as_mut().filter(|token| Instant::now() < token.expires) {
                Some(old) if error.class().is_transient() => {
                    old.renew = Instant::now() + GRACE;
                    Ok(old.header.clone())
                }
                _ => Err(error),
            },
        }
    }

    /// Forgets the token of `scope` if it still is the one that was refused.
    pub(super) async fn forget(&self, scope: &str, refused: &HeaderValue) {
        let slot = self.slot(scope);
        let mut held = slot.lock().await;
        if held.as_ref().is_some_and(|token| token.header == *refused) {
            *held = None;
        }
    }

    async fn fetch(
        &self,
        service: &Service,
        scope: &str,
        credential: &Credential,
    ) -> Result<Token, RegistryError> {
        if let Some(why) = self.denial(credential) {
            let (advice, class) = self.advise(StatusCode::UNAUTHORIZED, true);
            return Err(self.failed(service, scope, why, advice, class));
        }
        let mut tries = self.net.tries();
        loop {
            match self.fetch_once(service, scope, credential, &mut tries).await {
                Err(RegistryError::Net(error)) if error.class().is_transient() => {
                    if !tries.again().await {
                        // Whose connection it was matters more than how it ended: no login, no target.
                        let why = error.to_string();
                        return Err(self.failed(service, scope, why, String::new(), Class::Retry));
                    }
                }
                outcome => return outcome,
            }
        }
    }

    async fn fetch_once(
        &self,
        service: &Service,
        scope: &str,
        credential: &Credential,
        tries: &mut Tries,
    ) -> Result<Token, RegistryError> {
        if let Credential::Identity { token } = credential {
            let response = self.post(service, scope, token, tries).await?;
            // Services without the OAuth2 form say so in four ways (registries rule 2).
            if !matches!(response.status().as_u16(), 400 | 401 | 404 | 405) {
                return self.read(service, scope, response, credential).await;
            }
            response.discard().await;
        }
        let response = self.get_form(service, scope, credential, tries).await?;
        self.read(service, scope, response, credential).await
    }

    fn denial(&self, credential: &Credential) -> Option<String> {
        let denied = self.denied.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, why) = denied.as_ref().filter(|(known, _)| known == credential)?;
        Some(why.clone())
    }

    fn failed(
        &self,
        service: &Service,
        scope: &str,
        why: String,
        advice: String,
        class: Class,
    ) -> RegistryError {
        RegistryError::Token {
            host: self.host.clone(),
            realm: super::realm::shown(&service.realm),
            scope: scope.to_owned(),
            why,
            advice,
            class,
        }
    }

    async fn get_form(
        &self,
        service: &Service,
        scope: &str,
        credential: &Credential,
        tries: &mut Tries,
    ) -> Result<Response, RegistryError> {
        let mut url = service.realm.clone();
        {
            let mut query = url.query_pairs_mut();
            if let Some(name) = &service.service {
                query.append_pair("service", name);
            }
            if !scope.is_empty() {
                query.append_pair("scope", scope);
            }
        }
        let header = match credential {
            Credential::Basic { username, password } => basic_header(username, password),
            // The user name that Docker gives to refresh tokens.
            Credential::Identity { token } => basic_header("<token>", token),
            Credential::Anonymous | Credential::Bearer { .. } => None,
        };
        let mut request = Request::get(url, self.guard.clone()).redirects(Redirects::Return);
        if let Some(header) = header {
            request = request.authorization(header);
        }
        Ok(self.net.send_within(request, tries).await?)
    }

    async fn post(
        &self,
        service: &Service,
        scope: &str,
        token: &SecretString,
        tries: &mut Tries,
    ) -> Result<Response, RegistryError> {
        let body = Payload::from(form(service, scope, token).into_bytes());
        let request = Request::new(Method::POST, service.realm.clone(), self.guard.clone())
            .redirects(Redirects::Return)
            .header(
                CONTENT_TYPE,
                HeaderValue::from_static("application/x-www-form-urlencoded"),
            )
            .body(body);
        Ok(self.net.send_within(request, tries).await?)
    }

    async fn read(
        &self,
        service: &Service,
        scope: &str,
        response: Response,
        credential: &Credential,
    ) -> Result<Token, RegistryError> {
        let began = Instant::now();
        let status = response.status();
        let fail = |why: String, advice: String, class| self.failed(service, scope, why, advice, class);
        if status.is_redirection() {
            let why = format!("it redirects ({status}), and credentials do not follow redirects");
            return Err(fail(why, String::new(), Class::Refused));
        }
        if !status.is_success() {
            let problems = Problems::parse(&response.text_lossy(64 << 10).await).to_string();
            let colon = if problems.is_empty() { "" } else { ": " };
            let why = format!("{status}{colon}{problems}");
            let logged_in = *credential != Credential::Anonymous;
            if logged_in && status == StatusCode::UNAUTHORIZED {
                let mut denied = self.denied.lock().unwrap_or_else(PoisonError::into_inner);
                *denied = Some((credential.clone(), why.clone()));
            }
            let (advice, class) = self.advise(status, logged_in);
            return Err(fail(why, advice, class));
        }
        let body = response.bytes(LARGEST).await?;
        parse(&body, began).map_err(|why| fail(why.to_owned(), String::new(), Class::Auth))
    }

    fn advise(&self, status: StatusCode, logged_in: bool) -> (String, Class) {
        let host = &self.host;
        match status.as_u16() {
            _ if is_transient(status) => (String::new(), Class::Retry),
            401 | 403 if !logged_in => (
                format!("; there are no credentials for `{host}`: `helm registry login {host}` stores them"),
                Class::Auth,
            ),
            _ => (
                format!("; user or password may be wrong: `helm registry login {host}` stores other ones"),
                Class::Auth,
            ),
        }
    }
}

/// The OAuth2 form for a refresh token.
fn form(service: &Service, scope: &str, token: &SecretString) -> String {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", "refresh_token");
    form.append_pair("client_id", "chartferry");
    if let Some(name) = &service.service {
        form.append_pair("service", name);
    }
    if !scope.is_empty() {
        form.append_pair("scope", scope);
    }
    form.append_pair("refresh_token", token.expose_secret().trim());
    form.finish()
}

/// The token in an answer. It is opaque: nothing is read out of it.
fn parse(body: &[u8], began: Instant) -> Result<Token, &'static str> {
    let json: Value = serde_json::from_slice(body).map_err(|_| "its answer is not JSON")?;
    let text = |key: &str| {
        json.get(key)
            .and_then(Value::as_str)
            .filter(|text| !text.trim().is_empty())
    };
    let token = text("token")
        .or_else(|| text("access_token"))
        .ok_or("its answer holds no token")?;
    let header = bearer_header(&token.into()).ok_or("its token has characters that no header may have")?;
    let life = match json.get("expires_in") {
        Some(Value::Number(number)) => number.as_f64(),
        Some(Value::String(text)) => text.parse().ok(),
        _ => None,
    };
    let life = life
        .filter(|seconds| *seconds >= 1.0)
        .and_then(|seconds| Duration::try_from_secs_f64(seconds.min(86_400.0)).ok())
        .unwrap_or(DEFAULT_LIFE);
    let renew = began + half_or_early(life);
    Ok(Token {
        header,
        renew,
        expires: began + life,
    })
}

/// Half the life, or [`EARLY`] before its end, whichever is sooner.
fn half_or_early(life: Duration) -> Duration {
    match life.checked_sub(EARLY) {
        Some(early) if !early.is_zero() => early.min(life / 2),
        _ => life / 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_real_services() {
        let now = Instant::now();
        for (body, header, life) in [
            (r#"{"token":"a"}"#, "Bearer a", 60),
            (r#"{"access_token":"b","expires_in":300}"#, "Bearer b", 300),
            (
                r#"{"token":"","access_token":"c","expires_in":"120"}"#,
                "Bearer c",
                120,
            ),
            (r#"{"token":"d","expires_in":0}"#, "Bearer d", 60),
            (r#"{"token":"d","expires_in":-5}"#, "Bearer d", 60),
            (r#"{"token":"d","expires_in":1e99}"#, "Bearer d", 86_400),
        ] {
            let token = parse(body.as_bytes(), now).unwrap();
            assert_eq!(token.header, header);
            assert_eq!((token.expires - now).as_secs(), life, "{body}");
            assert!(token.renew <= now + Duration::from_secs(life) / 2, "{body}");
        }
        for body in [
            "",
            "null",
            "[]",
            "{}",
            r#"{"token":5}"#,
            "<html>",
            r#"{"token":"a\nb"}"#,
        ] {
            assert!(parse(body.as_bytes(), now).is_err(), "{body}");
        }
    }
}

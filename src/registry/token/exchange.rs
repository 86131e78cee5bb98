//! One conversation with the token service: GET with user and password, POST with a refresh token (registries rule 2).

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::Instant;

use super::answer::{self, Token};
use super::{Service, Tokens, Verdict};
use crate::net::{Redirects, Request, Response, Tries};
use crate::payload::Payload;
use crate::registry::RegistryError;
use crate::registry::credential::{Credential, basic_header};
use crate::registry::problems::Problems;
use crate::types::Class;

/// The largest answer of a token service (reliability 4.3).
const LARGEST: u64 = 1 << 20;

impl Tokens {
    pub(super) async fn fetch_once(
        &self,
        service: &Service,
        scope: &str,
        credential: &Credential,
        tries: &mut Tries,
    ) -> Result<Token, RegistryError> {
        if let Credential::Identity { token } = credential
            && let Some(token) = self.exchange(service, scope, (credential, token), tries).await?
        {
            return Ok(token);
        }
        let response = self.get_form(service, scope, credential, tries).await?;
        let (token, _) = self.read(service, scope, response, credential).await?;
        Ok(token)
    }

    /// Exchanges a refresh token by POST; `None` from services that have no such form. An answer may hold a new
    /// refresh token, and the old one may have worked for the last time: then one goes after the other.
    async fn exchange(
        &self,
        service: &Service,
        scope: &str,
        (credential, stored): (&Credential, &SecretString),
        tries: &mut Tries,
    ) -> Result<Option<Token>, RegistryError> {
        let mut replaced = Some(self.replaced.lock().await);
        let newest = match replaced.as_deref() {
            Some(Some((of, newest))) if of == credential => Some(newest.clone()),
            _ => None,
        };
        if newest.is_none() {
            replaced = None;
        }
        for refresh in newest.as_ref().into_iter().chain([stored]) {
            let response = self.post(service, scope, refresh, tries).await?;
            // Services without the OAuth2 form say so in four ways.
            if !matches!(response.status().as_u16(), 400 | 401 | 404 | 405) {
                let (token, next) = self.read(service, scope, response, credential).await?;
                if let Some(next) = next.filter(|next| next.expose_secret() != refresh.expose_secret()) {
                    let mut replaced = match replaced {
                        Some(held) => held,
                        None => self.replaced.lock().await,
                    };
                    *replaced = Some((credential.clone(), next));
                }
                return Ok(Some(token));
            }
            response.discard().await;
            if let Some(newest) = replaced.as_deref_mut() {
                *newest = None;
            }
        }
        Ok(None)
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

    /// The token of an answer, and the refresh token if there is one.
    async fn read(
        &self,
        service: &Service,
        scope: &str,
        response: Response,
        credential: &Credential,
    ) -> Result<(Token, Option<SecretString>), RegistryError> {
        let began = Instant::now();
        let status = response.status();
        let fail = |why: String, verdict| self.failed(service, scope, why, verdict);
        if status.is_redirection() {
            let why = format!("it redirects ({status}), and credentials do not follow redirects");
            return Err(fail(why, Verdict::hopeless(Class::Refused)));
        }
        if !status.is_success() {
            let problems = Problems::parse(&response.text_lossy(64 << 10).await).to_string();
            let colon = if problems.is_empty() { "" } else { ": " };
            let why = format!("{status}{colon}{problems}");
            let logged_in = *credential != Credential::Anonymous;
            if logged_in && status == StatusCode::UNAUTHORIZED {
                self.deny(credential, &why);
            }
            return Err(fail(why, self.advise(status, logged_in)));
        }
        let body = response.bytes(LARGEST).await?;
        answer::parse(&body, began).map_err(|why| fail(why.to_owned(), Verdict::hopeless(Class::Auth)))
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

//! Access tokens: one fetch for each scope however many need it at once, renewed before they expire.
//!
//! Their age is measured by the monotonic clock alone, so a clock that is set forward or back during a run ends no
//! token and starts no storm of requests (reliability F19).

mod answer;
mod exchange;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{HeaderValue, StatusCode};
use secrecy::SecretString;
use tokio::time::Instant;
use url::Url;

use super::RegistryError;
use super::credential::{Credential, Given};
use super::error::other_login;
use crate::net::{AddressGuard, Net, is_transient};
use crate::types::Class;
pub(super) use answer::Token;

/// How long an old token that still works is used when the token service does not answer.
const GRACE: Duration = Duration::from_secs(5);

/// Where tokens come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Service {
    /// The checked realm.
    pub(super) realm: Url,
    pub(super) service: Option<String>,
}

type Slot = Arc<tokio::sync::Mutex<Option<Token>>>;

/// The tokens of one registry.
pub(super) struct Tokens {
    net: Net,
    host: String,
    guard: AddressGuard,
    /// How the credential was given, for advice.
    given: Option<Given>,
    slots: Mutex<HashMap<String, Slot>>,
    /// What the service said to credentials that it does not know. They are not shown again for every repository of a
    /// run: that locks accounts.
    denied: Mutex<Vec<(Credential, String)>>,
    /// Held by the first who shows the credential: the others wait for what the service says to it.
    first: tokio::sync::Mutex<()>,
    /// The service has answered to it, or not at all: then waiting for each other only takes time.
    shown: AtomicBool,
    /// The refresh token that the service gave in exchange for the stored one. Kept for this run only: the store
    /// belongs to the user.
    replaced: tokio::sync::Mutex<Option<(Credential, SecretString)>>,
}

impl Tokens {
    pub(super) fn new(net: Net, host: String, guard: AddressGuard, given: Option<Given>) -> Self {
        Self {
            net,
            host,
            guard,
            given,
            slots: Mutex::default(),
            denied: Mutex::default(),
            first: tokio::sync::Mutex::default(),
            shown: AtomicBool::new(false),
            replaced: tokio::sync::Mutex::default(),
        }
    }

    fn slot(&self, scope: &str) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(scope.to_owned()).or_default())
    }

    /// The `Authorization` for `scope`: the one at hand, else what `fetch` brings. Whoever comes while it is fetched
    /// waits for that fetch.
    pub(super) async fn get(
        &self,
        scope: &str,
        fetch: impl Future<Output = Result<Token, RegistryError>>,
    ) -> Result<HeaderValue, RegistryError> {
        let slot = self.slot(scope);
        let mut held = slot.lock().await;
        if let Some(header) = held.as_ref().and_then(Token::fresh) {
            return Ok(header);
        }
        match fetch.await {
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

    /// Asks the token service.
    pub(super) async fn fetch(
        &self,
        service: &Service,
        scope: &str,
        credential: &Credential,
    ) -> Result<Token, RegistryError> {
        let mut alone = None;
        if !self.shown.load(Ordering::Acquire) {
            alone = Some(self.first.lock().await).filter(|_| !self.shown.load(Ordering::Acquire));
        }
        let fetched = self.fetch_now(service, scope, credential).await;
        self.shown.store(true, Ordering::Release);
        drop(alone);
        fetched
    }

    async fn fetch_now(
        &self,
        service: &Service,
        scope: &str,
        credential: &Credential,
    ) -> Result<Token, RegistryError> {
        if let Some(why) = self.denial(credential) {
            return Err(self.failed(service, scope, why, self.advise(StatusCode::UNAUTHORIZED, true)));
        }
        let mut tries = self.net.tries();
        loop {
            match self.fetch_once(service, scope, credential, &mut tries).await {
                Err(RegistryError::Net(error)) => {
                    if !error.class().is_transient() || !tries.again().await {
                        // Whose connection it was matters more than how it ended: no login, no target.
                        let verdict = Verdict::hopeless(error.class());
                        return Err(self.failed(service, scope, error.to_string(), verdict));
                    }
                }
                outcome => return outcome,
            }
        }
    }

    fn denial(&self, credential: &Credential) -> Option<String> {
        let denied = self.denied.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, why) = denied.iter().find(|(known, _)| known == credential)?;
        Some(why.clone())
    }

    fn deny(&self, credential: &Credential, why: &str) {
        let mut denied = self.denied.lock().unwrap_or_else(PoisonError::into_inner);
        denied.push((credential.clone(), why.to_owned()));
    }

    fn failed(&self, service: &Service, scope: &str, why: String, verdict: Verdict) -> RegistryError {
        RegistryError::Token {
            host: self.host.clone(),
            realm: super::realm::shown(&service.realm),
            scope: scope.to_owned(),
            why,
            advice: verdict.advice,
            class: verdict.class,
            login: verdict.login,
        }
    }

    fn advise(&self, status: StatusCode, logged_in: bool) -> Verdict {
        let host = &self.host;
        let advice = match status.as_u16() {
            _ if is_transient(status) => return Verdict::hopeless(Class::Retry),
            401 | 403 if !logged_in => {
                format!("; there are no credentials for `{host}`: `chartferry login {host}` stores them")
            }
            _ => format!(
                "; user or password may be wrong: {}",
                other_login(host, self.given)
            ),
        };
        Verdict {
            advice,
            class: Class::Auth,
            // A 403 may be about the scope: GitLab and GHCR refuse single repositories so.
            login: status != StatusCode::FORBIDDEN,
        }
    }
}

/// What an answer without a token means.
struct Verdict {
    advice: String,
    class: Class,
    login: bool,
}

impl Verdict {
    /// No scope will get a token (reliability F18).
    fn hopeless(class: Class) -> Self {
        Self {
            advice: String::new(),
            class,
            login: true,
        }
    }
}

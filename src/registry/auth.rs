//! How requests to one registry are authorised: what the registry asks for, and what we have.

use std::sync::{Arc, Mutex, PoisonError};

use http::HeaderValue;
use url::Url;

use super::RegistryError;
use super::challenge::Challenge;
use super::credential::{Credential, Credentials, basic_header, bearer_header};
use super::greeting::LoginMethod;
use super::realm;
use super::token::{Service, Tokens};
use crate::net::{AddressGuard, Net, redact};
use crate::types::RegistryHost;

/// What the registry asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Mode {
    /// Nothing so far.
    Open,
    Basic,
    Bearer(Service),
}

/// The login of one registry.
pub(super) struct Auth {
    host: RegistryHost,
    base: Url,
    net: Net,
    credentials: Arc<dyn Credentials>,
    trusted_realms: Vec<String>,
    mode: Mutex<Mode>,
    credential: tokio::sync::Mutex<Option<Credential>>,
    tokens: Tokens,
}

impl Auth {
    pub(super) fn new(
        net: Net,
        host: RegistryHost,
        base: Url,
        guard: AddressGuard,
        credentials: Arc<dyn Credentials>,
        trusted_realms: Vec<String>,
    ) -> Self {
        let tokens = Tokens::new(net.clone(), host.to_string(), guard);
        Self {
            host,
            base,
            net,
            credentials,
            trusted_realms,
            mode: Mutex::new(Mode::Open),
            credential: tokio::sync::Mutex::new(None),
            tokens,
        }
    }

    fn mode(&self) -> Mode {
        self.mode.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_mode(&self, mode: Mode) {
        *self.mode.lock().unwrap_or_else(PoisonError::into_inner) = mode;
    }

    /// The credential, asked for once.
    async fn credential(&self) -> Result<Credential, RegistryError> {
        let mut held = self.credential.lock().await;
        if let Some(known) = held.as_ref() {
            return Ok(known.clone());
        }
        let fresh = self.credentials.get(self.host.as_str()).await?;
        *held = Some(fresh.clone());
        Ok(fresh)
    }

    /// Asks again for the credential: those of the cloud rotate. True if it is another one than `refused`.
    async fn renew_credential(&self, refused: &Credential) -> Result<bool, RegistryError> {
        let mut held = self.credential.lock().await;
        if held.as_ref().is_some_and(|known| known != refused) {
            return Ok(true);
        }
        let fresh = self.credentials.get(self.host.as_str()).await?;
        let changed = fresh != *refused;
        *held = Some(fresh);
        Ok(changed)
    }

    /// True if there is anything to log in with.
    pub(super) async fn has_credential(&self) -> bool {
        !matches!(self.credential().await, Ok(Credential::Anonymous) | Err(_))
    }

    /// The `Authorization` for `scope`, if the registry asked for any.
    pub(super) async fn header(&self, scope: &str) -> Result<Option<HeaderValue>, RegistryError> {
        let mode = self.mode();
        if mode == Mode::Open {
            return Ok(None);
        }
        let credential = self.credential().await?;
        match (&mode, &credential) {
            (_, Credential::Bearer { token }) => match bearer_header(token) {
                Some(header) => Ok(Some(header)),
                None => Err(self.failed("the stored token has characters that no header may have")),
            },
            (Mode::Bearer(service), _) => {
                // Again, since the credential may be another one than when the challenge came.
                self.check_realm(service.realm.as_str(), &credential)?;
                self.tokens.get(service, scope, &credential).await.map(Some)
            }
            (Mode::Basic, Credential::Basic { username, password }) => Ok(basic_header(username, password)),
            (Mode::Basic, Credential::Identity { .. }) => {
                Err(self
                    .failed("the store holds an identity token, and the registry wants user and password"))
            }
            _ => Ok(None),
        }
    }

    /// The `Authorization` to try a login with that needs no token service; `None` where there is one.
    pub(super) async fn plain_login(&self) -> Result<Option<HeaderValue>, RegistryError> {
        if self.mode() != Mode::Basic {
            return Ok(None);
        }
        match self.header("").await? {
            Some(header) => Ok(Some(header)),
            None => Err(self.failed("it asks for user and password, and there are no credentials for it")),
        }
    }

    pub(super) fn failed(&self, why: &str) -> RegistryError {
        RegistryError::Login {
            host: self.host.to_string(),
            why: why.to_owned(),
        }
    }

    /// Takes what the first answer of the registry asks for. False if there is nothing that we understand.
    pub(super) async fn accept(&self, challenges: &[Challenge]) -> Result<bool, RegistryError> {
        let Some(mode) = self.choose(challenges).await? else {
            return Ok(false);
        };
        self.set_mode(mode);
        Ok(true)
    }

    /// After a 401 to a request with `used`: reads the challenge again (registries rule 4) and tells whether a second
    /// try has a chance.
    pub(super) async fn refused(
        &self,
        challenges: &[Challenge],
        scope: &str,
        used: Option<&HeaderValue>,
    ) -> Result<bool, RegistryError> {
        let before = self.mode();
        if let (Mode::Bearer(_), Some(used)) = (&before, used) {
            self.tokens.forget(scope, used).await;
        }
        let after = self.choose(challenges).await?.unwrap_or(before);
        self.set_mode(after.clone());
        let credential = self.credential().await?;
        let known = match (&after, &credential) {
            (Mode::Open, _) | (Mode::Basic, Credential::Anonymous) => return Ok(false),
            (_, Credential::Bearer { token }) => bearer_header(token),
            (Mode::Basic, Credential::Basic { username, password }) => basic_header(username, password),
            // A new token, or an error that says what is missing.
            _ => return Ok(true),
        };
        // Somebody else may have been here in the meantime.
        Ok(known.as_ref() != used || self.renew_credential(&credential).await?)
    }

    /// After ECR's 403 "authorization token has expired" to a request with `used`: the password itself ran out.
    pub(super) async fn expired(&self, used: Option<&HeaderValue>) -> Result<bool, RegistryError> {
        let credential = self.credential().await?;
        let known = match &credential {
            Credential::Basic { username, password } => basic_header(username, password),
            _ => return Ok(false),
        };
        Ok(known.as_ref() != used || self.renew_credential(&credential).await?)
    }

    /// Bearer before Basic: a token reveals less. But Basic where only that is offered and we have it: Harbor answers
    /// a stale token so.
    async fn choose(&self, challenges: &[Challenge]) -> Result<Option<Mode>, RegistryError> {
        let credential = self.credential().await?;
        let bearer = challenges.iter().find_map(|challenge| match challenge {
            Challenge::Bearer { realm, service, .. } => Some((realm, service)),
            Challenge::Basic => None,
        });
        if let Some((realm, service)) = bearer {
            let realm = self.check_realm(realm, &credential)?;
            return Ok(Some(Mode::Bearer(Service {
                realm,
                service: service.clone(),
            })));
        }
        let basic = challenges.contains(&Challenge::Basic);
        if basic && credential == Credential::Anonymous && matches!(self.mode(), Mode::Bearer(_)) {
            return Ok(None);
        }
        Ok(basic.then_some(Mode::Basic))
    }

    fn check_realm(&self, realm: &str, credential: &Credential) -> Result<Url, RegistryError> {
        let secret = *credential != Credential::Anonymous;
        realm::check(&self.base, realm, secret, |url| self.trusts(url))
    }

    /// What the registry asked for, for people.
    pub(super) fn method(&self) -> LoginMethod {
        match self.mode() {
            Mode::Open => LoginMethod::None,
            Mode::Basic => LoginMethod::Basic,
            Mode::Bearer(Service { realm, .. }) => LoginMethod::Token {
                service: redact(&realm),
                other_host: realm.host() != self.base.host(),
                by_setting: self.trusts(&realm),
            },
        }
    }

    fn trusts(&self, realm: &Url) -> bool {
        let own = self
            .net
            .host(&self.base)
            .map(|options| options.trusted_realms.as_slice());
        let listed = self.trusted_realms.iter().chain(own.unwrap_or_default());
        listed.into_iter().any(|name| crate::net::names(name, realm))
    }
}

//! How requests to one registry are authorised: what the registry asks for, and what we have.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use http::HeaderValue;
use secrecy::SecretString;
use tokio::time::Instant;
use url::Url;

use super::RegistryError;
use super::challenge::Challenge;
use super::credential::{Credential, Credentials, Given, Wanted, basic_header, bearer_header};
use super::error::other_login;
use super::greeting::LoginMethod;
use super::realm;
use super::scope::Scope;
use super::token::{Service, Token, Tokens};
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

/// A credential that was asked for.
struct Held {
    credential: Credential,
    /// From when on it is asked for again although nobody refused it.
    renewal: Option<Instant>,
}

impl Held {
    fn is_due(&self) -> bool {
        self.renewal.is_some_and(|at| at <= Instant::now())
    }
}

/// The credential of one repository.
type Slot = Arc<tokio::sync::Mutex<Option<Held>>>;

/// The login of one registry.
pub(super) struct Auth {
    host: RegistryHost,
    base: Url,
    net: Net,
    credentials: Arc<dyn Credentials>,
    trusted_realms: Vec<String>,
    mode: Mutex<Mode>,
    /// By repository, since Podman's store has logins by namespace; the registry's own is under the empty name.
    slots: Mutex<HashMap<String, Slot>>,
    tokens: Tokens,
    given: Option<Given>,
    /// Named by an index and only read: a cloud that fails is no reason not to look.
    for_index: bool,
    /// That it was done without a login is said once.
    warned: AtomicBool,
}

impl Auth {
    pub(super) fn new(
        net: Net,
        host: RegistryHost,
        base: Url,
        guard: AddressGuard,
        credentials: Arc<dyn Credentials>,
        trusted_realms: Vec<String>,
        for_index: bool,
    ) -> Self {
        let given = credentials.given(host.as_str());
        let tokens = Tokens::new(net.clone(), host.to_string(), guard, given);
        Self {
            host,
            base,
            net,
            credentials,
            trusted_realms,
            mode: Mutex::new(Mode::Open),
            slots: Mutex::default(),
            tokens,
            given,
            for_index,
            warned: AtomicBool::new(false),
        }
    }

    fn mode(&self) -> Mode {
        self.mode.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_mode(&self, mode: Mode) {
        *self.mode.lock().unwrap_or_else(PoisonError::into_inner) = mode;
    }

    fn slot(&self, scope: Option<&Scope>) -> Slot {
        let name = scope.map_or("", |scope| scope.repository.as_str());
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(name.to_owned()).or_default())
    }

    async fn ask(&self, scope: Option<&Scope>, refused: Option<&Credential>) -> Result<Held, RegistryError> {
        let wanted = Wanted {
            host: self.host.as_str(),
            repository: scope.map(|scope| scope.repository.as_str()),
            refused,
        };
        let credential = match self.credentials.get(wanted).await {
            Err(error) if self.for_index && error.dispensable => {
                if !self.warned.swap(true, Ordering::Relaxed) {
                    tracing::warn!(%error, "an index leads there: read without a login");
                }
                Credential::Anonymous
            }
            found => found?,
        };
        let renewal = self.credentials.renewal(self.host.as_str());
        Ok(Held { credential, renewal })
    }

    /// The credential that was found when it was first needed, or since its time for renewal.
    async fn credential(&self, scope: Option<&Scope>) -> Result<Credential, RegistryError> {
        let slot = self.slot(scope);
        let mut held = slot.lock().await;
        if let Some(known) = held.as_ref().filter(|known| !known.is_due()) {
            return Ok(known.credential.clone());
        }
        let fresh = self.ask(scope, None).await?;
        Ok(held.insert(fresh).credential.clone())
    }

    /// The credential as it is now, for a new token: who rotates a secret before the old one ends is never met by a
    /// 401. A store that cannot be read at this moment is being written to.
    async fn current(&self, scope: Option<&Scope>) -> Result<Credential, RegistryError> {
        let slot = self.slot(scope);
        let mut held = slot.lock().await;
        match self.ask(scope, None).await {
            Ok(fresh) => Ok(held.insert(fresh).credential.clone()),
            Err(error) => match held.as_ref() {
                Some(known) => {
                    tracing::warn!(%error, "the credentials at hand are used on");
                    Ok(known.credential.clone())
                }
                None => Err(error),
            },
        }
    }

    /// Asks again for the credential, as those of the cloud rotate. True if it is another one than `refused`.
    async fn renew(&self, scope: Option<&Scope>, refused: &Credential) -> Result<bool, RegistryError> {
        let slot = self.slot(scope);
        let mut held = slot.lock().await;
        if held.as_ref().is_some_and(|known| known.credential != *refused) {
            return Ok(true);
        }
        let fresh = self.ask(scope, Some(refused)).await?;
        Ok(held.insert(fresh).credential != *refused)
    }

    /// Who is asked for the credential.
    pub(super) fn credentials(&self) -> &dyn Credentials {
        &*self.credentials
    }

    /// True if the token service is Harbor's, which calls the registry behind it so.
    pub(super) fn asks_as_harbor(&self) -> bool {
        matches!(self.mode(), Mode::Bearer(service) if service.service.as_deref() == Some("harbor-registry"))
    }

    /// The credential as Basic, whatever the registry asks for; `None` if it is no user and password.
    pub(super) async fn basic(&self) -> Result<Option<HeaderValue>, RegistryError> {
        Ok(match self.credential(None).await? {
            Credential::Basic { username, password } => basic_header(&username, &password),
            _ => None,
        })
    }

    /// The OAuth token of Quay's API; `None` if the credential is none. Quay takes it as a password as well, for a user of
    /// this name (registries 3.1).
    pub(super) async fn oauth(&self) -> Result<Option<HeaderValue>, RegistryError> {
        Ok(match self.credential(None).await? {
            Credential::Basic { username, password } if username == "$oauthtoken" => bearer_header(&password),
            _ => None,
        })
    }

    /// True if there is anything to log in with.
    pub(super) async fn has_credential(&self, scope: Option<&Scope>) -> bool {
        !matches!(self.credential(scope).await, Ok(Credential::Anonymous) | Err(_))
    }

    /// The `Authorization` for `scope`, if the registry asked for any.
    pub(super) async fn header(&self, scope: Option<&Scope>) -> Result<Option<HeaderValue>, RegistryError> {
        let mode = self.mode();
        if mode == Mode::Open {
            return Ok(None);
        }
        match (&mode, &self.credential(scope).await?) {
            (_, Credential::Bearer { token }) => self.stored(token).map(Some),
            (Mode::Bearer(service), _) => self.token(service, scope).await.map(Some),
            (Mode::Basic, Credential::Basic { username, password }) => Ok(basic_header(username, password)),
            (Mode::Basic, Credential::Identity { .. }) => {
                Err(self
                    .failed("the store holds an identity token, and the registry wants user and password"))
            }
            _ => Ok(None),
        }
    }

    fn stored(&self, token: &SecretString) -> Result<HeaderValue, RegistryError> {
        bearer_header(token)
            .ok_or_else(|| self.failed("the stored token has characters that no header may have"))
    }

    /// The token at hand, or a new one.
    async fn token(&self, service: &Service, scope: Option<&Scope>) -> Result<HeaderValue, RegistryError> {
        let name = scope.map(ToString::to_string).unwrap_or_default();
        self.tokens.get(&name, self.fetch(service, scope, &name)).await
    }

    /// A new token. A credential that the token service refuses is asked for again, once.
    async fn fetch(
        &self,
        service: &Service,
        scope: Option<&Scope>,
        name: &str,
    ) -> Result<Token, RegistryError> {
        let mut credential = self.current(scope).await?;
        let mut second = false;
        loop {
            if let Credential::Bearer { token } = &credential {
                return self.stored(token).map(Token::unknown);
            }
            // Again, since the credential may be another one than when the challenge came.
            self.check_realm(service.realm.as_str(), &credential)?;
            match self.tokens.fetch(service, name, &credential).await {
                Err(error)
                    if !second && error.is_refused_login() && self.renew(scope, &credential).await? =>
                {
                    credential = self.credential(scope).await?;
                    second = true;
                }
                outcome => return outcome,
            }
        }
    }

    /// The `Authorization` to try a login with that needs no token service; `None` where there is one.
    pub(super) async fn plain_login(
        &self,
        scope: Option<&Scope>,
    ) -> Result<Option<HeaderValue>, RegistryError> {
        if self.mode() != Mode::Basic {
            return Ok(None);
        }
        match self.header(scope).await? {
            Some(header) => Ok(Some(header)),
            None => Err(RegistryError::Login {
                host: self.host.to_string(),
                why: "it asks for user and password, and there are no credentials for it".to_owned(),
                advice: format!("`chartferry login {}` stores credentials", self.host),
            }),
        }
    }

    pub(super) fn failed(&self, why: &str) -> RegistryError {
        RegistryError::Login {
            host: self.host.to_string(),
            why: why.to_owned(),
            advice: other_login(self.host.as_str(), self.given),
        }
    }

    /// How the credential was given for this host, if it was.
    pub(super) fn given(&self) -> Option<Given> {
        self.given
    }

    /// Takes what the first answer of the registry asks for. False if there is nothing that we understand.
    pub(super) async fn accept(&self, challenges: &[Challenge]) -> Result<bool, RegistryError> {
        let Some(mode) = self.choose(challenges, None).await? else {
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
        scope: Option<&Scope>,
        used: Option<&HeaderValue>,
    ) -> Result<bool, RegistryError> {
        let before = self.mode();
        if let (Mode::Bearer(_), Some(used)) = (&before, used) {
            let name = scope.map(ToString::to_string).unwrap_or_default();
            self.tokens.forget(&name, used).await;
        }
        let after = self.choose(challenges, scope).await?.unwrap_or(before);
        self.set_mode(after.clone());
        let credential = self.credential(scope).await?;
        let known = match (&after, &credential) {
            (Mode::Open, _) | (Mode::Basic, Credential::Anonymous) => return Ok(false),
            (_, Credential::Bearer { token }) => bearer_header(token),
            (Mode::Basic, Credential::Basic { username, password }) => basic_header(username, password),
            // A new token, or an error that says what is missing.
            _ => return Ok(true),
        };
        // Somebody else may have been here in the meantime.
        Ok(known.as_ref() != used || self.renew(scope, &credential).await?)
    }

    /// After ECR's 403 "authorization token has expired" to a request with `used`: the password itself ran out. A
    /// HEAD has no body to say so (`certain`); then only a store that has another password by now speaks for it.
    pub(super) async fn expired(
        &self,
        scope: Option<&Scope>,
        used: Option<&HeaderValue>,
        certain: bool,
    ) -> Result<bool, RegistryError> {
        let credential = self.credential(scope).await?;
        let known = match &credential {
            Credential::Basic { username, password } => basic_header(username, password),
            _ => return Ok(false),
        };
        if self.mode() != Mode::Basic {
            return Ok(false);
        }
        if known.as_ref() != used {
            return Ok(true);
        }
        if certain {
            return self.renew(scope, &credential).await;
        }
        Ok(self.current(scope).await? != credential)
    }

    /// Bearer before Basic: a token reveals less. But Basic where only that is offered and we have it: Harbor answers
    /// a stale token so.
    async fn choose(
        &self,
        challenges: &[Challenge],
        scope: Option<&Scope>,
    ) -> Result<Option<Mode>, RegistryError> {
        let credential = self.credential(scope).await?;
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

    /// Whether the registry asks for a login at all, as far as is known.
    pub(super) fn is_open(&self) -> bool {
        self.mode() == Mode::Open
    }
}

//! Sends requests to one registry with the right `Authorization`, and turns answers that are errors into errors.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use tokio::sync::OnceCell;
use url::Url;

use super::auth::Auth;
use super::challenge::{Challenge, challenges};
use super::greeting::{Greeting, LoginMethod};
use super::problems::Problems;
use super::scope::{Right, Scope};
use super::{Credentials, RegistryError, creation, error};
use crate::net::{AddressGuard, Encoding, Net, Redirects, Request, Response, Tries, redact, same_origin};
use crate::payload::Payload;
use crate::types::{RegistryHost, RegistryKind, Repository};

/// How much of an error's body is read.
const ERROR_BODY: usize = 64 << 10;

/// One request to the registry.
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) url: Url,
    /// `None` for `/v2/` itself.
    pub(super) scope: Option<Scope>,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Payload>,
    pub(super) redirects: Redirects,
    pub(super) encoding: Encoding,
    /// Whether the network repeats it.
    pub(super) retry: bool,
    /// Whether it is sent again after a new login. Not within an upload session: that starts again at its POST
    /// (reliability F16, F17).
    pub(super) again: bool,
    /// It repeats an earlier call.
    pub(super) repeated: bool,
}

impl Call {
    /// A call that is repeated and follows redirects.
    pub(super) fn new(method: Method, url: Url, repository: &Repository, right: Right) -> Self {
        Self {
            method,
            url,
            scope: Some(Scope {
                repository: repository.clone(),
                right,
            }),
            headers: HeaderMap::new(),
            body: None,
            redirects: Redirects::Follow,
            encoding: Encoding::Identity,
            retry: true,
            again: true,
            repeated: false,
        }
    }

    pub(super) fn header(mut self, name: http::header::HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    pub(super) fn body(mut self, body: Payload) -> Self {
        self.body = Some(body);
        self
    }

    pub(super) fn once(mut self) -> Self {
        self.retry = false;
        self
    }

    pub(super) fn repeats(mut self, repeated: bool) -> Self {
        self.repeated = repeated;
        self
    }

    pub(super) fn opens_anew(mut self) -> Self {
        self.again = false;
        self
    }
}

/// How an interface beside the registry API wants its login.
enum By {
    Password,
    Token,
}

/// A request to an interface of the registry that is not the registry API.
pub(super) struct Outside {
    method: Method,
    path: String,
    query: Option<String>,
    json: Option<String>,
    by: By,
}

impl Outside {
    /// By user and password.
    pub(super) fn password(method: Method, path: &str) -> Self {
        Self {
            method,
            path: path.to_owned(),
            query: None,
            json: None,
            by: By::Password,
        }
    }

    /// By an OAuth token.
    pub(super) fn token(method: Method, path: &str) -> Self {
        Self {
            by: By::Token,
            ..Self::password(method, path)
        }
    }

    pub(super) fn query(mut self, query: String) -> Self {
        self.query = Some(query);
        self
    }

    pub(super) fn json(mut self, json: String) -> Self {
        self.json = Some(json);
        self
    }
}

/// The way to one registry.
pub(super) struct Transport {
    pub(super) net: Net,
    pub(super) host: RegistryHost,
    base: Url,
    guard: AddressGuard,
    auth: Auth,
    probed: OnceCell<()>,
    /// The registry stores tags in lower case.
    folds: AtomicBool,
    /// Whether a login works, once somebody doubted it.
    confirmed: tokio::sync::Mutex<Vec<(HeaderValue, bool)>>,
}

impl Transport {
    pub(super) fn new(net: Net, host: RegistryHost, base: Url, guard: AddressGuard, auth: Auth) -> Arc<Self> {
        Arc::new(Self {
            net,
            host,
            base,
            guard,
            auth,
            probed: OnceCell::new(),
            folds: AtomicBool::new(false),
            confirmed: tokio::sync::Mutex::default(),
        })
    }

    /// `/v2/<path>`. Repositories, digests and tags are checked types, so nothing in them needs escaping.
    pub(super) fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("/v2/{path}"));
        url
    }

    /// The root of the host, as it is reached.
    pub(super) fn base(&self) -> &Url {
        &self.base
    }

    /// Sends a call. Answers below 400 are returned, all others are errors.
    pub(super) async fn send(&self, call: Call) -> Result<Response, RegistryError> {
        self.send_within(call, &mut self.net.tries()).await
    }

    /// The same within a budget of tries that several calls share.
    pub(super) async fn send_within(&self, call: Call, tries: &mut Tries) -> Result<Response, RegistryError> {
        self.probe().await?;
        let scope = call.scope.as_ref();
        let own = same_origin(&call.url, &self.base);
        let mut second = false;
        loop {
            let authorization = if own { self.auth.header(scope).await? } else { None };
            let response = self
                .net
                .send_within(self.request(&call, authorization.clone(), second), tries)
                .await?;
            let status = response.status();
            if status.as_u16() < 400 {
                return Ok(response);
            }
            let offered = challenges(response.headers());
            let problems = Problems::parse(&response.text_lossy(ERROR_BODY).await);
            let again = match status {
                _ if second || !own => false,
                StatusCode::UNAUTHORIZED => {
                    self.auth.refused(&offered, scope, authorization.as_ref()).await?
                }
                // ECR's way to say 401 (registries rule 4). To a HEAD it cannot say why.
                StatusCode::FORBIDDEN if call.method == Method::HEAD || problems.says(error::EXPIRED) => {
                    let certain = problems.says(error::EXPIRED);
                    self.auth.expired(scope, authorization.as_ref(), certain).await?
                }
                _ => false,
            };
            if !again || !call.again {
                if own && status == StatusCode::UNAUTHORIZED {
                    // The login may be at fault rather than this repository.
                    self.confirm_login(scope).await?;
                }
                return Err(self.error(&call, status, problems).await);
            }
            second = true;
        }
    }

    /// Whether the login works at all: `/v2/` tells, where there is no token service to tell. Each is asked about once:
    /// wrong passwords that are shown again and again lock accounts.
    async fn confirm_login(&self, scope: Option<&Scope>) -> Result<(), RegistryError> {
        let Some(login) = self.auth.plain_login(scope).await? else {
            return Ok(());
        };
        let mut confirmed = self.confirmed.lock().await;
        let known = confirmed.iter().find(|(known, _)| *known == login);
        let good = if let Some((_, good)) = known {
            *good
        } else {
            let request = Request::get(self.url(""), self.guard.clone()).redirects(Redirects::Return);
            let response = self.net.send(request.authorization(login.clone())).await?;
            let good = response.status() != StatusCode::UNAUTHORIZED;
            response.discard().await;
            confirmed.push((login, good));
            good
        };
        if good {
            return Ok(());
        }
        Err(self.auth.failed("it does not accept the user and the password"))
    }

    fn request(&self, call: &Call, authorization: Option<HeaderValue>, second: bool) -> Request {
        let mut request = Request::new(call.method.clone(), call.url.clone(), self.guard.clone());
        request.headers = call.headers.clone();
        request.body.clone_from(&call.body);
        request.redirects = call.redirects;
        request.encoding = call.encoding;
        request.retry = call.retry;
        request.repeated = call.repeated || second;
        match authorization {
            Some(header) => request.authorization(header),
            None => request,
        }
    }

    async fn error(&self, call: &Call, status: StatusCode, problems: Problems) -> RegistryError {
        let logged_in = self.auth.has_credential(call.scope.as_ref()).await;
        let advice = match &call.scope {
            Some(scope) if error::tells_of_missing(status, &problems) => {
                let how = creation::how(self, scope.repository.as_str(), false);
                format!("; {how}")
            }
            _ => error::advice(
                self.host.as_str(),
                status,
                &problems,
                logged_in,
                self.auth.given(),
            ),
        };
        RegistryError::Status {
            method: call.method.clone(),
            url: redact(&call.url),
            status,
            advice,
            problems,
        }
    }

    /// What registry this is: as the settings of its host say, else by its name, else by its token service.
    pub(super) fn kind(&self) -> Option<RegistryKind> {
        let configured = self
            .net
            .host(&self.base)
            .and_then(|options| options.registry_kind);
        configured
            .or_else(|| RegistryKind::of_host(&self.host))
            .or_else(|| self.auth.asks_as_harbor().then_some(RegistryKind::Harbor))
    }

    /// Who knows the login.
    pub(super) fn credentials(&self) -> &dyn Credentials {
        self.auth.credentials()
    }

    /// Asks an interface of the registry that is not the registry API; `None` if the login is not one for it. Any status
    /// is an answer.
    pub(super) async fn outside(
        &self,
        outside: Outside,
    ) -> Result<Option<(StatusCode, Problems)>, RegistryError> {
        let login = match outside.by {
            By::Password => self.auth.basic().await?,
            By::Token => self.auth.oauth().await?,
        };
        let Some(login) = login else {
            return Ok(None);
        };
        let mut url = self.base.clone();
        url.set_path(&outside.path);
        url.set_query(outside.query.as_deref());
        let mut request = Request::new(outside.method, url, self.guard.clone()).redirects(Redirects::Return);
        if let Some(json) = outside.json {
            request = request
                .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
                .body(Payload::from(Bytes::from(json)));
        }
        let response = self.net.send(request.authorization(login)).await?;
        let status = response.status();
        let body = response.text_lossy(ERROR_BODY).await;
        Ok(Some((status, Problems::parse(&body))))
    }

    /// Whether the registry stores tags in lower case; known after the probe.
    pub(super) fn folds_tags(&self) -> bool {
        self.folds.load(Relaxed) || self.kind() == Some(RegistryKind::Gitea)
    }

    /// GET `/v2/`, once: is this a registry, and what does it want (reliability F28)?
    pub(super) async fn probe(&self) -> Result<(), RegistryError> {
        self.probed.get_or_try_init(|| self.ask()).await.copied()
    }

    async fn ask(&self) -> Result<(), RegistryError> {
        let greeting = self.greet().await?;
        self.folds.store(greeting.offered.iter().any(is_gitea), Relaxed);
        match greeting.status {
            StatusCode::OK => Ok(()),
            // Some hide the API's root with a 403 and serve what is below it.
            _ if self.auth.accept(&greeting.offered).await? => {
                // Before the many requests of a run show a wrong password as often. Without one, public repositories
                // may still be read.
                if self.auth.has_credential(None).await {
                    self.confirm_login(None).await?;
                }
                Ok(())
            }
            StatusCode::UNAUTHORIZED => Err(RegistryError::Login {
                host: self.host.to_string(),
                why: "it answers 401 without a login method that we know (Basic or Bearer)".to_owned(),
                advice:
                    "no login helps there: see that this host is the registry, and what stands in front of it"
                        .to_owned(),
            }),
            status => Err(self.root_error(status, greeting.problems).await),
        }
    }

    /// GET `/v2/` without a login. A 401 or 403 is an answer, anything that no registry says is an error.
    pub(super) async fn greet(&self) -> Result<Greeting, RegistryError> {
        let response = self
            .net
            .send(Request::get(self.url(""), self.guard.clone()))
            .await?;
        let mut greeting = Greeting::of(&response);
        let (status, url) = (greeting.status, redact(&self.url("")));
        let body = response.text_lossy(ERROR_BODY).await;
        greeting.problems = Problems::parse(&body);
        match status {
            StatusCode::OK if greeting.version.is_some() || is_api(&body) => Ok(greeting),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Ok(greeting),
            _ if status.is_success() => Err(RegistryError::NotARegistry {
                url,
                why: format!(
                    "{status} with something else than the registry API ({})",
                    greeting.problems
                ),
            }),
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => Err(RegistryError::NotARegistry {
                url,
                why: status.to_string(),
            }),
            _ => Err(self.root_error(status, greeting.problems).await),
        }
    }

    async fn root_error(&self, status: StatusCode, problems: Problems) -> RegistryError {
        let logged_in = self.auth.has_credential(None).await;
        RegistryError::Status {
            method: Method::GET,
            url: redact(&self.url("")),
            status,
            advice: error::advice(
                self.host.as_str(),
                status,
                &problems,
                logged_in,
                self.auth.given(),
            ),
            problems,
        }
    }

    /// What the registry asked for, once it was asked.
    pub(super) fn login_method(&self) -> LoginMethod {
        self.auth.method()
    }

    /// Whether the registry accepts the login at all, apart from any repository. False if it asked for none.
    pub(super) async fn check_login(&self) -> Result<bool, RegistryError> {
        let call = Call {
            method: Method::GET,
            url: self.url(""),
            scope: None,
            headers: HeaderMap::new(),
            body: None,
            redirects: Redirects::Return,
            encoding: Encoding::Identity,
            retry: true,
            again: true,
            repeated: false,
        };
        self.send(call).await?.discard().await;
        Ok(!self.auth.is_open())
    }
}

/// Gitea and Forgejo, by the token service that only they name so (registries rule 17).
fn is_gitea(challenge: &Challenge) -> bool {
    let Challenge::Bearer { realm, service, .. } = challenge else {
        return false;
    };
    service.as_deref() == Some("container_registry") && realm.ends_with("/v2/token")
}

/// The root of the API answers `{}`, `true` or nothing.
fn is_api(body: &str) -> bool {
    let body = body.trim();
    body.is_empty() || serde_json::from_str::<serde_json::Value>(body).is_ok()
}

//! Sends requests to one registry with the right `Authorization`, and turns answers that are errors into errors.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Method, StatusCode};
use tokio::sync::OnceCell;
use url::Url;

use super::auth::Auth;
use super::challenge::challenges;
use super::greeting::{Greeting, LoginMethod};
use super::problems::Problems;
use super::scope::{Right, Scope};
use super::{RegistryError, error};
use crate::net::{AddressGuard, Encoding, Net, Redirects, Request, Response, Tries, redact, same_origin};
use crate::payload::Payload;
use crate::types::{RegistryHost, Repository};

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

/// The way to one registry.
pub(super) struct Transport {
    pub(super) net: Net,
    pub(super) host: RegistryHost,
    base: Url,
    guard: AddressGuard,
    auth: Auth,
    probed: OnceCell<()>,
    /// Whether the login works, once somebody doubted it.
    confirmed: OnceCell<bool>,
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
            confirmed: OnceCell::new(),
        })
    }

    /// `/v2/<path>`. Repositories, digests and tags are checked types, so nothing in them needs escaping.
    pub(super) fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("/v2/{path}"));
        url
    }

    /// Sends a call. Answers below 400 are returned, all others are errors.
    pub(super) async fn send(&self, call: Call) -> Result<Response, RegistryError> {
        self.send_within(call, &mut self.net.tries()).await
    }

    /// The same within a budget of tries that several calls share.
    pub(super) async fn send_within(&self, call: Call, tries: &mut Tries) -> Result<Response, RegistryError> {
        self.probe().await?;
        let scope = call.scope.as_ref().map(ToString::to_string).unwrap_or_default();
        let own = same_origin(&call.url, &self.base);
        let mut second = false;
        loop {
            let authorization = if own {
                self.auth.header(&scope).await?
            } else {
                None
            };
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
                    self.auth
                        .refused(&offered, &scope, authorization.as_ref())
                        .await?
                }
                // ECR's way to say 401 (registries rule 4).
                StatusCode::FORBIDDEN if problems.says("authorization token has expired") => {
                    self.auth.expired(authorization.as_ref()).await?
                }
                _ => false,
            };
            if !again || !call.again {
                if own && status == StatusCode::UNAUTHORIZED {
                    // The login may be at fault rather than this repository.
                    self.confirm_login().await?;
                }
                return Err(self.error(&call, status, problems).await);
            }
            second = true;
        }
    }

    /// Whether the login works at all: `/v2/` tells, where there is no token service to tell. Asked once: wrong passwords
    /// that are shown again and again lock accounts.
    async fn confirm_login(&self) -> Result<(), RegistryError> {
        let Some(login) = self.auth.plain_login().await? else {
            return Ok(());
        };
        let ask = || async {
            let request = Request::get(self.url(""), self.guard.clone()).redirects(Redirects::Return);
            let response = self.net.send(request.authorization(login)).await?;
            let status = response.status();
            response.discard().await;
            Ok::<_, RegistryError>(status != StatusCode::UNAUTHORIZED)
        };
        if *self.confirmed.get_or_try_init(ask).await? {
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
        let logged_in = self.auth.has_credential().await;
        RegistryError::Status {
            method: call.method.clone(),
            url: redact(&call.url),
            status,
            advice: error::advice(self.host.as_str(), status, &problems, logged_in),
            problems,
        }
    }

    /// GET `/v2/`, once: is this a registry, and what does it want (reliability F28)?
    pub(super) async fn probe(&self) -> Result<(), RegistryError> {
        self.probed.get_or_try_init(|| self.ask()).await.copied()
    }

    async fn ask(&self) -> Result<(), RegistryError> {
        let greeting = self.greet().await?;
        match greeting.status {
            StatusCode::OK => Ok(()),
            // Some hide the API's root with a 403 and serve what is below it.
            _ if self.auth.accept(&greeting.offered).await? => {
                // Before the many requests of a run show a wrong password as often. Without one, public repositories
                // may still be read.
                if self.auth.has_credential().await {
                    self.confirm_login().await?;
                }
                Ok(())
            }
            StatusCode::UNAUTHORIZED => Err(RegistryError::Login {
                host: self.host.to_string(),
                why: "it answers 401 without a login method that we know (Basic or Bearer)".to_owned(),
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
        let logged_in = self.auth.has_credential().await;
        RegistryError::Status {
            method: Method::GET,
            url: redact(&self.url("")),
            status,
            advice: error::advice(self.host.as_str(), status, &problems, logged_in),
            problems,
        }
    }

    /// What the registry asked for, once it was asked.
    pub(super) fn login_method(&self) -> LoginMethod {
        self.auth.method()
    }

    /// Whether the registry accepts the login at all, apart from any repository.
    pub(super) async fn check_login(&self) -> Result<(), RegistryError> {
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
        Ok(())
    }
}

/// The root of the API answers `{}`, `true` or nothing.
fn is_api(body: &str) -> bool {
    let body = body.trim();
    body.is_empty() || serde_json::from_str::<serde_json::Value>(body).is_ok()
}

//! Logins of the fake registry: none, Basic, or Bearer with a token service of its own (registries rules 1 to 5).

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::registry::error;
use super::server::{Answer, Kind, Request};

/// How a client must log in.
#[derive(Debug, Clone)]
pub(crate) enum Auth {
    None,
    Basic {
        user: String,
        password: String,
    },
    Bearer {
        /// `None`: tokens are given to anyone.
        login: Option<(String, String)>,
        /// How long a token is taken.
        ttl: Duration,
        /// Whether the answer says so in `expires_in`; without it a client must reckon with 60 s.
        tells_ttl: bool,
    },
}

impl Auth {
    /// Basic with this login.
    pub(crate) fn basic(user: &str, password: &str) -> Self {
        Self::Basic {
            user: user.to_owned(),
            password: password.to_owned(),
        }
    }

    /// Tokens of five minutes for this login.
    pub(crate) fn bearer(user: &str, password: &str) -> Self {
        Self::Bearer {
            login: Some((user.to_owned(), password.to_owned())),
            ttl: Duration::from_secs(300),
            tells_ttl: true,
        }
    }
}

struct Grant {
    scopes: Vec<String>,
    until: Instant,
}

/// The tokens that were given out.
#[derive(Default)]
pub(crate) struct Tokens {
    grants: Mutex<HashMap<String, Grant>>,
    /// Never set back, so that no new token equals an expired one.
    issued: AtomicU64,
}

impl Tokens {
    /// Ends every token now.
    pub(crate) fn expire(&self) {
        self.grants.lock().unwrap().clear();
    }

    /// The token service.
    pub(crate) fn issue(&self, auth: &Auth, request: &Request) -> Answer {
        let Auth::Bearer {
            login,
            ttl,
            tells_ttl,
        } = auth
        else {
            return error(404, "UNSUPPORTED", "no token service here");
        };
        if !request.has_login(login.as_ref()) {
            return error(401, "UNAUTHORIZED", "incorrect username or password");
        }
        let query = request.query.as_deref().unwrap_or("");
        let scopes = url::form_urlencoded::parse(query.as_bytes())
            .filter(|(key, _)| key == "scope")
            .flat_map(|(_, value)| value.split(' ').map(str::to_owned).collect::<Vec<_>>())
            .collect();
        let token = format!("opaque-{}", self.issued.fetch_add(1, Ordering::Relaxed));
        let until = Instant::now() + *ttl;
        self.grants
            .lock()
            .unwrap()
            .insert(token.clone(), Grant { scopes, until });
        let mut body = serde_json::json!({ "token": token });
        if *tells_ttl {
            body["expires_in"] = ttl.as_secs().into();
        }
        Answer::status(200)
            .header("content-type", "application/json")
            .body(body.to_string())
    }

    /// The challenge or refusal for a request that is not let in.
    pub(crate) fn refuse(
        &self,
        auth: &Auth,
        origin: &str,
        request: &Request,
        kind: Kind,
        repository: Option<&str>,
    ) -> Option<Answer> {
        let unauthorized = error(401, "UNAUTHORIZED", "authentication required");
        match auth {
            Auth::None => None,
            Auth::Basic { user, password } => {
                let login = (user.clone(), password.clone());
                let refusal = unauthorized.header("www-authenticate", "Basic realm=\"registry\"");
                (!request.has_login(Some(&login))).then_some(refusal)
            }
            Auth::Bearer { .. } => {
                if self.admits(request, kind, repository) {
                    return None;
                }
                let scope = repository.map_or_else(String::new, |name| {
                    format!(",scope=\"repository:{name}:{}\"", actions(kind))
                });
                let challenge = format!("Bearer realm=\"{origin}/token\",service=\"fake-registry\"{scope}");
                Some(unauthorized.header("www-authenticate", challenge))
            }
        }
    }

    fn admits(&self, request: &Request, kind: Kind, repository: Option<&str>) -> bool {
        let grants = self.grants.lock().unwrap();
        let Some(grant) = request
            .header("authorization")
            .strip_prefix("Bearer ")
            .and_then(|token| grants.get(token))
            .filter(|grant| grant.until > Instant::now())
        else {
            return false;
        };
        let Some(repository) = repository else {
            return true;
        };
        let granted = grant.scopes.iter().find_map(|scope| {
            let (name, granted) = scope.strip_prefix("repository:")?.rsplit_once(':')?;
            (name == repository).then_some(granted)
        });
        granted.is_some_and(|granted| {
            let granted: Vec<&str> = granted.split(',').collect();
            actions(kind).split(',').all(|action| granted.contains(&action))
        })
    }
}

fn actions(kind: Kind) -> &'static str {
    match kind {
        Kind::Delete => "delete",
        kind if kind.writes() || kind == Kind::UploadCancel || kind == Kind::UploadGet => "pull,push",
        _ => "pull",
    }
}

//! Logins of the fake registry: none, Basic, or Bearer with a token service of its own (registries rules 1 to 5).

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::super::server::{Answer, Kind, Request};
use super::api::error;
use super::behaviour::{Behaviour, Challenge, PostTokens};

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
    until: Duration,
}

/// The tokens that were given out.
#[derive(Default)]
pub(super) struct Tokens {
    grants: Mutex<HashMap<String, Grant>>,
    /// Never set back, so that no new token equals an expired one.
    issued: AtomicU64,
    /// When a password was first used.
    passwords: Mutex<HashMap<String, Duration>>,
}

/// A request in front of the gate.
pub(super) struct Visit<'a> {
    pub(super) behaviour: &'a Behaviour,
    pub(super) request: &'a Request,
    pub(super) kind: Kind,
    pub(super) repository: Option<&'a str>,
    /// The repository is there.
    pub(super) exists: bool,
    /// The whole realm.
    pub(super) realm: String,
    pub(super) now: Duration,
}

/// What a login by Basic is worth.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Good,
    Expired,
    Bad,
}

impl Tokens {
    /// Ends every token now.
    pub(super) fn expire(&self) {
        self.grants.lock().unwrap().clear();
    }

    /// The token service.
    pub(super) fn issue(&self, behaviour: &Behaviour, request: &Request, now: Duration) -> Answer {
        let Auth::Bearer {
            login,
            ttl,
            tells_ttl,
        } = &behaviour.auth
        else {
            return error(404, "UNSUPPORTED", "no token service here");
        };
        let form = form(request);
        let get = |key: &str| {
            form.iter()
                .find(|(name, _)| name == key)
                .map(|(_, value)| value.as_str())
        };
        if request.path == "/oauth2/exchange" {
            return exchange(behaviour, get("grant_type"), get("access_token"));
        }
        if request.method == http::Method::POST {
            match &behaviour.post_tokens {
                PostTokens::Refused(status) => return error(*status, "UNSUPPORTED", "no POST here"),
                PostTokens::For(refresh) if get("refresh_token") == Some(refresh) => {}
                PostTokens::For(_) => return error(401, "UNAUTHORIZED", "invalid_grant"),
            }
        } else if !request.has_login(login.as_ref()) && !is_refresh_token(behaviour, request) {
            return error(401, "UNAUTHORIZED", "incorrect username or password");
        }
        let asked = form
            .iter()
            .filter(|(key, _)| key == "scope")
            .flat_map(|(_, value)| value.split(' ').map(str::to_owned).collect::<Vec<_>>());
        let scopes = granted(behaviour, &asked.collect::<Vec<_>>());
        let number = self.issued.fetch_add(1, Ordering::Relaxed);
        let token = token(behaviour.opaque, number, (now + *ttl).as_secs());
        let until = now + *ttl;
        self.grants
            .lock()
            .unwrap()
            .insert(token.clone(), Grant { scopes, until });
        let field = if behaviour.access_token {
            "access_token"
        } else {
            "token"
        };
        let mut body = serde_json::json!({ field: token });
        if *tells_ttl {
            body["expires_in"] = ttl.as_secs().into();
        }
        Answer::status(200)
            .header("content-type", "application/json")
            .body(body.to_string())
    }

    /// The challenge or refusal for a request that is not let in.
    pub(super) fn refuse(&self, visit: &Visit<'_>) -> Option<Answer> {
        let behaviour = visit.behaviour;
        match &behaviour.auth {
            Auth::None => None,
            Auth::Basic { user, password } => match self.judge(visit, user, password) {
                Verdict::Good => None,
                Verdict::Expired if behaviour.expired_is_403 => Some(error(
                    403,
                    "DENIED",
                    "Your authorization token has expired. Reauthenticate and try again.",
                )),
                Verdict::Expired | Verdict::Bad => {
                    Some(unauthorized().header("www-authenticate", "Basic realm=\"registry\""))
                }
            },
            Auth::Bearer { login, .. } => {
                let basic_too = behaviour.challenge != Challenge::One;
                let by_password = basic_too && login.is_some() && visit.request.has_login(login.as_ref());
                if by_password || self.admits(visit) {
                    return None;
                }
                Some(challenge(visit, ""))
            }
        }
    }

    fn judge(&self, visit: &Visit<'_>, user: &str, password: &str) -> Verdict {
        let Some(ttl) = visit.behaviour.password_ttl else {
            let good = visit
                .request
                .has_login(Some(&(user.to_owned(), password.to_owned())));
            return if good { Verdict::Good } else { Verdict::Bad };
        };
        let Some(shown) = login_of(visit.request)
            .and_then(|login| login.strip_prefix(&format!("{user}:")).map(str::to_owned))
            .filter(|used| {
                used.strip_prefix(password)
                    .is_some_and(|rest| rest.starts_with('-'))
            })
        else {
            return Verdict::Bad;
        };
        let mut passwords = self.passwords.lock().unwrap();
        let first = *passwords.entry(shown).or_insert(visit.now);
        if visit.now < first + ttl {
            Verdict::Good
        } else {
            Verdict::Expired
        }
    }

    fn admits(&self, visit: &Visit<'_>) -> bool {
        let grants = self.grants.lock().unwrap();
        let Some(grant) = visit
            .request
            .header("authorization")
            .strip_prefix("Bearer ")
            .and_then(|token| grants.get(token))
            .filter(|grant| grant.until > visit.now)
        else {
            return false;
        };
        let Some(repository) = visit.repository else {
            return true;
        };
        let held = grant.scopes.iter().find_map(|scope| {
            let (name, held) = scope.strip_prefix("repository:")?.rsplit_once(':')?;
            (name == repository).then(|| held.split(',').collect::<Vec<_>>())
        });
        let mut needed: Vec<&str> = actions(visit.kind).split(',').collect();
        if visit.behaviour.missing_repo_pull_only_401 && !visit.exists {
            needed.push("push");
        }
        held.is_some_and(|held| needed.iter().all(|action| held.contains(action)))
    }
}

/// ACR takes its refresh token as the password of a user without a name, too.
fn is_refresh_token(behaviour: &Behaviour, request: &Request) -> bool {
    let PostTokens::For(refresh) = &behaviour.post_tokens else {
        return false;
    };
    let user = "00000000-0000-0000-0000-000000000000";
    request.has_login(Some(&(user.to_owned(), refresh.clone())))
}

fn unauthorized() -> Answer {
    error(401, "UNAUTHORIZED", "authentication required")
}

/// A 401 in the form of this registry; `more` is put behind the scope.
pub(super) fn challenge(visit: &Visit<'_>, more: &str) -> Answer {
    let behaviour = visit.behaviour;
    let scope = visit.repository.map_or_else(String::new, |name| {
        format!(",scope=\"repository:{name}:{}\"", actions(visit.kind))
    });
    let bearer = format!(
        "Bearer realm=\"{}\",service=\"{}\"{scope}{more}",
        visit.realm, behaviour.service
    );
    let carried = !visit.request.header("authorization").is_empty();
    let basic = "Basic realm=\"registry\"";
    let answer = unauthorized();
    match behaviour.challenge {
        Challenge::TwoHeaders => answer
            .header("www-authenticate", bearer)
            .header("www-authenticate", basic),
        Challenge::CommaJoined => answer.header("www-authenticate", format!("{bearer}, {basic}")),
        Challenge::BasicIfAuthPresent if carried => {
            answer.header("www-authenticate", "Basic realm=\"harbor\"")
        }
        Challenge::One | Challenge::BasicIfAuthPresent => answer.header("www-authenticate", bearer),
    }
}

/// The fields of the query, and of a form in the body.
pub(super) fn form(request: &Request) -> Vec<(String, String)> {
    let query = request.query.as_deref().unwrap_or("");
    url::form_urlencoded::parse(query.as_bytes())
        .chain(url::form_urlencoded::parse(&request.body))
        .map(|(key, value)| (key.into_owned(), value.into_owned()))
        .collect()
}

fn exchange(behaviour: &Behaviour, grant: Option<&str>, aad: Option<&str>) -> Answer {
    let (Some(known), PostTokens::For(refresh)) = (&behaviour.exchange, &behaviour.post_tokens) else {
        return error(404, "UNSUPPORTED", "no exchange here");
    };
    if grant != Some("access_token") || aad != Some(known) {
        return error(401, "UNAUTHORIZED", "AAD token is invalid");
    }
    let body = serde_json::json!({ "refresh_token": refresh });
    Answer::status(200)
        .header("content-type", "application/json")
        .body(body.to_string())
}

/// What is left of the scopes that were asked for.
fn granted(behaviour: &Behaviour, asked: &[String]) -> Vec<String> {
    let repository = |scope: &str| scope.rsplit_once(':').map(|(name, _)| name.to_owned());
    let mut granted = Vec::new();
    for scope in asked {
        let Some((name, wanted)) = scope.rsplit_once(':') else {
            continue;
        };
        let known = wanted
            .split(',')
            .all(|action| matches!(action, "push" | "pull" | "*"));
        if behaviour.unknown_action_drops_grant && !known {
            continue;
        }
        let twice = asked
            .iter()
            .filter(|other| repository(other) == repository(scope))
            .count()
            > 1;
        granted.push(if behaviour.dup_scope_downgrades && twice {
            format!("{name}:pull")
        } else {
            scope.clone()
        });
    }
    granted
}

fn token(opaque: bool, number: u64, expires: u64) -> String {
    if opaque {
        return format!("opaque-{number}");
    }
    let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let header = part(serde_json::json!({ "alg": "RS256", "typ": "JWT" }));
    let claims = part(serde_json::json!({ "exp": expires, "jti": number }));
    format!("{header}.{claims}.{}", URL_SAFE_NO_PAD.encode("signature"))
}

/// `user:password` of a request that carries Basic.
fn login_of(request: &Request) -> Option<String> {
    let encoded = request.header("authorization").strip_prefix("Basic ")?;
    String::from_utf8(STANDARD.decode(encoded).ok()?).ok()
}

fn actions(kind: Kind) -> &'static str {
    match kind {
        Kind::Delete => "delete",
        kind if kind.writes() || kind == Kind::UploadCancel || kind == Kind::UploadGet => "pull,push",
        _ => "pull",
    }
}

//! What can go wrong at a registry, and what to do about it.

use http::{Method, StatusCode};

use super::credential::{CredentialError, Given};
use super::problems::Problems;
use crate::net::{NetError, is_transient};
use crate::payload::SpoolError;
use crate::types::{Class, Digest};

/// How ECR says that a password ran out, in lower case.
pub(super) const EXPIRED: &str = "authorization token has expired";

/// Why a registry did not do what was asked. URLs are masked, foreign text is escaped.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// No answer.
    #[error(transparent)]
    Net(#[from] NetError),
    /// An answer that is an error.
    #[error("`{method} {url}`: {status}{}{}{advice}", if problems.is_empty() { "" } else { ": " }, problems)]
    Status {
        /// What was asked.
        method: Method,
        /// Of what.
        url: String,
        /// The answer.
        status: StatusCode,
        /// What its body says.
        problems: Problems,
        /// What to do, with `; ` in front, or nothing.
        advice: String,
    },
    /// The credentials cannot be read.
    #[error(transparent)]
    Credential(#[from] CredentialError),
    /// The host is no OCI registry.
    #[error("`{url}` is not an OCI registry: {why}")]
    NotARegistry {
        /// What was asked.
        url: String,
        /// What it answered.
        why: String,
    },
    /// The token service is not to be trusted.
    #[error("`{registry}` sends us to the token service `{realm}`, which is refused: {why}")]
    Realm {
        /// The registry.
        registry: String,
        /// The token service.
        realm: String,
        /// Why not.
        why: String,
    },
    /// The token service gave no token.
    #[error(
        "the token service `{realm}` of `{host}` gave no token{}: {why}{advice}",
        for_scope(scope)
    )]
    Token {
        /// The registry.
        host: String,
        /// The token service.
        realm: String,
        /// What was asked for.
        scope: String,
        /// What it answered.
        why: String,
        /// What to do, with `; ` in front, or nothing.
        advice: String,
        /// The kind of failure.
        class: Class,
        /// It will give none for any other scope either.
        login: bool,
    },
    /// The login does not work.
    #[error("cannot log in to `{host}`: {why}; {advice}")]
    Login {
        /// The registry.
        host: String,
        /// What is wrong.
        why: String,
        /// What to do.
        advice: String,
    },
    /// The upload cannot go on.
    #[error("`{from}` sends the upload to `{location}`, which cannot be used: {why}")]
    Location {
        /// Who says so.
        from: String,
        /// The header.
        location: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// No chart can be pushed below this path of this registry.
    #[error("{0}")]
    Target(String),
    /// What a push needs could not be created.
    #[error("{lacking} cannot be created at `{host}`: {why}; {advice}")]
    Creation {
        /// What it is, with its name.
        lacking: String,
        /// The registry.
        host: String,
        /// Why not.
        why: String,
        /// How else it is created.
        advice: String,
    },
    /// Bytes of the registry are not what their digest says.
    #[error("`{url}` should have the digest `{wanted}` and has `{found}`")]
    Digest {
        /// What was read.
        url: String,
        /// What it should be.
        wanted: Digest,
        /// What it is.
        found: String,
    },
    /// The tag is protected and holds something else.
    #[error("`{reference}` is protected against changes and holds `{existing}`, not `{wanted}`: {why}")]
    Conflict {
        /// The tag.
        reference: String,
        /// What it holds.
        existing: Digest,
        /// What was to be pushed.
        wanted: Digest,
        /// What the registry said.
        why: String,
    },
    /// The registry took a manifest and does not show it.
    #[error("`{reference}` was accepted and cannot be read back: {why}")]
    Unverified {
        /// What was pushed.
        reference: String,
        /// What is there instead.
        why: String,
    },
    /// An answer that makes no sense.
    #[error("cannot make sense of the answer of `{url}`: {why}")]
    Answer {
        /// What was asked.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// A reference in an index that is none.
    #[error("`{reference}` is no reference to a chart: {why}")]
    Reference {
        /// The text.
        reference: String,
        /// What is wrong with it.
        why: String,
    },
    /// What was read cannot be kept.
    #[error("cannot keep `{url}`: {source}")]
    Spool {
        /// What was read.
        url: String,
        /// Why not.
        source: SpoolError,
    },
    /// What is to be sent cannot be read.
    #[error("cannot read the bytes for `{url}`: {source}")]
    Payload {
        /// Where they were to go.
        url: String,
        /// What the system said.
        source: std::io::Error,
    },
}

impl RegistryError {
    /// What kind of failure it is.
    pub fn class(&self) -> Class {
        match self {
            Self::Net(error) => error.class(),
            Self::Status { status, problems, .. } => status_class(*status, problems),
            Self::Token { class, .. } => *class,
            Self::Login { .. } | Self::Credential(_) | Self::Creation { .. } => Class::Auth,
            Self::NotARegistry { .. } | Self::Target(_) => Class::Config,
            Self::Digest { .. } | Self::Unverified { .. } => Class::Integrity,
            Self::Realm { .. }
            | Self::Location { .. }
            | Self::Spool {
                source: SpoolError::TooLarge { .. },
                ..
            } => Class::Refused,
            Self::Conflict { .. }
            | Self::Answer { .. }
            | Self::Reference { .. }
            | Self::Spool { .. }
            | Self::Payload { .. } => Class::Permanent,
        }
    }

    /// Stable code for reports.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Net(error) => error.code(),
            Self::Status { status, problems, .. } => status_code(*status, problems),
            Self::Token { .. } | Self::Login { .. } => "registry-login",
            Self::Credential(_) => "credentials",
            Self::NotARegistry { .. } => "not-a-registry",
            Self::Realm { .. } => "token-service-refused",
            Self::Location { .. } => "upload-location-refused",
            Self::Target(_) => "invalid-name",
            Self::Creation { .. } => "repository-creation",
            Self::Digest { .. } => "registry-digest",
            Self::Conflict { .. } => "tag-immutable",
            Self::Unverified { .. } => "unverified",
            Self::Answer { .. } => "registry-answer",
            Self::Reference { .. } => "oci-reference",
            Self::Spool {
                source: SpoolError::TooLarge { .. },
                ..
            } => "too-large",
            Self::Spool { .. } => "local-write",
            Self::Payload { .. } => "local-read",
        }
    }

    /// The status of the answer, where there was one.
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Status { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// True if the password itself ran out, in ECR's words (registries rule 4).
    pub(super) fn is_expired(&self) -> bool {
        matches!(self, Self::Status { status, problems, .. }
            if *status == StatusCode::FORBIDDEN && problems.says(EXPIRED))
    }

    /// True if the registry has no room, which smaller pieces would not change.
    pub(super) fn is_full(&self) -> bool {
        matches!(self, Self::Status { status, problems, .. } if is_quota(*status, problems))
    }

    /// True if the way to log in does not work, so that nothing else at this registry will either.
    pub fn is_login(&self) -> bool {
        match self {
            Self::Login { .. } | Self::Credential(_) => true,
            Self::Token { login, .. } => *login,
            _ => false,
        }
    }

    /// True if the token service turned the credential away, so that another one may help.
    pub(super) fn is_refused_login(&self) -> bool {
        matches!(
            self,
            Self::Token {
                class: Class::Auth,
                login: true,
                ..
            }
        )
    }

    /// True if the repository is missing and the registry does not create repositories by itself, as far as the
    /// answer tells (registries rule 14).
    pub fn is_repository_missing(&self) -> bool {
        matches!(self, Self::Status { status, problems, .. } if tells_of_missing(*status, problems))
    }
}

/// The faces of a missing repository that say so (registries rule 14).
pub(super) fn tells_of_missing(status: StatusCode, problems: &Problems) -> bool {
    match status.as_u16() {
        404 => problems.has("NAME_UNKNOWN") || problems.has("NOT_FOUND"),
        403 => problems.says("may not exist") || problems.says("create_package"),
        _ => false,
    }
}

impl Problems {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What the token was for, if it was for a repository.
fn for_scope(scope: &str) -> String {
    if scope.is_empty() {
        String::new()
    } else {
        format!(" for `{scope}`")
    }
}

fn is_quota(status: StatusCode, problems: &Problems) -> bool {
    status == StatusCode::INSUFFICIENT_STORAGE
        || matches!(status.as_u16(), 403 | 405 | 413)
            && ["quota", "storage limit", "insufficient storage"]
                .iter()
                .any(|text| problems.says(text))
}

fn status_class(status: StatusCode, problems: &Problems) -> Class {
    match status.as_u16() {
        _ if is_quota(status, problems) => Class::Permanent,
        401 | 403 => Class::Auth,
        404 | 410 => Class::NotFound,
        _ if is_transient(status) => Class::Retry,
        _ => Class::Permanent,
    }
}

fn status_code(status: StatusCode, problems: &Problems) -> &'static str {
    match status.as_u16() {
        _ if is_quota(status, problems) => "registry-quota",
        401 | 403 => "registry-denied",
        404 | 410 => "registry-not-found",
        413 => "registry-too-large",
        429 => "rate-limited",
        500.. => "registry-unavailable",
        _ => "registry-refused",
    }
}

/// How other credentials get to be used for `host`, as a clause. What was given for it comes before every store.
pub(super) fn other_login(host: &str, given: Option<Given>) -> String {
    match given {
        None => format!("`chartferry login {host}` stores other ones"),
        Some(Given::Password) => "correct the user and the password that were given for it".to_owned(),
        Some(Given::Helper) => "log in with the credential helper that was given for it".to_owned(),
    }
}

/// What to do about a status, for the end of the sentence.
pub(super) fn advice(
    host: &str,
    status: StatusCode,
    problems: &Problems,
    logged_in: bool,
    given: Option<Given>,
) -> String {
    let rights = "the account needs the right to pull and push there";
    match status.as_u16() {
        _ if is_quota(status, problems) => "; the registry is full: free space or raise the quota".to_owned(),
        // Go's servers and nginx.
        400 if problems.says("http request to an https server")
            || problems.says("http request was sent to https port") =>
        {
            format!("; `{host}` speaks TLS: leave out `plain_http` (`--plain-http`)")
        }
        400 if problems.says("does not allow updating") => {
            "; Nexus refuses the second push of a manifest, also under a new tag: let the repository allow redeploys".to_owned()
        }
        401 if !logged_in => {
            format!("; there are no credentials for `{host}`: `chartferry login {host}` stores them")
        }
        401 => format!(
            "; the registry does not accept the credentials, the repository is missing, or {rights}; {}",
            other_login(host, given)
        ),
        403 => format!("; {rights}"),
        413 => "; the registry or a proxy in front of it limits the size of a request: raise the limit there (nginx: `client_max_body_size`; ingress-nginx: the annotation `nginx.ingress.kubernetes.io/proxy-body-size`)".to_owned(),
        429 => format!("; `{host}` limits requests: set `requests_per_second` for it, or run again later"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(status: u16, body: &str) -> RegistryError {
        let status = StatusCode::from_u16(status).unwrap();
        let problems = Problems::parse(body);
        let advice = advice("r.io", status, &problems, false, None);
        RegistryError::Status {
            method: Method::PUT,
            url: "https://r.io/v2/a".into(),
            status,
            problems,
            advice,
        }
    }

    #[test]
    fn sentences_say_what_to_do() {
        for (status, body, class, part) in [
            (401, "", Class::Auth, "chartferry login r.io"),
            (
                403,
                r#"{"errors":[{"code":"DENIED","message":"Quota has been exceeded"}]}"#,
                Class::Permanent,
                "quota",
            ),
            (
                403,
                r#"{"errors":[{"code":"DENIED","message":"denied: permission_denied: create_package"}]}"#,
                Class::Auth,
                "create_package",
            ),
            (
                404,
                r#"{"errors":[{"code":"NAME_UNKNOWN"}]}"#,
                Class::NotFound,
                "NAME_UNKNOWN",
            ),
            (
                503,
                "<html>",
                Class::Retry,
                "503 Service Unavailable: an HTML page",
            ),
            (507, "", Class::Permanent, "full"),
            (413, "<html>", Class::Permanent, "client_max_body_size"),
            (501, "", Class::Permanent, "501 Not Implemented"),
        ] {
            let error = error(status, body);
            assert_eq!(error.class(), class, "{error}");
            assert!(error.to_string().contains(part), "{error}");
        }
        assert!(error(404, r#"{"errors":[{"code":"NAME_UNKNOWN"}]}"#).is_repository_missing());
        assert!(!error(401, "").is_repository_missing());
    }
}

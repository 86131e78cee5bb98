//! Who we are to a registry. The stores that know it implement [`Credentials`]; nothing here prints a secret.

use std::fmt;
use std::pin::Pin;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::Instant;

use super::creation::CreationFuture;

/// What is known for a host.
#[derive(Clone)]
pub enum Credential {
    /// Nothing: what anybody may do.
    Anonymous,
    /// User and password, or user and access token.
    Basic {
        /// The user.
        username: String,
        /// The password.
        password: SecretString,
    },
    /// A refresh token (`identitytoken` of Docker's store), exchanged for access tokens.
    Identity {
        /// The token.
        token: SecretString,
    },
    /// An access token (`registrytoken` of Docker's store), used as it is.
    Bearer {
        /// The token.
        token: SecretString,
    },
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Anonymous => "Anonymous",
            Self::Basic { .. } => "Basic(***)",
            Self::Identity { .. } => "Identity(***)",
            Self::Bearer { .. } => "Bearer(***)",
        })
    }
}

impl PartialEq for Credential {
    fn eq(&self, other: &Self) -> bool {
        let same = |a: &SecretString, b: &SecretString| a.expose_secret() == b.expose_secret();
        match (self, other) {
            (Self::Anonymous, Self::Anonymous) => true,
            (
                Self::Basic {
                    username: a,
                    password: p,
                },
                Self::Basic {
                    username: b,
                    password: q,
                },
            ) => a == b && same(p, q),
            (Self::Identity { token: a }, Self::Identity { token: b })
            | (Self::Bearer { token: a }, Self::Bearer { token: b }) => same(a, b),
            _ => false,
        }
    }
}

/// Credentials for a host cannot be told.
#[derive(Debug, Clone, thiserror::Error)]
#[error("cannot get the credentials of `{host}`: {why}")]
pub struct CredentialError {
    /// The registry.
    pub host: String,
    /// What is wrong and where, without any secret.
    pub why: String,
    /// It comes of a cloud that nobody named for this host, and whose registries show public content to anybody: who
    /// only reads there may go on without a login.
    pub dispensable: bool,
}

/// What [`Credentials::get`] returns.
pub type CredentialFuture<'a> =
    Pin<Box<dyn Future<Output = Result<Credential, CredentialError>> + Send + 'a>>;

/// How the credential of a host was said to us, where it was: then no store is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Given {
    /// User and password, or where the password is.
    Password,
    /// Which credential helper knows it.
    Helper,
}

/// What a credential is wanted for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The registry, `name[:port]`, as written in references.
    pub host: &'a str,
    /// The repository, for stores with a login for each namespace; `None` for the registry itself.
    pub repository: Option<&'a str>,
    /// What the registry has just refused: an answer from memory may not be this one.
    pub refused: Option<&'a Credential>,
}

impl<'a> Wanted<'a> {
    /// For a registry as a whole, asked for the first time.
    pub fn registry(host: &'a str) -> Self {
        Self {
            host,
            repository: None,
            refused: None,
        }
    }
}

/// Finds the credentials of hosts. Asked again before a token is renewed and after a 401, since secrets rotate.
pub trait Credentials: Send + Sync {
    /// The credential for what is wanted.
    fn get<'a>(&'a self, wanted: Wanted<'a>) -> CredentialFuture<'a>;

    /// Creates a repository at `host` by the cloud's own interface; `None` where these credentials know none.
    fn create_repository<'a>(&'a self, _host: &'a str, _repository: &'a str) -> Option<CreationFuture<'a>> {
        None
    }

    /// Whether the credential of `host` was given for it by flag or configuration, so that storing another one changes
    /// nothing.
    fn given(&self, _host: &str) -> Option<Given> {
        None
    }

    /// When the credential of `host` should be asked for again although nobody refused it; `None` if it has no end.
    fn renewal(&self, _host: &str) -> Option<Instant> {
        None
    }
}

/// One credential for whoever asks: flags of the command line, tests.
#[derive(Debug, Clone)]
pub struct FixedCredentials(pub Credential);

impl Credentials for FixedCredentials {
    fn get<'a>(&'a self, _wanted: Wanted<'a>) -> CredentialFuture<'a> {
        Box::pin(std::future::ready(Ok(self.0.clone())))
    }
}

/// `Basic …`, marked as a secret. `None` if it cannot be a header, which base64 always can.
pub(super) fn basic_header(username: &str, password: &SecretString) -> Option<HeaderValue> {
    let pair = format!("{username}:{}", password.expose_secret());
    secret_header(&format!("Basic {}", STANDARD.encode(pair)))
}

/// `Bearer …`, marked as a secret. `None` if the token has characters that no header may have.
pub(super) fn bearer_header(token: &SecretString) -> Option<HeaderValue> {
    // A token read from a file may end in a newline.
    secret_header(&format!("Bearer {}", token.expose_secret().trim()))
}

fn secret_header(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_printed() {
        let secret = || SecretString::from("s3cr3t");
        for credential in [
            Credential::Basic {
                username: "u".into(),
                password: secret(),
            },
            Credential::Identity { token: secret() },
            Credential::Bearer { token: secret() },
        ] {
            assert!(!format!("{credential:?}").contains("s3cr3t"));
        }
        assert!(!format!("{:?}", basic_header("u", &secret())).contains("czNjcjN0"));
        assert!(!format!("{:?}", bearer_header(&secret())).contains("s3cr3t"));
    }

    #[test]
    fn tokens_with_line_ends_make_no_panic() {
        assert_eq!(bearer_header(&"abc\n".into()).unwrap(), "Bearer abc");
        assert!(bearer_header(&"a\nb".into()).is_none());
    }
}

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
}

/// What [`Credentials::get`] returns.
pub type CredentialFuture<'a> =
    Pin<Box<dyn Future<Output = Result<Credential, CredentialError>> + Send + 'a>>;

/// Finds the credentials of hosts. Asked again after a 401, since tokens of the cloud rotate.
pub trait Credentials: Send + Sync {
    /// The credential for `host` (`name[:port]`, as written in references).
    fn get<'a>(&'a self, host: &'a str) -> CredentialFuture<'a>;

    /// Creates a repository at `host` by the cloud's own interface; `None` where these credentials know none.
    fn create_repository<'a>(&'a self, _host: &'a str, _repository: &'a str) -> Option<CreationFuture<'a>> {
        None
    }

    /// When the credential of `host` should be asked for again although nobody refused it; `None` if it has no end.
    fn renewal(&self, _host: &str) -> Option<Instant> {
        None
    }

    /// The registry refused `credential`: what keeps it should ask anew the next time.
    fn refused(&self, _host: &str, _credential: &Credential) {}
}

/// One credential for whoever asks: flags of the command line, tests.
#[derive(Debug, Clone)]
pub struct FixedCredentials(pub Credential);

impl Credentials for FixedCredentials {
    fn get<'a>(&'a self, _host: &'a str) -> CredentialFuture<'a> {
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

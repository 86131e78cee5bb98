//! The token of the trigger.

use std::sync::{Arc, PoisonError, RwLock};

use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// Who has it may start runs. Clones share it, so that a reload of the configuration can put another one into a server that
/// goes on.
#[derive(Debug, Clone, Default)]
pub struct Token(Arc<RwLock<Option<SecretString>>>);

impl Token {
    /// The token; an empty one is none, since an empty header must open nothing.
    pub fn new(secret: Option<SecretString>) -> Self {
        let token = Self::default();
        token.replace(secret);
        token
    }

    /// Puts another in its place, for all clones.
    pub fn replace(&self, secret: Option<SecretString>) {
        let secret = secret.filter(|secret| !secret.expose_secret().is_empty());
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = secret;
    }

    /// Whether there is one.
    pub fn is_configured(&self) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Whether `given` is it. Time tells nothing: the hashes are compared, so that not even the length shows, and in constant
    /// time.
    pub fn is(&self, given: &[u8]) -> bool {
        let secret = self.0.read().unwrap_or_else(PoisonError::into_inner);
        secret.as_ref().is_some_and(|secret| {
            let (ours, theirs) = (
                Sha256::digest(secret.expose_secret().as_bytes()),
                Sha256::digest(given),
            );
            ours.as_slice().ct_eq(theirs.as_slice()).into()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_token_opens() {
        let token = Token::new(Some("hunter2".into()));
        let clone = token.clone();
        assert!(token.is_configured() && token.is(b"hunter2"));
        for wrong in ["", "hunter", "hunter22", "Hunter2", " hunter2"] {
            assert!(!token.is(wrong.as_bytes()), "{wrong:?}");
        }
        clone.replace(Some("other".into()));
        assert!(token.is(b"other") && !token.is(b"hunter2"));
        for none in [None, Some("".into())] {
            token.replace(none);
            assert!(!clone.is_configured() && !clone.is(b""));
        }
        assert!(!format!("{:?}", Token::new(Some("hunter2".into()))).contains("hunter2"));
    }
}

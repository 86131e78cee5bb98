//! Checks the signature of a provenance file as Helm does: a signature counts if it was made by a key of the ring
//! that may sign, and neither the key nor the signature is expired or revoked now (helm-oci-format 6.5).

use chrono::{DateTime, Utc};
use pgp::composed::{Deserializable as _, DetachedSignature, SignedPublicKey, SignedPublicSubKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{KeyFlags, Signature, SignatureType};
use pgp::types::{KeyDetails, KeyId, Tag, Timestamp, VerifyingKey};

use super::{ClearSigned, Keyring};

/// Whose signature it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signer {
    /// Fingerprint of the key that signed, upper-case hex.
    pub fingerprint: String,
    /// First user of the key, escaped.
    pub user: Option<String>,
}

/// Why a signature does not count. Key ids are 16 upper-case hex digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// The signature cannot be read.
    #[error("its signature cannot be read: {why}")]
    Unreadable {
        /// What is wrong; never in the words of the parser, which may hold the file.
        why: &'static str,
    },
    /// Made by a key that is not in the ring.
    #[error("it is signed by the key {key}, which is not in the keyring")]
    UnknownKey {
        /// The key.
        key: String,
    },
    /// The text was changed, or somebody else signed in the key's name.
    #[error("its signature by the key {key} is bad: the text is not what was signed")]
    Bad {
        /// The key.
        key: String,
    },
    /// The key has run out.
    #[error("the key {key} that signed it expired on {on}")]
    KeyExpired {
        /// The key.
        key: String,
        /// When.
        on: String,
    },
    /// The signature has run out, or is not valid yet.
    #[error("its signature by the key {key} is not valid now: it was made {made} and ends {until}")]
    SignatureExpired {
        /// The key.
        key: String,
        /// When it was made.
        made: String,
        /// When it ends.
        until: String,
    },
    /// Its owner took the key back.
    #[error("the key {key} that signed it is revoked")]
    Revoked {
        /// The key.
        key: String,
    },
    /// The key is not one that signs, or its parts do not belong together.
    #[error("the key {key} that signed it cannot be used: {why}")]
    Unusable {
        /// The key.
        key: String,
        /// Why.
        why: &'static str,
    },
}

/// Checks the signature of `signed` with the keys of `ring`. Of several signatures one good one is enough.
pub fn verify(signed: &ClearSigned<'_>, ring: &Keyring, now: DateTime<Utc>) -> Result<Signer, VerifyError> {
    let unreadable = |_: pgp::errors::Error| VerifyError::Unreadable {
        why: "it is damaged, or no OpenPGP signature",
    };
    let text = signed.signed_bytes();
    let (signatures, _) = DetachedSignature::from_armor_many(signed.signature()).map_err(unreadable)?;
    let mut failure = None;
    for signature in signatures {
        let signature = signature.map_err(unreadable)?.signature;
        match check(&signature, &text, ring, now) {
            Ok(found) => return Ok(found),
            // An unknown key says the least: any other failure is about a key that the user has.
            Err(error @ VerifyError::UnknownKey { .. }) => failure = failure.or(Some(error)),
            Err(error) => match failure {
                None | Some(VerifyError::UnknownKey { .. }) => failure = Some(error),
                Some(_) => {}
            },
        }
    }
    Err(failure.unwrap_or(VerifyError::Unreadable {
        why: "there is none in it",
    }))
}

/// A key of the ring that may have made a signature: the primary key, or one of its subkeys.
enum Maker<'a> {
    Primary(&'a SignedPublicKey),
    Sub(&'a SignedPublicKey, &'a SignedPublicSubKey),
}

fn check(
    signature: &Signature,
    text: &[u8],
    ring: &Keyring,
    now: DateTime<Utc>,
) -> Result<Signer, VerifyError> {
    check_kind(signature)?;
    let mut failure = None;
    for maker in makers(signature, ring) {
        match maker.check(signature, text, now) {
            Ok(signer) => return Ok(signer),
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    Err(failure.unwrap_or_else(|| VerifyError::UnknownKey {
        key: issuer(signature),
    }))
}

fn check_kind(signature: &Signature) -> Result<(), VerifyError> {
    let why = match (signature.typ(), signature.hash_alg()) {
        (Some(SignatureType::Text | SignatureType::Binary), Some(hash)) => match hash {
            HashAlgorithm::Md5 | HashAlgorithm::Ripemd160 => "its hash function is broken",
            _ => return Ok(()),
        },
        _ => "it is not a signature over a text",
    };
    Err(VerifyError::Unreadable { why })
}

fn makers<'a>(signature: &Signature, ring: &'a Keyring) -> Vec<Maker<'a>> {
    let (ids, prints) = (signature.issuer_key_id(), signature.issuer_fingerprint());
    let named = |key: &dyn KeyDetails| {
        (ids.is_empty() && prints.is_empty())
            || ids.contains(&&key.legacy_key_id())
            || prints.contains(&&key.fingerprint())
    };
    let mut found = Vec::new();
    for key in ring.keys() {
        if named(&key.primary_key) {
            found.push(Maker::Primary(key));
        }
        for sub in &key.public_subkeys {
            if named(&sub.key) {
                found.push(Maker::Sub(key, sub));
            }
        }
    }
    found
}

fn issuer(signature: &Signature) -> String {
    let ids = signature.issuer_key_id();
    let prints = signature.issuer_fingerprint();
    match (ids.first(), prints.first()) {
        (Some(id), _) => hex(**id),
        (None, Some(print)) => format!("{print:X}"),
        (None, None) => "(not named)".into(),
    }
}

fn hex(id: KeyId) -> String {
    id.to_string().to_ascii_uppercase()
}

impl Maker<'_> {
    fn check(&self, signature: &Signature, text: &[u8], now: DateTime<Utc>) -> Result<Signer, VerifyError> {
        let (primary, details): (_, &dyn KeyDetails) = match self {
            Self::Primary(key) => (*key, &key.primary_key),
            Self::Sub(key, sub) => (*key, &sub.key),
        };
        let key = hex(details.legacy_key_id());
        let matches = match self {
            Self::Primary(key) => matches(signature, &key.primary_key, text),
            Self::Sub(_, sub) => matches(signature, &sub.key, text),
        };
        if !matches {
            return Err(VerifyError::Bad { key });
        }
        let own = self_signature(primary);
        let sub = match self {
            Self::Primary(_) => None,
            Self::Sub(primary, sub) => Some((*sub, binding(primary, sub, &key)?)),
        };
        check_revoked(primary, sub.map(|(sub, _)| sub), &key)?;
        let own = own.ok_or_else(|| VerifyError::Unusable {
            key: key.clone(),
            why: "it has no valid signature of its own",
        })?;
        check_flags(sub.map_or(own, |(_, binding)| binding), &key)?;
        check_key_time(primary.primary_key.created_at(), own, now, &key)?;
        if let Some((sub, binding)) = sub {
            check_key_time(sub.key.created_at(), binding, now, &key)?;
        }
        check_signature_time(signature, now, &key)?;
        let user = primary.details.users.first();
        Ok(Signer {
            fingerprint: format!("{:X}", details.fingerprint()),
            user: user.map(|user| String::from_utf8_lossy(user.id.id()).escape_debug().to_string()),
        })
    }
}

fn matches(signature: &Signature, key: &impl VerifyingKey, text: &[u8]) -> bool {
    signature.verify(key, text).is_ok()
}

/// The newest signature by which a key speaks about itself: over one of its users or directly.
fn self_signature(key: &SignedPublicKey) -> Option<&Signature> {
    let primary = &key.primary_key;
    let users = key.details.users.iter().flat_map(|user| {
        let by_itself = |signature: &&Signature| {
            signature.typ() != Some(SignatureType::CertRevocation)
                && signature
                    .verify_certification(primary, Tag::UserId, &user.id)
                    .is_ok()
        };
        user.signatures.iter().filter(by_itself)
    });
    let direct = key.details.direct_signatures.iter();
    users
        .chain(direct.filter(|signature| signature.verify_key(primary).is_ok()))
        .max_by_key(|signature| signature.created().map(Timestamp::as_secs))
}

/// The newest signature that binds a subkey, with the subkey's own consent where it signs.
fn binding<'a>(
    key: &SignedPublicKey,
    sub: &'a SignedPublicSubKey,
    id: &str,
) -> Result<&'a Signature, VerifyError> {
    let unusable = |why| VerifyError::Unusable {
        key: id.to_owned(),
        why,
    };
    let primary = &key.primary_key;
    let newest = sub
        .signatures
        .iter()
        .filter(|signature| signature.typ() == Some(SignatureType::SubkeyBinding))
        .filter(|signature| signature.verify_subkey_binding(primary, &sub.key).is_ok())
        .max_by_key(|signature| signature.created().map(Timestamp::as_secs))
        .ok_or_else(|| unusable("it is not bound to its primary key"))?;
    let consents = newest
        .embedded_signature()
        .is_some_and(|back| back.verify_primary_key_binding(&sub.key, primary).is_ok());
    if consents {
        Ok(newest)
    } else {
        Err(unusable("it does not confirm that it belongs to its primary key"))
    }
}

fn check_revoked(
    key: &SignedPublicKey,
    sub: Option<&SignedPublicSubKey>,
    id: &str,
) -> Result<(), VerifyError> {
    let primary = &key.primary_key;
    let revoked = key
        .details
        .revocation_signatures
        .iter()
        .any(|signature| signature.verify_key(primary).is_ok())
        || sub.is_some_and(|sub| {
            sub.signatures
                .iter()
                .filter(|signature| signature.typ() == Some(SignatureType::SubkeyRevocation))
                .any(|signature| signature.verify_subkey_binding(primary, &sub.key).is_ok())
        });
    if revoked {
        return Err(VerifyError::Revoked { key: id.to_owned() });
    }
    Ok(())
}

/// A key that says what it is for must say that it signs.
fn check_flags(own: &Signature, id: &str) -> Result<(), VerifyError> {
    let flags = own.key_flags();
    if flags == KeyFlags::default() || flags.sign() {
        return Ok(());
    }
    Err(VerifyError::Unusable {
        key: id.to_owned(),
        why: "it is not meant for signing",
    })
}

fn check_key_time(
    created: Timestamp,
    own: &Signature,
    now: DateTime<Utc>,
    id: &str,
) -> Result<(), VerifyError> {
    let life = own.key_expiration_time().map_or(0, pgp::types::Duration::as_secs);
    let end = i64::from(created.as_secs()) + i64::from(life);
    if life == 0 || now.timestamp() < end {
        return Ok(());
    }
    Err(VerifyError::KeyExpired {
        key: id.to_owned(),
        on: date(end),
    })
}

fn check_signature_time(signature: &Signature, now: DateTime<Utc>, id: &str) -> Result<(), VerifyError> {
    let made = i64::from(signature.created().map_or(0, Timestamp::as_secs));
    let life = signature
        .signature_expiration_time()
        .map_or(0, pgp::types::Duration::as_secs);
    let end = made + i64::from(life);
    if made <= now.timestamp() && (life == 0 || now.timestamp() < end) {
        return Ok(());
    }
    Err(VerifyError::SignatureExpired {
        key: id.to_owned(),
        made: date(made),
        until: if life == 0 { "never".into() } else { date(end) },
    })
}

fn date(seconds: i64) -> String {
    DateTime::from_timestamp(seconds, 0)
        .map_or_else(|| seconds.to_string(), |at| at.format("%Y-%m-%d").to_string())
}

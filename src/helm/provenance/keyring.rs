//! Key rings: the keys that signatures are checked with.

use pgp::composed::{PublicOrSecret, SignedPublicKey};

/// The public keys of a ring. Helm reads binary rings only (`gpg --export`); armored ones are taken as well.
#[derive(Debug, Clone)]
pub struct Keyring {
    keys: Vec<SignedPublicKey>,
}

/// Why a file is no key ring. Never in the words of the parser: they hold the file, and a file that was named by mistake may
/// be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    /// `GnuPG`'s own format since version 2.1.
    #[error("this is a GnuPG keybox; `gpg --export >pubring.gpg` makes a key ring of it")]
    Keybox,
    /// A PEM file, such as the key or the certificate of a TLS server.
    #[error(
        "this is a PEM file of another kind, not a key ring; give the public keys (`gpg --export >pubring.gpg`)"
    )]
    Pem,
    /// No key in it that can be read.
    #[error(
        "this is no OpenPGP key ring, or none of its keys can be read; `gpg --export >pubring.gpg` makes one"
    )]
    NoKeys,
}

const PEM: &[u8] = b"-----BEGIN ";
const ARMOR: &[u8] = b"-----BEGIN PGP ";

impl Keyring {
    /// Reads a ring. Keys in it that cannot be read are passed over: `GnuPG` rings hold old and exotic ones.
    pub fn read(bytes: &[u8]) -> Result<Self, KeyringError> {
        if bytes.get(8..12) == Some(b"KBXf") {
            return Err(KeyringError::Keybox);
        }
        let mut ring = Self { keys: Vec::new() };
        for block in blocks(bytes) {
            ring.add(block);
        }
        if !ring.keys.is_empty() {
            return Ok(ring);
        }
        let is_pem = starts(bytes, PEM).next().is_some() && starts(bytes, ARMOR).next().is_none();
        Err(if is_pem {
            KeyringError::Pem
        } else {
            KeyringError::NoKeys
        })
    }

    fn add(&mut self, block: &[u8]) {
        let Ok((keys, _)) = PublicOrSecret::from_reader_many(block) else {
            return;
        };
        for key in keys.flatten() {
            match key {
                PublicOrSecret::Public(key) => self.keys.push(key),
                PublicOrSecret::Secret(key) => self.keys.push(key.into()),
            }
        }
    }

    /// How many keys there are, subkeys not counted.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Never true for a ring that was read.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    pub(super) fn keys(&self) -> &[SignedPublicKey] {
        &self.keys
    }
}

/// Where lines begin that begin with `wanted`.
fn starts<'a>(bytes: &'a [u8], wanted: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    let windows = bytes.windows(wanted.len()).enumerate();
    windows
        .filter(move |(at, window)| *window == wanted && (*at == 0 || bytes[at - 1] == b'\n'))
        .map(|(at, _)| at)
}

/// An armored file may be several blocks one after the other.
fn blocks(bytes: &[u8]) -> Vec<&[u8]> {
    let starts: Vec<usize> = starts(bytes, ARMOR).collect();
    if starts.is_empty() || bytes.first().is_some_and(|first| first & 0x80 != 0) {
        return vec![bytes];
    }
    let ends = starts.iter().skip(1).copied().chain([bytes.len()]);
    starts
        .iter()
        .zip(ends)
        .map(|(start, end)| &bytes[*start..end])
        .collect()
}

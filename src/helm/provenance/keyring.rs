//! Key rings: the keys that signatures are checked with.

use pgp::composed::{PublicOrSecret, SignedPublicKey};

/// The public keys of a ring. Helm reads binary rings only (`gpg --export`); armored ones are taken as well.
#[derive(Debug, Clone)]
pub struct Keyring {
    keys: Vec<SignedPublicKey>,
}

/// Why a file is no key ring.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    /// `GnuPG`'s own format since version 2.1.
    #[error("this is a GnuPG keybox; `gpg --export >pubring.gpg` makes a key ring of it")]
    Keybox,
    /// No key in it that can be read.
    #[error("no OpenPGP key could be read{}", why.as_ref().map(|why| format!(": {why}")).unwrap_or_default())]
    Empty {
        /// What the first unreadable key's trouble is.
        why: Option<String>,
    },
}

const ARMOR: &[u8] = b"-----BEGIN PGP ";

impl Keyring {
    /// Reads a ring. Keys in it that cannot be read are passed over: `GnuPG` rings hold old and exotic ones.
    pub fn read(bytes: &[u8]) -> Result<Self, KeyringError> {
        if bytes.get(8..12) == Some(b"KBXf") {
            return Err(KeyringError::Keybox);
        }
        let mut ring = Self { keys: Vec::new() };
        let mut why = None;
        for block in blocks(bytes) {
            if let Err(error) = ring.add(block) {
                why.get_or_insert_with(|| error.to_string().escape_debug().to_string());
            }
        }
        if ring.keys.is_empty() {
            return Err(KeyringError::Empty { why });
        }
        Ok(ring)
    }

    fn add(&mut self, block: &[u8]) -> pgp::errors::Result<()> {
        let (keys, _) = PublicOrSecret::from_reader_many(block)?;
        let mut result = Ok(());
        for key in keys {
            match key {
                Ok(PublicOrSecret::Public(key)) => self.keys.push(key),
                Ok(PublicOrSecret::Secret(key)) => self.keys.push(key.into()),
                Err(error) => result = Err(error),
            }
        }
        result
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

/// An armored file may be several blocks one after the other.
fn blocks(bytes: &[u8]) -> Vec<&[u8]> {
    let starts: Vec<usize> = bytes
        .windows(ARMOR.len())
        .enumerate()
        .filter(|(at, window)| *window == ARMOR && (*at == 0 || bytes[at - 1] == b'\n'))
        .map(|(at, _)| at)
        .collect();
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

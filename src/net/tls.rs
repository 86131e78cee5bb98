//! Which certificates are trusted and which one is shown, read from files and checked.

use std::path::{Path, PathBuf};

use reqwest::{Certificate, Client, ClientBuilder, Identity};

use super::NetError;
use super::options::HostOptions;

/// What makes two hosts need different clients.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct TlsKey {
    insecure: bool,
    ca: Option<PathBuf>,
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
}

impl From<&HostOptions> for TlsKey {
    fn from(options: &HostOptions) -> Self {
        Self {
            insecure: options.insecure_skip_tls_verify,
            ca: options.ca_file.clone(),
            cert: options.cert_file.clone(),
            key: options.key_file.clone(),
        }
    }
}

/// The files of a [`TlsKey`], read.
pub(super) struct TlsFiles {
    insecure: bool,
    pub(super) roots: Vec<Certificate>,
    identity: Option<Identity>,
}

impl TlsKey {
    pub(super) fn read(&self) -> Result<TlsFiles, NetError> {
        let roots = match &self.ca {
            Some(path) => certificates(path)?,
            None => Vec::new(),
        };
        let identity = match (&self.cert, &self.key) {
            (Some(cert), Some(key)) => Some(identity(cert, key)?),
            // One file may hold both.
            (Some(cert), None) => Some(identity(cert, cert)?),
            _ => None,
        };
        Ok(TlsFiles {
            insecure: self.insecure,
            roots,
            identity,
        })
    }
}

impl TlsFiles {
    /// Adds everything but the roots, which the caller merges or takes alone.
    pub(super) fn apply(&self, builder: ClientBuilder) -> ClientBuilder {
        let builder = builder.tls_danger_accept_invalid_certs(self.insecure);
        match &self.identity {
            Some(identity) => builder.identity(identity.clone()),
            None => builder,
        }
    }
}

fn read(what: &'static str, path: &Path) -> Result<Vec<u8>, NetError> {
    std::fs::read(path).map_err(|error| NetError::File {
        what,
        path: path.to_owned(),
        why: error.to_string(),
    })
}

/// The certificates of a PEM file. A file without any is an error: the client would take it in silence
/// (crates 1.4).
fn certificates(path: &Path) -> Result<Vec<Certificate>, NetError> {
    let bad = |why: String| NetError::File {
        what: "`ca_file`",
        path: path.to_owned(),
        why,
    };
    let pem = read("`ca_file`", path)?;
    let found = Certificate::from_pem_bundle(&pem).map_err(|_| bad("it is not PEM".to_owned()))?;
    if found.is_empty() {
        return Err(bad("it holds no `BEGIN CERTIFICATE` block".to_owned()));
    }
    Ok(found)
}

fn identity(cert: &Path, key: &Path) -> Result<Identity, NetError> {
    let mut pem = read("`cert_file`", cert)?;
    if key != cert {
        pem.push(b'\n');
        pem.extend(read("`key_file`", key)?);
    }
    let bad = |why: &str| NetError::File {
        what: "`cert_file` and `key_file`",
        path: cert.to_owned(),
        why: why.to_owned(),
    };
    let identity = Identity::from_pem(&pem)
        .map_err(|_| bad("a PEM certificate and a PEM key that is not encrypted are needed"))?;
    // Only a client that is built finds out; better now than at the first request (reliability B61).
    let trial = Client::builder().tls_certs_only([]).identity(identity.clone());
    match trial.build() {
        Ok(_) => Ok(identity),
        Err(_) => Err(bad(&format!(
            "the key in `{}` does not belong to the certificate",
            key.display()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_certificates_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ca.pem");
        for text in [
            "",
            "garbage",
            "-----BEGIN CERTIFICATE-----\n????\n-----END CERTIFICATE-----\n",
        ] {
            std::fs::write(&path, text).unwrap();
            let key = TlsKey {
                ca: Some(path.clone()),
                ..TlsKey::default()
            };
            assert!(matches!(key.read(), Err(NetError::File { .. })), "{text:?}");
        }
        let key = TlsKey {
            ca: Some(dir.path().join("missing")),
            ..TlsKey::default()
        };
        assert!(matches!(key.read(), Err(NetError::File { .. })));
    }
}

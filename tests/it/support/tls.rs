//! Certificates for the fakes: an authority of the test's own and a server certificate from it.

use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// An authority, and a certificate that it gave to one server.
pub(crate) struct Tls {
    authority_pem: String,
    acceptor: TlsAcceptor,
}

impl Tls {
    /// A certificate for the loopback address that the fakes listen on.
    pub(crate) fn new() -> Self {
        Self::named(&["127.0.0.1", "localhost"], |_| {})
    }

    /// A certificate for other names, or with `change`: to be refused.
    pub(crate) fn named(names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Self {
        let authority_key = KeyPair::generate().unwrap();
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.distinguished_name = common_name("test authority");
        let authority_pem = authority.self_signed(&authority_key).unwrap().pem();
        let issuer = Issuer::new(authority, authority_key);

        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut server = CertificateParams::new(names).unwrap();
        server.distinguished_name = common_name("test server");
        change(&mut server);
        let certificate = server.signed_by(&key, &issuer).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        // Named, since more than one provider may be compiled in
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        Self {
            authority_pem,
            acceptor: TlsAcceptor::from(Arc::new(config)),
        }
    }

    /// Writes the authority's certificate where a client can be told to trust it.
    pub(crate) fn write_authority(&self, path: &Path) {
        std::fs::write(path, &self.authority_pem).unwrap();
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        self.acceptor.clone()
    }
}

fn common_name(text: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, text);
    name
}

//! Certificates for the fakes: an authority of the test's own and a server certificate from it.

use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert, WantsServerCert, WebPkiClientVerifier};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{ConfigBuilder, RootCertStore, ServerConfig};

/// An authority, and the certificates that it gave to one server and to one client.
pub(crate) struct Tls {
    authority_pem: String,
    client_pem: (String, String),
    server_pem: (String, String),
    acceptor: TlsAcceptor,
}

impl Tls {
    /// A certificate for the loopback address that the fakes listen on.
    pub(crate) fn new() -> Self {
        Self::named(&["127.0.0.1", "localhost"], |_| {})
    }

    /// The same for a server that talks to nobody without a certificate of the same authority.
    pub(crate) fn mutual() -> Self {
        Self::build(&["127.0.0.1"], |_| {}, true)
    }

    /// A certificate for other names, or with `change`: to be refused.
    pub(crate) fn named(names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Self {
        Self::build(names, change, false)
    }

    /// A certificate that signs itself, as one of a CA or not. The "authority" is the certificate itself.
    pub(crate) fn self_signed(ca: bool) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        params.distinguished_name = common_name("test server");
        if ca {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        let certificate = params.self_signed(&key).unwrap();
        let server_pem = (certificate.pem(), key.serialize_pem());
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = server_config(certificate.der(), false)
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        Self {
            authority_pem: certificate.pem(),
            client_pem: (String::new(), String::new()),
            server_pem,
            acceptor: TlsAcceptor::from(Arc::new(config)),
        }
    }

    /// The same server for clients that name it in the handshake (SNI); it has nothing for all others.
    pub(crate) fn only_by_name(self, name: &str) -> Self {
        let mut config = ServerConfig::clone(self.acceptor.config());
        config.cert_resolver = Arc::new(ByName {
            name: name.to_owned(),
            inner: Arc::clone(&config.cert_resolver),
        });
        Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            ..self
        }
    }

    fn build(names: &[&str], change: impl FnOnce(&mut CertificateParams), mutual: bool) -> Self {
        let authority_key = KeyPair::generate().unwrap();
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.distinguished_name = common_name("test authority");
        let root = authority.self_signed(&authority_key).unwrap();
        let issuer = Issuer::new(authority, authority_key);

        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut server = CertificateParams::new(names).unwrap();
        server.distinguished_name = common_name("test server");
        change(&mut server);
        let certificate = server.signed_by(&key, &issuer).unwrap();
        let server_pem = (certificate.pem(), key.serialize_pem());
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let client_key = KeyPair::generate().unwrap();
        let mut client = CertificateParams::default();
        client.distinguished_name = common_name("test client");
        let client = client.signed_by(&client_key, &issuer).unwrap();
        let config = server_config(root.der(), mutual)
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        Self {
            authority_pem: root.pem(),
            client_pem: (client.pem(), client_key.serialize_pem()),
            server_pem,
            acceptor: TlsAcceptor::from(Arc::new(config)),
        }
    }

    /// Writes the authority's certificate where a client can be told to trust it.
    pub(crate) fn write_authority(&self, path: &Path) {
        std::fs::write(path, &self.authority_pem).unwrap();
    }

    /// Writes the client's certificate and its key.
    pub(crate) fn write_client(&self, certificate: &Path, key: &Path) {
        std::fs::write(certificate, &self.client_pem.0).unwrap();
        std::fs::write(key, &self.client_pem.1).unwrap();
    }

    /// Writes the server's certificate and its key, for a real server.
    pub(crate) fn write_server(&self, certificate: &Path, key: &Path) {
        std::fs::write(certificate, &self.server_pem.0).unwrap();
        std::fs::write(key, &self.server_pem.1).unwrap();
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        self.acceptor.clone()
    }

    /// One that speaks this protocol only (ALPN).
    pub(crate) fn acceptor_for(&self, protocol: &[u8]) -> TlsAcceptor {
        let mut config = ServerConfig::clone(self.acceptor.config());
        config.alpn_protocols = vec![protocol.to_vec()];
        TlsAcceptor::from(Arc::new(config))
    }
}

/// The certificate of another resolver, for one name.
#[derive(Debug)]
struct ByName {
    name: String,
    inner: Arc<dyn ResolvesServerCert>,
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let named = hello.server_name() == Some(self.name.as_str());
        named.then(|| self.inner.resolve(hello)).flatten()
    }
}

fn server_config(
    root: &CertificateDer<'static>,
    mutual: bool,
) -> ConfigBuilder<ServerConfig, WantsServerCert> {
    // Named, since more than one provider may be compiled in
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    if !mutual {
        return builder.with_no_client_auth();
    }
    let mut roots = RootCertStore::empty();
    roots.add(root.clone()).unwrap();
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    builder.with_client_cert_verifier(verifier.build().unwrap())
}

fn common_name(text: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, text);
    name
}

//! Registries that only an index leads to: who reads there without having configured them.

use std::sync::Arc;

use crate::net::AddressGuard;
use crate::net::testing::{Asked, Server, answer, net};
use crate::registry::{
    CredentialError, CredentialFuture, Credentials, Registry, RegistryError, RegistryOptions, Wanted,
};
use crate::types::RegistryHost;

use super::fake::{Fake, repository};

/// A cloud that fails, as a developer's profile may.
struct Failing {
    dispensable: bool,
}

impl Credentials for Failing {
    fn get<'a>(&'a self, wanted: Wanted<'a>) -> CredentialFuture<'a> {
        let error = CredentialError {
            host: wanted.host.to_owned(),
            why: "AWS: profile `corp`: logs in by `sso_session`".to_owned(),
            dispensable: self.dispensable,
        };
        Box::pin(std::future::ready(Err(error)))
    }
}

/// What an index leads to is read as by anybody where no login was meant; what somebody configured is not.
#[tokio::test]
async fn a_cloud_that_nobody_named_does_not_keep_an_index_from_being_read() {
    let service = Server::start(|_, _| answer(200, &[], r#"{"token":"anybody","expires_in":300}"#)).await;
    let challenge = format!(r#"Bearer realm="{}""#, service.at("/token"));
    let fake = Fake::start(Box::new(move |asked: &Asked, _| {
        let good = asked.header("authorization") == Some("Bearer anybody");
        (!good).then(|| answer(401, &[("www-authenticate", &challenge)], "{}"))
    }));
    let fake = fake.await;
    for (dispensable, for_index, read_only, good) in [
        (true, true, true, true),
        (true, false, true, false),
        (true, true, false, false),
        (false, true, true, false),
    ] {
        let host = RegistryHost::new(&fake.server.authority()).unwrap();
        let options = RegistryOptions {
            plain_http: true,
            read_only,
            guard: for_index.then(|| AddressGuard::registry(&host, true)),
            ..RegistryOptions::default()
        };
        let registry = Registry::new(net(), host, Arc::new(Failing { dispensable }), options).unwrap();
        match registry.head_manifest(&repository(), "1").await {
            Ok(found) => assert!(good && found.is_none(), "{dispensable} {for_index} {read_only}"),
            Err(error) => {
                assert!(!good, "{error}");
                assert!(matches!(error, RegistryError::Credential(_)), "{error}");
            }
        }
    }
    let asked = service.asked();
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert_eq!(asked[0].header("authorization"), None);
}

//! Logins: challenges, tokens, rotation, and who gets no credentials.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use secrecy::SecretString;

use crate::net::testing::{Answer, Asked, Server, answer, net};
use crate::registry::{
    Credential, CredentialFuture, Credentials, Registry, RegistryError, RegistryOptions, Wanted,
};
use crate::types::{Class, RegistryHost, Repository};

use super::fake::{Fake, basic, repository};

const BASIC: &str = "Basic dTpzM2NyM3Q=";

/// A registry that wants `Bearer t<n>`, where the token service counts up.
pub(super) fn bearer(
    realm: &str,
    accepts: impl Fn(&str) -> bool + Send + Sync + 'static,
) -> super::fake::Before {
    let challenge = format!(r#"Bearer realm="{realm}",service="reg""#);
    Box::new(move |asked: &Asked, _| {
        let good = asked.header("authorization").is_some_and(&accepts);
        (!good).then(|| answer(401, &[("www-authenticate", &challenge)], "{}"))
    })
}

pub(super) async fn tokens() -> Server {
    Server::start(|_, before| answer(200, &[], format!(r#"{{"token":"t{before}","expires_in":300}}"#))).await
}

pub(super) fn options() -> RegistryOptions {
    RegistryOptions {
        single_post: false,
        ..RegistryOptions::default()
    }
}

#[tokio::test]
async fn one_token_for_sixteen_callers_and_no_wasted_401() {
    let service = tokens().await;
    let fake = Fake::start(bearer(service.at("/token?x=1").as_str(), |header| {
        header.starts_with("Bearer t")
    }))
    .await;
    let registry = fake.registry_with(net(), basic(), options());
    let all = (0..16).map(|_| registry.head_manifest(&REPOSITORY, "1"));
    for outcome in futures_util::future::join_all(all).await {
        assert_eq!(outcome.unwrap(), None);
    }
    assert_eq!(
        service.lines(),
        ["GET /token?x=1&service=reg&scope=repository%3Aa%3Apull%2Cpush"]
    );
    assert_eq!(service.asked()[0].header("authorization"), Some(BASIC));
    // One probe met the 401, nobody else.
    assert_eq!(fake.server.asked().len(), 17);
    assert!(
        fake.server.asked()[1..]
            .iter()
            .all(|asked| asked.header("authorization") == Some("Bearer t0"))
    );
}

/// A store that takes its time, and counts.
struct Slow(Arc<AtomicUsize>);

impl Credentials for Slow {
    fn get<'a>(&'a self, _: Wanted<'a>) -> CredentialFuture<'a> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Box::pin(async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            Ok(basic())
        })
    }
}

/// Nobody knows a token yet, and everybody needs one: the store and the service are asked on behalf of all.
#[tokio::test]
async fn sixteen_callers_who_wait_for_the_store_share_a_token_too() {
    let service = tokens().await;
    let fake = Fake::start(bearer(service.at("/token").as_str(), |header| {
        header.starts_with("Bearer t")
    }))
    .await;
    let asked = Arc::new(AtomicUsize::new(0));
    let host = RegistryHost::new(&fake.server.authority()).unwrap();
    let options = RegistryOptions {
        plain_http: true,
        ..options()
    };
    let registry = Registry::new(net(), host, Arc::new(Slow(Arc::clone(&asked))), options).unwrap();
    let all = (0..16).map(|_| registry.head_manifest(&REPOSITORY, "1"));
    for outcome in futures_util::future::join_all(all).await {
        assert_eq!(outcome.unwrap(), None);
    }
    assert_eq!(service.asked().len(), 1, "{:?}", service.lines());
    // For the registry, for the repository, and before its token
    assert_eq!(asked.load(Ordering::Relaxed), 3);
}

pub(super) static REPOSITORY: std::sync::LazyLock<Repository> = std::sync::LazyLock::new(repository);

#[tokio::test]
async fn reading_asks_for_pull_alone() {
    let service = tokens().await;
    let fake = Fake::start(bearer(service.at("/token").as_str(), |header| {
        header.starts_with("Bearer t")
    }))
    .await;
    let options = RegistryOptions {
        read_only: true,
        ..options()
    };
    fake.registry_with(net(), Credential::Anonymous, options)
        .head_manifest(&REPOSITORY, "1")
        .await
        .unwrap();
    assert_eq!(
        service.lines(),
        ["GET /token?service=reg&scope=repository%3Aa%3Apull"]
    );
    assert_eq!(service.asked()[0].header("authorization"), None);
}

#[tokio::test]
async fn a_stale_token_is_replaced_once() {
    let service = tokens().await;
    let fake = Fake::start(bearer(service.at("/token").as_str(), |header| {
        header == "Bearer t1"
    }))
    .await;
    let registry = fake.registry_with(net(), basic(), options());
    assert_eq!(registry.head_manifest(&REPOSITORY, "1").await.unwrap(), None);
    assert_eq!((service.asked().len(), fake.server.asked().len()), (2, 3));
    // One that is never accepted is an error after the second try.
    let fake = Fake::start(bearer(service.at("/token").as_str(), |_| false)).await;
    let error = fake
        .registry_with(net(), basic(), options())
        .head_manifest(&REPOSITORY, "1")
        .await
        .unwrap_err();
    assert_eq!(error.class(), Class::Auth);
    assert!(error.to_string().contains("chartferry login"), "{error}");
    assert_eq!(fake.server.asked().len(), 3);
}

#[tokio::test]
async fn basic_is_tried_once_and_costs_nothing_after_that() {
    let before = |asked: &Asked, _| {
        (asked.header("authorization") != Some(BASIC))
            .then(|| answer(401, &[("www-authenticate", "Basic")], ""))
    };
    let fake = Fake::start(Box::new(before)).await;
    let registry = fake.registry_with(net(), basic(), options());
    for _ in 0..3 {
        registry.head_manifest(&REPOSITORY, "1").await.unwrap();
    }
    assert_eq!(fake.server.asked().len(), 5);
    // Wrong ones are shown once, however many would use them.
    let wrong = Credential::Basic {
        username: "u".into(),
        password: SecretString::from("other"),
    };
    let error = fake
        .registry_with(net(), wrong, options())
        .head_manifest(&REPOSITORY, "1")
        .await
        .unwrap_err();
    assert!(error.is_login() && error.class() == Class::Auth, "{error}");
    assert_eq!(fake.server.asked().len(), 7);
}

#[tokio::test]
async fn harbor_answers_a_stale_token_with_basic() {
    let service = tokens().await;
    let realm = format!(r#"Bearer realm="{}",service="harbor""#, service.at("/token"));
    let fake = Fake::start(Box::new(move |asked, _| match asked.header("authorization") {
        None => Some(answer(401, &[("www-authenticate", &realm)], "")),
        Some("Bearer t0") => Some(answer(401, &[("www-authenticate", "Basic realm=\"harbor\"")], "")),
        Some(_) => None,
    }));
    let fake = fake.await;
    fake.registry_with(net(), basic(), options())
        .head_manifest(&REPOSITORY, "1")
        .await
        .unwrap();
    assert_eq!(
        fake.server.asked().pop().unwrap().header("authorization"),
        Some(BASIC)
    );
    // Without a password Basic is no way: another token.
    let anonymous = Credential::Anonymous;
    let fresh = fake
        .registry_with(net(), anonymous, options())
        .head_manifest(&REPOSITORY, "1")
        .await;
    assert!(fresh.is_ok());
}

#[tokio::test]
async fn identity_tokens_go_by_post_and_fall_back_to_get() {
    let identity = || Credential::Identity {
        token: SecretString::from("refresh"),
    };
    for refuses in [None, Some(400), Some(401), Some(404), Some(405)] {
        let service = Server::start(move |asked, _| match (asked.method.as_str(), refuses) {
            ("POST", Some(status)) => answer(status, &[], ""),
            _ => answer(200, &[], r#"{"access_token":"t"}"#),
        });
        let service = service.await;
        let fake = Fake::start(bearer(service.at("/token").as_str(), |header| {
            header == "Bearer t"
        }))
        .await;
        fake.registry_with(net(), identity(), options())
            .head_manifest(&REPOSITORY, "1")
            .await
            .unwrap();
        let asked = service.asked();
        let form = "grant_type=refresh_token&client_id=chartferry&service=reg&scope=repository%3Aa%3Apull%2Cpush&refresh_token=refresh";
        assert_eq!(
            (asked[0].method.as_str(), &asked[0].body[..]),
            ("POST", form.as_bytes())
        );
        assert_eq!(asked.len(), if refuses.is_some() { 2 } else { 1 });
    }
}

fn with_realm(realm: &'static str) -> super::fake::Before {
    bearer(realm, |_| false)
}

#[tokio::test]
async fn foreign_token_services_get_nothing() {
    for realm in [
        "https://evil.example.com/token",
        "http://169.254.169.254/token",
        "http://u:p@127.0.0.1/token",
        "file:///etc/passwd",
        "nonsense",
    ] {
        let fake = Fake::start(with_realm(realm)).await;
        let error = fake
            .registry_with(net(), basic(), options())
            .probe()
            .await
            .unwrap_err();
        assert!(matches!(error, RegistryError::Realm { .. }), "{realm}: {error}");
        assert_eq!(error.class(), Class::Refused);
    }
    // Anonymous requests may go to any public service, and to no private one.
    let fake = Fake::start(with_realm("http://169.254.169.254/token")).await;
    let anonymous = fake.registry_with(net(), Credential::Anonymous, options());
    let error = anonymous.head_manifest(&REPOSITORY, "1").await.unwrap_err();
    assert_eq!(error.class(), Class::Refused, "{error}");
}

#[tokio::test]
async fn token_services_that_fail() {
    let cases: [(u16, &str, Class, &str); 6] = [
        (
            401,
            r#"{"errors":[{"code":"UNAUTHORIZED","message":"wrong"}]}"#,
            Class::Auth,
            "wrong",
        ),
        (500, "", Class::Retry, "500"),
        (200, "<html>", Class::Auth, "not JSON"),
        (200, "{}", Class::Auth, "no token"),
        (302, "", Class::Refused, "redirects"),
        (403, "", Class::Auth, "chartferry login"),
    ];
    for (status, body, class, part) in cases {
        let handler = move |_: &Asked, _: usize| -> Answer {
            answer(status, &[("location", "http://127.0.0.1:1/")], body)
        };
        let service = Server::start(handler).await;
        let fake = Fake::start(bearer(service.at("/token").as_str(), |_| false)).await;
        let error = fake
            .registry_with(net(), basic(), options())
            .head_manifest(&REPOSITORY, "1")
            .await
            .unwrap_err();
        assert_eq!(error.class(), class, "{error}");
        assert!(
            error.to_string().contains(part) && !error.to_string().contains("s3cr3t"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn what_is_no_registry_is_found_out() {
    for (status, body, good) in [
        (200, "<html><title>Portal</title>", false),
        (200, "{}", true),
        (200, "", true),
        (404, "", false),
        (401, "", false),
    ] {
        let fake = Fake::start(Box::new(move |_, _| Some(answer(status, &[], body)))).await;
        let outcome = fake.registry().probe().await;
        assert_eq!(outcome.is_ok(), good, "{status} {body}");
        if status == 200 && !good {
            let text = outcome.unwrap_err().to_string();
            assert!(
                text.contains("not an OCI registry") && text.contains("Portal"),
                "{text}"
            );
        }
    }
    let fake = Fake::plain().await;
    let registry = fake.registry();
    for _ in 0..3 {
        registry.probe().await.unwrap();
    }
    assert_eq!(fake.server.asked().len(), 1);
}

#[tokio::test]
async fn many_callers_survive_a_change_of_mind() {
    // The tokens of before are no good any more, and the registry says so with Basic, to many at once.
    let service = tokens().await;
    let realm = format!(r#"Bearer realm="{}""#, service.at("/token"));
    let fake = Fake::start(Box::new(move |asked, _| match asked.header("authorization") {
        None => Some(answer(401, &[("www-authenticate", &realm)], "")),
        Some(BASIC) => None,
        Some(_) => Some(answer(401, &[("www-authenticate", "Basic")], "")),
    }));
    let fake = fake.await;
    let registry = fake.registry_with(net(), basic(), options());
    let all = (0..16).map(|_| registry.head_manifest(&REPOSITORY, "1"));
    for outcome in futures_util::future::join_all(all).await {
        assert_eq!(outcome.unwrap(), None);
    }
    // An anonymous caller has nothing to answer Basic with, and does not ask twice.
    let fake = Fake::start(Box::new(|_, _| {
        Some(answer(401, &[("www-authenticate", "Basic")], ""))
    }))
    .await;
    let error = fake.registry().head_manifest(&REPOSITORY, "1").await.unwrap_err();
    assert!(error.to_string().contains("there are no credentials"), "{error}");
    assert_eq!(fake.server.asked().len(), 2);
}

#[tokio::test]
async fn a_wrong_password_is_shown_once() {
    let service = Server::start(|_, _| answer(401, &[], "wrong")).await;
    let fake = Fake::start(bearer(service.at("/token").as_str(), |_| false)).await;
    let registry = fake.registry_with(net(), basic(), options());
    for name in ["a", "b", "c"] {
        let error = registry
            .head_manifest(&Repository::new(name).unwrap(), "1")
            .await
            .unwrap_err();
        assert!(error.to_string().contains("401 Unauthorized: wrong"), "{error}");
    }
    assert_eq!(service.asked().len(), 1);
}

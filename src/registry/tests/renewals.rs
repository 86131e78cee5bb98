//! Logins that end or change while a run goes on: rotated secrets, refresh tokens, passwords with an end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use secrecy::SecretString;
use tokio::time::Instant;

use crate::net::testing::{Server, answer, net};
use crate::registry::{Credential, CredentialFuture, Credentials, Registry, RegistryOptions, Wanted};
use crate::types::{RegistryHost, Repository};

use super::auth::{REPOSITORY, bearer, options, tokens};
use super::fake::Fake;

/// Credentials that rotate.
struct Rotating(AtomicUsize);

impl Credentials for Rotating {
    fn get<'a>(&'a self, _: Wanted<'a>) -> CredentialFuture<'a> {
        let n = self.0.fetch_add(1, Ordering::Relaxed);
        let password = SecretString::from(n.to_string());
        Box::pin(async move {
            Ok(Credential::Basic {
                username: "AWS".into(),
                password,
            })
        })
    }
}

#[tokio::test]
async fn an_expired_password_is_asked_for_again() {
    // `AWS:0` ran out, `AWS:1` is good.
    let expired = r#"{"errors":[{"code":"DENIED","message":"Your authorization token has expired. Reauthenticate and try again."}]}"#;
    let fake = Fake::start(Box::new(move |asked, _| match asked.header("authorization") {
        None => Some(answer(401, &[("www-authenticate", "Basic")], "")),
        Some("Basic QVdTOjA=") => Some(answer(403, &[], expired)),
        Some(_) => None,
    }));
    let fake = fake.await;
    let host = RegistryHost::new(&fake.server.authority()).unwrap();
    let options = RegistryOptions {
        plain_http: true,
        ..options()
    };
    let registry = Registry::new(net(), host, Arc::new(Rotating(AtomicUsize::new(0))), options).unwrap();
    assert_eq!(registry.get_manifest(&REPOSITORY, "1").await.unwrap(), None);
    assert_eq!(fake.server.asked().len(), 3, "the probe and two tries");
}

/// A password that changes at the moment the test says.
#[derive(Clone)]
struct Changing(Arc<std::sync::Mutex<(&'static str, Vec<bool>)>>);

impl Changing {
    fn new() -> Self {
        Self(Arc::new(std::sync::Mutex::new(("old", Vec::new()))))
    }

    fn change(&self) {
        self.0.lock().unwrap().0 = "new";
    }

    fn registry(&self, fake: &Fake) -> Registry {
        let host = RegistryHost::new(&fake.server.authority()).unwrap();
        let options = RegistryOptions {
            plain_http: true,
            ..options()
        };
        Registry::new(net(), host, Arc::new(self.clone()), options).unwrap()
    }
}

impl Credentials for Changing {
    fn get<'a>(&'a self, wanted: Wanted<'a>) -> CredentialFuture<'a> {
        let mut state = self.0.lock().unwrap();
        state.1.push(wanted.refused.is_some());
        let password = SecretString::from(state.0);
        let username = "u".to_owned();
        Box::pin(async move { Ok(Credential::Basic { username, password }) })
    }
}

const OLD: &str = "Basic dTpvbGQ=";
const NEW: &str = "Basic dTpuZXc=";

/// ECR answers a HEAD without a body, so its 403 does not say what it is about; a store that has a new password does.
#[tokio::test]
async fn a_head_that_is_refused_is_tried_again_with_a_new_password_only() {
    let fake = Fake::start(Box::new(move |asked, _| match asked.header("authorization") {
        None => Some(answer(401, &[("www-authenticate", "Basic")], "")),
        Some(NEW) => None,
        Some(_) => (asked.path != "/v2/").then(|| answer(403, &[], "")),
    }))
    .await;
    let secret = Changing::new();
    let registry = secret.registry(&fake);
    let error = registry.head_manifest(&REPOSITORY, "1").await.unwrap_err();
    assert_eq!(error.status().unwrap().as_u16(), 403);
    assert_eq!(fake.count("HEAD"), 1, "the same password is not shown twice");
    secret.change();
    assert_eq!(registry.head_manifest(&REPOSITORY, "1").await.unwrap(), None);
    assert_eq!(fake.count("HEAD"), 3);
}

/// A token service that takes one password, and tokens of a second.
async fn choosy(good: &'static str) -> Server {
    Server::start(move |asked, before| {
        if asked.header("authorization") == Some(good) {
            answer(200, &[], format!(r#"{{"token":"t{before}","expires_in":1}}"#))
        } else {
            answer(401, &[], "no")
        }
    })
    .await
}

#[tokio::test]
async fn a_password_that_the_token_service_refuses_is_asked_for_again_once() {
    let service = choosy(NEW).await;
    let realm = service.at("/token");
    let fake = Fake::start(bearer(realm.as_str(), |header| header.starts_with("Bearer t"))).await;
    let secret = Changing::new();
    let registry = secret.registry(&fake);
    let error = registry.head_manifest(&REPOSITORY, "1").await.unwrap_err();
    assert!(error.is_login(), "{error}");
    assert_eq!(
        service.asked().len(),
        1,
        "it is the same, so it is not shown again"
    );
    assert_eq!(
        secret.0.lock().unwrap().1.last(),
        Some(&true),
        "what was refused is said"
    );
    secret.change();
    assert_eq!(registry.head_manifest(&REPOSITORY, "1").await.unwrap(), None);
    assert_eq!(service.asked().len(), 2, "{:?}", service.lines());
}

#[tokio::test]
async fn a_new_password_is_found_before_the_token_is_renewed() {
    let valid: Arc<std::sync::Mutex<&str>> = Arc::new(std::sync::Mutex::new(OLD));
    let good = Arc::clone(&valid);
    let service = Server::start(move |asked, before| {
        if asked.header("authorization") == Some(*good.lock().unwrap()) {
            answer(200, &[], format!(r#"{{"token":"t{before}","expires_in":1}}"#))
        } else {
            answer(401, &[], "no")
        }
    })
    .await;
    let realm = service.at("/token");
    let fake = Fake::start(bearer(realm.as_str(), |header| header.starts_with("Bearer t"))).await;
    let secret = Changing::new();
    let registry = secret.registry(&fake);
    registry.head_manifest(&REPOSITORY, "1").await.unwrap();
    secret.change();
    *valid.lock().unwrap() = NEW;
    tokio::time::sleep(Duration::from_millis(600)).await;
    registry.head_manifest(&REPOSITORY, "1").await.unwrap();
    let shown: Vec<_> = service
        .asked()
        .iter()
        .map(|asked| asked.header("authorization").unwrap().to_owned())
        .collect();
    assert_eq!(shown, [OLD, NEW], "the old one is not shown once it is outdated");
}

/// Passwords by repository, as Podman's store has them.
struct ByNamespace;

impl Credentials for ByNamespace {
    fn get<'a>(&'a self, wanted: Wanted<'a>) -> CredentialFuture<'a> {
        let credential = wanted
            .repository
            .map_or(Credential::Anonymous, |name| Credential::Basic {
                username: name.to_owned(),
                password: "p".into(),
            });
        Box::pin(std::future::ready(Ok(credential)))
    }
}

#[tokio::test]
async fn each_repository_is_shown_its_own_login() {
    let service = tokens().await;
    for challenge in [
        "Basic".to_owned(),
        format!(r#"Bearer realm="{}",service="reg""#, service.at("/token")),
    ] {
        let fake = Fake::start(Box::new(move |asked, _| {
            let none = asked.header("authorization").is_none();
            none.then(|| answer(401, &[("www-authenticate", &challenge)], ""))
        }))
        .await;
        let host = RegistryHost::new(&fake.server.authority()).unwrap();
        let options = RegistryOptions {
            plain_http: true,
            ..options()
        };
        let registry = Registry::new(net(), host, Arc::new(ByNamespace), options).unwrap();
        for name in ["team/a", "team/b"] {
            let name = Repository::new(name).unwrap();
            assert_eq!(registry.head_manifest(&name, "1").await.unwrap(), None);
        }
        let basic = fake
            .server
            .asked()
            .iter()
            .chain(&service.asked())
            .filter_map(|asked| Some(asked.header("authorization")?.to_owned()))
            .filter(|header| header.starts_with("Basic "))
            .collect::<Vec<_>>();
        // `team/a:p` and `team/b:p`
        assert_eq!(basic, ["Basic dGVhbS9hOnA=", "Basic dGVhbS9iOnA="]);
    }
}

/// A service whose refresh tokens work once, as some identity providers have them.
#[tokio::test]
async fn a_refresh_token_that_was_replaced_is_not_used_again() {
    let next = Arc::new(AtomicUsize::new(0));
    let issued = Arc::clone(&next);
    let service = Server::start(move |asked, _| {
        let body = String::from_utf8_lossy(&asked.body).into_owned();
        let now = issued.load(Ordering::SeqCst);
        if !body.ends_with(&format!("refresh_token=r{now}")) {
            return answer(401, &[], "this one is used up");
        }
        issued.fetch_add(1, Ordering::SeqCst);
        let next = now + 1;
        answer(
            200,
            &[],
            format!(r#"{{"access_token":"t","refresh_token":"r{next}","expires_in":300}}"#),
        )
    })
    .await;
    let fake = Fake::start(bearer(service.at("/token").as_str(), |header| {
        header == "Bearer t"
    }))
    .await;
    let identity = Credential::Identity { token: "r0".into() };
    let registry = fake.registry_with(net(), identity, options());
    let names = ["a", "b", "c", "d", "e"].map(|name| Repository::new(name).unwrap());
    let all = names.iter().map(|name| registry.head_manifest(name, "1"));
    for outcome in futures_util::future::join_all(all).await {
        assert_eq!(outcome.unwrap(), None);
    }
    assert_eq!((service.asked().len(), next.load(Ordering::SeqCst)), (5, 5));
    assert!(service.asked().iter().all(|asked| asked.method == "POST"));
}

/// Where the new one is good for nothing, the stored one is tried before the way of old.
#[tokio::test]
async fn a_refresh_token_that_does_not_work_gives_way_to_the_stored_one() {
    let service = Server::start(move |asked, _| {
        let body = String::from_utf8_lossy(&asked.body).into_owned();
        if body.ends_with("refresh_token=stored") {
            let body = r#"{"access_token":"t","refresh_token":"broken","expires_in":300}"#;
            answer(200, &[], body)
        } else {
            answer(400, &[], "")
        }
    })
    .await;
    let fake = Fake::start(bearer(service.at("/token").as_str(), |header| {
        header == "Bearer t"
    }))
    .await;
    let identity = Credential::Identity {
        token: "stored".into(),
    };
    let registry = fake.registry_with(net(), identity, options());
    for name in ["a", "b"] {
        let name = Repository::new(name).unwrap();
        assert_eq!(registry.head_manifest(&name, "1").await.unwrap(), None);
    }
    let methods: Vec<_> = service.asked().iter().map(|asked| asked.method.clone()).collect();
    assert_eq!(methods, ["POST", "POST", "POST"]);
}

/// Credentials with an end, of which the first is half through at once and the second lasts.
struct Ending(AtomicUsize);

impl Credentials for Ending {
    fn get<'a>(&'a self, _: Wanted<'a>) -> CredentialFuture<'a> {
        let given = self.0.fetch_add(1, Ordering::Relaxed);
        let login = Credential::Basic {
            username: "AWS".to_owned(),
            password: given.min(1).to_string().into(),
        };
        Box::pin(std::future::ready(Ok(login)))
    }

    fn renewal(&self, _: &str) -> Option<Instant> {
        let given = self.0.load(Ordering::Relaxed);
        let life = Duration::from_secs(if given < 2 { 0 } else { 3600 });
        Some(Instant::now() + life)
    }
}

#[tokio::test]
async fn a_password_with_an_end_is_asked_for_again_in_time() {
    let fake = Fake::start(Box::new(move |asked, _| {
        let unknown = asked.header("authorization").is_none();
        unknown.then(|| answer(401, &[("www-authenticate", "Basic")], ""))
    }));
    let fake = fake.await;
    let host = RegistryHost::new(&fake.server.authority()).unwrap();
    let options = RegistryOptions {
        plain_http: true,
        ..options()
    };
    let ending = Ending(AtomicUsize::new(0));
    let registry = Registry::new(net(), host, Arc::new(ending), options).unwrap();
    for _ in 0..3 {
        registry.get_manifest(&REPOSITORY, "1").await.unwrap();
    }
    let asked = fake.server.asked();
    let logins: Vec<_> = asked
        .iter()
        .filter_map(|asked| asked.header("authorization"))
        .collect();
    // `AWS:1`, which nobody had to refuse `AWS:0` for
    assert!(logins.len() >= 3, "{logins:?}");
    assert!(
        logins.iter().all(|login| *login == "Basic QVdTOjE="),
        "{logins:?}"
    );
}

//! Where the login comes from, whether it is taken, where else it goes; and that it is never said.

use base64::Engine as _;

use super::{Found, doctor};
use crate::support::faults::{Effect, Fault};
use crate::support::ferry::Ferry;
use crate::support::process::{PASSWORD, USER};
use crate::support::registry::Registry;
use crate::support::registry_auth::Auth;
use crate::support::server::{Answer, Kind};

/// Neither the password nor its Basic form.
#[track_caller]
pub(super) fn assert_silent(found: &Found) {
    let pair = base64::engine::general_purpose::STANDARD.encode(format!("{USER}:{PASSWORD}"));
    for secret in [PASSWORD, &pair] {
        assert!(!found.printed.contains(secret), "{}", found.printed);
    }
}

fn with_store(host: &str) -> Ferry {
    let ferry = Ferry::new();
    let pair = base64::engine::general_purpose::STANDARD.encode(format!("{USER}:{PASSWORD}"));
    let store = serde_json::json!({ "auths": { host: { "auth": pair } } }).to_string();
    let folder = ferry.home().join(".docker");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("config.json"), store).unwrap();
    ferry
}

fn look(ferry: &Ferry, registry: &Registry, more: &[&str]) -> Found {
    let target = registry.target("charts");
    let mut args = vec![target.as_str(), "--plain-http"];
    args.extend(more);
    let found = doctor(ferry, &args);
    assert_silent(&found);
    found
}

#[test]
fn the_store_that_answered_is_named() {
    for auth in [Auth::basic(USER, PASSWORD), Auth::bearer(USER, PASSWORD)] {
        let registry = Registry::with(|it| it.auth = auth.clone());
        let found = look(&with_store(&registry.host()), &registry, &[]);
        let accepted = match auth {
            Auth::Bearer { .. } => "accepted by the token service",
            _ => "accepted by the registry",
        };
        found
            .code(0)
            .expect("credentials", "ok", &[USER, "Docker's store", "config.json"])
            .expect("login", "ok", &[accepted])
            .expect("forwarding", "ok", &["this registry alone"])
            .expect("push", "ok", &[]);

        let ferry = Ferry::new();
        std::fs::write(ferry.home().join("password"), PASSWORD).unwrap();
        look(
            &ferry,
            &registry,
            &["--username", USER, "--password-file", "password"],
        )
        .code(0)
        .expect("credentials", "ok", &[USER, "the command line"]);
    }
}

#[test]
fn a_wrong_password_fails_once_and_ends_it() {
    for auth in [Auth::basic(USER, "another"), Auth::bearer(USER, "another")] {
        let registry = Registry::with(|it| it.auth = auth);
        let found = look(&with_store(&registry.host()), &registry, &[]);
        found
            .code(5)
            .expect("credentials", "ok", &["Docker's store"])
            .expect("login", "failure", &["chartferry login"]);
        for id in ["forwarding", "pull", "push", "paging"] {
            found.expect(id, "skipped", &["the login does not work"]);
        }
        assert_eq!(registry.log().writes(), 0, "{}", registry.log());
    }
}

#[test]
fn without_credentials_only_what_anybody_may_do_is_possible() {
    let registry = Registry::with(|it| it.auth = Auth::bearer(USER, PASSWORD));
    look(&Ferry::new(), &registry, &[])
        .code(5)
        .expect("credentials", "warning", &["there are none", "chartferry login"])
        .expect("login", "failure", &["there are no credentials"]);
}

#[test]
fn a_store_that_cannot_be_read_fails() {
    let registry = Registry::with(|it| it.auth = Auth::basic(USER, PASSWORD));
    let ferry = with_store(&registry.host());
    std::fs::write(ferry.home().join(".docker/config.json"), "{").unwrap();
    look(&ferry, &registry, &[])
        .code(5)
        .expect("credentials", "failure", &["config.json"])
        .expect("login", "skipped", &["cannot be read"]);
}

/// A token service elsewhere gets nothing until its host is named, and then that is said.
#[test]
fn a_token_service_on_another_host_is_said() {
    let tokens = Registry::with(|it| it.auth = Auth::bearer(USER, PASSWORD));
    let registry = Registry::with(|it| it.auth = Auth::bearer(USER, PASSWORD));
    let elsewhere = tokens.host().replace("127.0.0.1", "localhost");
    let challenge = format!("Bearer realm=\"http://{elsewhere}/token\",service=\"x\"");
    let answer = Answer::status(401).header("www-authenticate", &challenge);
    registry.fault(Fault::on(Kind::Ping, Effect::Instead(answer)));
    let ferry = with_store(&registry.host());
    let found = look(&ferry, &registry, &[]);
    found
        .code(5)
        .expect("login", "failure", &["trusted_realms", &elsewhere]);
    assert!(tokens.log().0.is_empty(), "{}", tokens.log());

    // Named though nothing is there
    registry.heal();
    look(&ferry, &registry, &["--trusted-realm", "auth.example.org"])
        .code(0)
        .expect(
            "forwarding",
            "warning",
            &["trusted_realms", "auth.example.org", "remove it"],
        );
}

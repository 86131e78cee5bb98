//! `chartferry login` and `logout`: what is kept and where, what is refused, and that Helm and chartferry share it.

mod prompt;
mod refusals;
mod with_helm;

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;

use crate::auth::{base64, store, write};
use crate::support::chart_repo::ChartRepo;
use crate::support::charts::Chart;
use crate::support::ferry::{Ferry, Outcome};
use crate::support::process::{PASSWORD, USER};
use crate::support::registry::Registry;
use crate::support::registry_auth::Auth;
use crate::support::server::Kind;
use crate::support::tls::Tls;

/// Where `helm registry login` keeps logins, below the home of [`Ferry`].
pub(super) const STORE: &str = "config/helm/registry/config.json";

/// Runs a command with a line on standard input.
pub(super) fn typed(ferry: &Ferry, args: &[&str], input: &str) -> Outcome {
    let mut child = ferry
        .command(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // One that ends before it reads is judged by what it says
    drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    Outcome {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
        report: None,
    }
}

/// `login HOST --username … --password-stdin` and more.
pub(super) fn login(ferry: &Ferry, host: &str, password: &str, more: &[&str]) -> Outcome {
    let mut args = vec!["login", host, "--username", USER, "--password-stdin", "-vv"];
    args.extend(more);
    let outcome = typed(ferry, &args, &format!("{password}\n"));
    outcome.assert_free_of(password);
    outcome.assert_free_of(&base64(&format!("{USER}:{password}")));
    outcome
}

fn json(path: &Path) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn a_login_serves_until_the_logout() {
    for auth in [Auth::basic(USER, PASSWORD), Auth::bearer(USER, PASSWORD)] {
        let registry = Registry::with(|it| it.auth = auth.clone());
        let source = ChartRepo::of(&[Chart::new("demo", "1.0.0")]);
        let (ferry, host) = (Ferry::new(), registry.host());
        let migrate = || {
            let (from, to) = (source.url(), registry.target("charts"));
            ferry.report(["migrate", &from, &to, "--plain-http"])
        };
        let outcome = migrate().expect(5);
        let hint = format!("`chartferry login {host}` stores");
        let said = outcome.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains(&hint), "{said}");
        let outcome = login(&ferry, &host, PASSWORD, &["--plain-http"]).expect(0);
        assert_eq!(outcome.stdout, "Login succeeded\n");
        let kept = ferry.home().join(STORE);
        assert!(
            outcome.stderr.contains(kept.to_str().unwrap()),
            "{}",
            outcome.stderr
        );
        let wanted: serde_json::Value = serde_json::from_str(&store(&host, USER, PASSWORD)).unwrap();
        assert_eq!(json(&kept), wanted);
        assert_eq!(migrate().expect(0).count("pushed"), 1);
        let outcome = ferry.run(["logout", &host]).expect(0);
        assert_eq!((&*outcome.stdout, &*outcome.stderr), ("Logout succeeded\n", ""));
        assert_eq!(ferry.run(["logout", &host]).expect(0).stdout, "Not logged in\n");
        migrate().expect(5);
        // Nothing but the look at the API's root, and the token where there is one
        registry.forget_log();
        let quiet = login(&ferry, &host, PASSWORD, &["--plain-http"]);
        quiet.expect(0);
        let log = registry.log();
        let more = log
            .0
            .iter()
            .filter(|entry| !matches!(entry.kind, Kind::Ping | Kind::Token));
        assert_eq!(more.count(), 0, "{log}");
        assert!(log.0.len() <= 4, "{log}");
    }
}

#[test]
fn a_login_is_kept_where_it_is_told_to() {
    let registry = Registry::with(|it| it.auth = Auth::basic(USER, PASSWORD));
    let host = registry.host();
    let wanted: serde_json::Value = serde_json::from_str(&store(&host, USER, PASSWORD)).unwrap();
    let ferry = Ferry::new();
    let given = ["--plain-http", "--registry-config", "given/store.json"];
    login(&ferry, &host, PASSWORD, &given).expect(0);
    assert_eq!(json(&ferry.home().join("given/store.json")), wanted);
    assert!(!ferry.home().join(STORE).exists());
    let outcome = ferry.run(["logout", &host, "--registry-config", "given/store.json"]);
    assert_eq!(outcome.expect(0).stdout, "Logout succeeded\n");
    // By the variable that Helm reads, with the password from a file and not a word on stderr
    let path = ferry.home().join("elsewhere.json");
    let ferry = ferry.env("HELM_REGISTRY_CONFIG", path.to_str().unwrap());
    let password = write(ferry.home(), "password", PASSWORD);
    let mine = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(password, mine).unwrap();
    let args = [
        "login",
        &host,
        "-u",
        USER,
        "--password-file",
        "password",
        "--plain-http",
        "-q",
    ];
    let outcome = ferry.run(args).expect(0);
    assert_eq!((&*outcome.stdout, &*outcome.stderr), ("Login succeeded\n", ""));
    assert_eq!(json(&path), wanted);
}

#[test]
fn a_logout_names_the_stores_that_go_on() {
    let registry = Registry::with(|it| it.auth = Auth::basic(USER, PASSWORD));
    let (ferry, host) = (Ferry::new(), registry.host());
    let docker = write(ferry.home(), ".docker/config.json", &store(&host, USER, PASSWORD));
    login(&ferry, &host, PASSWORD, &["--plain-http"]).expect(0);
    for said in ["Logout succeeded\n", "Not logged in\n"] {
        let outcome = ferry.run(["logout", &host]).expect(0);
        assert_eq!(outcome.stdout, said);
        assert!(outcome.stderr.starts_with("warning: "), "{}", outcome.stderr);
        assert!(
            outcome.stderr.contains(docker.to_str().unwrap()),
            "{}",
            outcome.stderr
        );
    }
    let left: serde_json::Value = serde_json::from_str(&store(&host, USER, PASSWORD)).unwrap();
    assert_eq!(json(&docker), left, "Docker's store is Docker's");
}

/// Over TLS with an authority of one's own, with a client's certificate, and without any check.
#[test]
fn a_login_goes_over_tls() {
    let ferry = Ferry::new();
    let file = |name: &str| ferry.home().join(name);
    let tls = Tls::new();
    let registry = Registry::secure(&tls, |it| it.auth = Auth::bearer(USER, PASSWORD));
    tls.write_authority(&file("ca.pem"));
    let outcome = login(&ferry, &registry.host(), PASSWORD, &[]).expect(5);
    assert!(outcome.stderr.contains("--ca-file"), "{}", outcome.stderr);
    assert!(!file(STORE).exists());
    for args in [&["--ca-file", "ca.pem"][..], &["--insecure-skip-tls-verify"]] {
        login(&ferry, &registry.host(), PASSWORD, args).expect(0);
    }
    let tls = Tls::mutual();
    let registry = Registry::secure(&tls, |it| it.auth = Auth::basic(USER, PASSWORD));
    tls.write_authority(&file("mutual.pem"));
    tls.write_client(&file("client.pem"), &file("client.key"));
    let with = [
        "--ca-file",
        "mutual.pem",
        "--cert-file",
        "client.pem",
        "--key-file",
        "client.key",
    ];
    login(&ferry, &registry.host(), PASSWORD, &with[..2]).expect(5);
    login(&ferry, &registry.host(), PASSWORD, &with).expect(0);
    assert_eq!(json(&file(STORE))["auths"].as_object().unwrap().len(), 2);
}

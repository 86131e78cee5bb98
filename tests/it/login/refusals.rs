//! What `login` does not keep: wrong passwords, hosts that are no registry, hosts that are none at all.

use super::*;
use crate::support::faults::{Effect, Fault};
use crate::support::server::Answer;

/// One error on stderr that holds all of `parts`, and no store.
#[track_caller]
fn refused(ferry: &Ferry, outcome: Outcome, code: i32, parts: &[&str]) {
    let outcome = outcome.expect(code);
    assert_eq!(outcome.stdout, "");
    let errors: Vec<_> = outcome
        .stderr
        .lines()
        .filter(|line| line.starts_with("error: "))
        .collect();
    let [error] = errors[..] else {
        panic!("not one error: {}", outcome.stderr);
    };
    for part in parts {
        assert!(error.contains(part), "no `{part}`: {error}");
    }
    assert!(!ferry.home().join(STORE).exists(), "{error}");
}

#[test]
fn a_wrong_password_is_shown_once_and_not_kept() {
    for auth in [Auth::basic(USER, "right"), Auth::bearer(USER, "right")] {
        let registry = Registry::with(|it| it.auth = auth.clone());
        let (ferry, host) = (Ferry::new(), registry.host());
        let outcome = login(&ferry, &host, PASSWORD, &["--plain-http"]);
        let parts = [&*host, "does not accept ", "nothing was stored"];
        assert_eq!(
            outcome.stderr.matches("does not accept").count(),
            1,
            "{}",
            outcome.stderr
        );
        refused(&ferry, outcome, 5, &parts);
        let secret = base64(&format!("{USER}:{PASSWORD}"));
        let log = registry.log();
        let headers = log.0.iter().map(|entry| entry.request.header("authorization"));
        let shown = headers.filter(|header| header.contains(&secret)).count();
        assert_eq!(shown, 1, "{log}");
    }
    // A login that works is not replaced by one that does not
    let registry = Registry::with(|it| it.auth = Auth::basic(USER, PASSWORD));
    let (ferry, host) = (Ferry::new(), registry.host());
    login(&ferry, &host, PASSWORD, &["--plain-http"]).expect(0);
    let before = json(&ferry.home().join(STORE));
    login(&ferry, &host, "s3cr3t-typo", &["--plain-http"]).expect(5);
    assert_eq!(json(&ferry.home().join(STORE)), before);
}

/// A store that cannot keep a login is named before a password is asked for, and before the registry sees it.
#[test]
fn a_broken_store_is_told_first() {
    let registry = Registry::with(|it| it.auth = Auth::basic(USER, PASSWORD));
    let (ferry, host) = (Ferry::new(), registry.host());
    let path = write(ferry.home(), STORE, "[]");
    let with_password = login(&ferry, &host, PASSWORD, &["--plain-http"]);
    // Without one, standard input is no terminal to ask on
    let asks = typed(&ferry, &["login", &host, "--username", USER, "--plain-http"], "");
    for outcome in [with_password, asks] {
        let outcome = outcome.expect(1);
        assert!(
            outcome.stderr.contains(path.to_str().unwrap())
                && outcome.stderr.contains("mend it or move it away")
                && !outcome.stderr.contains("there is no password"),
            "{}",
            outcome.stderr
        );
    }
    assert!(registry.log().0.is_empty(), "{}", registry.log());
    // Which is what helps
    std::fs::rename(&path, path.with_extension("old")).unwrap();
    login(&ferry, &host, PASSWORD, &["--plain-http"]).expect(0);
}

#[test]
fn what_is_no_registry_gets_no_login() {
    let ferry = Ferry::new();
    let plain = &["--plain-http"][..];
    let portal = Registry::with(|it| it.captive_portal = true);
    let parts = ["is not an OCI registry", "nothing was stored"];
    refused(&ferry, login(&ferry, &portal.host(), PASSWORD, plain), 5, &parts);
    let charts = ChartRepo::of(&[]);
    refused(&ferry, login(&ferry, &charts.host(), PASSWORD, plain), 5, &parts);
    charts
        .log()
        .assert_free_of(&base64(&format!("{USER}:{PASSWORD}")));
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().to_string()
    };
    refused(
        &ferry,
        login(&ferry, &closed, PASSWORD, plain),
        5,
        &[&closed, "refused"],
    );
    let registry = Registry::with(|it| it.auth = Auth::basic(USER, PASSWORD));
    let parts = [&*registry.host(), "plain HTTP", "--plain-http"];
    refused(&ferry, login(&ferry, &registry.host(), PASSWORD, &[]), 5, &parts);
    assert!(registry.log().0.is_empty(), "{}", registry.log());
    // A token service elsewhere
    let realm = "Bearer realm=\"https://tokens.example.com/\"";
    let answer = Answer::status(401).header("www-authenticate", realm);
    registry.fault(Fault::on(Kind::Ping, Effect::Instead(answer)));
    let parts = ["tokens.example.com", "--trusted-realm tokens.example.com"];
    refused(
        &ferry,
        login(&ferry, &registry.host(), PASSWORD, plain),
        5,
        &parts,
    );
}

/// Nobody can tell whether the password is right; Helm and Docker keep it without a word.
#[test]
fn a_registry_for_everybody_is_pointed_out() {
    let registry = Registry::start();
    let outcome = login(&Ferry::new(), &registry.host(), PASSWORD, &["--plain-http"]).expect(0);
    assert_eq!(outcome.stdout, "Login succeeded\n");
    assert!(
        outcome.stderr.contains("warning: ") && outcome.stderr.contains("lets in everybody"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn a_host_is_a_host() {
    let ferry = Ferry::new();
    for (text, part) in [
        ("https://r.io", "`r.io`"),
        ("oci://r.io:5000/charts", "`r.io:5000`"),
        ("r.io/charts", "`r.io`"),
        ("https://u:s3cr3t@r.io/v2/?x=s3cr3t", "`r.io`"),
        ("u:s3cr3t@r.io", "`r.io`"),
        ("", "HOST"),
        ("r io", "HOST"),
        ("https://", "HOST"),
    ] {
        for command in [
            &["login", text, "--username", "u", "--password-stdin"][..],
            &["logout", text],
        ] {
            let outcome = typed(&ferry, command, "p\n");
            outcome.assert_free_of("s3cr3t");
            refused(&ferry, outcome, 1, &[part]);
        }
    }
}

#[test]
fn what_is_missing_is_asked_for_on_a_terminal_only() {
    let ferry = Ferry::new();
    for (args, part) in [
        (&["login", "r.io"][..], "`--username` is missing"),
        (
            &["login", "r.io", "--username", "u"],
            "use `--password-stdin` or `--password-file`",
        ),
        (
            &["login", "r.io", "--username", "", "--password-stdin"],
            "a user name is not empty",
        ),
        (
            &["login", "r.io", "--username", "a:b", "--password-stdin"],
            "has no `:`",
        ),
        (
            &["login", "r.io", "--username", "u", "--password-file", "none"],
            "`--password-file`",
        ),
    ] {
        refused(&ferry, typed(&ferry, args, "p\n"), 1, &[part]);
    }
    let empty = typed(
        &ferry,
        &["login", "r.io", "--username", "u", "--password-stdin"],
        "\n",
    );
    refused(&ferry, empty, 1, &["holds no password"]);
    for args in [
        &["login", "r.io", "--password-stdin"][..],
        &[
            "login",
            "r.io",
            "--username",
            "u",
            "--password-stdin",
            "--password-file",
            "x",
        ],
        &["login", "r.io", "--cert-file", "x"],
        &["login"],
        &["logout"],
        &["logout", "r.io", "s.io"],
    ] {
        assert_eq!(typed(&ferry, args, "p\n").code, Some(1), "{args:?}");
    }
}

#[test]
fn a_store_that_is_broken_stays_as_it_is() {
    let registry = Registry::with(|it| it.auth = Auth::basic(USER, PASSWORD));
    let ferry = Ferry::new();
    let path = write(ferry.home(), STORE, "{\"auths\": ");
    let outcome = login(&ferry, &registry.host(), PASSWORD, &["--plain-http"]).expect(1);
    assert!(
        outcome.stderr.contains("is not a JSON object"),
        "{}",
        outcome.stderr
    );
    assert_eq!(std::fs::read_to_string(path).unwrap(), "{\"auths\": ");
}

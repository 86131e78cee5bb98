//! Starting runs: who may, by what, and what becomes of it.

use chartferry::service::desk::{Triggered, Wish};
use chartferry::service::http::{HttpOptions, Token};

use super::desk::SampleDesk;
use super::samples;
use super::server::{Answer, Server};

const RUN: &str = "/api/v1/mirrors/argo/run";
const TOKEN: &str = "Authorization: Bearer s3cret-t0ken";
const JSON: &str = "Content-Type: application/json";

fn server() -> Server {
    let options = HttpOptions {
        token: Token::new(Some("s3cret-t0ken".into())),
        ..HttpOptions::default()
    };
    Server::start(SampleDesk::new(samples::twelve()), options, "127.0.0.1:0")
}

fn refused(server: &Server, got: &Answer, status: u16, code: &str) {
    assert_eq!(
        (got.status, &got.json()["code"]),
        (status, &code.into()),
        "{got:?}"
    );
    assert!(!got.body.contains("s3cret"), "{got:?}");
    assert!(server.desk.wishes.lock().unwrap().is_empty(), "{got:?}");
}

#[test]
fn who_has_the_token_starts_a_run() {
    let server = server();
    let plain = server.ask("POST", RUN, &[TOKEN], "");
    assert_eq!(plain.status, 202, "{plain:?}");
    assert_eq!(
        plain.json(),
        serde_json::json!({"schema": "chartferry.started/v1", "mirror": "argo", "outcome": "begun"})
    );
    *server.desk.answer.lock().unwrap() = Triggered::Queued;
    let body = r#"{"reconcile": true, "accept_shrink": true}"#;
    let full = server.ask("POST", RUN, &["authorization: bearer s3cret-t0ken", JSON], body);
    assert_eq!((full.status, &full.json()["outcome"]), (202, &"queued".into()));
    let half = server.ask("POST", RUN, &[TOKEN, JSON], r#"{"reconcile": true}"#);
    assert_eq!(half.status, 202);
    let wish = |reconcile, accept_shrink| {
        let wish = Wish {
            reconcile,
            accept_shrink,
        };
        ("argo".to_owned(), wish)
    };
    assert_eq!(
        *server.desk.wishes.lock().unwrap(),
        [wish(false, false), wish(true, true), wish(true, false)]
    );
}

#[test]
fn without_the_token_nobody_does() {
    let server = server();
    let missing = server.ask("POST", RUN, &[], "");
    assert_eq!(missing.header("www-authenticate"), Some("Bearer"));
    refused(&server, &missing, 401, "unauthorized");
    for line in [
        "Authorization: Bearer",
        "Authorization: Bearer ",
        "Authorization: Bearer s3cret-t0ke",
        "Authorization: Bearer s3cret-t0ken2",
        "Authorization: Bearer S3CRET-T0KEN",
        "Authorization: Basic czNjcmV0LXQwa2Vu",
        "Cookie: token=s3cret-t0ken",
        "X-Token: s3cret-t0ken",
    ] {
        refused(
            &server,
            &server.ask("POST", RUN, &[line], ""),
            401,
            "unauthorized",
        );
    }
    let twice = server.ask("POST", RUN, &[TOKEN, "Authorization: Bearer x"], "");
    refused(&server, &twice, 401, "unauthorized");
    let query = server.ask("POST", &format!("{RUN}?token=s3cret-t0ken"), &[], "");
    refused(&server, &query, 401, "unauthorized");
}

#[test]
fn without_a_configured_token_it_says_what_to_configure() {
    let server = Server::of(samples::twelve());
    for lines in [&[][..], &["Authorization: Bearer "], &[TOKEN]] {
        let got = server.ask("POST", RUN, lines, "");
        refused(&server, &got, 403, "no-token");
        assert!(got.body.contains("`token_file`"), "{got:?}");
    }
}

#[test]
fn a_body_that_is_not_understood_starts_nothing() {
    let server = server();
    for (body, part) in [
        (r#"{"reconcile": true, "force": true}"#, "unknown field `force`"),
        (r#"{"reconcile": "yes"}"#, "expected a boolean"),
        (r#"{"reconcile": true} x"#, "trailing characters"),
        (r#"{"reconcile": true, "reconcile": false}"#, "duplicate field"),
        ("\u{1b}", "not understood"),
    ] {
        let got = server.ask("POST", RUN, &[TOKEN, JSON], body);
        refused(&server, &got, 400, "body");
        assert!(got.body.contains(part), "{got:?}");
    }
    let form = server.ask(
        "POST",
        RUN,
        &[TOKEN, "Content-Type: application/x-www-form-urlencoded"],
        "reconcile=true",
    );
    refused(&server, &form, 415, "content-type");
    let large = format!(r#"{{"reconcile": true{}}}"#, " ".repeat(4096));
    let large = server.ask("POST", RUN, &[TOKEN, JSON], &large);
    refused(&server, &large, 413, "body");
}

#[test]
fn what_the_service_answers_is_passed_on() {
    let server = server();
    let unknown = server.ask("POST", "/api/v1/mirrors/nothing/run", &[TOKEN], "");
    assert_eq!(
        (unknown.status, &unknown.json()["code"]),
        (404, &"no-mirror".into())
    );
    for (answer, status, part) in [
        (
            Triggered::Standby(Some("chartferry-1".into())),
            409,
            "`chartferry-1`",
        ),
        (Triggered::Standby(None), 409, "no leader is known"),
        (Triggered::Stopping, 503, "about to end"),
    ] {
        *server.desk.answer.lock().unwrap() = answer;
        let got = server.ask("POST", RUN, &[TOKEN], "");
        assert_eq!(got.status, status);
        assert!(got.json()["error"].as_str().unwrap().contains(part), "{got:?}");
    }
}

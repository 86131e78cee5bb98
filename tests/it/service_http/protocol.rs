//! Paths, methods and headers.

use chartferry::service::http::HttpOptions;

use super::desk::SampleDesk;
use super::samples;
use super::server::Server;

#[test]
fn every_path_answers_what_it_is_for() {
    let server = Server::of(samples::twelve());
    for (path, kind, part) in [
        ("/", "text/html; charset=utf-8", "2 of 12 mirrors fail"),
        (
            "/mirrors/cert-manager",
            "text/html; charset=utf-8",
            "<h1><bdi>cert-manager",
        ),
        (
            "/mirrors/cert-manager/versions",
            "text/html; charset=utf-8",
            "450 versions",
        ),
        ("/api/v1/mirrors", "application/json", "chartferry.mirrors/v1"),
        (
            "/api/v1/mirrors/cert-manager",
            "application/json",
            "chartferry.mirror/v1",
        ),
        (
            "/api/v1/mirrors/cert-manager/versions",
            "application/json",
            "chartferry.versions/v1",
        ),
        ("/healthz", "text/plain; charset=utf-8", "alive\n"),
        ("/readyz", "text/plain; charset=utf-8", "ready\n"),
        (
            "/metrics",
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
            "# EOF\n",
        ),
    ] {
        let got = server.get(path);
        assert_eq!(
            (got.status, got.header("content-type")),
            (200, Some(kind)),
            "{path}"
        );
        assert!(got.body.contains(part), "{path}: {}", got.body);

        let head = server.ask("HEAD", path, &[], "");
        assert_eq!((head.status, &*head.body), (200, ""), "{path}");
        assert_eq!(
            head.header("content-length"),
            got.header("content-length"),
            "{path}"
        );
    }
}

#[test]
fn probes_say_what_is_missing() {
    let server = Server::of(samples::twelve());
    *server.desk.alive.lock().unwrap() = false;
    server
        .desk
        .missing
        .lock()
        .unwrap()
        .extend(["a".into(), "b".into()]);
    let (health, ready) = (server.get("/healthz"), server.get("/readyz"));
    assert_eq!(health.status, 503);
    assert_eq!((ready.status, &*ready.body), (503, "a\nb\n"));
}

#[test]
fn other_methods_are_refused_by_name() {
    let server = Server::of(samples::twelve());
    for (method, path, allowed) in [
        ("POST", "/", "GET,HEAD"),
        ("DELETE", "/api/v1/mirrors/argo", "GET,HEAD"),
        ("PUT", "/metrics", "GET,HEAD"),
        ("OPTIONS", "/healthz", "GET,HEAD"),
        ("GET", "/api/v1/mirrors/argo/run", "POST"),
        ("HEAD", "/api/v1/mirrors/argo/run", "POST"),
    ] {
        let got = server.ask(method, path, &[], "");
        assert_eq!(
            (got.status, got.header("allow")),
            (405, Some(allowed)),
            "{method} {path}"
        );
        if path.starts_with("/api") && method != "HEAD" {
            assert_eq!(got.json()["code"], "method-not-allowed");
        }
    }
    assert!(server.desk.wishes.lock().unwrap().is_empty());
}

#[test]
fn what_is_not_there_is_404_in_the_language_of_the_asker() {
    let server = Server::of(samples::twelve());
    for path in [
        "/nothing",
        "/mirrors/nothing",
        "/mirrors/nothing/versions",
        "/mirrors/%ff",
        "/style.css",
    ] {
        let got = server.get(path);
        assert_eq!(got.status, 404, "{path}");
        assert!(got.body.starts_with("<!DOCTYPE html>"), "{path}: {}", got.body);
    }
    for (path, code) in [
        ("/api", "not-found"),
        ("/api/v2/mirrors", "not-found"),
        ("/api/v1/mirrors/nothing", "no-mirror"),
        ("/api/v1/mirrors/nothing/versions", "no-mirror"),
        ("/api/v1/mirrors/%ff", "no-mirror"),
        ("/api/v1/mirrors/%1b%5b31m", "no-mirror"),
    ] {
        let got = server.get(path);
        assert_eq!((got.status, &got.json()["code"]), (404, &code.into()), "{path}");
        assert!(!got.body.contains('\u{1b}'));
    }
}

#[test]
fn every_answer_forbids_browsers_what_nobody_needs() {
    let server = Server::of(samples::twelve());
    for (method, path) in [
        ("GET", "/"),
        ("GET", "/mirrors/argo"),
        ("GET", "/api/v1/mirrors"),
        ("GET", "/metrics"),
        ("GET", "/healthz"),
        ("GET", "/nothing"),
        ("GET", "/api/nothing"),
        ("POST", "/"),
        ("POST", "/api/v1/mirrors/argo/run"),
    ] {
        let got = server.ask(method, path, &[], "");
        let policy = got.header("content-security-policy").unwrap();
        for part in [
            "default-src 'none'",
            "style-src 'sha256-",
            "frame-ancestors 'none'",
            "form-action 'self'",
            "base-uri 'none'",
        ] {
            assert!(policy.contains(part), "{policy}");
        }
        assert!(
            !policy.contains("unsafe") && !policy.contains("script"),
            "{policy}"
        );
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cache-control", "no-store"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(got.header(name), Some(value), "{method} {path}");
        }
        for name in ["set-cookie", "access-control-allow-origin", "server"] {
            assert_eq!(got.header(name), None, "{method} {path}");
        }
    }
}

#[test]
fn the_policy_allows_the_style_of_the_page_and_only_it() {
    use base64::Engine as _;

    let server = Server::of(samples::twelve());
    let page = server.get("/");
    let styles: Vec<_> = page.body.split("<style>").skip(1).collect();
    assert_eq!(styles.len(), 1);
    let style = styles[0].split("</style>").next().unwrap();
    let digest = chartferry::types::Digest::of(style.as_bytes()).hex();
    let bytes: Vec<u8> = (0..64)
        .step_by(2)
        .map(|at| u8::from_str_radix(&digest[at..at + 2], 16).unwrap())
        .collect();
    let hash = base64::prelude::BASE64_STANDARD.encode(bytes);
    let policy = page.header("content-security-policy").unwrap();
    assert!(
        policy.contains(&format!("style-src 'sha256-{hash}';")),
        "{policy}"
    );
    for forbidden in [
        " style=",
        "<script",
        "<iframe",
        "<img",
        " onclick=",
        "javascript:",
        "url(",
    ] {
        assert!(!page.body.contains(forbidden), "{forbidden}");
    }
}

#[test]
fn a_loopback_listener_answers_to_no_foreign_name() {
    let options = HttpOptions {
        hosts: vec!["status.acme.io".into()],
        ..HttpOptions::default()
    };
    let server = Server::start(SampleDesk::new(samples::twelve()), options, "127.0.0.1:0");
    let ask = |host: &str, path| server.ask("GET", path, &[&format!("Host: {host}")], "").status;
    for path in ["/", "/api/v1/mirrors", "/metrics", "/nothing"] {
        assert_eq!(ask("evil.example:8080", path), 421, "{path}");
    }
    for host in ["localhost:8080", "127.0.0.1", "[::1]:8080", "status.acme.io"] {
        assert_eq!(ask(host, "/"), 200, "{host}");
    }
    let absolute = b"GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    assert_eq!(server.send(absolute).status, 421);
    assert_eq!(server.send(b"GET /healthz HTTP/1.0\r\n\r\n").status, 200);
}

#[test]
fn a_listener_for_others_answers_to_every_name() {
    let desk = SampleDesk::new(samples::twelve());
    let server = Server::start(desk, HttpOptions::default(), "0.0.0.0:0");
    let got = server.ask("GET", "/", &["Host: chartferry.monitoring.svc"], "");
    assert_eq!(got.status, 200);
}

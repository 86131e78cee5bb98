//! The way to a host: name, connection, certificate, clock, and whether it is a registry at all.

use chrono::Datelike as _;

use super::{Found, doctor, plain};
use crate::support::faults::{Effect, Fault};
use crate::support::ferry::Ferry;
use crate::support::registry::Registry;
use crate::support::server::{Answer, Kind};
use crate::support::tls::Tls;

/// Everything after `id`, for one of these reasons.
#[track_caller]
fn skipped(found: &Found, ids: &[&str]) {
    for id in ids {
        found.expect(id, "skipped", &[]);
    }
}

const AFTER_CONNECTION: [&str; 9] = [
    "tls",
    "clock",
    "api",
    "credentials",
    "login",
    "forwarding",
    "pull",
    "push",
    "paging",
];

#[test]
fn a_name_without_an_address_ends_it() {
    let found = doctor(&Ferry::new(), &["oci://registry.invalid/charts"]);
    found
        .code(5)
        .expect("name", "failure", &["registry.invalid", "is the name right"]);
    assert!(!found.printed.contains("?;"), "{}", found.table);
    skipped(&found, &["connection"]);
    skipped(&found, &AFTER_CONNECTION);
    assert!(found.table.ends_with(": 1 failure\n"), "{}", found.table);
}

#[test]
fn a_port_where_nobody_listens_ends_it() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    drop(listener);
    let found = doctor(&Ferry::new(), &[&format!("oci://{host}/charts")]);
    found
        .code(5)
        .expect("name", "ok", &[])
        .expect("connection", "failure", &[&host, "firewalls"]);
    skipped(&found, &AFTER_CONNECTION);
}

#[test]
fn a_proxy_takes_over_names_and_connections() {
    let ferry = Ferry::new().env("HTTPS_PROXY", "http://user:s3cr3t-proxy@127.0.0.1:1");
    let found = doctor(&ferry, &["oci://registry.invalid/charts"]);
    found
        .code(5)
        .expect("name", "skipped", &["proxy", "127.0.0.1:1"])
        .expect("connection", "skipped", &["proxy"])
        .expect("api", "failure", &["proxy"]);
    assert!(!found.printed.contains("s3cr3t-proxy"), "{}", found.printed);
}

/// Year, month and day so many days from now.
fn in_days(days: i64) -> (i32, u8, u8) {
    let day = chrono::Utc::now() + chrono::Duration::days(days);
    let small = |number: u32| u8::try_from(number).unwrap();
    (day.year(), small(day.month()), small(day.day()))
}

#[test]
fn certificates_are_shown_and_watched() {
    for (days_left, status, parts) in [
        (
            400,
            "ok",
            &["issued by `test authority`", "`127.0.0.1`", "valid until"][..],
        ),
        (5, "warning", &["expires in", "have it renewed"]),
    ] {
        let (year, month, day) = in_days(days_left);
        let tls = Tls::named(&["127.0.0.1"], |it| {
            it.not_after = rcgen::date_time_ymd(year, month, day);
        });
        let ferry = Ferry::new();
        tls.write_authority(&ferry.home().join("ca.pem"));
        let registry = Registry::secure(&tls, |_| {});
        let target = registry.target("charts");
        doctor(&ferry, &[&target, "--ca-file", "ca.pem"])
            .code(0)
            .expect("tls", status, parts)
            .expect("push", "ok", &[]);
        doctor(&ferry, &[&target, "--insecure-skip-tls-verify"])
            .code(0)
            .expect(
                "tls",
                "warning",
                &["insecure_skip_tls_verify", "ca_file", "test authority"],
            );
        registry.forget_log();
        let found = doctor(&ferry, &[&target]);
        found.code(5).expect("connection", "ok", &[]).expect(
            "tls",
            "failure",
            &["UnknownIssuer", "--ca-file"],
        );
        skipped(&found, &AFTER_CONNECTION[1..]);
        assert!(registry.log().0.is_empty(), "{}", registry.log());
    }
}

#[test]
fn a_port_without_tls_is_named() {
    let registry = Registry::start();
    doctor(&Ferry::new(), &[&registry.target("charts")])
        .code(5)
        .expect("tls", "failure", &["plain HTTP", "--plain-http"]);
    assert!(registry.log().0.is_empty(), "not a word in the clear");
}

#[test]
fn a_clock_that_is_wrong_is_named() {
    let registry = Registry::start();
    let answer = Answer::status(200)
        .header("date", "Sun, 06 Nov 1994 08:49:37 GMT")
        .body("{}");
    registry.fault(Fault::on(Kind::Ping, Effect::AnswerAs(answer)));
    plain(&registry, &[])
        .code(0)
        .expect("clock", "warning", &["ahead of", "synchronise"]);
}

#[test]
fn what_is_no_registry_is_said_so() {
    for (answer, part) in [
        (Answer::html(200), "not an OCI registry"),
        (Answer::status(404), "not an OCI registry"),
        (Answer::status(500), "500 Internal Server Error"),
    ] {
        let registry = Registry::start();
        registry.fault(Fault::on(Kind::Ping, Effect::Instead(answer)));
        let found = plain(&registry, &[]);
        found.code(5).expect("api", "failure", &[part]);
        skipped(
            &found,
            &["credentials", "login", "forwarding", "pull", "push", "paging"],
        );
    }
}

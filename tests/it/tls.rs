//! Who is at the other end: certificates that do not fit are final, the message names the cause and the way out, and nothing
//! is ever sent without the protection that was meant (reliability F21, A14, A22, A25).

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use crate::support::chart_repo::ChartRepo;
use crate::support::charts::Chart;
use crate::support::faults::{Effect, Fault};
use crate::support::ferry::{Ferry, Outcome, elements};
use crate::support::registry::Registry;
use crate::support::server::{Answer, Kind};
use crate::support::tls::Tls;

fn source() -> ChartRepo {
    ChartRepo::of(&[Chart::new("demo", "1.0.0")])
}

/// What was said on stdout as one line.
fn said(outcome: &Outcome) -> String {
    outcome.stdout.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The requests that were sent again, to all hosts together.
fn retries(outcome: &Outcome) -> u64 {
    let report = outcome.report.as_ref().unwrap();
    elements(&report["hosts"])
        .map(|host| host["retries"].as_u64().unwrap())
        .sum()
}

/// Expects an end with `code`, at once, in words that hold all of `parts`.
fn turned_away(outcome: Outcome, code: i32, parts: &[&str]) {
    assert_eq!(
        retries(&outcome),
        0,
        "repeating does not help: {}",
        said(&outcome)
    );
    refused(outcome, code, parts);
}

/// The same for a server that wants a certificate. Since TLS 1.3 it says so after the handshake: a connection that it closes before
/// the request is on its way breaks without a reason, and that is worth one more try, which then tells.
fn turned_away_after_the_handshake(outcome: Outcome, code: i32, parts: &[&str]) {
    assert!(
        retries(&outcome) <= 1,
        "repeating does not help: {}",
        said(&outcome)
    );
    refused(outcome, code, parts);
}

fn refused(outcome: Outcome, code: i32, parts: &[&str]) {
    let outcome = outcome.expect(code);
    let text = said(&outcome);
    for part in parts {
        assert!(text.contains(part), "no `{part}`: {text}");
    }
    assert_eq!(outcome.count("pushed"), 0, "{text}");
}

fn migrate(ferry: &Ferry, source: &ChartRepo, registry: &Registry, args: &[&str]) -> Outcome {
    let (from, to) = (source.url(), registry.target("charts"));
    ferry.report(["migrate", from.as_str(), to.as_str()].iter().chain(args))
}

fn arrived(outcome: Outcome, registry: &Registry) {
    outcome.expect(0);
    assert_eq!(registry.tags(), ["charts/demo:1.0.0"]);
    registry.assert_sound();
}

#[test]
fn plain_http_is_spoken_only_where_it_was_asked_for() {
    let (source, registry, ferry) = (source(), Registry::start(), Ferry::new());
    let outcome = migrate(&ferry, &source, &registry, &[]);
    turned_away(outcome, 5, &[&registry.host(), "plain HTTP", "--plain-http"]);
    assert!(
        registry.log().0.is_empty(),
        "not a word in the clear: {}",
        registry.log()
    );
    assert_eq!(source.log().count(Kind::Package), 0);
    arrived(migrate(&ferry, &source, &registry, &["--plain-http"]), &registry);
}

/// The other way round: Go's servers say so in plain text.
#[test]
fn plain_http_to_a_port_that_speaks_tls_is_named() {
    let (source, registry, ferry) = (source(), Registry::start(), Ferry::new());
    let text = "Client sent an HTTP request to an HTTPS server.\n";
    let answer = Answer::status(400)
        .header("content-type", "text/plain")
        .body(text);
    registry.fault(Fault::on(Kind::Ping, Effect::Instead(answer)));
    let outcome = migrate(&ferry, &source, &registry, &["--plain-http"]);
    turned_away(outcome, 5, &["HTTP request to an HTTPS server", "--plain-http"]);
}

#[test]
fn f21_an_authority_must_be_known() {
    let (tls, source, ferry) = (Tls::new(), source(), Ferry::new());
    let registry = Registry::secure(&tls, |_| {});
    let file = |name: &str| ferry.home().join(name);
    tls.write_authority(&file("ca.pem"));
    Tls::new().write_authority(&file("stranger.pem"));
    // The stranger has the same name, as a CA that was renewed
    for (args, cause) in [
        (&[][..], "UnknownIssuer"),
        (&["--ca-file", "stranger.pem"], "BadSignature"),
        (&["--source-ca-file", "ca.pem"], "UnknownIssuer"),
    ] {
        let outcome = migrate(&ferry, &source, &registry, args);
        turned_away(outcome, 5, &[&registry.host(), cause, "ca_file", "--ca-file"]);
    }
    assert!(registry.log().0.is_empty(), "{}", registry.log());
    arrived(
        migrate(&ferry, &source, &registry, &["--ca-file", "ca.pem"]),
        &registry,
    );
    let other = Registry::secure(&tls, |_| {});
    arrived(
        migrate(&ferry, &source, &other, &["--insecure-skip-tls-verify"]),
        &other,
    );
}

#[test]
fn f21_a_certificate_must_fit_the_host_and_the_day() {
    let cases = [
        (
            Tls::named(&["registry.example.org"], |_| {}),
            ["for another host: `registry.example.org`", "use a name"],
        ),
        (
            Tls::named(&["127.0.0.1"], |it| {
                it.not_before = rcgen::date_time_ymd(2001, 1, 1);
                it.not_after = rcgen::date_time_ymd(2002, 1, 1);
            }),
            ["expired on 2002-01-01", "renewed"],
        ),
        (
            Tls::named(&["127.0.0.1"], |it| {
                it.not_before = rcgen::date_time_ymd(4000, 1, 1);
                it.not_after = rcgen::date_time_ymd(4001, 1, 1);
            }),
            ["not valid before 4000-01-01", "clock of this machine"],
        ),
    ];
    let source = source();
    for (tls, parts) in cases {
        let ferry = Ferry::new();
        tls.write_authority(&ferry.home().join("ca.pem"));
        let registry = Registry::secure(&tls, |_| {});
        let outcome = migrate(&ferry, &source, &registry, &["--ca-file", "ca.pem"]);
        turned_away(outcome, 5, &parts);
        assert!(registry.log().0.is_empty(), "{}", registry.log());
        arrived(
            migrate(&ferry, &source, &registry, &["--insecure-skip-tls-verify"]),
            &registry,
        );
    }
}

#[test]
fn f21_a_server_may_ask_who_we_are() {
    let (tls, source, ferry) = (Tls::mutual(), source(), Ferry::new());
    let registry = Registry::secure(&tls, |_| {});
    let home = ferry.home();
    tls.write_authority(&home.join("ca.pem"));
    tls.write_client(&home.join("client.pem"), &home.join("client.key"));
    Tls::mutual().write_client(&home.join("stranger.pem"), &home.join("stranger.key"));
    let ca = ["--ca-file", "ca.pem"];
    let outcome = migrate(&ferry, &source, &registry, &ca);
    turned_away_after_the_handshake(outcome, 5, &["client certificate", "cert_file", "--cert-file"]);
    let with =
        |cert: &'static str, key: &'static str| [&ca[..], &["--cert-file", cert, "--key-file", key]].concat();
    let outcome = migrate(&ferry, &source, &registry, &with("stranger.pem", "stranger.key"));
    turned_away_after_the_handshake(
        outcome,
        5,
        &[&registry.host(), "does not accept our client certificate"],
    );
    assert!(registry.log().0.is_empty(), "{}", registry.log());
    // A key of another certificate is found out before anything is sent
    let outcome = migrate(&ferry, &source, &registry, &with("client.pem", "stranger.key")).expect(1);
    assert!(outcome.stderr.contains("key"), "{}", outcome.stderr);
    arrived(
        migrate(&ferry, &source, &registry, &with("client.pem", "client.key")),
        &registry,
    );
}

/// Self-made certificates: one that is no CA's can be named itself, one that is a CA's cannot, and the message says so.
#[test]
fn f21_a_certificate_that_signs_itself() {
    let (source, ferry) = (source(), Ferry::new());
    let tls = Tls::self_signed(false);
    let registry = Registry::secure(&tls, |_| {});
    tls.write_authority(&ferry.home().join("self.pem"));
    let outcome = migrate(&ferry, &source, &registry, &[]);
    turned_away(
        outcome,
        5,
        &["signed by itself or by a CA", "UnknownIssuer", "--ca-file"],
    );
    arrived(
        migrate(&ferry, &source, &registry, &["--ca-file", "self.pem"]),
        &registry,
    );
    let tls = Tls::self_signed(true);
    let registry = Registry::secure(&tls, |_| {});
    tls.write_authority(&ferry.home().join("ca.pem"));
    for args in [&[][..], &["--ca-file", "ca.pem"]] {
        let outcome = migrate(&ferry, &source, &registry, args);
        turned_away(
            outcome,
            5,
            &["one of a CA", "signed by itself", "basicConstraints=CA:FALSE"],
        );
    }
    assert!(registry.log().0.is_empty(), "{}", registry.log());
}

/// Answers every connection by hand, and tells how they all began.
struct Raw {
    host: String,
    /// The first byte of every connection; 22 is a TLS handshake.
    first: Arc<Mutex<Vec<u8>>>,
}

impl Raw {
    fn answering(talk: impl Fn(TcpStream, usize) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let first = Arc::new(Mutex::new(Vec::new()));
        let (seen, talk) = (Arc::clone(&first), Arc::new(talk));
        // It lives as long as the test binary, and sleeps when the test is over
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut byte = [0];
                let number = seen.lock().unwrap().len();
                seen.lock()
                    .unwrap()
                    .push(stream.peek(&mut byte).map_or(0, |_| byte[0]));
                let talk = Arc::clone(&talk);
                std::thread::spawn(move || talk(stream, number));
            }
        });
        Self { host, first }
    }

    fn connections(&self) -> usize {
        self.first.lock().unwrap().len()
    }

    fn assert_only_tls(&self) {
        let first = self.first.lock().unwrap();
        assert!(
            first.iter().all(|byte| *byte == 22),
            "not a word in the clear: {first:?}"
        );
    }
}

/// What servers say that know nothing newer than TLS 1.1, and those that share no cipher with us.
#[test]
fn f21_an_outdated_server_is_named() {
    let hello_1_1 = {
        let mut hello = vec![2, 0, 0, 38, 3, 2];
        hello.extend([7; 32]);
        hello.extend([0, 0, 0x2f, 0]);
        [&[22, 3, 2, 0, 42][..], &hello].concat()
    };
    for (answer, parts) in [
        (vec![21, 3, 1, 0, 2, 2, 70], ["no TLS version", "updated"]),
        (hello_1_1, ["peer is incompatible", "TLS before 1.2"]),
        (
            vec![21, 3, 3, 0, 2, 2, 40],
            ["nothing that both sides accept", "cert_file"],
        ),
        (
            vec![21, 3, 3, 0, 2, 2, 112],
            ["no certificate for this name", "set up for"],
        ),
    ] {
        let (source, ferry) = (source(), Ferry::new());
        let raw = Raw::answering(move |mut stream, _| {
            drop(stream.read(&mut [0; 4096]));
            drop(stream.write_all(&answer));
            // A client that has not read everything would see a reset
            drop(stream.read(&mut [0; 4096]));
        });
        let target = format!("oci://{}/charts", raw.host);
        let outcome = ferry.report(["migrate", &source.url(), &target]);
        turned_away(outcome, 5, &[&[&raw.host[..]][..], &parts].concat());
        raw.assert_only_tls();
        assert_eq!(raw.connections(), 1);
        assert_eq!(source.log().count(Kind::Package), 0);
    }
}

/// A handshake that breaks off says nothing about who is there: it is tried again, and never in the clear.
#[test]
fn f21_a_handshake_that_breaks_off_is_tried_again() {
    let (tls, source, ferry) = (Tls::new(), source(), Ferry::new());
    let registry = Registry::secure(&tls, |_| {});
    tls.write_authority(&ferry.home().join("ca.pem"));
    let upstream = registry.host();
    let raw = Raw::answering(move |mut client, number| {
        if number < 2 {
            drop(client.read(&mut [0; 64]));
            return;
        }
        let mut server = TcpStream::connect(&upstream).unwrap();
        let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        std::thread::spawn(move || {
            drop(std::io::copy(&mut from, &mut to));
            drop(to.shutdown(Shutdown::Write));
        });
        drop(std::io::copy(&mut server, &mut client));
        drop(client.shutdown(Shutdown::Both));
    });
    let target = format!("oci://{}/charts", raw.host);
    let outcome = ferry.report(["migrate", &source.url(), &target, "--ca-file", "ca.pem"]);
    assert!(retries(&outcome) >= 2, "{}", outcome.stdout);
    arrived(outcome, &registry);
    raw.assert_only_tls();
}

/// `ca_file` adds to what the system trusts.
#[test]
fn f21_own_authorities_are_added_to_those_of_the_system() {
    let (system, own) = (Tls::new(), Tls::new());
    let ferry = Ferry::new();
    let store = ferry.home().join("system.pem");
    system.write_authority(&store);
    own.write_authority(&ferry.home().join("ca.pem"));
    let ferry = ferry.env("SSL_CERT_FILE", store.to_str().unwrap());
    let source = ChartRepo::secure(&system);
    source.publish(&[Chart::new("demo", "1.0.0")]);
    let registry = Registry::secure(&system, |_| {});
    arrived(
        migrate(&ferry, &source, &registry, &["--ca-file", "ca.pem"]),
        &registry,
    );
    let registry = Registry::secure(&own, |_| {});
    arrived(
        migrate(&ferry, &source, &registry, &["--ca-file", "ca.pem"]),
        &registry,
    );
}

/// The flags of one side say nothing about the other.
#[test]
fn a_source_has_flags_of_its_own() {
    let (tls, ferry) = (Tls::new(), Ferry::new());
    let source = ChartRepo::secure(&tls);
    source.publish(&[Chart::new("demo", "1.0.0")]);
    tls.write_authority(&ferry.home().join("ca.pem"));
    let secure = Registry::secure(&tls, |_| {});
    for args in [
        ["--ca-file", "ca.pem"].as_slice(),
        &["--insecure-skip-tls-verify"],
    ] {
        let outcome = migrate(&ferry, &source, &secure, args);
        turned_away(outcome, 4, &[&source.host(), "UnknownIssuer", "--source-ca-file"]);
    }
    let registry = Registry::start();
    assert!(source.log().0.is_empty(), "{}", source.log());
    let args = ["--plain-http", "--source-ca-file", "ca.pem"];
    arrived(migrate(&ferry, &source, &registry, &args), &registry);
    let other = Registry::start();
    let args = ["--plain-http", "--source-insecure-skip-tls-verify"];
    arrived(migrate(&ferry, &source, &other, &args), &other);

    let mutual = Tls::mutual();
    let source = ChartRepo::secure(&mutual);
    source.publish(&[Chart::new("demo", "1.0.0")]);
    mutual.write_authority(&ferry.home().join("ca.pem"));
    mutual.write_client(&ferry.home().join("client.pem"), &ferry.home().join("client.key"));
    let args = ["--plain-http", "--source-ca-file", "ca.pem"];
    let other = Registry::start();
    turned_away_after_the_handshake(
        migrate(&ferry, &source, &other, &args),
        4,
        &["client certificate", "--source-cert-file"],
    );
    let identity = [
        "--source-cert-file",
        "client.pem",
        "--source-key-file",
        "client.key",
    ];
    arrived(
        migrate(&ferry, &source, &other, &[&args[..], &identity].concat()),
        &other,
    );
}

/// Not even "do not check the certificate" leads from https to http.
#[test]
fn nothing_leads_from_https_to_http() {
    let (tls, ferry, clear) = (Tls::new(), Ferry::new(), Registry::start());
    let flags = ["--insecure-skip-tls-verify"];
    let plain = source();
    // A token service in the clear (A25)
    let registry = Registry::secure(&tls, |_| {});
    let challenge = format!("Bearer realm=\"http://{}/token\",service=\"x\"", clear.host());
    let answer = Answer::status(401).header("www-authenticate", &challenge);
    registry.fault(Fault::on(Kind::Ping, Effect::Instead(answer)));
    turned_away(
        migrate(&ferry, &plain, &registry, &flags),
        5,
        &["token service", "not https"],
    );
    // An upload that goes on in the clear (A22)
    let registry = Registry::secure(&tls, |_| {});
    let location = format!("http://{}/v2/charts/demo/blobs/uploads/1", clear.host());
    let answer = Answer::status(202).header("location", &location);
    registry.fault(Fault::on(Kind::UploadPost, Effect::Instead(answer)));
    turned_away(
        migrate(&ferry, &plain, &registry, &flags),
        2,
        &["from https to http", "X-Forwarded-Proto"],
    );
    // A redirect of the index or of a package (A14)
    let secure = ChartRepo::secure(&tls);
    secure.publish(&[Chart::new("demo", "1.0.0")]);
    let away = format!("{}/demo-1.0.0.tgz", plain.url());
    plain.forget_log();
    for (kind, code) in [(Kind::Index, 4), (Kind::Package, 2)] {
        let registry = Registry::start();
        secure.heal();
        let answer = Answer::status(302).header("location", &away);
        secure.fault(Fault::on(kind, Effect::Instead(answer)));
        let args = [
            "--plain-http",
            "--source-insecure-skip-tls-verify",
            "--allow-private",
            "127.0.0.1",
        ];
        turned_away(
            migrate(&ferry, &secure, &registry, &args),
            code,
            &["redirects from https to http"],
        );
    }
    for log in [clear.log(), plain.log()] {
        assert!(log.0.is_empty(), "{log}");
    }
}

/// Files that are none are found out before any network traffic (B61).
#[test]
fn files_that_hold_no_certificate_are_refused_first() {
    let (source, registry, ferry) = (source(), Registry::start(), Ferry::new());
    let write = |name: &str, text: &str| std::fs::write(ferry.home().join(name), text).unwrap();
    write("empty.pem", "");
    write("text.pem", "no certificate");
    for name in ["empty.pem", "text.pem", "missing.pem"] {
        for flag in ["--ca-file", "--source-ca-file"] {
            let outcome = migrate(&ferry, &source, &registry, &[flag, name]).expect(1);
            assert!(outcome.stderr.contains(name), "{flag}: {}", outcome.stderr);
        }
    }
    assert!(source.log().0.is_empty() && registry.log().0.is_empty());
}

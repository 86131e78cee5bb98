//! Where an index, a redirect or a registry may lead us, end to end (reliability A01 to A30). Everything here lives on loopback
//! addresses, so only the very host and port that were configured are beyond the rules; a trap beside them counts visitors.

use std::path::Path;

use crate::support::chart_repo::ChartRepo;
use crate::support::charts::{Chart, index_yaml};
use crate::support::faults::{Effect, Fault};
use crate::support::ferry::{Ferry, Outcome};
use crate::support::process::{PASSWORD, USER};
use crate::support::registry::Registry;
use crate::support::registry_auth::Auth;
use crate::support::server::{Answer, Kind};

/// Chosen so that it is found wherever it goes.
const CANARY: &str = "s3cr3t-in-a-url";

fn demo() -> Vec<Chart> {
    vec![Chart::new("demo", "1.0.0")]
}

/// A repository whose index names one package, at `url`.
fn leading_to(url: &str) -> ChartRepo {
    let source = ChartRepo::of(&demo());
    source.put(
        "index.yaml",
        index_yaml(&demo()).replace("- demo-1.0.0.tgz", &format!("- {url:?}")),
    );
    source
}

fn migrate(ferry: &Ferry, source: &ChartRepo, registry: &Registry, args: &[&str]) -> Outcome {
    let (from, to) = (source.url(), registry.target("charts"));
    let line = ["migrate", from.as_str(), to.as_str(), "--plain-http", "-vv"];
    let outcome = ferry.report(line.iter().chain(args));
    outcome.assert_free_of(CANARY);
    outcome.assert_free_of(PASSWORD);
    outcome
}

/// The code and the text of the only item that did not arrive.
fn reason(outcome: &Outcome) -> (String, String) {
    let items = outcome.raw_items();
    assert_eq!(items.len(), 1, "{items:?}");
    let text = |key: &str| items[0]["reason"][key].as_str().unwrap_or_default().to_owned();
    (text("code"), text("text"))
}

/// The text of the target's error.
fn target_error(outcome: &Outcome) -> String {
    let target = &outcome.report.as_ref().unwrap()["mirrors"][0]["targets"][0];
    target["error"]["text"].as_str().unwrap_or_default().to_owned()
}

fn to(location: &str) -> Effect {
    Effect::Instead(Answer::status(302).header("location", location))
}

/// A login for the target where Docker keeps it.
fn log_in(home: &Path, registry: &Registry) {
    use base64::Engine as _;
    let auth = base64::engine::general_purpose::STANDARD.encode(format!("{USER}:{PASSWORD}"));
    std::fs::create_dir_all(home.join(".docker")).unwrap();
    let text = serde_json::json!({ "auths": { registry.host(): { "auth": auth } } });
    std::fs::write(home.join(".docker/config.json"), text.to_string()).unwrap();
}

/// URLs that must not be followed, all but the metadata services leading to `host`, and the code of the refusal.
fn forbidden(host: &str) -> Vec<(String, &'static str)> {
    let port = host.rsplit(':').next().unwrap();
    let own = |name: &str| format!("http://{name}:{port}/charts/demo-1.0.0.tgz");
    let mut cases: Vec<(String, &str)> = [
        "127.0.0.1",
        "127.1",
        "localhost",
        "[::1]",
        "0.0.0.0",
        "0x7f000001",
        "017700000001",
        "2130706433",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::7f00:1]",
    ]
    .map(|name| (own(name), "address-refused"))
    .into();
    for metadata in [
        "169.254.169.254",
        "[fd00:ec2::254]",
        "100.100.100.200",
        "168.63.129.16",
    ] {
        cases.push((format!("http://{metadata}/demo-1.0.0.tgz"), "address-refused"));
    }
    for scheme in [
        "file:///etc/passwd",
        "gopher://127.0.0.1/x",
        "ftp://127.0.0.1/x.tgz",
        "unix:/run/x",
        "data:,x",
    ] {
        cases.push((scheme.to_owned(), "bad-url"));
    }
    cases.push((
        format!("http://{USER}:{CANARY}@{host}/charts/demo-1.0.0.tgz"),
        "bad-url",
    ));
    cases
}

/// A01 to A06, A09, A16: one look at the URL is enough.
#[test]
fn urls_of_an_index_lead_nowhere_inside() {
    let (trap, registry, ferry) = (ChartRepo::of(&demo()), Registry::start(), Ferry::new());
    let host = trap.host();
    let port = host.rsplit(':').next().unwrap();
    let own = |name: &str| format!("http://{name}:{port}/charts/demo-1.0.0.tgz");
    let cases = forbidden(&host);
    let mut wrong = Vec::new();
    for (url, code) in &cases {
        let outcome = migrate(&ferry, &leading_to(url), &registry, &[]).expect(2);
        let (found, text) = reason(&outcome);
        let remedy = *code != "address-refused" || text.contains("`allow_private` (`--allow-private`)");
        if found != *code || !remedy {
            wrong.push(format!("{url}: [{found}] {text}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(trap.log().0.is_empty(), "{}", trap.log());
    assert_eq!(registry.log().count(Kind::UploadPut), 0);
    assert_eq!(registry.tags(), [""; 0]);
    // The trap was worth avoiding: with the way out that the message names it is reached
    for (name, allowed) in [("127.0.0.1", "127.0.0.0/8"), ("localhost", "localhost")] {
        let registry = Registry::start();
        migrate(
            &ferry,
            &leading_to(&own(name)),
            &registry,
            &["--allow-private", allowed],
        )
        .expect(0);
        assert_eq!(registry.tags(), ["charts/demo:1.0.0"], "{name}");
    }
    assert_eq!(trap.log().count(Kind::Package), 2);
}

/// The same rules for charts that an index says are in a registry.
#[test]
fn registries_that_an_index_names_are_checked_too() {
    let (trap, registry, ferry) = (Registry::start(), Registry::start(), Ferry::new());
    let source = leading_to(&format!("oci://{}/charts/demo:1.0.0", trap.host()));
    log_in(ferry.home(), &trap);
    let outcome = migrate(&ferry, &source, &registry, &[]).expect(2);
    let (code, text) = reason(&outcome);
    assert!(
        code == "address-refused" && text.contains("--allow-private"),
        "[{code}] {text}"
    );
    let outcome = migrate(
        &ferry,
        &leading_to("oci://169.254.169.254/charts/demo:1.0.0"),
        &registry,
        &[],
    );
    assert_eq!(reason(&outcome.expect(2)).0, "address-refused");
    assert!(trap.log().0.is_empty(), "{}", trap.log());
}

/// A10: behind a proxy there is no address to check, so names are.
#[test]
fn a_proxy_does_not_open_the_inside() {
    let (proxy, registry) = (ChartRepo::empty(), Registry::start());
    let ferry = Ferry::new()
        .env("http_proxy", &format!("http://{}", proxy.host()))
        .env("no_proxy", "127.0.0.1");
    for name in [
        "metadata.google.internal",
        "localhost",
        "169.254.169.254",
        "[::1]",
        "0x7f.1",
    ] {
        let url = format!("http://{name}/demo-1.0.0.tgz");
        let no_proxy = leading_to(&url);
        let outcome = migrate(&ferry, &no_proxy, &registry, &[]).expect(2);
        assert_eq!(reason(&outcome).0, "address-refused", "{name}");
    }
    assert!(proxy.log().0.is_empty(), "{}", proxy.log());
    // A name of the internet is asked for, of the proxy
    let outcome = migrate(
        &ferry,
        &leading_to("http://charts.example.org/demo-1.0.0.tgz"),
        &registry,
        &[],
    )
    .expect(2);
    assert!(reason(&outcome).1.contains("404"), "{:?}", reason(&outcome));
    let log = proxy.log();
    assert_eq!(
        log.of(Kind::Package)[0].request.header("host"),
        "charts.example.org"
    );
}

/// A11 to A13: a redirect is a URL like any other, and takes no login along.
#[test]
fn redirects_lead_nowhere_inside_and_carry_no_login() {
    let (user, password) = ("reader", CANARY);
    let source = ChartRepo::of(&demo());
    source.behave(|it| it.login = Some((user.to_owned(), password.to_owned())));
    let trap = ChartRepo::of(&demo());
    let ferry = Ferry::new();
    std::fs::write(ferry.home().join("password"), password).unwrap();
    let login = ["--source-username", user, "--source-password-file", "password"];
    let away = |kind| {
        let file = if kind == Kind::Index {
            "index.yaml"
        } else {
            "demo-1.0.0.tgz"
        };
        format!("{}/{file}", trap.url())
    };
    for (kind, code) in [(Kind::Index, 4), (Kind::Package, 2)] {
        for location in [away(kind), "http://169.254.169.254/latest/meta-data".to_owned()] {
            source.heal();
            source.fault(Fault::on(kind, to(&location)));
            let registry = Registry::start();
            let outcome = migrate(&ferry, &source, &registry, &login).expect(code);
            assert!(
                outcome.stdout.contains("address-refused"),
                "{location}: {}",
                outcome.stdout
            );
            assert!(
                outcome.stdout.contains("--allow-private"),
                "{location}: {}",
                outcome.stdout
            );
            assert_eq!(registry.log().count(Kind::UploadPut), 0);
            assert_eq!(registry.tags(), [""; 0]);
        }
    }
    assert!(trap.log().0.is_empty(), "{}", trap.log());
    let allowed: Vec<&str> = login
        .into_iter()
        .chain(["--allow-private", "127.0.0.1"])
        .collect();
    for kind in [Kind::Index, Kind::Package, Kind::Provenance] {
        source.heal();
        source.fault(Fault::on(kind, to(&away(kind))));
        trap.forget_log();
        let registry = Registry::start();
        migrate(&ferry, &source, &registry, &allowed).expect(0);
        let log = trap.log();
        assert!(!log.0.is_empty(), "{kind:?}");
        for entry in &log.0 {
            assert!(!entry.request.headers.contains_key("authorization"), "{entry}");
        }
    }
}

/// A15, and a redirect within the origin, which keeps the login.
#[test]
fn redirects_end() {
    let source = ChartRepo::of(&demo());
    source.behave(|it| it.login = Some((USER.to_owned(), CANARY.to_owned())));
    let ferry = Ferry::new();
    std::fs::write(ferry.home().join("password"), CANARY).unwrap();
    let login = [
        "--source-username",
        USER,
        "--source-password-file",
        "password",
        "--provenance",
        "off",
    ];
    let registry = Registry::start();
    source.fault(Fault::on(Kind::Package, to("/charts/demo-1.0.0.tgz")));
    let outcome = migrate(&ferry, &source, &registry, &login).expect(2);
    let (code, text) = reason(&outcome);
    assert!(
        code == "redirect" && text.contains("more than 5 times"),
        "[{code}] {text}"
    );
    assert_eq!(source.log().count(Kind::Package), 6, "{}", source.log());
    source.heal();
    source.fault(Fault::on(Kind::Package, to("demo-1.0.0.tgz?again")).turns(1..=5));
    migrate(&ferry, &source, &registry, &login).expect(0);
    assert_eq!(registry.tags(), ["charts/demo:1.0.0"]);
}

/// A challenge for every first request of a run.
fn sends_to(registry: &Registry, realm: &str) {
    let challenge = format!("Bearer realm=\"{realm}\",service=\"x\"");
    let answer = Answer::status(401).header("www-authenticate", &challenge);
    registry.fault(Fault::on(Kind::Ping, Effect::Instead(answer)));
}

/// A24 to A27: a registry may not send its login just anywhere.
#[test]
fn token_services_get_the_login_only_where_they_belong_to_the_registry() {
    let trap = Registry::with(|it| it.auth = Auth::bearer(USER, PASSWORD));
    let source = ChartRepo::of(&demo());
    let host = trap.host();
    let port = host.rsplit(':').next().unwrap();
    for (realm, part) in [
        ("http://169.254.169.254/token".to_owned(), "trusted_realms"),
        (format!("http://localhost:{port}/token"), "trusted_realms"),
        ("http://auth.example.org/token".to_owned(), "trusted_realms"),
        (
            format!("http://{USER}:{CANARY}@{host}/token"),
            "user name or a password",
        ),
        ("file:///etc/passwd".to_owned(), "not https"),
        ("token".to_owned(), "no URL"),
    ] {
        let (registry, ferry) = (Registry::start(), Ferry::new());
        log_in(ferry.home(), &registry);
        sends_to(&registry, &realm);
        let outcome = migrate(&ferry, &source, &registry, &[]).expect(5);
        let text = target_error(&outcome);
        assert!(
            text.contains(part) && text.contains(&registry.host()),
            "{realm}: {text}"
        );
        assert_eq!(registry.log().writes(), 0);
    }
    // Without a login there is nothing to lose but the address
    let (registry, ferry) = (Registry::start(), Ferry::new());
    sends_to(&registry, "http://169.254.169.254/token");
    let outcome = migrate(&ferry, &source, &registry, &[]);
    assert_ne!(outcome.code, Some(0));
    assert!(outcome.stdout.contains("169.254.169.254"), "{}", outcome.stdout);
    assert!(trap.log().0.is_empty(), "{}", trap.log());
    assert_eq!(source.log().count(Kind::Package), 0);
}

/// A28: a second port of the same host is the registry's own, on loopback too.
#[test]
fn a_token_service_beside_the_registry_works() {
    let service = Registry::with(|it| it.auth = Auth::bearer(USER, PASSWORD));
    let (registry, source, ferry) = (Registry::start(), ChartRepo::of(&demo()), Ferry::new());
    log_in(ferry.home(), &registry);
    sends_to(&registry, &format!("http://{}/token", service.host()));
    migrate(&ferry, &source, &registry, &[]).expect(0);
    assert_eq!(service.log().count(Kind::Token), 1, "{}", service.log());
    let authorized = |kind| {
        let log = registry.log();
        let header = log.of(kind)[0].request.header("authorization").to_owned();
        header.starts_with("Bearer opaque-")
    };
    assert!(authorized(Kind::ManifestPut) && authorized(Kind::TagList));
}

/// A29: credentials do not follow a redirect of the token service.
#[test]
fn a_token_service_that_redirects_is_not_followed() {
    let trap = Registry::with(|it| it.auth = Auth::bearer(USER, PASSWORD));
    let registry = Registry::with(|it| it.auth = Auth::bearer(USER, PASSWORD));
    let (source, ferry) = (ChartRepo::of(&demo()), Ferry::new());
    log_in(ferry.home(), &registry);
    registry.fault(Fault::on(
        Kind::Token,
        to(&format!("http://{}/token", trap.host())),
    ));
    let outcome = migrate(&ferry, &source, &registry, &[]).expect(5);
    let text = target_error(&outcome);
    assert!(text.contains("do not follow redirects"), "{text}");
    assert!(trap.log().0.is_empty(), "{}", trap.log());
    assert_eq!(source.log().count(Kind::Package), 0);
}

/// A20, A21: an upload does not go on at an address that nobody named.
#[test]
fn uploads_go_on_nowhere_inside() {
    let trap = Registry::start();
    let host = trap.host();
    let port = host.rsplit(':').next().unwrap();
    let path = "/v2/charts/demo/blobs/uploads/1";
    for (location, part) in [
        (format!("http://169.254.169.254{path}"), "metadata"),
        (format!("http://localhost:{port}{path}"), "loopback"),
        (format!("http://127.0.0.2:{port}{path}"), "loopback"),
        (
            format!("http://{USER}:{CANARY}@{host}{path}"),
            "user name or a password",
        ),
        ("gopher://127.0.0.1/1".to_owned(), "only http and https"),
    ] {
        let (registry, source, ferry) = (
            Registry::with(|it| it.auth = Auth::basic(USER, PASSWORD)),
            ChartRepo::of(&demo()),
            Ferry::new(),
        );
        log_in(ferry.home(), &registry);
        let answer = Answer::status(202).header("location", &location);
        registry.fault(Fault::on(Kind::UploadPost, Effect::Instead(answer)));
        let outcome = migrate(&ferry, &source, &registry, &[]).expect(2);
        let (code, text) = reason(&outcome);
        assert!(text.contains(part), "{location}: [{code}] {text}");
        assert!(registry.tags().is_empty());
    }
    assert!(trap.log().0.is_empty(), "{}", trap.log());
}

/// A23: another port of the registry's host gets the blob, as object stores do, and no login.
#[test]
fn uploads_may_go_on_beside_the_registry_without_the_login() {
    let store = Registry::start();
    store.fault(Fault::status(Kind::UploadPut, 201));
    let registry = Registry::with(|it| {
        it.auth = Auth::basic(USER, PASSWORD);
        // The blobs are in the store
        it.check_blobs = false;
    });
    let location = format!("http://{}/v2/charts/demo/blobs/uploads/1?sig=a%2Fb", store.host());
    let answer = Answer::status(202).header("location", &location);
    registry.fault(Fault::on(Kind::UploadPost, Effect::Instead(answer)));
    // Whoever looks for them is sent there
    registry.fault(Fault::status(Kind::BlobHead, 307));
    let (source, ferry) = (ChartRepo::of(&demo()), Ferry::new());
    log_in(ferry.home(), &registry);
    migrate(&ferry, &source, &registry, &[]).expect(0);
    let log = store.log();
    assert_eq!(log.count(Kind::UploadPut), 2, "{log}");
    for entry in &log.0 {
        assert!(!entry.request.headers.contains_key("authorization"), "{entry}");
        assert!(
            entry
                .request
                .query
                .as_deref()
                .unwrap()
                .starts_with("sig=a%2Fb&digest="),
            "{entry}"
        );
    }
}

/// A30: the next page of a tag list is the registry's own or none. Then each tag is looked at by itself.
#[test]
fn tag_lists_do_not_go_on_elsewhere() {
    let trap = Registry::start();
    let registry = Registry::with(|it| it.auth = Auth::basic(USER, PASSWORD));
    let (source, ferry) = (ChartRepo::of(&demo()), Ferry::new());
    log_in(ferry.home(), &registry);
    let link = format!(
        "<http://{}/v2/charts/demo/tags/list?last=0.1.0>; rel=\"next\"",
        trap.host()
    );
    let answer = Answer::status(200)
        .header("content-type", "application/json")
        .header("link", &link)
        .body(r#"{"name":"charts/demo","tags":["0.1.0"]}"#);
    registry.fault(Fault::on(Kind::TagList, Effect::Instead(answer)));
    migrate(&ferry, &source, &registry, &[]).expect(0);
    assert!(trap.log().0.is_empty(), "{}", trap.log());
    assert!(
        registry.log().count(Kind::ManifestHead) >= 1,
        "{}",
        registry.log()
    );
    // What a second run finds that way it does not push again
    registry.forget_log();
    let again = migrate(&ferry, &source, &registry, &[]).expect(0);
    assert_eq!((again.count("present"), registry.log().writes()), (1, 0));
}

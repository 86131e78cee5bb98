//! The workshop itself: fakes that real Helm and an independent client take for real, and real registries that start.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use oci_client::client::{ClientConfig, ClientProtocol, Config, ImageLayer};
use oci_client::secrets::RegistryAuth;

use crate::support::chart_repo::ChartRepo;
use crate::support::charts::{Chart, MTIME, grid, unverifiable_prov};
use crate::support::faults::{Effect, Fault};
use crate::support::helm::{Helm, words};
use crate::support::process::{PASSWORD, RealRegistry, USER};
use crate::support::registry::{Immutable, Link, Location, Registry, error};
use crate::support::registry_auth::Auth;
use crate::support::server::{Answer, Kind};
use crate::support::tls::Tls;
use crate::support::tools::Tool;

/// One request over a connection of its own; whatever came back, also if it broke off.
fn raw(host: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    // A reset is one of the faults under test
    drop(stream.read_to_end(&mut answer));
    String::from_utf8_lossy(&answer).into_owned()
}

fn get(host: &str, path: &str) -> String {
    raw(
        host,
        &format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"),
    )
}

#[test]
fn helm_pushes_to_the_fake_registry_in_as_many_requests_as_to_a_real_one() {
    // helm-oci-format 8: 10 without login, 11 with Basic, 12 with Bearer
    let logins = [
        (Auth::None, 10),
        (Auth::basic(USER, PASSWORD), 11),
        (Auth::bearer(USER, PASSWORD), 12),
    ];
    for helm in Helm::all() {
        for (auth, requests) in logins.clone() {
            let registry = Registry::with(|it| it.auth = auth.clone());
            if !matches!(auth, Auth::None) {
                helm.login(&registry.host(), USER, PASSWORD);
                registry.forget_log();
            }
            let package = Chart::new("demo", "1.2.3+build.4").tgz();
            let digest = helm.push(&package, None, MTIME, &registry.target("charts"));
            let log = registry.log();
            assert_eq!(log.0.len(), requests, "helm {} {auth:?}\n{log}", helm.version);
            assert_eq!(registry.tags(), ["charts/demo:1.2.3_build.4"]);
            assert_eq!(
                registry.content("charts/demo").tags["1.2.3_build.4"],
                digest,
                "helm {}",
                helm.version
            );
            registry.assert_sound();
            let pulled = helm.pull(&registry.target("charts/demo"), "1.2.3+build.4");
            assert_eq!(pulled, package, "helm {}", helm.version);
        }
    }
}

#[test]
fn real_registries_start_and_take_a_push_of_helm() {
    let helms = Helm::all();
    for (name, mut registry) in RealRegistry::all() {
        assert_eq!(registry.get("/v2/").0, 200, "{name}");
        for helm in &helms {
            let chart = Chart::new("demo", "1.0.0");
            let package = chart.tgz();
            let prov = unverifiable_prov(&chart, &package);
            let prefix = format!("with-{}", helm.version);
            helm.push(&package, Some(&prov), MTIME, &registry.target(&prefix));
            let (status, list) = registry.get(&format!("/v2/{prefix}/demo/tags/list"));
            assert_eq!(
                (status, list.contains("\"1.0.0\"")),
                (200, true),
                "{name}: {list}"
            );
            let pulled = helm.pull(&registry.target(&format!("{prefix}/demo")), "1.0.0");
            assert_eq!(pulled, package, "{name} with helm {}", helm.version);
        }
        registry.kill();
    }
}

#[test]
fn real_registries_can_ask_for_a_login() {
    for tool in [Tool::Distribution3, Tool::Distribution28] {
        let (Some(registry), Some(helm)) = (RealRegistry::with_login(tool), Helm::v3()) else {
            continue;
        };
        assert_eq!(registry.get("/v2/").0, 401, "{}", tool.name());
        let package = Chart::new("demo", "1.0.0").tgz();
        std::fs::write(helm.home().join("demo.tgz"), &package).unwrap();
        let refused = helm.run(["push", "demo.tgz", &registry.target("charts"), "--plain-http"]);
        assert!(!refused.status.success(), "{}", words(&refused));
        helm.login(registry.host(), USER, PASSWORD);
        helm.push(&package, None, MTIME, &registry.target("charts"));
    }
}

#[test]
fn both_helms_and_both_kinds_of_registry_give_one_digest() {
    let fake = Registry::start();
    let mut digests = Vec::new();
    for helm in Helm::all() {
        let package = Chart::new("same", "0.1.0").tgz();
        digests.push(helm.push(&package, None, MTIME, &fake.target(helm.version)));
        if let Some(real) = RealRegistry::start(Tool::Distribution3) {
            digests.push(helm.push(&package, None, MTIME, &real.target("charts")));
        }
    }
    digests.dedup();
    assert!(digests.len() <= 1, "{digests:?}");
}

#[tokio::test]
async fn an_independent_client_pushes_to_the_fake_registry_and_pages_through_its_tags() {
    let registry = Registry::with(|it| {
        it.auth = Auth::bearer(USER, PASSWORD);
        it.location = Location::Absolute;
        it.page_size = Some(2);
    });
    let client = oci_client::Client::try_from(ClientConfig {
        protocol: ClientProtocol::Http,
        ..ClientConfig::default()
    })
    .unwrap();
    let login = RegistryAuth::Basic(USER.to_owned(), PASSWORD.to_owned());
    for version in ["1.0.0", "1.1.0", "1.2.0"] {
        let reference = format!("{}/charts/demo:{version}", registry.host())
            .parse()
            .unwrap();
        let layers = [ImageLayer::oci_v1(Chart::new("demo", version).tgz(), None)];
        let config = Config::oci_v1(version.as_bytes().to_vec(), None);
        client
            .push(&reference, &layers, config, &login, None)
            .await
            .unwrap();
    }
    registry.assert_sound();
    let reference = format!("{}/charts/demo", registry.host()).parse().unwrap();
    let page = client
        .list_tags(&reference, &login, None, Some("1.0.0"))
        .await
        .unwrap();
    assert_eq!(page.tags, ["1.1.0", "1.2.0"]);
    // The password goes to the token service alone
    for entry in registry.log().0 {
        let basic = entry.request.header("authorization").starts_with("Basic ");
        assert!(!basic || entry.kind == Kind::Token, "{entry}");
    }
}

#[test]
fn tag_pages_say_what_the_switches_say() {
    let registry = Registry::with(|it| it.page_size = Some(2));
    registry.meddle("charts/demo", |content| {
        for tag in ["a", "b", "c"] {
            content.tags.insert(tag.to_owned(), "sha256:0".to_owned());
        }
    });
    let host = registry.host();
    let page = get(&host, "/v2/charts/demo/tags/list?n=1000");
    assert!(
        page.contains("link: </v2/charts/demo/tags/list?last=b&n=2>; rel=\"next\""),
        "{page}"
    );
    registry.behave(|it| it.link = Link::Absolute);
    let page = get(&host, "/v2/charts/demo/tags/list");
    assert!(page.contains(&format!("link: <http://{host}/v2/")), "{page}");
    registry.behave(|it| {
        it.link = Link::None;
        it.null_tags = true;
    });
    let page = get(&host, "/v2/charts/demo/tags/list?last=b");
    assert!(page.ends_with(r#"{"name":"charts/demo","tags":["c"]}"#), "{page}");
    assert!(!page.contains("link:"), "{page}");
    let page = get(&host, "/v2/charts/demo/tags/list?last=c");
    assert!(page.ends_with(r#"{"name":"charts/demo","tags":null}"#), "{page}");
    assert!(get(&host, "/v2/charts/other/tags/list").contains("NAME_UNKNOWN"));
}

#[test]
fn the_observer_sees_a_manifest_that_comes_before_its_blobs() {
    let registry = Registry::with(|it| it.check_blobs = false);
    let digest = format!("sha256:{}", "0".repeat(64));
    let manifest = format!(r#"{{"config":{{"digest":"{digest}","size":2}},"layers":[]}}"#);
    let put = format!(
        "PUT /v2/a/manifests/1 HTTP/1.1\r\nHost: x\r\nContent-Type: a/b\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{manifest}",
        manifest.len()
    );
    assert!(raw(&registry.host(), &put).starts_with("HTTP/1.1 201"));
    let flaws = registry.flaws();
    assert_eq!(flaws.len(), 2, "seen at the PUT and seen now: {flaws:?}");
    registry.behave(|it| it.check_blobs = true);
    assert!(raw(&registry.host(), &put).contains("MANIFEST_BLOB_UNKNOWN"));
}

#[test]
fn immutable_tags_and_single_post_and_expiry_are_switches() {
    let Some(helm) = Helm::v3() else { return };
    let registry = Registry::with(|it| it.auth = Auth::bearer(USER, PASSWORD));
    helm.login(&registry.host(), USER, PASSWORD);
    let target = registry.target("charts");
    helm.push(&Chart::new("demo", "1.0.0").tgz(), None, MTIME, &target);
    registry.behave(|it| {
        it.immutable = Some(Immutable {
            answer: error(412, "PRECONDITION", "configured as immutable"),
            same_digest_also: false,
        });
    });
    helm.push(&Chart::new("demo", "1.0.0").tgz(), None, MTIME, &target);
    std::fs::write(
        helm.home().join("other.tgz"),
        Chart::new("demo", "1.0.0").ballast(9).tgz(),
    )
    .unwrap();
    let refused = helm.run(["push", "other.tgz", &target, "--plain-http"]);
    assert!(words(&refused).contains("immutable"), "{}", words(&refused));
    registry.expire_tokens();
    assert!(get(&registry.host(), "/v2/").starts_with("HTTP/1.1 401"));

    registry.behave(|it| {
        it.auth = Auth::None;
        it.single_post = true;
    });
    let digest = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    let post = format!(
        "POST /v2/charts/demo/blobs/uploads/?digest={digest} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/octet-stream\r\nContent-Length: 2\r\n\r\n{{}}"
    );
    assert!(raw(&registry.host(), &post).starts_with("HTTP/1.1 201"));
    assert!(registry.content("charts/demo").blobs.contains_key(digest));
}

#[test]
fn helm_reads_the_fake_chart_repository() {
    for helm in Helm::all() {
        let charts = grid(&["demo", "other"], &["1.0.0", "1.1.0"]);
        let repo = ChartRepo::of(&charts);
        repo.behave(|it| it.login = Some((USER.to_owned(), PASSWORD.to_owned())));
        helm.ok([
            "repo",
            "add",
            "fake",
            &repo.url(),
            "--username",
            USER,
            "--password",
            PASSWORD,
        ]);
        helm.ok(["pull", "fake/demo", "--version", "1.0.0"]);
        let pulled = std::fs::read(helm.home().join("demo-1.0.0.tgz")).unwrap();
        assert_eq!(pulled, charts[0].tgz(), "helm {}", helm.version);
        assert_eq!(repo.log().count(Kind::Index), 1);
        assert_eq!(repo.log().count(Kind::Package), 1);
    }
}

#[test]
fn helm_reaches_both_fakes_over_tls_and_trusts_no_stranger() {
    let Some(helm) = Helm::v4() else { return };
    let tls = Tls::new();
    tls.write_authority(&helm.home().join("ca.pem"));
    Tls::new().write_authority(&helm.home().join("stranger.pem"));
    let repo = ChartRepo::secure(&tls);
    repo.publish(&[Chart::new("demo", "1.0.0")]);
    let registry = Registry::secure(&tls, |it| it.auth = Auth::bearer(USER, PASSWORD));
    let host = registry.host();

    helm.ok(["repo", "add", "secure", &repo.url(), "--ca-file", "ca.pem"]);
    helm.ok(["pull", "secure/demo", "--ca-file", "ca.pem"]);
    let login = [
        "registry",
        "login",
        &host,
        "-u",
        USER,
        "-p",
        PASSWORD,
        "--ca-file",
    ];
    helm.ok(login.iter().chain([&"ca.pem"]));
    helm.ok([
        "push",
        "demo-1.0.0.tgz",
        &registry.target("charts"),
        "--ca-file",
        "ca.pem",
    ]);
    assert_eq!(registry.tags(), ["charts/demo:1.0.0"]);

    let refused = helm.run(login.iter().chain([&"stranger.pem"]));
    assert!(words(&refused).contains("certificate"), "{}", words(&refused));
}

#[test]
fn the_chart_repository_answers_304_and_finds_escaped_names() {
    let repo = ChartRepo::of(&[Chart::new("demo", "1.0.0")]);
    repo.put("a b.tgz", "text");
    let host = repo.host();
    assert!(get(&host, "/charts/a%20b.tgz").ends_with("\r\n\r\ntext"));
    let first = get(&host, "/charts/index.yaml");
    let etag = first
        .lines()
        .find_map(|line| line.strip_prefix("etag: "))
        .unwrap();
    let again = format!(
        "GET /charts/index.yaml HTTP/1.1\r\nHost: x\r\nConnection: close\r\nIf-None-Match: {etag}\r\n\r\n"
    );
    assert!(raw(&host, &again).starts_with("HTTP/1.1 304"));
    repo.publish(&[Chart::new("demo", "1.0.1")]);
    assert!(raw(&host, &again).starts_with("HTTP/1.1 200"));
    assert!(get(&host, "/charts/none.tgz").starts_with("HTTP/1.1 404"));
}

#[test]
fn a_set_of_the_shared_data_is_served_under_its_own_urls() {
    let (Some(folder), Some(helm)) = (crate::support::data::set("small-mini"), Helm::v4()) else {
        return;
    };
    let repo = ChartRepo::folder(&folder);
    helm.ok(["repo", "add", "mini", &repo.url()]);
    helm.ok(["pull", "mini/appmesh-controller", "--version", "1.13.3"]);
    assert_eq!(repo.log().count(Kind::Package), 1, "{}", repo.log());
}

#[test]
fn faults_break_answers_as_they_say() {
    let repo = ChartRepo::empty();
    repo.put("a.tgz", "0123456789");
    let host = repo.host();
    let broken = |effect| {
        repo.heal();
        repo.fault(Fault::on(Kind::Package, effect).nth(1));
        get(&host, "/charts/a.tgz")
    };
    let cut = broken(Effect::Cut(4));
    assert!(
        cut.contains("content-length: 10") && cut.ends_with("\r\n\r\n0123"),
        "{cut}"
    );
    let short = broken(Effect::Short(4));
    assert!(
        short.contains("content-length: 4") && short.ends_with("\r\n\r\n0123"),
        "{short}"
    );
    let no_end = broken(Effect::NoLastChunk(4));
    assert!(
        no_end.contains("chunked") && !no_end.contains("\r\n0\r\n"),
        "{no_end}"
    );
    let ended = broken(Effect::ShortChunked(4));
    assert!(ended.ends_with("4\r\n0123\r\n0\r\n\r\n"), "{ended}");
    assert_eq!(broken(Effect::Drop), "");
    assert_eq!(broken(Effect::LoseAnswer), "");
    let slow = broken(Effect::Trickle(3, Duration::from_millis(1)));
    assert!(slow.contains("3\r\n012\r\n"), "{slow}");
    let late = broken(Effect::Delay(Duration::from_millis(30)));
    assert!(late.ends_with("0123456789"), "{late}");
    let other = broken(Effect::Instead(Answer::status(429).header("retry-after", "7")));
    assert!(
        other.starts_with("HTTP/1.1 429") && other.contains("retry-after: 7"),
        "{other}"
    );
    assert!(
        get(&host, "/charts/a.tgz").ends_with("0123456789"),
        "the fault was for the first request only"
    );
    let statuses: Vec<_> = repo.log().0.iter().map(|entry| entry.status).collect();
    assert_eq!(statuses[4..6], [None, None], "closed connections are in the log");
}

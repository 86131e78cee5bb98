//! Proxies of the environment, each kind, with what they refuse (reliability F49). The hosts behind them exist only there, so
//! that whatever arrives came through the proxy; loopback hosts are always reached directly.

use std::net::TcpListener;

use crate::support::chart_repo::ChartRepo;
use crate::support::charts::{Chart, index_yaml};
use crate::support::ferry::{Ferry, Outcome, elements};
use crate::support::proxy::{Proxy, Way};
use crate::support::registry::Registry;
use crate::support::server::Kind;
use crate::support::tls::Tls;

const SOURCE: &str = "http://charts.example.org/charts";
const TARGET: &str = "oci://registry.example.org/charts";
const SOURCE_HOST: &str = "charts.example.org:80";
const TARGET_HOST: &str = "registry.example.org:443";
/// Chosen so that it is found wherever it goes.
const LOGIN: &str = "ferry:s3cr3t-proxy";
const CANARY: &str = "s3cr3t-";

/// A source in the clear and a registry over TLS, both far away.
struct Stage {
    source: ChartRepo,
    registry: Registry,
    ferry: Ferry,
}

impl Stage {
    fn new() -> Self {
        // The registry has a certificate for its name alone, and shows it only to clients that say the name
        let tls = Tls::named(&["registry.example.org"], |_| {}).only_by_name("registry.example.org");
        let ferry = Ferry::new();
        tls.write_authority(&ferry.home().join("ca.pem"));
        Self {
            source: ChartRepo::of(&[Chart::new("demo", "1.0.0")]),
            registry: Registry::secure(&tls, |_| {}),
            ferry,
        }
    }

    fn routes(&self) -> [(&'static str, String); 2] {
        [
            (SOURCE_HOST, self.source.host()),
            (TARGET_HOST, self.registry.host()),
        ]
    }

    fn env(mut self, name: &str, value: &str) -> Self {
        self.ferry = self.ferry.env(name, value);
        self
    }

    fn run(&self, source: &str, target: &str) -> Outcome {
        let outcome = self
            .ferry
            .report(["migrate", source, target, "--ca-file", "ca.pem", "-vv"]);
        outcome.assert_free_of(CANARY);
        outcome
    }

    fn arrives(&self) {
        self.run(SOURCE, TARGET).expect(0);
        assert_eq!(self.registry.tags(), ["charts/demo:1.0.0"]);
        self.registry.assert_sound();
    }
}

fn retries(outcome: &Outcome) -> u64 {
    let report = outcome.report.as_ref().unwrap();
    elements(&report["hosts"])
        .map(|host| host["retries"].as_u64().unwrap())
        .sum()
}

/// Expects an end with `code` in words that hold all of `parts`.
fn says(outcome: Outcome, code: i32, parts: &[&str]) -> Outcome {
    let outcome = outcome.expect(code);
    let text = outcome.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in parts {
        assert!(text.contains(part), "no `{part}`: {text}");
    }
    outcome
}

#[test]
fn f49_a_proxy_in_the_clear_carries_both_sides() {
    for (http, https) in [("http_proxy", "HTTPS_PROXY"), ("ALL_PROXY", "all_proxy")] {
        let stage = Stage::new();
        let proxy = Proxy::to(&stage.routes());
        let url = format!("http://{}", proxy.host());
        let stage = stage.env(http, &url).env(https, &url);
        stage.arrives();
        assert_eq!(proxy.asked(Way::Forward), [SOURCE_HOST]);
        assert_eq!(proxy.asked(Way::Tunnel), [TARGET_HOST]);
    }
}

#[test]
fn f49_a_proxy_over_tls_is_checked_like_a_server() {
    let stage = Stage::new();
    let tls = Tls::new();
    let proxy = Proxy::secure(&tls, &stage.routes());
    let store = stage.ferry.home().join("system.pem");
    tls.write_authority(&store);
    let stage = stage.env("ALL_PROXY", &format!("https://{}", proxy.host()));
    let outcome = stage.run(SOURCE, TARGET);
    let parts = [
        &proxy.host(),
        "TLS with the proxy failed",
        "SSL_CERT_FILE",
        "charts.example.org/charts/index.yaml",
        "registry.example.org/v2/",
    ];
    let outcome = says(outcome, 5, &parts);
    assert_eq!(retries(&outcome), 0, "{}", outcome.stdout);
    assert_eq!(proxy.log(), []);
    let stage = stage.env("SSL_CERT_FILE", store.to_str().unwrap());
    stage.arrives();
    assert_eq!(proxy.asked(Way::Forward), [SOURCE_HOST]);
    assert_eq!(proxy.asked(Way::Tunnel), [TARGET_HOST]);
}

#[test]
fn f49_socks_proxies_get_names_or_addresses() {
    let stage = Stage::new();
    let proxy = Proxy::to(&stage.routes());
    let stage = stage.env("ALL_PROXY", &format!("socks5h://{}", proxy.host()));
    stage.arrives();
    let mut names = [SOURCE_HOST, TARGET_HOST];
    names.sort_unstable();
    assert_eq!(proxy.asked(Way::SocksName), names);
    // An address that is nobody's
    let stage = Stage::new();
    let proxy = Proxy::to(&[("192.0.2.7:80", stage.source.host())]);
    let near = Registry::start();
    let stage = stage.env("http_proxy", &format!("socks5://{}", proxy.host()));
    let outcome = stage.ferry.report([
        "migrate",
        "http://192.0.2.7/charts",
        &near.target("charts"),
        "--plain-http",
    ]);
    outcome.expect(0);
    assert_eq!(proxy.asked(Way::SocksAddress), ["192.0.2.7:80"]);
    assert_eq!(near.tags(), ["charts/demo:1.0.0"]);
}

#[test]
fn f49_a_login_at_the_proxy_is_shown_to_it_and_to_nobody_else() {
    for scheme in ["http", "socks5h"] {
        let stage = Stage::new();
        let proxy = Proxy::to(&stage.routes());
        proxy.want(LOGIN);
        let stage = stage.env("ALL_PROXY", &format!("{scheme}://{LOGIN}@{}", proxy.host()));
        stage.arrives();
        stage.source.log().assert_free_of(CANARY);
        stage.registry.log().assert_free_of(CANARY);
        stage.source.log().assert_free_of("roxy-");
    }
}

#[test]
fn f49_a_login_that_is_missing_or_wrong_is_asked_for_once() {
    for (scheme, user, parts) in [
        (
            "http",
            "",
            ["it wants a login (407)", "HTTPS_PROXY=http://user:password@proxy"],
        ),
        (
            "http",
            "ferry:s3cr3t-wrong@",
            ["does not accept our login (407)", "may be wrong"],
        ),
        ("socks5h", "ferry:s3cr3t-wrong@", ["SOCKS error", "may be wrong"]),
    ] {
        let stage = Stage::new();
        let proxy = Proxy::to(&stage.routes());
        proxy.want(LOGIN);
        let stage = stage.env("ALL_PROXY", &format!("{scheme}://{user}{}", proxy.host()));
        let host = proxy.host();
        let both = [
            host.as_str(),
            "charts.example.org/charts/index.yaml",
            "registry.example.org/v2/",
        ];
        let outcome = says(stage.run(SOURCE, TARGET), 5, &[&both[..], &parts].concat());
        // Both sides say so, whether by a tunnel or not
        assert_eq!(outcome.stdout.matches("[proxy]").count(), 1, "{}", outcome.stdout);
        assert_eq!(retries(&outcome), 0, "{}", outcome.stdout);
        assert!(stage.source.log().0.is_empty() && stage.registry.log().0.is_empty());
    }
}

#[test]
fn f49_a_proxy_that_is_dead_or_refuses_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let dead = listener.local_addr().unwrap().to_string();
    drop(listener);
    let stage = Stage::new();
    let proxy = Proxy::to(&stage.routes());
    proxy.refuse(403);
    let stage = stage
        .env("http_proxy", &format!("http://{LOGIN}@{dead}"))
        .env("https_proxy", &format!("http://{}", proxy.host()));
    says(
        stage.run(SOURCE, TARGET),
        5,
        &[
            &format!("the proxy `http://***@{dead}/`"),
            "charts.example.org",
            "Connection refused",
            "named by the environment",
            &format!("the proxy `http://{}/`", proxy.host()),
            &format!("refuses to connect to `{TARGET_HOST}`"),
            "NO_PROXY",
        ],
    );
    assert!(stage.source.log().0.is_empty() && stage.registry.log().0.is_empty());
}

/// What lies behind a tunnel has a certificate of its own.
#[test]
fn f49_behind_a_proxy_the_target_is_still_checked() {
    let stage = Stage::new();
    let proxy = Proxy::to(&stage.routes());
    let stage = stage.env("https_proxy", &format!("http://{}", proxy.host()));
    let near = ChartRepo::of(&[Chart::new("demo", "1.0.0")]);
    let outcome = stage.ferry.report(["migrate", &near.url(), TARGET]);
    let outcome = says(
        outcome,
        5,
        &[
            &format!("TLS with `{TARGET_HOST}` failed"),
            "UnknownIssuer",
            "--ca-file",
        ],
    );
    assert_eq!(retries(&outcome), 0);
    assert!(stage.registry.log().0.is_empty(), "{}", stage.registry.log());
}

/// Going around a proxy because its variable has a typo would show the outside what was to stay inside.
#[test]
fn f49_a_proxy_that_is_none_ends_the_run_before_it_begins() {
    let source = ChartRepo::of(&[Chart::new("demo", "1.0.0")]);
    let registry = Registry::start();
    for value in [
        "ftp://ferry:s3cr3t-proxy@127.0.0.1:1",
        "http://ferry:s3cr3t-proxy@:3128",
    ] {
        let ferry = Ferry::new().env("HTTPS_PROXY", value);
        let target = registry.target("charts");
        let outcome = ferry
            .report(["migrate", &source.url(), &target, "--plain-http"])
            .expect(1);
        assert!(outcome.stderr.contains("`HTTPS_PROXY`"), "{}", outcome.stderr);
        outcome.assert_free_of(CANARY);
    }
    assert!(source.log().0.is_empty() && registry.log().0.is_empty());
}

#[test]
fn f49_this_machine_is_reached_without_a_proxy() {
    let source = ChartRepo::of(&[Chart::new("demo", "1.0.0")]);
    let registry = Registry::start();
    let proxy = Proxy::to(&[]);
    let ferry = Ferry::new().env("ALL_PROXY", &format!("http://{}", proxy.host()));
    let target = registry.target("charts");
    ferry
        .report(["migrate", &source.url(), &target, "--plain-http"])
        .expect(0);
    assert_eq!(proxy.log(), []);
}

/// A10: what an index names is no more allowed because a proxy would fetch it.
#[test]
fn f49_a10_a_proxy_does_not_open_the_inside() {
    let near = Registry::start();
    let target = near.target("charts");
    for scheme in ["http", "socks5h"] {
        for url in [
            "http://169.254.169.254/demo-1.0.0.tgz",
            "http://10.0.0.1/demo-1.0.0.tgz",
            "http://[fd00:ec2::254]/demo-1.0.0.tgz",
            "http://localhost/demo-1.0.0.tgz",
            "http://metadata.google.internal/demo-1.0.0.tgz",
        ] {
            let charts = [Chart::new("demo", "1.0.0")];
            let leading = ChartRepo::of(&charts);
            let index = index_yaml(&charts).replace("- demo-1.0.0.tgz", &format!("- {url:?}"));
            leading.put("index.yaml", index);
            let proxy = Proxy::to(&[(SOURCE_HOST, leading.host())]);
            let ferry = Ferry::new().env("http_proxy", &format!("{scheme}://{}", proxy.host()));
            let outcome = ferry.report(["migrate", SOURCE, &target, "--plain-http"]);
            says(outcome, 2, &["address-refused", "--allow-private"]);
            let asked: Vec<_> = proxy.log().into_iter().map(|asked| asked.to).collect();
            assert!(
                asked.iter().all(|to| to == SOURCE_HOST),
                "{scheme} {url}: {asked:?}"
            );
        }
    }
    // Whether it takes uploads may have been asked before the package was
    assert_eq!(near.log().count(Kind::UploadPut), 0);
    assert_eq!(near.tags(), [""; 0]);
}

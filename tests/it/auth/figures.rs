//! What tokens cost, as numbers that hold. `cargo test --test it auth::figures -- --nocapture` prints them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::{assert_kept, store, write};
use crate::support::chart_repo::ChartRepo;
use crate::support::charts::grid;
use crate::support::data;
use crate::support::faults::{Effect, Fault};
use crate::support::ferry::Ferry;
use crate::support::process::{PASSWORD, USER};
use crate::support::registry::Registry;
use crate::support::registry_auth::Auth;
use crate::support::server::{Kind, Log};

/// How long the tokens of the long run live; they are renewed at half of it.
const LIFE: Duration = Duration::from_secs(3);

fn registry(life: Duration) -> Registry {
    Registry::with(|it| {
        it.auth = Auth::Bearer {
            login: Some((USER.to_owned(), PASSWORD.to_owned())),
            ttl: life,
            tells_ttl: true,
        };
    })
}

fn ferry(registry: &Registry) -> Ferry {
    let ferry = Ferry::new();
    let logins = store(&registry.host(), USER, PASSWORD);
    write(ferry.home(), ".docker/config.json", &logins);
    ferry
}

/// Token requests by scope.
fn scopes(log: &Log) -> BTreeMap<String, usize> {
    let mut scopes = BTreeMap::new();
    for entry in log.of(Kind::Token) {
        *scopes
            .entry(entry.request.param("scope").unwrap_or_default())
            .or_default() += 1;
    }
    scopes
}

/// Refusals but for the one that says how to log in.
fn refusals(log: &Log) -> usize {
    let refused = log.0.iter().filter(|entry| entry.status == Some(401));
    refused.filter(|entry| entry.kind != Kind::Ping).count()
}

/// 449 real versions through tokens of three seconds. The registry takes its time, so that every token is renewed.
#[test]
fn a_long_run_renews_its_tokens_and_loses_no_version() {
    let Some(folder) = data::set("eks-charts") else {
        return;
    };
    let registry = registry(LIFE);
    let pause = Effect::Delay(Duration::from_millis(250));
    registry.fault(Fault::on(Kind::ManifestPut, pause));
    let ferry = ferry(&registry);
    let (from, to) = (folder.to_str().unwrap(), registry.target("charts"));
    let began = Instant::now();
    let outcome = ferry
        .report(["migrate", from, &to, "--plain-http", "--concurrency", "16"])
        .expect(0);
    let took = began.elapsed();
    let log = registry.log();
    let scopes = scopes(&log);
    let tokens: usize = scopes.values().sum();
    eprintln!(
        "{} versions in {} repositories, tokens of {} s, {:.1} s: {tokens} token requests, {} refusals",
        outcome.count("pushed"),
        scopes.len(),
        LIFE.as_secs(),
        took.as_secs_f64(),
        refusals(&log),
    );
    assert_eq!((outcome.count("pushed"), outcome.count("failed")), (449, 0));
    assert_eq!(refusals(&log), 0, "they were renewed in time: {scopes:?}");
    assert_eq!(scopes.len(), 21);
    assert!(tokens > scopes.len() + 10, "the tokens were renewed: {scopes:?}");
    // No more than one for each half life of a scope, whoever asks
    let most = usize::try_from(took.as_millis() / (LIFE.as_millis() / 2)).unwrap() + 2;
    let many = scopes.iter().find(|(_, count)| **count > most);
    assert_eq!(many, None, "at most {most}: {scopes:?}");
    registry.assert_sound();
    assert_kept(&outcome, USER, PASSWORD, &ChartRepo::of(&[]).log());
}

/// Sixteen workers that all begin at one repository whose token nobody has yet.
#[test]
fn sixteen_workers_and_a_cold_cache_cost_one_token_a_scope() {
    let versions: Vec<String> = (0..32).map(|number| format!("1.{number}.0")).collect();
    let versions: Vec<&str> = versions.iter().map(String::as_str).collect();
    for names in [&["one"][..], &["a", "b", "c", "d", "e", "f", "g", "h"]] {
        let registry = registry(Duration::from_secs(300));
        // Slow, so that everybody comes while the first is being fetched
        let pause = Effect::Delay(Duration::from_millis(100));
        registry.fault(Fault::on(Kind::Token, pause));
        let source = ChartRepo::of(&grid(names, &versions[..32 / names.len()]));
        let outcome = ferry(&registry)
            .report([
                "migrate",
                &source.url(),
                &registry.target("charts"),
                "--plain-http",
                "--concurrency",
                "16",
            ])
            .expect(0);
        let log = registry.log();
        let scopes = scopes(&log);
        eprintln!(
            "{} versions in {} repositories, 16 at once: {} token requests, {} refusals",
            outcome.count("pushed"),
            names.len(),
            scopes.values().sum::<usize>(),
            refusals(&log),
        );
        let wanted = names
            .iter()
            .map(|name| (format!("repository:charts/{name}:pull,push"), 1))
            .collect();
        assert_eq!(scopes, wanted, "{log}");
        assert_eq!((outcome.count("pushed"), refusals(&log)), (32, 0));
        // The password is shown to the token service alone
        for entry in &log.0 {
            let basic = entry.request.header("authorization").starts_with("Basic ");
            assert_eq!(basic, entry.kind == Kind::Token, "{entry}");
        }
    }
}

//! How many requests a run costs, counted one by one on the fakes (product rules 2 and 12). These numbers are promises: a run
//! that sends one more fails here.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::support::chart_repo::ChartRepo;
use crate::support::charts::{Chart, grid, unverifiable_prov};
use crate::support::ferry::{Ferry, Outcome};
use crate::support::process::{PASSWORD, USER};
use crate::support::registry::{Link, Registry};
use crate::support::registry_auth::Auth;
use crate::support::server::{Kind, Log};

/// Repositories of [`source`].
const REPOSITORIES: usize = 3;
/// Versions of [`source`].
const VERSIONS: usize = 12;
/// Those of them that are signed.
const SIGNED: usize = 4;

/// Twelve versions in three repositories; those of `signed` have a provenance file.
fn source() -> ChartRepo {
    let charts = grid(
        &["plain", "quiet", "signed"],
        &["1.0.0", "1.1.0", "2.0.0", "2.1.0"],
    );
    let repo = ChartRepo::of(&charts);
    for chart in charts.iter().filter(|chart| chart.name == "signed") {
        let prov = unverifiable_prov(chart, &chart.tgz());
        repo.put(&format!("{}.prov", chart.file_name()), prov);
    }
    repo
}

fn migrate(ferry: &Ferry, repo: &ChartRepo, registry: &Registry, more: &[&str]) -> Outcome {
    let (from, to) = (repo.url(), registry.target("charts"));
    let args = ["migrate", &from, &to, "--plain-http"];
    ferry.report(args.iter().chain(more))
}

/// Panics unless the log has exactly these requests.
fn assert_requests(log: &Log, expected: &[(Kind, usize)]) {
    let mut actual: Vec<(Kind, usize)> = Vec::new();
    for entry in &log.0 {
        match actual.iter_mut().find(|(kind, _)| *kind == entry.kind) {
            Some((_, count)) => *count += 1,
            None => actual.push((entry.kind, 1)),
        }
    }
    // The version that is read again has two blobs, or three with provenance
    if expected.contains(&(Kind::ManifestHead, 1)) {
        let looks = log.count(Kind::BlobHead);
        assert!((2..=3).contains(&looks), "\n{log}");
        actual.retain(|(kind, _)| *kind != Kind::BlobHead);
    }
    let mut expected: Vec<_> = expected.iter().copied().filter(|(_, count)| *count > 0).collect();
    expected.sort_unstable();
    actual.sort_unstable();
    assert_eq!(actual, expected, "\n{log}");
}

/// What one run with nothing in the registry costs there without a login.
fn first_run(single_post: bool) -> Vec<(Kind, usize)> {
    let blobs = 2 * VERSIONS + SIGNED;
    vec![
        (Kind::Ping, 1),
        (Kind::TagList, REPOSITORIES),
        (Kind::UploadPost, blobs),
        // The first upload is opened before the first download, to see whether the registry takes any: one request more
        // where the others need no second one
        (Kind::UploadPut, if single_post { 1 } else { blobs }),
        (Kind::ManifestPut, VERSIONS),
        // The first version of the run, read again
        (Kind::ManifestHead, 1),
    ]
}

/// The same in a run that finds everything in place.
const NOTHING_NEW: [(Kind, usize); 2] = [(Kind::Ping, 1), (Kind::TagList, REPOSITORIES)];

#[test]
fn a_version_costs_five_requests_or_seven_with_provenance() {
    let (ferry, repo, registry) = (Ferry::new(), source(), Registry::start());
    let outcome = migrate(&ferry, &repo, &registry, &[]).expect(0);
    assert_eq!(outcome.count("pushed"), VERSIONS);
    assert_requests(
        &repo.log(),
        &[
            (Kind::Index, 1),
            (Kind::Package, VERSIONS),
            (Kind::Provenance, VERSIONS),
        ],
    );
    assert_requests(&registry.log(), &first_run(false));
    registry.assert_sound();
    assert_report_counts(&outcome, &repo, &registry);
}

/// The report counts what the servers saw.
fn assert_report_counts(outcome: &Outcome, repo: &ChartRepo, registry: &Registry) {
    let report = outcome.report.as_ref().unwrap();
    for (host, log) in [(repo.host(), repo.log()), (registry.host(), registry.log())] {
        let hosts = report["hosts"].as_array().unwrap();
        let told = hosts.iter().find(|told| told["host"] == *host).unwrap();
        assert_eq!(told["requests"], log.0.len(), "{host}: {told}\n{log}");
        assert_eq!(told["retries"], 0, "{told}");
        let mut seen = BTreeMap::new();
        for entry in &log.0 {
            let key = format!("{} {}", entry.request.method, entry.status.unwrap());
            *seen.entry(key).or_insert(0) += 1;
        }
        assert_eq!(told["by_status"], serde_json::json!(seen), "{host}\n{log}");
    }
}

#[test]
fn a_registry_that_takes_a_blob_in_one_post_costs_three_or_four() {
    let registry = Registry::with(|it| it.single_post = true);
    migrate(&Ferry::new(), &source(), &registry, &[]).expect(0);
    assert_requests(&registry.log(), &first_run(true));
    registry.assert_sound();
}

#[test]
fn without_provenance_a_version_costs_one_request_at_the_source() {
    let (repo, registry) = (source(), Registry::start());
    migrate(&Ferry::new(), &repo, &registry, &["--provenance", "off"]).expect(0);
    assert_requests(&repo.log(), &[(Kind::Index, 1), (Kind::Package, VERSIONS)]);
    let blobs = 2 * VERSIONS;
    assert_eq!(registry.log().count(Kind::UploadPut), blobs);
}

#[test]
fn nothing_new_costs_one_index_and_one_tag_list_per_repository() {
    let (ferry, repo, registry) = (Ferry::new(), source(), Registry::start());
    migrate(&ferry, &repo, &registry, &[]).expect(0);
    for run in 2..=3 {
        repo.forget_log();
        registry.forget_log();
        let outcome = migrate(&ferry, &repo, &registry, &[]).expect(0);
        assert_eq!(outcome.count("present"), VERSIONS, "run {run}");
        assert_requests(&repo.log(), &[(Kind::Index, 1)]);
        assert_requests(&registry.log(), &NOTHING_NEW);
    }
}

#[test]
fn one_new_version_costs_no_more_than_itself() {
    let (ferry, repo, registry) = (Ferry::new(), ChartRepo::empty(), Registry::start());
    let mut charts = grid(&["plain", "quiet", "other"], &["1.0.0", "1.1.0"]);
    repo.publish(&charts);
    migrate(&ferry, &repo, &registry, &[]).expect(0);
    charts.push(Chart::new("plain", "1.2.0"));
    repo.publish(&charts);
    repo.forget_log();
    registry.forget_log();
    migrate(&ferry, &repo, &registry, &[]).expect(0);
    assert_requests(
        &repo.log(),
        &[(Kind::Index, 1), (Kind::Package, 1), (Kind::Provenance, 1)],
    );
    assert_requests(
        &registry.log(),
        &[
            (Kind::Ping, 1),
            (Kind::TagList, 3),
            (Kind::UploadPost, 2),
            (Kind::UploadPut, 2),
            (Kind::ManifestPut, 1),
            (Kind::ManifestHead, 1),
        ],
    );
}

#[test]
fn a_plan_looks_and_does_not_touch() {
    let (ferry, repo, registry) = (Ferry::new(), source(), Registry::start());
    let args = ["plan", &repo.url(), &registry.target("charts"), "--plain-http"];
    let outcome = ferry.report(args).expect(0);
    assert_eq!(outcome.count("push"), VERSIONS);
    assert_requests(&repo.log(), &[(Kind::Index, 1)]);
    assert_requests(&registry.log(), &NOTHING_NEW);
    assert_eq!(registry.tags(), [""; 0]);
}

#[test]
fn a_tag_list_costs_one_request_per_page() {
    for link in [Link::Relative, Link::Absolute] {
        let (ferry, repo) = (Ferry::new(), source());
        let registry = Registry::with(|it| {
            it.page_size = Some(3);
            it.link = link;
        });
        migrate(&ferry, &repo, &registry, &[]).expect(0);
        registry.forget_log();
        let outcome = migrate(&ferry, &repo, &registry, &[]).expect(0);
        assert_eq!(outcome.count("present"), VERSIONS);
        // Four tags are two pages of three
        let pages = 2 * REPOSITORIES;
        assert_requests(&registry.log(), &[(Kind::Ping, 1), (Kind::TagList, pages)]);
    }
}

/// The binary reads the login where Docker keeps it.
fn logged_in(host: &str) -> Ferry {
    use base64::Engine as _;
    let ferry = Ferry::new();
    let secret = base64::engine::general_purpose::STANDARD.encode(format!("{USER}:{PASSWORD}"));
    let config = serde_json::json!({ "auths": { host: { "auth": secret } } });
    let folder = ferry.home().join(".docker");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("config.json"), config.to_string()).unwrap();
    ferry
}

#[test]
fn basic_costs_one_login() {
    let (repo, registry) = (
        source(),
        Registry::with(|it| it.auth = Auth::basic(USER, PASSWORD)),
    );
    let ferry = logged_in(&registry.host());
    let outcome = migrate(&ferry, &repo, &registry, &[]).expect(0);
    let log = registry.log();
    // The password is tried once, alone: sixteen wrong ones at the same time would lock an account
    let with_login = |mut requests: Vec<(Kind, usize)>| {
        requests
            .iter_mut()
            .filter(|(kind, _)| *kind == Kind::Ping)
            .for_each(|(_, count)| *count += 1);
        requests
    };
    assert_requests(&log, &with_login(first_run(false)));
    let refused: Vec<_> = log.0.iter().filter(|entry| entry.status == Some(401)).collect();
    assert_eq!(refused.len(), 1, "{log}");
    assert_eq!(refused[0].kind, Kind::Ping, "{log}");
    outcome.assert_free_of(PASSWORD);
    repo.log().assert_free_of(PASSWORD);

    registry.forget_log();
    migrate(&ferry, &repo, &registry, &[]).expect(0);
    assert_requests(&registry.log(), &with_login(NOTHING_NEW.to_vec()));
}

#[test]
fn bearer_costs_one_token_per_scope() {
    let (repo, registry) = (
        source(),
        Registry::with(|it| it.auth = Auth::bearer(USER, PASSWORD)),
    );
    let ferry = logged_in(&registry.host());
    let outcome = migrate(&ferry, &repo, &registry, &["--concurrency", "12"]).expect(0);
    let log = registry.log();
    let mut expected = first_run(false);
    expected.push((Kind::Token, REPOSITORIES));
    assert_requests(&log, &expected);
    let mut scopes: Vec<_> = log
        .of(Kind::Token)
        .into_iter()
        .map(|entry| entry.request.param("scope").unwrap())
        .collect();
    scopes.sort();
    assert_eq!(
        scopes,
        ["plain", "quiet", "signed"].map(|name| format!("repository:charts/{name}:pull,push"))
    );
    assert!(
        log.0
            .iter()
            .all(|entry| entry.status != Some(401) || entry.kind == Kind::Ping),
        "{log}"
    );
    outcome.assert_free_of(PASSWORD);

    registry.forget_log();
    migrate(&ferry, &repo, &registry, &[]).expect(0);
    let mut expected = NOTHING_NEW.to_vec();
    expected.push((Kind::Token, REPOSITORIES));
    assert_requests(&registry.log(), &expected);
}

#[test]
fn anonymous_tokens_are_one_per_scope_too() {
    let registry = Registry::with(|it| {
        it.auth = Auth::Bearer {
            login: None,
            ttl: Duration::from_secs(300),
            tells_ttl: false,
        };
    });
    migrate(&Ferry::new(), &source(), &registry, &[]).expect(0);
    let mut expected = first_run(false);
    expected.push((Kind::Token, REPOSITORIES));
    assert_requests(&registry.log(), &expected);
}

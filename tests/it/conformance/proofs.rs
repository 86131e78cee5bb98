//! What a profile proves beyond the four steps (the column "proves" of registries 6.2).

use std::time::Duration;

use super::content;
use super::stage::{Stage, Subject};
use crate::profiles::{self, Profile};
use crate::support::charts::{Chart, grid};
use crate::support::faults::{Effect, Fault};
use crate::support::ferry::Outcome;
use crate::support::registry::Registry;
use crate::support::server::{Answer, Kind, Log, Logged};

/// A stage of a profile by its name. The profile stays for the rest of the process.
pub(super) fn stage(name: &str) -> Stage<'static> {
    with(profiles::named(name))
}

pub(super) fn with(profile: Profile) -> Stage<'static> {
    Stage::fake(Box::leak(Box::new(profile)))
}

impl Stage<'_> {
    /// The fake behind it.
    pub(super) fn registry(&self) -> &Registry {
        match &self.subject {
            Subject::Fake(registry) => registry,
            Subject::Real(_) => panic!("a real registry"),
        }
    }

    /// Other charts than the usual.
    pub(super) fn serve(&mut self, charts: Vec<Chart>) {
        self.repo.publish(&charts);
        self.charts = charts;
    }

    /// A run that succeeds and leaves everything in place.
    pub(super) fn succeed(&self) -> Outcome {
        let outcome = self.run().expect(0);
        assert_eq!(
            content::in_place(self),
            self.charts.len(),
            "{}",
            self.subject.log()
        );
        outcome
    }
}

/// Statuses of a log that were answered so often.
pub(super) fn answered(log: &Log, status: u16) -> usize {
    log.0.iter().filter(|entry| entry.status == Some(status)).count()
}

#[test]
fn ecr_names_every_missing_repository_in_one_report() {
    let stage = stage("ecr-missing");
    let outcome = stage.run().expect(5);
    for name in ["charts/alpha", "charts/beta"] {
        assert!(outcome.stdout.contains(name), "{name}: {}", outcome.stdout);
    }
    assert_eq!(stage.subject.log().count(Kind::ManifestPut), 0);
}

#[test]
fn rule_16_ecr_is_sent_no_more_manifests_than_it_takes() {
    let mut profile = profiles::named("ecr");
    profile.domain = Some("123456789012.dkr.ecr.eu-west-1.amazonaws.com");
    let mut stage = with(profile);
    let versions: Vec<String> = (0..13).map(|patch| format!("1.0.{patch}")).collect();
    let versions: Vec<&str> = versions.iter().map(String::as_str).collect();
    stage.serve(grid(&["alpha"], &versions));
    stage.succeed();
    let log = stage.subject.log();
    assert_eq!(answered(&log, 429), 0, "{log}");
    assert_eq!(log.count(Kind::ManifestPut), 13);
}

#[test]
fn acr_renews_its_tokens_by_the_refresh_token_alone() {
    let stage = stage("acr");
    stage.registry().age_with_requests(Duration::from_secs(3 * 60));
    stage.succeed();
    let log = stage.subject.log();
    let tokens = log.of(Kind::Token);
    assert!(tokens.iter().all(|entry| entry.request.method == "POST"), "{log}");
    assert!(
        tokens.len() > 2 && answered(&log, 401) > 1,
        "nothing ran out\n{log}"
    );
}

#[test]
fn rule_07_acr_gets_pieces_only_after_it_refused_the_whole() {
    let stage = stage("acr");
    stage.succeed();
    let log = stage.subject.log();
    let order: Vec<Kind> = log
        .0
        .iter()
        .filter(|entry| entry.status == Some(413) || entry.kind == Kind::UploadPatch)
        .map(|entry| entry.kind)
        .collect();
    assert_eq!(
        order,
        [Kind::UploadPut, Kind::UploadPatch, Kind::UploadPatch],
        "{log}"
    );
    let sizes: Vec<usize> = log
        .of(Kind::UploadPatch)
        .iter()
        .map(|entry| entry.request.body.len())
        .collect();
    assert_eq!(sizes[0], 4 << 20);
}

#[test]
fn docker_hub_is_asked_nothing_for_a_target_with_three_levels() {
    let stage = stage("dockerhub-three-levels");
    let outcome = stage.run();
    assert_ne!(outcome.code, Some(0));
    assert!(stage.subject.log().0.is_empty(), "{}", stage.subject.log());
    assert!(stage.repo.log().0.is_empty(), "{}", stage.repo.log());
}

#[test]
fn docker_hub_tells_by_an_upload_what_its_401_hides() {
    let stage = stage("dockerhub");
    stage.succeed();
    let log = stage.subject.log();
    // What tells goes on as the upload of the first blob
    assert_eq!(log.count(Kind::UploadCancel), 0, "{log}");
    for repository in ["alpha", "beta"] {
        let opened = format!("/v2/ferry/{repository}/blobs/uploads/");
        let opened = |entry: &&&Logged| entry.request.path == opened;
        assert!(log.of(Kind::UploadPost).iter().find(opened).is_some(), "{log}");
    }
    assert_eq!(stage.registry().open_uploads(), 0);
}

#[test]
fn rule_08_docker_hub_sends_blobs_elsewhere_and_no_login_follows() {
    let origin = stage("dockerhub-elsewhere");
    origin.succeed();
    let target = Registry::start();
    let (host, elsewhere) = (
        origin.registry().host(),
        origin.registry().elsewhere_host().unwrap(),
    );
    let entry = "  alpha:\n  - name: alpha\n    version: 1.0.0\n";
    origin.repo.put(
        "index.yaml",
        format!("apiVersion: v1\nentries:\n{entry}    urls: [\"oci://{host}/ferry/alpha:1.0.0\"]\n"),
    );
    let around = "allow_private = [\"127.0.0.1\", \"::1\", \"localhost\"]";
    let config = format!(
        "[[host]]\nname = \"{host}\"\nplain_http = true\nusername = \"{}\"\npassword_file = \"password\"\n\
         trusted_realms = [\"{elsewhere}\"]\n{around}\n[[host]]\nname = \"{}\"\nplain_http = true\n\
         [[host]]\nname = \"{}\"\n{around}\n[[mirror]]\nname = \"m\"\nsource = \"{}\"\ntargets = [\"{}\"]\n",
        profiles::USER,
        target.host(),
        origin.repo.host(),
        origin.repo.url(),
        target.target("copy"),
    );
    std::fs::write(origin.ferry.home().join("config.toml"), config).unwrap();
    origin.run().expect(0);
    assert_eq!(target.tags(), ["copy/alpha:1.0.0"]);
    target.assert_sound();
    let there = origin.registry().elsewhere_log();
    assert_eq!(there.count(Kind::BlobGet), 2, "{there}");
    for entry in there.of(Kind::BlobGet) {
        assert!(!entry.request.headers.contains_key("authorization"), "{entry}");
    }
    // Whoever reads asks for no more than that
    let scopes: Vec<_> = there
        .of(Kind::Token)
        .iter()
        .filter_map(|entry| entry.request.param("scope"))
        .collect();
    assert_eq!(scopes, ["repository:ferry/alpha:pull"], "{there}");
    origin.registry().assert_sound();
}

#[test]
fn quay_gets_everything_again_that_it_forgot_in_an_hour() {
    let stage = stage("quay");
    stage.subject.fault(Fault::on(Kind::ManifestPut, Effect::Stall));
    let mut child = stage.start(|log| log.count(Kind::ManifestPut) >= 2);
    child.kill().unwrap();
    child.wait().unwrap();
    stage.subject.heal();
    let held = stage.registry().content("charts/alpha").blobs.len();
    assert!(held > 0, "nothing was sent before the kill");
    stage.registry().skip(Duration::from_secs(3601));
    stage.succeed();
    let log = stage.subject.log();
    assert_eq!(log.count(Kind::UploadPost), 11, "{log}");
}

#[test]
fn rule_04_harbor_changes_the_scheme_of_its_challenge_in_the_run() {
    let stage = stage("harbor");
    stage.registry().age_with_requests(Duration::from_secs(100));
    stage.succeed();
    let log = stage.subject.log();
    let scheme = |scheme: &str| {
        let carries = |entry: &&Logged| {
            entry.kind != Kind::Token && entry.request.header("authorization").starts_with(scheme)
        };
        log.0.iter().filter(carries).count()
    };
    assert!(scheme("Bearer ") > 5 && scheme("Basic ") > 5, "{log}");
    stage.run().expect(0);
    assert_eq!(stage.subject.log().writes(), 0);
}

#[test]
fn gitlab_renews_its_tokens_many_times_in_one_run() {
    let stage = stage("gitlab");
    stage.registry().age_with_requests(Duration::from_secs(15));
    stage.succeed();
    let tokens = stage.registry().elsewhere_log().count(Kind::Token);
    assert!(tokens >= 4, "{tokens}");
}

#[test]
fn rule_17_gitea_gets_no_tags_that_differ_only_in_case() {
    let mut stage = stage("gitea");
    let versions = ["1.0.0-RC1", "1.0.0-rc1", "1.0.0-Beta", "1.0.0"];
    stage.serve(grid(&["alpha"], &versions));
    let outcome = stage.run().expect(2);
    let refused: Vec<_> = outcome
        .items()
        .into_iter()
        .filter(|item| item.action == "refused")
        .collect();
    assert_eq!(refused.len(), 2, "{}", outcome.stdout);
    assert!(
        refused
            .iter()
            .all(|item| item.code.as_deref() == Some("tag-case")),
        "{refused:?}"
    );
    assert_eq!(
        stage.registry().tags(),
        ["owner/alpha:1.0.0", "owner/alpha:1.0.0-beta"]
    );
    // What is stored under another spelling is found again
    let again = stage.run().expect(2);
    assert_eq!(
        (again.count("present"), stage.subject.log().writes()),
        (2, 0),
        "{}",
        again.stdout
    );
}

#[test]
fn nexus_is_not_stormed_after_a_refusal() {
    let stage = stage("nexus-html-errors");
    stage.run().expect(5);
    let log = stage.subject.log();
    assert!(log.writes() <= 2 * stage.charts.len() + 1, "{log}");
}

#[test]
fn pulp_is_asked_before_anything_is_sent_again_after_its_429() {
    let stage = stage("pulp");
    stage.succeed();
    let log = stage.subject.log();
    assert!(answered(&log, 429) > 0, "{log}");
    assert_eq!(log.count(Kind::ManifestPut), stage.charts.len(), "{log}");
}

#[test]
fn distribution_forgets_uploads_in_a_restart_and_they_begin_anew() {
    let stage = stage("distribution-2.8");
    let later = Effect::Delay(Duration::from_millis(200));
    stage.subject.fault(Fault::on(Kind::UploadPut, later).nth(1));
    let mut child = stage.start(|log| log.count(Kind::UploadPut) >= 1);
    stage.registry().restart();
    assert!(child.wait().unwrap().success());
    assert_eq!(content::in_place(&stage), stage.charts.len());
    let log = stage.subject.log();
    let lost = log
        .of(Kind::UploadPut)
        .iter()
        .filter(|entry| entry.status == Some(404))
        .count();
    assert!(lost >= 1, "{log}");
    // An old address is never used a second time
    let mut paths: Vec<_> = log
        .of(Kind::UploadPut)
        .iter()
        .map(|entry| entry.request.path.clone())
        .collect();
    let all = paths.len();
    paths.sort();
    paths.dedup();
    assert_eq!(paths.len(), all, "{log}");
}

#[test]
fn a_proxy_that_gives_up_with_a_page_of_its_own_is_tried_again() {
    let stage = stage("ingress-nginx-raised");
    let page = Effect::Instead(Answer::html(504));
    stage.subject.fault(Fault::on(Kind::UploadPut, page).nth(1));
    stage.succeed();
    assert_eq!(answered(&stage.subject.log(), 504), 1);
}

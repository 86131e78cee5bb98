//! The 22 rules of registries section 1, each with a test that shows it. Further ones stand beside what they are about; their names
//! begin alike.

use std::collections::BTreeSet;
use std::path::Path;

use super::content;
use super::proofs::{answered, stage, with};
use crate::profiles::{Profile, switches};
use crate::support::charts::Chart;
use crate::support::faults::{Effect, Fault};
use crate::support::registry::{ErrorBody, Link};
use crate::support::server::{Answer, Kind, Log, Logged};

#[test]
fn every_rule_has_a_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = BTreeSet::new();
    for folder in ["src", "tests/it"] {
        numbers(&root.join(folder), &mut found);
    }
    assert_eq!(found, (1..=22).collect(), "rules with a test");
}

/// The numbers of all functions `rule_NN_…` below `folder`.
fn numbers(folder: &Path, found: &mut BTreeSet<u32>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            numbers(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let names = text.split("fn rule_").skip(1);
            found.extend(names.filter_map(|name| name.get(..2)?.parse::<u32>().ok()));
        }
    }
}

fn scopes(log: &Log) -> Vec<String> {
    log.of(Kind::Token)
        .iter()
        .flat_map(|entry| {
            let query = entry.request.query.clone().unwrap_or_default();
            url::form_urlencoded::parse(query.as_bytes())
                .chain(url::form_urlencoded::parse(&entry.request.body))
                .filter(|(key, _)| key == "scope")
                .map(|(_, value)| value.into_owned())
                .collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn rule_01_one_scope_with_pull_and_push_from_the_first_request_on() {
    let stage = stage("quay");
    stage.succeed();
    let mut scopes = scopes(&stage.subject.log());
    scopes.sort();
    assert_eq!(
        scopes,
        [
            "repository:charts/alpha:pull,push",
            "repository:charts/beta:pull,push"
        ]
    );
}

#[test]
fn rule_02_tokens_by_get_and_after_a_refused_post() {
    let stage_by_password = stage("ghcr");
    stage_by_password.succeed();
    let log = stage_by_password.subject.log();
    assert!(
        log.of(Kind::Token)
            .iter()
            .all(|entry| entry.request.method == "GET"),
        "{log}"
    );
    let by_identity = stage("ghcr-identity");
    by_identity.succeed();
    let log = by_identity.subject.log();
    let methods: Vec<_> = log
        .of(Kind::Token)
        .iter()
        .map(|entry| entry.request.method.to_string())
        .collect();
    assert!(
        methods.contains(&"POST".to_owned()) && methods.contains(&"GET".to_owned()),
        "{log}"
    );
}

#[test]
fn rule_03_either_field_holds_the_token_and_no_lifetime_means_a_minute() {
    // `access_token`, no `expires_in`; and `token` without it
    for name in ["acr-admin", "gitea"] {
        let stage = stage(name);
        stage.succeed();
        let log = stage.subject.log();
        assert_eq!(
            log.count(Kind::Token),
            2,
            "{name}: one for each repository\n{log}"
        );
    }
}

#[test]
fn rule_05_of_several_challenges_the_token_is_taken() {
    for name in ["gitea", "gitea-comma"] {
        let stage = stage(name);
        stage.succeed();
        let log = stage.subject.log();
        let manifests = log.of(Kind::ManifestPut);
        let bearer = |entry: &&&Logged| entry.request.header("authorization").starts_with("Bearer ");
        assert_eq!(
            manifests.iter().filter(bearer).count(),
            stage.charts.len(),
            "{name}\n{log}"
        );
    }
}

#[test]
fn rule_06_a_blob_is_one_post_and_one_put_of_known_length() {
    let stage = stage("spec-strict");
    stage.succeed();
    let log = stage.subject.log();
    assert_eq!(
        (log.count(Kind::UploadPost), log.count(Kind::UploadPut)),
        (11, 11),
        "{log}"
    );
    for entry in log.of(Kind::UploadPut) {
        let length: usize = entry.request.header("content-length").parse().unwrap();
        assert_eq!(length, entry.request.body.len(), "{entry}");
        assert!(
            !entry.request.headers.contains_key("transfer-encoding"),
            "{entry}"
        );
    }
}

#[test]
fn rule_08_a_location_comes_back_byte_for_byte() {
    let stage = stage("acr-admin");
    stage.succeed();
    let log = stage.subject.log();
    for entry in log.of(Kind::UploadPut) {
        let query = entry.request.query.clone().unwrap_or_default();
        let opaque = query.starts_with("_nouploadcache=false&_state=k%3D")
            && query.contains("%2B%2F.e-_~&x=%3d%3D&digest=");
        assert!(opaque, "{entry}");
    }
}

#[test]
fn rule_09_nothing_is_mounted() {
    // The same config in two repositories is no reason either
    let mut stage = stage("pulp");
    stage.serve(vec![Chart::new("alpha", "1.0.0"), Chart::new("beta", "1.0.0")]);
    stage.succeed();
    let log = stage.subject.log();
    assert!(
        log.0.iter().all(|entry| entry.request.param("mount").is_none()),
        "{log}"
    );
}

#[test]
fn rule_10_other_words_for_success_are_understood() {
    let stage = stage("ecr");
    stage
        .subject
        .fault(Fault::on(Kind::UploadPut, Effect::AnswerAs(Answer::status(204))));
    stage.succeed();
    let log = stage.subject.log();
    assert_eq!(answered(&log, 204), 11, "{log}");
}

#[test]
fn rule_11_an_altered_manifest_is_told_with_both_digests() {
    let stage = stage("cloudsmith-rewrites");
    let outcome = stage.run();
    let words = outcome.report.unwrap().to_string();
    let told = words.split("the tag holds `").nth(1).unwrap();
    let told: Vec<&str> = told.split('`').step_by(2).take(2).collect();
    assert!(
        told.iter()
            .all(|digest| digest.len() == 71 && digest.starts_with("sha256:")),
        "{told:?}"
    );
    assert_ne!(told[0], told[1]);
}

#[test]
fn rule_11_a_blob_that_was_cut_is_found_out() {
    let stage = stage("pulp-cut-bodies");
    let outcome = stage.run();
    assert_ne!(outcome.code, Some(0));
    assert_eq!(outcome.count("pushed"), 0, "{}", outcome.stdout);
}

#[test]
fn rule_12_what_is_there_is_not_put_again() {
    for name in ["harbor", "nexus", "zot"] {
        let stage = stage(name);
        stage.succeed();
        stage.run().expect(0);
        assert_eq!(stage.subject.log().writes(), 0, "{name}");
    }
}

/// A tag list as if nothing were there.
fn stale() -> Fault {
    let empty = Answer::status(200).body("{\"name\":\"x\",\"tags\":[]}");
    Fault::on(Kind::TagList, Effect::Instead(empty))
}

#[test]
fn rule_13_a_protected_tag_with_the_same_digest_is_no_conflict() {
    for name in [
        "ecr",
        "ecr-same-digest-refused",
        "acr-admin",
        "gar",
        "harbor",
        "quay",
        "artifactory",
        "zot",
        "nexus",
    ] {
        let mut stage = stage(name);
        stage.serve(vec![Chart::new("alpha", "1.0.0")]);
        stage.succeed();
        let before = stage.registry().content(&stage.repository("alpha")).tags;
        stage.subject.fault(stale());
        stage.run().expect(0);
        let log = stage.subject.log();
        assert_eq!(log.count(Kind::ManifestPut), 1, "{name}: one try\n{log}");
        // Other bytes under the same version
        stage.serve(vec![Chart::new("alpha", "1.0.0").file("NOTES", "another")]);
        let outcome = stage.run();
        let after = stage.registry().content(&stage.repository("alpha")).tags;
        if name == "nexus" {
            // Which protects manifests, not tags
            continue;
        }
        let outcome = outcome.expect(3);
        assert_eq!(
            outcome.items()[0].code.as_deref(),
            Some("tag-immutable"),
            "{name}: {}",
            outcome.stdout
        );
        assert_eq!(before, after, "{name}");
        assert_eq!(
            stage.subject.log().count(Kind::ManifestPut),
            1,
            "{name}: never tried again"
        );
    }
}

#[test]
fn rule_14_every_face_of_a_missing_repository_is_told_and_nothing_is_pushed() {
    for name in [
        "ecr-missing",
        "ecr-missing-eof",
        "gar-missing",
        "ghcr-no-right",
        "gitlab-too-deep",
        "harbor-no-project",
    ] {
        let stage = stage(name);
        let outcome = stage.run();
        assert!(matches!(outcome.code, Some(2 | 5)), "{name}: {}", outcome.stdout);
        for chart in ["alpha", "beta"] {
            assert!(
                outcome.stdout.contains(&stage.repository(chart)),
                "{name}: {}",
                outcome.stdout
            );
        }
        assert_eq!(stage.registry().tags(), [""; 0], "{name}");
    }
}

#[test]
fn rule_15_an_odd_list_is_a_hint_and_a_whole_one_is_believed() {
    for (name, turn) in switches::HARMLESS
        .iter()
        .filter(|(name, _)| name.starts_with("tags-"))
    {
        let stage = with(Profile::brief(name, turn));
        stage.succeed();
        let again = stage.run().expect(0);
        let log = stage.subject.log();
        assert_eq!(
            (again.count("present"), log.writes()),
            (stage.charts.len(), 0),
            "{name}\n{log}"
        );
        for entry in log.of(Kind::TagList) {
            let n = entry.request.param("n").map_or(0, |n| n.parse::<u32>().unwrap());
            assert!(n <= 1000, "{name}: {entry}");
        }
    }
}

#[test]
fn rule_15_a_link_to_another_origin_is_not_followed() {
    let stage = with(Profile::brief("elsewhere", |it| {
        it.page_size = Some(2);
        it.link = Link::OtherHost;
    }));
    stage.succeed();
    stage.run().expect(0);
    assert_eq!(stage.registry().elsewhere_log().0.len(), 0);
}

#[test]
fn rule_18_a_config_is_json_and_never_empty() {
    let stage = stage("gitea");
    stage.succeed();
    for chart in ["alpha", "beta"] {
        let content = stage.registry().content(&stage.repository(chart));
        assert!(content.blobs.values().all(|blob| !blob.is_empty()));
        for manifest in content.manifests.values() {
            let (config, _) = crate::support::registry::references(&manifest.bytes).unwrap()[0].clone();
            let json: serde_json::Value = serde_json::from_slice(&content.blobs[&config]).unwrap();
            assert_eq!(json["name"], chart);
        }
    }
}

#[test]
fn rule_19_a_manifest_is_what_helm_pushes() {
    let stage = stage("spec-strict");
    stage.succeed();
    for entry in stage.subject.log().of(Kind::ManifestPut) {
        assert_eq!(
            entry.request.header("content-type"),
            "application/vnd.oci.image.manifest.v1+json"
        );
        let json: serde_json::Value = serde_json::from_slice(&entry.request.body).unwrap();
        for member in ["mediaType", "artifactType", "subject"] {
            assert!(json[member].is_null(), "{member}: {json}");
        }
    }
}

#[test]
fn rule_20_nothing_is_deleted_but_own_uploads() {
    let stage = stage("distribution-3");
    let refusal = Effect::Instead(Answer::status(400));
    stage.subject.fault(Fault::on(Kind::UploadPut, refusal).nth(1));
    stage.run().expect(2);
    let log = stage.subject.log();
    assert_eq!(log.count(Kind::Delete), 0, "{log}");
    // That of the refused blob, and that of its sibling where it was not through yet
    assert!((1..=2).contains(&log.count(Kind::UploadCancel)), "{log}");
    assert_eq!(stage.registry().open_uploads(), 0, "{log}");
}

#[test]
fn rule_21_errors_of_every_shape_are_told() {
    for (shape, words) in [
        (ErrorBody::Oci, "manifest too large"),
        (ErrorBody::Plain, "Payload Too Large"),
        (ErrorBody::Html, "an HTML page titled `413 Payload Too Large`"),
        (ErrorBody::Empty, "413 Payload Too Large"),
        (ErrorBody::BadJson, "413 Payload Too Large"),
        (ErrorBody::OddCode, "413 Payload Too Large: 413"),
    ] {
        let stage = with(Profile::brief("shapes", move |it| {
            it.manifest_max = 100;
            it.error_body = shape;
        }));
        let outcome = stage.run().expect(2);
        let told = outcome.report.unwrap().to_string();
        assert!(told.contains(words), "{shape:?}: {told}");
        assert_eq!(content::in_place(&stage), 0);
    }
}

#[test]
fn rule_22_a_tag_that_the_registry_took_away_is_noticed_and_pushed_again() {
    let mut stage = stage("artifactory-unique-tags");
    stage.serve(
        ["1.0.0", "1.1.0", "1.2.0"]
            .map(|version| Chart::new("alpha", version))
            .into(),
    );
    stage.run().expect(0);
    assert_eq!(stage.registry().tags().len(), 2);
    let again = stage.run().expect(0);
    assert_eq!(
        (again.count("pushed"), again.count("present")),
        (1, 2),
        "{}",
        again.stdout
    );
}

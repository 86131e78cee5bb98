//! Real repositories, served over HTTP, into real registries: every manifest has the digest that `helm push` gave it.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::support::chart_repo::ChartRepo;
use crate::support::data;
use crate::support::ferry::{Ferry, Outcome};
use crate::support::process::RealRegistry;
use crate::support::registry::digest_of;
use crate::support::server::Kind;
use crate::support::tools::Tool;

/// What Helm made of a set: `repository:tag` to the record of that push.
fn pushed_by_helm(set: &str) -> Option<BTreeMap<String, Value>> {
    let file = data::set("helm-vectors")?.join(format!("{set}.jsonl"));
    let text = std::fs::read_to_string(file).unwrap();
    let mut pushes = BTreeMap::new();
    for line in text.lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        let push = record["results"]["3.22.0"].clone();
        assert_eq!(push["exit"], 0, "the sets used here are clean: {record}");
        let tag = format!(
            "{}:{}",
            push["repo"].as_str().unwrap(),
            push["tag"].as_str().unwrap()
        );
        pushes.insert(tag, push);
    }
    Some(pushes)
}

fn migrate(ferry: &Ferry, repo: &ChartRepo, target: &str) -> Outcome {
    ferry.report(["migrate", &repo.url(), target, "--plain-http"])
}

/// A prefix that no earlier test wrote to, for a registry that outlives this process.
fn fresh_prefix() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    format!("t{}-{}", std::process::id(), now.as_nanos())
}

/// Migrates a set twice and compares what the registry then has with what Helm pushed.
fn check(set: &str, folder: &Path, registry: &RealRegistry, versions: usize, repositories: usize) {
    let Some(pushes) = pushed_by_helm(set) else { return };
    assert_eq!(pushes.len(), versions, "{set}");
    let (ferry, repo, prefix) = (Ferry::new(), ChartRepo::folder(folder), fresh_prefix());
    let target = registry.target(&prefix);
    let outcome = migrate(&ferry, &repo, &target).expect(0);
    assert_eq!(outcome.count("pushed"), versions, "{set}");
    assert_as_helm(&outcome, &pushes, registry, &prefix);

    repo.forget_log();
    let again = migrate(&ferry, &repo, &target).expect(0);
    assert_eq!(again.count("present"), versions, "{set}");
    assert_eq!(repo.log().0.len(), 1, "{}", repo.log());
    assert_eq!(repo.log().count(Kind::Index), 1, "{}", repo.log());
    let report = again.report.unwrap();
    let hosts = report["hosts"].as_array().unwrap();
    let host = hosts
        .iter()
        .find(|host| host["host"] == *registry.host())
        .unwrap();

    // The probe, then a tag list per repository
    let requests = 1 + repositories;
    assert_eq!(
        host["by_status"],
        serde_json::json!({ "GET 200": requests }),
        "{host}"
    );
}

/// The report and the registry say the same as Helm.
fn assert_as_helm(
    outcome: &Outcome,
    pushes: &BTreeMap<String, Value>,
    registry: &RealRegistry,
    prefix: &str,
) {
    // Of a large set every fourth: each costs a connection
    let step = if pushes.len() > 1000 { 4 } else { 1 };
    for (number, item) in outcome.raw_items().into_iter().enumerate() {
        let reference = item["reference"].as_str().unwrap();
        let tag = reference
            .strip_prefix(&registry.target(&format!("{prefix}/")))
            .unwrap();
        let push = pushes.get(tag).unwrap_or_else(|| panic!("Helm pushed no {tag}"));
        assert_eq!(item["manifest_digest"], push["manifest_digest"], "{tag}");
        if number % step != 0 {
            continue;
        }
        let (name, version) = tag.split_once(':').unwrap();
        let (status, manifest) = registry.get(&format!("/v2/{prefix}/{name}/manifests/{version}"));
        assert_eq!(status, 200, "{tag}: {manifest}");
        assert_eq!(
            push["manifest_digest"],
            digest_of(manifest.as_bytes()),
            "{tag}: {manifest}"
        );
    }
    assert_eq!(outcome.raw_items().len(), pushes.len());
}

fn into_distribution(set: &str, versions: usize, repositories: usize) {
    let (Some(folder), Some(registry)) = (data::set(set), RealRegistry::start(Tool::Distribution3)) else {
        return;
    };
    check(set, &folder, &registry, versions, repositories);
}

#[test]
fn small_mini_arrives_in_every_real_registry_as_helm_pushes_it() {
    let Some(folder) = data::set("small-mini") else {
        return;
    };
    for (name, registry) in RealRegistry::all() {
        eprintln!("{name}");
        check("small-mini", &folder, &registry, 44, 8);
    }
}

#[test]
fn eks_charts_arrive_as_helm_pushes_them() {
    into_distribution("eks-charts", 449, 21);
}

#[test]
fn helm_incubator_arrives_as_helm_pushes_it() {
    into_distribution("helm-incubator", 1232, 73);
}

#[test]
fn every_signed_version_brings_its_provenance_layer() {
    let (Some(folder), Some(registry)) = (
        data::set("siakhooi-signed"),
        RealRegistry::start(Tool::Distribution3),
    ) else {
        return;
    };
    let Some(pushes) = pushed_by_helm("siakhooi-signed") else {
        return;
    };
    check("siakhooi-signed", &folder, &registry, 23, 1);
    // The digests say it already; this says it in words
    for push in pushes.values() {
        let kinds: Vec<_> = push["layers"]
            .as_array()
            .unwrap()
            .iter()
            .map(|layer| &layer[0])
            .collect();
        assert!(kinds.contains(&&Value::from("prov")), "{push}");
    }
    let ferry = Ferry::new();
    let repo = ChartRepo::folder(&folder);
    let outcome = migrate(&ferry, &repo, &registry.target("again")).expect(0);
    let carried = outcome
        .raw_items()
        .into_iter()
        .filter(|item| item["provenance"] == "carried");
    assert_eq!(carried.count(), 23);
}

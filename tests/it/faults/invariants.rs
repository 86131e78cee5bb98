//! The invariants of reliability 5.3, as far as one run shows them.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use base64::Engine as _;
use chartferry::helm::manifest::{CHART_MEDIA_TYPE, PROVENANCE_MEDIA_TYPE};
use chartferry::report::{Action, Command, ExitStatus, RunReport};

use super::scene::{Pair, REGISTRY_LOGIN, SOURCE_LOGIN, Scene};
use crate::support::registry::{Content, Registry};
use crate::support::server::{Kind, Log};

/// Digests by `repository:tag`.
type TagDigests = BTreeMap<String, String>;

/// What was there before a run.
pub(super) struct Before {
    tags: TagDigests,
    source_requests: usize,
    registry_requests: usize,
}

impl Before {
    pub(super) fn of(scene: &Scene) -> Self {
        Self {
            tags: tag_digests(&scene.registry),
            source_requests: scene.repo.log().0.len(),
            registry_requests: scene.registry.log().0.len(),
        }
    }
}

/// Panics unless `report` and what the servers saw keep every one of them.
pub(super) fn check(scene: &Scene, report: &RunReport, logs: &str, before: &Before) {
    accounted(report);
    honest_exit(report);
    same_bytes(scene);
    scene.registry.assert_sound();
    no_tag_moved(&scene.registry, &before.tags);
    no_secret_told(scene, report, logs);
    spaced(&scene.repo.log(), before.source_requests);
    spaced(&scene.registry.log(), before.registry_requests);
}

/// I1: every entry of the index appears once for each target.
fn accounted(report: &RunReport) {
    for mirror in report.mirrors.iter().filter(|mirror| mirror.error.is_none()) {
        for target in mirror.targets.iter().filter(|target| target.error.is_none()) {
            let duplicates: usize = target
                .items
                .iter()
                .map(|item| item.details().duplicate_lines.len())
                .sum();
            let accounted = (target.items.len() + duplicates) as u64;
            assert_eq!(accounted, mirror.index_entries, "{}", text(report));
        }
    }
}

/// I2: 0 exactly when nothing failed and nothing is in conflict.
fn honest_exit(report: &RunReport) {
    let planned = report.command == Command::Plan;
    let arrived = |action| match action {
        Action::Pushed | Action::Present | Action::Filtered => true,
        Action::Push => planned,
        _ => false,
    };
    let all_well = report.mirrors.iter().all(|mirror| mirror.error.is_none())
        && report.targets().all(|(_, target)| {
            target.error.is_none() && target.items.iter().all(|item| arrived(item.action))
        });
    let success = ExitStatus::of(report) == ExitStatus::Success;
    assert_eq!(success, all_well, "{}", text(report));
}

/// I3: what a tag leads to is, byte for byte, a package of the source with the provenance file that belongs to it.
fn same_bytes(scene: &Scene) {
    let expected = scene.expected.borrow();
    for tag in scene.registry.tags() {
        let (repository, version) = tag.rsplit_once(':').unwrap();
        let pair = pair(&scene.registry.content(repository), version);
        let allowed = expected.get(&tag).is_some_and(|pairs| pairs.contains(&pair));
        assert!(allowed, "`{tag}` holds what the source never had");
    }
}

fn pair(content: &Content, tag: &str) -> Pair {
    let manifest = &content.manifests[&content.tags[tag]];
    let manifest: serde_json::Value = serde_json::from_slice(&manifest.bytes).unwrap();
    let layer = |media_type: &str| {
        let layers = manifest["layers"].as_array().unwrap();
        let layer = layers.iter().find(|layer| layer["mediaType"] == media_type)?;
        Some(content.blobs[layer["digest"].as_str().unwrap()].to_vec())
    };
    (layer(CHART_MEDIA_TYPE).unwrap(), layer(PROVENANCE_MEDIA_TYPE))
}

/// The digest behind every tag.
fn tag_digests(registry: &Registry) -> TagDigests {
    let digest = |tag: String| {
        let (repository, version) = tag.rsplit_once(':').unwrap();
        let digest = registry.content(repository).tags[version].clone();
        (tag, digest)
    };
    registry.tags().into_iter().map(digest).collect()
}

/// I8: no tag got another digest, nothing was deleted.
fn no_tag_moved(registry: &Registry, before: &TagDigests) {
    let after = tag_digests(registry);
    for (tag, digest) in before {
        assert_eq!(after.get(tag), Some(digest), "`{tag}`");
    }
    assert_eq!(registry.log().count(Kind::Delete), 0, "{}", registry.log());
}

/// I7: no login is in a log, in a report, or in a request to a host that is not its owner.
fn no_secret_told(scene: &Scene, report: &RunReport, logs: &str) {
    for (user, password) in [SOURCE_LOGIN, REGISTRY_LOGIN] {
        let encoded = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
        for secret in [password, &encoded] {
            let told = [
                ("log", logs),
                ("report", &json(report)),
                ("summary", &text(report)),
            ];
            for (place, words) in told {
                assert!(!words.contains(secret), "a secret is in the {place}: {words}");
            }
            if password == SOURCE_LOGIN.1 {
                scene.registry.log().assert_free_of(secret);
            } else {
                scene.repo.log().assert_free_of(secret);
            }
        }
    }
}

/// I11: no two tries of one request follow each other within 50 ms.
///
/// A try is a request that was sent before and failed: broken off, or answered by a status that may pass. What is sent twice on
/// purpose (after a login, past a cache) is none, and neither are the openings of uploads, which look all the same.
fn spaced(log: &Log, start: usize) {
    const LEAST: Duration = Duration::from_millis(50);
    let mut last = HashMap::new();
    for entry in &log.0[start..] {
        let request = &entry.request;
        if entry.kind == Kind::UploadPost && request.param("digest").is_none() {
            continue;
        }
        let key = (&request.method, &request.path, &request.query);
        if let Some(earlier) = last.insert(key, entry) {
            let failed = earlier.status.is_none_or(|status| status >= 429 || status == 408);
            let gap = entry.at - earlier.at;
            assert!(
                !failed || gap >= LEAST,
                "{gap:?} between\n{earlier}\n{entry}\n{log}"
            );
        }
    }
}

/// The report as a machine reads it.
pub(super) fn json(report: &RunReport) -> String {
    let mut out = Vec::new();
    chartferry::report::json::write(report, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// The report as a person reads it.
pub(super) fn text(report: &RunReport) -> String {
    let mut out = Vec::new();
    chartferry::report::text::write(report, 200, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

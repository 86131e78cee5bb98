//! A real repository through six years: every recorded state of its index, served one after another to the same mirror.

use std::collections::BTreeMap;
use std::path::Path;

use super::scene::{Scene, assert_requests, ended};
use crate::support::charts::sha256_hex;
use crate::support::data::set;
use crate::support::server::Kind;

/// Version to digest, read by another parser than the one under test; and those that cannot be pushed as they are listed.
fn index(folder: &Path) -> (BTreeMap<String, String>, Vec<String>) {
    let text = std::fs::read_to_string(folder.join("index.yaml")).unwrap();
    let index: serde_json::Value = serde_yaml::from_str(&text).unwrap();
    let entries = index["entries"]["csi-driver-nfs"].as_array().unwrap();
    let set: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder.join("SET.json")).unwrap()).unwrap();
    let bases = set["base_urls"].as_array().unwrap();
    let (mut versions, mut bad) = (BTreeMap::new(), Vec::new());
    for entry in entries {
        let (version, digest) = (
            entry["version"].as_str().unwrap(),
            entry["digest"].as_str().unwrap(),
        );
        let url = entry["urls"][0].as_str().unwrap();
        let path = bases
            .iter()
            .find_map(|base| url.strip_prefix(base.as_str().unwrap()));
        let path = folder.join(path.unwrap_or(url).trim_start_matches('/'));
        let package = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        // The first states list a version that is none, and some list a digest before its package
        if version == "latest" || sha256_hex(&package) != digest {
            bad.push(version.to_owned());
        }
        versions.insert(version.to_owned(), digest.to_owned());
    }
    (versions, bad)
}

#[test]
fn each_new_version_arrives_each_republished_one_drifts_each_removed_one_vanishes() {
    let Some(root) = set("states/csi-driver-nfs") else {
        return;
    };
    let mut states: Vec<_> = std::fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    states.sort();
    assert_eq!(states.len(), 32);
    let scene = Scene::new(&[]);
    let mut carried: BTreeMap<String, String> = BTreeMap::new();
    let (mut drifts, mut removals) = (0, 0);
    for state in &states {
        scene.repo.show(state);
        let ((now, bad), name) = (index(state), state.display());
        let outcome = scene.run(&[]);
        let mut expected: BTreeMap<String, &str> = BTreeMap::new();
        for (version, digest) in &now {
            let action = match carried.get(version) {
                None if bad.contains(version) => "refused",
                None => "pushed",
                Some(first) if first == digest => "present",
                Some(_) => "drifted",
            };
            expected.insert(version.clone(), action);
        }
        for version in carried.keys().filter(|version| !now.contains_key(*version)) {
            expected.insert(version.clone(), "vanished");
        }
        assert_eq!(
            outcome.items().len(),
            expected.len(),
            "{name}: {:?}",
            outcome.items()
        );
        for (version, action) in &expected {
            let (found, code) = ended(&outcome, "csi-driver-nfs", version);
            assert_eq!(found, *action, "{name}: {version} {code:?}");
        }
        let count = |wanted: &str| expected.values().filter(|action| **action == wanted).count();
        (drifts, removals) = (drifts + count("drifted"), removals.max(count("vanished")));
        let pushed = count("pushed");
        outcome.expect(match (count("refused"), count("drifted")) {
            (0, 0) => 0,
            (0, _) => 3,
            _ => 2,
        });
        // One list where a version is not known, nothing at all otherwise
        let unknown = expected
            .iter()
            .any(|(version, action)| *action == "refused" && version != "latest");
        let lists = usize::from(pushed > 0 || unknown);
        assert_eq!(scene.registry.log().count(Kind::TagList), lists, "{name}");
        assert_eq!(scene.registry.log().count(Kind::ManifestPut), pushed, "{name}");
        for (version, digest) in now {
            if !bad.contains(&version) {
                carried.entry(version).or_insert(digest);
            }
        }
        // The same index again: one request, and what needs attention is told again
        let again = scene.run(&[]);
        assert_requests(&scene.repo.log(), &[(Kind::Index, 1)]);
        assert_requests(&scene.registry.log(), &[]);
        assert_eq!(
            again.count("drifted"),
            count_of(&again, &expected, "drifted"),
            "{name}"
        );
        assert_eq!(
            again.count("vanished"),
            count_of(&again, &expected, "vanished"),
            "{name}"
        );
    }
    // Two versions that had been pushed are gone at the end; the third one that was removed was none
    assert!(drifts >= 24, "{drifts}");
    assert_eq!(removals, 2);
    scene.registry.assert_sound();
    assert_eq!(scene.registry.tags().len(), carried.len());
}

fn count_of(
    outcome: &crate::support::ferry::Outcome,
    expected: &BTreeMap<String, &str>,
    action: &str,
) -> usize {
    let count = expected.values().filter(|wanted| **wanted == action).count();
    assert_eq!(
        outcome.report.as_ref().unwrap()["mirrors"][0]["source_unchanged"],
        true
    );
    count
}

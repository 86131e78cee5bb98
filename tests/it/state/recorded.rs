//! A real repository through six years: every recorded state of its index, served one after another to the same mirror.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::scene::{Scene, assert_requests, ended};
use crate::support::charts::sha256_hex;
use crate::support::data::set;
use crate::support::ferry::Outcome;
use crate::support::server::Kind;

const CHART: &str = "csi-driver-nfs";

/// What an index lists, read by another parser than the one under test.
struct Index {
    /// Version to digest.
    versions: BTreeMap<String, String>,
    /// Those that cannot be pushed as they are listed.
    bad: Vec<String>,
}

impl Index {
    fn read(folder: &Path) -> Self {
        let json = |name: &str| -> serde_json::Value {
            serde_yaml::from_str(&std::fs::read_to_string(folder.join(name)).unwrap()).unwrap()
        };
        let (index, set) = (json("index.yaml"), json("SET.json"));
        let bases = set["base_urls"].as_array().unwrap();
        let (mut versions, mut bad) = (BTreeMap::new(), Vec::new());
        for entry in index["entries"][CHART].as_array().unwrap() {
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
        Self { versions, bad }
    }

    /// What must become of each version, where these were carried before.
    fn expected(&self, carried: &BTreeMap<String, String>) -> BTreeMap<String, &'static str> {
        let listed = self.versions.iter().map(|(version, digest)| {
            let action = match carried.get(version) {
                None if self.bad.contains(version) => "refused",
                None => "pushed",
                Some(first) if first == digest => "present",
                Some(_) => "drifted",
            };
            (version.clone(), action)
        });
        let gone = carried
            .keys()
            .filter(|version| !self.versions.contains_key(*version));
        listed
            .chain(gone.map(|version| (version.clone(), "vanished")))
            .collect()
    }
}

fn count(expected: &BTreeMap<String, &'static str>, action: &str) -> usize {
    expected.values().filter(|wanted| **wanted == action).count()
}

/// A run that finds a new index.
fn assert_new(scene: &Scene, expected: &BTreeMap<String, &'static str>, name: &str) {
    let outcome = scene.run(&[]);
    let items = outcome.items();
    assert_eq!(items.len(), expected.len(), "{name}: {items:?}");
    for (version, action) in expected {
        let (found, code) = ended(&outcome, CHART, version);
        assert_eq!(found, *action, "{name}: {version} {code:?}");
    }
    outcome.expect(code(expected));
    // One list where a version is not known, nothing at all otherwise
    let pushed = count(expected, "pushed");
    let unknown = |(version, action): (&String, &&str)| *action == "refused" && version != "latest";
    let lists = usize::from(pushed > 0 || expected.iter().any(unknown));
    assert_eq!(scene.registry.log().count(Kind::TagList), lists, "{name}");
    assert_eq!(scene.registry.log().count(Kind::ManifestPut), pushed, "{name}");
}

fn code(expected: &BTreeMap<String, &'static str>) -> i32 {
    match (count(expected, "refused"), count(expected, "drifted")) {
        (0, 0) => 0,
        (0, _) => 3,
        _ => 2,
    }
}

/// The same index again: one request, and what needs attention is told again.
fn assert_rests(scene: &Scene, expected: &BTreeMap<String, &'static str>, name: &str) {
    let outcome: Outcome = scene.run(&[]).expect(code(expected));
    assert_requests(&scene.repo.log(), &[(Kind::Index, 1)]);
    assert_requests(&scene.registry.log(), &[]);
    for action in ["drifted", "refused", "vanished"] {
        assert_eq!(outcome.count(action), count(expected, action), "{name}: {action}");
    }
    let mirror = &outcome.report.as_ref().unwrap()["mirrors"][0];
    assert_eq!(mirror["source_unchanged"], true, "{name}");
}

#[test]
fn each_new_version_arrives_each_republished_one_drifts_each_removed_one_vanishes() {
    let Some(root) = set("states/csi-driver-nfs") else {
        return;
    };
    let folders = std::fs::read_dir(root).unwrap();
    let mut states: Vec<PathBuf> = folders.map(|entry| entry.unwrap().path()).collect();
    states.retain(|path| path.is_dir());
    states.sort();
    assert_eq!(states.len(), 32);
    let scene = Scene::new(&[]);
    let mut carried: BTreeMap<String, String> = BTreeMap::new();
    let (mut drifts, mut removals) = (0, 0);
    for state in &states {
        scene.repo.show(state);
        let (index, name) = (Index::read(state), state.display().to_string());
        let expected = index.expected(&carried);
        assert_new(&scene, &expected, &name);
        assert_rests(&scene, &expected, &name);
        drifts += count(&expected, "drifted");
        removals = removals.max(count(&expected, "vanished"));
        let good = index.versions.into_iter();
        for (version, digest) in good.filter(|(version, _)| !index.bad.contains(version)) {
            carried.entry(version).or_insert(digest);
        }
    }
    // Two versions that had been pushed are gone at the end; the third one that was removed was none
    assert!(drifts >= 24, "{drifts}");
    assert_eq!(removals, 2);
    scene.registry.assert_sound();
    assert_eq!(scene.registry.tags().len(), carried.len());
}

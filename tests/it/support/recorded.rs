//! A real repository through six years: every recorded state of its index with its packages, and what a mirror that saw them one
//! after another has to make of each.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::charts::sha256_hex;
use super::data::set;

/// The only chart of the repository.
pub(crate) const CHART: &str = "csi-driver-nfs";

/// The repository at one moment.
pub(crate) struct Recorded {
    /// Its index and packages.
    pub(crate) folder: PathBuf,
    /// Version to digest, as the index has it.
    versions: BTreeMap<String, String>,
    /// Those that cannot be pushed as they are listed.
    bad: Vec<String>,
}

/// All 32 states, oldest first; `None` where the data is missing.
pub(crate) fn states() -> Option<Vec<Recorded>> {
    let mut folders: Vec<_> = std::fs::read_dir(set("states/csi-driver-nfs")?)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    assert_eq!(folders.len(), 32);
    Some(folders.into_iter().map(Recorded::read).collect())
}

impl Recorded {
    /// By another parser than the one under test.
    fn read(folder: PathBuf) -> Self {
        let text = std::fs::read_to_string(folder.join("index.yaml")).unwrap();
        let index: serde_json::Value = serde_yaml::from_str(&text).unwrap();
        let set: serde_json::Value =
            serde_json::from_slice(&std::fs::read(folder.join("SET.json")).unwrap()).unwrap();
        let (mut versions, mut bad) = (BTreeMap::new(), Vec::new());
        for entry in index["entries"][CHART].as_array().unwrap() {
            let (version, digest) = (
                entry["version"].as_str().unwrap(),
                entry["digest"].as_str().unwrap(),
            );
            // The first states list a version that is none, and some list a digest before its package
            if version == "latest" || sha256_hex(&package(&folder, &set, entry)) != digest {
                bad.push(version.to_owned());
            }
            // Some states list a version twice: Helm takes the first
            versions
                .entry(version.to_owned())
                .or_insert_with(|| digest.to_owned());
        }
        Self {
            folder,
            versions,
            bad,
        }
    }

    /// What the index says of a version now.
    pub(crate) fn digest(&self, version: &str) -> Option<&str> {
        self.versions.get(version).map(String::as_str)
    }
}

fn package(folder: &Path, set: &serde_json::Value, entry: &serde_json::Value) -> Vec<u8> {
    let url = entry["urls"][0].as_str().unwrap();
    let bases = set["base_urls"].as_array().unwrap();
    let path = bases
        .iter()
        .find_map(|base| url.strip_prefix(base.as_str().unwrap()));
    let path = folder.join(path.unwrap_or(url).trim_start_matches('/'));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What a mirror has carried so far.
#[derive(Default)]
pub(crate) struct Carried(BTreeMap<String, String>);

impl Carried {
    /// What the next run has to make of each version when the source is at `state`.
    pub(crate) fn next(&mut self, state: &Recorded) -> BTreeMap<String, &'static str> {
        let mut expected = BTreeMap::new();
        for (version, digest) in &state.versions {
            let bad = state.bad.contains(version);
            let action = match self.0.get(version) {
                None if bad => "refused",
                None => "pushed",
                Some(first) if first == digest => "present",
                Some(_) => "drifted",
            };
            expected.insert(version.clone(), action);
        }
        let gone = self
            .0
            .keys()
            .filter(|version| !state.versions.contains_key(*version));
        expected.extend(gone.map(|version| (version.clone(), "vanished")));
        for (version, digest) in &state.versions {
            if !state.bad.contains(version) {
                self.0.entry(version.clone()).or_insert_with(|| digest.clone());
            }
        }
        expected
    }

    /// Version to the sha256 of its package.
    pub(crate) fn versions(&self) -> &BTreeMap<String, String> {
        &self.0
    }
}

/// How many versions are to end so.
pub(crate) fn count_of(expected: &BTreeMap<String, &str>, action: &str) -> usize {
    expected.values().filter(|wanted| **wanted == action).count()
}

/// How a run with these versions has to end.
pub(crate) fn exit_of(expected: &BTreeMap<String, &str>) -> i32 {
    match (count_of(expected, "refused"), count_of(expected, "drifted")) {
        (0, 0) => 0,
        (0, _) => 3,
        _ => 2,
    }
}

//! Real indexes and generated ones, with a second reader as judge.

use std::collections::BTreeMap;
use std::path::PathBuf;

use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use super::*;

#[expect(clippy::print_stderr, reason = "a skipped test must say so")]
fn data() -> Option<PathBuf> {
    let folder = std::env::var_os("CHARTFERRY_TEST_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data")),
        PathBuf::from,
    );
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!(
        "skipped: no test data at `{}`; set CHARTFERRY_TEST_DATA",
        folder.display()
    );
    None
}

#[test]
fn real_indexes_have_their_counts() {
    let Some(data) = data() else { return };
    for (set, charts, versions) in [
        ("small-mini", 8, 44),
        ("siakhooi-signed", 1, 23),
        ("signed-mixed", 9, 13),
        ("odd-mini", 30, 49),
        ("eks-charts", 21, 449),
        ("helm-incubator", 73, 1232),
        ("indexes/bitnami-2023-03", 108, 3448),
        ("indexes/k8s-at-home-2022-05", 206, 4095),
        ("indexes/ingress-nginx", 1, 177),
        ("indexes/external-dns", 1, 36),
    ] {
        let path = data.join(set).join("index.yaml");
        let index = parse(std::fs::read(&path).unwrap()).unwrap();
        assert_eq!(
            (index.charts.len(), index.versions()),
            (charts, versions),
            "{set}"
        );
        let bad: Vec<_> = index
            .charts
            .iter()
            .flat_map(|c| &c.entries)
            .filter(|e| e.problem.is_some())
            .collect();
        assert_eq!(bad, Vec::<&Entry>::new(), "{set}");
    }
}

/// The fields as another library reads them.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize, Clone)]
#[serde(default, rename_all = "camelCase")]
struct Lean {
    name: Option<String>,
    version: Option<String>,
    urls: Option<Vec<String>>,
    digest: Option<String>,
    #[serde(alias = "appversion")]
    app_version: Option<String>,
    deprecated: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct LeanIndex {
    api_version: String,
    entries: BTreeMap<String, Vec<Lean>>,
}

fn assert_same(ours: &Index, theirs: &LeanIndex, what: &str) {
    assert_eq!(ours.charts.len(), theirs.entries.len(), "{what}");
    for chart in &ours.charts {
        let expected = &theirs.entries[&*chart.key];
        assert_eq!(chart.entries.len(), expected.len(), "{what}: {}", chart.key);
        for (entry, lean) in chart.entries.iter().zip(expected) {
            assert_eq!(entry.name.as_deref(), lean.name.as_deref(), "{what}");
            assert_eq!(
                &*entry.version,
                lean.version.as_deref().unwrap_or_default(),
                "{what}"
            );
            let urls: Vec<_> = entry.urls.iter().map(|url| &**url).collect();
            assert_eq!(urls, lean.urls.clone().unwrap_or_default(), "{what}");
            assert_eq!(
                entry.digest,
                IndexDigest::parse(lean.digest.as_deref().unwrap_or_default()),
                "{what}"
            );
            assert_eq!(
                entry.app_version.as_deref(),
                lean.app_version.as_deref(),
                "{what}"
            );
            assert_eq!(entry.deprecated, lean.deprecated.unwrap_or_default(), "{what}");
            assert_eq!(entry.problem, None, "{what}");
        }
    }
}

/// Every real index and fixture, read by us and by `serde_yaml`.
#[test]
fn agrees_with_serde_yaml_on_real_indexes() {
    let Some(data) = data() else { return };
    let mut folders = vec![data];
    let mut read = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let fixture = path.parent().is_some_and(|p| p.ends_with("index-fixtures"));
            if path.is_dir() {
                folders.push(path);
            } else if name == "index.yaml" || fixture {
                let bytes = std::fs::read(&path).unwrap();
                let theirs: Result<LeanIndex, _> = serde_yaml::from_slice(&bytes);
                match (parse(&bytes), theirs) {
                    (Ok(ours), Ok(theirs)) => assert_same(&ours, &theirs, &name),
                    (Ok(ours), Err(error)) => assert_eq!(ours.charts, [], "{name}: {error}"),
                    (Err(ours), theirs) => assert!(theirs.is_err(), "{name}: {ours}"),
                }
                read += 1;
            }
        }
    }
    assert!(read >= 60, "{read} files");
}

fn lean() -> impl Strategy<Value = Lean> {
    let text = || {
        proptest::option::of(prop_oneof![
            ".{0,12}",
            "[ -~\n]{0,20}",
            "1\\.[0-9]0",
            "null|~|yes|\\*a|&a|- x|# y|\\{"
        ])
    };
    (
        text(),
        text(),
        proptest::option::of(prop::collection::vec("[!-~é]{1,9}", 0..3)),
        text(),
        text(),
        any::<Option<bool>>(),
        text(),
    )
        .prop_map(
            |(name, version, urls, digest, app_version, deprecated, description)| Lean {
                name,
                version,
                urls,
                digest,
                app_version,
                deprecated,
                description,
            },
        )
}

proptest! {
    /// What `serde_yaml` and `serde_json` write comes out as it went in.
    #[test]
    fn reads_what_others_write(entries in prop::collection::btree_map("[!-~é]{1,6}", prop::collection::vec(lean(), 0..4), 0..4)) {
        let index = LeanIndex { api_version: "v1".into(), entries };
        let yaml = serde_yaml::to_string(&index).unwrap();
        // What is no YAML even to its own writer (control characters) proves nothing.
        if serde_yaml::from_str::<LeanIndex>(&yaml).is_ok_and(|again| again.entries == index.entries) {
            assert_same(&parse(&yaml).unwrap(), &index, &yaml);
        }
        assert_same(&parse(serde_json::to_vec(&index).unwrap()).unwrap(), &index, "compact JSON");
        assert_same(&parse(serde_json::to_vec_pretty(&index).unwrap()).unwrap(), &index, "pretty JSON");
    }

    #[test]
    fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "[ -~\n\té]{0,200}", edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6)) {
        let limits = IndexLimits { bytes: 1 << 16, entries: 20, depth: 8, scalar: 64 };
        let _ = read_with(&bytes, &limits);
        let _ = read_with(text.as_bytes(), &limits);
        let _ = read_with(format!("apiVersion: v1\nentries:\n  a:\n  - {text}").as_bytes(), &limits);
        let _ = yaml::read_as_helm(text.as_bytes(), &limits);
        for sound in [format!("apiVersion: v1\nentries:\n{SOUND}"), r#"{"apiVersion":"v1","entries":{"a":[{"name":"a","urls":["\u00e9"]}]}}"#.into()] {
            let mut sound = sound.into_bytes();
            for (at, byte) in &edits {
                let at = at.index(sound.len());
                sound[at] = *byte;
            }
            let _ = read_with(&sound, &limits);
            let _ = yaml::read_as_helm(sound.as_slice(), &limits);
        }
    }
}

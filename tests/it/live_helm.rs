//! The promise of the whole program with real Helm as the judge: the same packages, pushed by Helm 3, by Helm 4 and by
//! chartferry into one real registry, give the same manifest digests (product 3, helm-oci-format "Headline results").

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Datelike as _, Utc};
use flate2::read::GzDecoder;
use tempfile::TempDir;

use crate::support::charts::{CREATED, Chart, index_yaml, sha256_hex, unverifiable_prov, write_repository};
use crate::support::data;
use crate::support::ferry::Ferry;
use crate::support::helm::Helm;
use crate::support::process::RealRegistry;
use crate::support::tools::Tool;

/// A package that chartferry pushed, and the digest of the manifest that it says it pushed.
struct Pushed {
    name: String,
    package: Vec<u8>,
    provenance: Option<Vec<u8>>,
    mtime: u64,
    digest: String,
}

/// Every `.tgz` below `folder`, by the sha256 of its bytes.
fn packages(folder: &Path, found: &mut BTreeMap<String, PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            packages(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "tgz") {
            let digest = format!("sha256:{}", sha256_hex(&std::fs::read(&path).unwrap()));
            found.insert(digest, path);
        }
    }
}

/// What `touch -d` sets for a version (product 3): the time in the index, else that of Chart.yaml in the archive. Read here
/// without any code of chartferry.
fn mtime(index: &serde_yaml::Value, chart: &str, version: &str, package: &[u8]) -> u64 {
    let entries = index["entries"][chart].as_sequence().unwrap();
    let created = entries
        .iter()
        .find(|entry| entry["version"].as_str() == Some(version))
        .and_then(|entry| entry["created"].as_str())
        .map(|text| text.parse::<DateTime<Utc>>().unwrap())
        .filter(|time| time.year() > 1);
    if let Some(created) = created {
        return created.timestamp().try_into().unwrap();
    }
    let mut archive = tar::Archive::new(GzDecoder::new(package));
    let chart_yaml = archive.entries().unwrap().map(Result::unwrap).find(|entry| {
        let path = entry.path().unwrap();
        path.components().count() == 2 && path.ends_with("Chart.yaml")
    });
    chart_yaml.unwrap().header().mtime().unwrap()
}

/// Has chartferry push a folder below `prefix`, and looks up in the registry what it says it pushed.
fn ferried(registry: &RealRegistry, prefix: &str, folder: &Path, args: &[&str], exit: i32) -> Vec<Pushed> {
    let target = registry.target(prefix);
    let mut line = vec![
        "migrate",
        folder.to_str().unwrap(),
        target.as_str(),
        "--plain-http",
    ];
    line.extend(args);
    let outcome = Ferry::new().report(line).expect(exit);
    let index = std::fs::read_to_string(folder.join("index.yaml")).unwrap();
    let index: serde_yaml::Value = serde_yaml::from_str(&index).unwrap();
    let mut files = BTreeMap::new();
    packages(folder, &mut files);
    let items = outcome.raw_items().into_iter();
    items
        .filter(|item| item["action"] == "pushed")
        .map(|item| {
            let text = |key: &str| item[key].as_str().unwrap();
            let path = &files[text("package_digest")];
            let package = std::fs::read(path).unwrap();
            let (chart, version, digest) = (text("chart"), text("version"), text("manifest_digest"));
            let (status, manifest) = registry.get(&format!("/v2/{prefix}/{chart}/manifests/{}", text("tag")));
            assert_eq!(status, 200, "{chart} {version}: {manifest}");
            let stored = format!("sha256:{}", sha256_hex(manifest.as_bytes()));
            assert_eq!(stored, digest, "{chart} {version}");
            Pushed {
                name: format!("{chart} {version}"),
                mtime: mtime(&index, chart, version, &package),
                package,
                provenance: std::fs::read(format!("{}.prov", path.display())).ok(),
                digest: digest.to_owned(),
            }
        })
        .collect()
}

/// Has both Helms push the same packages and compares the digests that they print.
fn judge(registry: &RealRegistry, set: &str, pushed: &[Pushed]) {
    let judged = &|helm: &Helm| -> Vec<String> {
        let target = registry.target(&format!("{set}-helm-{}", helm.version));
        pushed
            .iter()
            .filter_map(|it| {
                let digest = helm.push(&it.package, it.provenance.as_deref(), it.mtime, &target);
                (digest != it.digest).then(|| {
                    format!(
                        "{}: helm {} made {digest}, chartferry {}",
                        it.name, helm.version, it.digest
                    )
                })
            })
            .collect()
    };
    // Side by side: a push is mostly the start of a program
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = Helm::all()
            .into_iter()
            .map(|helm| scope.spawn(move || judged(&helm)))
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    });
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// A real set, narrowed by `args`, of which `count` versions are to arrive.
fn compare_set(name: &str, args: &[&str], exit: i32, count: usize) -> Vec<Pushed> {
    let (Some(folder), Some(registry)) = (data::set(name), RealRegistry::start(Tool::Distribution3)) else {
        return Vec::new();
    };
    let pushed = ferried(&registry, &format!("{name}-ferry"), &folder, args, exit);
    assert_eq!(pushed.len(), count, "{name}");
    judge(&registry, name, &pushed);
    pushed
}

#[test]
fn clean_charts_of_a_real_repository() {
    // The newest two of each of its eight charts: the oldest differ in nothing that Helm reads
    compare_set("small-mini", &["--latest", "2"], 0, 16);
}

#[test]
fn signed_charts_of_a_real_repository() {
    let pushed = compare_set("siakhooi-signed", &["--latest", "8"], 0, 8);
    assert!(pushed.iter().all(|it| it.provenance.is_some()));
}

#[test]
fn odd_charts_of_many_repositories() {
    // Those whose packages are in the folder: the other urls of this index lead into the internet
    let charts = [
        "application",
        "argo",
        "argo-cd",
        "crd.projectcalico.org.v1",
        "elemental",
        "fleet",
        "infinispan",
        "jupyterhub",
        "keda",
        "loki",
        "longhorn",
        "query",
    ];
    let args: Vec<&str> = charts.iter().flat_map(|chart| ["--include", chart]).collect();
    // 2: two packages of jupyterhub are not what its index says
    compare_set("odd-mini", &args, 2, 15);
}

/// Charts with one oddity each, in what they say or in how they are written down.
fn odd_charts() -> Vec<Chart> {
    let plain = |name: &str| Chart::new(name, "1.0.0");
    let annotated = "annotations:\n  org.opencontainers.image.created: \"2001-02-03T04:05:06+07:00\"\n  \
                     org.opencontainers.image.title: mine\n  b: '<&>\u{2028}'\n  a: 1.10\n";
    let people = "maintainers:\n- name: Ann\n  email: ann@x.io\n- email: bob@x.io\n- {}\n\
                  home: https://x.io/?a=1&b=2\nsources: [https://x.io/a, https://x.io/b]\nkeywords: [on, 007, 1e3]\n";
    let dependencies = "dependencies:\n- name: redis\n  version: ~1.2\n  repository: https://charts.x.io\n  \
                        tags: [a]\n  import-values:\n  - child: z\n    parent: 9007199254740993\n  - data\n";
    vec![
        Chart::new("built", "1.0.0+git.5-x"),
        Chart::new("lead", "v1.2.3"),
        Chart::new("short", "1.2"),
        Chart::new("pre", "1.0.0-rc.1.99999999999999999999"),
        plain("annotated").chart_yaml(annotated),
        plain("people").chart_yaml(people),
        plain("dependent").chart_yaml(dependencies),
        plain("words")
            .chart_yaml("icon: \"a\\u200bb\\tc \u{1f468}\u{200d}\u{1f469}\"\nkubeVersion: '>=1.20-0'\n"),
        plain("folded")
            .chart_yaml("Home: https://later.io\nHOME: https://first.io\ntype: library\ndeprecated: yes\n"),
        plain("overlaid").file(
            "requirements.yaml",
            "dependencies:\n- name: old\n  repository: ''\nicon: theirs\n",
        ),
        plain("parent")
            .file(
                "charts/child/Chart.yaml",
                "apiVersion: v1\nname: child\nversion: 0.1.0\n",
            )
            .file("charts/packed.tgz", Chart::new("packed", "2.0.0").tgz()),
        plain("second").chart_yaml("...\n---\nname: other\n"),
    ]
}

#[test]
fn charts_that_are_odd_in_every_way_that_helm_allows() {
    let Some(registry) = RealRegistry::start(Tool::Distribution3) else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let charts = odd_charts();
    write_repository(folder.path(), &charts);
    for chart in &charts[..6] {
        let prov = unverifiable_prov(chart, &chart.tgz());
        std::fs::write(folder.path().join(format!("{}.prov", chart.file_name())), prov).unwrap();
    }
    // Half of them without a time in the index, or with Go's zero time: Chart.yaml's own counts
    let mut index = index_yaml(&charts);
    index = index.replacen(&format!("    created: \"{CREATED}\"\n"), "", 4);
    index = index.replacen(CREATED, "0001-01-01T00:00:00Z", 2);
    std::fs::write(folder.path().join("index.yaml"), index).unwrap();
    let pushed = ferried(&registry, "odd-ferry", folder.path(), &[], 0);
    assert_eq!(pushed.len(), charts.len());
    let times: std::collections::BTreeSet<u64> = pushed.iter().map(|it| it.mtime).collect();
    assert_eq!(times.len(), 2, "both ways to a time are taken: {times:?}");
    // Both orders of the two layers occur, so that sorting by digest is seen to be done
    let first = |it: &&Pushed| {
        let prov = it.provenance.as_deref().map(sha256_hex);
        prov.map(|prov| prov < sha256_hex(&it.package))
    };
    let orders: std::collections::BTreeSet<_> = pushed.iter().filter_map(|it| first(&it)).collect();
    assert_eq!(orders.len(), 2, "change the charts until both orders occur");
    judge(&registry, "odd", &pushed);
}

/// The oracle itself: another file time is another digest, so equal digests above mean something.
#[test]
fn helm_writes_the_time_of_the_file() {
    let (Some(registry), Some(helm)) = (RealRegistry::start(Tool::Distribution3), Helm::v4()) else {
        return;
    };
    let package = Chart::new("demo", "1.0.0").tgz();
    let digests = [1_000_000_000, 1_000_000_001]
        .map(|mtime| helm.push(&package, None, mtime, &registry.target("times")));
    assert_ne!(digests[0], digests[1]);
}

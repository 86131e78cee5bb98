//! Charts that are in a layout or a registry already: what is copied keeps its digest.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::support::chart_repo::ChartRepo;
use crate::support::charts::{Chart, grid, sha256_hex, unverifiable_prov, write_repository};
use crate::support::ferry::{Ferry, Outcome};
use crate::support::process::RealRegistry;
use crate::support::registry::{Manifest, Registry, digest_of};

fn charts() -> Vec<Chart> {
    grid(
        &["alpha", "beta"],
        &["1.0.0", "1.1.0+build.7", "2.0.0-rc.1", "2.0.0"],
    )
}

/// A source in which one version is signed.
fn source() -> ChartRepo {
    let charts = charts();
    let repo = ChartRepo::of(&charts);
    let prov = unverifiable_prov(&charts[0], &charts[0].tgz());
    repo.put(&format!("{}.prov", charts[0].file_name()), prov);
    repo
}

/// `chart:version` to the digest of its manifest, for items with this action.
fn digests(outcome: &Outcome, action: &str) -> BTreeMap<String, String> {
    let items = outcome
        .raw_items()
        .into_iter()
        .filter(|item| item["action"] == action);
    items
        .map(|item| {
            let text = |name: &str| item[name].as_str().unwrap().to_owned();
            (
                format!("{}:{}", text("chart"), text("version")),
                text("manifest_digest"),
            )
        })
        .collect()
}

#[test]
fn a_layout_carries_every_digest_across_into_every_real_registry() {
    let ferry = Ferry::new();
    let into = ferry
        .report(["migrate", &source().url(), "oci-layout:carrier"])
        .expect(0);
    let packed = digests(&into, "pushed");
    assert_eq!(packed.len(), charts().len());
    for (name, registry) in RealRegistry::all() {
        let prefix = format!("airgap-{}", std::process::id());
        let target = registry.target(&prefix);
        let args = ["migrate", "oci-layout:carrier", &target, "--plain-http"];
        let out = ferry.report(args).expect(0);
        assert_eq!(digests(&out, "pushed"), packed, "{name}");
        for (version, digest) in &packed {
            let (chart, version) = version.split_once(':').unwrap();
            let tag = version.replace('+', "_");
            let (status, manifest) = registry.get(&format!("/v2/{prefix}/{chart}/manifests/{tag}"));
            assert_eq!(status, 200, "{name}: {manifest}");
            assert_eq!(digest_of(manifest.as_bytes()), *digest, "{name}: {chart}:{tag}");
        }
        let again = ferry.report(args).expect(0);
        assert_eq!(again.count("present"), packed.len(), "{name}");
    }
}

#[test]
fn the_way_over_a_layout_ends_where_the_direct_way_ends() {
    let (ferry, repo) = (Ferry::new(), source());
    let (direct, indirect) = (Registry::start(), Registry::start());
    ferry
        .report(["migrate", &repo.url(), &direct.target("charts"), "--plain-http"])
        .expect(0);
    ferry.report(["migrate", &repo.url(), "oci-layout:a"]).expect(0);
    ferry
        .report(["migrate", "oci-layout:a", "oci-layout:b"])
        .expect(0);
    ferry
        .report([
            "migrate",
            "oci-layout:b",
            &indirect.target("charts"),
            "--plain-http",
        ])
        .expect(0);
    for name in ["charts/alpha", "charts/beta"] {
        let (direct, indirect) = (direct.content(name), indirect.content(name));
        assert_eq!(direct.tags, indirect.tags);
        assert_eq!(direct.manifests, indirect.manifests);
        assert_eq!(direct.blobs, indirect.blobs);
    }
    indirect.assert_sound();
    // Nobody needs more requests for what is there already
    assert_eq!(indirect.log().writes(), direct.log().writes());
}

#[test]
fn filters_know_a_layout_by_name_and_version() {
    let ferry = Ferry::new();
    ferry
        .report(["migrate", &source().url(), "oci-layout:carrier"])
        .expect(0);
    let cases: [(&[&str], &[&str]); 4] = [
        (
            &["--include", "al*"],
            &[
                "alpha:1.0.0",
                "alpha:1.1.0_build.7",
                "alpha:2.0.0",
                "alpha:2.0.0-rc.1",
            ],
        ),
        (
            &["--version", ">=1.1.0"],
            &[
                "alpha:1.1.0_build.7",
                "alpha:2.0.0",
                "beta:1.1.0_build.7",
                "beta:2.0.0",
            ],
        ),
        (&["--latest", "1", "--exclude", "alpha"], &["beta:2.0.0"]),
        (
            &["--no-prereleases", "--include", "beta"],
            &["beta:1.0.0", "beta:1.1.0_build.7", "beta:2.0.0"],
        ),
    ];
    for (filter, expected) in cases {
        let registry = Registry::start();
        let target = registry.target("charts");
        let args = ["migrate", "oci-layout:carrier", &target, "--plain-http"];
        let outcome = ferry.report(args.iter().chain(filter)).expect(0);
        let expected: Vec<_> = expected.iter().map(|tag| format!("charts/{tag}")).collect();
        assert_eq!(registry.tags(), expected, "{filter:?}");
        assert_eq!(
            outcome.count("filtered"),
            charts().len() - expected.len(),
            "{filter:?}"
        );
    }
}

/// A registry that someone else filled, and an index that points into it.
struct Elsewhere {
    registry: Registry,
    repo: ChartRepo,
    ferry: Ferry,
}

/// One entry of an index that names `url`.
fn entry(version: &str, url: &str) -> String {
    format!("  - name: demo\n    version: \"{version}\"\n    urls: [\"{url}\"]\n")
}

impl Elsewhere {
    /// `there/demo` with 1.0.0, 1.1.0+build.7 and 2.0.0, the first with a provenance file.
    fn new() -> Self {
        let (ferry, registry) = (Ferry::new(), Registry::start());
        let folder = ferry.home().join("folder");
        std::fs::create_dir(&folder).unwrap();
        let charts = grid(&["demo"], &["1.0.0", "1.1.0+build.7", "2.0.0"]);
        write_repository(&folder, &charts);
        let prov = unverifiable_prov(&charts[0], &charts[0].tgz());
        std::fs::write(folder.join("demo-1.0.0.tgz.prov"), prov).unwrap();
        let target = registry.target("there");
        ferry
            .report(["migrate", folder.to_str().unwrap(), &target, "--plain-http"])
            .expect(0);
        registry.forget_log();
        Self {
            registry,
            repo: ChartRepo::empty(),
            ferry,
        }
    }

    fn index(&self, entries: &[(&str, String)]) {
        let mut index = "apiVersion: v1\nentries:\n  demo:\n".to_owned();
        for (version, url) in entries {
            index.push_str(&entry(version, url));
        }
        self.repo.put("index.yaml", index);
    }

    /// Both registries speak plain HTTP, which only a file can say.
    fn migrate(&self, target: &Registry, more: &[&str]) -> Outcome {
        let mut config = format!(
            "[[mirror]]\nname = \"m\"\nsource = \"{}\"\ntargets = [\"{}\"]\n",
            self.repo.url(),
            target.target("charts")
        );
        for host in [target.host(), self.registry.host()] {
            write!(config, "[[host]]\nname = \"{host}\"\nplain_http = true\n").unwrap();
        }
        if let [allowed] = more {
            write!(
                config,
                "[[host]]\nname = \"{}\"\nallow_private = [\"{allowed}\"]\n",
                self.repo.host()
            )
            .unwrap();
        }
        std::fs::write(self.ferry.home().join("config.toml"), config).unwrap();
        self.ferry.report(["migrate", "-c", "config.toml"])
    }

    /// Puts a manifest there, whatever it is.
    fn store(&self, tag: &str, media_type: &str, bytes: &str) {
        self.registry.meddle("there/demo", |content| {
            let manifest = Manifest {
                media_type: media_type.to_owned(),
                bytes: bytes.to_owned().into(),
            };
            let digest = digest_of(bytes.as_bytes());
            content.manifests.insert(digest.clone(), manifest);
            content.tags.insert(tag.to_owned(), digest);
        });
    }

    fn there(&self) -> crate::support::registry::Content {
        self.registry.content("there/demo")
    }
}

/// B33: by tag, by digest, by both, and by the version where the URL has neither.
#[test]
fn an_oci_url_is_copied_verbatim() {
    let elsewhere = Elsewhere::new();
    let there = elsewhere.there();
    let url = elsewhere.registry.target("there/demo");
    elsewhere.index(&[
        ("1.0.0", format!("{url}:1.0.0")),
        ("1.1.0+build.7", url.clone()),
        ("2.0.0", format!("{url}@{}", there.tags["2.0.0"])),
    ]);
    let target = Registry::start();
    let outcome = elsewhere.migrate(&target, &["127.0.0.0/8"]).expect(0);
    assert_eq!(outcome.count("pushed"), 3);
    let here = target.content("charts/demo");
    assert_eq!(
        (&here.tags, &here.manifests, &here.blobs),
        (&there.tags, &there.manifests, &there.blobs)
    );
    assert_eq!(
        elsewhere.registry.log().writes(),
        0,
        "{}",
        elsewhere.registry.log()
    );
    target.assert_sound();
    let provenance: BTreeMap<_, _> = outcome
        .raw_items()
        .into_iter()
        .map(|item| {
            (
                item["version"].as_str().unwrap(),
                item["provenance"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        provenance,
        BTreeMap::from([("1.0.0", "carried"), ("1.1.0+build.7", "none"), ("2.0.0", "none")])
    );

    elsewhere.registry.forget_log();
    target.forget_log();
    let again = elsewhere.migrate(&target, &["127.0.0.0/8"]).expect(0);
    assert_eq!(again.count("present"), 3);
    assert_eq!(target.log().writes(), 0);
    assert_eq!(
        elsewhere.registry.log().0.len(),
        0,
        "what is there needs no look at the origin"
    );
}

#[test]
fn an_oci_url_may_not_lead_to_loopback_unless_that_is_allowed() {
    let elsewhere = Elsewhere::new();
    elsewhere.index(&[("1.0.0", elsewhere.registry.target("there/demo:1.0.0"))]);
    let target = Registry::start();
    let outcome = elsewhere.migrate(&target, &[]).expect(2);
    let text = outcome.report.as_ref().unwrap().to_string();
    assert!(text.contains("allow_private"), "{text}");
    assert_eq!(
        elsewhere.registry.log().0.len(),
        0,
        "{}",
        elsewhere.registry.log()
    );
    assert_eq!(target.tags(), [""; 0]);
    elsewhere.migrate(&target, &["127.0.0.1"]).expect(0);
}

/// Artifacts that are no charts, and charts that are others than the index says.
#[test]
fn what_is_no_such_chart_is_not_copied() {
    let elsewhere = Elsewhere::new();
    let url = elsewhere.registry.target("there/demo");
    let mut entries = Vec::new();
    let config = "application/vnd.oci.image.config.v1+json";
    let image = format!(
        r#"{{"schemaVersion":2,"config":{{"mediaType":"{config}","digest":"sha256:{0}","size":2}},"layers":[]}}"#,
        sha256_hex(b"{}")
    );
    let index = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#;
    for (tag, media_type, bytes) in [
        (
            "3.0.0",
            "application/vnd.oci.image.manifest.v1+json",
            image.as_str(),
        ),
        ("3.1.0", "application/vnd.oci.image.index.v1+json", index),
        ("3.2.0", "application/vnd.oci.image.manifest.v1+json", "no JSON"),
    ] {
        elsewhere.store(tag, media_type, bytes);
        entries.push((tag, format!("{url}:{tag}")));
    }
    let by_digest = format!("{url}@{}", digest_of(index.as_bytes()));
    entries.extend([
        ("3.1.1", by_digest.clone()),
        ("3.3.0", format!("{url}:1.0.0")),
        ("3.4.0", format!("{url}:nowhere")),
        ("3.5.0", format!("{url}@sha256:{}", "0".repeat(64))),
        ("3.6.0", format!("{url}@md5:0")),
        ("2.0.0", format!("{url}:2.0.0")),
    ]);
    elsewhere.index(&entries);
    let target = Registry::start();
    let outcome = elsewhere.migrate(&target, &["127.0.0.1"]).expect(2);
    assert_eq!(target.tags(), ["charts/demo:2.0.0"]);
    assert_eq!(outcome.count("pushed"), 1);
    let text: BTreeMap<_, _> = outcome
        .raw_items()
        .into_iter()
        .map(|item| {
            (
                item["version"].as_str().unwrap(),
                item["reason"]["text"].as_str().unwrap_or(""),
            )
        })
        .collect();
    for (version, words) in [
        ("3.0.0", config),
        ("3.1.0", "image index"),
        ("3.1.1", by_digest.as_str()),
        ("3.2.0", "manifest"),
        ("3.3.0", "`1.0.0`"),
        ("3.4.0", "does not exist"),
        ("3.5.0", "does not exist"),
        ("3.6.0", "`md5:0`"),
    ] {
        assert!(text[version].contains(words), "{version}: {}", text[version]);
    }
}

/// A layout knows the digest of each package, so a drift between it and a registry can be told too.
#[test]
fn a_layout_as_source_can_be_compared_with_the_registry() {
    let (ferry, repo, registry) = (Ferry::new(), ChartRepo::of(&charts()), Registry::start());
    let (url, target) = (repo.url(), registry.target("charts"));
    let fill = [
        "migrate",
        &url,
        "oci-layout:carrier",
        "--check-drift",
        "--drift",
        "overwrite",
    ];
    ferry.report(fill).expect(0);
    let carry = [
        "migrate",
        "oci-layout:carrier",
        &target,
        "--plain-http",
        "--check-drift",
    ];
    ferry.report(carry).expect(0);
    let same = ferry.report(carry).expect(0);
    assert_eq!(same.count("present"), charts().len());

    let mut changed = charts();
    changed[0] = changed[0].clone().file("NOTES.txt", "fixed\n");
    repo.publish(&changed);
    ferry.report(fill).expect(0);
    let drifted = ferry.report(carry).expect(3);
    assert_eq!(drifted.count("drifted"), 1, "{:?}", drifted.items());
    let overwrite = ferry
        .report(carry.iter().chain(&["--drift", "overwrite"]))
        .expect(0);
    assert_eq!(overwrite.count("pushed"), 1);
    let digest = &registry.content("charts/alpha").tags["1.0.0"];
    assert_eq!(digests(&overwrite, "pushed")["alpha:1.0.0"], *digest);
    ferry.report(carry).expect(0);
    registry.assert_sound();
}

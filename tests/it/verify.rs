//! `verify`: what is at the target against the source and against itself (reliability F48; product rule 1).

use crate::support::chart_repo::ChartRepo;
use crate::support::charts::{Chart, index_yaml, unverifiable_prov};
use crate::support::ferry::{Ferry, Line, Outcome};
use crate::support::registry::{Content, Manifest, Registry, digest_of};
use crate::support::server::Kind;

/// A source and a registry that took everything from it: three versions of `demo`, the first with a provenance file.
struct Settled {
    ferry: Ferry,
    repo: ChartRepo,
    registry: Registry,
}

fn charts() -> Vec<Chart> {
    ["1.0.0", "1.1.0", "2.0.0+build.7"]
        .map(|version| Chart::new("demo", version))
        .to_vec()
}

impl Settled {
    fn new() -> Self {
        let settled = Self {
            ferry: Ferry::new(),
            repo: ChartRepo::of(&charts()),
            registry: Registry::start(),
        };
        let first = &charts()[0];
        let prov = unverifiable_prov(first, &first.tgz());
        settled.repo.put(&format!("{}.prov", first.file_name()), prov);
        settled.run("migrate", &[]).expect(0);
        settled
    }

    fn run(&self, command: &str, more: &[&str]) -> Outcome {
        self.repo.forget_log();
        self.registry.forget_log();
        let (from, to) = (self.repo.url(), self.registry.target("charts"));
        let args = [command, &from, &to, "--plain-http"];
        self.ferry.report(args.iter().chain(more))
    }

    fn meddle(&self, change: impl FnOnce(&mut Content)) {
        self.registry.meddle("charts/demo", change);
    }

    /// The manifest behind a tag.
    fn manifest(&self, tag: &str) -> Manifest {
        let content = self.registry.content("charts/demo");
        content.manifests[&content.tags[tag]].clone()
    }

    /// The digest of a layer of this kind.
    fn layer(&self, tag: &str, kind: &str) -> String {
        let json: serde_json::Value = serde_json::from_slice(&self.manifest(tag).bytes).unwrap();
        let layers = json["layers"].as_array().unwrap();
        let layer = layers
            .iter()
            .find(|layer| layer["mediaType"].as_str().unwrap().contains(kind));
        layer.unwrap()["digest"].as_str().unwrap().to_owned()
    }

    /// Puts another manifest behind a tag.
    fn retag(&self, tag: &str, from: &str, to: &str) {
        let old = self.manifest(tag);
        let bytes = String::from_utf8(old.bytes.to_vec()).unwrap();
        assert!(bytes.contains(from), "{bytes}");
        let bytes = bytes.replace(from, to);
        let digest = digest_of(bytes.as_bytes());
        self.meddle(|content| {
            content.tags.insert(tag.to_owned(), digest.clone());
            let bytes = bytes.into();
            content.manifests.insert(digest, Manifest { bytes, ..old });
        });
    }
}

/// Version, action and code of everything but the present.
fn findings(outcome: &Outcome) -> Vec<(String, String, String)> {
    let interesting = outcome
        .items()
        .into_iter()
        .filter(|line| line.action != "present");
    let entry = |line: Line| (line.version, line.action, line.code.unwrap_or_default());
    interesting.map(entry).collect()
}

fn assert_findings(outcome: &Outcome, wanted: &[(&str, &str, &str)]) {
    let found = findings(outcome);
    let found: Vec<_> = found
        .iter()
        .map(|(version, action, code)| (version.as_str(), action.as_str(), code.as_str()))
        .collect();
    assert_eq!(found, wanted, "{}", outcome.stdout);
}

#[test]
fn a_sound_copy_matches_at_a_known_price_and_nothing_is_written() {
    let settled = Settled::new();
    let plain = settled.run("verify", &[]).expect(0);
    assert_eq!(plain.count("present"), 3);
    let log = settled.registry.log();
    assert_eq!(log.writes(), 0, "{log}");
    assert_eq!(log.count(Kind::TagList), 1, "{log}");
    // A manifest and a config a version; one look for each of three packages and one provenance file
    let of = |kind| log.count(kind);
    assert_eq!(
        (of(Kind::ManifestGet), of(Kind::BlobGet), of(Kind::BlobHead)),
        (3, 3, 4),
        "{log}"
    );
    assert_eq!(settled.repo.log().0.len(), 1, "the index alone");
    assert!(
        plain.stdout.contains("all 3 selected versions match the source"),
        "{}",
        plain.stdout
    );
    let report = plain.report.as_ref().unwrap();
    assert_eq!(report["command"], "verify");
    assert_eq!(report["mirrors"][0]["drift_checked"], true);
    for item in plain.raw_items() {
        assert!(item["manifest_digest"].is_string(), "{item}");
        assert!(item["package_digest"].is_string(), "{item}");
    }

    let deep = settled.run("verify", &["--deep"]).expect(0);
    assert_eq!(deep.count("present"), 3);
    let log = settled.registry.log();
    assert_eq!(
        (log.count(Kind::BlobGet), log.count(Kind::BlobHead)),
        (7, 0),
        "{log}"
    );
    assert_eq!(log.writes(), 0, "{log}");
}

#[test]
fn a_missing_version_is_a_failure_and_a_tag_of_nobody_is_named() {
    let settled = Settled::new();
    settled.meddle(|content| {
        let moved = content.tags.remove("1.1.0").unwrap();
        content.tags.insert("9.9.9".to_owned(), moved.clone());
        // What belongs to the signature of another tag is nobody's version
        content
            .tags
            .insert(format!("sha256-{}.sig", "a".repeat(64)), moved);
    });
    let outcome = settled.run("verify", &[]).expect(2);
    assert_findings(
        &outcome,
        &[
            ("1.1.0", "failed", "missing"),
            ("9.9.9", "vanished", "not-in-source"),
        ],
    );
    assert!(
        outcome.stdout.contains("only at the target"),
        "{}",
        outcome.stdout
    );
    // Left out by a filter is not gone from the source
    let filtered = settled.run("verify", &["--version", ">=2", "--devel"]).expect(0);
    assert_eq!(filtered.count("vanished"), 1);
    assert_eq!(filtered.count("filtered"), 2);
}

#[test]
fn f48_a_damaged_blob_is_found_in_depth_and_mended_after_its_tag_is_gone() {
    let settled = Settled::new();
    let blob = settled.layer("1.1.0", "chart.content");
    settled.meddle(|content| {
        let bytes = content.blobs.get_mut(&blob).unwrap();
        let mut damaged = bytes.to_vec();
        damaged[20] ^= 1;
        *bytes = damaged.into();
    });
    // The size is right, and that is all that a look tells
    settled.run("verify", &[]).expect(0);
    let deep = settled.run("verify", &["--deep"]).expect(2);
    assert_findings(&deep, &[("1.1.0", "failed", "blob-damaged")]);
    assert!(deep.stdout.contains(&blob), "{}", deep.stdout);
    let (_, sentence) = deep.stdout.split_once("the package of ").unwrap();
    let (sentence, _) = sentence.split_once("; delete the tag").unwrap();
    let digests: Vec<&str> = sentence.matches("sha256:").collect();
    assert!(digests.len() == 2 && sentence.contains(&blob), "{sentence}");
    settled.meddle(|content| drop(content.tags.remove("1.1.0")));
    settled.run("migrate", &[]).expect(0);
    settled.run("verify", &["--deep"]).expect(0);
}

#[test]
fn f48_a_blob_that_is_gone_or_cut_is_found_without_reading_it() {
    let settled = Settled::new();
    let (package, prov) = (
        settled.layer("1.1.0", "chart.content"),
        settled.layer("1.0.0", "provenance"),
    );
    settled.meddle(|content| {
        content.blobs.remove(&package);
        let bytes = content.blobs.get_mut(&prov).unwrap();
        *bytes = bytes.slice(..10);
    });
    for flags in [&[][..], &["--deep"]] {
        let outcome = settled.run("verify", flags).expect(2);
        let codes: Vec<_> = findings(&outcome)
            .into_iter()
            .map(|(version, ..)| version)
            .collect();
        assert_eq!(codes, ["1.0.0", "1.1.0"], "{}", outcome.stdout);
    }
}

#[test]
fn what_is_another_package_another_chart_or_no_chart_is_a_difference() {
    let settled = Settled::new();
    // A tag that was moved to another version of the same chart: other bytes than the index lists
    settled.meddle(|content| {
        let other = content.tags["1.1.0"].clone();
        content.tags.insert("1.0.0".to_owned(), other);
    });
    // And an image that is no chart
    settled.retag("2.0.0_build.7", "helm.config", "other.config");
    let outcome = settled.run("verify", &[]).expect(3);
    assert_findings(
        &outcome,
        &[
            ("1.0.0", "drifted", "drift"),
            ("2.0.0+build.7", "drifted", "not-a-chart"),
        ],
    );
    settled.run("verify", &["--drift", "fail"]).expect(2);
    // Verifying never overwrites
    settled.run("verify", &["--drift", "overwrite"]).expect(3);
    assert_eq!(settled.registry.log().writes(), 0);
}

#[test]
fn without_a_digest_in_the_index_the_config_tells_another_version() {
    let settled = Settled::new();
    settled.meddle(|content| {
        let other = content.tags["1.1.0"].clone();
        content.tags.insert("1.0.0".to_owned(), other);
    });
    let index = index_yaml(&charts());
    let without: Vec<&str> = index.lines().filter(|line| !line.contains("digest:")).collect();
    settled.repo.put("index.yaml", without.join("\n") + "\n");
    let outcome = settled.run("verify", &[]).expect(3);
    assert_findings(&outcome, &[("1.0.0", "drifted", "conflict")]);
    assert!(
        outcome.stdout.contains("`demo` `1.1.0`") && outcome.stdout.contains("`demo` `1.0.0`"),
        "{}",
        outcome.stdout
    );
}

#[test]
fn a_config_of_another_tool_is_a_warning() {
    let settled = Settled::new();
    let json: serde_json::Value = serde_json::from_slice(&settled.manifest("1.0.0").bytes).unwrap();
    let (old, size) = (
        json["config"]["digest"].as_str().unwrap(),
        json["config"]["size"].as_u64().unwrap(),
    );
    let config = br#"{"name":"demo","version":"1.0.0","apiVersion":"v2"}"#;
    settled.meddle(|content| {
        content.blobs.insert(digest_of(config), config.to_vec().into());
    });
    settled.retag(
        "1.0.0",
        &format!(r#""digest":"{old}","size":{size}"#),
        &format!(r#""digest":"{}","size":{}"#, digest_of(config), config.len()),
    );
    settled.run("verify", &[]).expect(0);
    let deep = settled.run("verify", &["--deep"]).expect(0);
    assert!(deep.stdout.contains("config-differs"), "{}", deep.stdout);
}

#[test]
fn a_layout_is_verified_too_and_one_that_is_not_there_is_not_made() {
    let (ferry, repo) = (Ferry::new(), ChartRepo::of(&charts()));
    let url = repo.url();
    let verify = ["verify", &url, "oci-layout:target", "--deep"];
    let absent = ferry.report(verify).expect(2);
    assert_eq!(absent.count("failed"), 3);
    assert!(!ferry.home().join("target").exists());
    ferry.run(["migrate", &url, "oci-layout:target"]).expect(0);
    ferry.report(verify).expect(0);
    let blobs = ferry.home().join("target/blobs/sha256");
    let package = blobs.join(&digest_of(&charts()[1].tgz())["sha256:".len()..]);
    let mut bytes = std::fs::read(&package).unwrap();
    bytes[20] ^= 1;
    std::fs::write(&package, bytes).unwrap();
    let damaged = ferry.report(verify).expect(2);
    assert_findings(&damaged, &[("1.1.0", "failed", "blob-damaged")]);
}

/// The rules for what is pushed hold for what is there.
#[cfg(feature = "verify")]
#[test]
fn what_the_rules_would_not_let_be_pushed_is_a_failure() {
    let examples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let (source, ring) = (
        examples.join("charts-repo").display().to_string(),
        examples.join("charts-repo/pubring.gpg").display().to_string(),
    );
    let ferry = Ferry::new();
    let (carried, bare) = ("oci-layout:carried", "oci-layout:bare");
    ferry.run(["migrate", &source, carried]).expect(0);
    ferry
        .run(["migrate", &source, bare, "--provenance", "off"])
        .expect(0);
    let verify = |target, policy| {
        let args = [
            "verify",
            &source,
            target,
            "--provenance",
            policy,
            "--keyring",
            &ring,
        ];
        ferry.report(args)
    };
    // One version is signed, and its signature is good
    let good = verify(carried, "verify").expect(0);
    let states: Vec<_> = good
        .raw_items()
        .into_iter()
        .filter(|item| item["provenance"] == "verified")
        .map(|item| item["version"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(states, ["1.0.1"], "{}", good.stdout);
    let missing = |outcome: &Outcome| {
        let codes = findings(outcome).into_iter().map(|(_, _, code)| code);
        codes.filter(|code| code == "provenance-missing").count()
    };
    assert_eq!(missing(&verify(carried, "require").expect(2)), 6);
    assert_eq!(missing(&verify(bare, "require").expect(2)), 7);
    verify(bare, "verify").expect(0);
    // A signature of somebody else
    let settled = Settled::new();
    let args = ["--provenance", "verify", "--keyring", &ring];
    let strange = settled.run("verify", &args).expect(2);
    assert_findings(&strange, &[("1.0.0", "refused", "provenance-bad-signature")]);
}

/// It takes the arguments of `migrate`, but not those that say what to write.
#[test]
fn flags_about_writing_are_refused() {
    let ferry = Ferry::new();
    for flag in ["--dry-run", "--create-repositories"] {
        let outcome = ferry.run(["verify", "charts", "oci-layout:none", flag]).expect(1);
        assert!(outcome.stderr.contains(flag), "{}", outcome.stderr);
    }
    let help = ferry.run(["verify", "--help"]).expect(0).stdout;
    assert!(help.contains("--deep") && !help.contains("--dry-run"), "{help}");
}

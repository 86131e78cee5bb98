//! Artifacts that are copied instead of packed: what a mirror trusts holds for them as for packages.

use std::fmt::Write as _;
use std::path::PathBuf;

use crate::support::chart_repo::ChartRepo;
use crate::support::charts::{CREATED, Chart, sha256_hex, unverifiable_prov, write_repository};
use crate::support::ferry::{Ferry, Outcome};
use crate::support::registry::Registry;

/// A repository whose index leads into `origin`, and a file that mirrors it to `target`.
struct Scene {
    ferry: Ferry,
    source: ChartRepo,
    origin: Registry,
    target: Registry,
}

impl Scene {
    /// `demo` 1.0.0 is in the first registry already.
    fn new(provenance: bool) -> Self {
        let (ferry, chart) = (Ferry::new(), demo());
        let folder = ferry.home().join("folder");
        std::fs::create_dir(&folder).unwrap();
        write_repository(&folder, std::slice::from_ref(&chart));
        if provenance {
            let text = unverifiable_prov(&chart, &chart.tgz());
            std::fs::write(folder.join("demo-1.0.0.tgz.prov"), text).unwrap();
        }
        let scene = Self {
            ferry,
            source: ChartRepo::empty(),
            origin: Registry::start(),
            target: Registry::start(),
        };
        let target = scene.origin.target("old");
        let folder = folder.display().to_string();
        scene
            .ferry
            .run(["migrate", &folder, &target, "--plain-http"])
            .expect(0);
        scene
    }

    fn index(&self, digest: &str) {
        self.source.put(
            "index.yaml",
            format!(
                "apiVersion: v1\nentries:\n  demo:\n  - name: demo\n    version: 1.0.0\n    created: \"{CREATED}\"\n    digest: {digest}\n    urls: [\"{}/demo:1.0.0\"]\n",
                self.origin.target("old")
            ),
        );
    }

    fn migrate(&self, more: &str) -> Outcome {
        let file = self.ferry.home().join("config.toml");
        let mut text = String::new();
        for registry in [&self.origin, &self.target] {
            write!(
                text,
                "[[host]]\nname = \"{}\"\nplain_http = true\n",
                registry.host()
            )
            .unwrap();
        }
        let source = self.source.url();
        let host = source.split('/').nth(2).unwrap();
        write!(
            text,
            "[[host]]\nname = \"{host}\"\nallow_private = [\"127.0.0.1\"]\n"
        )
        .unwrap();
        write!(
            text,
            "[[mirror]]\nname = \"m\"\nsource = \"{source}\"\ntargets = [\"{}\"]\n{more}\n",
            self.target.target("new")
        )
        .unwrap();
        std::fs::write(&file, text).unwrap();
        self.ferry.report(["migrate", "-c", "config.toml"])
    }
}

fn demo() -> Chart {
    Chart::new("demo", "1.0.0")
}

fn code(outcome: &Outcome) -> Option<String> {
    outcome.items()[0].code.clone()
}

#[test]
fn an_entry_of_a_registry_is_copied_with_its_digest() {
    let scene = Scene::new(false);
    for digest in [
        sha256_hex(&demo().tgz()),
        scene.origin.content("old/demo").tags["1.0.0"].clone(),
    ] {
        scene.index(&digest);
        scene.target.meddle("new/demo", |content| content.tags.clear());
        let outcome = scene.migrate("").expect(0);
        assert_eq!(outcome.raw_items()[0]["digest_check"], "verified", "{digest}");
        assert_eq!(
            scene.target.content("new/demo").tags,
            scene.origin.content("old/demo").tags
        );
    }
}

#[test]
fn the_digest_of_the_index_holds_for_a_copy() {
    let scene = Scene::new(false);
    scene.index(&"0".repeat(64));
    let outcome = scene.migrate("").expect(2);
    assert_eq!(code(&outcome).as_deref(), Some("digest-mismatch"));
    assert!(scene.target.tags().is_empty());
    scene.migrate("digest = \"warn\"").expect(0);
}

#[test]
fn the_provenance_policy_holds_for_a_copy() {
    let Some(keyring) = keyring() else { return };
    for (signed, policy, code_of_it) in [
        (false, "require", Some("provenance-missing")),
        (false, "verify", None),
        (true, "verify", Some("provenance-bad-signature")),
        (true, "require", Some("provenance-bad-signature")),
        (true, "carry", None),
    ] {
        let scene = Scene::new(signed);
        scene.index(&sha256_hex(&demo().tgz()));
        let keys = match policy {
            "carry" => String::new(),
            _ => format!("keyring = \"{}\"\n", keyring.display()),
        };
        let outcome = scene.migrate(&format!("provenance = \"{policy}\"\n{keys}"));
        let outcome = outcome.expect(if code_of_it.is_some() { 2 } else { 0 });
        assert_eq!(code(&outcome).as_deref(), code_of_it, "{signed} {policy}");
        assert_eq!(scene.target.tags().is_empty(), code_of_it.is_some());
    }
}

/// Any keyring will do: the signature of the test is by nobody.
fn keyring() -> Option<PathBuf> {
    crate::support::data::set("siakhooi-signed").map(|set| set.join("siakhooi-helm.gpg"))
}

#[test]
fn a_copy_out_of_a_layout_is_judged_as_well() {
    let Some(keyring) = keyring() else { return };
    let ferry = Ferry::new();
    std::fs::create_dir(ferry.home().join("folder")).unwrap();
    write_repository(&ferry.home().join("folder"), &[demo()]);
    ferry.run(["migrate", "folder", "oci-layout:box"]).expect(0);
    let keyring = keyring.display().to_string();
    let require = ["--provenance", "require", "--keyring", keyring.as_str()];
    let outcome = ferry
        .report(
            ["migrate", "oci-layout:box", "oci-layout:other"]
                .iter()
                .chain(&require),
        )
        .expect(2);
    assert_eq!(code(&outcome).as_deref(), Some("provenance-missing"));
}

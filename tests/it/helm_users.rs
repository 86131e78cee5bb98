//! What users of Helm do next: real Helm 3 and 4 log in, look up, pull, verify and install what chartferry pushed to a real
//! registry. What is expected, failures too, is what Helm does with charts of its own (helm-oci-format 4 and 5).

use std::path::Path;

use tempfile::TempDir;

use crate::support::chart_repo::ChartRepo;
use crate::support::charts::{Chart, write_repository};
use crate::support::data;
use crate::support::ferry::Ferry;
use crate::support::helm::{Helm, words};
use crate::support::process::{PASSWORD, RealRegistry, USER};
use crate::support::server::Kind;
use crate::support::tools::Tool;

/// Every kind of version that Helm's users meet, the prerelease and the leading `v` newest.
const VERSIONS: [&str; 8] = [
    "0.9.0",
    "1.0.0",
    "1.2",
    "1.2.3+b1",
    "1.3.0+a.b",
    "2.0.0-rc.1",
    "v1.1.0",
    "v3.0.0",
];

/// A registry into which chartferry pushed `c` in all [`VERSIONS`].
struct Stocked {
    registry: RealRegistry,
    digests: Vec<String>,
}

fn chart(version: &str) -> Chart {
    Chart::new("c", version).file(
        "templates/x.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}-x\ndata:\n  \
         version: {{ .Chart.Version | quote }}\n",
    )
}

impl Stocked {
    fn new() -> Option<Self> {
        let registry = RealRegistry::start(Tool::Distribution3)?;
        let folder = TempDir::new().unwrap();
        write_repository(folder.path(), &VERSIONS.map(chart));
        let from = folder.path().to_str().unwrap();
        let outcome = Ferry::new()
            .report(["migrate", from, &registry.target("team/charts"), "--plain-http"])
            .expect(0);
        let digests = VERSIONS.map(|version| {
            let items = outcome.raw_items();
            let item = items.iter().find(|item| item["version"] == version).unwrap();
            item["manifest_digest"].as_str().unwrap().to_owned()
        });
        Some(Self {
            registry,
            digests: digests.into(),
        })
    }

    /// `{c}` is the chart, `{<version>}` the digest of that version, `{sha256-<version>}` the same in a file name.
    fn fill(&self, text: &str) -> String {
        let mut text = text.replace("{c}", &self.registry.target("team/charts/c"));
        for (version, digest) in VERSIONS.iter().zip(&self.digests) {
            text = text.replace(&format!("{{{version}}}"), digest);
            text = text.replace(&format!("{{-{version}}}"), &digest.replace(':', "-"));
        }
        text
    }
}

/// Runs `work` with every Helm, side by side.
fn with_each_helm(work: impl Fn(&Helm) + Sync) {
    let work = &work;
    std::thread::scope(|scope| {
        for helm in Helm::all() {
            scope.spawn(move || work(&helm));
        }
    });
}

/// File names in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// What is asked for after `helm pull`, and which version comes, or words of the refusal.
type Pull = (&'static [&'static str], Result<&'static str, &'static str>);

const PULLS: &[Pull] = &[
    // The newest that is strict, with build metadata and without `v`
    (&["{c}"], Ok("1.3.0+a.b")),
    (&["{c}", "--devel"], Ok("2.0.0-rc.1")),
    (&["{c}", "--version", "1.0.0"], Ok("1.0.0")),
    (&["{c}", "--version", "1.2"], Ok("1.2")),
    (&["{c}", "--version", "v1.1.0"], Ok("v1.1.0")),
    (&["{c}", "--version", "2.0.0-rc.1"], Ok("2.0.0-rc.1")),
    (&["{c}", "--version", "1.2.3+b1"], Ok("1.2.3+b1")),
    (&["{c}", "--version", "^1"], Ok("1.3.0+a.b")),
    (&["{c}", "--version", ">=1.0.0 <1.3.0"], Ok("1.2.3+b1")),
    (&["{c}", "--version", ">0-0"], Ok("2.0.0-rc.1")),
    (&["{c}", "--version", "=1.3.0+zzz"], Ok("1.3.0+a.b")),
    (&["{c}:1.0.0"], Ok("1.0.0")),
    (&["{c}:1.0.0", "--version", "1.0.0"], Ok("1.0.0")),
    (&["{c}@{1.0.0}"], Ok("1.0.0")),
    (&["{c}:1.0.0@{1.0.0}"], Ok("1.0.0")),
    (&["{c}:1.2.3+b1@{1.2.3+b1}"], Ok("1.2.3+b1")),
    (&["{c}@{1.0.0}", "--version", "1.0.0"], Ok("1.0.0")),
    // A version is a tag here, not the beginning of a range as in a classic repository
    (&["{c}", "--version", "1"], Err("not found")),
    (&["{c}", "--version", "1.1.0"], Err("not found")),
    (&["{c}", "--version", "v1.0.0"], Err("not found")),
    (&["{c}", "--version", "1.2.3"], Err("not found")),
    (&["{c}", "--version", "9.9.9"], Err("not found")),
    (&["{c}", "--version", ">=3"], Err("ould not locate a version")),
    // `_` is in the tag and never in a version
    (&["{c}", "--version", "1.2.3_b1"], Err("improper constraint")),
    (&["{c}:1.2.3_b1"], Err("improper constraint")),
    (&["{c}:1.2.3+b1"], Err("invalid tag")),
    (&["{c}:1.0.0", "--version", "1.2"], Err("version mismatch")),
    (&["{c}@{1.0.0}", "--version", "1.2"], Err("digest mismatch")),
    (&["{c}-other", "--version", "1.0.0"], Err("not found")),
];

#[test]
fn every_way_to_name_a_version_leads_to_its_package() {
    let Some(stocked) = Stocked::new() else { return };
    with_each_helm(|helm| {
        for (words_of, expected) in PULLS {
            let folder = TempDir::new_in(helm.home()).unwrap();
            let args: Vec<String> = words_of.iter().map(|word| stocked.fill(word)).collect();
            let mut line = vec!["pull", "--plain-http", "-d", folder.path().to_str().unwrap()];
            line.extend(args.iter().map(String::as_str));
            let output = helm.run(line);
            let said = format!("helm {} pull {args:?}: {}", helm.version, words(&output));
            assert_eq!(output.status.success(), expected.is_ok(), "{said}");
            match expected {
                Err(part) => assert!(said.contains(part) && names(folder.path()).is_empty(), "{said}"),
                Ok(version) => {
                    let by_digest = args[0].contains('@');
                    let name = if by_digest {
                        stocked.fill(&format!("c@{{-{version}}}.tgz"))
                    } else {
                        format!("c-{version}.tgz")
                    };
                    assert_eq!(names(folder.path()), [name.as_str()], "{said}");
                    let package = std::fs::read(folder.path().join(name)).unwrap();
                    assert_eq!(package, chart(version).tgz(), "{said}");
                }
            }
        }
    });
}

#[test]
fn charts_are_shown_rendered_and_installed_from_the_registry() {
    let Some(stocked) = Stocked::new() else { return };
    let ways = [
        (vec!["{c}", "--version", "1.2.3+b1"], "1.2.3+b1"),
        (vec!["{c}@{1.0.0}"], "1.0.0"),
        (vec!["{c}"], "1.3.0+a.b"),
    ];
    with_each_helm(|helm| {
        for (way, version) in &ways {
            let way: Vec<String> = way.iter().map(|word| stocked.fill(word)).collect();
            let run = |command: &[&str]| {
                let words = command.iter().copied().chain(way.iter().map(String::as_str));
                helm.ok(words.chain(["--plain-http"]))
            };
            let shown = run(&["show", "all"]);
            assert!(
                shown.contains(&format!("version: {version}")) && shown.contains("replicas: 1"),
                "{shown}"
            );
            let rendered = run(&["template", "mine"]);
            assert!(
                rendered.contains("name: mine-x") && rendered.contains(&format!("version: \"{version}\"")),
                "{rendered}"
            );
            // Helm 3 asks the cluster for its version even then
            if helm.version.starts_with('4') {
                let installed = run(&["install", "mine", "--dry-run=client"]);
                assert!(
                    installed.contains("STATUS: pending-install") && installed.contains("name: mine-x"),
                    "{installed}"
                );
            }
        }
    });
}

#[test]
fn a_chart_may_depend_on_charts_in_the_registry() {
    let Some(stocked) = Stocked::new() else { return };
    let cases = [
        ("1.0.0", Ok("c-1.0.0.tgz")),
        ("^1", Ok("c-1.3.0+a.b.tgz")),
        ("1.2.3+b1", Ok("c-1.2.3+b1.tgz")),
        ("v1.1.0", Ok("c-v1.1.0.tgz")),
        ("1.1.0", Err("not found")),
        ("1.2.3_b1", Err("improper constraint")),
    ];
    with_each_helm(|helm| {
        for (range, expected) in cases {
            let parent = TempDir::new_in(helm.home()).unwrap();
            let chart_yaml = format!(
                "apiVersion: v2\nname: parent\nversion: 0.1.0\ndependencies:\n- name: c\n  version: '{range}'\n  repository: {}\n",
                stocked.registry.target("team/charts")
            );
            std::fs::write(parent.path().join("Chart.yaml"), chart_yaml).unwrap();
            let folder = parent.path().to_str().unwrap();
            let output = helm.run(["dependency", "update", folder, "--plain-http"]);
            let said = format!("helm {} {range}: {}", helm.version, words(&output));
            match expected {
                Ok(file) => {
                    assert!(output.status.success(), "{said}");
                    assert_eq!(names(&parent.path().join("charts")), [file], "{said}");
                    assert!(parent.path().join("Chart.lock").is_file(), "{said}");
                }
                Err(part) => assert!(!output.status.success() && said.contains(part), "{said}"),
            }
        }
    });
}

/// A signed chart of the shared data is pushed with its provenance, an unsigned one beside it.
#[test]
fn signatures_hold_after_the_way_through_the_registry() {
    let (Some(signed), Some(registry)) = (
        data::set("siakhooi-signed"),
        RealRegistry::start(Tool::Distribution3),
    ) else {
        return;
    };
    let unsigned = TempDir::new().unwrap();
    write_repository(unsigned.path(), &[Chart::new("unsigned", "1.0.0")]);
    // The digest of the signed one
    let mut pinned = String::new();
    for folder in [unsigned.path(), signed.as_path()] {
        let target = registry.target("charts");
        let line = [
            "migrate",
            folder.to_str().unwrap(),
            &target,
            "--plain-http",
            "--latest",
            "1",
        ];
        let outcome = Ferry::new().report(line).expect(0);
        pinned = outcome.raw_items()[0]["pinned"].to_string().replace('"', "");
    }
    let keyring = signed.join("siakhooi-helm.gpg");
    let package = std::fs::read(signed.join("query/query-0.21.0.tgz")).unwrap();
    let provenance = std::fs::read(signed.join("query/query-0.21.0.tgz.prov")).unwrap();
    with_each_helm(|helm| {
        let pull = |reference: &str, flags: &[&str]| {
            let folder = TempDir::new_in(helm.home()).unwrap();
            let fixed = [
                "pull",
                reference,
                "--plain-http",
                "--keyring",
                keyring.to_str().unwrap(),
            ];
            let to = ["-d", folder.path().to_str().unwrap()];
            let output = helm.run(fixed.iter().chain(&to).chain(flags));
            (output.status.success(), words(&output), folder)
        };
        let query = registry.target("charts/query");
        let unsigned = registry.target("charts/unsigned");
        for flag in ["--prov", "--verify"] {
            let (good, said, folder) = pull(&query, &["--version", "0.21.0", flag]);
            assert!(good, "helm {} {flag}: {said}", helm.version);
            assert_eq!(said.contains("Signed by"), flag == "--verify", "{said}");
            let file = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
            assert_eq!(file("query-0.21.0.tgz"), package);
            assert_eq!(file("query-0.21.0.tgz.prov"), provenance);
        }
        // Helm saves a digest under another name, which the signed text does not hold
        let (good, said, _folder) = pull(&pinned, &["--verify"]);
        assert!(
            !good && said.contains("does not contain a SHA for a file named"),
            "{said}"
        );
        let (good, said, folder) = pull(&unsigned, &["--prov"]);
        assert!(good && names(folder.path()) == ["unsigned-1.0.0.tgz"], "{said}");
        let (good, said, _folder) = pull(&unsigned, &["--version", "1.0.0", "--verify"]);
        assert!(!good && said.contains("failed to fetch provenance"), "{said}");
    });
}

#[test]
fn the_login_of_helm_is_the_login_of_chartferry() {
    let Some(registry) = RealRegistry::with_login(Tool::Distribution3) else {
        return;
    };
    let source = ChartRepo::of(&[Chart::new("demo", "1.0.0")]);
    let host = registry.host();
    for helm in Helm::all() {
        let config = helm.home().join("config");
        let ferry = Ferry::new().env("XDG_CONFIG_HOME", config.to_str().unwrap());
        let target = registry.target(&format!("with-{}", helm.version));
        let migrate = || {
            source.forget_log();
            let outcome = ferry.report(["migrate", &source.url(), &target, "--plain-http"]);
            outcome.assert_free_of(PASSWORD);
            outcome
        };
        let turned_away = |when: &str| {
            let outcome = migrate().expect(5);
            let asked =
                format!("there are no credentials for it; `chartferry login {host}` stores credentials");
            let said = outcome.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(said.contains(&asked), "{when} helm {}: {said}", helm.version);
            assert_eq!(source.log().count(Kind::Package), 0, "nothing is fetched in vain");
        };
        turned_away("before the login of");
        helm.login(host, USER, PASSWORD);
        assert_eq!(migrate().expect(0).count("pushed"), 1);
        assert_eq!(migrate().expect(0).count("present"), 1);
        let demo = format!("{target}/demo");
        assert_eq!(helm.pull(&demo, "1.0.0"), Chart::new("demo", "1.0.0").tgz());
        helm.ok(["registry", "logout", host]);
        turned_away("after the logout of");
        assert!(!helm.run(["pull", &demo, "--plain-http"]).status.success());
    }
}

/// What Helm users paste: a password that is wrong, stored by hand. Said once, and no package is fetched.
#[test]
fn a_stale_login_in_the_store_of_helm_is_named() {
    let Some(registry) = RealRegistry::with_login(Tool::Distribution3) else {
        return;
    };
    let source = ChartRepo::of(&[Chart::new("demo", "1.0.0"), Chart::new("other", "1.0.0")]);
    let ferry = Ferry::new();
    let store = ferry.home().join("config/helm/registry");
    std::fs::create_dir_all(&store).unwrap();
    // `ferry:s3cr3t-old`
    let auth = "ZmVycnk6czNjcjN0LW9sZA==";
    let text = format!(r#"{{"auths":{{"{}":{{"auth":"{auth}"}}}}}}"#, registry.host());
    std::fs::write(store.join("config.json"), text).unwrap();
    let outcome = ferry
        .report([
            "migrate",
            &source.url(),
            &registry.target("charts"),
            "--plain-http",
        ])
        .expect(5);
    outcome.assert_free_of("s3cr3t-old");
    outcome.assert_free_of(auth);
    let said = outcome.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        said.contains("does not accept the user and the password"),
        "{said}"
    );
    assert_eq!(source.log().count(Kind::Package), 0, "{}", source.log());
    assert_eq!(outcome.count("pushed"), 0);
}

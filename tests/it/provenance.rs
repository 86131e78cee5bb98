//! The four settings of `provenance`, end to end on packages that real people signed, well and badly (`signed-mixed`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::chart_repo::ChartRepo;
use crate::support::charts::{Chart, unverifiable_prov};
use crate::support::data;
use crate::support::faults::Fault;
use crate::support::ferry::{Ferry, Outcome};
use crate::support::registry::{Registry, digest_of};
use crate::support::server::{Answer, Kind};

const LAYER: &str = "application/vnd.cncf.helm.chart.provenance.v1.prov";
/// The chart whose name climbs: refused whatever the setting.
const HOSTILE: &str = "../../../../charts/org2/repo2/evil-0.1.0";
const VERSIONS: usize = 13;

struct Mixed {
    folder: PathBuf,
    repo: ChartRepo,
    registry: Registry,
    ferry: Ferry,
}

impl Mixed {
    fn new() -> Option<Self> {
        let folder = data::set("signed-mixed")?;
        Some(Self {
            repo: ChartRepo::folder(&folder),
            folder,
            registry: Registry::start(),
            ferry: Ferry::new(),
        })
    }

    fn migrate(&self, policy: &str, keys: Option<&str>) -> Outcome {
        let mut args = [
            "migrate",
            &self.repo.url(),
            &self.registry.target("charts"),
            "--plain-http",
        ]
        .map(str::to_owned)
        .to_vec();
        args.extend(["--provenance".to_owned(), policy.to_owned()]);
        if let Some(keys) = keys {
            let ring = self.folder.join("keys").join(keys);
            args.extend(["--keyring".to_owned(), ring.to_str().unwrap().to_owned()]);
        }
        self.ferry.report(args)
    }
}

/// `chart-version` to what became of it: the code of the reason, else the state of the provenance file.
fn verdicts(outcome: &Outcome) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let items = outcome.raw_items().into_iter().map(|item| {
        let who = format!("{}-{}", text(&item["chart"]), text(&item["version"]));
        let verdict = match item["action"].as_str() {
            Some("pushed") => text(&item["provenance"]),
            _ => text(&item["reason"]["code"]),
        };
        (who, verdict)
    });
    items.collect()
}

/// How many items ended so.
fn tally(verdicts: &BTreeMap<String, String>) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for verdict in verdicts.values() {
        *counts.entry(verdict.as_str()).or_insert(0) += 1;
    }
    counts
}

/// The digest of the provenance layer of a tag, where it has one.
fn layer(registry: &Registry, chart: &str, tag: &str) -> Option<String> {
    let content = registry.content(&format!("charts/{chart}"));
    let digest = content.tags.get(tag)?;
    let manifest: Value = serde_json::from_slice(&content.manifests[digest].bytes).unwrap();
    let layers = manifest["layers"].as_array().unwrap();
    let layer = layers.iter().find(|layer| layer["mediaType"] == LAYER)?;
    Some(layer["digest"].as_str().unwrap().to_owned())
}

fn prov_digest(folder: &Path, package: &str) -> String {
    digest_of(&std::fs::read(folder.join(format!("{package}.tgz.prov"))).unwrap())
}

#[test]
fn carry_takes_every_file_along_and_says_which_are_about_something_else() {
    let Some(mixed) = Mixed::new() else { return };
    let outcome = mixed.migrate("carry", None).expect(2);
    let verdicts = verdicts(&outcome);
    assert_eq!(verdicts.len(), VERSIONS);
    assert_eq!(verdicts[HOSTILE], "invalid-name", "{verdicts:?}");
    assert_eq!(verdicts["loki-0.25.3"], "mismatch", "its sum is another one");
    let expected = BTreeMap::from([("carried", VERSIONS - 2), ("invalid-name", 1), ("mismatch", 1)]);
    assert_eq!(tally(&verdicts), expected, "{verdicts:?}");
    for who in verdicts.keys().filter(|who| *who != HOSTILE) {
        let (chart, version) = who.rsplit_once('-').unwrap();
        assert_eq!(
            layer(&mixed.registry, chart, version),
            Some(prov_digest(&mixed.folder, who)),
            "{who}"
        );
    }
    assert_manifests_as_helm(&outcome);
}

/// What is carried is what `helm push` carries.
fn assert_manifests_as_helm(outcome: &Outcome) {
    let Some(vectors) = data::set("helm-vectors") else {
        return;
    };
    let text = std::fs::read_to_string(vectors.join("signed-mixed.jsonl")).unwrap();
    let mut compared = 0;
    for line in text.lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        let push = &record["results"]["3.22.0"];
        let same = |item: &&Value| item["chart"] == record["key"] && item["version"] == record["version"];
        let items = outcome.raw_items();
        let item = items.into_iter().find(same).unwrap();
        assert_eq!(item["manifest_digest"], push["manifest_digest"], "{record}");
        compared += 1;
    }
    assert_eq!(compared, VERSIONS);
}

#[test]
fn off_neither_asks_nor_pushes() {
    let Some(mixed) = Mixed::new() else { return };
    let outcome = mixed.migrate("off", None).expect(2);
    let verdicts = verdicts(&outcome);
    assert_eq!(
        tally(&verdicts),
        BTreeMap::from([("invalid-name", 1), ("off", VERSIONS - 1)])
    );
    assert_eq!(mixed.repo.log().count(Kind::Provenance), 0);
    for who in verdicts.keys().filter(|who| *who != HOSTILE) {
        let (chart, version) = who.rsplit_once('-').unwrap();
        assert_eq!(layer(&mixed.registry, chart, version), None, "{who}");
    }
}

/// Which versions each key vouches for (data sheet of the set). Everything else is an error, of which kind ever.
const GOOD: [(&str, &[&str]); 6] = [
    ("helm-test-key.pub", &["hashtest-1.2.3", "signtest-0.1.0"]),
    ("helm-mixed-keyring.pub", &["hashtest-1.2.3", "signtest-0.1.0"]),
    ("openshift-vault-good.asc", &["vault-0.17.0"]),
    ("openshift-vault-WRONG.asc", &[]),
    ("i2i.asc", &["i2i5gcorehelm-1.0.10"]),
    ("siakhooi-helm.gpg", &["query-0.21.0"]),
];

#[test]
fn verify_and_require_push_only_what_a_known_key_signed() {
    for policy in ["verify", "require"] {
        for (keys, good) in GOOD {
            let Some(mixed) = Mixed::new() else { return };
            let outcome = mixed.migrate(policy, Some(keys)).expect(2);
            let verdicts = verdicts(&outcome);
            let verified: Vec<_> = verdicts
                .iter()
                .filter(|(_, verdict)| *verdict == "verified")
                .map(|(who, _)| who.as_str())
                .collect();
            assert_eq!(verified, good, "{policy} with {keys}: {verdicts:?}");
            let mut expected: Vec<_> = good
                .iter()
                .map(|who| who.rsplit_once('-').unwrap())
                .map(|(chart, version)| format!("charts/{chart}:{version}"))
                .collect();
            expected.sort();
            assert_eq!(mixed.registry.tags(), expected, "{policy} with {keys}");
            let counts = tally(&verdicts);
            assert_eq!(
                counts["provenance-mismatch"], 1,
                "{policy} with {keys}: {verdicts:?}"
            );
            // Neither the hostile name nor the wrong sum gets as far as its signature
            let bad = VERSIONS - 2 - good.len();
            assert_eq!(
                counts["provenance-bad-signature"], bad,
                "{policy} with {keys}: {verdicts:?}"
            );
        }
    }
}

#[test]
fn a_keyring_is_needed_to_verify() {
    let Some(mixed) = Mixed::new() else { return };
    for policy in ["verify", "require"] {
        let outcome = mixed.migrate(policy, None).expect(1);
        assert!(outcome.stderr.contains("keyring"), "{}", outcome.stderr);
    }
    assert_eq!(mixed.repo.log().0.len(), 0, "wrong settings cost no request");
}

/// A package without a provenance file, and how servers say so.
#[test]
fn a_missing_file_is_an_error_only_where_it_is_required() {
    let Some(mixed) = Mixed::new() else { return };
    let ring = mixed.folder.join("keys/helm-test-key.pub");
    let answers = [
        (Answer::status(404), "provenance-missing"),
        (Answer::status(403), "provenance-missing"),
        (Answer::html(200), "provenance-not-signed"),
    ];
    for (answer, code) in answers {
        for (policy, exit) in [("carry", 0), ("require", 2)] {
            let charts = [Chart::new("demo", "1.0.0"), Chart::new("demo", "1.1.0")];
            let (repo, registry) = (ChartRepo::of(&charts), Registry::start());
            repo.behave(|it| it.missing = answer.clone());
            let args = ["migrate", &repo.url(), &registry.target("charts"), "--plain-http"];
            let mut args = args.map(str::to_owned).to_vec();
            args.extend(["--provenance", policy, "--keyring", ring.to_str().unwrap()].map(str::to_owned));
            if policy == "carry" {
                args.truncate(args.len() - 2);
            }
            let outcome = Ferry::new().report(args).expect(exit);
            let verdicts = verdicts(&outcome);
            let expected = if exit == 0 { "none" } else { code };
            assert_eq!(
                tally(&verdicts),
                BTreeMap::from([(expected, 2)]),
                "{} {policy}",
                answer.status
            );
            let told = outcome
                .raw_items()
                .iter()
                .filter(|item| item["warnings"].is_array())
                .count();
            // One warning per source, not one per version; a plain 404 needs none
            let warned = usize::from(exit == 0 && answer.status != 404);
            assert_eq!(told, warned, "{} {policy}", answer.status);
        }
    }
}

#[test]
fn a_server_error_for_a_provenance_file_never_means_that_there_is_none() {
    let chart = Chart::new("demo", "1.0.0");
    let (repo, registry) = (ChartRepo::of(std::slice::from_ref(&chart)), Registry::start());
    repo.put("demo-1.0.0.tgz.prov", unverifiable_prov(&chart, &chart.tgz()));
    let ferry = Ferry::new();
    let run = || ferry.report(["migrate", &repo.url(), &registry.target("charts"), "--plain-http"]);
    repo.fault(Fault::status(Kind::Provenance, 401));
    let outcome = run().expect(2);
    assert_eq!(outcome.count("failed"), 1, "{:?}", outcome.items());
    assert_eq!(registry.tags(), [""; 0]);
    repo.heal();
    run().expect(0);
    assert_eq!(
        layer(&registry, "demo", "1.0.0"),
        Some(digest_of(&unverifiable_prov(&chart, &chart.tgz())))
    );
}

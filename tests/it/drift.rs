//! What a later run does when the source is no longer what it was: other bytes under a known version, other provenance files,
//! packages that are not what the index says, versions too young, charts under other names (product rule 4).

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use crate::support::chart_repo::ChartRepo;
use crate::support::charts::{CREATED, Chart, index_yaml, unverifiable_prov};
use crate::support::ferry::{Ferry, Line, Outcome};
use crate::support::registry::{Registry, digest_of};
use crate::support::server::Kind;

/// A source and a registry that took everything from it once.
struct Settled {
    ferry: Ferry,
    repo: ChartRepo,
    registry: Registry,
}

fn charts() -> Vec<Chart> {
    vec![
        Chart::new("demo", "1.0.0"),
        Chart::new("demo", "1.1.0"),
        Chart::new("other", "1.0.0"),
    ]
}

/// The same charts, `demo` 1.0.0 packed again with something else in it.
fn republished() -> Vec<Chart> {
    let mut charts = charts();
    charts[0] = charts[0].clone().file("NOTES.txt", "fixed\n");
    charts
}

impl Settled {
    fn new(charts: &[Chart]) -> Self {
        let settled = Self {
            ferry: Ferry::new(),
            repo: ChartRepo::of(charts),
            registry: Registry::start(),
        };
        settled.run(&[]).expect(0);
        settled
    }

    /// The source packs one version again, digest and package both.
    fn drifted() -> Self {
        let settled = Self::new(&charts());
        settled.repo.publish(&republished());
        settled
    }

    /// A run with a fresh log.
    fn run(&self, more: &[&str]) -> Outcome {
        self.repo.forget_log();
        self.registry.forget_log();
        let (from, to) = (self.repo.url(), self.registry.target("charts"));
        let args = ["migrate", &from, &to, "--plain-http"];
        self.ferry.report(args.iter().chain(more))
    }

    fn demo(&self) -> String {
        tag(&self.registry, "demo", "1.0.0")
    }
}

fn tag(registry: &Registry, chart: &str, tag: &str) -> String {
    registry.content(&format!("charts/{chart}")).tags[tag].clone()
}

/// The one item of this version.
fn item(outcome: &Outcome, chart: &str, version: &str) -> Line {
    let of = |line: &Line| line.chart == chart && line.version == version;
    let mut found: Vec<_> = outcome.items().into_iter().filter(of).collect();
    assert_eq!(found.len(), 1, "{chart} {version}: {found:?}");
    found.remove(0)
}

fn assert_item(outcome: &Outcome, chart: &str, version: &str, action: &str, code: Option<&str>) {
    let item = item(outcome, chart, version);
    assert_eq!(
        (item.action.as_str(), item.code.as_deref()),
        (action, code),
        "{chart} {version}"
    );
}

#[test]
fn a_run_without_state_compares_tags_only_and_says_so() {
    let settled = Settled::drifted();
    let outcome = settled.run(&[]).expect(0);
    assert_eq!(outcome.count("present"), 3);
    assert_eq!(
        outcome.report.as_ref().unwrap()["mirrors"][0]["drift_checked"],
        false
    );
    assert_eq!(settled.registry.log().count(Kind::ManifestGet), 0);
    assert!(outcome.stdout.contains("not checked"), "{}", outcome.stdout);
}

/// B45 of the catalogue: digest and package changed together, so nothing but the registry remembers.
#[test]
fn a_drift_is_reported_until_it_is_settled_and_the_tag_stays() {
    let settled = Settled::drifted();
    let before = settled.demo();
    for run in 1..=2 {
        let outcome = settled.run(&["--check-drift"]).expect(3);
        assert_item(&outcome, "demo", "1.0.0", "drifted", Some("drift"));
        assert_eq!(outcome.count("present"), 2, "run {run}");
        assert_eq!(
            outcome.report.as_ref().unwrap()["mirrors"][0]["drift_checked"],
            true
        );
        assert_eq!(settled.demo(), before, "run {run}");
        let log = settled.registry.log();
        // One manifest per version tells; no package is downloaded for it
        assert_eq!(log.count(Kind::ManifestGet), 3, "{log}");
        assert_eq!(log.writes(), 0, "{log}");
        assert_eq!(settled.repo.log().0.len(), 1, "{}", settled.repo.log());
    }
    // The reason names both digests
    let outcome = settled.run(&["--check-drift"]).expect(3);
    let text = outcome.report.unwrap().to_string();
    for chart in [&charts()[0], &republished()[0]] {
        assert!(text.contains(&digest_of(&chart.tgz())), "{text}");
    }
    settled.repo.publish(&charts());
    settled.run(&["--check-drift"]).expect(0);
}

#[test]
fn overwrite_replaces_the_drifted_version_and_nothing_else() {
    let settled = Settled::drifted();
    let (before, other) = (settled.demo(), tag(&settled.registry, "demo", "1.1.0"));
    let outcome = settled.run(&["--check-drift", "--drift", "overwrite"]).expect(0);
    assert_item(&outcome, "demo", "1.0.0", "pushed", None);
    assert_eq!(outcome.count("present"), 2);
    assert_ne!(settled.demo(), before);
    assert_eq!(tag(&settled.registry, "demo", "1.1.0"), other);
    assert_eq!(settled.registry.log().count(Kind::ManifestPut), 1);
    assert_eq!(settled.repo.log().count(Kind::Package), 1);
    settled.registry.assert_sound();
    let again = settled.run(&["--check-drift", "--drift", "overwrite"]).expect(0);
    assert_eq!(again.count("present"), 3);
    assert_eq!(settled.registry.log().writes(), 0);
}

#[test]
fn overwrite_works_in_a_layout_too() {
    let (ferry, repo) = (Ferry::new(), ChartRepo::of(&charts()));
    let url = repo.url();
    let args = ["migrate", &url, "oci-layout:target"];
    ferry.report(args).expect(0);
    repo.publish(&republished());
    let drifted = ferry.report(args.iter().chain(&["--check-drift"])).expect(3);
    assert_item(&drifted, "demo", "1.0.0", "drifted", Some("drift"));
    let overwrite = ["--check-drift", "--drift", "overwrite"];
    let outcome = ferry.report(args.iter().chain(&overwrite)).expect(0);
    assert_item(&outcome, "demo", "1.0.0", "pushed", None);
    let settled = ferry.report(args.iter().chain(&["--check-drift"])).expect(0);
    assert_eq!(settled.count("present"), 3);
}

#[test]
fn fail_makes_a_drift_an_error_and_the_tag_stays() {
    let settled = Settled::drifted();
    let before = settled.demo();
    let outcome = settled.run(&["--check-drift", "--drift", "fail"]).expect(2);
    assert_item(&outcome, "demo", "1.0.0", "drifted", Some("drift"));
    assert_eq!(settled.demo(), before);
    assert_eq!(settled.registry.log().writes(), 0);
}

#[test]
fn a_plan_calls_a_drift_by_the_same_codes() {
    let settled = Settled::drifted();
    for (policy, code, action) in [
        ("report", 3, "drifted"),
        ("fail", 2, "drifted"),
        ("overwrite", 0, "push"),
    ] {
        let more = ["--check-drift", "--drift", policy, "--dry-run"];
        let outcome = settled.run(&more).expect(code);
        assert_eq!(item(&outcome, "demo", "1.0.0").action, action, "{policy}");
        assert_eq!(settled.registry.log().writes(), 0, "{policy}");
    }
}

#[test]
fn what_is_accepted_costs_no_exit_code_and_stays_as_it_is() {
    let settled = Settled::drifted();
    let before = settled.demo();
    for accept in ["demo@1.0.0", "demo@*"] {
        for policy in ["report", "fail"] {
            let more = ["--check-drift", "--drift", policy, "--accept", accept];
            let outcome = settled.run(&more).expect(0);
            assert_item(&outcome, "demo", "1.0.0", "accepted", Some("drift"));
            assert_item(&outcome, "demo", "1.1.0", "present", None);
            assert_eq!(settled.demo(), before);
        }
    }
    for accept in ["demo@1.1.0", "other@*"] {
        settled.run(&["--check-drift", "--accept", accept]).expect(3);
    }
}

#[test]
fn another_created_is_no_drift() {
    let settled = Settled::new(&charts());
    let index = index_yaml(&charts()).replace(CREATED, "2025-05-05T05:05:05Z");
    settled.repo.put("index.yaml", index);
    let outcome = settled.run(&["--check-drift"]).expect(0);
    assert_eq!(outcome.count("present"), 3);
}

/// B54 and B55: the tag has no memory of provenance files, and the package is the same.
#[test]
fn provenance_files_that_come_change_or_go_later_change_nothing() {
    let charts = charts();
    let file = format!("{}.prov", charts[0].file_name());
    let prov = unverifiable_prov(&charts[0], &charts[0].tgz());
    let settled = Settled::new(&charts);
    let without = settled.demo();
    settled.repo.put(&file, prov.clone());
    assert_untouched(&settled, &without);

    let settled = Settled {
        ferry: Ferry::new(),
        repo: ChartRepo::of(&charts),
        registry: Registry::start(),
    };
    settled.repo.put(&file, prov.clone());
    settled.run(&[]).expect(0);
    let with = settled.demo();
    assert_ne!(with, without);
    let changed = [b"A comment\n".as_slice(), &prov].concat();
    settled.repo.put(&file, changed);
    assert_untouched(&settled, &with);
    settled.repo.remove(&file);
    assert_untouched(&settled, &with);
}

fn assert_untouched(settled: &Settled, digest: &str) {
    for more in [&[][..], &["--check-drift"]] {
        let outcome = settled.run(more).expect(0);
        assert_eq!(outcome.count("present"), 3, "{more:?}");
        assert_eq!(settled.demo(), digest, "{more:?}");
        assert_eq!(settled.registry.log().writes(), 0, "{more:?}");
        assert_eq!(settled.repo.log().count(Kind::Provenance), 0, "{more:?}");
    }
}

/// A source whose index says 1.0.0 where the package says 1.0.1.
fn mislabelled(package: &Chart) -> Settled {
    let settled = Settled {
        ferry: Ferry::new(),
        repo: ChartRepo::empty(),
        registry: Registry::start(),
    };
    mislabel(&settled.repo, package);
    settled
}

fn mislabel(repo: &ChartRepo, package: &Chart) {
    let charts = std::slice::from_ref(package);
    repo.publish(charts);
    let index = index_yaml(charts).replace("version: \"1.0.1\"", "version: \"1.0.0\"");
    repo.put("index.yaml", index);
}

#[test]
fn a_package_that_is_not_what_the_index_says_is_an_error_by_default() {
    let settled = mislabelled(&Chart::new("demo", "1.0.1"));
    let outcome = settled.run(&[]).expect(2);
    assert_item(&outcome, "demo", "1.0.0", "refused", Some("name-mismatch"));
    assert_eq!(settled.registry.tags(), [""; 0]);
}

#[test]
fn with_mismatch_package_the_package_decides_and_a_second_run_writes_nothing() {
    let settled = mislabelled(&Chart::new("demo", "1.0.1"));
    let package = ["--mismatch", "package"];
    let outcome = settled.run(&package).expect(0);
    assert_item(&outcome, "demo", "1.0.0", "pushed", None);
    let items = outcome.raw_items();
    assert_eq!(items[0]["tag"], "1.0.1");
    assert_eq!(items[0]["warnings"][0]["code"], "name-mismatch");
    assert_eq!(settled.registry.tags(), ["charts/demo:1.0.1"]);

    let again = settled.run(&package).expect(0);
    assert_item(&again, "demo", "1.0.0", "present", None);
    assert_eq!(settled.registry.log().writes(), 0);

    // Other bytes under the tag that only the package knows
    let before = tag(&settled.registry, "demo", "1.0.1");
    mislabel(
        &settled.repo,
        &Chart::new("demo", "1.0.1").file("NOTES.txt", "fixed\n"),
    );
    for (policy, code) in [("report", 3), ("fail", 2)] {
        let outcome = settled
            .run(&["--mismatch", "package", "--drift", policy])
            .expect(code);
        assert_item(&outcome, "demo", "1.0.0", "drifted", Some("conflict"));
        assert_eq!(tag(&settled.registry, "demo", "1.0.1"), before, "{policy}");
        assert_eq!(settled.registry.log().writes(), 0, "{policy}");
    }
}

/// An index in which each version has the `created` given for it; `None`: it has none.
fn aged(repo: &ChartRepo, versions: &[(&str, Option<DateTime<Utc>>)]) {
    let charts: Vec<_> = versions
        .iter()
        .map(|(version, _)| Chart::new("demo", version))
        .collect();
    repo.publish(&charts);
    let index = index_yaml(&charts);
    let mut entries = index.split("  - apiVersion");
    let mut text = entries.next().unwrap().to_owned();
    for (entry, (_, created)) in entries.zip(versions) {
        let line = format!("    created: \"{CREATED}\"\n");
        let new = created.map_or_else(String::new, |created| {
            format!(
                "    created: \"{}\"\n",
                created.to_rfc3339_opts(SecondsFormat::Secs, true)
            )
        });
        assert!(entry.contains(&line), "{entry}");
        text.push_str("  - apiVersion");
        text.push_str(&entry.replace(&line, &new));
    }
    repo.put("index.yaml", text);
}

#[test]
fn young_versions_wait_until_they_are_old_enough() {
    let settled = Settled {
        ferry: Ferry::new(),
        repo: ChartRepo::empty(),
        registry: Registry::start(),
    };
    let ago = |days| Some(Utc::now() - TimeDelta::days(days));
    aged(
        &settled.repo,
        &[
            ("3.0.0", ago(-2)),
            ("2.1.0", None),
            ("2.0.0", ago(2)),
            ("1.1.0", ago(4)),
            ("1.0.0", ago(400)),
        ],
    );
    let held = |outcome: &Outcome, versions: &[&str]| {
        let items = outcome.items().into_iter().filter(|item| item.action == "held");
        let items: Vec<_> = items.map(|item| item.version).collect();
        assert_eq!(items, versions);
    };
    // `latest` counts only what the cooldown lets through
    let outcome = settled.run(&["--min-age", "3d", "--latest", "1"]).expect(0);
    held(&outcome, &["2.0.0", "2.1.0", "3.0.0"]);
    assert_eq!(settled.registry.tags(), ["charts/demo:1.1.0"]);

    let outcome = settled.run(&["--min-age", "3d"]).expect(0);
    held(&outcome, &["2.0.0", "2.1.0", "3.0.0"]);
    assert_eq!(
        settled.registry.tags(),
        ["charts/demo:1.0.0", "charts/demo:1.1.0"]
    );

    let outcome = settled.run(&["--min-age", "1d"]).expect(0);
    held(&outcome, &["2.1.0", "3.0.0"]);
    assert_item(&outcome, "demo", "2.0.0", "pushed", None);

    let outcome = settled.run(&[]).expect(0);
    held(&outcome, &[]);
    assert_eq!(outcome.count("pushed"), 2);
}

#[test]
fn a_renamed_chart_goes_elsewhere_and_is_found_there_again() {
    let charts = [Chart::new("Old", "1.0.0"), Chart::new("demo", "1.0.0")];
    let settled = Settled {
        ferry: Ferry::new(),
        repo: ChartRepo::of(&charts),
        registry: Registry::start(),
    };
    let outcome = settled.run(&[]).expect(2);
    assert_item(&outcome, "Old", "1.0.0", "refused", Some("invalid-name"));
    assert_eq!(settled.registry.tags(), ["charts/demo:1.0.0"]);

    let rename = ["--rename", "Old=new", "--rename", "demo=demo-2"];
    let outcome = settled.run(&rename).expect(0);
    assert_eq!(outcome.count("pushed"), 2);
    let tags = ["charts/demo-2:1.0.0", "charts/demo:1.0.0", "charts/new:1.0.0"];
    assert_eq!(settled.registry.tags(), tags);
    let warned = outcome.raw_items().iter().all(|item| item["warnings"].is_array());
    assert!(warned || outcome.report.as_ref().unwrap()["mirrors"][0]["warnings"].is_array());
    let again = settled.run(&[&rename[..], &["--check-drift"]].concat()).expect(0);
    assert_eq!(again.count("present"), 2);
    assert_eq!(settled.registry.log().writes(), 0);
}

/// A version that is listed twice with other digests holds either.
#[test]
fn either_digest_of_a_duplicate_is_no_drift() {
    let settled = Settled::new(&charts());
    let [old, new] = [charts().remove(0), republished().remove(0)];
    settled.repo.publish(&republished());
    for both in [[old.clone(), new.clone()], [new, old]] {
        settled.repo.put("index.yaml", index_yaml(&both));
        let outcome = settled.run(&["--check-drift"]).expect(0);
        assert_item(&outcome, "demo", "1.0.0", "present", None);
    }
}

/// One target has the old bytes, the other has nothing: each gets what it lacks from one download.
#[test]
fn a_drift_at_one_target_says_nothing_about_the_other() {
    let (settled, empty) = (Settled::drifted(), Registry::start());
    let before = settled.demo();
    let run = |drift: &str, code| {
        let targets = [&settled.registry, &empty].map(|registry| registry.target("charts"));
        let mut config = format!(
            "[[mirror]]\nname = \"m\"\nsource = \"{}\"\ntargets = {targets:?}\ndrift = \"{drift}\"\n",
            settled.repo.url()
        );
        for registry in [&settled.registry, &empty] {
            config += &format!("[[host]]\nname = \"{}\"\nplain_http = true\n", registry.host());
        }
        std::fs::write(settled.ferry.home().join("config.toml"), config).unwrap();
        settled.repo.forget_log();
        let outcome = settled
            .ferry
            .report(["migrate", "-c", "config.toml", "--check-drift"]);
        outcome.expect(code)
    };
    let outcome = run("report", 3);
    assert_eq!((outcome.count("drifted"), outcome.count("pushed")), (1, 3));
    assert_eq!(settled.demo(), before);
    let outcome = run("overwrite", 0);
    assert_eq!((outcome.count("pushed"), outcome.count("present")), (1, 5));
    assert_eq!(settled.repo.log().count(Kind::Package), 1);
    assert_eq!(settled.demo(), tag(&empty, "demo", "1.0.0"));
}

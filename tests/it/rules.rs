//! Versions that do not simply go where the index says: packages that call themselves otherwise, versions too young, charts
//! under other names.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use crate::support::chart_repo::ChartRepo;
use crate::support::charts::{CREATED, Chart, index_yaml};
use crate::support::ferry::{Ferry, Line, Outcome};
use crate::support::registry::Registry;

/// A source and a registry.
struct Pair {
    ferry: Ferry,
    repo: ChartRepo,
    registry: Registry,
}

impl Pair {
    fn new(repo: ChartRepo) -> Self {
        Self {
            ferry: Ferry::new(),
            repo,
            registry: Registry::start(),
        }
    }

    /// A run with a fresh log.
    fn run(&self, more: &[&str]) -> Outcome {
        self.registry.forget_log();
        let (from, to) = (self.repo.url(), self.registry.target("charts"));
        let args = ["migrate", &from, &to, "--plain-http"];
        self.ferry.report(args.iter().chain(more))
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

/// A source whose index says 1.0.0 where the package says 1.0.1.
fn mislabelled(package: &Chart) -> Pair {
    let pair = Pair::new(ChartRepo::empty());
    mislabel(&pair.repo, package);
    pair
}

fn mislabel(repo: &ChartRepo, package: &Chart) {
    let charts = std::slice::from_ref(package);
    repo.publish(charts);
    let index = index_yaml(charts).replace("version: \"1.0.1\"", "version: \"1.0.0\"");
    repo.put("index.yaml", index);
}

#[test]
fn a_package_that_is_not_what_the_index_says_is_an_error_by_default() {
    let pair = mislabelled(&Chart::new("demo", "1.0.1"));
    let outcome = pair.run(&[]).expect(2);
    assert_item(&outcome, "demo", "1.0.0", "refused", Some("name-mismatch"));
    assert_eq!(pair.registry.tags(), [""; 0]);
}

#[test]
fn with_mismatch_package_the_package_decides_and_a_second_run_writes_nothing() {
    let pair = mislabelled(&Chart::new("demo", "1.0.1"));
    let package = ["--mismatch", "package"];
    let outcome = pair.run(&package).expect(0);
    assert_item(&outcome, "demo", "1.0.0", "pushed", None);
    let items = outcome.raw_items();
    assert_eq!(items[0]["tag"], "1.0.1");
    assert_eq!(items[0]["warnings"][0]["code"], "name-mismatch");
    assert_eq!(pair.registry.tags(), ["charts/demo:1.0.1"]);

    let again = pair.run(&package).expect(0);
    assert_item(&again, "demo", "1.0.0", "present", None);
    assert_eq!(pair.registry.log().writes(), 0);

    // Other bytes under the tag that only the package knows
    let before = tag(&pair.registry, "demo", "1.0.1");
    mislabel(
        &pair.repo,
        &Chart::new("demo", "1.0.1").file("NOTES.txt", "fixed\n"),
    );
    for (policy, code) in [("report", 3), ("fail", 2)] {
        let outcome = pair
            .run(&["--mismatch", "package", "--drift", policy])
            .expect(code);
        assert_item(&outcome, "demo", "1.0.0", "drifted", Some("conflict"));
        assert_eq!(tag(&pair.registry, "demo", "1.0.1"), before, "{policy}");
        assert_eq!(pair.registry.log().writes(), 0, "{policy}");
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
    let pair = Pair::new(ChartRepo::empty());
    let ago = |days| Some(Utc::now() - TimeDelta::days(days));
    aged(
        &pair.repo,
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
    let outcome = pair.run(&["--min-age", "3d", "--latest", "1"]).expect(0);
    held(&outcome, &["2.0.0", "2.1.0", "3.0.0"]);
    assert_eq!(pair.registry.tags(), ["charts/demo:1.1.0"]);

    let outcome = pair.run(&["--min-age", "3d"]).expect(0);
    held(&outcome, &["2.0.0", "2.1.0", "3.0.0"]);
    assert_eq!(pair.registry.tags(), ["charts/demo:1.0.0", "charts/demo:1.1.0"]);

    let outcome = pair.run(&["--min-age", "1d"]).expect(0);
    held(&outcome, &["2.1.0", "3.0.0"]);
    assert_item(&outcome, "demo", "2.0.0", "pushed", None);

    let outcome = pair.run(&[]).expect(0);
    held(&outcome, &[]);
    assert_eq!(outcome.count("pushed"), 2);
}

#[test]
fn a_renamed_chart_goes_elsewhere_and_is_found_there_again() {
    let charts = [Chart::new("Old", "1.0.0"), Chart::new("demo", "1.0.0")];
    let pair = Pair::new(ChartRepo::of(&charts));
    let outcome = pair.run(&[]).expect(2);
    assert_item(&outcome, "Old", "1.0.0", "refused", Some("invalid-name"));
    assert_eq!(pair.registry.tags(), ["charts/demo:1.0.0"]);

    let rename = ["--rename", "Old=new", "--rename", "demo=demo-2"];
    let outcome = pair.run(&rename).expect(0);
    assert_eq!(outcome.count("pushed"), 2);
    let tags = ["charts/demo-2:1.0.0", "charts/demo:1.0.0", "charts/new:1.0.0"];
    assert_eq!(pair.registry.tags(), tags);
    let warned = outcome.raw_items().iter().all(|item| item["warnings"].is_array());
    assert!(warned || outcome.report.as_ref().unwrap()["mirrors"][0]["warnings"].is_array());
    let again = pair.run(&[&rename[..], &["--check-drift"]].concat()).expect(0);
    assert_eq!(again.count("present"), 2);
    assert_eq!(pair.registry.log().writes(), 0);
}

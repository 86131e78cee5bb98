//! What a later run does when the source is no longer what it was: other bytes under a known version, other provenance
//! files (product rule 4).

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
    // The probe and two tag lists: no look at any version
    assert_eq!(settled.registry.log().0.len(), 3, "{}", settled.registry.log());
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

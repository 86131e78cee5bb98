//! `--shard`: several processes share one migration, without a version left out or carried twice.

use std::collections::BTreeSet;

use crate::support::chart_repo::ChartRepo;
use crate::support::charts::{Chart, grid};
use crate::support::ferry::Ferry;
use crate::support::registry::Registry;
use crate::support::server::Kind;

const COUNT: usize = 4;

fn charts() -> Vec<Chart> {
    let names: Vec<String> = (0..12).map(|number| format!("chart-{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    grid(&names, &["1.0.0", "1.1.0"])
}

#[test]
fn the_parts_side_by_side_are_the_whole_and_do_not_overlap() {
    let (charts, registry) = (charts(), Registry::start());
    let repo = ChartRepo::of(&charts);
    let (from, to) = (repo.url(), registry.target("charts"));
    // Each as a pod of an Indexed Job
    let reports: Vec<_> = std::thread::scope(|scope| {
        let runs: Vec<_> = (0..COUNT)
            .map(|index| {
                let (from, to) = (&from, &to);
                scope.spawn(move || {
                    let ferry = Ferry::new()
                        .env("JOB_COMPLETION_INDEX", &index.to_string())
                        .env("CHARTFERRY_SHARDS", &COUNT.to_string());
                    let args = ["migrate", from, to, "--plain-http", "--shard", "auto"];
                    ferry.report(args).expect(0)
                })
            })
            .collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    let mut seen = BTreeSet::new();
    for (index, outcome) in reports.iter().enumerate() {
        let mirror = &outcome.report.as_ref().unwrap()["mirrors"][0];
        assert_eq!(mirror["shard"], format!("{index}/{COUNT}"));
        assert_eq!(mirror["index_entries"], outcome.items().len());
        for line in outcome.items() {
            assert_eq!(line.action, "pushed");
            assert!(
                seen.insert((line.chart.clone(), line.version.clone())),
                "twice: {line:?}"
            );
        }
    }
    assert_eq!(seen.len(), charts.len());
    assert_eq!(registry.tags().len(), charts.len());
    assert_eq!(registry.log().count(Kind::ManifestPut), charts.len());
    registry.assert_sound();
    // The whole finds nothing left to do
    let whole = Ferry::new()
        .report(["migrate", &from, &to, "--plain-http"])
        .expect(0);
    assert_eq!(whole.count("present"), charts.len());
}

#[test]
fn a_part_is_named_in_the_summary_and_nothing_else_is_looked_at() {
    let (registry, repo) = (Registry::start(), ChartRepo::of(&charts()));
    let (from, to) = (repo.url(), registry.target("charts"));
    let outcome = Ferry::new()
        .report(["plan", &from, &to, "--plain-http", "--shard", "0/4"])
        .expect(0);
    assert!(outcome.stdout.contains("shard 0/4 of http"), "{}", outcome.stdout);
    let repositories = outcome
        .items()
        .iter()
        .map(|line| line.chart.clone())
        .collect::<BTreeSet<_>>();
    assert!((1..12).contains(&repositories.len()), "{repositories:?}");
    assert_eq!(registry.log().count(Kind::TagList), repositories.len());
}

#[test]
fn outside_an_indexed_job_auto_is_an_error_that_says_what_is_missing() {
    for (flag, word) in [("auto", "JOB_COMPLETION_INDEX"), ("4/4", "from 0 to COUNT - 1")] {
        let outcome = Ferry::new()
            .run([
                "migrate",
                "https://charts.acme.io",
                "oci-layout:none",
                "--shard",
                flag,
            ])
            .expect(1);
        assert!(outcome.stderr.contains(word), "{}", outcome.stderr);
    }
}

//! One source, several targets: one download serves them all, and none of them suffers for another.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use crate::support::chart_repo::ChartRepo;
use crate::support::charts::{Chart, grid};
use crate::support::faults::Fault;
use crate::support::ferry::{Ferry, Outcome, elements};
use crate::support::registry::Registry;
use crate::support::server::Kind;

fn charts() -> Vec<Chart> {
    grid(&["alpha", "beta"], &["1.0.0", "1.1.0", "2.0.0-rc.1", "2.0.0"])
}

fn source() -> ChartRepo {
    ChartRepo::of(&charts())
}

/// A mirror with these targets, all plain HTTP. One version at a time, so that what one teaches holds for the next.
fn config(ferry: &Ferry, repo: &ChartRepo, targets: &[&Registry]) {
    filtered_config(ferry, repo, targets, "");
}

/// The same with one more line for the mirror.
fn filtered_config(ferry: &Ferry, repo: &ChartRepo, targets: &[&Registry], line: &str) {
    let names: Vec<_> = targets.iter().map(|target| target.target("charts")).collect();
    let mut config = format!(
        "concurrency = 1\n[[mirror]]\nname = \"m\"\nsource = \"{}\"\ntargets = {names:?}\n{line}\n",
        repo.url()
    );
    for target in targets {
        write!(
            config,
            "[[host]]\nname = \"{}\"\nplain_http = true\n",
            target.host()
        )
        .unwrap();
    }
    std::fs::write(ferry.home().join("config.toml"), config).unwrap();
}

/// Per target: what kept it from being served, and how many items have which action.
fn targets(outcome: &Outcome) -> Vec<(Value, BTreeMap<String, usize>)> {
    let report = outcome.report.as_ref().unwrap();
    elements(&report["mirrors"][0]["targets"])
        .map(|target| {
            let mut actions = BTreeMap::new();
            for item in elements(&target["items"]) {
                *actions
                    .entry(item["action"].as_str().unwrap().to_owned())
                    .or_insert(0) += 1;
            }
            (target["error"]["code"].clone(), actions)
        })
        .collect()
}

#[test]
fn one_download_serves_two_targets() {
    let (ferry, repo) = (Ferry::new(), source());
    let (one, two) = (Registry::start(), Registry::start());
    config(&ferry, &repo, &[&one, &two]);
    let outcome = ferry.report(["migrate", "-c", "config.toml"]).expect(0);
    let versions = charts().len();
    let all = (Value::Null, BTreeMap::from([("pushed".to_owned(), versions)]));
    assert_eq!(targets(&outcome), [all.clone(), all]);
    assert_eq!(repo.log().0.len(), 1 + 2 * versions, "{}", repo.log());
    assert_eq!(one.tags(), two.tags());
    assert_eq!(one.content("charts/alpha").tags, two.content("charts/alpha").tags);
    assert_eq!(one.log().writes(), two.log().writes());
    for registry in [&one, &two] {
        registry.assert_sound();
    }
}

#[test]
fn what_one_target_lacks_goes_to_that_one_only() {
    let (ferry, repo) = (Ferry::new(), source());
    let (full, half) = (Registry::start(), Registry::start());
    config(&ferry, &repo, &[&full]);
    ferry.report(["migrate", "-c", "config.toml"]).expect(0);
    filtered_config(&ferry, &repo, &[&half], "include = [\"alpha\"]");
    ferry.report(["migrate", "-c", "config.toml"]).expect(0);
    for log in [&full, &half] {
        log.forget_log();
    }
    repo.forget_log();
    config(&ferry, &repo, &[&full, &half]);
    let outcome = ferry.report(["migrate", "-c", "config.toml"]).expect(0);
    let count = |action: &str, count: usize| (action.to_owned(), count);
    assert_eq!(
        targets(&outcome),
        [
            (Value::Null, BTreeMap::from([count("present", 8)])),
            (
                Value::Null,
                BTreeMap::from([count("present", 4), count("pushed", 4)])
            )
        ]
    );
    assert_eq!(full.log().writes(), 0);
    assert_eq!(repo.log().count(Kind::Package), 4, "{}", repo.log());
    assert_eq!(full.tags(), half.tags());
}

#[test]
fn a_target_that_is_down_does_not_keep_the_other_one_waiting() {
    let (ferry, repo) = (Ferry::new(), source());
    let (up, down) = (Registry::start(), Registry::start());
    config(&ferry, &repo, &[&down, &up]);
    let there = down.target("charts");
    drop(down);
    let outcome = ferry.report(["migrate", "-c", "config.toml"]).expect(5);
    let versions = charts().len();
    let told = targets(&outcome);
    assert_eq!(told[0].0, "target-unusable", "{told:?}");
    assert_eq!(
        told[1],
        (Value::Null, BTreeMap::from([("pushed".to_owned(), versions)]))
    );
    assert_eq!(up.tags().len(), versions);
    assert_eq!(repo.log().count(Kind::Package), versions);
    assert!(
        outcome.stderr.contains(&there) || outcome.stdout.contains(&there),
        "{}",
        outcome.stderr
    );
    up.assert_sound();
}

#[test]
fn a_target_that_breaks_down_in_the_middle_does_not_hurt_the_other_one() {
    let (ferry, repo) = (Ferry::new(), source());
    let (up, closed) = (Registry::start(), Registry::start());
    closed.fault(Fault::status(Kind::ManifestPut, 403));
    config(&ferry, &repo, &[&closed, &up]);
    let outcome = ferry.report(["migrate", "-c", "config.toml"]).expect(5);
    let versions = charts().len();
    let told = targets(&outcome);
    assert_eq!(
        told[1],
        (Value::Null, BTreeMap::from([("pushed".to_owned(), versions)]))
    );
    assert_eq!(
        told[0].1,
        BTreeMap::from([("failed".to_owned(), versions)]),
        "{told:?}"
    );
    assert_eq!(closed.tags(), [""; 0]);
    closed.heal();
    let again = ferry.report(["migrate", "-c", "config.toml"]).expect(0);
    let told = targets(&again);
    assert_eq!(
        told[0].1,
        BTreeMap::from([("pushed".to_owned(), versions)]),
        "{told:?}"
    );
    assert_eq!(
        told[1].1,
        BTreeMap::from([("present".to_owned(), versions)]),
        "{told:?}"
    );
}

/// One target has the old bytes, the other has nothing: each gets what it lacks from one download.
#[test]
fn a_drift_at_one_target_says_nothing_about_the_other() {
    let (ferry, repo) = (Ferry::new(), source());
    let (old, empty) = (Registry::start(), Registry::start());
    config(&ferry, &repo, &[&old]);
    ferry.report(["migrate", "-c", "config.toml"]).expect(0);
    let mut changed = charts();
    changed[0] = changed[0].clone().file("NOTES.txt", "fixed\n");
    repo.publish(&changed);
    let alpha = |registry: &Registry| registry.content("charts/alpha").tags["1.0.0"].clone();
    let before = alpha(&old);
    let check = ["migrate", "-c", "config.toml", "--check-drift"];

    config(&ferry, &repo, &[&old, &empty]);
    let outcome = ferry.report(check).expect(3);
    assert_eq!((outcome.count("drifted"), outcome.count("pushed")), (1, 8));
    assert_eq!(alpha(&old), before);

    repo.forget_log();
    filtered_config(&ferry, &repo, &[&old, &empty], "drift = \"overwrite\"");
    let outcome = ferry.report(check).expect(0);
    assert!(!outcome.stderr.contains("check_drift"), "{}", outcome.stderr);
    assert_eq!((outcome.count("pushed"), outcome.count("present")), (1, 15));
    assert_eq!(repo.log().count(Kind::Package), 1);
    assert_eq!(alpha(&old), alpha(&empty));
    assert_ne!(alpha(&old), before);

    // Without the flag nothing compares digests, and the file is told so
    let outcome = ferry.report(["migrate", "-c", "config.toml"]).expect(0);
    assert!(outcome.stderr.contains("check_drift"), "{}", outcome.stderr);
}

//! An Indexed Job: four pods share one migration.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Stage;
use super::manifests::indexed_job;
use crate::support::charts::grid;
use crate::support::cluster::{exit_code, seconds};
use crate::support::data;
use crate::support::ferry::elements;

const COUNT: usize = 4;

/// The report that `-o json --quiet` printed.
fn report(logs: &str) -> Value {
    serde_json::from_str(logs).unwrap_or_else(|error| panic!("{error}: {logs}"))
}

#[test]
fn an_indexed_job_migrates_a_large_repository_whole_and_without_overlap() {
    let Some(stage) = Stage::new("an Indexed Job") else {
        return;
    };
    // Where the real repository is missing, one that is built: the rule is the same, the figures are smaller
    let stage = match data::set("helm-incubator") {
        Some(folder) => stage.filled(&folder),
        None => stage.with(&grid(
            &["a", "b", "c", "d", "e", "f", "g", "h"],
            &["1.0.0", "1.1.0", "2.0.0"],
        )),
    };
    let namespace = stage.cluster.namespace("shards");
    let mut args = stage.migrate("sharded");
    args.extend(["--shard", "auto", "-o", "json", "--quiet"].map(str::to_owned));
    namespace.apply(&indexed_job("sharded", COUNT, &args));
    let ended = namespace.ended("sharded");
    let pods = namespace.pods("sharded");
    let said: Vec<_> = pods.iter().map(|pod| namespace.logs(pod)).collect();
    assert_eq!(ended.result, "Complete", "{:#}\n{said:?}", ended.job);
    assert_eq!(ended.job["status"]["completedIndexes"], "0-3");
    assert_eq!(pods.iter().filter_map(exit_code).collect::<Vec<_>>(), [0; COUNT]);

    let (mut shards, mut seen) = (BTreeSet::new(), BTreeSet::new());
    for text in &said {
        let report = report(text);
        let mirror = &report["mirrors"][0];
        shards.insert(mirror["shard"].as_str().unwrap().to_owned());
        for item in elements(&mirror["targets"]).flat_map(|target| elements(&target["items"])) {
            assert_eq!(item["action"], "pushed", "{item:#}");
            let version = (item["chart"].to_string(), item["version"].to_string());
            assert!(seen.insert(version), "in two parts: {item:#}");
        }
    }
    assert_eq!(
        shards.into_iter().collect::<Vec<_>>(),
        ["0/4", "1/4", "2/4", "3/4"]
    );
    // One run over everything finds as many versions, all in place
    let whole = stage.run("sharded").expect(0);
    let versions = whole.items();
    assert!(versions.iter().all(|line| line.action == "present"));
    assert_eq!(versions.len(), seen.len());
    let status = &ended.job["status"];
    eprintln!(
        "cluster: Indexed Job of {COUNT}: {} versions in {} s",
        seen.len(),
        seconds(&status["startTime"], &status["completionTime"])
    );
}

//! The chart's modes that run and end, and the plain manifests.

use serde_json::json;

use super::Stage;
use super::release::{NAME, install, values};
use crate::support::charts::grid;
use crate::support::helm::Helm;

#[test]
fn the_charts_cronjob_and_job_bring_everything() {
    let Some(stage) = Stage::new("the chart's modes") else {
        return;
    };
    let charts = grid(&["a", "b", "c", "d", "e", "f"], &["1.0.0", "1.1.0"]);
    let stage = stage.with(&charts);
    for (helm, mode) in [(Helm::v3(), "cronjob"), (Helm::v4(), "job")] {
        let Some(helm) = helm else { continue };
        let namespace = stage.cluster.namespace(&format!("mode-{mode}"));
        // Each into a place of its own, and never by itself: the test says when
        let mut values = values(
            &stage,
            "",
            &json!({"mode": mode, "cronjob": {"schedule": "0 0 29 2 *"}}),
        );
        let config = values["config"]
            .as_str()
            .unwrap()
            .replace("/mirrored", &format!("/{mode}"));
        values["config"] = config.into();
        install(&namespace, &helm, &values);
        if mode == "cronjob" {
            namespace.ok(["create", "job", "now", &format!("--from=cronjob/{NAME}")]);
        }
        let job = namespace.wait("a Job", || namespace.list("jobs", "").into_iter().next());
        let name = job["metadata"]["name"].as_str().unwrap();
        let ended = namespace.ended(name);
        let logs: String = namespace
            .pods(name)
            .iter()
            .map(|pod| namespace.logs(pod))
            .collect();
        assert_eq!(ended.result, "Complete", "{mode}: {logs}");
        if mode == "job" {
            assert_eq!(ended.job["status"]["completedIndexes"], "0-3", "{logs}");
        }
        let whole = stage.run(mode).expect(0);
        assert_eq!(whole.count("present"), charts.len(), "{mode}: {logs}");
    }
}

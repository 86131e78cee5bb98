//! A volume that keeps the state from one run of a `CronJob` to the next, and the safety limit that needs one.

use std::os::unix::fs::chown;

use serde_json::json;

use super::Stage;
use super::release::{NAME, install, values};
use crate::support::charts::grid;
use crate::support::cluster::{Namespace, exit_code};
use crate::support::helm::Helm;
use crate::support::server::Kind;

/// The user of the chart's pods.
const USER: u32 = 65532;

/// Runs the `CronJob` once, out of turn. Result and reason of the Job, exit codes and logs of its pods.
fn run(namespace: &Namespace, name: &str) -> (String, String, Vec<i64>, String) {
    namespace.ok(["create", "job", name, &format!("--from=cronjob/{NAME}")]);
    let ended = namespace.ended(name);
    let pods = namespace.pods(name);
    let logs = pods.iter().map(|pod| namespace.logs(pod)).collect();
    let codes = pods.iter().filter_map(exit_code).collect();
    (ended.result, ended.reason, codes, logs)
}

#[test]
fn a_claim_keeps_what_a_cronjob_remembers() {
    let (Some(stage), Some(helm)) = (Stage::new("a volume for the state"), Helm::v4()) else {
        return;
    };
    let versions: Vec<String> = (0..12).map(|n| format!("1.{n}.0")).collect();
    let versions: Vec<&str> = versions.iter().map(String::as_str).collect();
    let charts = grid(&["lamp"], &versions);
    let stage = stage.with(&charts);
    let namespace = stage.cluster.namespace("volume");
    let folder = tempfile::tempdir().unwrap();
    chown(folder.path(), Some(USER), Some(USER)).unwrap();
    namespace.apply(&json!({
        "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "chartferry-state"}, "spec": {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": "by-hand",
            "hostPath": {"path": folder.path(), "type": "Directory"}
        }
    }));
    let more = json!({
        "mode": "cronjob",
        "cronjob": {"schedule": "0 0 29 2 *"},
        "persistence": {"enabled": true, "storageClass": "by-hand", "keep": false}
    });
    install(&namespace, &helm, &values(&stage, "prune = \"vanished\"", &more));

    let (result, _, codes, logs) = run(&namespace, "first");
    assert_eq!((&*result, &*codes), ("Complete", &[0][..]), "{logs}");
    // Another pod, the same memory: one request in all
    stage.repo.forget_log();
    let (result, _, codes, logs) = run(&namespace, "second");
    assert_eq!((&*result, &*codes), ("Complete", &[0][..]), "{logs}");
    let asked = stage.repo.log();
    assert_eq!(
        (asked.0.len(), asked.count(Kind::Index)),
        (1, 1),
        "{asked}\n{logs}"
    );
    // 6: so much is gone that nothing is deleted, and repeating it would not change that
    stage.repo.publish(&charts[11..]);
    let (result, reason, codes, logs) = run(&namespace, "third");
    assert_eq!((&*result, &*reason), ("Failed", "PodFailurePolicy"), "{logs}");
    assert_eq!(codes, [6], "{logs}");
    let (status, tags) = stage
        .cluster
        .within(|| stage.registry.get("/v2/mirrored/lamp/tags/list"));
    assert_eq!((status, tags.matches("\"1.").count()), (200, 12), "{tags}");
    namespace.ok(["delete", "persistentvolume", "chartferry-state", "--wait=false"]);
}

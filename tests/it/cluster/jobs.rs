//! `CronJob`, Job, pod, exit code: the code of the run decides what Kubernetes does next.

use serde_json::{Value, json};

use super::Stage;
use super::manifests::{job, job_spec};
use crate::support::charts::Chart;
use crate::support::cluster::{Namespace, exit_code, seconds};

/// How a Job must end, with the exit codes of its pods, one for each try.
struct Expected {
    job: &'static str,
    result: &'static str,
    reason: &'static str,
    codes: &'static [i64],
}

fn assert_ended(namespace: &Namespace, expected: &Expected) {
    let ended = namespace.ended(expected.job);
    let pods = namespace.pods(expected.job);
    let codes: Vec<_> = pods.iter().filter_map(exit_code).collect();
    let logs: String = pods.iter().map(|pod| namespace.logs(pod)).collect();
    let name = expected.job;
    assert_eq!(ended.result, expected.result, "{name}: {:#}\n{logs}", ended.job);
    assert_eq!(codes, expected.codes, "{name}: {logs}");
    if ended.result == "Failed" {
        assert_eq!(ended.reason, expected.reason, "{name}: {logs}");
    }
    let status = &ended.job["status"];
    let end = status["completionTime"].as_str().map_or_else(
        || status["conditions"][0]["lastTransitionTime"].clone(),
        Value::from,
    );
    eprintln!(
        "cluster: Job {name}: {} {} after {} s, exit codes {codes:?}",
        ended.result,
        ended.reason,
        seconds(&status["startTime"], &end)
    );
}

#[test]
fn the_exit_code_decides_whether_a_job_is_repeated() {
    let charts = [Chart::new("lamp", "1.0.0"), Chart::new("bell", "1.0.0")];
    let Some(stage) = Stage::new("exit codes of Jobs") else {
        return;
    };
    let stage = stage.with(&charts);
    let namespace = stage.cluster.namespace("exit-codes");
    // 3: what is at the target has other bytes than the source has now
    stage.run("drifted").expect(0);
    let other = Chart::new("lamp", "1.0.0").file("templates/NOTES.txt", "other bytes\n");
    stage.repo.publish(&[other, Chart::new("bell", "1.0.0")]);
    let mut drifted = stage.migrate("drifted");
    drifted.push("--check-drift".to_owned());
    // 2: the index lists a package that is not there
    let mut partly = stage.migrate("partly");
    partly[1] = partly[1].replace("/charts", "/charts/partly");
    stage
        .repo
        .put("partly/index.yaml", crate::support::charts::index_yaml(&charts));
    stage.repo.put("partly/lamp-1.0.0.tgz", charts[0].tgz());
    // 4: no index at all
    let mut nowhere = stage.migrate("nowhere");
    nowhere[1] = nowhere[1].replace("/charts", "/charts/nowhere");

    namespace.apply(&job("good", &stage.migrate("good")));
    namespace.apply(&job("usage", &["migrate", "one-operand"]));
    namespace.apply(&job("partly", &partly));
    namespace.apply(&job("drifted", &drifted));
    namespace.apply(&job("nowhere", &nowhere));
    for (job, result, reason, codes) in [
        ("good", "Complete", "", &[0][..]),
        ("usage", "Failed", "PodFailurePolicy", &[1]),
        ("drifted", "Failed", "PodFailurePolicy", &[3]),
        ("partly", "Failed", "BackoffLimitExceeded", &[2, 2]),
        ("nowhere", "Failed", "BackoffLimitExceeded", &[4, 4]),
    ] {
        assert_ended(
            &namespace,
            &Expected {
                job,
                result,
                reason,
                codes,
            },
        );
    }
}

/// A Job made by the schedule, not by a test.
fn made_by_schedule(job: &Value) -> bool {
    job["metadata"]["ownerReferences"][0]["kind"] == "CronJob"
}

/// Gives a pod the configuration and, since mirrors of a file keep state, a place for that, which is where the image says.
fn mount(pod: &mut Value) {
    for (name, path, volume) in [
        (
            "config",
            "/etc/chartferry",
            json!({"name": "config", "configMap": {"name": "chartferry"}}),
        ),
        (
            "state",
            "/var/lib/chartferry",
            json!({"name": "state", "emptyDir": {}}),
        ),
    ] {
        let mount = json!({"name": name, "mountPath": path});
        let mounts = &mut pod["containers"][0]["volumeMounts"];
        mounts.as_array_mut().unwrap().push(mount);
        pod["volumes"].as_array_mut().unwrap().push(volume);
    }
}

#[test]
fn a_cronjob_runs_every_mirror_of_a_file() {
    let Some(stage) = Stage::new("a CronJob") else {
        return;
    };
    let stage = stage.with(&[Chart::new("lamp", "1.0.0"), Chart::new("lamp", "1.1.0")]);
    let namespace = stage.cluster.namespace("cronjob");
    let config = format!(
        "[[host]]\nname = \"{}\"\nplain_http = true\n\n[[mirror]]\nname = \"lamps\"\nsource = \"{}\"\ntargets = [\"{}\"]\n",
        stage.registry.host(),
        stage.repo.url(),
        stage.registry.target("mirrored")
    );
    namespace.apply(&json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "chartferry"}, "data": {"config.toml": config}
    }));
    let mut spec = job_spec(&["migrate", "--config", "/etc/chartferry/config.toml"]);
    mount(&mut spec["template"]["spec"]);
    namespace.apply(
        &json!({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "chartferry"}, "spec": {
            "schedule": "* * * * *",
            "timeZone": "Europe/Berlin",
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": 50,
            "jobTemplate": {"spec": spec}
        }}),
    );
    let made = namespace.wait("the Job of the CronJob", || {
        namespace.list("jobs", "").into_iter().find(made_by_schedule)
    });
    let name = made["metadata"]["name"].as_str().unwrap();
    let ended = namespace.ended(name);
    let pods = namespace.pods(name);
    let logs: String = pods.iter().map(|pod| namespace.logs(pod)).collect();
    assert_eq!(ended.result, "Complete", "{logs}");
    assert_eq!(
        pods.iter().filter_map(exit_code).collect::<Vec<_>>(),
        [0],
        "{logs}"
    );
    assert!(logs.contains("2 pushed"), "{logs}");
    let (status, tags) = stage
        .cluster
        .within(|| stage.registry.get("/v2/mirrored/lamp/tags/list"));
    assert_eq!(status, 200, "{tags}");
    assert!(tags.contains("1.0.0") && tags.contains("1.1.0"), "{tags}");
    let status = &ended.job["status"];
    let scheduled = &ended.job["metadata"]["annotations"]["batch.kubernetes.io/cronjob-scheduled-timestamp"];
    eprintln!(
        "cluster: CronJob: pod's Job ended {} s after its time, {} s after its start",
        seconds(scheduled, &status["completionTime"]),
        seconds(&status["startTime"], &status["completionTime"])
    );
}

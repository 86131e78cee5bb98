//! Jobs and pods as the tests want them.

use serde_json::{Value, json};

use crate::support::cluster::IMAGE;

/// A pod template of the restricted profile that runs chartferry once. Nothing may be written but what lies in `/tmp`, and no user
/// is named: the image must say one itself, as a number.
pub(super) fn template<S: AsRef<str>>(args: &[S]) -> Value {
    let args: Vec<_> = args.iter().map(AsRef::as_ref).collect();
    json!({"spec": {
        "restartPolicy": "Never",
        "automountServiceAccountToken": false,
        "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [{
            "name": "chartferry",
            "image": IMAGE,
            "imagePullPolicy": "Never",
            "args": args,
            "securityContext": {
                "allowPrivilegeEscalation": false,
                "readOnlyRootFilesystem": true,
                "capabilities": {"drop": ["ALL"]}
            },
            "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "128Mi"}},
            "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}]
        }],
        "volumes": [{"name": "tmp", "emptyDir": {}}]
    }})
}

/// What a Job does about exit codes: repeating cannot mend a wrong configuration (1), drift (3) or a safety limit (6).
pub(super) fn job_spec<S: AsRef<str>>(args: &[S]) -> Value {
    json!({
        "backoffLimit": 1,
        "podFailurePolicy": {"rules": [{
            "action": "FailJob",
            "onExitCodes": {"containerName": "chartferry", "operator": "In", "values": [1, 3, 6]}
        }]},
        "template": template(args)
    })
}

/// A Job of that.
pub(super) fn job<S: AsRef<str>>(name: &str, args: &[S]) -> Value {
    json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": job_spec(args)})
}

/// A part of the work for each of `count` pods.
pub(super) fn indexed_job<S: AsRef<str>>(name: &str, count: usize, args: &[S]) -> Value {
    let mut template = template(args);
    template["spec"]["containers"][0]["env"] =
        json!([{"name": "CHARTFERRY_SHARDS", "value": count.to_string()}]);
    json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": {
        "completionMode": "Indexed",
        "completions": count,
        "parallelism": count,
        "backoffLimitPerIndex": 1,
        "podFailurePolicy": {"rules": [{
            "action": "FailIndex",
            "onExitCodes": {"containerName": "chartferry", "operator": "In", "values": [1, 3, 6]}
        }]},
        "template": template
    }})
}

//! Every pod that the chart renders or an example shows is one that Kubernetes' restricted Pod Security Standard admits, and
//! a little stricter than that. The rules are written down here anew, from the standard and not from the templates.

use serde_yaml::Value;

use super::{CASES, Object, objects, render, root};
use crate::support::helm::Helm;

/// Everything in which a pod is less than it should be.
fn faults(pod: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut must = |holds: bool, what: &str| {
        if !holds {
            found.push(what.to_owned());
        }
    };
    for key in ["hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"] {
        must(pod[key].is_null() || pod[key] == false, key);
    }
    let all = &pod["securityContext"];
    must(all["runAsNonRoot"] == true, "the pod's runAsNonRoot");
    must(
        all["runAsUser"].is_null() || all["runAsUser"].as_u64() > Some(0),
        "the pod's user",
    );
    must(
        all["seccompProfile"]["type"] == "RuntimeDefault",
        "the pod's seccomp",
    );
    must(all["sysctls"].is_null(), "sysctls");
    must(
        pod["ephemeralContainers"].is_null() && pod["initContainers"].is_null(),
        "further containers",
    );
    for container in pod["containers"].as_sequence().unwrap() {
        let own = &container["securityContext"];
        must(own["runAsNonRoot"] == true, "runAsNonRoot");
        must(own["runAsUser"].is_null(), "a user beside the pod's");
        must(own["privileged"] != true, "privileged");
        must(
            own["allowPrivilegeEscalation"] == false,
            "allowPrivilegeEscalation",
        );
        must(own["readOnlyRootFilesystem"] == true, "readOnlyRootFilesystem");
        must(
            own["capabilities"] == super::yaml("{drop: [ALL]}"),
            "capabilities",
        );
        must(own["seccompProfile"]["type"] == "RuntimeDefault", "seccomp");
        must(own["procMount"].is_null(), "procMount");
        let ports = container["ports"].as_sequence().into_iter().flatten();
        must(
            ports.into_iter().all(|port| port["hostPort"].is_null()),
            "hostPort",
        );
        let mounts = container["volumeMounts"].as_sequence().unwrap();
        // Nothing but state and temporary files can be written
        for mount in mounts.iter().filter(|mount| mount["readOnly"] != true) {
            let path = mount["mountPath"].as_str().unwrap();
            must(["/var/lib/chartferry", "/tmp"].contains(&path), path);
        }
        must(
            mounts.iter().all(|mount| mount["subPath"].is_null()),
            "subPath, which is never renewed",
        );
    }
    for volume in pod["volumes"].as_sequence().unwrap() {
        let kind = volume
            .as_mapping()
            .unwrap()
            .keys()
            .filter_map(Value::as_str)
            .find(|key| *key != "name");
        let allowed = ["configMap", "secret", "emptyDir", "persistentVolumeClaim"];
        must(
            kind.is_some_and(|kind| allowed.contains(&kind)),
            &format!("volume {kind:?}"),
        );
        must(
            volume["emptyDir"].is_null() || !volume["emptyDir"]["sizeLimit"].is_null(),
            "a volume without a limit",
        );
        // YAML 1.1 reads 0440 as octal, and so does Kubernetes
        must(
            volume["secret"].is_null() || mode(&volume["secret"]["defaultMode"]) == "0440",
            "a Secret for everybody",
        );
    }
    must(
        pod["automountServiceAccountToken"].is_bool(),
        "nothing said of the token",
    );
    must(pod["enableServiceLinks"] == false, "service links");
    found
}

/// The number as it is written: readers of YAML 1.2 take it for decimal, or for text.
fn mode(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) if number.as_u64() == Some(0o440) => "0440".to_owned(),
        Value::Number(number) => format!("{:0>4}", number.to_string()),
        _ => String::new(),
    }
}

#[test]
fn every_rendered_pod_is_restricted() {
    for helm in Helm::all() {
        for (case, values) in CASES {
            let objects = render(&helm, values);
            let mut pods = 0;
            for object in &objects {
                if let Some(pod) = object.pod() {
                    assert_eq!(faults(pod), Vec::<String>::new(), "{case}: {}", object.kind());
                    pods += 1;
                }
            }
            assert_eq!(pods, 2, "{case}: the workload, and the pod of `helm test`");
        }
    }
}

#[test]
fn every_pod_of_the_examples_is_restricted() {
    let mut pods = 0;
    for file in std::fs::read_dir(root().join("examples/kubernetes")).unwrap() {
        let path = file.unwrap().path();
        for object in objects(&std::fs::read_to_string(&path).unwrap()) {
            if let Some(pod) = object.pod() {
                assert_eq!(faults(pod), Vec::<String>::new(), "{}", path.display());
                pods += 1;
            }
        }
    }
    assert_eq!(pods, 3);
}

/// The check above would find what it is to find.
#[test]
fn a_lax_pod_is_found_out() {
    let example = std::fs::read_to_string(root().join("examples/kubernetes/cronjob.yaml")).unwrap();
    for (strict, lax) in [
        ("runAsNonRoot: true", "runAsNonRoot: false"),
        ("runAsUser: 65532", "runAsUser: 0"),
        ("type: RuntimeDefault", "type: Unconfined"),
        (
            "allowPrivilegeEscalation: false",
            "allowPrivilegeEscalation: true",
        ),
        ("privileged: false", "privileged: true"),
        ("readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false"),
        ("drop: [ALL]", "drop: [NET_RAW]"),
        ("defaultMode: 0440", "defaultMode: 0444"),
        (
            "mountPath: /etc/chartferry, readOnly: true",
            "mountPath: /etc/chartferry",
        ),
        ("emptyDir: {sizeLimit: 1Gi}", "emptyDir: {}"),
        ("emptyDir: {sizeLimit: 1Gi}", "hostPath: {path: /var/lib}"),
        ("enableServiceLinks: false", "hostNetwork: true"),
    ] {
        assert!(example.contains(strict), "{strict}");
        let objects = objects(&example.replace(strict, lax));
        let pod = objects.iter().find_map(Object::pod).unwrap();
        assert_ne!(faults(pod), Vec::<String>::new(), "{lax}");
    }
}

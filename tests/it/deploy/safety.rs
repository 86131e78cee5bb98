//! Every pod that the chart renders or an example shows is one that Kubernetes' restricted Pod Security Standard admits, and
//! a little stricter than that. The rules are written down here anew, from the standard and not from the templates.

use serde_yaml::Value;

use super::{CASES, Object, objects, render, root};
use crate::support::helm::Helm;

/// Everything in which a pod is less than it should be.
fn faults(pod: &Value) -> Vec<&'static str> {
    let containers = items(&pod["containers"]).flat_map(of_container);
    let volumes = items(&pod["volumes"]).flat_map(of_volume);
    missed(of_pod(pod)).chain(containers).chain(volumes).collect()
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_sequence().into_iter().flatten()
}

/// The names of the rules that do not hold.
fn missed<const N: usize>(rules: [(bool, &'static str); N]) -> impl Iterator<Item = &'static str> {
    rules
        .into_iter()
        .filter(|(holds, _)| !holds)
        .map(|(_, rule)| rule)
}

fn of_pod(pod: &Value) -> [(bool, &'static str); 10] {
    let off = |key: &str| pod[key].is_null() || pod[key] == false;
    let own = &pod["securityContext"];
    [
        (off("hostNetwork"), "hostNetwork"),
        (off("hostPID") && off("hostIPC"), "hostPID, hostIPC"),
        (own["runAsNonRoot"] == true, "the pod's runAsNonRoot"),
        (
            own["runAsUser"].is_null() || own["runAsUser"].as_u64() > Some(0),
            "the pod's user",
        ),
        (
            own["seccompProfile"]["type"] == "RuntimeDefault",
            "the pod's seccomp",
        ),
        (own["sysctls"].is_null(), "sysctls"),
        (pod["initContainers"].is_null(), "further containers"),
        (pod["ephemeralContainers"].is_null(), "further containers"),
        (
            pod["automountServiceAccountToken"].is_bool(),
            "nothing said of the token",
        ),
        (pod["enableServiceLinks"] == false, "service links"),
    ]
}

fn of_container(container: &Value) -> impl Iterator<Item = &'static str> {
    let own = &container["securityContext"];
    let mut mounts = items(&container["volumeMounts"]);
    let writable = ["/var/lib/chartferry", "/tmp"];
    missed([
        (own["runAsNonRoot"] == true, "runAsNonRoot"),
        (own["runAsUser"].is_null(), "a user beside the pod's"),
        (own["privileged"] != true, "privileged"),
        (
            own["allowPrivilegeEscalation"] == false,
            "allowPrivilegeEscalation",
        ),
        (own["readOnlyRootFilesystem"] == true, "readOnlyRootFilesystem"),
        (
            own["capabilities"] == super::yaml("{drop: [ALL]}"),
            "capabilities",
        ),
        (own["seccompProfile"]["type"] == "RuntimeDefault", "seccomp"),
        (own["procMount"].is_null(), "procMount"),
        (
            items(&container["ports"]).all(|port| port["hostPort"].is_null()),
            "hostPort",
        ),
        (
            // Nothing but state and temporary files can be written, and a `subPath` would never be renewed
            mounts.all(|mount| {
                let path = mount["mountPath"].as_str().unwrap();
                (mount["readOnly"] == true || writable.contains(&path)) && mount["subPath"].is_null()
            }),
            "a mount",
        ),
    ])
}

fn of_volume(volume: &Value) -> impl Iterator<Item = &'static str> {
    let mut keys = volume.as_mapping().unwrap().keys().filter_map(Value::as_str);
    let allowed = ["configMap", "secret", "emptyDir", "persistentVolumeClaim"];
    missed([
        (
            keys.all(|key| key == "name" || allowed.contains(&key)),
            "kind of volume",
        ),
        (
            volume["emptyDir"].is_null() || !volume["emptyDir"]["sizeLimit"].is_null(),
            "a volume without a limit",
        ),
        (
            // YAML 1.1 reads 0440 as octal, and so does Kubernetes
            volume["secret"].is_null() || mode(&volume["secret"]["defaultMode"]) == "0440",
            "a Secret for everybody",
        ),
    ])
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
                    assert_eq!(faults(pod), Vec::<&str>::new(), "{case}: {}", object.kind());
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
                assert_eq!(faults(pod), Vec::<&str>::new(), "{}", path.display());
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
        assert_ne!(faults(pod), Vec::<&str>::new(), "{lax}");
    }
}

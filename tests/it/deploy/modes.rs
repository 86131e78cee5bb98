//! What each mode is made of, and what single values change in it.

use serde_yaml::Value;

use super::{CASES, KUBERNETES, Object, chart, one, render, yaml};
use crate::support::helm::Helm;

fn kinds(objects: &[Object]) -> Vec<&str> {
    let mut kinds: Vec<_> = objects.iter().map(Object::kind).collect();
    kinds.sort_unstable();
    kinds
}

/// Helm's linter, with its warnings as errors.
#[test]
fn helm_finds_nothing_to_say() {
    for helm in Helm::all() {
        for (case, values) in [("no values", "")].iter().chain(CASES) {
            std::fs::write(helm.home().join("values.yaml"), values).unwrap();
            let text = helm.ok([
                "lint",
                "--strict",
                KUBERNETES,
                chart().to_str().unwrap(),
                "--values=values.yaml",
            ]);
            assert!(text.contains("0 chart(s) failed"), "{case}: {text}");
        }
    }
}

#[test]
fn both_helms_render_the_same() {
    let (Some(three), Some(four)) = (Helm::v3(), Helm::v4()) else {
        return;
    };
    for (case, values) in CASES {
        let sorted = |helm: &Helm| {
            let mut objects = render(helm, values);
            objects.sort_by_key(|object| format!("{} {}", object.kind(), object.name()));
            objects
        };
        assert_eq!(sorted(&three), sorted(&four), "{case}");
    }
}

#[test]
fn each_mode_has_its_objects_and_no_others() {
    let Some(helm) = Helm::v4() else { return };
    let always = ["ConfigMap", "Pod", "ServiceAccount"];
    for (values, own) in [
        ("mode: service", vec!["Deployment", "Service"]),
        (
            "replicas: 2",
            vec![
                "Deployment",
                "PodDisruptionBudget",
                "Role",
                "RoleBinding",
                "Service",
            ],
        ),
        ("mode: cronjob", vec!["CronJob"]),
        ("mode: job", vec!["Job"]),
        (
            "mode: cronjob\npersistence: {enabled: true}",
            vec!["CronJob", "PersistentVolumeClaim"],
        ),
        (
            "mode: job\nregistryCredentials: {dockerConfigJson: '{}'}",
            vec!["Job", "Secret"],
        ),
    ] {
        let mut expected: Vec<_> = always.iter().copied().chain(own).collect();
        expected.sort_unstable();
        assert_eq!(kinds(&render(&helm, values)), expected, "{values}");
    }
}

/// Exit codes 1, 3 and 6 are not repeated, all others once, and what the cluster does to a pod is not its failure.
#[test]
fn the_exit_code_decides_about_another_try() {
    let Some(helm) = Helm::v4() else { return };
    let policy = |action: &str| {
        yaml(&format!(
            "rules:
  - {{action: Ignore, onPodConditions: [{{type: DisruptionTarget, status: 'True'}}]}}
  - {{action: {action}, onExitCodes: {{containerName: chartferry, operator: In, values: [1, 3, 6]}}}}"
        ))
    };
    let objects = render(&helm, "mode: cronjob");
    let cron = &one(&objects, "CronJob")["spec"];
    assert_eq!(cron["concurrencyPolicy"], "Forbid");
    assert_eq!(cron["startingDeadlineSeconds"], 600);
    let job = &cron["jobTemplate"]["spec"];
    assert_eq!(job["podFailurePolicy"], policy("FailJob"));
    assert_eq!(job["backoffLimit"], 1);

    let objects = render(&helm, "mode: job\njob: {shards: 7, parallelism: 2}");
    let job = &one(&objects, "Job")["spec"];
    assert_eq!(job["podFailurePolicy"], policy("FailIndex"));
    assert_eq!(job["backoffLimitPerIndex"], 1);
    assert_eq!(job["completionMode"], "Indexed");
    assert_eq!((&job["completions"], &job["parallelism"]), (&7.into(), &2.into()));
    let container = &job["template"]["spec"]["containers"][0];
    assert!(
        container["args"]
            .as_sequence()
            .unwrap()
            .contains(&"--shard=auto".into())
    );
    assert_eq!(variable(container, "CHARTFERRY_SHARDS"), Some("7"));
}

fn variable<'a>(container: &'a Value, name: &str) -> Option<&'a str> {
    let mut all = container["env"].as_sequence().unwrap().iter();
    all.find(|variable| variable["name"] == name)
        .and_then(|variable| variable["value"].as_str())
}

/// Kubernetes must not end the pod before chartferry would have ended by itself.
#[test]
fn the_pod_has_more_time_than_the_grace() {
    let Some(helm) = Helm::v4() else { return };
    for mode in ["service", "cronjob", "job"] {
        let objects = render(&helm, &format!("mode: {mode}\ngraceSeconds: 40"));
        for pod in objects.iter().filter_map(Object::pod) {
            assert_eq!(pod["terminationGracePeriodSeconds"], 50, "{mode}");
            assert_eq!(variable(&pod["containers"][0], "CHARTFERRY__GRACE"), Some("40s"));
        }
    }
}

/// Only the pods that share a Lease have a token, and it opens nothing else.
#[test]
fn only_two_replicas_talk_to_kubernetes() {
    let Some(helm) = Helm::v4() else { return };
    for (case, values) in CASES {
        let objects = render(&helm, values);
        let leads = objects.iter().any(|object| object.kind() == "Role");
        assert_eq!(leads, values.contains("replicas: 2"), "{case}");
        for object in &objects {
            if let Some(pod) = object.pod() {
                let token = leads && object.kind() == "Deployment";
                assert_eq!(
                    pod["automountServiceAccountToken"],
                    token,
                    "{case}: {}",
                    object.name()
                );
                let lease = variable(&pod["containers"][0], "CHARTFERRY__LEASE__NAME");
                assert_eq!(lease.is_some(), token, "{case}");
            }
        }
    }
    let objects = render(&helm, "replicas: 2\nlease: {name: leader}");
    let rules = yaml(
        "- {apiGroups: [coordination.k8s.io], resources: [leases], verbs: [create]}
- {apiGroups: [coordination.k8s.io], resources: [leases], resourceNames: [leader], verbs: [get, update]}",
    );
    assert_eq!(one(&objects, "Role")["rules"], rules);
    let container = &one(&objects, "Deployment")["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(variable(container, "CHARTFERRY__LEASE__NAME"), Some("leader"));
}

/// A Job cannot be changed: what changes it must give it another name, and nothing else may.
#[test]
fn a_changed_job_is_a_new_one() {
    let Some(helm) = Helm::v4() else { return };
    let name = |more: &str| {
        let objects = render(&helm, &format!("mode: job\n{more}"));
        one(&objects, "Job")["metadata"]["name"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let plain = name("");
    assert_eq!(name(""), plain);
    assert_eq!(name("networkPolicy: {enabled: true}"), plain);
    for more in [
        "job: {run: 2}",
        "job: {shards: 5}",
        "run: {backoffLimit: 3}",
        "image: {tag: other}",
        "podLabels: {a: b}",
        "config: '# other'",
    ] {
        assert_ne!(name(more), plain, "{more}");
    }
    // The longest name still leaves room for the hash and the pod's number in 63 characters
    let long = name(&format!(
        "fullnameOverride: {}\njob: {{shards: 1000}}",
        "x".repeat(60)
    ));
    assert!(format!("{long}-999").len() <= 63, "{long}");
}

/// Neither a selector nor a pod changes with the chart's version, which would restart everything.
#[test]
fn a_new_chart_restarts_nothing_by_itself() {
    let Some(helm) = Helm::v4() else { return };
    let objects = render(&helm, "labels: {team: platform}");
    let deployment = &one(&objects, "Deployment")["spec"];
    let labels = "app.kubernetes.io/name: chartferry\napp.kubernetes.io/instance: chartferry\napp.kubernetes.io/component: service";
    assert_eq!(deployment["selector"]["matchLabels"], yaml(labels));
    let pod = format!("{labels}\nteam: platform");
    assert_eq!(deployment["template"]["metadata"]["labels"], yaml(&pod));
    assert_eq!(one(&objects, "Service")["spec"]["selector"], yaml(labels));
    // Nor does a changed configuration: the service reads it by itself
    let objects = render(&helm, "labels: {team: platform}\nconfig: '# other'");
    assert_eq!(&one(&objects, "Deployment")["spec"], deployment);
}

/// The network policy lets in whom it names, and out to what it names.
#[test]
fn the_network_policy_names_everything() {
    let Some(helm) = Helm::v4() else { return };
    let spec = |values: &str| one(&render(&helm, values), "NetworkPolicy")["spec"].clone();
    let dns = "- ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}]";
    let ports = |ports: &[u16]| {
        let ports: Vec<_> = ports
            .iter()
            .map(|port| format!("{{port: {port}, protocol: TCP}}"))
            .collect();
        yaml(&format!("{dns}\n- ports: [{}]", ports.join(", ")))
    };
    let policy = spec("mode: cronjob\nnetworkPolicy: {enabled: true}");
    assert_eq!(policy["policyTypes"], yaml("[Ingress, Egress]"));
    assert_eq!(policy["ingress"], yaml("[]"));
    assert_eq!(policy["egress"], ports(&[80, 443]));
    let policy = spec("replicas: 2\nnetworkPolicy: {enabled: true, ingressNamespaces: [monitoring]}");
    assert_eq!(policy["egress"], ports(&[80, 443, 6443]));
    let ingress = "- from: [{namespaceSelector: {matchExpressions: [{key: kubernetes.io/metadata.name, operator: In, values: [monitoring]}]}}]
  ports: [{port: http, protocol: TCP}]";
    assert_eq!(policy["ingress"], yaml(ingress));
}

/// Rules and dashboard are those of the files, untouched by Helm's own braces.
#[test]
fn rules_and_dashboard_come_as_they_are() {
    let Some(helm) = Helm::v4() else { return };
    let objects = render(
        &helm,
        "prometheusRule: {enabled: true}\ndashboard: {enabled: true}",
    );
    let file = |name: &str| std::fs::read_to_string(chart().join("files").join(name)).unwrap();
    assert_eq!(one(&objects, "PrometheusRule")["spec"], yaml(&file("rules.yaml")));
    let dashboard = objects
        .iter()
        .find(|object| object.name().ends_with("-dashboard"))
        .unwrap();
    let text = dashboard.0["data"]["chartferry.json"].as_str().unwrap();
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    assert_eq!(json(text), json(&file("dashboard.json")));
}

/// What `helm install` says at its end. Only Helm 4 says it without a cluster.
#[test]
fn the_notes_name_commands_for_the_mode() {
    let Some(helm) = Helm::v4() else { return };
    for (mode, words) in [
        (
            "mode: service",
            "port-forward --namespace ns service/release-chartferry",
        ),
        ("replicas: 2", "get lease --namespace ns release-chartferry"),
        ("mode: cronjob", "--from=cronjob/release-chartferry"),
        ("mode: job", "--set job.run=2"),
    ] {
        std::fs::write(helm.home().join("values.yaml"), format!("{}{mode}", super::BASE)).unwrap();
        let text = helm.ok([
            "install",
            "release",
            chart().to_str().unwrap(),
            "--namespace=ns",
            "--values=values.yaml",
            "--dry-run=client",
        ]);
        let (_, notes) = text.split_once("NOTES:").expect("there are notes");
        assert!(notes.contains(words), "{mode}: {notes}");
        assert!(
            notes.contains("helm test release --namespace ns --logs"),
            "{notes}"
        );
        assert!(!notes.contains("<no value>") && !notes.contains("%!"), "{notes}");
    }
}

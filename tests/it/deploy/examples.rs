//! The plain manifests are what the chart renders, for people who do without Helm: same objects, same fields.

use serde_yaml::Value;

use super::{Object, objects, render, root};
use crate::support::helm::Helm;

/// Labels that only Helm needs.
const HELM: [&str; 4] = [
    "helm.sh/chart",
    "app.kubernetes.io/managed-by",
    "app.kubernetes.io/version",
    "app.kubernetes.io/component",
];

/// Takes away what is Helm's own: its labels, its test, the hash in a Job's name.
fn plain(mut objects: Vec<Object>) -> Vec<Object> {
    objects.retain(|object| !["Pod", "Namespace"].contains(&object.kind()));
    for Object(object) in &mut objects {
        if let Some(labels) = object["metadata"]["labels"].as_mapping_mut() {
            labels.retain(|name, _| !HELM.iter().any(|helm| name == helm));
        }
        if object["kind"] == "Job" {
            object["metadata"]["name"] = "chartferry".into();
        }
        if let Some(container) = pod(object).map(|pod| &mut pod["containers"][0]) {
            let variables = container["env"].as_sequence_mut().unwrap();
            variables.sort_by_key(|variable| variable["name"].as_str().unwrap().to_owned());
        }
    }
    objects.sort_by_key(|object| object.kind().to_owned());
    objects
}

fn pod(object: &mut Value) -> Option<&mut Value> {
    match object["kind"].as_str().unwrap() {
        "Deployment" | "Job" => Some(&mut object["spec"]["template"]["spec"]),
        "CronJob" => Some(&mut object["spec"]["jobTemplate"]["spec"]["template"]["spec"]),
        _ => None,
    }
}

#[test]
fn the_examples_are_what_the_chart_renders() {
    for helm in Helm::all() {
        for (file, values, more) in [
            ("cronjob", "mode: cronjob", ""),
            ("job-sharded", "mode: job", ""),
            ("service", "replicas: 2", "schedule = \"*/30 * * * *\"\n"),
        ] {
            let path = root().join(format!("examples/kubernetes/{file}.yaml"));
            let mut example = objects(&std::fs::read_to_string(path).unwrap());
            for object in &mut example {
                // Anchors are for the reader
                object.0.apply_merge().unwrap();
            }
            let values = format!("{values}\nregistryCredentials: {{existingSecret: chartferry-registry}}\n");
            let mut rendered = render(&helm, &values);
            let config = rendered
                .iter_mut()
                .find(|object| object.kind() == "ConfigMap")
                .unwrap();
            let text = config.0["data"]["config.toml"].as_str().unwrap();
            config.0["data"]["config.toml"] = format!("{text}{more}").into();
            let (example, rendered) = (plain(example), plain(rendered));
            for (example, rendered) in example.iter().zip(&rendered) {
                assert_eq!(
                    serde_yaml::to_string(&example.0).unwrap(),
                    serde_yaml::to_string(&in_order_of(&rendered.0, &example.0)).unwrap(),
                    "{file}: {}",
                    example.kind()
                );
            }
            assert_eq!(example.len(), rendered.len(), "{file}");
        }
    }
}

/// The keys of `value` in the order that `model` has, so that a difference is easy to see.
fn in_order_of(value: &Value, model: &Value) -> Value {
    match (value, model) {
        (Value::Mapping(value), Value::Mapping(model)) => {
            let first = model.keys().filter(|key| value.contains_key(*key));
            let rest = value.keys().filter(|key| !model.contains_key(*key));
            let pairs = first.chain(rest).map(|key| {
                let like = model.get(key).unwrap_or(&Value::Null);
                (key.clone(), in_order_of(&value[key], like))
            });
            Value::Mapping(pairs.collect())
        }
        (Value::Sequence(value), Value::Sequence(model)) => {
            let pairs = value.iter().enumerate();
            pairs
                .map(|(at, value)| in_order_of(value, model.get(at).unwrap_or(&Value::Null)))
                .collect()
        }
        (value, _) => value.clone(),
    }
}

/// A Secret's mode and a namespace that enforces what the pods promise.
#[test]
fn the_examples_make_a_restricted_namespace() {
    for file in ["cronjob", "job-sharded", "service"] {
        let path = root().join(format!("examples/kubernetes/{file}.yaml"));
        let all = objects(&std::fs::read_to_string(path).unwrap());
        let namespace = super::one(&all, "Namespace");
        let label = &namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"];
        assert_eq!(label, "restricted", "{file}");
        for object in all.iter().filter(|object| object.kind() != "Namespace") {
            assert_eq!(
                object.0["metadata"]["namespace"], namespace["metadata"]["name"],
                "{file}"
            );
        }
    }
}

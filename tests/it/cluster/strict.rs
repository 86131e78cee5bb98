//! A real API server takes all that the chart renders and all plain manifests, each field checked.

use std::path::Path;

use serde_json::json;

use super::Stage;
use super::release::{NAME, values};
use crate::support::cluster::Namespace;
use crate::support::helm::{Helm, words};

/// Lets the server judge manifests without keeping them. What only earns a warning, such as pods that the restricted profile
/// would not admit, is an error too.
fn judge(namespace: &Namespace, what: &str, manifests: &str) {
    let args = ["apply", "--dry-run=server", "--validate=strict", "--filename=-"];
    let output = namespace.kubectl_with(args, manifests.as_bytes());
    let said = words(&output);
    assert!(
        output.status.success() && !said.contains("Warning"),
        "{what}: {said}\n{manifests}"
    );
}

#[test]
fn the_server_takes_every_mode_and_every_example() {
    let Some(stage) = Stage::new("strict validation of the chart") else {
        return;
    };
    let namespace = stage.cluster.namespace("strict");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let chart = root.join("deploy/helm/chartferry");
    let rich = json!({"networkPolicy": {"enabled": true}, "dashboard": {"enabled": true}});
    let modes = [
        json!({"mode": "service"}),
        json!({"mode": "service", "replicas": 2}),
        json!({"mode": "service", "persistence": {"enabled": true}}),
        json!({"mode": "cronjob", "persistence": {"enabled": true}}),
        json!({"mode": "job"}),
    ];
    for helm in Helm::all() {
        for mode in &modes {
            let mut more = mode.clone();
            let keys = rich.as_object().unwrap().iter();
            // What only the service has is refused elsewhere
            for (key, value) in keys.filter(|(key, _)| mode["mode"] == "service" || *key == "networkPolicy") {
                more[key] = value.clone();
            }
            // A pod of `helm test` is judged by itself, and its account would have to be there
            let file = helm.home().join("strict.json");
            std::fs::write(&file, values(&stage, "", &more).to_string()).unwrap();
            let (chart, file) = (chart.to_str().unwrap(), file.to_str().unwrap());
            let line = [
                "template",
                NAME,
                chart,
                "--values",
                file,
                "--kube-version",
                "1.34.0",
                "--skip-tests",
            ];
            let rendered = helm.ok([&line[..], &["--namespace", &namespace.name]].concat());
            judge(&namespace, &format!("helm {} {mode}", helm.version), &rendered);
        }
    }
    for entry in std::fs::read_dir(root.join("examples/kubernetes")).unwrap() {
        let path = entry.unwrap().path();
        // Objects of a namespace that is not there yet are refused, whatever they hold
        let text = std::fs::read_to_string(&path).unwrap();
        let text = text.replace("namespace: chartferry", &format!("namespace: {}", namespace.name));
        judge(&namespace, &path.display().to_string(), &text);
    }
}

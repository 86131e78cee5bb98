//! The chart of `deploy/helm/chartferry`, installed by real Helm.

use std::path::Path;

use serde_json::{Value, json};

use super::Stage;
use crate::support::cluster::{IMAGE, Namespace};
use crate::support::helm::{Helm, words};

/// The release and, by `fullnameOverride`, its objects.
pub(super) const NAME: &str = "ferry";

/// Values for the image of this checkout and one mirror; `more` is merged into the top level.
pub(super) fn values(stage: &Stage, mirror: &str, more: &Value) -> Value {
    let (repository, tag) = IMAGE.rsplit_once(':').unwrap();
    let config = format!(
        "[[host]]\nname = \"{}\"\nplain_http = true\n\n[[mirror]]\nname = \"charts\"\nsource = \"{}\"\ntargets = [\"{}\"]\n{mirror}\n",
        stage.registry.host(),
        stage.repo.url(),
        stage.registry.target("mirrored"),
    );
    let mut values = json!({
        "fullnameOverride": NAME,
        "image": {"repository": repository, "tag": tag, "pullPolicy": "Never"},
        "config": config,
    });
    for (key, value) in more.as_object().unwrap() {
        values[key] = value.clone();
    }
    values
}

/// Installs or upgrades it and waits until its pods are ready.
pub(super) fn install(namespace: &Namespace, helm: &Helm, values: &Value) {
    let file = helm.home().join("values.json");
    std::fs::write(&file, values.to_string()).unwrap();
    let chart = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/helm/chartferry");
    let (chart, file) = (chart.to_str().unwrap(), file.to_str().unwrap());
    let line = [
        "upgrade",
        "--install",
        NAME,
        chart,
        "--values",
        file,
        "--wait",
        "--namespace",
        &namespace.name,
    ];
    let output = namespace.cluster().within(|| {
        let mut command = helm.command(line);
        command.env("KUBECONFIG", namespace.cluster().kubeconfig());
        command.output().unwrap()
    });
    let said = words(&output);
    assert!(
        output.status.success(),
        "helm {}: {said}\n{:?}",
        helm.version,
        namespace.kubectl(["get", "pods", "-o", "wide"])
    );
    assert!(!said.contains("would violate PodSecurity"), "{said}");
}

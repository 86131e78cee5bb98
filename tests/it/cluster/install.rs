//! Charts that chartferry pushed, installed and upgraded by real Helm from the registry, by version and by digest.

use serde_json::{Value, json};

use super::Stage;
use crate::support::charts::Chart;
use crate::support::cluster::{Namespace, PAUSE};
use crate::support::helm::{Helm, words};

/// A chart whose objects show which version of it is installed.
fn chart(version: &str) -> Chart {
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "{{ .Release.Name }}"},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": "{{ .Release.Name }}"}},
            "template": {
                "metadata": {"labels": {"app": "{{ .Release.Name }}", "version": "{{ .Chart.Version | replace `+` `_` }}"}},
                "spec": {
                    "automountServiceAccountToken": false,
                    "terminationGracePeriodSeconds": 5,
                    "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
                    "containers": [{"name": "pause", "image": PAUSE, "imagePullPolicy": "Never", "securityContext": {
                        "allowPrivilegeEscalation": false,
                        "readOnlyRootFilesystem": true,
                        "capabilities": {"drop": ["ALL"]}
                    }}]
                }
            }
        }
    });
    Chart::new("lamp", version).file("templates/deployment.yaml", deployment.to_string())
}

/// The version whose pod runs, and no other.
fn running(namespace: &Namespace) -> Option<String> {
    let pods = namespace.list("pods", "app=light");
    let live = pods
        .iter()
        .filter(|pod| pod["metadata"]["deletionTimestamp"].is_null());
    let versions: Vec<_> = live.map(|pod| &pod["metadata"]["labels"]["version"]).collect();
    match versions[..] {
        [Value::String(version)] => Some(version.clone()),
        _ => None,
    }
}

#[test]
fn what_was_pushed_is_installed_and_upgraded_by_version_and_by_digest() {
    let Some(stage) = Stage::new("helm install") else {
        return;
    };
    let stage = stage.with(&["1.0.0", "1.1.0+build.7", "2.0.0"].map(chart));
    let pushed = stage.run("team").expect(0);
    let digest = |version: &str| {
        let items = pushed.raw_items();
        let item = items.iter().find(|item| item["version"] == version).unwrap();
        item["manifest_digest"].as_str().unwrap().to_owned()
    };
    let lamp = stage.registry.target("team/lamp");
    let (second, third) = (digest("1.1.0+build.7"), digest("2.0.0"));
    std::thread::scope(|scope| {
        for helm in Helm::all() {
            let (stage, lamp, second, third) = (&stage, &lamp, &second, &third);
            scope.spawn(move || {
                let namespace = stage
                    .cluster
                    .namespace(&format!("install-{}", &helm.version[..1]));
                let by = |verb: &str, place: &str, more: &[&str]| {
                    let mut args = vec![
                        verb,
                        "light",
                        place,
                        "--plain-http",
                        "--wait",
                        "--namespace",
                        &namespace.name,
                    ];
                    args.extend(more);
                    let kubeconfig = stage.cluster.kubeconfig();
                    let output = stage.cluster.within(|| {
                        helm.command(&args)
                            .env("KUBECONFIG", kubeconfig)
                            .output()
                            .unwrap()
                    });
                    assert!(
                        output.status.success(),
                        "helm {} {args:?}: {}",
                        helm.version,
                        words(&output)
                    );
                    namespace.wait("one pod", || running(&namespace))
                };
                assert_eq!(by("install", lamp, &["--version", "1.0.0"]), "1.0.0");
                assert_eq!(by("upgrade", &format!("{lamp}@{second}"), &[]), "1.1.0_build.7");
                assert_eq!(by("upgrade", lamp, &["--version", "2.0.0"]), "2.0.0");
                assert_eq!(by("upgrade", &format!("{lamp}:1.0.0"), &[]), "1.0.0");
                assert_eq!(by("upgrade", &format!("{lamp}:2.0.0@{third}"), &[]), "2.0.0");
            });
        }
    });
}

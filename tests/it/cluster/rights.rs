//! What a pod of chartferry may do and what not: no root, no writes beside its volumes, and a server that checks every field.

use serde_json::json;

use super::Stage;
use super::manifests::job;
use crate::support::charts::Chart;
use crate::support::cluster::{Cluster, exit_code};
use crate::support::helm::words;

#[test]
fn nothing_is_written_beside_the_volumes() {
    let Some(stage) = Stage::new("a read-only root") else {
        return;
    };
    let stage = stage.with(&[Chart::new("lamp", "1.0.0")]);
    let namespace = stage.cluster.namespace("read-only");
    for (name, folder, code, word) in [
        ("volume", "/tmp/charts", 0, "1 pushed"),
        ("root", "/var/lib/chartferry/charts", 5, "os error 30"),
    ] {
        let target = format!("oci-layout:{folder}");
        namespace.apply(&job(name, &["migrate", &stage.repo.url(), &target]));
        namespace.ended(name);
        let pod = &namespace.pods(name)[0];
        let logs = namespace.logs(pod);
        assert_eq!(exit_code(pod), Some(code), "{logs}");
        assert!(logs.contains(word), "{logs}");
    }
}

#[test]
fn the_restricted_profile_and_the_strict_server_do_refuse() {
    let Some(cluster) = Cluster::get("refusals") else {
        return;
    };
    let namespace = cluster.namespace("refusals");
    let good = job("good", &["--version"]);
    let mut misspelt = good.clone();
    misspelt["spec"]["backofLimit"] = json!(1);
    let said = words(&namespace.try_apply(&misspelt));
    assert!(said.contains("unknown field \"spec.backofLimit\""), "{said}");
    let mut root = good["spec"]["template"].clone();
    root["apiVersion"] = json!("v1");
    root["kind"] = json!("Pod");
    root["metadata"] = json!({"name": "root"});
    root["spec"]["securityContext"]["runAsNonRoot"] = json!(false);
    let said = words(&namespace.try_apply(&root));
    assert!(said.contains("violates PodSecurity \"restricted"), "{said}");
    // The same pod as it should be is admitted, and the image's own user is one that the kubelet takes for no root
    namespace.apply(&good);
    assert_eq!(namespace.ended("good").result, "Complete");
}

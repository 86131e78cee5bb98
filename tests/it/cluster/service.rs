//! The service with two replicas: one works, the other takes over, and an upgrade stops nothing.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::Stage;
use super::release::{install, values};
use crate::support::charts::Chart;
use crate::support::cluster::Namespace;
use crate::support::helm::Helm;

/// Who leads, and since when. Each process has an identity of its own, also those of one pod, one after the other.
#[derive(Debug, Clone, PartialEq)]
struct Lead {
    identity: String,
    since: DateTime<Utc>,
}

impl Lead {
    fn pod(&self) -> &str {
        self.identity.rsplit_once('_').unwrap().0
    }
}

fn leader(namespace: &Namespace) -> Option<Lead> {
    let lease = namespace.list("leases", "").into_iter().next()?;
    let identity = lease["spec"]["holderIdentity"]
        .as_str()
        .filter(|name| !name.is_empty())?;
    Some(Lead {
        identity: identity.to_owned(),
        since: lease["spec"]["acquireTime"].as_str()?.parse().unwrap(),
    })
}

/// Waits until another process leads; prints the seconds between `from` and that, by the clock of this machine, which pods share.
fn taken_over(namespace: &Namespace, before: &Lead, from: DateTime<Utc>, how: &str) -> Lead {
    let next = namespace.wait(how, || {
        leader(namespace).filter(|lead| lead.identity != before.identity)
    });
    let took = (next.since - from).as_seconds_f64();
    eprintln!("cluster: Lease: {how}: another leads {took:.1} s later");
    next
}

fn ready(namespace: &Namespace) -> BTreeSet<String> {
    let is_ready = |pod: &&Value| {
        let conditions = pod["status"]["conditions"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let ready = conditions
            .iter()
            .any(|c| c["type"] == "Ready" && c["status"] == "True");
        ready && pod["metadata"]["deletionTimestamp"].is_null()
    };
    let pods = namespace.list("pods", "");
    let names = pods
        .iter()
        .filter(is_ready)
        .map(|pod| pod["metadata"]["name"].as_str().unwrap().to_owned());
    names.collect()
}

/// Publishes one more version and waits until the service has brought it to the registry.
fn arrives(stage: &Stage, namespace: &Namespace, charts: &mut Vec<Chart>) {
    let version = format!("1.{}.0", charts.len());
    charts.push(Chart::new("lamp", &version));
    stage.repo.publish(charts);
    namespace.wait(&format!("lamp {version} at the registry"), || {
        let (_, tags) = stage
            .cluster
            .within(|| stage.registry.get("/v2/mirrored/lamp/tags/list"));
        tags.contains(&format!("\"{version}\"")).then_some(())
    });
}

/// The running container of a pod, as containerd knows it.
fn container(namespace: &Namespace, pod: &str) -> String {
    let pod = namespace.find("pod", pod).unwrap();
    let id = pod["status"]["containerStatuses"][0]["containerID"]
        .as_str()
        .unwrap()
        .to_owned();
    id.trim_start_matches("containerd://").to_owned()
}

#[test]
fn of_two_replicas_one_works_and_the_other_takes_over() {
    let Some(stage) = Stage::new("two replicas") else {
        return;
    };
    let Some(helm) = Helm::v4() else { return };
    let namespace = stage.cluster.namespace("replicas");
    let mut charts = Vec::new();
    let mut values = values(
        &stage,
        "every = \"2s\"",
        &json!({"mode": "service", "replicas": 2}),
    );
    install(&namespace, &helm, &values);
    let two = || Some(ready(&namespace)).filter(|pods| pods.len() == 2);
    let first = namespace.wait("two ready pods", two);
    let lead = namespace.wait("a leader", || leader(&namespace));
    arrives(&stage, &namespace, &mut charts);

    // A clean stop
    let told = Utc::now();
    namespace.ok(["delete", "pod", lead.pod(), "--wait=false"]);
    let lead = taken_over(&namespace, &lead, told, "clean stop");
    arrives(&stage, &namespace, &mut charts);
    namespace.wait("two ready pods", two);

    // A kill, of which Kubernetes hears only afterwards
    let killed = Utc::now();
    let id = container(&namespace, lead.pod());
    stage.cluster.ctr(["tasks", "kill", "--signal", "SIGKILL", &id]);
    let lead = taken_over(&namespace, &lead, killed, "kill");
    arrives(&stage, &namespace, &mut charts);
    namespace.wait("two ready pods", two);

    // A leader that stands still, as on a node that is overloaded or cut off, and comes back as no leader
    let stopped = Utc::now();
    let id = container(&namespace, lead.pod());
    stage.cluster.ctr(["tasks", "pause", &id]);
    let next = taken_over(&namespace, &lead, stopped, "standstill");
    arrives(&stage, &namespace, &mut charts);
    stage.cluster.ctr(["tasks", "resume", &id]);
    namespace.wait("two ready pods", two);
    assert_eq!(leader(&namespace).unwrap().identity, next.identity);

    // A rolling upgrade: both pods are others afterwards, and what is published meanwhile arrives
    let before = namespace.wait("two ready pods", two);
    values["podAnnotations"] = json!({"example.com/upgrade": "1"});
    std::thread::scope(|scope| {
        let upgrade = scope.spawn(|| install(&namespace, &helm, &values));
        arrives(&stage, &namespace, &mut charts);
        upgrade.join().unwrap();
    });
    let after = namespace.wait("two other pods", || {
        two().filter(|pods| pods.is_disjoint(&before))
    });
    let lead = namespace.wait("a leader of the new pods", || {
        leader(&namespace).filter(|lead| after.contains(lead.pod()))
    });
    arrives(&stage, &namespace, &mut charts);
    eprintln!(
        "cluster: first {first:?}, after the upgrade {after:?}, of which {} leads",
        lead.pod()
    );
}

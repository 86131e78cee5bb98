//! The Helm chart and the plain manifests: what real Helm renders of them, and what Kubernetes would say to that.

mod documents;
mod examples;
mod modes;
mod publish;
mod refusals;
mod safety;
mod schemas;
mod trust;
mod values;

use std::path::{Path, PathBuf};

use serde_yaml::Value;

use crate::support::helm::Helm;

/// What every rendering needs; a case adds to it.
const BASE: &str = r#"
image: {repository: registry.example.com/chartferry}
config: |
  [[mirror]]
  name = "ingress-nginx"
  source = "https://kubernetes.github.io/ingress-nginx"
  targets = ["oci://registry.example.com/charts"]
"#;

/// Without a cluster, Helm 3 as `go install` builds it believes in Kubernetes 1.20, which the chart refuses.
const KUBERNETES: &str = "--kube-version=1.34.4";

/// Values that people set, by a name for messages. Each is rendered by both Helms, judged by Kubernetes' schemas, and its pods
/// by the restricted profile.
const CASES: &[(&str, &str)] = &[
    ("service", ""),
    ("two replicas", "replicas: 2"),
    ("cronjob", "mode: cronjob"),
    ("job", "mode: job"),
    (
        "a service with everything",
        r#"
replicas: 2
image: {repository: registry.example.com/chartferry, digest: "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", pullPolicy: Always}
imagePullSecrets: [{name: pull}]
fullnameOverride: mirrors
registryCredentials: {existingSecret: registry, key: config.json}
secretMounts: [{name: harbor-robot}, {name: keys}]
caBundle: {configMap: company-ca, key: bundle.pem}
env: [{name: HTTPS_PROXY, value: "http://proxy:3128"}, {name: TOKEN, valueFrom: {secretKeyRef: {name: a, key: b}}}]
envFrom: [{secretRef: {name: more}}]
extraArgs: [-v]
log: {level: debug, format: text}
graceSeconds: 60
http: {triggerToken: {existingSecret: trigger, key: bearer}}
service: {type: NodePort, port: 80, annotations: {a: b}}
lease: {name: chartferry-leader}
serviceAccount: {annotations: {eks.amazonaws.com/role-arn: "arn:aws:iam::1:role/charts"}}
labels: {team: platform, app.kubernetes.io/name: nonsense}
annotations: {owner: platform}
podLabels: {azure.workload.identity/use: "true", team: pods}
podAnnotations: {sidecar.istio.io/inject: "false"}
nodeSelector: {kubernetes.io/os: linux}
tolerations: [{key: batch, operator: Exists}]
affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: arch, operator: In, values: [amd64]}]}]}}}
topologySpreadConstraints: [{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: DoNotSchedule, labelSelector: {matchLabels: {a: b}}}]
priorityClassName: low
hostAliases: [{ip: 10.0.0.1, hostnames: [registry.example.com]}]
dnsConfig: {options: [{name: ndots, value: "1"}]}
extraVolumes: [{name: charts, configMap: {name: charts}}]
extraVolumeMounts: [{name: charts, mountPath: /charts, readOnly: true}]
networkPolicy:
  enabled: true
  extraEgress: [{ports: [{port: 5000, protocol: TCP}], to: [{ipBlock: {cidr: 10.0.0.0/8}}]}]
  ingressNamespaces: [monitoring, ingress]
  extraIngress: [{from: [{ipBlock: {cidr: 10.1.0.0/16}}]}]
serviceMonitor: {enabled: true, interval: 30s, scrapeTimeout: 10s, labels: {release: prometheus, team: other}}
prometheusRule: {enabled: true, labels: {release: prometheus}}
dashboard: {enabled: true, annotations: {grafana_folder: charts}}
"#,
    ),
    (
        "a service with a volume",
        "persistence: {enabled: true, storageClass: fast, accessModes: [ReadWriteOncePod], size: 5Gi, annotations: {a: b}}",
    ),
    (
        "a volume of its own class",
        "persistence: {enabled: true, storageClass: '-', keep: false}",
    ),
    (
        "a cronjob with everything",
        r#"
mode: cronjob
config: ""
existingConfigMap: {name: settings, key: ferry.toml}
registryCredentials: {dockerConfigJson: '{"auths":{}}'}
caBundle: {secret: company-ca}
run: {mirrors: [ingress-nginx, cert-manager], exitZeroOn: [3, 6], backoffLimit: 0, activeDeadlineSeconds: 7200, ttlSecondsAfterFinished: 0}
cronjob: {schedule: "@daily", timeZone: Europe/Berlin, suspend: true, startingDeadlineSeconds: 10, successfulJobsHistoryLimit: 0, failedJobsHistoryLimit: 1}
persistence: {enabled: true, existingClaim: charts}
serviceAccount: {create: false, name: robot}
networkPolicy: {enabled: true, egressPorts: [443]}
"#,
    ),
    (
        "a job with everything",
        r"
mode: job
run: {exitZeroOn: [75], activeDeadlineSeconds: 60, ttlSecondsAfterFinished: 86400}
job: {shards: 16, parallelism: 3, maxFailedIndexes: 2, run: 7}
networkPolicy: {enabled: true}
",
    ),
    (
        "a cluster that chooses users",
        "podSecurityContext: {runAsUser: null, runAsGroup: null, fsGroup: null}\nserviceAccount: {create: false}",
    ),
    (
        "nothing that can be left out",
        "replicas: 2\nlog: {level: '', format: ''}\nresources: {requests: null, limits: null}\npodDisruptionBudget: {enabled: false}\nnetworkPolicy: {enabled: true, egressPorts: []}\ncronjob: {timeZone: ''}",
    ),
    (
        "as part of another chart",
        "global: {storageClass: fast}\nmode: cronjob\ncronjob: {timeZone: ''}",
    ),
];

/// One object that Helm would send to Kubernetes.
#[derive(Debug, Clone, PartialEq)]
struct Object(Value);

impl Object {
    fn kind(&self) -> &str {
        self.0["kind"].as_str().unwrap()
    }

    fn name(&self) -> &str {
        self.0["metadata"]["name"].as_str().unwrap()
    }

    /// The specification of the pods that it makes, if it makes some.
    fn pod(&self) -> Option<&Value> {
        match self.kind() {
            "Deployment" | "Job" => Some(&self.0["spec"]["template"]["spec"]),
            "CronJob" => Some(&self.0["spec"]["jobTemplate"]["spec"]["template"]["spec"]),
            "Pod" => Some(&self.0["spec"]),
            _ => None,
        }
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn chart() -> PathBuf {
    root().join("deploy/helm/chartferry")
}

/// Runs `helm template` of the release `chartferry` in the namespace `chartferry`; its error words if it refuses.
fn template(helm: &Helm, values: &str) -> Result<String, String> {
    let home = helm.home();
    std::fs::write(home.join("base.yaml"), BASE).unwrap();
    std::fs::write(home.join("case.yaml"), values).unwrap();
    let chart = chart();
    let chart = chart.to_str().unwrap();
    let output = helm.run([
        "template",
        "chartferry",
        chart,
        "--namespace=chartferry",
        KUBERNETES,
        "--values=base.yaml",
        "--values=case.yaml",
    ]);
    if output.status.success() {
        Ok(String::from_utf8(output.stdout).unwrap())
    } else {
        Err(String::from_utf8(output.stderr).unwrap())
    }
}

/// The objects of [`template`].
fn render(helm: &Helm, values: &str) -> Vec<Object> {
    let text =
        template(helm, values).unwrap_or_else(|words| panic!("helm {}: {values}\n{words}", helm.version));
    objects(&text)
}

fn objects(text: &str) -> Vec<Object> {
    serde_yaml::Deserializer::from_str(text)
        .map(|document| <Value as serde::Deserialize>::deserialize(document).unwrap())
        .filter(|value| !value.is_null())
        .map(Object)
        .collect()
}

/// The only object of a kind.
fn one<'a>(objects: &'a [Object], kind: &str) -> &'a Value {
    let mut found = objects.iter().filter(|object| object.kind() == kind);
    let object = found.next().unwrap_or_else(|| panic!("no {kind}"));
    assert!(found.next().is_none(), "several of {kind}");
    &object.0
}

fn yaml(text: &str) -> Value {
    serde_yaml::from_str(text).unwrap()
}

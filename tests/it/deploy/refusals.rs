//! Values that cannot work are refused before anything is installed, with words that name the value.

use super::{chart, template};
use crate::support::helm::Helm;

/// Wrong by themselves: the schema says so. The words are parts of what both Helms print.
const WRONG: &[(&str, &[&str])] = &[
    ("mode: daemon", &["mode"]),
    ("replica: 2", &["replica"]),
    ("replicas: 3", &["replicas"]),
    ("replicas: '2'", &["replicas"]),
    ("image: {digest: sha256:abc}", &["digest"]),
    ("image: {repository: 'r.io/c@sha256:1'}", &["repository"]),
    ("image: {name: a}", &["image", "name"]),
    ("networkPolicy: {enabeld: true}", &["enabeld"]),
    ("networkPolicy: {egressPorts: [0]}", &["egressPorts"]),
    ("networkPolicy: {egressPorts: ['443']}", &["egressPorts"]),
    ("run: {exitZeroOn: [1]}", &["exitZeroOn"]),
    ("run: {exitZeroOn: 3}", &["exitZeroOn"]),
    ("run: {mirrors: ['--dry-run']}", &["mirrors"]),
    ("cronjob: {schedule: '* * * *'}", &["schedule"]),
    ("cronjob: {schedule: '0 * * * * *'}", &["schedule"]),
    (
        "cronjob: {startingDeadlineSeconds: 5}",
        &["startingDeadlineSeconds"],
    ),
    ("job: {shards: 0}", &["shards"]),
    ("podSecurityContext: {runAsUser: 0}", &["runAsUser"]),
    ("podSecurityContext: {runAsNonRoot: false}", &["runAsNonRoot"]),
    ("securityContext: {privileged: true}", &["securityContext"]),
    ("persistence: {size: big}", &["size"]),
    ("persistence: {accessModes: [ReadOnlyMany]}", &["accessModes"]),
    ("labels: {a: 1}", &["labels"]),
    ("secretMounts: [harbor]", &["secretMounts"]),
    ("secretMounts: [{name: a, path: /etc}]", &["secretMounts"]),
    ("graceSeconds: 25s", &["graceSeconds"]),
    ("config: {mirror: []}", &["config"]),
];

/// Right by themselves, but not together.
const CONTRADICTIONS: &[(&str, &[&str])] = &[
    (
        "image: {repository: ''}\nconfig: ''",
        &["`image.repository` is empty", "there is no configuration"],
    ),
    (
        "existingConfigMap: {name: mine}",
        &["`config` and `existingConfigMap.name` are both given"],
    ),
    (
        "registryCredentials: {existingSecret: a, dockerConfigJson: '{}'}",
        &["`registryCredentials.existingSecret` and `registryCredentials.dockerConfigJson`"],
    ),
    (
        "caBundle: {configMap: a, secret: b}",
        &["`caBundle.configMap` and `caBundle.secret`"],
    ),
    (
        "persistence: {existingClaim: a}",
        &["`persistence.existingClaim` has no effect without `persistence.enabled`"],
    ),
    (
        "replicas: 2\npersistence: {enabled: true}",
        &["two replicas cannot share a state folder"],
    ),
    (
        "run: {mirrors: [a], exitZeroOn: [3], activeDeadlineSeconds: 9, ttlSecondsAfterFinished: 9}",
        &[
            "`run.mirrors` has no effect in mode `service`",
            "`run.exitZeroOn` has",
            "`run.activeDeadlineSeconds` has",
            "`run.ttlSecondsAfterFinished` has",
        ],
    ),
    (
        "mode: cronjob\nreplicas: 2\nlease: {name: a}\nserviceMonitor: {enabled: true}\nprometheusRule: {enabled: true}\ndashboard: {enabled: true}\nhttp: {triggerToken: {existingSecret: a}}\nnetworkPolicy: {ingressNamespaces: [a]}",
        &[
            "`replicas` needs mode `service`; the mode is `cronjob`",
            "`lease.name` needs",
            "`serviceMonitor.enabled` needs",
            "`prometheusRule.enabled` needs",
            "`dashboard.enabled` needs",
            "`http.triggerToken.existingSecret` needs",
            "`networkPolicy.ingressNamespaces` needs",
        ],
    ),
    (
        "env: [{name: CHARTFERRY__GRACE, value: 9s}, {name: DOCKER_CONFIG, value: /a}]\nregistryCredentials: {existingSecret: a}",
        &[
            "`env` sets `CHARTFERRY__GRACE`, which the chart sets; use `graceSeconds`",
            "`env` sets `DOCKER_CONFIG`, which the chart sets; use one of the two, it or `registryCredentials`",
        ],
    ),
    (
        "lease: {name: a}",
        &["`lease.name` has no effect with one replica"],
    ),
    (
        "mode: job\npersistence: {enabled: true}\njob: {shards: 2, parallelism: 3, maxFailedIndexes: 4}",
        &[
            "the pods of a Job cannot share a state folder",
            "`job.parallelism` is 3, but there are 2 `job.shards`",
            "`job.maxFailedIndexes` is 4, but there are 2 `job.shards`",
        ],
    ),
];

#[test]
fn wrong_values_are_refused_by_the_schema() {
    for helm in Helm::all() {
        for (values, words) in WRONG {
            let Err(error) = template(&helm, values) else {
                panic!("helm {} takes {values}", helm.version);
            };
            assert!(error.contains("schema"), "{values}: {error}");
            for word in *words {
                assert!(error.contains(word), "{values}: `{word}` is not in {error}");
            }
        }
    }
}

/// All at once, as `chartferry config check` does.
#[test]
fn contradictions_are_refused_in_plain_words() {
    for helm in Helm::all() {
        for (values, words) in CONTRADICTIONS {
            let Err(error) = template(&helm, values) else {
                panic!("helm {} takes {values}", helm.version);
            };
            assert!(
                error.contains("chartferry cannot be installed with these values"),
                "{error}"
            );
            for word in *words {
                assert!(error.contains(word), "{values}: `{word}` is not in {error}");
            }
            assert_eq!(error.matches("\n  - ").count(), words.len(), "{values}: {error}");
        }
    }
}

#[test]
fn an_old_kubernetes_is_refused() {
    for helm in Helm::all() {
        std::fs::write(helm.home().join("values.yaml"), super::BASE).unwrap();
        let run = |version: &str| {
            let chart = chart();
            helm.run([
                "template",
                chart.to_str().unwrap(),
                "--values=values.yaml",
                "--kube-version",
                version,
            ])
        };
        assert!(!run("1.28.9").status.success());
        for version in ["1.29.0", "1.33.4-gke.1234", "1.37.2"] {
            assert!(run(version).status.success(), "{version}");
        }
    }
}

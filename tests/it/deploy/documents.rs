//! What the documents show of Helm is what Helm takes: commands with their flags, and values.

use super::{BASE, KUBERNETES, chart, root, template, yaml};
use crate::support::ferry::Ferry;
use crate::support::helm::{Helm, words};

const DOCUMENTS: [&str; 2] = ["docs/kubernetes.md", "deploy/helm/chartferry/README.md"];

/// The blocks of a language.
fn blocks(document: &str, language: &str) -> Vec<String> {
    let text = std::fs::read_to_string(root().join(document)).unwrap();
    let begin = format!("```{language}\n");
    let blocks = text.split(&begin).skip(1);
    blocks
        .map(|block| block.split("```").next().unwrap().to_owned())
        .collect()
}

/// Commands that install from here are rendered in their place; of the others each flag must exist.
#[test]
fn helm_takes_the_commands_that_are_shown() {
    for helm in Helm::all() {
        let home = helm.home();
        std::fs::write(home.join("values.yaml"), &blocks(DOCUMENTS[0], "yaml")[0]).unwrap();
        std::fs::write(home.join("config.toml"), yaml(BASE)["config"].as_str().unwrap()).unwrap();
        std::fs::create_dir_all(home.join("deploy/helm")).unwrap();
        std::os::unix::fs::symlink(chart(), home.join("deploy/helm/chartferry")).unwrap();
        let mut seen = 0;
        for block in DOCUMENTS
            .into_iter()
            .flat_map(|document| blocks(document, "console"))
        {
            for command in block.lines().filter_map(|line| line.strip_prefix("$ helm ")) {
                let args: Vec<_> = command.split(' ').collect();
                if args[0] == "install" && !command.contains("oci://") {
                    helm.ok([&["template", KUBERNETES], &args[1..]].concat());
                }
                let output = helm.run([args.as_slice(), &["--help"]].concat());
                assert!(output.status.success(), "{command}: {}", words(&output));
                seen += 1;
            }
        }
        assert!(seen >= 6, "only {seen} commands");
    }
}

/// Each block of values can be installed as it stands.
#[test]
fn the_values_that_are_shown_are_taken() {
    for helm in Helm::all() {
        let mut seen = 0;
        for values in DOCUMENTS
            .into_iter()
            .flat_map(|document| blocks(document, "yaml"))
        {
            template(&helm, &values).unwrap_or_else(|error| panic!("{values}\n{error}"));
            seen += 1;
        }
        assert!(seen >= 10, "only {seen} blocks");
    }
}

/// Paths that the documents name for the configuration are those of the mounts.
#[test]
fn the_paths_that_are_shown_are_mounted() {
    let Some(helm) = Helm::v4() else { return };
    let rendered = template(
        &helm,
        "registryCredentials: {existingSecret: a}\nsecretMounts: [{name: harbor-robot}]\ncaBundle: {secret: b}\nhttp: {triggerToken: {existingSecret: c}}",
    )
    .unwrap();
    let text = std::fs::read_to_string(root().join(DOCUMENTS[0])).unwrap();
    for (shown, mounted) in [
        (
            "/run/secrets/chartferry-registry/config.json",
            "/run/secrets/chartferry-registry",
        ),
        (
            "/run/secrets/chartferry/harbor-robot/password",
            "/run/secrets/chartferry/harbor-robot",
        ),
        ("/etc/chartferry-ca/ca.crt", "/etc/chartferry-ca"),
        (
            "/run/secrets/chartferry-trigger/token",
            "/run/secrets/chartferry-trigger",
        ),
    ] {
        assert!(text.contains(shown), "{shown}");
        assert!(rendered.contains(&format!("mountPath: {mounted}\n")), "{mounted}");
    }
}

/// The configurations in manifests and documents are good ones.
#[test]
fn configurations_in_manifests_are_good() {
    for name in ["cronjob", "job-sharded"] {
        let path = root().join(format!("examples/kubernetes/{name}.yaml"));
        let objects = super::objects(&std::fs::read_to_string(path).unwrap());
        let config = &super::one(&objects, "ConfigMap")["data"]["config.toml"];
        let ferry = Ferry::new();
        std::fs::write(ferry.home().join("config.toml"), config.as_str().unwrap()).unwrap();
        let outcome = ferry.run(["config", "check", "config.toml"]).expect(0);
        assert_eq!(outcome.stderr, "", "{name}");
    }
}

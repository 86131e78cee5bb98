//! What Kubernetes itself would say to every object: kubeconform with schemas made from the `OpenAPI` documents of the oldest
//! version that the chart claims to work with and of a recent one, and from the Prometheus operator's definitions.
//!
//! Closed: a misspelt field is an error, as with the API server's strict validation.

use std::path::Path;
use std::process::Command;

use serde_json::{Map, Value, json};
use tempfile::TempDir;

use super::{CASES, root, template};
use crate::support::helm::{Helm, words};
use crate::support::tools::Tool;

/// Closes every object that lists its properties and points references into the file of definitions.
fn closed(node: &Value, definitions: &str) -> Value {
    match node {
        Value::Object(fields) if fields.get("format") == Some(&json!("int-or-string")) => either(),
        Value::Object(fields) if fields.get("x-kubernetes-int-or-string") == Some(&json!(true)) => either(),
        Value::Object(fields) => {
            if let Some(Value::String(reference)) = fields.get("$ref") {
                return json!({"$ref": reference.replacen("#/", &format!("{definitions}#/"), 1)});
            }
            let mut new: Map<_, _> = fields
                .iter()
                .filter(|(key, value)| *key != "description" || !value.is_string())
                .map(|(key, value)| (key.clone(), closed(value, definitions)))
                .collect();
            let open = fields.contains_key("x-kubernetes-preserve-unknown-fields");
            if fields.get("properties").is_some_and(Value::is_object) && !open {
                new.entry("additionalProperties").or_insert(json!(false));
            }
            Value::Object(new)
        }
        Value::Array(items) => items.iter().map(|item| closed(item, definitions)).collect(),
        other => other.clone(),
    }
}

fn either() -> Value {
    json!({"oneOf": [{"type": "string"}, {"type": "integer"}]})
}

/// Says which kind and version a schema is for, where a definition says only that there is one.
fn pin(schema: &mut Value, kind: &str, api: &str) {
    schema["properties"]["kind"] = json!({"const": kind});
    schema["properties"]["apiVersion"] = json!({"const": api});
    let mut required = schema["required"].as_array().cloned().unwrap_or_default();
    required.extend([json!("kind"), json!("apiVersion")]);
    required.sort_by_key(ToString::to_string);
    required.dedup();
    schema["required"] = required.into();
}

/// kubeconform's own rule for the names of files.
fn write(folder: &Path, schema: &Value, kind: &str, group: &str, version: &str) {
    let group = group.split('.').next().unwrap_or_default();
    let dash = if group.is_empty() { "" } else { "-" };
    let name = format!("{}{dash}{group}-{version}.json", kind.to_lowercase());
    std::fs::write(folder.join(name), schema.to_string()).unwrap();
}

fn of_kubernetes(document: &Path, folder: &Path) {
    let document: Value = serde_json::from_slice(&std::fs::read(document).unwrap()).unwrap();
    let definitions = document["definitions"].as_object().unwrap();
    let mut inner = Map::new();
    for (name, definition) in definitions {
        inner.insert(name.clone(), closed(definition, ""));
        let kinds = definition["x-kubernetes-group-version-kind"]
            .as_array()
            .into_iter()
            .flatten();
        for kind in kinds {
            let text = |key: &str| kind[key].as_str().unwrap();
            // `DeleteOptions` and `WatchEvent` belong to every group and are no objects
            if !name.ends_with(&format!(".{}", text("kind"))) || !definition["properties"]["kind"].is_object()
            {
                continue;
            }
            let mut schema = closed(definition, "_definitions.json");
            let api = [text("group"), text("version")].join("/");
            pin(&mut schema, text("kind"), api.trim_start_matches('/'));
            write(folder, &schema, text("kind"), text("group"), text("version"));
        }
    }
    inner.insert(
        "io.k8s.apimachinery.pkg.api.resource.Quantity".to_owned(),
        json!({"type": ["string", "number"]}),
    );
    let all = json!({"definitions": inner}).to_string();
    std::fs::write(folder.join("_definitions.json"), all).unwrap();
}

fn of_operator(document: &Path, folder: &Path) {
    let text = std::fs::read_to_string(document).unwrap();
    let mut found = 0;
    for document in serde_yaml::Deserializer::from_str(&text) {
        let definition: Value = serde::Deserialize::deserialize(document).unwrap();
        let (kind, group) = (&definition["spec"]["names"]["kind"], &definition["spec"]["group"]);
        let (kind, group) = (kind.as_str().unwrap(), group.as_str().unwrap());
        for version in definition["spec"]["versions"].as_array().unwrap() {
            let name = version["name"].as_str().unwrap();
            let mut schema = closed(&version["schema"]["openAPIV3Schema"], "");
            pin(&mut schema, kind, &format!("{group}/{name}"));
            // The definition leaves it open; it is Kubernetes' own
            schema["properties"]["metadata"] = json!({"type": "object"});
            write(folder, &schema, kind, group, name);
            found += 1;
        }
    }
    assert_eq!(found, 2, "ServiceMonitor and PrometheusRule");
}

/// The judge, with the schemas of one version of Kubernetes.
struct Judge {
    binary: std::path::PathBuf,
    schemas: TempDir,
    files: TempDir,
}

impl Judge {
    fn new(version: Tool) -> Option<Self> {
        let (binary, document) = (Tool::Kubeconform.find()?, version.find()?);
        let operator = Tool::PrometheusOperator.find()?;
        let schemas = TempDir::new().unwrap();
        of_kubernetes(&document, schemas.path());
        of_operator(&operator, schemas.path());
        Some(Self {
            binary,
            schemas,
            files: TempDir::new().unwrap(),
        })
    }

    fn all() -> Vec<Self> {
        [Tool::KubernetesOldest, Tool::KubernetesNewest]
            .into_iter()
            .filter_map(Self::new)
            .collect()
    }

    fn add(&self, name: &str, text: &str) {
        std::fs::write(self.files.path().join(format!("{name}.yaml")), text).unwrap();
    }

    /// What it says of all files; `Ok` if it takes every object.
    fn verdict(&self) -> Result<String, String> {
        let location = self.schemas.path().join("{{.ResourceKind}}{{.KindSuffix}}.json");
        let output = Command::new(&self.binary)
            .args(["-strict", "-summary", "-schema-location"])
            .arg(location)
            .arg(self.files.path())
            .output()
            .unwrap();
        if output.status.success() {
            Ok(words(&output))
        } else {
            Err(words(&output))
        }
    }
}

#[test]
fn kubernetes_takes_everything_that_is_rendered() {
    let Some(helm) = Helm::v4() else { return };
    for judge in Judge::all() {
        for (case, values) in CASES {
            judge.add(&case.replace(' ', "-"), &template(&helm, values).unwrap());
        }
        let said = judge.verdict().unwrap_or_else(|said| panic!("{said}"));
        assert!(said.contains("Invalid: 0, Errors: 0, Skipped: 0"), "{said}");
    }
}

#[test]
fn kubernetes_takes_the_examples() {
    for judge in Judge::all() {
        for name in ["cronjob", "job-sharded", "service"] {
            let path = root().join(format!("examples/kubernetes/{name}.yaml"));
            judge.add(name, &std::fs::read_to_string(path).unwrap());
        }
        let said = judge.verdict().unwrap_or_else(|said| panic!("{said}"));
        assert!(said.contains("Invalid: 0, Errors: 0, Skipped: 0"), "{said}");
    }
}

/// The judge would find what it is to find: fields misspelt at any depth, wrong types, unknown kinds.
#[test]
fn mistakes_are_found_out() {
    let example = std::fs::read_to_string(root().join("examples/kubernetes/cronjob.yaml")).unwrap();
    let monitor = "apiVersion: monitoring.coreos.com/v1\nkind: ServiceMonitor\nmetadata: {name: a}\nspec: {selector: {}, endpoints: [{port: http, intervall: 30s}]}";
    for judge in Judge::all() {
        for (right, wrong) in [
            ("concurrencyPolicy", "concurencyPolicy"),
            ("onExitCodes", "onExitCode"),
            ("readOnlyRootFilesystem: true", "readOnlyRootFileSystem: true"),
            ("backoffLimit: 1", "backoffLimit: one"),
            ("secretName: ", "name: "),
            ("kind: CronJob", "kind: CronJobs"),
        ] {
            assert!(example.contains(right), "{right}");
            judge.add("mistake", &example.replace(right, wrong));
            assert!(judge.verdict().is_err(), "{wrong}");
        }
        judge.add("mistake", monitor);
        assert!(judge.verdict().is_err(), "intervall");
        judge.add("mistake", &monitor.replace("intervall", "interval"));
        judge.verdict().unwrap();
    }
}

//! `values.yaml`, its schema and the table in the chart's README say the same: every value, its default and what it is for.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use super::chart;

/// One value of `values.yaml`.
struct Documented {
    /// `image.tag`.
    path: String,
    default: Value,
    text: String,
}

fn read(name: &str) -> String {
    std::fs::read_to_string(chart().join(name)).unwrap()
}

/// The values with the `# --` comments above them, in the order of the file.
fn documented() -> Vec<Documented> {
    let text = read("values.yaml");
    let defaults: Value = serde_yaml::from_str(&text).unwrap();
    let (mut found, mut path, mut comment) = (Vec::new(), Vec::<String>::new(), None::<String>);
    for line in text.lines() {
        let bare = line.trim_start();
        if let Some(begin) = bare.strip_prefix("# -- ") {
            comment = Some(begin.to_owned());
        } else if let Some(more) = bare.strip_prefix("# ") {
            if let Some(text) = &mut comment {
                *text = format!("{text} {more}");
            }
        } else if let Some((key, _)) = bare.split_once(':') {
            path.truncate((line.len() - bare.len()) / 2);
            path.push(key.to_owned());
            if let Some(text) = comment.take() {
                let default = path.iter().fold(&defaults, |value, key| &value[key.as_str()]);
                found.push(Documented {
                    path: path.join("."),
                    default: default.clone(),
                    text,
                });
            }
        }
    }
    found
}

/// Paths of everything that may be set, with what the schema says of it.
fn leaves(schema: &Value, path: &str, found: &mut BTreeMap<String, Value>) {
    for (key, inner) in schema["properties"].as_object().unwrap() {
        let path = if path.is_empty() {
            key.clone()
        } else {
            format!("{path}.{key}")
        };
        if inner["description"].is_string() {
            found.insert(path, inner.clone());
        } else {
            assert_eq!(inner["additionalProperties"], false, "`{path}` takes anything");
            leaves(inner, &path, found);
        }
    }
}

/// Every path of the defaults down to the documented ones.
fn paths(value: &Value, path: &str, documented: &BTreeMap<&str, &Documented>, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) if !documented.contains_key(path) => {
            for (key, value) in fields {
                let path = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                paths(value, &path, documented, found);
            }
        }
        _ => found.push(path.to_owned()),
    }
}

#[test]
fn the_schema_knows_the_values_and_no_others() {
    let schema: Value = serde_json::from_str(&read("values.schema.json")).unwrap();
    assert_eq!(schema["additionalProperties"], false);
    let mut known = BTreeMap::new();
    leaves(&schema, "", &mut known);
    known.remove("global");
    let all = documented();
    for value in &all {
        let schema = known.remove(&value.path);
        let schema = schema.unwrap_or_else(|| panic!("`{}` is not in the schema", value.path));
        assert_eq!(schema["description"], value.text, "{}", value.path);
        assert!(
            jsonschema::is_valid(&schema, &value.default),
            "the default of `{}` is refused",
            value.path
        );
    }
    assert!(known.is_empty(), "not in values.yaml: {:?}", known.keys());
    // And no value is without a description
    let by_path = all.iter().map(|value| (value.path.as_str(), value)).collect();
    let defaults: Value = serde_yaml::from_str(&read("values.yaml")).unwrap();
    let mut found = Vec::new();
    paths(&defaults, "", &by_path, &mut found);
    let bare: Vec<_> = found
        .iter()
        .filter(|path| !by_path.contains_key(path.as_str()))
        .collect();
    assert!(bare.is_empty(), "without a `# --` line: {bare:?}");
    assert!(all.len() > 80, "{} values", all.len());
}

const BEGIN: &str = "<!-- from values.yaml; written anew by a test with CHARTFERRY_BLESS=1 -->\n";
const END: &str = "<!-- end -->";

#[test]
fn the_readme_has_every_value() {
    let mut table = String::from("| value | default | what it is for |\n|---|---|---|\n");
    for value in documented() {
        let default = value.default.to_string().replace('|', "\\|");
        let text = value.text.replace('|', "\\|");
        writeln!(table, "| `{}` | `{default}` | {text} |", value.path).unwrap();
    }
    let readme = read("README.md");
    let (before, rest) = readme
        .split_once(BEGIN)
        .expect("the README has a place for the table");
    let (shown, after) = rest.split_once(END).expect("the table has an end");
    if std::env::var_os("CHARTFERRY_BLESS").is_some() {
        std::fs::write(
            chart().join("README.md"),
            [before, BEGIN, &table, END, after].concat(),
        )
        .unwrap();
        return;
    }
    assert_eq!(
        shown, table,
        "the table is stale: run this test with CHARTFERRY_BLESS=1"
    );
}

/// The chart is of the same version as the program that it installs.
#[test]
fn the_chart_installs_this_version() {
    let about: Value = serde_yaml::from_str(&read("Chart.yaml")).unwrap();
    assert_eq!(about["appVersion"], env!("CARGO_PKG_VERSION"));
    assert_eq!(about["name"], env!("CARGO_PKG_NAME"));
}

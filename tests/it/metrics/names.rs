//! Names in rules, dashboard and documentation: each leads somewhere.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{DASHBOARD, RULES, promtool, read, said, sample};
use crate::support::tools::Tool;

/// Names of alerts in the rules.
pub(super) fn alerts(rules: &str) -> Vec<&str> {
    let alerts: Vec<_> = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "))
        .collect();
    assert!(alerts.len() > 10, "{alerts:?}");
    alerts
}

/// Names of metrics that the documentation lists, with those that a histogram adds.
fn documented() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for row in read("docs/metrics.md").lines() {
        let Some(rest) = row.strip_prefix("| `") else {
            continue;
        };
        let Some((name, rest)) = rest.split_once("` | ") else {
            continue;
        };
        if named(name).is_empty() {
            continue; // a table of words
        }
        if rest.starts_with("histogram") {
            names.extend(["_bucket", "_sum", "_count"].map(|end| format!("{name}{end}")));
        }
        names.insert(name.to_owned());
    }
    assert!(names.len() > 30, "{names:?}");
    names
}

/// Words of a text that are names of metrics of ours, or of the process.
fn named(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .filter(|word| word.starts_with("chartferry_") || word.starts_with("process_"))
        .map(str::to_owned)
        .collect()
}

fn queries(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                match (key.as_str(), value) {
                    ("expr" | "query" | "definition", Value::String(text)) => found.push(text.clone()),
                    _ => queries(value, found),
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|value| queries(value, found)),
        _ => {}
    }
}

#[test]
fn rules_and_dashboard_ask_for_metrics_that_exist() {
    let documented = documented();
    let dashboard: Value = serde_json::from_str(&read(DASHBOARD)).unwrap();
    let mut asked = Vec::new();
    queries(&dashboard, &mut asked);
    assert!(asked.len() > 15, "{asked:?}");
    for (place, text) in [(RULES, read(RULES)), (DASHBOARD, asked.join("\n"))] {
        let named = named(&text);
        assert!(named.len() > 8, "{place}: {named:?}");
        let unknown: Vec<_> = named.difference(&documented).collect();
        assert!(unknown.is_empty(), "{place}: {unknown:?}");
    }
}

/// The other way round: what is documented is rendered (the unit tests compare labels and figures as well).
#[test]
fn what_is_documented_is_rendered() {
    let text = sample::text();
    for name in documented() {
        let begins = |line: &&str| {
            line.strip_prefix(name.as_str())
                .is_some_and(|rest| rest.starts_with(['{', ' ', '_']))
        };
        let linux_only = name.starts_with("process_") && !cfg!(target_os = "linux");
        assert!(linux_only || text.lines().any(|line| begins(&line)), "{name}");
    }
}

#[test]
fn every_alert_leads_to_a_section_of_the_documentation() {
    let (rules, operations) = (read(RULES), read("docs/operations.md"));
    for alert in alerts(&rules) {
        let anchor = format!("runbook: docs/operations.md#{}\n", alert.to_lowercase());
        assert!(rules.contains(&anchor), "{alert} has no `{anchor}`");
        let section = operations.split(&format!("\n### {alert}\n")).nth(1);
        let section = section.unwrap_or_else(|| panic!("docs/operations.md has no section {alert}"));
        let section = section.split("\n#").next().unwrap();
        for part in ["**Means:**", "**Look at:**", "**Do:**"] {
            assert!(section.contains(part), "{alert} lacks {part}");
        }
    }
}

/// A dashboard that another Grafana can import: no ids of the one it was made in.
#[test]
fn the_dashboard_belongs_to_no_installation() {
    let dashboard: Value = serde_json::from_str(&read(DASHBOARD)).unwrap();
    assert_eq!(dashboard["id"], Value::Null);
    let panels = dashboard["panels"].as_array().unwrap();
    let mut ids = BTreeSet::new();
    for panel in panels {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{panel}");
        if panel["type"] == "row" {
            continue;
        }
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{panel}");
        assert!(!panel["title"].as_str().unwrap().is_empty());
        assert!(!panel["description"].as_str().unwrap().is_empty(), "{panel}");
        for target in panel["targets"].as_array().unwrap() {
            let query = target["expr"].as_str().unwrap();
            assert!(query.contains("namespace=~\"$namespace\""), "{query}");
            assert!(query.contains("job=~\"$job\""), "{query}");
        }
    }
    // They lie side by side: none upon another, none beyond the edge.
    let mut taken = BTreeSet::new();
    for panel in panels {
        let at = |key: &str| panel["gridPos"][key].as_u64().unwrap();
        assert!(at("x") + at("w") <= 24, "{panel}");
        for x in at("x")..at("x") + at("w") {
            for y in at("y")..at("y") + at("h") {
                assert!(taken.insert((x, y)), "{} lies upon another", panel["title"]);
            }
        }
    }
}

/// Prometheus parses each query of the dashboard, as a rule that records it.
#[test]
fn the_queries_of_the_dashboard_are_queries() {
    let Some(tool) = Tool::Promtool.find() else { return };
    let dashboard: Value = serde_json::from_str(&read(DASHBOARD)).unwrap();
    let mut asked = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        queries(panel, &mut asked);
    }
    let rules: Vec<Value> = asked
        .iter()
        .enumerate()
        .map(|(n, query)| {
            let query = query.replace("$__rate_interval", "5m");
            json!({"record": format!("query_{n}"), "expr": query})
        })
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rules.yaml");
    // JSON is YAML.
    let text = json!({"groups": [{"name": "dashboard", "rules": rules}]}).to_string();
    std::fs::write(&file, text).unwrap();
    let output = promtool(&tool, &["check", "rules", file.to_str().unwrap()]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(
        said(&output).contains(&format!("{} rules found", asked.len())),
        "{}",
        said(&output)
    );
}

/// Links within the document lead to a heading.
#[test]
fn every_anchor_of_the_documentation_is_there() {
    let operations = read("docs/operations.md");
    let anchor = |heading: &str| {
        heading
            .trim_start_matches('#')
            .trim()
            .to_lowercase()
            .replace(' ', "-")
    };
    let headings: BTreeSet<_> = operations
        .lines()
        .filter(|line| line.starts_with('#'))
        .map(anchor)
        .collect();
    let links: Vec<_> = operations
        .split("](#")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
        .collect();
    assert!(links.len() > 5, "{links:?}");
    for link in links {
        assert!(headings.contains(link), "#{link}");
    }
}

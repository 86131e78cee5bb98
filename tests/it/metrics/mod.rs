//! Metrics, alerts and dashboard, read by Prometheus' own programs and compared with each other: a query for a metric that does
//! not exist is silent for ever.

mod names;
mod sample;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::support::tools::Tool;

const RULES: &str = "deploy/helm/chartferry/files/rules.yaml";
const RULE_TESTS: &str = "tests/rules/chartferry.test.yaml";
const DASHBOARD: &str = "deploy/helm/chartferry/files/dashboard.json";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

fn promtool(promtool: &PathBuf, arguments: &[&str]) -> Output {
    let mut command = Command::new(promtool);
    command.args(arguments).current_dir(root());
    command.output().unwrap()
}

#[test]
fn the_rules_are_sound_and_do_what_their_tests_say() {
    let Some(tool) = Tool::Promtool.find() else { return };
    for arguments in [["check", "rules", RULES], ["test", "rules", RULE_TESTS]] {
        let output = promtool(&tool, &arguments);
        assert!(output.status.success(), "{}", said(&output));
    }
}

/// A test for an alert that is missing would be silent as well.
#[test]
fn every_alert_is_tested_with_and_without_its_cause() {
    let tests = read(RULE_TESTS);
    for alert in names::alerts(&read(RULES)) {
        let fires = format!("alertname: {alert}\n        exp_alerts:");
        let silent = format!("alertname: {alert}}}");
        assert!(tests.contains(&fires), "{alert} is never seen to fire");
        assert!(tests.contains(&silent), "{alert} is never seen to be silent");
    }
}

/// `promtool check metrics` reads the older format, in which a counter's description has the ending of its samples.
#[test]
fn prometheus_has_nothing_to_say_against_the_text() {
    let Some(tool) = Tool::Promtool.find() else { return };
    let text = sample::text();
    let folder = tempfile::tempdir().unwrap();
    let older: Vec<String> = text
        .lines()
        .map(|line| {
            let Some((word, rest)) = line.strip_prefix("# ").and_then(|rest| rest.split_once(' ')) else {
                return line.to_owned();
            };
            let (name, rest) = rest.split_once(' ').unwrap();
            let counter = text.contains(&format!("# TYPE {name} counter\n"));
            format!("# {word} {name}{} {rest}", if counter { "_total" } else { "" })
        })
        .collect();
    let file = folder.path().join("metrics.txt");
    std::fs::write(&file, older.join("\n") + "\n").unwrap();
    let output = Command::new(&tool)
        .args(["check", "metrics"])
        .stdin(std::fs::File::open(&file).unwrap())
        .output()
        .unwrap();
    assert!(
        output.status.success() && said(&output).is_empty(),
        "{}",
        said(&output)
    );
}

/// Prometheus' reader of OpenMetrics, which is the one that scrapes us. It wants a time with each sample to store them.
#[test]
fn prometheus_reads_every_sample() {
    let Some(tool) = Tool::Promtool.find() else { return };
    let text = sample::text();
    let folder = tempfile::tempdir().unwrap();
    let (file, blocks) = (folder.path().join("metrics.txt"), folder.path().join("blocks"));
    let timed: Vec<String> = text
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(_) => line.to_owned(),
            None => format!("{line} 1800000000"),
        })
        .collect();
    let samples = timed.iter().filter(|line| !line.starts_with('#')).count();
    assert!(samples > 100, "{samples}");
    std::fs::write(&file, timed.join("\n") + "\n").unwrap();
    let (file, blocks) = (file.to_str().unwrap(), blocks.to_str().unwrap());
    let output = promtool(
        &tool,
        &["tsdb", "create-blocks-from", "openmetrics", file, blocks],
    );
    assert!(output.status.success(), "{}", said(&output));
    // What it wants of a database besides blocks.
    std::fs::create_dir(folder.path().join("blocks/wal")).unwrap();
    let output = promtool(&tool, &["tsdb", "dump", blocks]);
    let stored = said(&output);
    assert_eq!(stored.lines().count(), samples, "{stored}");
    assert!(stored.contains("mirror=\"quay\""), "{stored}");
}

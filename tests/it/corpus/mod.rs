//! Runs `chartferry migrate` on every folder of `tests/corpus` and compares what it says with the folder's `expect.json`.
//!
//! A new case is a new folder: `tests/corpus/README.md` describes the files in it. `CHARTFERRY_CORPUS=B12` runs the cases whose
//! name begins so.

mod case;
mod recipe;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use case::{Case, Expected, Want};
use tempfile::TempDir;

use crate::support::chart_repo::ChartRepo;
use crate::support::ferry::{Ferry, Outcome, elements};
use crate::support::helm::{Helm, words};
use crate::support::registry::Registry;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")
}

/// The folders of rows, sorted; `config` beside them is for another runner.
fn cases() -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(root())
        .unwrap()
        .map(Result::unwrap)
        .filter(|entry| entry.file_type().unwrap().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .filter(|name| name.starts_with('B'))
        .collect();
    names.sort();
    names
}

#[test]
fn every_case_can_be_laid_out_and_has_a_row() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let mut rows = BTreeSet::new();
    for name in cases() {
        let (row, slug) = name.split_once('-').expect("a case is named `<row>-<slug>`");
        assert!(!slug.is_empty(), "{name}");
        rows.insert(row.to_owned());
        let case = Case::read(&root().join(&name)).unwrap_or_else(|problem| panic!("{name}: {problem}"));
        let folder = TempDir::new().unwrap();
        case.lay_out(folder.path(), "http://charts.example.org");
        assert!(
            folder.path().join("index.yaml").is_file(),
            "{name} has no index.yaml"
        );
    }
    for number in 1..=56 {
        let row = format!("B{number:02}");
        assert!(
            rows.contains(&row) || readme.contains(&format!("- {row} ")),
            "{row} has no case, and the README does not say where it is tested"
        );
    }
}

/// What is expected of an archive is what real Helm does with it, judged by pushing it.
#[test]
fn helm_takes_and_refuses_the_same_archives() {
    let rows = ["B39", "B40", "B41", "B42", "B43", "B48", "B49"];
    // Here alone we are stricter: no digest vouches for the bytes (product 3)
    let stricter = "B41-no-trailer-without-digest";
    let registry = Registry::start();
    let cases: Vec<String> = cases()
        .into_iter()
        .filter(|name| rows.contains(&&name[..3]) && name != stricter)
        .collect();
    let judge = &|helm: &Helm| -> Vec<String> {
        cases
            .iter()
            .flat_map(|name| judged(helm, name, &registry))
            .collect()
    };
    // Side by side: unpacking the large ones is most of the time
    let wrong = std::thread::scope(|scope| {
        let threads: Vec<_> = Helm::all()
            .into_iter()
            .map(|helm| scope.spawn(move || judge(&helm)))
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect::<Vec<_>>()
    });
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    registry.assert_sound();
}

/// Where Helm and the case differ.
fn judged(helm: &Helm, name: &str, registry: &Registry) -> Vec<String> {
    let case = Case::read(&root().join(name)).unwrap();
    let folder = TempDir::new().unwrap();
    case.lay_out(folder.path(), "");
    let target = registry.target(&format!("{}/{}", helm.version, name.to_lowercase()));
    let mut wrong = Vec::new();
    for want in &case.expected.items {
        let package = folder.path().join(format!("{}-{}.tgz", want.chart, want.version));
        let pushed = helm.run(["push", package.to_str().unwrap(), &target, "--plain-http"]);
        if pushed.status.success() != (want.action == "pushed") {
            wrong.push(format!("{name} with helm {}: {}", helm.version, words(&pushed)));
        }
    }
    wrong
}

#[test]
fn every_case_ends_as_it_must() {
    let only = std::env::var("CHARTFERRY_CORPUS").unwrap_or_default();
    let root = root();
    let names: Vec<String> = cases()
        .into_iter()
        .filter(|name| name.starts_with(&only))
        .collect();
    assert!(!names.is_empty(), "no case begins with `{only}`");
    let mut failed = Vec::new();
    for name in &names {
        let problems = run(&root.join(name));
        if !problems.is_empty() {
            failed.push(format!("{name}\n  {}", problems.join("\n  ")));
        }
    }
    assert!(
        failed.is_empty(),
        "\n{} of {} cases failed\n{}\n",
        failed.len(),
        names.len(),
        failed.join("\n")
    );
}

/// Runs one case; what differs from what is expected.
fn run(folder: &Path) -> Vec<String> {
    let case = match Case::read(folder) {
        Ok(case) => case,
        Err(problem) => return vec![problem],
    };
    let ferry = Ferry::new();
    let source = ferry.home().join("source");
    std::fs::create_dir(&source).unwrap();
    let served = case.expected.serve.then(ChartRepo::empty);
    let url = served.as_ref().map_or_else(String::new, ChartRepo::url);
    case.lay_out(&source, &url);
    let from = match &served {
        Some(repo) => {
            repo.fill(&source);
            url
        }
        None => source.to_str().unwrap().to_owned(),
    };
    let mut args = vec!["migrate".to_owned(), from, "oci-layout:target".to_owned()];
    for arg in &case.expected.args {
        args.push(arg.replace("${source}", source.to_str().unwrap()));
    }
    let first = ferry.report(&args);
    let mut problems = compare(&case.expected, &first);
    let again = ferry.report(&args);
    problems.extend(rerun(&first, &again));
    if !problems.is_empty() {
        problems.push(format!("it said: {}", first.stderr.trim()));
        problems.push(format!("expect.json as of this run:\n{}", as_expected(&first)));
    }
    problems
}

fn compare(expected: &Expected, outcome: &Outcome) -> Vec<String> {
    let mut problems = Vec::new();
    if outcome.code != Some(expected.exit) {
        problems.push(format!("exit {:?}, expected {}", outcome.code, expected.exit));
    }
    for words in &expected.stderr {
        if !outcome.stderr.contains(words.as_str()) {
            problems.push(format!("stderr lacks `{words}`"));
        }
    }
    for secret in &expected.nowhere {
        let report = outcome
            .report
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default();
        if [&outcome.stdout, &outcome.stderr, &report]
            .iter()
            .any(|text| text.contains(secret.as_str()))
        {
            problems.push(format!("`{secret}` is shown"));
        }
    }
    let Some(report) = &outcome.report else {
        if expected.exit != 1 {
            problems.push("no report was written".to_owned());
        }
        return problems;
    };
    for mirror in elements(&report["mirrors"]) {
        let error = mirror["error"]["text"].as_str().unwrap_or_default();
        lacks(error, &expected.error, "the source's error", &mut problems);
        if expected.error.is_empty() && !error.is_empty() {
            problems.push(format!("the source was refused: {error}"));
        }
        let mut warnings = mirror["warnings"].to_string();
        for target in elements(&mirror["targets"]) {
            warnings += &target["warnings"].to_string();
        }
        lacks(&warnings, &expected.warns, "the source's warnings", &mut problems);
    }
    problems.extend(compare_items(&expected.items, outcome));
    problems
}

/// Every item of the report is one of those expected, and the other way round.
fn compare_items(expected: &[Want], outcome: &Outcome) -> Vec<String> {
    let mut problems = Vec::new();
    let mut left = outcome.raw_items();
    for want in expected {
        let who = format!("{} {}", want.chart.escape_debug(), want.version.escape_debug());
        let found = left.iter().position(|item| {
            item["chart"] == *want.chart
                && item["version"] == *want.version
                && want.action_is(&item["action"])
        });
        let Some(found) = found else {
            problems.push(format!("no item `{who}` with `{}`", want.action));
            continue;
        };
        let item = left.remove(found);
        let reason = format!("{} {}", item["reason"]["code"], item["reason"]["text"]);
        lacks(
            &reason,
            &want.says,
            &format!("the reason of `{who}`"),
            &mut problems,
        );
        let warnings = item["warnings"].to_string();
        lacks(
            &warnings,
            &want.warns,
            &format!("the warnings of `{who}`"),
            &mut problems,
        );
        if let Some(code) = &want.code
            && item["reason"]["code"] != **code
        {
            problems.push(format!(
                "`{who}`: code {}, expected `{code}`",
                item["reason"]["code"]
            ));
        }
        for (field, value) in &want.fields {
            if item[field] != *value {
                problems.push(format!("`{who}`: {field} is {}, expected {value}", item[field]));
            }
        }
    }
    for item in left {
        problems.push(format!("unexpected: {item}"));
    }
    problems
}

fn lacks(text: &str, words: &[String], what: &str, problems: &mut Vec<String>) {
    for word in words {
        if !text.to_lowercase().contains(&word.to_lowercase()) {
            problems.push(format!("{what} lacks `{word}`: {text}"));
        }
    }
}

/// A second run pushes nothing, and what was bad is still bad (reliability I5).
fn rerun(first: &Outcome, again: &Outcome) -> Option<String> {
    if first.report.is_none() || again.report.is_none() {
        return None;
    }
    let mut expected = first.items();
    for line in &mut expected {
        if line.action == "pushed" {
            "present".clone_into(&mut line.action);
        }
    }
    expected.sort();
    let mut actual = again.items();
    // What one run found out about a present version, the next one need not find out again
    for line in expected.iter_mut().chain(&mut actual) {
        line.code = None;
    }
    (expected != actual || first.code != again.code).then(|| {
        format!(
            "the second run ended with {:?} and {actual:?}, expected {:?} and {expected:?}",
            again.code, first.code
        )
    })
}

/// The outcome in the words of `expect.json`, to be copied where it is right.
fn as_expected(outcome: &Outcome) -> String {
    let mut lines = vec![format!("    \"exit\": {},", outcome.code.unwrap_or(-1))];
    if outcome.report.is_some() {
        for item in outcome.raw_items() {
            let mut line = serde_json::json!({ "chart": item["chart"], "version": item["version"], "action": item["action"] });
            for (name, value) in [
                ("says", &item["reason"]["text"]),
                ("code", &item["reason"]["code"]),
            ] {
                if !value.is_null() {
                    line[name] = value.clone();
                }
            }
            lines.push(format!("    {line},"));
        }
    }
    lines.join("\n")
}

//! The rows of reliability.md 6 that planning decides, and the real indexes.

mod filters;
mod generated;

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use globset::{Glob, GlobSet};

use super::*;
use crate::helm::index::{self, Index, IndexChart, IndexLimits};
use crate::helm::range::Range;
use crate::report::Action;
use crate::types::ChartName;

fn now() -> DateTime<Utc> {
    "2024-06-01T00:00:00Z".parse().unwrap()
}

fn read(text: &str) -> Index {
    let bytes: std::sync::Arc<[u8]> = text.as_bytes().into();
    let open = || Ok(Box::new(std::io::Cursor::new(bytes.clone())) as Box<dyn std::io::Read + Send>);
    index::read(&open, &IndexLimits::default()).unwrap()
}

/// One chart; an entry is `version` or `version field: value, …`. Name and URL are added where they are not given.
fn chart(key: &str, entries: &[&str]) -> IndexChart {
    let key = serde_json::to_string(key).unwrap();
    let entries: Vec<_> = entries
        .iter()
        .map(|entry| {
            let (version, fields) = entry.split_once(' ').unwrap_or((entry, ""));
            let name = if fields.contains("name:") {
                String::new()
            } else {
                format!("name: {key}, ")
            };
            let urls = if fields.contains("urls:") {
                ""
            } else {
                "urls: [x.tgz], "
            };
            format!("- {{version: '{version}', {name}{urls}{fields}}}\n")
        })
        .collect();
    let text = format!("apiVersion: v1\nentries:\n  {key}:\n  {}", entries.join("  "));
    read(&text).charts.remove(0)
}

fn glob(pattern: &str) -> GlobSet {
    GlobSet::new([Glob::new(pattern).unwrap()]).unwrap()
}

fn versions(selection: &Selection) -> Vec<&str> {
    selection
        .candidates
        .iter()
        .map(|candidate| candidate.version.as_str())
        .collect()
}

/// What is left out as `version code`.
fn left(selection: &Selection) -> Vec<String> {
    selection
        .left
        .iter()
        .map(|left| format!("{} {}", left.version, left.reason.code))
        .collect()
}

/// Selects one version of a chart and gives the code and text of its refusal.
fn refusal(key: &str, entry: &str, rules: &Rules) -> (&'static str, String) {
    let selection = select(chart(key, &[entry]), rules, now());
    assert_eq!(versions(&selection), Vec::<&str>::new(), "{key:?} {entry}");
    let left = selection.left.into_iter().next().unwrap();
    assert_eq!(left.action, Action::Refused, "{key:?} {entry}");
    (left.reason.code, left.reason.text)
}

fn package() -> Rules {
    Rules {
        mismatch: Mismatch::Package,
        ..Rules::default()
    }
}

#[test]
fn names_b01_to_b07() {
    for (name, text) in [
        (
            "../../etc/passwd",
            "`../../etc/passwd`: a chart name must not contain `/` or `\\`",
        ),
        ("foo/bar", "`foo/bar`: a chart name must not contain `/` or `\\`"),
        ("..", "`..`: a chart name must not be empty, `.` or `..`"),
        ("", "``: a chart name must not be empty, `.` or `..`"),
        ("a\\b", "`a\\\\b`: a chart name must not contain `/` or `\\`"),
        (
            "ch\u{430}rt",
            "`ch\u{430}rt`: a chart name in a registry must be ASCII",
        ),
        (
            "MyChart",
            "`MyChart`: repository names are lower case; `rename` gives the chart another name there",
        ),
    ] {
        assert_eq!(
            refusal(name, "1.0.0", &Rules::default()),
            ("invalid-name", text.to_owned())
        );
    }
    for name in ["a\0b", "a\nb", "a\u{1b}b", "Jenkins Master", &"a".repeat(300)] {
        let (code, text) = refusal(name, "1.0.0", &Rules::default());
        assert_eq!(code, "invalid-name", "{name:?}");
        assert!(text.len() < 300 && !text.contains(char::is_control), "{text:?}");
    }
    let (code, text) = refusal("a", "1.0.0 name: ", &Rules::default());
    assert_eq!(code, "invalid-name");
    assert!(text.starts_with("the entry has no `name`"), "{text}");
}

#[test]
fn renames_b05() {
    let rename = |from: &str, to: &str| Rules {
        rename: [(from.to_owned(), ChartName::new(to).unwrap())].into(),
        ..Rules::default()
    };
    let rules = rename("MyChart", "mychart");
    let selection = select(chart("MyChart", &["1.0.0"]), &rules, now());
    assert_eq!(selection.candidates[0].repository.as_str(), "mychart");
    assert_eq!(selection.warnings[0].code, "renamed");
    // The index has the other name too: neither chart is written.
    let charts = vec![
        chart("MyChart", &["1.0.0"]),
        chart("mychart", &["2.0.0"]),
        chart("other", &["1.0.0"]),
    ];
    let planner = Planner::new(&charts, &rules, now());
    let found: Vec<_> = charts
        .iter()
        .map(|chart| left(&planner.select(chart.clone())))
        .collect();
    assert_eq!(
        found,
        [
            vec!["1.0.0 contested-repository"],
            vec!["2.0.0 contested-repository"],
            vec![]
        ]
    );
    // Unless the other is excluded.
    let mut rules = rules;
    rules.filter.exclude = Some(glob("mychart"));
    let planner = Planner::new(&charts, &rules, now());
    assert_eq!(versions(&planner.select(charts[0].clone())), ["1.0.0"]);
    let rules = rename("Typo", "typo");
    assert_eq!(
        Planner::new(&charts, &rules, now()).warnings()[0].code,
        "unknown-chart"
    );
}

#[test]
fn key_and_name_differ_b08() {
    let (code, text) = refusal("foo", "1.0.0 name: bar", &Rules::default());
    assert_eq!(code, "name-mismatch");
    assert_eq!(
        text,
        "the index has the chart `bar` under the key `foo`; `mismatch = \"package\"` takes the package's name"
    );
    let mixed = chart("foo", &["1.0.0 name: bar", "2.0.0", "3.0.0 name: bar"]);
    let parts = select(mixed.clone(), &package(), now()).split();
    let found: Vec<_> = parts
        .iter()
        .map(|part| (part.repository.as_ref().unwrap().as_str(), versions(part)))
        .collect();
    assert_eq!(found, [("foo", vec!["2.0.0"]), ("bar", vec!["3.0.0", "1.0.0"])]);
    assert_eq!(parts[1].candidates[0].warnings[0].code, "name-mismatch");
    // The other key lists one of these versions itself.
    let charts = [mixed, chart("bar", &["1.0.0", "4.0.0"])];
    let rules = package();
    let planner = Planner::new(&charts, &rules, now());
    let found: Vec<_> = charts
        .iter()
        .map(|chart| left(&planner.select(chart.clone())))
        .collect();
    assert_eq!(
        found,
        [["1.0.0 contested-repository"], ["1.0.0 contested-repository"]]
    );
}

#[test]
fn versions_b09_to_b12() {
    let all = chart(
        "a",
        &[
            "not-semver",
            "",
            "1.10",
            "v1.2.3",
            "1.0.0+build.7",
            "1.0.0+a",
            "1.0.0_a",
            "1.0.0-RC1",
            "1.0.0-rc1",
        ],
    );
    let selection = select(all, &Rules::default(), now());
    let tags: Vec<_> = selection
        .candidates
        .iter()
        .map(|candidate| candidate.tag.as_str())
        .collect();
    assert_eq!(
        tags,
        [
            "1.10",
            "v1.2.3",
            "1.0.0_build.7",
            "1.0.0_a",
            "1.0.0-rc1",
            "1.0.0-RC1"
        ]
    );
    assert_eq!(
        left(&selection),
        [
            "not-semver invalid-version",
            " invalid-version",
            "1.0.0_a invalid-version"
        ]
    );
    assert_eq!(selection.left[1].reason.text, "the entry has no `version`");
    let case: Vec<_> = selection
        .candidates
        .iter()
        .map(|candidate| candidate.warnings.len())
        .collect();
    assert_eq!(case, [0, 0, 0, 0, 1, 1]);
    assert!(
        selection.warnings[0]
            .text
            .starts_with("2 versions such as `1.10`"),
        "{:?}",
        selection.warnings
    );
    let long = format!("1.0.0-{}", "a".repeat(200));
    assert_eq!(refusal("a", &long, &Rules::default()).0, "invalid-tag");
}

#[test]
fn duplicates_b20() {
    let digest = |byte: &str| format!("digest: {}", byte.repeat(64));
    let (one, two) = (format!("1.0.0 {}", digest("1")), format!("1.0.0 {}", digest("2")));
    let same = select(chart("a", &[&one, &one]), &Rules::default(), now());
    assert_eq!(
        (
            same.candidates.len(),
            same.candidates[0].alternatives.len(),
            same.left.len()
        ),
        (1, 1, 0)
    );
    assert!(same.candidates[0].warnings.is_empty());
    let other_url = format!("{one}, urls: [y.tgz]");
    let mirrored = select(chart("a", &[&one, &other_url]), &Rules::default(), now());
    assert_eq!(
        (
            mirrored.candidates[0].alternatives.len(),
            mirrored.candidates[0].warnings.len()
        ),
        (1, 0)
    );
    let entries = [&*two, "2.0.0", &one, &two];
    let differ = select(chart("a", &entries), &Rules::default(), now());
    assert_eq!(versions(&differ), ["2.0.0", "1.0.0"]);
    let candidate = &differ.candidates[1];
    assert_eq!((candidate.entry.line, candidate.alternatives.len()), (4, 2));
    assert_eq!(
        candidate.warnings[0].text,
        "listed 3 times with different digests (index lines 4, 6, 7); the package may match any of them"
    );
    let rules = Rules {
        duplicates: Duplicates::Error,
        ..Rules::default()
    };
    let refused = select(chart("a", &entries), &rules, now());
    assert_eq!(
        (versions(&refused), left(&refused)),
        (vec!["2.0.0"], vec!["1.0.0 duplicate-version".to_owned(); 3])
    );
    assert!(refused.left[0].reason.text.contains("index lines 4, 6, 7"));
    assert_eq!(
        select(chart("a", &[&one, &one]), &rules, now()).candidates.len(),
        1
    );
}

#[test]
fn unusable_entries_b17_b30() {
    assert_eq!(refusal("a", "1.0.0 urls: []", &Rules::default()).0, "no-url");
    assert_eq!(
        refusal("a", "1.0.0 urls: ['', null]", &Rules::default()).0,
        "no-url"
    );
    assert_eq!(
        refusal("a", "1.0.0 deprecated: perhaps", &Rules::default()).0,
        "bad-entry"
    );
    let index = read("apiVersion: v1\nentries:\n  a:\n  -\n  - {name: a, version: 1.0.0, urls: [x]}\n");
    let mut rules = Rules::default();
    let selection = select(index.charts[0].clone(), &rules, now());
    assert_eq!(
        (versions(&selection), left(&selection)),
        (vec!["1.0.0"], vec![" bad-entry".to_owned()])
    );
    assert_eq!(selection.left[0].index_line, 4);
    rules.filter.exclude = Some(glob("a"));
    let selection = select(index.charts[0].clone(), &rules, now());
    assert_eq!(
        left(&selection),
        [" filter-exclude", "1.0.0 filter-exclude"],
        "excluded, so nobody minds"
    );
    assert!(selection.left.iter().all(|left| left.action == Action::Filtered));
}

#[test]
fn candidates_know_their_tags() {
    let selection = select(
        chart("a", &["1.0.0", "1.0.0+b", "2.0.0"]),
        &Rules::default(),
        now(),
    );
    let tags: HashSet<_> = selection.candidates.iter().map(|c| c.tag.as_str()).collect();
    assert_eq!(tags, HashSet::from(["1.0.0", "1.0.0_b", "2.0.0"]));
}

#[test]
fn nothing_selected_b63() {
    assert_eq!(nothing_selected(0, 12).unwrap().text, "0 of 12 versions selected");
    assert_eq!((nothing_selected(1, 12), nothing_selected(0, 0)), (None, None));
}

#[expect(clippy::print_stderr, reason = "a skipped test must say so")]
#[test]
fn real_oddities() {
    let folder = std::env::var("CHARTFERRY_TEST_DATA")
        .unwrap_or(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data").into());
    let plan = |set: &str, rules: &Rules| {
        let text = std::fs::read_to_string(format!("{folder}/{set}/index.yaml")).ok()?;
        let charts = read(&text).charts;
        let planner = Planner::new(&charts, rules, now());
        Some(
            charts
                .iter()
                .map(|chart| planner.select(chart.clone()))
                .collect::<Vec<_>>(),
        )
    };
    let Some(odd) = plan("odd-mini", &Rules::default()) else {
        eprintln!("skipped: no test data at `{folder}`; set CHARTFERRY_TEST_DATA");
        return;
    };
    let refused: Vec<_> = odd
        .iter()
        .flat_map(|s| &s.left)
        .map(|left| (&*left.chart, left.reason.code))
        .collect();
    assert_eq!(
        refused,
        [
            ("Jenkins Master", "invalid-name"),
            ("redhat-cryostat", "name-mismatch")
        ]
    );
    let of = |name: &str| odd.iter().find(|selection| &*selection.chart == name).unwrap();
    assert_eq!(of("ingress-nginx").candidates.len(), 1);
    assert_eq!(of("ingress-nginx").candidates[0].alternatives.len(), 8);
    assert_eq!(
        of("redhat-developer-hub")
            .candidates
            .iter()
            .filter(|c| c.version.as_str().starts_with("1.1.2"))
            .count(),
        4
    );
    for (set, candidates) in [
        ("eks-charts", 449),
        ("helm-incubator", 1232),
        ("indexes/bitnami-2023-03", 3448),
        ("indexes/ingress-nginx", 168),
    ] {
        let selections = plan(set, &Rules::default()).unwrap();
        assert_eq!(
            selections.iter().map(|s| s.candidates.len()).sum::<usize>(),
            candidates,
            "{set}"
        );
        assert_eq!(selections.iter().map(|s| s.left.len()).sum::<usize>(), 0, "{set}");
    }
}

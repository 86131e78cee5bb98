//! Ranges with real Helm as the judge: what `helm show chart --version RANGE` chooses out of a repository is the newest
//! version that `versions = RANGE` lets in, and a range that Helm refuses is refused (product 6).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Mutex;

use crate::support::chart_repo::ChartRepo;
use crate::support::charts::Chart;
use crate::support::ferry::Ferry;
use crate::support::helm::{Helm, words};

/// No two are equal in rank: between equal ones Helm's order is that of the index.
const VERSIONS: [&str; 34] = [
    "0.0.3",
    "0.0.4",
    "0.1.0",
    "0.2.2",
    "0.2.3",
    "0.2.4-rc.1",
    "0.3.0",
    "1.0.0-alpha",
    "1.0.0-alpha.2",
    "1.0.0-alpha.10",
    "1.0.0-beta",
    "1.0.0",
    "1.0.1",
    "1.1.0",
    "1.1.1-rc1",
    "1.2.0",
    "1.2.3-alpha",
    "1.2.3-beta.2",
    "1.2.3",
    "1.2.4",
    "1.2.10",
    "1.3.0",
    "1.9.9",
    "2.0.0-rc.1",
    "2.0.0",
    "2.1.0",
    "2.2.0-alpha.1",
    "2.10.0",
    "3.0.0",
    "3.5.7",
    "10.0.0",
    "11.1.0",
    "11.2.1",
    "12.0.0-rc.1",
];

/// Every operator, with and without blanks, wildcards, parts left out, prereleases, and several of them together.
const RANGES: [&str; 83] = [
    "*",
    "x",
    ">0.0.0-0",
    ">=0",
    "1",
    "1.2",
    "1.2.3",
    "v1.2.3",
    "=1.2.3",
    "= 1.2",
    "01.02.003",
    "1.x",
    "1.2.x",
    "1.*",
    "x.1.2",
    "1.0.0-beta",
    "1.2.3-gamma",
    "1.2.3+build.7",
    "!=12",
    "!=11.x",
    "!=11.2.1, <12",
    "!=1.2.3-alpha, ~1.2.3-0",
    ">1",
    ">1.2",
    ">1.2.3",
    "> 11.2.1",
    ">11.2.1-0",
    ">=11.2.1-0",
    ">=2.1.0 <3",
    ">=1.2.3, <2",
    ">=1.2.3 , <2",
    "<1",
    "<1.2",
    "<1.2.3",
    "<1.2.3-beta.2",
    "<=1",
    "<=1.2",
    "<=1.2.3",
    "<=1.2.3-beta.2",
    "=>1 <2",
    "=<1.0.0",
    "~1",
    "~1.2",
    "~1.2.3",
    "~1.2.3-alpha",
    "~>1.2",
    "~ 1.2",
    "~0",
    "~0.0",
    "~0.2.3",
    "~0.2.4-0",
    "~1.x",
    "~*",
    "^1",
    "^1.2",
    "^1.2.3",
    "^1.2.3-alpha",
    "^0",
    "^0.0",
    "^0.0.3",
    "^0.2",
    "^0.2.4-rc",
    "^2.0.0-0",
    "^1.x",
    "^*",
    "1 - 2",
    "1.2 - 1.4.5",
    "1.2.3-alpha - 1.2.3",
    "0.1 - 0.3 || 2.0.0 - 2",
    "1 || 3",
    "<1 || >=11",
    "~1.2 || ^0.2",
    "1.2.3 || 1.2.4, !=1.2.4",
    ">5 <10",
    ">100",
    "1.2 - 1.3 || >=3.1 <10",
    ">=1.0.0-alpha <1.0.0",
    "!=*",
    ">= 1.1.1-rc0, < 1.2",
    "<2.2.0-beta, >2.1",
    ">3 <11 !=10.0.0",
    "=1.0.0-alpha.2 || 0.0.4",
    "^10 || ^11.1",
];

/// What Helm refuses.
const REFUSED: [&str; 13] = [
    "latest",
    "1,",
    ",1",
    "1 -2",
    ">=1.2.3,,<2",
    "1.2.3.4",
    "!1",
    "<>1",
    "||",
    "> =1",
    "1..2",
    "^1.2.3-",
    "==1",
];

/// What Helm chooses; `None` where no version will do.
fn choice(helm: &Helm, url: &str, range: &str) -> Option<String> {
    let version = format!("--version={range}");
    let output = helm.run(["show", "chart", "demo", "--repo", url, &version]);
    let (text, said) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    if output.status.success() {
        let line = text.lines().find_map(|line| line.strip_prefix("version: "));
        return Some(line.expect("Chart.yaml has a version").to_owned());
    }
    assert!(said.contains(" not found in "), "{range:?}: {said}");
    None
}

/// The choices of one Helm for all ranges, several side by side: each is mostly the start of a program.
fn choices(helm: &Helm, url: &str) -> BTreeMap<&'static str, Option<String>> {
    let found = Mutex::new(BTreeMap::new());
    let left = Mutex::new(RANGES.to_vec());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let Some(range) = left.lock().unwrap().pop() else {
                        return;
                    };
                    let choice = choice(helm, url, range);
                    found.lock().unwrap().insert(range, choice);
                }
            });
        }
    });
    found.into_inner().unwrap()
}

/// A file with a mirror for each range, so that one run plans them all.
fn config(url: &str, ranges: &[&str]) -> String {
    let mut text = String::new();
    for (number, range) in ranges.iter().enumerate() {
        write!(
            text,
            "[[mirror]]\nname = \"m{number}\"\nsource = \"{url}\"\ntargets = [\"oci-layout:out\"]\nlatest = 1\nversions = {range:?}\n"
        )
        .unwrap();
    }
    text
}

/// The newest version that each range lets in.
fn ours(url: &str, ranges: &[&'static str]) -> BTreeMap<&'static str, Option<String>> {
    let ferry = Ferry::new();
    std::fs::write(ferry.home().join("c.toml"), config(url, ranges)).unwrap();
    let outcome = ferry.report(["plan", "-c", "c.toml"]).expect(0);
    let report = outcome.report.unwrap();
    let mirrors = report["mirrors"].as_array().unwrap();
    assert_eq!(mirrors.len(), ranges.len());
    let chosen = mirrors.iter().map(|mirror| {
        let items = mirror["targets"][0]["items"].as_array().unwrap();
        let mut push = items.iter().filter(|item| item["action"] == "push");
        let version = push
            .next()
            .map(|item| item["version"].as_str().unwrap().to_owned());
        assert!(push.next().is_none(), "{mirror}");
        version
    });
    ranges.iter().copied().zip(chosen).collect()
}

#[test]
fn helm_chooses_the_newest_version_that_a_range_lets_in() {
    let helms = Helm::all();
    if helms.is_empty() {
        return;
    }
    let charts = VERSIONS.map(|version| Chart::new("demo", version));
    let repo = ChartRepo::of(&charts);
    let ours = ours(&repo.url(), &RANGES);
    let mut wrong = Vec::new();
    for helm in &helms {
        for (range, theirs) in choices(helm, &repo.url()) {
            if theirs != ours[range] {
                wrong.push(format!(
                    "{range:?}: helm {} {theirs:?}, chartferry {:?}",
                    helm.version, ours[range]
                ));
            }
        }
        // Without a range, `--devel` is the range that takes all
        let text = helm.ok(["show", "chart", "demo", "--repo", &repo.url(), "--devel"]);
        assert!(text.contains("version: 12.0.0-rc.1\n"), "{text}");
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert_eq!(ours[">0.0.0-0"].as_deref(), Some("12.0.0-rc.1"));
    // The table decides something: many answers occur, and none is one of them
    let answers: std::collections::BTreeSet<_> = ours.values().collect();
    assert!(answers.len() > 15 && answers.contains(&None), "{answers:?}");
}

#[test]
fn ranges_that_helm_refuses_are_refused() {
    let helms = Helm::all();
    if helms.is_empty() {
        return;
    }
    let repo = ChartRepo::of(&[Chart::new("demo", "1.2.3")]);
    for helm in &helms {
        // `show` says only that there is no such version, `search` says why
        helm.ok(["repo", "add", "demo", &repo.url()]);
        for range in REFUSED {
            let version = format!("--version={range}");
            let said = words(&helm.run(["search", "repo", "demo/demo", &version]));
            assert!(
                said.contains("improper constraint"),
                "helm {} takes {range:?}: {said}",
                helm.version
            );
        }
    }
    let ferry = Ferry::new();
    std::fs::write(ferry.home().join("c.toml"), config(&repo.url(), &REFUSED)).unwrap();
    let outcome = ferry.run(["config", "check", "c.toml"]).expect(1);
    for (number, range) in REFUSED.iter().enumerate() {
        let key = format!("mirror[{number}].versions");
        assert!(outcome.stderr.contains(&key), "{}: {}", range, outcome.stderr);
    }
}

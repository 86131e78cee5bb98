//! Each filter leaves out what it says and gives its reason, in `plan` and in `migrate` alike; and `helm:NAME`.

use super::super::support::chart_repo::ChartRepo;
use super::super::support::charts::{self, Chart};
use super::super::support::ferry::{Ferry, Outcome};

/// Two charts: one with history, one with oddities.
fn repository() -> ChartRepo {
    let charts = [
        Chart::new("app", "2.0.0-rc.1"),
        Chart::new("app", "1.2.0"),
        Chart::new("app", "1.1.0"),
        Chart::new("app", "1.0.0"),
        Chart::new("web-ui", "0.1.0"),
    ];
    let repo = ChartRepo::of(&charts);
    // app 1.0.0 is older, of another application version and deprecated
    let index = charts::index_yaml(&charts);
    let at = index.find("version: \"1.0.0\"").unwrap();
    let entry = index[..at].rfind("  - apiVersion").unwrap();
    let old = index[entry..at]
        .replace(charts::CREATED, "2020-01-01T00:00:00Z")
        .replace("appVersion: \"1.0\"", "appVersion: \"0.9\"")
        .replace("    name: app", "    deprecated: true\n    name: app");
    repo.put("index.yaml", format!("{}{old}{}", &index[..entry], &index[at..]));
    repo
}

/// What is left out, as `chart version: code`.
fn left_out(outcome: &Outcome) -> Vec<String> {
    let items = outcome.items();
    let filtered = items
        .iter()
        .filter(|line| line.action == "filtered" || line.action == "held");
    filtered
        .map(|line| {
            let code = line.code.as_deref().unwrap_or_default();
            format!("{} {}: {code}", line.chart, line.version)
        })
        .collect()
}

/// Flags and what they leave out.
const CASES: &[(&[&str], &[&str])] = &[
    (&[], &[]),
    (&["--include", "app"], &["web-ui 0.1.0: filter-include"]),
    (&["--include", "app", "--include", "web-*"], &[]),
    (&["--exclude", "web-*"], &["web-ui 0.1.0: filter-exclude"]),
    (
        &["--version", ">=1.1"],
        &[
            "app 1.0.0: filter-versions",
            "app 2.0.0-rc.1: filter-prerelease",
            "web-ui 0.1.0: filter-versions",
        ],
    ),
    (
        &["--version", ">=1.1", "--devel"],
        &["app 1.0.0: filter-versions", "web-ui 0.1.0: filter-versions"],
    ),
    (&["--no-prereleases"], &["app 2.0.0-rc.1: filter-prerelease"]),
    (&["--no-deprecated"], &["app 1.0.0: filter-deprecated"]),
    (&["--app-version", "1.*"], &["app 1.0.0: filter-app-version"]),
    (&["--since", "2024-01-01"], &["app 1.0.0: filter-since"]),
    (&["--latest", "3"], &["app 1.0.0: filter-latest"]),
    // Counted after the other filters
    (
        &["--latest", "2", "--no-prereleases"],
        &["app 1.0.0: filter-latest", "app 2.0.0-rc.1: filter-prerelease"],
    ),
];

#[test]
fn every_filter_gives_its_reason() {
    let (repo, ferry) = (repository(), Ferry::new());
    for (flags, expected) in CASES {
        let url = repo.url();
        let mut args = vec!["plan", url.as_str(), "oci-layout:none"];
        args.extend(*flags);
        let plan = ferry.report(&args).expect(0);
        assert_eq!(&left_out(&plan), expected, "{flags:?}");
        assert_eq!(plan.items().len(), 5, "{flags:?}");
        // Each reason can be read in the table, in the line of its version
        for line in left_out(&plan) {
            let version = line.split([' ', ':']).nth(1).unwrap();
            let shown = plan
                .stdout
                .lines()
                .find(|shown| shown.contains(&format!(" {version} ")))
                .unwrap();
            let reason = shown.split("  ").last().unwrap_or_default().trim();
            assert!(reason.split(' ').count() > 1, "{flags:?}: {shown}");
        }
    }
}

#[test]
fn a_cooldown_holds_back_what_is_young_or_says_no_age() {
    let versions = [
        Chart::new("app", "3.0.0"),
        Chart::new("app", "2.0.0"),
        Chart::new("app", "1.0.0"),
    ];
    let repo = ChartRepo::of(&versions);
    let index = charts::index_yaml(&versions)
        .replacen(charts::CREATED, "2999-01-01T00:00:00Z", 1)
        .replacen(&format!("    created: \"{}\"\n", charts::CREATED), "", 1);
    repo.put("index.yaml", index);
    let plan = Ferry::new()
        .report(["plan", &repo.url(), "oci-layout:none", "--min-age", "3d"])
        .expect(0);
    assert_eq!(
        left_out(&plan),
        ["app 2.0.0: held-min-age", "app 3.0.0: held-min-age"]
    );
    assert_eq!(plan.count("push"), 1);
}

#[test]
fn what_is_planned_is_what_is_pushed() {
    let (repo, url) = (repository(), |repo: &ChartRepo| repo.url());
    for flags in [
        &["--latest", "1"][..],
        &["--version", "1.x"],
        &["--exclude", "app"],
    ] {
        let ferry = Ferry::new();
        let url = url(&repo);
        let run = |command: &str| {
            let mut args = vec![command, url.as_str(), "oci-layout:charts"];
            args.extend(flags);
            ferry.report(&args).expect(0)
        };
        let planned: Vec<_> = run("plan").items();
        let pushed: Vec<_> = run("migrate").items();
        let as_planned = |action: &str| if action == "pushed" { "push" } else { action }.to_owned();
        let pushed: Vec<_> = pushed
            .into_iter()
            .map(|mut line| {
                line.action = as_planned(&line.action);
                line
            })
            .collect();
        assert_eq!(planned, pushed, "{flags:?}");
        assert!(planned.iter().any(|line| line.action == "push"), "{flags:?}");
    }
}

#[test]
fn a_filter_that_selects_nothing_is_a_warning() {
    let (repo, ferry) = (repository(), Ferry::new());
    let plan = ferry
        .report(["plan", &repo.url(), "oci-layout:none", "--include", "nothing"])
        .expect(0);
    assert_eq!(plan.count("filtered"), 5);
    assert!(
        plan.stdout.contains("0 of 5 versions") && plan.stdout.contains("[nothing-selected]"),
        "{}",
        plan.stdout
    );
}

/// `helm:NAME` takes URL and login from where `helm repo add` put them.
#[test]
fn a_repository_that_helm_knows() {
    let (repo, ferry) = (repository(), Ferry::new());
    repo.behave(|behaviour| behaviour.login = Some(("user".into(), "s3cr3t".into())));
    let folder = ferry.home().join("config/helm");
    std::fs::create_dir_all(&folder).unwrap();
    let entry = format!(
        "apiVersion: \"\"\nrepositories:\n- name: acme\n  password: s3cr3t\n  url: {}\n  username: user\n",
        repo.url()
    );
    std::fs::write(folder.join("repositories.yaml"), entry).unwrap();
    let outcome = ferry
        .report(["migrate", "helm:acme", "oci-layout:charts"])
        .expect(0);
    assert_eq!(outcome.count("pushed"), 5);
    outcome.assert_free_of("s3cr3t");
    let unknown = ferry
        .run(["migrate", "helm:other", "oci-layout:charts"])
        .expect(1);
    assert!(
        unknown
            .stderr
            .contains("has no repository `other`; `helm repo list` shows the names"),
        "{}",
        unknown.stderr
    );
    unknown.assert_free_of("s3cr3t");
}

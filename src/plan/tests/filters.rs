//! What each filter leaves out, and how they work together.

use chrono::Duration;

use super::*;

fn filtered(filter: Filter) -> (Vec<String>, Vec<String>) {
    let entries = [
        "3.0.0-rc.1 created: '2024-05-31T00:00:00Z', appVersion: '9'",
        "2.0.0 created: '2024-05-01T00:00:00Z', appVersion: '8.1'",
        "1.1.0 created: '2023-01-01T00:00:00Z', deprecated: true, appVersion: '8.0'",
        "1.0.0",
    ];
    let rules = Rules {
        filter,
        ..Rules::default()
    };
    let selection = select(chart("a", &entries), &rules, now());
    (
        versions(&selection).into_iter().map(Into::into).collect(),
        left(&selection),
    )
}

#[expect(clippy::too_many_lines, reason = "one table")]
#[test]
fn each_filter_says_so() {
    let all = ["3.0.0-rc.1", "2.0.0", "1.1.0", "1.0.0"];
    let range = |text: &str| Some(Range::parse(text).unwrap());
    let filter = Filter::default;
    let cases: [(Filter, &[&str], &str); 12] = [
        (filter(), &all, ""),
        (
            Filter {
                include: Some(glob("b*")),
                ..filter()
            },
            &[],
            "filter-include",
        ),
        (
            Filter {
                include: Some(glob("?")),
                exclude: Some(glob("a")),
                ..filter()
            },
            &[],
            "filter-exclude",
        ),
        (
            Filter {
                versions: range(">=1.1"),
                ..filter()
            },
            &["2.0.0", "1.1.0"],
            "3.0.0-rc.1 filter-prerelease, 1.0.0 filter-versions",
        ),
        (
            Filter {
                versions: range(">=2.0.0-0"),
                ..filter()
            },
            &["3.0.0-rc.1", "2.0.0"],
            "filter-versions",
        ),
        (
            Filter {
                versions: range(">=2"),
                prereleases: Some(true),
                ..filter()
            },
            &["3.0.0-rc.1", "2.0.0"],
            "filter-versions",
        ),
        (
            Filter {
                versions: range(">=2.0.0-0"),
                prereleases: Some(false),
                ..filter()
            },
            &["2.0.0"],
            "3.0.0-rc.1 filter-prerelease, 1.1.0 filter-versions",
        ),
        (
            Filter {
                prereleases: Some(false),
                ..filter()
            },
            &all[1..],
            "filter-prerelease",
        ),
        (
            Filter {
                deprecated: false,
                ..filter()
            },
            &["3.0.0-rc.1", "2.0.0", "1.0.0"],
            "filter-deprecated",
        ),
        (
            Filter {
                since: Some(now() - Duration::days(60)),
                ..filter()
            },
            &all[..2],
            "1.1.0 filter-since, 1.0.0 filter-since",
        ),
        (
            Filter {
                app_versions: Some(glob("8.*")),
                ..filter()
            },
            &all[1..3],
            "3.0.0-rc.1 filter-app-version, 1.0.0 filter-app-version",
        ),
        (
            Filter {
                latest: Some(1),
                prereleases: Some(false),
                ..filter()
            },
            &["2.0.0"],
            "1.1.0 filter-latest, 1.0.0 filter-latest",
        ),
    ];
    for (filter, selected, reasons) in cases {
        let what = format!("{filter:?}");
        let (found, left) = filtered(filter);
        assert_eq!(found, selected, "{what}");
        assert_eq!(left.len(), 4 - selected.len(), "{what}");
        assert!(left.join(", ").contains(reasons), "{what}: {left:?}");
    }
}

#[test]
fn latest_counts_what_the_others_let_through() {
    let entries = [
        "5.0.0 created: '2024-05-31T12:00:00Z'",
        "4.0.0 created: '2030-01-01T00:00:00Z'",
        "3.0.0 urls: [], created: '2024-01-01T00:00:00Z'",
        "2.0.0 created: '2024-01-01T00:00:00Z'",
        "1.5.0",
        "1.1.0 created: '2024-01-01T00:00:00Z'",
        "1.0.0 urls: [], created: '2024-01-01T00:00:00Z'",
        "0.9.0",
    ];
    let mut rules = Rules {
        min_age: Some(Duration::days(3)),
        ..Rules::default()
    };
    rules.filter.latest = Some(2);
    let selection = select(chart("a", &entries), &rules, now());
    assert_eq!(versions(&selection), ["2.0.0", "1.1.0"]);
    assert_eq!(
        left(&selection),
        [
            "5.0.0 held-min-age",
            "4.0.0 held-min-age",
            "3.0.0 no-url",
            "1.5.0 held-min-age",
            "1.0.0 filter-latest",
            "0.9.0 filter-latest"
        ]
    );
    let actions: Vec<_> = selection.left.iter().map(|left| left.action).collect();
    assert_eq!(
        actions[1..5],
        [Action::Held, Action::Refused, Action::Held, Action::Filtered]
    );
    let texts: Vec<_> = selection.left.iter().map(|left| &*left.reason.text).collect();
    assert_eq!(texts[0], "created 2024-05-31T12:00:00Z, not yet 3days ago");
    assert!(
        texts[1].contains("in the future") && texts[3].contains("no usable date"),
        "{texts:?}"
    );
    rules.filter.latest = Some(0);
    assert!(select(chart("a", &entries), &rules, now()).candidates.is_empty());
}

#[test]
fn a_chart_rule_overrides_the_mirror() {
    let mut rules = Rules::default();
    rules.filter.versions = Some(Range::parse(">=2").unwrap());
    rules.filter.deprecated = false;
    rules.charts = vec![ChartRule {
        name: "a".into(),
        versions: Some(Range::parse("<2").unwrap()),
        latest: Some(1),
        deprecated: Some(true),
        ..ChartRule::default()
    }];
    let entries = ["3.0.0", "1.1.0 deprecated: true", "1.0.0"];
    assert_eq!(versions(&select(chart("a", &entries), &rules, now())), ["1.1.0"]);
    assert_eq!(versions(&select(chart("b", &entries), &rules, now())), ["3.0.0"]);
    let charts = [chart("b", &entries)];
    let planner = Planner::new(&charts, &rules, now());
    assert_eq!(
        planner.warnings()[0].text,
        "a rule names the chart `a`, which the index does not have"
    );
}

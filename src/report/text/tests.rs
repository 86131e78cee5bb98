//! What people read, word for word.

use std::sync::Arc;

use crate::report::{Action, Command, MirrorReport, RunReport, Signal, TargetReport, sample};
use crate::types::Reason;

fn text(report: &RunReport, width: usize) -> String {
    let mut out = Vec::new();
    super::write(report, width, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// One mirror with these versions and nothing else.
fn of(command: Command, items: Vec<crate::report::Item>) -> RunReport {
    let mut report = sample::empty(command);
    let mut mirror = MirrorReport::new("https://charts.acme.io", "https://charts.acme.io");
    let mut target = TargetReport::new("oci://registry.acme.io/charts");
    mirror.drift_checked = true;
    target.items = items;
    mirror.targets.push(target);
    report.mirrors.push(mirror);
    report
}

const FULL: &str = r"acme: https://charts.acme.io -> oci://registry.acme.io/charts
CHART           PUSHED  PRESENT  DRIFTED  FAILED  REFUSED    SENT
ingress              2        1        -       -        -  40 KiB
redis                -        -        1       1        -       -
Jenkins Master       -        -        -       -        1       -
zoo\u{1b}[2J         -        -        -       -        1       -
total                2        1        1       1        2  40 KiB
2 pushed (40 KiB), 1 present, 2 filtered, 1 held, 1 drifted, 1 accepted, 1
  vanished, 1 failed, 2 refused; drift: not checked

warnings (2)
  acme: `/etc/password` can be read by everybody [world-readable]
  ingress 4.12.0: the provenance file names another digest [provenance-mismatch]

only at the target (1)
  redis 3.0.0: no longer in the index [vanished]

conflicts (1)
  redis 5.0.0: the source has other bytes than the registry [drift]

failures (3)
  redis 6.0.0: `https://charts.acme.io/x.tgz` answered 404 Not Found [not-found]
      https://charts.acme.io/redis-6.0.0.tgz
  Jenkins Master 1.0.0: repository names are lower case; `rename` gives the
      chart another name there [invalid-name]
  zoo\u{1b}[2J 0.1.0: repository names are lower case; `rename` gives the chart
      another name there [invalid-name]

requests: charts.acme.io 21; registry.acme.io 75 (2 retries, throttled for 3.2s)
migrate after 12.3s: some versions failed
";

#[test]
fn a_run_with_everything_on_a_narrow_terminal() {
    let shown = text(&sample::full(), 80);
    assert_eq!(shown, FULL);
    assert!(shown.lines().all(|line| line.chars().count() <= 80));
}

#[test]
fn a_wide_terminal_shows_every_column() {
    let shown = text(&sample::full(), 120);
    let head = "CHART           PUSHED  PRESENT  FILTERED  HELD  DRIFTED  ACCEPTED  VANISHED  FAILED  REFUSED    SENT";
    assert_eq!(shown.lines().nth(1), Some(head));
}

const PLAN: &str = r"acme: https://charts.acme.io -> oci://registry.acme.io/charts
CHART           VERSION     ACTION    REASON
redis           3.0.0       vanished  no longer in the index
ingress         4.12.0      push      not at the target
ingress         4.11.1+up2  push      not at the target
ingress         4.11.0      present   at the target
ingress         4.10.0      filtered  not among the newest 2
ingress         4.9.0       filtered  not among the newest 2
redis           7.0.0       held      younger than 3 days, free on 2025-06-18
redis           6.0.0       failed    `https://charts.acme.io/x.tgz` answered
                                      404 Not Found
redis           5.0.0       drifted   the source has other bytes than the
                                      registry
redis           4.0.0       accepted  the index gives another digest
Jenkins Master  1.0.0       refused   repository names are lower case; `rename`
                                      gives the chart another name there
zoo\u{1b}[2J    0.1.0       refused   repository names are lower case; `rename`
                                      gives the chart another name there
";

#[test]
fn a_plan_lists_every_version_and_what_would_be_deleted_first() {
    let shown = text(&sample::plan(), 80);
    assert_eq!(
        shown.split("\n\n").next().map(|s| format!("{s}\n")).as_deref(),
        Some(PLAN)
    );
}

#[test]
fn nothing_to_do_is_one_clear_line() {
    let mut items = vec![sample::item("app", "1.0.0", Action::Present, 1); 120];
    items.push(sample::item("app", "0.1.0", Action::Filtered, 2));
    let mut report = of(Command::Migrate, items);
    let expected = "\
https://charts.acme.io -> oci://registry.acme.io/charts
nothing to do: all 120 selected versions are in place, 1 filtered
migrate after 12.3s: all in place
";
    assert_eq!(text(&report, 80), expected);
    report.mirrors[0].drift_checked = false;
    assert!(text(&report, 120).contains("in place, 1 filtered; drift: not checked\n"));
}

#[test]
fn a_filter_that_lets_nothing_through_does_not_sound_like_success() {
    let report = of(
        Command::Migrate,
        vec![sample::item("app", "0.1.0", Action::Filtered, 2)],
    );
    assert!(text(&report, 80).contains("\nnothing to do: 1 filtered\n"));
    let report = of(Command::Migrate, Vec::new());
    assert!(text(&report, 80).contains("\nnothing to do: no versions\n"));
}

#[test]
fn failures_are_joined_and_bounded() {
    let mut items = vec![sample::item("app", "1.0.0", Action::Refused, 1); 5];
    for number in 0..60 {
        let mut item = sample::item("web", &format!("1.0.{number}"), Action::Failed, 1);
        item.reason = Some(Arc::new(Reason::new(
            "download-failed",
            format!("reset {number}"),
        )));
        items.push(item);
    }
    let shown = text(&of(Command::Migrate, items), 200);
    let at = shown.find("\nfailures (65)\n").unwrap();
    let mut lines = shown[at..].lines().skip(2);
    assert_eq!(
        lines.next(),
        Some(concat!(
            "  app 1.0.0, 1.0.0, 1.0.0 and 2 more versions: repository names are lower case; ",
            "`rename` gives the chart another name there [invalid-name]"
        ))
    );
    assert_eq!(lines.next(), Some("  web 1.0.0: reset 0 [download-failed]"));
    assert_eq!(lines.next(), Some("      https://charts.acme.io/web-1.0.0.tgz"));
    assert_eq!(lines.nth(2 * 48), Some("  and 11 more, see `--report FILE`"));
}

#[test]
fn many_charts_show_only_where_something_happened() {
    let mut items: Vec<_> = (0..40)
        .map(|number| sample::item(&format!("chart-{number}"), "1.0.0", Action::Present, 1))
        .collect();
    items.push(sample::item("chart-7", "2.0.0", Action::Pushed, 1));
    let expected = "\
https://charts.acme.io -> oci://registry.acme.io/charts
CHART          PUSHED  PRESENT    SENT
chart-7             1        1  20 KiB
all 40 charts       1       40  20 KiB
1 pushed (20 KiB), 40 present
migrate after 12.3s: all in place
";
    assert_eq!(text(&of(Command::Migrate, items), 80), expected);
}

/// A plan has found out, not done: "all in place" would be a lie while versions wait.
#[test]
fn the_last_words_of_a_plan_say_what_waits() {
    let last = |report: &RunReport| text(report, 80).lines().last().unwrap_or_default().to_owned();
    let push = || sample::item("app", "1.0.0", Action::Push, 1);
    let present = || sample::item("app", "0.9.0", Action::Present, 1);
    let plan = |items| last(&of(Command::Plan, items));
    assert_eq!(
        plan(vec![push(), push(), present()]),
        "plan after 12.3s: 2 to push"
    );
    assert_eq!(plan(vec![present()]), "plan after 12.3s: all in place");
    assert_eq!(plan(Vec::new()), "plan after 12.3s: nothing to do");
    let drifted = sample::item("app", "0.8.0", Action::Drifted, 1);
    assert_eq!(
        plan(vec![push(), drifted]),
        "plan after 12.3s: 1 to push; conflicts or drift only"
    );
    // After a run it means that a version was not reached.
    assert_eq!(
        last(&of(Command::Migrate, vec![push()])),
        "migrate after 12.3s: some versions failed"
    );
}

#[test]
fn what_stops_a_whole_target_or_mirror_is_said_last() {
    let mut report = of(Command::Migrate, Vec::new());
    report.interrupted = Some(Signal::Int);
    report.mirrors[0].targets[0].error = sample::problem();
    let mut other = MirrorReport::new("b", "https://b.example");
    other.error = sample::problem();
    report.mirrors.push(other);
    let expected = "\
https://charts.acme.io -> oci://registry.acme.io/charts

b: https://b.example

errors (2)
  b: `registry.acme.io` answered 401 Unauthorized to the login of `robot`
      [registry-auth]
  oci://registry.acme.io/charts: `registry.acme.io` answered 401 Unauthorized to
      the login of `robot` [registry-auth]
interrupted by SIGINT; the next run goes on from here
migrate after 12.3s: interrupted (SIGINT)
";
    assert_eq!(text(&report, 80), expected);
}

#[test]
fn nothing_foreign_reaches_the_terminal_unescaped() {
    let mut report = sample::full();
    let bad = "\u{1b}]0;x\u{7}\r";
    let mirror = &mut report.mirrors[0];
    mirror.name = bad.into();
    mirror.source = bad.into();
    mirror.warnings = vec![Reason::new("x", bad)];
    mirror.error = sample::problem().map(|mut problem| {
        problem.reason.text = bad.into();
        problem
    });
    mirror.targets[0].target = bad.into();
    mirror.targets[0].warnings = vec![Reason::new("x", bad)];
    for item in &mut mirror.targets[0].items {
        item.chart = bad.into();
        item.version = bad.into();
        item.reason = Some(Arc::new(Reason::new("x", bad)));
        item.details_mut().source_url = Some(bad.into());
        item.details_mut().warnings = vec![Reason::new("x", bad)];
    }
    report.hosts[0].host = bad.into();
    for command in [Command::Migrate, Command::Plan] {
        report.command = command;
        let shown = text(&report, 80);
        assert!(shown.chars().all(|c| c == '\n' || !c.is_control()), "{shown:?}");
        assert!(shown.contains("\\u{1b}]0;x"));
    }
}

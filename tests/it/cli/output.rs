//! What goes to stdout, to stderr and into files, in which form, and with which exit code.

use std::io::Read as _;
use std::process::Stdio;

use super::super::support::chart_repo::ChartRepo;
use super::super::support::charts::{Chart, grid};
use super::super::support::ferry::Ferry;
use super::{EXAMPLE, example, left_in};

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn results_on_stdout_and_the_rest_on_stderr() {
    let ferry = Ferry::new();
    let run = example(&ferry, "migrate", &[]).expect(0);
    assert!(run.stdout.starts_with(EXAMPLE), "{}", run.stdout);
    assert!(
        run.stdout.contains("\n7 pushed (") && run.stdout.ends_with(": all in place\n"),
        "{}",
        run.stdout
    );
    assert!(
        !run.stdout.contains(" INFO ") && run.stderr.contains(" INFO done: 7 of 7 versions"),
        "{}",
        run.stderr
    );
    let again = example(&ferry, "migrate", &[]).expect(0);
    assert!(
        again
            .stdout
            .contains("\nnothing to do: all 7 selected versions are in place"),
        "{}",
        again.stdout
    );
}

#[test]
fn quiet_says_nothing_when_all_is_well() {
    let ferry = Ferry::new();
    for command in ["plan", "migrate", "migrate"] {
        let run = example(&ferry, command, &["--quiet"]).expect(0);
        assert_eq!(run.stderr, "", "{command}");
        assert!(!run.stdout.is_empty());
    }
}

#[test]
fn nothing_is_coloured_where_there_is_no_terminal() {
    for name in ["NO_COLOR", "TERM"] {
        let ferry = Ferry::new().env(name, "xterm-256color");
        let run = example(&ferry, "migrate", &["-v"]).expect(0);
        assert!(
            !run.stdout.contains('\u{1b}') && !run.stderr.contains('\u{1b}'),
            "{}",
            run.stderr
        );
    }
}

#[test]
fn logs_can_be_read_by_programs() {
    let run = example(&Ferry::new(), "migrate", &["--log-format", "json"]).expect(0);
    assert!(!run.stderr.is_empty());
    for line in run.stderr.lines() {
        assert_eq!(json(line)["level"], "INFO", "{line}");
    }
}

#[test]
fn json_is_what_the_schema_says() {
    let schema = json(include_str!("../../../docs/report.schema.json"));
    let validator = jsonschema::options()
        .should_validate_formats(true)
        .build(&schema)
        .unwrap();
    let repo = ChartRepo::of(&grid(&["a", "Bad Name"], &["1.0.0", "not-a-version"]));
    let ferry = Ferry::new();
    for (args, code) in [
        (vec!["plan", EXAMPLE, "oci-layout:l"], 0),
        (vec!["migrate", EXAMPLE, "oci-layout:l"], 0),
        (vec!["migrate", EXAMPLE, "oci-layout:l"], 0),
        (vec!["migrate", repo.url().leak(), "oci-layout:l"], 2),
        (vec!["migrate", "no-such-folder", "oci-layout:l"], 4),
        (vec!["migrate", EXAMPLE, "oci-layout:/dev/null"], 5),
    ] {
        let run = ferry.run(args.iter().chain(&["-o", "json"])).expect(code);
        let report = json(&run.stdout);
        let errors: Vec<String> = validator
            .iter_errors(&report)
            .map(|error| error.to_string())
            .collect();
        assert_eq!(errors, [""; 0], "{args:?}");
        assert_eq!(report["exit_code"], code, "{args:?}");
    }
}

#[test]
fn markdown_is_a_summary() {
    let run = example(&Ferry::new(), "migrate", &["-o", "markdown", "-q"]).expect(0);
    assert!(
        run.stdout.starts_with("## chartferry migrate: all in place\n")
            && run.stdout.contains("| `tideboard` | `1.1.0` |"),
        "{}",
        run.stdout
    );
}

#[test]
fn the_report_and_the_map_are_files() {
    let ferry = Ferry::new();
    let run = example(
        &ferry,
        "migrate",
        &["--report", "r.json", "--map", "m.jsonl", "-o", "json"],
    )
    .expect(0);
    let read = |name: &str| std::fs::read_to_string(ferry.home().join(name)).unwrap();
    assert_eq!(json(&read("r.json")), json(&run.stdout));
    let lines: Vec<_> = read("m.jsonl").lines().map(json).collect();
    assert_eq!(lines.len(), 7);
    let plus = lines
        .iter()
        .find(|line| line["version"] == "0.4.0+build.7")
        .unwrap();
    assert_eq!(plus["reference"], "oci-layout:./charts:harbour-log:0.4.0_build.7");
    assert_eq!(plus["chart"], "harbour-log");
    // Nothing half-written stays, and a later run replaces what an earlier one wrote
    assert_eq!(left_in(ferry.home()), ["charts", "m.jsonl", "r.json"]);
    example(&ferry, "migrate", &["--report", "r.json"]).expect(0);
    assert_eq!(json(&read("r.json"))["totals"]["present"], 7);
}

#[test]
fn a_file_that_cannot_be_written_costs_the_exit_code_but_not_the_result() {
    let ferry = Ferry::new();
    let more = ["--report", "none/r.json", "--map", "none/m.jsonl"];
    let run = example(&ferry, "migrate", &more).expect(1);
    assert!(run.stdout.contains("\n7 pushed ("), "{}", run.stdout);
    for name in more.into_iter().filter(|word| word.starts_with("none")) {
        assert!(
            run.stderr.contains(&format!("error: cannot write `{name}`: ")),
            "{}",
            run.stderr
        );
    }
    // One of them does not stop the other
    let run = example(
        &ferry,
        "migrate",
        &["--report", "none/r.json", "--map", "m.jsonl"],
    )
    .expect(1);
    assert!(ferry.home().join("m.jsonl").exists(), "{}", run.stderr);
}

#[test]
fn a_report_may_go_to_what_is_no_file() {
    let run = example(
        &Ferry::new(),
        "migrate",
        &["-q", "--report", "/dev/stdout", "-o", "markdown"],
    )
    .expect(0);
    assert!(
        run.stdout.contains("\"schema\":\"chartferry.report/v1\""),
        "{}",
        run.stdout
    );
}

/// A version that fails, a version that is good.
fn half_broken() -> ChartRepo {
    let good = Chart::new("good", "1.0.0");
    let bad = Chart::new("bad", "1.0.0");
    let repo = ChartRepo::of(&[good, bad.clone()]);
    repo.remove(&bad.file_name());
    repo
}

#[test]
fn codes_can_be_made_zero() {
    let (repo, ferry) = (half_broken(), Ferry::new());
    let url = repo.url();
    let run = |more: &[&str]| {
        let mut args = vec!["migrate", url.as_str(), "oci-layout:charts"];
        args.extend(more);
        ferry.report(&args)
    };
    let failed = run(&[]).expect(2);
    assert_eq!((failed.count("failed"), failed.count("pushed")), (1, 1));
    assert!(
        failed.stdout.contains("\nfailures (1)\n  bad 1.0.0: "),
        "{}",
        failed.stdout
    );
    run(&["--exit-zero-on", "3,6"]).expect(2);
    let excused = run(&["--exit-zero-on", "2,3"]).expect(0);
    // The report says what was, not what was asked for
    assert_eq!(excused.report.unwrap()["exit_code"], 2);
    let accepted = run(&["--accept", "bad@1.0.0"]).expect(0);
    assert_eq!(accepted.count("accepted"), 1);
}

/// `chartferry … | head -1`: the reader leaves, chartferry is content.
#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let versions: Vec<String> = (0..400).map(|patch| format!("1.0.{patch}")).collect();
    let versions: Vec<&str> = versions.iter().map(String::as_str).collect();
    let repo = ChartRepo::of(&grid(
        &["a-chart-with-quite-a-long-name", "b", "c", "d"],
        &versions,
    ));
    let ferry = Ferry::new();
    for form in ["table", "json"] {
        let mut child = ferry
            .command(["plan", &repo.url(), "oci-layout:none", "-q", "-o", form])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut first = [0; 16];
        child.stdout.take().unwrap().read_exact(&mut first).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        assert_eq!(output.status.code(), Some(0));
    }
}

//! Help, mistakes on the command line, completions, the manual page.

use std::process::{Command, Stdio};

use super::super::support::ferry::Ferry;
use super::super::support::skip;
use super::{example, left_in, only_error};

const COMMANDS: [&str; 9] = [
    "migrate",
    "plan",
    "verify",
    "doctor",
    "login",
    "logout",
    "config",
    "completions",
    "man",
];

#[test]
fn help_is_a_result_and_fits_80_columns() {
    let ferry = Ferry::new().env("COLUMNS", "80");
    let mut all: Vec<Vec<&str>> = vec![vec![], vec!["config", "check"], vec!["config", "schema"]];
    all.extend(COMMANDS.iter().map(|command| vec![*command]));
    for command in all {
        for flag in ["-h", "--help"] {
            let args: Vec<&str> = command.iter().copied().chain([flag]).collect();
            let help = ferry.run(&args).expect(0);
            assert_eq!(help.stderr, "", "{args:?}");
            assert!(help.stdout.contains("Usage: chartferry"), "{args:?}");
            for line in help.stdout.lines() {
                assert!(line.chars().count() <= 80, "{args:?}: {line}");
            }
        }
    }
    let top = ferry.run(["--help"]);
    for command in COMMANDS {
        assert!(top.stdout.contains(&format!("\n  {command} ")), "{command}");
    }
}

#[test]
fn commands_have_examples_and_say_how_they_end() {
    let ferry = Ferry::new().env("COLUMNS", "80");
    for args in [&["--help"][..], &["migrate", "--help"], &["plan", "--help"]] {
        let help = ferry.run(args).stdout;
        assert!(help.contains("\nExamples:\n"), "{args:?}");
        for code in ["0", "1", "2", "3", "4", "5", "6", "75", "130"] {
            let line = format!("{code:>5}  ");
            assert!(
                help.lines().any(|found| found.starts_with(&line)),
                "{args:?}: {code}"
            );
        }
    }
}

#[test]
fn the_version_is_a_result() {
    for flag in ["--version", "-V"] {
        let version = Ferry::new().run([flag]).expect(0);
        assert_eq!(
            version.stdout,
            format!("chartferry {}\n", env!("CARGO_PKG_VERSION"))
        );
        assert_eq!(version.stderr, "");
    }
}

/// Arguments and what the one error says. Clap's own exit code would be 2, which here means failed versions.
const MISTAKES: &[(&[&str], &str)] = &[
    (
        &[
            "migrate",
            "https://charts.acme.io",
            "oci-layout:b",
            "--source-ca-file",
            "x",
        ],
        "--source-ca-file: ",
    ),
    (&["migrate", "a", "oci://r.io/x", "--ca-file", "x"], "--ca-file: "),
    (&["migrate"], "SOURCE and TARGET are missing"),
    (
        &["migrate", "src"],
        "TARGET is missing: `oci://host/prefix` or `oci-layout:DIR`",
    ),
    (
        &["migrate", "a", "oci-layout:b", "c"],
        "`c` is one operand too many",
    ),
    (&["migrate", "a", "registry.acme.io/charts"], "TARGET: "),
    (&["migrate", "a", "https://registry.acme.io/charts"], "TARGET: "),
    (&["migrate", "ftp://charts.acme.io", "oci-layout:b"], "SOURCE: "),
    (
        &["migrate", "https://u:p@charts.acme.io", "oci-layout:b"],
        "SOURCE: ",
    ),
    (
        &["migrate", "a", "oci-layout:b", "--version", "not a range"],
        "--version: ",
    ),
    (
        &["migrate", "a", "oci-layout:b", "--since", "yesterday"],
        "--since: ",
    ),
    (
        &["migrate", "a", "oci-layout:b", "--include", "a[b"],
        "--include: ",
    ),
    (&["migrate", "a", "oci-layout:b", "--latest", "0"], "--latest: "),
    (&["migrate", "a", "oci-layout:b", "--min-age", "3"], "--min-age: "),
    (&["migrate", "a", "oci-layout:b", "--rename", "a"], "--rename: "),
    (&["migrate", "a", "oci-layout:b", "--accept", "a"], "--accept: "),
    (
        &["migrate", "a", "oci-layout:b", "--provenance", "require"],
        "--keyring",
    ),
    (
        &["migrate", "a", "oci-layout:b", "--plain-http"],
        "`--plain-http` is about a registry",
    ),
    (
        &["migrate", "a", "oci-layout:b", "--source-ca-file", "x"],
        "`--source-ca-file` is about",
    ),
    (
        &["migrate", "-c", "f", "--latest", "1"],
        "`--latest` cannot be used with `--config`",
    ),
    (
        &["migrate", "helm:nowhere", "oci-layout:b"],
        "`helm:nowhere`: cannot read `",
    ),
    (
        &["migrate", "a", "oci://r.io/x", "--username", "u"],
        "`--username` needs a password: `--password-stdin` or `--password-file`",
    ),
    (
        &[
            "migrate",
            "a",
            "oci://r.io/x",
            "--username",
            "u",
            "--password-stdin",
        ],
        "`--password-stdin`: standard input holds no password",
    ),
];

#[test]
fn a_mistake_is_one_error_that_says_what_to_do() {
    for (args, wanted) in MISTAKES {
        let ferry = Ferry::new();
        let outcome = ferry.run(*args).expect(1);
        assert_eq!(outcome.stdout, "", "{args:?}");
        let error = only_error(&outcome);
        assert!(error.contains(wanted), "{args:?}: {error}");
        assert!(!error.contains(":p@"), "{error}");
        assert_eq!(left_in(ferry.home()), [""; 0], "{args:?}");
    }
}

/// What the parser refuses by itself keeps its form: an error, and where help is.
#[test]
fn what_does_not_parse_points_to_help() {
    for (args, wanted) in [
        (&["migrate", "--latset", "3"][..], "'--latest'"),
        (&["migrat"], "'migrate'"),
        (&["migrate", "a", "b", "--digest", "maybe"], "enforce, warn, off"),
        (&["migrate", "a", "b", "--concurrency", "0"], "1..=1024"),
        (
            &["migrate", "a", "b", "--exit-zero-on", "1"],
            "'--exit-zero-on <CODES>'",
        ),
        (&["migrate", "a", "b", "--cert-file", "x"], "--key-file"),
        (
            &["migrate", "a", "b", "--devel", "--no-prereleases"],
            "cannot be used with",
        ),
        (&["plan", "-q", "-v", "a", "b"], "cannot be used with"),
        (&["completions", "tcsh"], "bash"),
    ] {
        let outcome = Ferry::new().run(args).expect(1);
        assert_eq!(outcome.stdout, "", "{args:?}");
        assert!(outcome.stderr.starts_with("error: "), "{}", outcome.stderr);
        assert!(outcome.stderr.contains(wanted), "{args:?}: {}", outcome.stderr);
        assert!(outcome.stderr.contains("try '--help'"), "{}", outcome.stderr);
    }
}

#[test]
fn nothing_at_all_shows_help_on_stderr() {
    let outcome = Ferry::new().run([""; 0]).expect(1);
    assert_eq!(outcome.stdout, "");
    assert!(outcome.stderr.contains("Usage: chartferry"), "{}", outcome.stderr);
}

#[test]
fn completions_know_the_commands_and_parse() {
    let ferry = Ferry::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = ferry.run(["completions", shell]).expect(0);
        assert_eq!(script.stderr, "");
        for word in ["migrate", "plan", "provenance", "completions"] {
            assert!(script.stdout.contains(word), "{shell}: {word}");
        }
        let path = ferry.home().join("script");
        std::fs::write(&path, &script.stdout).unwrap();
        let checked = Command::new(shell)
            .arg("-n")
            .arg(&path)
            .stdin(Stdio::null())
            .output();
        match checked {
            Ok(output) => assert!(output.status.success(), "{shell}: {output:?}"),
            // Every system has bash; the others are extras
            Err(error) if shell == "bash" => skip("the syntax of the completions", &error.to_string()),
            Err(_) => {}
        }
    }
}

#[test]
fn the_manual_page_is_one() {
    let page = Ferry::new().run(["man"]).expect(0);
    assert_eq!(page.stderr, "");
    assert!(page.stdout.contains("\n.TH chartferry 1 "), "{}", page.stdout);
    for word in [
        ".SH SYNOPSIS",
        ".SH OPTIONS",
        "chartferry\\-migrate(1)",
        "Exit codes:",
    ] {
        assert!(page.stdout.contains(word), "{word}");
    }
    // The first page names the pages of the commands, so there are such pages
    let page = Ferry::new().run(["man", "migrate"]).expect(0);
    assert!(page.stdout.contains("\\-\\-provenance"), "{}", page.stdout);
    let none = Ferry::new().run(["man", "swim"]).expect(1);
    assert!(none.stderr.contains("no command `swim`"), "{}", none.stderr);
}

#[test]
fn dry_run_is_plan_and_neither_writes() {
    let ferry = Ferry::new();
    let plan = example(&ferry, "plan", &["-o", "json", "-q"]).expect(0);
    let dry = example(&ferry, "migrate", &["--dry-run", "-o", "json", "-q"]).expect(0);
    let result = |text: &str| {
        let mut report: serde_json::Value = serde_json::from_str(text).unwrap();
        for key in ["started", "finished", "duration_ms"] {
            assert!(report[key].take() != serde_json::Value::Null, "{key}");
        }
        report
    };
    assert_eq!(result(&plan.stdout), result(&dry.stdout));
    assert_eq!(result(&plan.stdout)["totals"]["push"], 7);
    assert_eq!(left_in(ferry.home()), [""; 0]);
}

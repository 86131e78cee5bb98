//! `config check`, `config schema`, and runs from a file.

use super::super::support::ferry::Ferry;
use super::{EXAMPLE, only_error, write};

const DOCUMENTED: &str = include_str!("../../../config.example.toml");

/// Two mirrors of the example into layouts in the home.
fn two_mirrors() -> String {
    format!(
        "[[mirror]]\nname = \"one\"\nsource = '{EXAMPLE}'\ntargets = [\"oci-layout:one\"]\n\
         [[mirror]]\nname = \"two\"\nsource = '{EXAMPLE}'\ntargets = [\"oci-layout:two\"]\ninclude = [\"signal-*\"]\n"
    )
}

#[test]
fn check_says_what_is_good() {
    let ferry = Ferry::new();
    let good = ferry
        .run(["config", "check", write(&ferry, "good.toml", &two_mirrors())])
        .expect(0);
    assert_eq!(
        (good.stdout.as_str(), good.stderr.as_str()),
        ("good.toml: good (2 mirrors, 0 hosts)\n", "")
    );
    let documented = ferry
        .run(["config", "check", write(&ferry, "c.toml", DOCUMENTED)])
        .expect(0);
    assert_eq!(documented.stdout, "c.toml: good (1 mirror, 1 host)\n");
}

#[test]
fn check_shows_every_problem_where_it_is() {
    let ferry = Ferry::new();
    let text =
        "concurency = 4\ngrace = \"soon\"\n\n[[mirror]]\nname = \"a\"\nsource = \"ftp://x\"\ntargets = []\n";
    let bad = ferry
        .run(["config", "check", write(&ferry, "bad.toml", text)])
        .expect(1);
    assert_eq!(bad.stdout, "");
    let places: Vec<&str> = bad
        .stderr
        .lines()
        .filter_map(|line| line.strip_prefix("error: bad.toml:"))
        .filter_map(|line| line.split(": ").next())
        .collect();
    assert_eq!(places, ["1:1", "2:9", "6:10", "7:11"], "{}", bad.stderr);
    assert!(bad.stderr.contains("\n2 | grace = "), "{}", bad.stderr);
    assert!(
        bad.stderr.contains("`concurrency`"),
        "no suggestion: {}",
        bad.stderr
    );
    // A run refuses the same file in the same words, before anything else
    let run = ferry.run(["migrate", "-c", "bad.toml"]).expect(1);
    assert_eq!((run.stdout, run.stderr), (String::new(), bad.stderr));
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let ferry = Ferry::new();
    for args in [["config", "check", "none.toml"], ["migrate", "-c", "none.toml"]] {
        let outcome = ferry.run(args).expect(1);
        assert!(only_error(&outcome).contains("none.toml"), "{}", outcome.stderr);
    }
}

#[test]
fn the_schema_takes_the_documented_file_and_refuses_others() {
    let schema = Ferry::new().run(["config", "schema"]).expect(0);
    let committed = include_str!("../../../docs/config.schema.json");
    assert_eq!(
        schema.stdout, committed,
        "docs/config.schema.json is not what the code says"
    );
    let validator = jsonschema::validator_for(&serde_json::from_str(&schema.stdout).unwrap()).unwrap();
    let json = |text: &str| -> serde_json::Value { toml::from_str(text).unwrap() };
    // As it is, and with every default and example switched on
    let everything = DOCUMENTED
        .lines()
        .map(
            |line| match line.strip_prefix("#~ ").or_else(|| line.strip_prefix("# ")) {
                Some(key) => key,
                None => line,
            },
        )
        .collect::<Vec<_>>()
        .join("\n");
    for text in [DOCUMENTED, &everything] {
        let errors: Vec<String> = validator
            .iter_errors(&json(text))
            .map(|error| error.to_string())
            .collect();
        assert_eq!(errors, [""; 0]);
    }
    assert!(everything.contains("\nrun_timeout = ") && everything.contains("\nlatest = "));
    for bad in ["concurency = 4", "[[mirror]]\nname = \"a\"", "grace = 5"] {
        assert!(!validator.is_valid(&json(bad)), "{bad}");
    }
}

#[test]
fn a_file_runs_all_of_its_mirrors_or_those_that_are_named() {
    let ferry = Ferry::new();
    let file = write(&ferry, "c.toml", &two_mirrors());
    let two = ferry.report(["migrate", "-c", file, "two"]).expect(0);
    assert_eq!((two.count("pushed"), two.count("filtered")), (2, 5));
    assert!(!ferry.home().join("one").exists());
    let all = ferry.report(["migrate", "--config", file]).expect(0);
    assert_eq!((all.count("pushed"), all.count("present")), (7, 2));
    for name in ["one: ", "two: "] {
        assert!(all.stdout.contains(name), "{}", all.stdout);
    }
    let unknown = ferry.run(["migrate", "-c", file, "three"]).expect(1);
    assert_eq!(
        only_error(&unknown),
        "error: there is no mirror `three` in the file; there are `one`, `two`"
    );
}

#[test]
fn a_file_without_mirrors_is_a_mistake() {
    let ferry = Ferry::new();
    let outcome = ferry
        .run(["migrate", "-c", write(&ferry, "c.toml", "grace = \"5s\"\n")])
        .expect(1);
    assert!(
        only_error(&outcome).contains("`[[mirror]]`"),
        "{}",
        outcome.stderr
    );
}

//! Configuration files that are wrong, and some that are right: `tests/corpus/config/<id>-<slug>`.
//!
//! `config.toml` is read with an environment of one variable, `PATH`. `expect.json` lists problems and warnings in
//! the order of the file: place, key, and parts of the sentence. The ids are those of the catalogue of bad inputs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chartferry::config::{self, Problem};
use serde::Deserialize;

/// Stands in the corpus wherever a secret went into the wrong place: it may never be shown.
const CANARIES: [&str; 2] = ["hunter2", "s3cr3t"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    problems: Vec<Said>,
    warnings: Vec<Said>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    place: Option<(usize, usize)>,
    key: String,
    text: Vec<String>,
}

impl Said {
    fn fits(&self, problem: &Problem) -> bool {
        self.place == problem.place
            && self.key == problem.key
            && self.text.iter().all(|part| problem.text.contains(part))
    }
}

fn corpus() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/config");
    let mut folders: Vec<PathBuf> = std::fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    folders.sort();
    folders
}

fn fits(wanted: &[Said], found: &[Problem]) -> bool {
    wanted.len() == found.len() && wanted.iter().zip(found).all(|(wanted, found)| wanted.fits(found))
}

#[test]
fn the_corpus_of_bad_files() {
    let variables: BTreeMap<String, String> = [("PATH".to_owned(), "/bin".to_owned())].into();
    let folders = corpus();
    assert!(folders.len() >= 40, "only {} cases", folders.len());
    let mut wrong = Vec::new();
    for folder in folders {
        // A build that cannot check signatures has more to say there.
        if !cfg!(feature = "verify") && folder.ends_with("b63-provenance") {
            continue;
        }
        let path = folder.join("config.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        let expect: Expect =
            serde_json::from_slice(&std::fs::read(folder.join("expect.json")).unwrap()).unwrap();
        let (problems, warnings) = match config::check_with(&text, &path, &variables) {
            Ok((_, warnings)) => (Vec::new(), warnings),
            Err(error) => (error.problems, error.warnings),
        };
        // Files of a checkout have the mode that the user's umask gives them.
        let warnings: Vec<Problem> = warnings
            .into_iter()
            .filter(|warning| !warning.text.contains("every user of this machine"))
            .collect();
        if !fits(&expect.problems, &problems) || !fits(&expect.warnings, &warnings) {
            let shown: Vec<String> = problems
                .iter()
                .chain(&warnings)
                .map(ToString::to_string)
                .collect();
            wrong.push(shown.join("\n"));
        }
        for problem in problems.iter().chain(&warnings) {
            let shown = format!(
                "{problem}\n{problem:?}\n{}",
                problem.snippet().unwrap_or_default()
            );
            assert!(!CANARIES.iter().any(|canary| shown.contains(canary)), "{shown}");
            assert_eq!(problem.snippet().is_some(), problem.place.is_some());
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n\n"));
}

/// What a person sees: the form `file:line:column: key: problem, what to do`.
#[test]
fn problems_read_as_compilers_write_them() {
    let error =
        config::check_with("concurrency = 0\n", Path::new("ferry.toml"), &BTreeMap::new()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "ferry.toml: mirror: there is no `[[mirror]]`, so nothing to do; add one\n\
         ferry.toml:1:15: concurrency: is out of bounds; give `\"auto\"` or a whole number from 1 to 1024"
    );
    assert_eq!(
        error.problems[1].snippet().unwrap(),
        "1 | concurrency = …\n  |               ^"
    );
}

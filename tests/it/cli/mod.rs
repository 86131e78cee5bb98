//! The command line as its users meet it: help, mistakes, files, forms of output.

mod config;
mod filters;
mod library;
mod output;
mod usage;

use std::path::Path;

use super::support::ferry::{Ferry, Outcome};

/// The repository that comes with chartferry: seven versions of three charts.
pub(super) const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/charts-repo");

/// `command` from the example into a layout in the home, with more arguments.
fn example(ferry: &Ferry, command: &str, more: &[&str]) -> Outcome {
    let mut args = vec![command, EXAMPLE, "oci-layout:charts"];
    args.extend(more);
    ferry.run(args)
}

/// Writes a file into the home and returns its name.
fn write<'a>(ferry: &Ferry, name: &'a str, text: &str) -> &'a str {
    std::fs::write(ferry.home().join(name), text).unwrap();
    name
}

/// The only line of stderr, which says what is wrong.
#[track_caller]
fn only_error(outcome: &Outcome) -> &str {
    let mut lines = outcome.stderr.lines();
    let line = lines.next().unwrap_or_default();
    assert!(line.starts_with("error: "), "{}", outcome.stderr);
    assert_eq!(lines.next(), None, "{}", outcome.stderr);
    line
}

/// Names of everything in the home, so that a test sees what a command left behind.
fn left_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

//! Every fault of the list has a test that is named after it.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::path::Path;

const WANTED: [RangeInclusive<u32>; 3] = [1..=1, 4..=29, 44..=51];

#[test]
fn every_fault_has_a_test_of_its_name() {
    let mut found = BTreeSet::new();
    collect(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it"),
        &mut found,
    );
    for number in WANTED.into_iter().flatten() {
        assert!(found.contains(&number), "no test for F{number:02}");
    }
}

/// The numbers in the names of test functions.
fn collect(folder: &Path, found: &mut BTreeSet<u32>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let tests = text.split("#[test]").skip(1);
        let names = tests.filter_map(|test| test.split_once("fn f")?.1.split_once('_'));
        found.extend(names.filter_map(|(number, _)| number.parse::<u32>().ok()));
    }
}

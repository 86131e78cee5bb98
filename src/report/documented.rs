//! `docs/report.md` against the code: a reason code that nobody can look up is no promise.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::{Action, ExitStatus};

fn documentation() -> String {
    fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/report.md")).unwrap()
}

/// Everything before the tests of every source file that is no test itself.
fn sources(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if name != "tests" {
                sources(&path, found);
            }
        } else if path.extension().is_some_and(|kind| kind == "rs")
            && !["tests.rs", "sample.rs", "documented.rs"].contains(&name.as_str())
        {
            let text = fs::read_to_string(&path).unwrap();
            let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            found.push((path.display().to_string(), text.to_owned()));
        }
    }
}

/// The string literal that `text` begins with.
fn literal(text: &str) -> Option<&str> {
    text.trim_start().strip_prefix('"')?.split('"').next()
}

/// Codes given to `Reason::new` and those that `fn code` of an error returns.
fn codes(text: &str) -> BTreeSet<String> {
    let mut codes = BTreeSet::new();
    for maker in ["Reason::new(", "Fault::failed(", "Fault::refused("] {
        codes.extend(text.split(maker).skip(1).filter_map(literal).map(str::to_owned));
    }
    for body in text.split("fn code(&self) -> &'static str {").skip(1) {
        let body = body.split("\n    }\n").next().unwrap_or_default();
        codes.extend(body.split("=> ").skip(1).filter_map(literal).map(str::to_owned));
    }
    codes
}

#[test]
fn every_reason_code_can_be_looked_up() {
    let mut files = Vec::new();
    sources(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")), &mut files);
    assert!(files.len() > 20, "{}", files.len());
    let documentation = documentation();
    let mut missing = Vec::new();
    for (file, text) in &files {
        for code in codes(text) {
            if !documentation.contains(&format!("`{code}`")) {
                missing.push(format!("{code} ({file})"));
            }
        }
    }
    assert_eq!(missing, [""; 0]);
}

/// The other way round: no code is promised that nothing gives.
#[test]
fn no_code_is_documented_that_does_not_exist() {
    let mut files = Vec::new();
    sources(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")), &mut files);
    let documentation = documentation();
    let tables = documentation.split("\n## Reason codes\n").nth(1).unwrap();
    let tables = tables.split("\n## ").next().unwrap();
    let rows = tables.lines().filter_map(|line| line.strip_prefix("| `"));
    let codes = rows.flat_map(|row| row.split(" | ").next().unwrap_or_default().split(['`', ',', ' ']));
    let codes: BTreeSet<&str> = codes.filter(|code| !code.is_empty()).collect();
    assert!(codes.len() > 60, "{codes:?}");
    let given = |code: &str| {
        files
            .iter()
            .any(|(_, text)| text.contains(&format!("\"{code}\"")))
    };
    let invented: Vec<_> = codes.into_iter().filter(|code| !given(code)).collect();
    assert_eq!(invented, [""; 0]);
}

#[test]
fn codes_are_found_however_they_are_written() {
    let text = "Reason::new(\n    \"a-b\",\n x); Reason::new(\"c\", y); Reason::new(code, z)
    fn code(&self) -> &'static str {
        match self { A => \"d-e\", B => x.code(), _ => \"f\" }
    }
    fn other() { x => \"not-one\" }";
    assert_eq!(Vec::from_iter(codes(text)), ["a-b", "c", "d-e", "f"]);
}

#[test]
fn actions_and_exit_codes_are_documented() {
    let documentation = documentation();
    for action in Action::ALL {
        assert!(documentation.contains(&format!("\n| `{action}` | ")), "{action}");
    }
    for status in ExitStatus::ALL {
        let code = status.code();
        let row = |line: &str| {
            let first = line.strip_prefix("| ").and_then(|rest| rest.split(" |").next());
            first.is_some_and(|cell| cell.split(", ").any(|word| word == code.to_string()))
        };
        assert!(documentation.lines().any(row), "{code}");
    }
}

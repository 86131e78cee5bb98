//! What is wrong with a configuration file: all of it at once, each with its place and with what to do.
//!
//! Values never appear in the shown line of the file: whoever writes a password into the wrong key must not
//! find it in a CI log.

use std::fmt;
use std::path::{Path, PathBuf};

use super::keys::Section;
use crate::types::Class;

/// Where something was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum At {
    /// In the file, at this byte.
    Offset(usize),
    /// In this environment variable.
    Variable(String),
    /// Nowhere: something is missing, or the file as a whole is meant.
    File,
}

/// What kind of problem it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The file cannot be read or is not TOML.
    Syntax,
    /// No such key.
    Unknown,
    /// A required key is missing.
    Missing,
    /// Another type or another range is wanted.
    Type,
    /// The value means nothing.
    Value,
    /// Two settings contradict each other.
    Conflict,
    /// A file or variable that the configuration names is missing or unusable.
    Outside,
}

/// One problem, or one warning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The configuration file.
    pub file: PathBuf,
    /// Line and column, both from 1, columns in characters; `None` if the file as a whole or a variable is meant.
    pub place: Option<(usize, usize)>,
    /// The key with its path, such as `mirror[0].targets[1]`; may be empty.
    pub key: String,
    /// What kind it is.
    pub kind: Kind,
    /// The problem and what to do.
    pub text: String,
    /// The line of the file with values masked, and the column of the caret in it, from 0.
    line: Option<(String, usize)>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some((line, column)) = self.place {
            write!(f, ":{line}:{column}")?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}", self.text)
    }
}

impl Problem {
    /// A problem of the file as a whole.
    pub(super) fn of_file(file: &Path, text: String) -> Self {
        Self {
            file: file.into(),
            place: None,
            key: String::new(),
            kind: Kind::Syntax,
            text,
            line: None,
        }
    }

    /// The line of the file with its values masked and a caret below, for terminals.
    pub fn snippet(&self) -> Option<String> {
        let (number, _) = self.place?;
        let (line, column) = self.line.as_ref()?;
        let gutter = number.to_string();
        let blank = " ".repeat(gutter.len());
        Some(format!("{gutter} | {line}\n{blank} | {}^", " ".repeat(*column)))
    }
}

/// Why a configuration was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    /// All problems, in the order of the file; never empty.
    pub problems: Vec<Problem>,
    /// What else deserves a look.
    pub warnings: Vec<Problem>,
}

impl ConfigError {
    /// The user must mend the file.
    pub fn class(&self) -> Class {
        Class::Config
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

/// Collects problems and warnings while a file is read.
#[derive(Debug)]
pub(super) struct Problems<'a> {
    text: &'a str,
    file: &'a Path,
    refused: Vec<Problem>,
    warned: Vec<Problem>,
}

impl<'a> Problems<'a> {
    pub(super) fn new(text: &'a str, file: &'a Path) -> Self {
        Self {
            text,
            file,
            refused: Vec::new(),
            warned: Vec::new(),
        }
    }

    /// Takes down a problem.
    pub(super) fn refuse(&mut self, at: &At, key: &str, kind: Kind, text: impl Into<String>) {
        let problem = self.make(at, key, kind, text.into());
        self.refused.push(problem);
    }

    /// Takes down something that deserves a look.
    pub(super) fn warn(&mut self, at: &At, key: &str, kind: Kind, text: impl Into<String>) {
        let problem = self.make(at, key, kind, text.into());
        self.warned.push(problem);
    }

    /// The warnings, or everything if there was a problem; both in the order of the file.
    pub(super) fn finish(self) -> Result<Vec<Problem>, ConfigError> {
        let Self {
            mut refused,
            mut warned,
            ..
        } = self;
        refused.sort_by_key(|problem| problem.place);
        warned.sort_by_key(|problem| problem.place);
        if refused.is_empty() {
            Ok(warned)
        } else {
            Err(ConfigError {
                problems: refused,
                warnings: warned,
            })
        }
    }

    fn make(&self, at: &At, key: &str, kind: Kind, text: String) -> Problem {
        let file = self.file.into();
        let (place, line, text) = match at {
            At::Offset(offset) => {
                let (place, line) = locate(self.text, *offset);
                (Some(place), Some(line), text)
            }
            At::Variable(name) => (
                None,
                None,
                format!("{text} (from the environment variable `{name}`)"),
            ),
            At::File => (None, None, text),
        };
        Problem {
            file,
            place,
            key: key.into(),
            kind,
            text,
            line,
        }
    }
}

/// Line and column of a byte, and the line with its values masked and the column of the caret in it.
fn locate(text: &str, offset: usize) -> ((usize, usize), (String, usize)) {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    let start = text[..offset].rfind('\n').map_or(0, |at| at + 1);
    let line_number = text[..start].matches('\n').count() + 1;
    let column = text[start..offset].chars().count();
    let line = text[start..].lines().next().unwrap_or_default();
    ((line_number, column + 1), mask(line, column))
}

/// The line without its values, and where `column` is in what is left.
fn mask(line: &str, column: usize) -> (String, usize) {
    /// Longer lines are cut: they are for reading.
    const WIDTH: usize = 100;
    let shown = if line.trim_start().starts_with('[') && !line.contains(['"', '\'']) {
        line
    } else {
        // Only a key that we know: anything else may be the inside of a string.
        let known = |key: &str| {
            Section::all()
                .iter()
                .any(|section| section.key(key.trim()).is_some())
        };
        line.find('=')
            .filter(|at| known(&line[..*at]))
            .map_or("", |at| &line[..=at])
    };
    let safe = |c: char| if c == '\t' || c.is_control() { ' ' } else { c };
    let mut out: String = shown.chars().take(WIDTH).map(safe).collect();
    let kept = out.chars().count();
    if kept < line.chars().count() {
        out.push_str(if out.is_empty() { "…" } else { " …" });
    }
    let end = out.chars().count().saturating_sub(1);
    (out, if column < kept { column } else { end })
}

/// The nearest of `known` if a slip of the pen could explain `word`.
pub(super) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let limit = if word.len() < 5 { 1 } else { 2 };
    known
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's distance; a swap of neighbours counts 2, which the limit allows for.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().take(64).enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let substitute = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = substitute.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_characters_and_lines_are_masked() {
        let text = "ä = 1\r\n\tusername = \"hunter2\" # x\nsecret\n";
        let mut problems = Problems::new(text, Path::new("c.toml"));
        problems.refuse(
            &At::Offset(text.find("\"hunter2").unwrap()),
            "username",
            Kind::Unknown,
            "no such key",
        );
        problems.refuse(&At::Offset(text.find("cret").unwrap()), "", Kind::Syntax, "no");
        problems.refuse(&At::Offset(0), "ä", Kind::Type, "wrong");
        problems.refuse(
            &At::Variable("CHARTFERRY__LOG".into()),
            "log",
            Kind::Type,
            "wrong",
        );
        let error = problems.finish().unwrap_err();
        assert_eq!(
            error.to_string(),
            "c.toml: log: wrong (from the environment variable `CHARTFERRY__LOG`)\n\
             c.toml:1:1: ä: wrong\nc.toml:2:13: username: no such key\nc.toml:3:3: no"
        );
        let snippets: Vec<_> = error.problems.iter().filter_map(Problem::snippet).collect();
        assert_eq!(
            snippets,
            [
                "1 | …\n  | ^",
                "2 |  username = …\n  |             ^",
                "3 | …\n  | ^"
            ]
        );
        assert!(!format!("{error:?}").contains("hunter2"));
    }

    #[test]
    fn offsets_outside_and_inside_characters_are_harmless() {
        for offset in 0..12 {
            let ((line, column), _) = locate("é=\"ü\"\n", offset);
            assert!(line >= 1 && column >= 1);
        }
    }

    #[test]
    fn suggests_only_what_is_near() {
        let known = ["versions", "latest", "log"];
        assert_eq!(nearest("version", known.into_iter()), Some("versions"));
        assert_eq!(nearest("lastest", known.into_iter()), Some("latest"));
        assert_eq!(nearest("state_dir", known.into_iter()), None);
        assert_eq!(nearest("pog", known.into_iter()), Some("log"));
        assert_eq!(nearest("xyz", known.into_iter()), None);
    }
}

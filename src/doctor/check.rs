//! One thing that was looked at, and the list of them.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

/// How it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It was not looked at, since something that it needs has failed.
    Skipped,
    /// As it should be.
    Ok,
    /// A run may go well all the same.
    Warning,
    /// A run cannot go well.
    Failure,
}

impl Status {
    /// All of them, from good to bad.
    pub const ALL: [Self; 4] = [Self::Ok, Self::Skipped, Self::Warning, Self::Failure];

    /// As it is printed.
    pub fn word(self) -> &'static str {
        match self {
            Self::Skipped => "skipped",
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failure => "failure",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// Every check that there is. `docs/registries.md` explains them.
const IDS: [&str; 26] = [
    "name",
    "connection",
    "tls",
    "clock",
    "api",
    "credentials",
    "login",
    "forwarding",
    "path",
    "pull",
    "push",
    "repositories",
    "paging",
    "layout",
    "index",
    "versions",
    "packages",
    "probe-upload",
    "probe-single-post",
    "probe-pieces",
    "probe-manifest",
    "probe-same-again",
    "probe-overwrite",
    "probe-referrers",
    "probe-delete",
    "internal",
];

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Check {
    /// Stable, kebab-case, documented in `docs/registries.md`.
    pub id: &'static str,
    /// How it stands.
    pub status: Status,
    /// What was found, what it means and what to do. One sentence, no full stop.
    pub text: String,
    /// The repositories that a warning or a failure is about, all of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    pub repositories: Vec<String>,
}

impl Check {
    /// Whether both were skipped, and for one reason.
    pub(super) fn is_skipped_like(&self, other: &Self) -> bool {
        self.status == Status::Skipped && other.status == Status::Skipped && self.text == other.text
    }
}

/// The checks of one subject, in their order.
#[derive(Debug, Default)]
pub(super) struct Checks(Vec<Check>);

impl Checks {
    pub(super) fn add(&mut self, id: &'static str, status: Status, text: impl Into<String>) {
        self.about(id, status, text, Vec::new());
    }

    pub(super) fn ok(&mut self, id: &'static str, text: impl Into<String>) {
        self.add(id, Status::Ok, text);
    }

    pub(super) fn warn(&mut self, id: &'static str, text: impl Into<String>) {
        self.add(id, Status::Warning, text);
    }

    pub(super) fn fail(&mut self, id: &'static str, text: impl Into<String>) {
        self.add(id, Status::Failure, text);
    }

    /// What is not looked at for one reason.
    pub(super) fn skip(&mut self, ids: &[&'static str], why: &str) {
        for id in ids {
            self.add(id, Status::Skipped, why);
        }
    }

    pub(super) fn about(
        &mut self,
        id: &'static str,
        status: Status,
        text: impl Into<String>,
        repositories: Vec<String>,
    ) {
        debug_assert!(IDS.contains(&id), "`{id}` is not in the list of checks");
        self.0.push(Check {
            id,
            status,
            text: text.into(),
            repositories,
        });
    }

    pub(super) fn done(self) -> Vec<Check> {
        self.0
    }
}

/// `a`, `b` and 3 more.
pub(super) fn names<T: fmt::Display>(all: impl IntoIterator<Item = T>, most: usize) -> String {
    let mut all = all.into_iter();
    let shown: Vec<String> = all.by_ref().take(most).map(|name| format!("`{name}`")).collect();
    match all.count() {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    /// An id that nobody can look up is no promise.
    #[test]
    fn every_check_is_documented_and_no_other() {
        let text = include_str!("../../docs/registries.md");
        let (_, table) = text
            .split_once("| check | of | looks at |\n|---|---|---|\n")
            .unwrap();
        let rows = table.lines().map_while(|line| line.strip_prefix("| `"));
        let documented: Vec<&str> = rows.filter_map(|row| row.split('`').next()).collect();
        assert_eq!(documented, super::IDS);
    }

    #[test]
    fn long_lists_are_cut() {
        for (all, text) in [
            (&["a"][..], "`a`"),
            (&["a", "b"], "`a`, `b`"),
            (&["a", "b", "c", "d"], "`a`, `b` and 2 more"),
            (&[], ""),
        ] {
            assert_eq!(super::names(all, 2), text);
        }
    }
}

//! YAML as Helm reads it: the first document of a file, decoded as Go's yaml v2 does and converted to JSON as
//! `sigs.k8s.io/yaml` does (helm-oci-format 1.4).
//!
//! | module | does |
//! |---|---|
//! | `events` | scanner and parser: the only place that knows `libyaml_safer` |
//! | `scalar`, `time` | what a scalar is by text and tag |
//! | `document` | the nodes of one document, aliases resolved |
//! | `entries` | mappings with merges applied, keys as JSON texts |
//! | `check` | whether all of a document converts, known field or not |
//! | `quick` | the same answer for most documents straight from the events |
//!
//! Memory: a document is held as nodes only if it is small or odd; `values.yaml` normally passes as events.

mod check;
mod document;
mod entries;
mod events;
mod quick;
mod scalar;
mod time;

#[cfg(test)]
mod tests;

pub(crate) use check::{Shape, check, fold_key};
pub(crate) use document::{Document, Value};
pub(crate) use quick::check_map;
pub(crate) use scalar::Scalar;
pub(crate) use time::is_rfc3339;

/// Why a text is no YAML to Helm.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub(crate) struct YamlError {
    problem: String,
}

impl YamlError {
    /// An error with this text, which must not hold control characters.
    pub(crate) fn new(problem: impl Into<String>) -> Self {
        Self {
            problem: problem.into(),
        }
    }

    /// The same with the line, counted from 0, in front.
    fn at_line(self, line: u64) -> Self {
        Self::new(format!("line {}: {}", line + 1, self.problem))
    }
}

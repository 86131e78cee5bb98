//! Why something happened to a version, for people and for programs.

use schemars::JsonSchema;
use serde::Serialize;

/// A stable code and a sentence. The sentence names source, host and URL with secrets masked and says
/// what to do; control characters of foreign data are escaped before they get here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Reason {
    /// Stable, kebab-case, documented in `docs/report.md`.
    pub code: &'static str,
    /// One sentence, lower-case start, no full stop.
    pub text: String,
}

impl Reason {
    /// A reason of this code.
    pub fn new(code: &'static str, text: impl Into<String>) -> Self {
        Self {
            code,
            text: text.into(),
        }
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

//! The view as JSON (`/api/v1`), as data: what is sent, and the schema that is generated from it.
//!
//! Each answer names its format in `schema`. Within v1, fields are added, never renamed or removed; what is not there is left
//! out. Times are RFC 3339 in UTC, in seconds. Texts are the view's, in which secrets are masked.

mod mirror;
mod mirrors;
mod schema;
mod versions;

use chrono::{DateTime, SecondsFormat, Utc};
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

pub use mirror::Mirror;
pub use mirrors::Mirrors;
pub use schema::generate as schema;
pub use versions::Versions;

/// A moment, as RFC 3339 in UTC.
#[derive(Debug, Clone, Copy)]
struct Moment(DateTime<Utc>);

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.to_rfc3339_opts(SecondsFormat::Secs, true))
    }
}

impl JsonSchema for Moment {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Moment".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "date-time" })
    }
}

/// Why a request was not served.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Error")]
#[expect(clippy::struct_field_names, reason = "they are the names in the JSON")]
pub struct Error<'a> {
    /// Name and version of this format.
    #[schemars(extend("const" = "chartferry.error/v1"))]
    schema: &'static str,
    /// Stable, kebab-case.
    code: &'a str,
    /// One sentence: what is wrong and what to do.
    error: &'a str,
}

impl<'a> Error<'a> {
    /// With this code and sentence.
    pub fn new(code: &'a str, error: &'a str) -> Self {
        Self {
            schema: "chartferry.error/v1",
            code,
            error,
        }
    }
}

/// What became of a run that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It begins.
    Begun,
    /// One goes on; this one follows it.
    Queued,
}

/// A run was asked for, and there will be one.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Started")]
pub struct Started<'a> {
    /// Name and version of this format.
    #[schemars(extend("const" = "chartferry.started/v1"))]
    schema: &'static str,
    /// Of which mirror.
    mirror: &'a str,
    /// When.
    outcome: Outcome,
}

impl<'a> Started<'a> {
    /// Of this mirror.
    pub fn new(mirror: &'a str, outcome: Outcome) -> Self {
        Self {
            schema: "chartferry.started/v1",
            mirror,
            outcome,
        }
    }
}

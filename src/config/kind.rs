//! What a key may hold, and how a problem says so.

use std::time::Duration;

use super::keys::Section;
use crate::types::ByteSize;

/// What a key may hold.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// A string.
    Text,
    /// `true` or `false`.
    Bool,
    /// A whole number in these bounds, both allowed.
    Integer(u64, u64),
    /// A number above the first bound and up to the second.
    Number(f64, f64),
    /// `"auto"` or a whole number in these bounds.
    Auto(u64, u64),
    /// A size such as `"32MiB"` in these bounds.
    Size(ByteSize, ByteSize),
    /// A duration such as `"90s"` in these bounds.
    Duration(Duration, Duration),
    /// A date, a moment or an age.
    Since,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A list of strings.
    Texts,
    /// A table of strings.
    Names,
    /// One table of its own, written `[path]`.
    Table(&'static Section),
    /// Tables of their own, written `[[path]]`.
    Tables(&'static Section),
}

impl Kind {
    /// How a problem names what was wanted.
    pub fn wanted(self) -> String {
        match self {
            Self::Text => "a string".into(),
            Self::Bool => "`true` or `false`".into(),
            Self::Integer(low, high) => format!("a whole number from {low} to {high}"),
            Self::Number(low, high) => format!("a number above {low} and up to {high}"),
            Self::Auto(low, high) => format!("`\"auto\"` or a whole number from {low} to {high}"),
            Self::Size(low, high) => format!("a size from {low} to {high} in quotes, such as `\"32MiB\"`"),
            Self::Duration(low, high) => format!(
                "a time from {} to {} in quotes, such as `\"90s\"` or `\"1h 30m\"`",
                humantime::format_duration(low),
                humantime::format_duration(high)
            ),
            Self::Since => "a date (`\"2024-01-01\"`), a moment (RFC 3339) or an age (`\"365d\"`)".into(),
            Self::Choice(words) => {
                let quoted: Vec<String> = words.iter().map(|word| format!("`\"{word}\"`")).collect();
                format!("one of {}", quoted.join(", "))
            }
            Self::Texts => "a list of strings, such as `[\"a\", \"b\"]`".into(),
            Self::Names => "a table of strings, such as `{ \"Old Name\" = \"new-name\" }`".into(),
            Self::Table(section) => format!("a table, under `[{}]`", section.path),
            Self::Tables(section) => format!("tables, each under `[[{}]]`", section.path),
        }
    }
}

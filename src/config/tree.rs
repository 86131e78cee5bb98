//! The file as a tree that remembers where everything stood.
//!
//! The tree is our own, so that values of the environment can be laid over it and keep their origin, and so that
//! the reader can go on after a problem: a serde decoder stops at the first one.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{At, Kind, Problems};

/// A value and where it stood.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) at: At,
    pub(super) value: Value,
}

/// A TOML value.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Text(String),
    Integer(i64),
    /// A whole number that no 64-bit integer holds.
    Huge,
    Float(f64),
    Bool(bool),
    /// A bare date or moment, as written.
    Datetime(String),
    List(Vec<Node>),
    Table(Vec<Entry>),
}

/// A key of a table with its value.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) at: At,
    pub(super) node: Node,
}

impl Value {
    /// What a problem calls it.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Text(_) => "a string",
            Self::Integer(_) => "a whole number",
            Self::Huge => "a number that is too large",
            Self::Float(_) => "a number with a fraction",
            Self::Bool(_) => "a truth value",
            Self::Datetime(_) => "a date",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }
}

/// Reads the text. All syntax problems are taken down; then the tree is `None`, because guesses at what a broken
/// file meant would only add false problems. Duplicate keys do not break the tree.
pub(super) fn parse(text: &str, problems: &mut Problems<'_>) -> Option<Vec<Entry>> {
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut broken = false;
    for error in errors {
        let start = error.span().map_or(text.len(), |span| span.start);
        let duplicate = error.message().starts_with("duplicate key");
        broken |= !duplicate;
        let advice = if duplicate { ", keep one of the two" } else { "" };
        // The error's own text shows the line with its value, which may be a secret.
        let message = error.message().trim_end().replace('\n', ", ");
        problems.refuse(&At::Offset(start), "", Kind::Syntax, format!("{message}{advice}"));
    }
    (!broken).then(|| entries(table.into_inner()))
}

fn entries(table: DeTable<'_>) -> Vec<Entry> {
    table
        .into_iter()
        .map(|(key, value)| Entry {
            at: At::Offset(key.span().start),
            key: key.into_inner().into_owned(),
            node: node(value),
        })
        .collect()
}

fn node(value: Spanned<DeValue<'_>>) -> Node {
    let Range { start, .. } = value.span();
    let value = match value.into_inner() {
        DeValue::String(text) => Value::Text(text.into_owned()),
        DeValue::Integer(number) => {
            i64::from_str_radix(number.as_str(), number.radix()).map_or(Value::Huge, Value::Integer)
        }
        DeValue::Float(number) => number.as_str().parse().map_or(Value::Huge, Value::Float),
        DeValue::Boolean(value) => Value::Bool(value),
        DeValue::Datetime(moment) => Value::Datetime(moment.to_string()),
        DeValue::Array(list) => Value::List(list.into_iter().map(node).collect()),
        DeValue::Table(table) => Value::Table(entries(table)),
    };
    Node {
        at: At::Offset(start),
        value,
    }
}

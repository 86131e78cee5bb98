//! Environment variables over the file: `CHARTFERRY__KEY`, and `CHARTFERRY__SECTION__KEY` for sections that are no lists. The `config` crate reads the names; it is given strings only and coerces nothing, so that
//! the same checks apply to both origins (crates 4.2).

use std::collections::BTreeMap;

use config::{Environment, Source as _};

use super::keys::{GLOBAL, Kind};
use super::problem::{At, Kind as ProblemKind, Problems, nearest};
use super::tree::{Entry, Node, Value};

const PREFIX: &str = "CHARTFERRY";

/// Lays the variables over the top of the tree.
pub(super) fn overlay(
    entries: &mut Vec<Entry>,
    variables: &BTreeMap<String, String>,
    problems: &mut Problems<'_>,
) {
    let source = Environment::with_prefix(PREFIX)
        .prefix_separator("__")
        .separator("__")
        .source(Some(variables.clone().into_iter().collect()));
    let Ok(found) = source.collect() else {
        return; // only text that is not Unicode fails, and `variables` is Unicode
    };
    let found: BTreeMap<String, String> = found
        .into_iter()
        .filter_map(|(key, value)| Some((key, value.into_string().ok()?)))
        .collect();
    for (key, text) in found {
        let variable = format!("{PREFIX}__{}", key.replace('.', "__").to_uppercase());
        let at = At::Variable(variable);
        let (kind, table, name) = match key.split_once('.') {
            None => (GLOBAL.key(&key).map(|key| key.kind), None, key.as_str()),
            Some((section, name)) => (inner(section, name), Some(section), name),
        };
        match kind {
            Some(Kind::Tables(_) | Kind::Table(_)) | None => refuse(&key, &at, problems),
            Some(kind) => {
                let Some(entries) = within(entries, table, &at) else {
                    continue; // not a table, which the reader says
                };
                let node = Node {
                    at: at.clone(),
                    value: value(kind, text),
                };
                entries.retain(|entry| entry.key != name);
                let key = name.to_owned();
                entries.push(Entry { key, at, node });
            }
        }
    }
}

/// What a key of a section may hold.
fn inner(section: &str, name: &str) -> Option<Kind> {
    match GLOBAL.key(section)?.kind {
        Kind::Table(section) => Some(section.key(name)?.kind),
        _ => None,
    }
}

/// The entries among which the key belongs; the table is made where the file has none.
fn within<'a>(entries: &'a mut Vec<Entry>, table: Option<&str>, at: &At) -> Option<&'a mut Vec<Entry>> {
    let Some(table) = table else { return Some(entries) };
    if !entries.iter().any(|entry| entry.key == table) {
        entries.push(Entry {
            key: table.to_owned(),
            at: at.clone(),
            node: Node {
                at: at.clone(),
                value: Value::Table(Vec::new()),
            },
        });
    }
    let entry = entries.iter_mut().find(|entry| entry.key == table)?;
    match &mut entry.node.value {
        Value::Table(entries) => Some(entries),
        _ => None,
    }
}

fn refuse(key: &str, at: &At, problems: &mut Problems<'_>) {
    let head = key.split('.').next().unwrap_or_default();
    let text = if matches!(GLOBAL.key(head).map(|key| key.kind), Some(Kind::Tables(_))) {
        "a variable cannot change a list; set it in the file, secrets by `password_file` or `password_env`"
            .into()
    } else if let Some(near) = nearest(key, GLOBAL.keys.iter().map(|key| key.name)) {
        format!("no such key; did you mean `{PREFIX}__{}`?", near.to_uppercase())
    } else {
        "no such key; unset the variable".into()
    };
    problems.refuse(at, key, ProblemKind::Unknown, text);
}

/// Variables hold text: where the key wants a number, a text that is one counts as one.
fn value(kind: Kind, text: String) -> Value {
    match kind {
        Kind::Auto(..) | Kind::Integer(..) => text.parse().map_or(Value::Text(text), Value::Integer),
        Kind::Number(..) => text.parse().map_or(Value::Text(text), Value::Float),
        Kind::Bool => text.parse().map_or(Value::Text(text), Value::Bool),
        _ => Value::Text(text),
    }
}

//! Environment variables over the file: `CHARTFERRY__KEY`, and `CHARTFERRY__SECTION__KEY` once there are sections
//! that are no lists. The `config` crate reads the names; it is given strings only and coerces nothing, so that
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
        match GLOBAL.key(&key).map(|key| key.kind) {
            Some(Kind::Tables(_)) | None => refuse(&key, &at, problems),
            Some(kind) => {
                let node = Node {
                    at: at.clone(),
                    value: value(kind, text),
                };
                entries.retain(|entry| entry.key != key);
                entries.push(Entry { key, at, node });
            }
        }
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

//! Whether a value fits its key: type and bounds. What it means is for `values`.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::fields::Located;
use super::keys::Kind;
use super::problem::{Kind as ProblemKind, Problems};
use super::settings::{Concurrency, Since};
use super::tree::{Entry, Node, Value};
use crate::types::ByteSize;

/// A value whose type fits its key.
#[derive(Debug, Clone)]
pub(super) enum Checked<'a> {
    Text(&'a str),
    Bool(bool),
    Integer(u64),
    Number(f64),
    Auto(Concurrency),
    Size(ByteSize),
    Duration(Duration),
    Since(Since),
    Texts(Vec<Located<&'a str>>),
    Names(Vec<(Located<&'a str>, Located<&'a str>)>),
    Table((&'a Node, &'a [Entry])),
    Tables(Vec<(&'a Node, &'a [Entry])>),
}

/// The value if it fits, else what is wrong; `Err(None)` if that was taken down already.
pub(super) fn check<'a>(
    kind: Kind,
    node: &'a Node,
    path: &str,
    problems: &mut Problems<'_>,
) -> Result<Checked<'a>, Option<String>> {
    let wrong_type = || Some(format!("is {}; give {}", node.value.name(), kind.wanted()));
    let bounds = || Some(format!("is out of bounds; give {}", kind.wanted()));
    match (kind, &node.value) {
        (Kind::Text, Value::Text(text)) => match text.find('\0') {
            None => Ok(Checked::Text(text)),
            Some(_) => Err(Some("holds a NUL character; remove it".into())),
        },
        (Kind::Bool, Value::Bool(value)) => Ok(Checked::Bool(*value)),
        (Kind::Auto(..), Value::Text(text)) if text == "auto" => Ok(Checked::Auto(Concurrency::Auto)),
        (Kind::Integer(low, high) | Kind::Auto(low, high), Value::Integer(number)) => {
            let number = u64::try_from(*number)
                .ok()
                .filter(|n| (low..=high).contains(n))
                .ok_or_else(bounds)?;
            Ok(match kind {
                Kind::Auto(..) => {
                    Checked::Auto(Concurrency::Fixed(usize::try_from(number).unwrap_or(usize::MAX)))
                }
                _ => Checked::Integer(number),
            })
        }
        (Kind::Number(low, high), Value::Integer(_) | Value::Float(_)) => {
            let number = match &node.value {
                Value::Integer(number) => u32::try_from(*number).map_or(f64::INFINITY, f64::from),
                Value::Float(number) => *number,
                _ => f64::NAN,
            };
            if number > low && number <= high {
                Ok(Checked::Number(number))
            } else {
                Err(bounds())
            }
        }
        (Kind::Integer(..) | Kind::Auto(..) | Kind::Number(..), Value::Huge) => Err(bounds()),
        (Kind::Choice(words), Value::Text(text)) if words.contains(&text.as_str()) => Ok(Checked::Text(text)),
        (
            Kind::Size(..) | Kind::Duration(..) | Kind::Since | Kind::Choice(_) | Kind::Auto(..),
            Value::Text(text),
        )
        | (Kind::Since, Value::Datetime(text)) => parse(kind, text).map_err(Some),
        (Kind::Texts, Value::List(list)) => texts(list, path, problems),
        (Kind::Names, Value::Table(entries)) => names(entries, path, problems),
        (Kind::Table(_), Value::Table(entries)) => Ok(Checked::Table((node, entries))),
        (Kind::Tables(_), Value::List(list)) => tables(kind, list, path, problems),
        _ => Err(wrong_type()),
    }
}

/// Values that are written as strings.
fn parse<'a>(kind: Kind, text: &str) -> Result<Checked<'a>, String> {
    let shown: String = text.chars().take(60).collect();
    let bad = || format!("`{}` does not do; give {}", shown.escape_debug(), kind.wanted());
    match kind {
        Kind::Size(low, high) => {
            let size: ByteSize = text.parse().map_err(|_| bad())?;
            if (low..=high).contains(&size) {
                Ok(Checked::Size(size))
            } else {
                Err(bad())
            }
        }
        Kind::Duration(low, high) => {
            let time = humantime::parse_duration(text).map_err(|_| bad())?;
            if (low..=high).contains(&time) {
                Ok(Checked::Duration(time))
            } else {
                Err(bad())
            }
        }
        Kind::Since => since(text).map(Checked::Since).ok_or_else(bad),
        _ => Err(bad()),
    }
}

/// A date means its beginning in UTC.
fn since(text: &str) -> Option<Since> {
    /// Before any chart, and far from where date arithmetic ends.
    const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
    if let Ok(date) = text.parse::<chrono::NaiveDate>() {
        return Some(Since::At(date.and_hms_opt(0, 0, 0)?.and_utc()));
    }
    if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
        return Some(Since::At(moment.with_timezone(&Utc)));
    }
    let age = humantime::parse_duration(text).ok()?;
    (age > Duration::ZERO && age <= CENTURY).then_some(Since::Ago(age))
}

fn texts<'a>(
    list: &'a [Node],
    path: &str,
    problems: &mut Problems<'_>,
) -> Result<Checked<'a>, Option<String>> {
    let mut out = Vec::with_capacity(list.len());
    let mut sound = true;
    for (index, node) in list.iter().enumerate() {
        let key = format!("{path}[{index}]");
        match &node.value {
            Value::Text(text) if text.is_empty() || text.contains('\0') => {
                sound = false;
                problems.refuse(
                    &node.at,
                    &key,
                    ProblemKind::Value,
                    "is empty or holds a NUL character; remove it",
                );
            }
            Value::Text(text) => out.push(Located {
                value: text.as_str(),
                at: node.at.clone(),
                key,
            }),
            other => {
                sound = false;
                problems.refuse(
                    &node.at,
                    &key,
                    ProblemKind::Type,
                    format!("is {}; give a string", other.name()),
                );
            }
        }
    }
    if sound { Ok(Checked::Texts(out)) } else { Err(None) }
}

fn names<'a>(
    entries: &'a [Entry],
    path: &str,
    problems: &mut Problems<'_>,
) -> Result<Checked<'a>, Option<String>> {
    let mut out = Vec::with_capacity(entries.len());
    let mut sound = true;
    for entry in entries {
        let key = format!("{path}.\"{}\"", entry.key.escape_debug());
        if let Value::Text(text) = &entry.node.value {
            let from = Located {
                value: entry.key.as_str(),
                at: entry.at.clone(),
                key: key.clone(),
            };
            out.push((
                from,
                Located {
                    value: text.as_str(),
                    at: entry.node.at.clone(),
                    key,
                },
            ));
        } else {
            sound = false;
            let text = format!("is {}; give a string", entry.node.value.name());
            problems.refuse(&entry.node.at, &key, ProblemKind::Type, text);
        }
    }
    if sound { Ok(Checked::Names(out)) } else { Err(None) }
}

fn tables<'a>(
    kind: Kind,
    list: &'a [Node],
    path: &str,
    problems: &mut Problems<'_>,
) -> Result<Checked<'a>, Option<String>> {
    let mut out = Vec::with_capacity(list.len());
    let mut sound = true;
    for (index, node) in list.iter().enumerate() {
        if let Value::Table(entries) = &node.value {
            out.push((node, entries.as_slice()));
        } else {
            sound = false;
            let text = format!("is {}; give {}", node.value.name(), kind.wanted());
            problems.refuse(&node.at, &format!("{path}[{index}]"), ProblemKind::Type, text);
        }
    }
    if sound {
        Ok(Checked::Tables(out))
    } else {
        Err(None)
    }
}

//! One table of the file, checked against the key table: unknown keys, wrong types and values out of bounds are
//! taken down, what is sound can be asked for by name.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::keys::{Kind, Section};
use super::problem::{At, Kind as ProblemKind, Problems, nearest};
use super::settings::{Concurrency, Since};
use super::tree::{Entry, Node, Value};
use crate::types::ByteSize;

/// A sound value, where it stood and the path of its key.
#[derive(Debug, Clone)]
pub(super) struct Located<T> {
    pub(super) value: T,
    pub(super) at: At,
    pub(super) key: String,
}

impl<T> Located<T> {
    /// Takes down that the value is wrong.
    pub(super) fn refuse(&self, problems: &mut Problems<'_>, kind: ProblemKind, text: impl Into<String>) {
        problems.refuse(&self.at, &self.key, kind, text);
    }

    /// Takes down that the value deserves a look.
    pub(super) fn warn(&self, problems: &mut Problems<'_>, kind: ProblemKind, text: impl Into<String>) {
        problems.warn(&self.at, &self.key, kind, text);
    }
}

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
    Tables(Vec<(&'a Node, &'a [Entry])>),
}

/// The sound values of one table.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    /// Path of the table, such as `mirror[0]`; empty at the top.
    pub(super) path: String,
    /// Where the table began.
    pub(super) at: At,
    sound: BTreeMap<&'static str, Located<Checked<'a>>>,
    /// Every known key that the table has, sound or not.
    given: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    /// Checks `entries` against `section`.
    pub(super) fn read(
        section: &'static Section,
        path: String,
        at: At,
        entries: &'a [Entry],
        problems: &mut Problems<'_>,
    ) -> Self {
        let mut fields = Self {
            path,
            at,
            sound: BTreeMap::new(),
            given: Vec::new(),
        };
        for entry in entries {
            let path = fields.path_of(&entry.key);
            let Some(key) = section.key(&entry.key) else {
                problems.refuse(
                    &entry.at,
                    &path,
                    ProblemKind::Unknown,
                    unknown(section, &entry.key),
                );
                continue;
            };
            fields.given.push(key.name);
            match check(key.kind, &entry.node, &path, problems) {
                Ok(value) => {
                    let at = entry.node.at.clone();
                    fields.sound.insert(key.name, Located { value, at, key: path });
                }
                Err(Some(text)) => problems.refuse(&entry.node.at, &path, ProblemKind::Type, text),
                Err(None) => {} // taken down already, at its own place
            }
        }
        for key in section
            .keys
            .iter()
            .filter(|key| key.required && !fields.given.contains(&key.name))
        {
            let text = format!("is missing: {}", key.about.trim_end_matches('.'));
            problems.refuse(&fields.at, &fields.path_of(key.name), ProblemKind::Missing, text);
        }
        fields
    }

    /// The path of a key of this table.
    pub(super) fn path_of(&self, key: &str) -> String {
        let bare = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        let key = if !key.is_empty() && key.bytes().all(bare) {
            key.into()
        } else {
            format!("\"{}\"", key.escape_debug())
        };
        if self.path.is_empty() {
            key
        } else {
            format!("{}.{key}", self.path)
        }
    }

    /// True if the table has the key, even with a value that was refused.
    pub(super) fn has(&self, key: &str) -> bool {
        self.given.contains(&key)
    }

    /// The place of a key for a problem that is not about its value alone.
    pub(super) fn place(&self, key: &str) -> Located<()> {
        let at = self.sound.get(key).map_or(&self.at, |found| &found.at).clone();
        Located {
            value: (),
            at,
            key: self.path_of(key),
        }
    }

    /// The sound value of a key.
    pub(super) fn get<T: FromChecked<'a>>(&self, key: &str) -> Option<Located<T>> {
        let found = self.sound.get(key)?;
        let value = T::from_checked(&found.value)?;
        Some(Located {
            value,
            at: found.at.clone(),
            key: found.key.clone(),
        })
    }

    /// The sound value of a key, or the default.
    pub(super) fn get_or<T: FromChecked<'a>>(&self, key: &str, default: T) -> T {
        self.get(key).map_or(default, |found| found.value)
    }
}

/// What can be asked for.
pub(super) trait FromChecked<'a>: Sized {
    fn from_checked(value: &Checked<'a>) -> Option<Self>;
}

macro_rules! from_checked {
    ($($variant:ident => $type:ty),* $(,)?) => {
        $(impl<'a> FromChecked<'a> for $type {
            fn from_checked(value: &Checked<'a>) -> Option<Self> {
                if let Checked::$variant(value) = value { Some(value.clone()) } else { None }
            }
        })*
    };
}

from_checked! {
    Text => &'a str,
    Bool => bool,
    Integer => u64,
    Number => f64,
    Auto => Concurrency,
    Size => ByteSize,
    Duration => Duration,
    Since => Since,
    Texts => Vec<Located<&'a str>>,
    Names => Vec<(Located<&'a str>, Located<&'a str>)>,
    Tables => Vec<(&'a Node, &'a [Entry])>,
}

/// What to say about a key that is not there.
fn unknown(section: &Section, key: &str) -> String {
    let near = nearest(key, section.keys.iter().map(|key| key.name));
    let elsewhere = || {
        Section::all()
            .into_iter()
            .find(|other| other.path != section.path && other.key(key).is_some())
    };
    if key.contains("password") || key.contains("secret") || key.contains("token") {
        "no such key; secrets do not belong into this file, use `password_file`, `password_env` or `credential_helper` of a `[[host]]`".into()
    } else if let Some(near) = near {
        format!("no such key; did you mean `{near}`?")
    } else if let Some(other) = elsewhere() {
        match other.path {
            "" => "no such key here; it belongs to the top of the file, before the first `[[…]]`".into(),
            path => format!("no such key here; it belongs into `[[{path}]]`"),
        }
    } else {
        "no such key; remove it".into()
    }
}

/// The value if it fits, else what is wrong; `Err(None)` if that was taken down already.
fn check<'a>(
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
        ) => parse(kind, text).map_err(Some),
        (Kind::Since, Value::Datetime(text)) => parse(kind, text).map_err(Some),
        (Kind::Texts, Value::List(list)) => texts(list, path, problems),
        (Kind::Names, Value::Table(entries)) => names(entries, path, problems),
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

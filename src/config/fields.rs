//! One table of the file, checked against the key table: unknown keys, wrong types and values out of bounds are
//! taken down, what is sound can be asked for by name.

use std::collections::BTreeMap;
use std::time::Duration;

use super::check::{Checked, check};
use super::keys::Section;
use super::problem::{At, Kind as ProblemKind, Problems, nearest};
use super::settings::{Concurrency, Since};
use super::tree::{Entry, Node};
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
    Table => (&'a Node, &'a [Entry]),
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
    if key.contains("token") && section.key("token_file").is_some() {
        "no such key; secrets do not belong into this file, use `token_file` or `token_env`".into()
    } else if key.contains("password") || key.contains("secret") || key.contains("token") {
        "no such key; secrets do not belong into this file, use `password_file`, `password_env` or `credential_helper` of a `[[host]]`".into()
    } else if let Some(near) = near {
        format!("no such key; did you mean `{near}`?")
    } else if let Some(other) = elsewhere() {
        match other.path {
            "" => "no such key here; it belongs to the top of the file, before the first `[[…]]`".into(),
            _ => format!("no such key here; it belongs into `{}`", other.header()),
        }
    } else {
        "no such key; remove it".into()
    }
}

//! One version in an index: the few fields that a mirror needs, kept small.

use std::sync::Arc;

use chrono::{DateTime, Datelike as _, Utc};

use super::event::Event;
use crate::helm::scalar;
use crate::types::{Digest, Reason};

/// The `digest` of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IndexDigest {
    /// Absent or empty.
    None,
    /// sha256, whether or not it was written with its prefix or in capitals.
    Sha256(Digest),
    /// A text that is no sha256 digest (base64, sha1, …); no package can match it.
    Other(Box<str>),
}

impl IndexDigest {
    /// Reads the text of the field (reliability.md B46).
    pub fn parse(text: &str) -> Self {
        let text = text.trim();
        let hex = match text.split_at_checked(7) {
            Some((prefix, hex)) if prefix.eq_ignore_ascii_case("sha256:") => hex,
            _ => text,
        };
        match Digest::from_hex(hex) {
            Ok(digest) => Self::Sha256(digest),
            Err(_) if text.is_empty() => Self::None,
            Err(_) => Self::Other(text.into()),
        }
    }
}

/// One version in an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key under which the entry stands.
    pub chart: Arc<str>,
    /// The entry's own `name`; the key's memory is shared where they are equal.
    pub name: Option<Arc<str>>,
    /// The `version` as it is written; empty if there is none.
    pub version: Box<str>,
    /// The `urls` as they are written.
    pub urls: Box<[Box<str>]>,
    /// The `digest`.
    pub digest: IndexDigest,
    /// The `created` date; none if it is absent, no date, or Go's zero time of year 1.
    pub created: Option<DateTime<Utc>>,
    /// The `appVersion` as it is written.
    pub app_version: Option<Box<str>>,
    /// The `deprecated` flag.
    pub deprecated: bool,
    /// Line of the entry, 1-based.
    pub line: u32,
    /// Why the entry cannot be used, whatever its fields say.
    pub problem: Option<Box<Reason>>,
}

/// The fields that Helm knows. Those a mirror has no use for are told apart only to notice duplicates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Name,
    Version,
    Urls,
    Digest,
    Created,
    AppVersion,
    Deprecated,
    /// `<<`: needs an alias to be of use, which an index must not have.
    Merge,
    /// A known field that is not read, by its number in [`UNREAD`].
    Unread(usize),
    Unknown,
}

const UNREAD: [&str; 18] = [
    "home",
    "sources",
    "description",
    "keywords",
    "maintainers",
    "icon",
    "apiVersion",
    "condition",
    "tags",
    "kubeVersion",
    "dependencies",
    "type",
    "annotations",
    "removed",
    "checksum",
    "engine",
    "tillerVersion",
    "url",
];

impl Field {
    /// Helm matches keys without regard to case (helm-oci-format 1.4; real indexes hold `apiversion`).
    fn of(key: &str) -> Self {
        let is = |name: &str| key.eq_ignore_ascii_case(name);
        match key.len() {
            2 if key == "<<" => Self::Merge,
            4 if is("name") => Self::Name,
            4 if is("urls") => Self::Urls,
            6 if is("digest") => Self::Digest,
            7 if is("version") => Self::Version,
            7 if is("created") => Self::Created,
            10 if is("appVersion") => Self::AppVersion,
            10 if is("deprecated") => Self::Deprecated,
            _ => UNREAD
                .iter()
                .position(|name| is(name))
                .map_or(Self::Unknown, Self::Unread),
        }
    }

    /// One bit for each field whose repetition is noticed.
    fn bit(self) -> u32 {
        match self {
            Self::Name => 1,
            Self::Version => 1 << 1,
            Self::Urls => 1 << 2,
            Self::Digest => 1 << 3,
            Self::Created => 1 << 4,
            Self::AppVersion => 1 << 5,
            Self::Deprecated => 1 << 6,
            Self::Unread(number) => 1 << (7 + number),
            Self::Merge | Self::Unknown => 0,
        }
    }

    /// True if the field's value is looked at.
    pub(super) fn is_read(self) -> bool {
        !matches!(self, Self::Unread(_) | Self::Unknown)
    }
}

/// An entry while its fields arrive.
pub(super) struct Draft {
    entry: Entry,
    urls: Vec<Box<str>>,
    seen: u32,
    /// `created` was there and no date.
    pub(super) bad_date: bool,
}

impl Draft {
    pub(super) fn new(chart: &Arc<str>, line: u32) -> Self {
        Self {
            entry: Entry {
                chart: Arc::clone(chart),
                name: None,
                version: Box::default(),
                urls: Box::default(),
                digest: IndexDigest::None,
                created: None,
                app_version: None,
                deprecated: false,
                line,
                problem: None,
            },
            urls: Vec::new(),
            seen: 0,
            bad_date: false,
        }
    }

    /// A whole entry that is no map.
    pub(super) fn broken(chart: &Arc<str>, line: u32, code: &'static str, text: String) -> Entry {
        let mut draft = Self::new(chart, line);
        draft.problem(code, text);
        draft.finish()
    }

    /// Notes the first thing that makes the entry unusable.
    pub(super) fn problem(&mut self, code: &'static str, text: String) {
        self.entry
            .problem
            .get_or_insert_with(|| Box::new(Reason::new(code, text)));
    }

    /// Takes the next key and says which field it is.
    pub(super) fn key(&mut self, key: &str) -> Field {
        let field = Field::of(key);
        if self.seen & field.bit() != 0 {
            self.problem(
                "bad-entry",
                format!("the field `{}` is there twice", key.escape_debug()),
            );
        }
        if field == Field::Merge {
            self.problem(
                "bad-entry",
                "merge keys (`<<`) are not allowed in an index".into(),
            );
        }
        self.seen |= field.bit();
        field
    }

    /// Takes the value of a field, where it is a single one. False if it must be another type.
    pub(super) fn scalar(&mut self, field: Field, text: &str, plain: bool) {
        let absent = plain && scalar::is_null(text);
        match field {
            _ if absent => {}
            Field::Name if text == &*self.entry.chart => {
                self.entry.name = Some(Arc::clone(&self.entry.chart));
            }
            Field::Name => self.entry.name = Some(text.into()),
            Field::Version => self.entry.version = text.into(),
            Field::Digest => self.entry.digest = IndexDigest::parse(text),
            Field::AppVersion => self.entry.app_version = Some(text.into()),
            Field::Created => match DateTime::parse_from_rfc3339(text.trim()) {
                // Go writes its zero time where there was none.
                Ok(date) => self.entry.created = (date.year() > 1).then(|| date.to_utc()),
                Err(_) => self.bad_date = !text.is_empty(),
            },
            Field::Deprecated => match scalar::to_bool(text) {
                Some(flag) => self.entry.deprecated = flag,
                None => self.problem("bad-entry", "`deprecated` is neither true nor false".into()),
            },
            Field::Urls => self.problem("bad-entry", "`urls` is a single value, not a list".into()),
            Field::Merge | Field::Unread(_) | Field::Unknown => {}
        }
    }

    /// The value of a field is a list or a map and should not be.
    pub(super) fn nested(&mut self, field: Field, event: Event<'_>) {
        let (name, expected) = match field {
            Field::Name => ("name", "a text"),
            Field::Version => ("version", "a text"),
            Field::Urls => ("urls", "a list"),
            Field::Digest => ("digest", "a text"),
            Field::Created => ("created", "a date"),
            Field::AppVersion => ("appVersion", "a text"),
            Field::Deprecated => ("deprecated", "true or false"),
            Field::Merge | Field::Unread(_) | Field::Unknown => return,
        };
        self.problem(
            "bad-entry",
            format!("`{name}` is {}, not {expected}", event.noun()),
        );
    }

    /// One of the `urls`. Empty ones lead nowhere.
    pub(super) fn url(&mut self, text: &str, plain: bool) {
        if text.contains(char::REPLACEMENT_CHARACTER) {
            self.problem("bad-entry", "a URL of the entry is not UTF-8".into());
        }
        let absent = text.is_empty() || (plain && scalar::is_null(text));
        if !absent {
            self.urls.push(text.into());
        }
    }

    pub(super) fn finish(mut self) -> Entry {
        self.entry.urls = self.urls.into_boxed_slice();
        self.entry
    }
}

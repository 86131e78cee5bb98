//! The lines of a state file: one JSON object each, so that people can look into it with what they have.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::idle::Settled;
use super::{Identity, Provenance};
use crate::report::RunSummary;
use crate::types::Digest;

/// The format that is written. Any change of a line makes it another one.
pub(super) const FORMAT: &str = "chartferry.state/v1";
/// All formats, up to their number.
pub(super) const FAMILY: &str = "chartferry.state/v";

/// All that may be relied upon in formats to come: the first line says which it is, the last one has a digest of all
/// the others.
#[derive(Deserialize)]
pub(super) struct Format {
    pub(super) format: Box<str>,
}

/// The first line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header<'a> {
    pub(super) format: Cow<'a, str>,
    pub(super) identity: Cow<'a, Identity>,
}

/// The last line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct End {
    /// sha256 of all lines before.
    pub(super) end: Digest,
}

/// The lines in between: the marks once, runs and troubles, then each chart followed by its versions.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Line<'a> {
    Marks(Box<Marks>),
    Run(Box<RunSummary>),
    #[serde(borrow)]
    Trouble(Box<Trouble<'a>>),
    #[serde(borrow)]
    Chart(Text<'a>),
    #[serde(borrow)]
    Version(Version<'a>),
}

/// A text that is not copied while it is read.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Marks {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) settled: Option<Settled>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) newest: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reconciled: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) last_success: Option<DateTime<Utc>>,
    pub(super) failures_in_a_row: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Trouble<'a> {
    #[serde(borrow)]
    pub(super) chart: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) version: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) target: u16,
    #[serde(borrow)]
    pub(super) action: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) code: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) text: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) subject: Option<Digest>,
    pub(super) since: DateTime<Utc>,
    pub(super) runs: u32,
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) notified: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Version<'a> {
    #[serde(borrow)]
    pub(super) name: Cow<'a, str>,
    pub(super) seen: DateTime<Utc>,
    #[serde(default, skip_serializing_if = "Listed::is_both")]
    pub(super) listed: Listed,
    #[serde(default, skip_serializing_if = "is_unknown")]
    pub(super) provenance: Provenance,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) at: Vec<At>,
}

/// In which indexes a version is.
#[derive(Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Listed {
    /// In the last one, which is trusted.
    #[default]
    Both,
    /// In the last trusted one, no more in the last one.
    Lost,
    /// In the last one only, which is suspicious.
    New,
    /// In neither.
    Gone,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct At {
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) target: u16,
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) adopted: bool,
    pub(super) manifest: Digest,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) package: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) indexed: Option<Box<Digest>>,
    /// Repository and tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) elsewhere: Option<(Box<str>, Box<str>)>,
}

impl Listed {
    pub(super) fn new(trusted: bool, current: bool) -> Self {
        match (trusted, current) {
            (true, true) => Self::Both,
            (true, false) => Self::Lost,
            (false, true) => Self::New,
            (false, false) => Self::Gone,
        }
    }

    pub(super) fn trusted(self) -> bool {
        matches!(self, Self::Both | Self::Lost)
    }

    pub(super) fn current(self) -> bool {
        matches!(self, Self::Both | Self::New)
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
    fn is_both(&self) -> bool {
        *self == Self::Both
    }
}

fn is_unknown(provenance: &Provenance) -> bool {
    *provenance == Provenance::Unknown
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn is_false(flag: &bool) -> bool {
    !flag
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn is_zero(number: &u16) -> bool {
    *number == 0
}

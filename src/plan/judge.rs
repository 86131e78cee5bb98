//! Entries that can never be pushed as the index has them (reliability.md B01 to B12, B30).

use crate::helm::index::Entry;
use crate::helm::version::Version;
use crate::types::{ChartName, Reason, Tag};

use super::{Mismatch, Rules};

/// An entry that may be pushed, and under which name.
pub(super) struct Sound {
    pub(super) repository: ChartName,
    pub(super) version: Version,
    pub(super) tag: Tag,
    pub(super) warnings: Vec<Reason>,
}

/// Judges one entry; the error says why it is refused.
pub(super) fn judge(entry: &Entry, version: Option<Version>, rules: &Rules) -> Result<Sound, Reason> {
    if let Some(problem) = &entry.problem {
        return Err(Reason::clone(problem));
    }
    let mut warnings = Vec::new();
    let repository = repository(entry, rules, &mut warnings)?;
    let version = version.ok_or_else(|| no_version(&entry.version))?;
    let tag = Tag::from_version(&entry.version)
        .map_err(|error| Reason::new("invalid-tag", format!("the version's tag {error}")))?;
    if entry.urls.is_empty() {
        return Err(Reason::new(
            "no-url",
            "the entry has no `urls`, so there is nothing to download",
        ));
    }
    Ok(Sound {
        repository,
        version,
        tag,
        warnings,
    })
}

fn no_version(text: &str) -> Reason {
    match Version::parse(text) {
        Err(error) if !text.is_empty() => Reason::new("invalid-version", error.to_string()),
        _ => Reason::new("invalid-version", "the entry has no `version`"),
    }
}

fn repository(entry: &Entry, rules: &Rules, warnings: &mut Vec<Reason>) -> Result<ChartName, Reason> {
    let key = &*entry.chart;
    let name = match (entry.name.as_deref(), rules.mismatch) {
        (Some(name), _) => name,
        (None, Mismatch::Package) => key,
        (None, Mismatch::Error) => {
            return Err(Reason::new(
                "invalid-name",
                "the entry has no `name`; `mismatch = \"package\"` takes the package's",
            ));
        }
    };
    let repository = rules
        .repository_for(name)
        .map_err(|error| Reason::new("invalid-name", format!("`{}`: {error}", shown(name))))?;
    if name != key || entry.name.is_none() {
        let text = format!(
            "the index has the chart `{}` under the key `{}`",
            shown(name),
            shown(key)
        );
        if rules.mismatch == Mismatch::Error {
            let text = format!("{text}; `mismatch = \"package\"` takes the package's name");
            return Err(Reason::new("name-mismatch", text));
        }
        warnings.push(Reason::new("name-mismatch", text));
    }
    Ok(repository)
}

/// Foreign text in a message: short, and without control characters.
pub(super) fn shown(text: &str) -> String {
    let mut shown = text
        .chars()
        .take(80)
        .collect::<String>()
        .escape_debug()
        .to_string();
    if text.chars().nth(80).is_some() {
        shown.push('…');
    }
    shown
}

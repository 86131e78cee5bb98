//! From one chart of an index to candidates, and a reason for everything else.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};

use super::contest::Contest;
use super::cooldown::{Cooldown, cooldown};
use super::judge::{judge, shown};
use super::{Duplicates, Rules};
use crate::helm::index::{Entry, IndexChart};
use crate::helm::version::Version;
use crate::report::Action;
use crate::types::{ChartName, Reason, Tag};

/// A version that is to be in the registry.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The entry, the first listed of several.
    pub entry: Entry,
    /// The same version listed again with another digest or other URLs; the bytes may match any of them.
    pub alternatives: Vec<Entry>,
    /// Last component of its repository.
    pub repository: ChartName,
    /// Its version.
    pub version: Version,
    /// Its tag.
    pub tag: Tag,
    /// What deserves a look.
    pub warnings: Vec<Reason>,
}

impl Candidate {
    fn into_entries(self) -> Vec<Entry> {
        let mut entries = self.alternatives;
        entries.insert(0, self.entry);
        entries
    }
}

/// A version that is left out.
#[derive(Debug, Clone)]
pub struct Left {
    /// The chart's key.
    pub chart: Arc<str>,
    /// The version as it is written.
    pub version: Box<str>,
    /// Line of the entry.
    pub index_line: u32,
    /// [`Action::Filtered`], [`Action::Held`] or [`Action::Refused`].
    pub action: Action,
    /// Why: which filter, which fault.
    pub reason: Reason,
    /// When it has waited long enough, if it waits.
    pub due: Option<DateTime<Utc>>,
}

/// The decisions about one chart.
#[derive(Debug, Clone)]
pub struct Selection {
    /// The chart's key.
    pub chart: Arc<str>,
    /// The repository that its name leads to, if it is one. With `mismatch = "package"` single candidates may belong to
    /// another one; [`Selection::split`] sorts that out.
    pub repository: Option<ChartName>,
    /// What is to be in the registry, newest first.
    pub candidates: Vec<Candidate>,
    /// What is left out.
    pub left: Vec<Left>,
    /// What is odd about the chart as a whole.
    pub warnings: Vec<Reason>,
}

impl Selection {
    /// One selection for each repository, since tags are listed by repository. What is left out and the warnings stay
    /// with the first.
    pub fn split(mut self) -> Vec<Self> {
        let mut others: Vec<Self> = Vec::new();
        let (own, foreign) = std::mem::take(&mut self.candidates)
            .into_iter()
            .partition(|candidate| Some(&candidate.repository) == self.repository.as_ref());
        self.candidates = own;
        for candidate in foreign {
            let repository = Some(candidate.repository.clone());
            match others.iter_mut().find(|other| other.repository == repository) {
                Some(other) => other.candidates.push(candidate),
                None => others.push(Self {
                    chart: Arc::clone(&self.chart),
                    repository,
                    candidates: vec![candidate],
                    left: Vec::new(),
                    warnings: Vec::new(),
                }),
            }
        }
        others.insert(0, self);
        others
    }

    /// How many entries of the index it stands for.
    pub fn entries(&self) -> usize {
        let candidates = self.candidates.iter();
        candidates
            .map(|candidate| 1 + candidate.alternatives.len())
            .sum::<usize>()
            + self.left.len()
    }

    fn leave_all(&mut self, entries: &[Entry], action: Action, reason: &Reason) {
        for entry in entries {
            self.leave(entry, action, reason.clone());
        }
    }

    fn leave(&mut self, entry: &Entry, action: Action, reason: Reason) {
        self.left.push(Left {
            chart: Arc::clone(&entry.chart),
            version: entry.version.clone(),
            index_line: entry.line,
            action,
            reason,
            due: None,
        });
    }

    fn hold(&mut self, candidate: Candidate, reason: &Reason, due: DateTime<Utc>) {
        let first = self.left.len();
        self.leave_all(&candidate.into_entries(), Action::Held, reason);
        for left in &mut self.left[first..] {
            left.due = Some(due);
        }
    }
}

/// When a version, by chart and version of the index, was first seen, where that is remembered.
pub type FirstSeen<'a> = dyn Fn(&str, &str) -> Option<DateTime<Utc>> + 'a;

/// Decides chart by chart, with an eye on the index as a whole.
pub struct Planner<'a> {
    rules: &'a Rules,
    now: DateTime<Utc>,
    first_seen: &'a FirstSeen<'a>,
    contest: Contest,
    warnings: Vec<Reason>,
}

/// What passed the filters: a candidate, or the listings of a version that is refused for the reason.
enum Judged {
    Good(Box<Candidate>),
    Bad(Vec<Entry>, Version, Reason),
}

impl Judged {
    fn version(&self) -> &Version {
        match self {
            Self::Good(candidate) => &candidate.version,
            Self::Bad(_, version, _) => version,
        }
    }

    fn created(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Good(candidate) => candidate.entry.created,
            Self::Bad(entries, _, _) => entries.first().and_then(|entry| entry.created),
        }
    }

    /// All its listings: none may be missing in the report.
    fn into_entries(self) -> Vec<Entry> {
        match self {
            Self::Good(candidate) => candidate.into_entries(),
            Self::Bad(entries, _, _) => entries,
        }
    }
}

/// The decisions about one chart, taken alone.
pub fn select(chart: IndexChart, rules: &Rules, now: DateTime<Utc>) -> Selection {
    let planner = Planner {
        rules,
        now,
        first_seen: &|_, _| None,
        contest: Contest::default(),
        warnings: Vec::new(),
    };
    planner.select(chart)
}

/// The warning for filters that leave nothing (reliability.md B63).
pub fn nothing_selected(selected: usize, versions: usize) -> Option<Reason> {
    (selected == 0 && versions > 0)
        .then(|| Reason::new("nothing-selected", format!("0 of {versions} versions selected")))
}

impl<'a> Planner<'a> {
    /// Looks over all charts of an index; [`Planner::select`] then takes them one by one.
    pub fn new(charts: &[IndexChart], rules: &'a Rules, now: DateTime<Utc>) -> Self {
        let known = |name: &str| charts.iter().any(|chart| &*chart.key == name);
        let unknown = |name: &str, setting: &str| {
            let text = format!(
                "{setting} names the chart `{}`, which the index does not have",
                shown(name)
            );
            Reason::new("unknown-chart", text)
        };
        let rules_for_none = rules.charts.iter().filter(|rule| !known(&rule.name));
        let renames_of_none = rules.rename.keys().filter(|name| {
            let named = |entry: &Entry| entry.name.as_deref() == Some(name.as_str());
            !known(name) && !charts.iter().flat_map(|chart| &chart.entries).any(named)
        });
        Self {
            rules,
            now,
            first_seen: &|_, _| None,
            contest: Contest::find(charts, rules),
            warnings: rules_for_none
                .map(|rule| unknown(&rule.name, "a rule"))
                .chain(renames_of_none.map(|name| unknown(name, "`rename`")))
                .collect(),
        }
    }

    /// With a memory of when versions were first seen, by which the cooldown of those goes that have no usable date.
    #[must_use]
    pub fn remembering(mut self, first_seen: &'a FirstSeen<'a>) -> Self {
        self.first_seen = first_seen;
        self
    }

    /// Settings that have no effect on this index.
    pub fn warnings(&self) -> &[Reason] {
        &self.warnings
    }

    /// Decides about one chart.
    pub fn select(&self, chart: IndexChart) -> Selection {
        let mut selection = Selection {
            repository: self.rules.repository_for(&chart.key).ok(),
            chart: Arc::clone(&chart.key),
            candidates: Vec::new(),
            left: Vec::new(),
            warnings: Vec::new(),
        };
        if let Some(reason) = self.rules.filter.leaves_chart(&chart.key) {
            for entry in &chart.entries {
                selection.leave(entry, Action::Filtered, reason.clone());
            }
            return selection;
        }
        let filter = self.rules.filter_for(&chart.key);
        let mut judged = Vec::with_capacity(chart.entries.len());
        for entry in chart.entries {
            let version = Version::parse(&entry.version).ok();
            match filter.leaves(&entry, version.as_ref()) {
                Some(reason) => selection.leave(&entry, Action::Filtered, reason),
                None => match self.judge(entry, version) {
                    Ok(item) => judged.push(item),
                    Err((entry, reason)) => selection.leave(&entry, Action::Refused, reason),
                },
            }
        }
        let mut judged = self.merge(judged);
        judged.sort_by(newest_first);
        self.take(judged, filter.latest, &mut selection);
        selection.candidates.shrink_to_fit();
        self.warn(&mut selection);
        selection
    }

    /// The error is an entry that cannot even be ordered among the others.
    fn judge(&self, entry: Entry, version: Option<Version>) -> Result<Judged, (Box<Entry>, Reason)> {
        let sound = judge(&entry, version.clone(), self.rules).and_then(|sound| {
            match self.contest.refuses(&sound.repository, &entry.version) {
                Some(reason) => Err(reason),
                None => Ok(sound),
            }
        });
        match (sound, version) {
            (Ok(sound), _) => Ok(Judged::Good(Box::new(Candidate {
                entry,
                alternatives: Vec::new(),
                repository: sound.repository,
                version: sound.version,
                tag: sound.tag,
                warnings: sound.warnings,
            }))),
            (Err(reason), Some(version)) => Ok(Judged::Bad(vec![entry], version, reason)),
            (Err(reason), None) => Err((Box::new(entry), reason)),
        }
    }

    /// Makes one item of a version that is listed several times (reliability.md B20). Two different texts never share
    /// a tag: `+` becomes `_`, which no version holds (B12).
    fn merge(&self, judged: Vec<Judged>) -> Vec<Judged> {
        let mut merged: Vec<Judged> = Vec::with_capacity(judged.len());
        let mut by_tag: HashMap<(ChartName, Tag), usize> = HashMap::new();
        for item in judged {
            let Judged::Good(candidate) = item else {
                merged.push(item);
                continue;
            };
            let key = (candidate.repository.clone(), candidate.tag.clone());
            let at = *by_tag.entry(key).or_insert(merged.len());
            match merged.get_mut(at) {
                Some(Judged::Good(first)) => first.alternatives.push(candidate.entry),
                _ => merged.push(Judged::Good(candidate)),
            }
        }
        merged.into_iter().map(|item| self.settle(item)).collect()
    }

    /// Warns of duplicates or refuses them.
    fn settle(&self, item: Judged) -> Judged {
        let Judged::Good(mut candidate) = item else {
            return item;
        };
        if candidate.alternatives.is_empty() {
            return Judged::Good(candidate);
        }
        let entries = || std::iter::once(&candidate.entry).chain(&candidate.alternatives);
        let lines: Vec<_> = entries().map(|entry| entry.line.to_string()).collect();
        let differ = entries().any(|entry| entry.digest != candidate.entry.digest);
        if differ {
            let text = format!(
                "listed {} times with different digests (index lines {})",
                lines.len(),
                lines.join(", ")
            );
            if self.rules.duplicates == Duplicates::Error {
                let reason = Reason::new("duplicate-version", text);
                let version = candidate.version.clone();
                return Judged::Bad(candidate.into_entries(), version, reason);
            }
            let text = format!("{text}; the package may match any of them");
            candidate.warnings.push(Reason::new("duplicate-version", text));
        }
        Judged::Good(candidate)
    }

    /// Applies cooldown and `latest`, newest first: what comes after enough versions were taken is not wanted,
    /// whether it could be pushed or not.
    fn take(&self, judged: Vec<Judged>, latest: Option<usize>, selection: &mut Selection) {
        for item in judged {
            if let Some(latest) = latest.filter(|latest| selection.candidates.len() >= *latest) {
                let text = format!("not among the newest {latest} of the chart (`latest`)");
                let reason = Reason::new("filter-latest", text);
                selection.leave_all(&item.into_entries(), Action::Filtered, &reason);
                continue;
            }
            match item {
                Judged::Bad(entries, _, reason) => selection.leave_all(&entries, Action::Refused, &reason),
                Judged::Good(candidate) => match self.holds(&candidate) {
                    Some((reason, due)) => selection.hold(*candidate, &reason, due),
                    None => selection.candidates.push(*candidate),
                },
            }
        }
    }

    /// Why the version has to wait and until when, if it has to. Of several listings the youngest counts: it may be the
    /// bytes.
    fn holds(&self, candidate: &Candidate) -> Option<(Reason, DateTime<Utc>)> {
        let min_age = self.rules.min_age.filter(|age| *age > Duration::zero())?;
        let entries = std::iter::once(&candidate.entry).chain(&candidate.alternatives);
        let waits = entries.filter_map(|entry| {
            let usable = entry.created.is_some_and(|created| created <= self.now);
            let seen = if usable {
                None
            } else {
                (self.first_seen)(&entry.chart, &entry.version)
            };
            match cooldown(entry.created, seen, min_age, self.now) {
                Cooldown::Over => None,
                Cooldown::Until(due) => Some((entry, seen, due)),
            }
        });
        let (entry, seen, due) = waits.max_by_key(|(_, _, due)| *due)?;
        let wait = humantime::format_duration(min_age.to_std().unwrap_or_default());
        let text = match (entry.created.filter(|created| *created <= self.now), seen) {
            (Some(created), _) => format!("created {created:?}, not yet {wait} ago"),
            (None, Some(seen)) => {
                format!("the index gives no usable date, and it was first seen {seen:?}, not yet {wait} ago")
            }
            (None, None) => match entry.created {
                Some(created) => format!(
                    "the index dates it in the future ({created:?}), so it is not yet known to be {wait} old"
                ),
                None => {
                    format!("the index gives no usable date, so it is not yet known to be {wait} old")
                }
            },
        };
        Some((Reason::new("held-min-age", text), due))
    }

    fn warn(&self, selection: &mut Selection) {
        let candidates = &mut selection.candidates;
        if let Some(renamed) = self
            .rules
            .rename
            .get(&*selection.chart)
            .filter(|_| !candidates.is_empty())
        {
            let text = format!(
                "the chart `{}` is written to the repository `{renamed}`; its own name stays in its annotations",
                shown(&selection.chart)
            );
            selection.warnings.push(Reason::new("renamed", text));
        }
        let hidden: Vec<_> = candidates
            .iter()
            .filter(|candidate| !candidate.version.is_strict())
            .collect();
        if let Some(first) = hidden.first() {
            selection.warnings.push(not_strict(&first.version, hidden.len()));
        }
        let mut folded: HashMap<String, usize> = HashMap::new();
        let fold = |candidate: &Candidate| candidate.tag.as_str().to_ascii_lowercase();
        for candidate in &*candidates {
            *folded.entry(fold(candidate)).or_default() += 1;
        }
        for candidate in candidates {
            if folded.get(&fold(candidate)).is_some_and(|count| *count > 1) {
                let text = "another version of the chart has the same tag but for upper and lower case";
                candidate.warnings.push(Reason::new("tag-case", text));
            }
        }
    }
}

/// By version; versions of equal precedence by date, then by text, so that the order is the same in every run.
fn newest_first(left: &Judged, right: &Judged) -> Ordering {
    let by_version = right.version().cmp_precedence(left.version());
    let by_date = || right.created().cmp(&left.created());
    by_version
        .then_with(by_date)
        .then_with(|| right.version().as_str().cmp(left.version().as_str()))
}

fn not_strict(first: &Version, number: usize) -> Reason {
    let (versions, tags) = match number {
        1 => (format!("`{first}` is"), "its tag"),
        _ => (format!("{number} versions such as `{first}` are"), "their tags"),
    };
    let text = format!("{versions} not strict semver; Helm finds {tags} by the exact version only");
    Reason::new("not-strict", text)
}

//! What stays in every report until it is settled: drift, refusals, failures (product rules "Drift", reliability B37).

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::clip::clip;
use super::{LONGEST_NAME, State};
use crate::report::Action;
use crate::types::{Digest, Reason};

/// More than anybody reads; a mirror in such trouble is looked at anew in each cycle anyway.
pub(super) const MOST: usize = 10_000;
/// Bytes of a sentence.
const TEXT: usize = 1000;

/// Which version, at which target.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Matter {
    /// The chart's key in the index.
    pub chart: Arc<str>,
    /// The version as it is written there.
    pub version: Box<str>,
    /// Which of the mirror's targets.
    pub target: u16,
}

/// What is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attention {
    /// The action of the report, e.g. [`Action::Drifted`].
    pub action: Action,
    /// Why.
    pub reason: Reason,
    /// The digest that it is about, e.g. the one that the source has now: another one is another matter.
    pub subject: Option<Digest>,
    /// Since when.
    pub since: DateTime<Utc>,
    /// In how many runs in a row.
    pub runs: u32,
    /// Somebody was told.
    pub notified: bool,
}

impl State {
    /// Something is wrong with a version. What was wrong already keeps its date and is not notified again, unless it is
    /// something else now. False if there are too many to remember, or its name is longer than what a file may hold.
    pub fn note(
        &mut self,
        matter: Matter,
        action: Action,
        reason: &Reason,
        subject: Option<Digest>,
        now: DateTime<Utc>,
    ) -> bool {
        if matter.chart.len() > LONGEST_NAME || matter.version.len() > LONGEST_NAME {
            return false;
        }
        let reason = Reason::new(reason.code, clip(Cow::Borrowed(&reason.text), TEXT));
        if let Some(known) = self.attention.get_mut(&matter)
            && (known.action, known.reason.code, known.subject) == (action, reason.code, subject)
        {
            known.reason = reason;
            known.runs = known.runs.saturating_add(1);
            return true;
        }
        if self.attention.len() >= MOST && !self.attention.contains_key(&matter) {
            return false;
        }
        let attention = Attention {
            action,
            reason,
            subject,
            since: now,
            runs: 1,
            notified: false,
        };
        self.attention.insert(matter, attention);
        true
    }

    /// Nothing is wrong with this version any more. True if something was.
    pub fn settle(&mut self, matter: &Matter) -> bool {
        self.attention.remove(matter).is_some()
    }

    /// Only these are wrong: for the end of a run that looked at every version, whether or not it is still in the index.
    pub fn settle_all_but(&mut self, noted: &BTreeSet<Matter>) {
        self.attention.retain(|matter, _| noted.contains(matter));
    }

    /// What is known of a version that needs attention.
    pub fn matter(&self, matter: &Matter) -> Option<&Attention> {
        self.attention.get(matter)
    }

    /// A run found the index unchanged: all that is wrong still is.
    pub fn remains(&mut self) {
        for attention in self.attention.values_mut() {
            attention.runs = attention.runs.saturating_add(1);
        }
    }

    /// All that is wrong, by chart and version: what the report of an idle cycle lists.
    pub fn attention(&self) -> impl Iterator<Item = (&Matter, &Attention)> {
        self.attention.iter()
    }

    /// Whoever is to be told was told.
    pub fn notified(&mut self) {
        for attention in self.attention.values_mut() {
            attention.notified = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::sample;

    fn matter(version: &str) -> Matter {
        Matter {
            chart: "app".into(),
            version: version.into(),
            target: 0,
        }
    }

    #[test]
    fn one_matter_is_notified_once() {
        let mut state = State::new(sample::identity());
        let [first, second] = [b"1", b"2"].map(|bytes| Some(Digest::of(bytes)));
        let drift = Reason::new("drift", "x".repeat(5000));
        let note = |state: &mut State, subject, day| {
            state.note(
                matter("1.0.0"),
                Action::Drifted,
                &drift,
                subject,
                sample::day(day),
            )
        };
        assert!(note(&mut state, first, 1));
        state.notified();
        assert!(note(&mut state, first, 2));
        state.remains();
        let known = state.matter(&matter("1.0.0")).unwrap();
        assert_eq!(
            (known.runs, known.notified, known.since),
            (3, true, sample::day(1))
        );
        assert_eq!(known.reason.text.len(), TEXT);
        // Other bytes are another drift.
        assert!(note(&mut state, second, 3));
        let (_, known) = state.attention().next().unwrap();
        assert_eq!(
            (known.runs, known.notified, known.since),
            (1, false, sample::day(3))
        );
        assert!(state.settle(&matter("1.0.0")) && !state.settle(&matter("1.0.0")));
        for version in ["1.0.0", "2.0.0"] {
            state.note(matter(version), Action::Failed, &drift, None, sample::day(4));
        }
        state.settle_all_but(&BTreeSet::from([matter("2.0.0")]));
        assert_eq!(
            state
                .attention()
                .map(|(matter, _)| &*matter.version)
                .collect::<Vec<_>>(),
            ["2.0.0"]
        );
    }

    /// A file that holds one would be taken for broken, and with it all else that is remembered.
    #[test]
    fn a_name_that_no_file_may_hold_is_not_remembered() {
        let mut state = State::new(sample::identity());
        let reason = Reason::new("bad-version", "x");
        let mut note = |chart: &str, version: &str| {
            let matter = Matter {
                chart: chart.into(),
                version: version.into(),
                target: 0,
            };
            state.note(matter, Action::Refused, &reason, None, sample::day(1))
        };
        let (longest, long) = ("1".repeat(LONGEST_NAME), "1".repeat(LONGEST_NAME + 1));
        assert!(!note("app", &long) && !note(&long, "1.0.0"));
        assert!(note(&longest, &longest));
        assert_eq!(state.attention().count(), 1);
    }

    #[test]
    fn there_is_an_end_to_it() {
        let mut state = State::new(sample::identity());
        let reason = Reason::new("drift", "x");
        let mut note = |n: usize| {
            let version = format!("{n}.0.0");
            state.note(matter(&version), Action::Failed, &reason, None, sample::day(1))
        };
        assert!((0..MOST).all(&mut note));
        assert!(!note(MOST));
        assert!(note(7));
    }
}

//! Whether a run may take an unchanged index for "nothing to do".
//!
//! The mark that allows it is set only by a run that accounted for every selected version (reliability G2), and it is
//! bound to everything that the decision hung on: the index, the settings, the passing of time.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::State;
use crate::types::{Digest, Validators};

/// Everything that was wanted was in place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settled {
    /// Of the index that was carried.
    pub validators: Validators,
    /// A digest of all that decides what is selected and what is done with it: filters, policies, targets and the
    /// version of chartferry. With other settings the same index may ask for other work.
    pub settings: Digest,
    /// When time alone may change the selection: the end of the first cooldown, or the day on which `since` moves on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
}

/// How to ask the source for its index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask<'a> {
    /// If it is unchanged, nothing is to be done.
    IfChanged(&'a Validators),
    /// Ask without a condition: the index is needed.
    Whole(Because),
}

/// Why the index is needed whether or not it changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Because {
    /// Nothing is remembered, or the last run left something undone.
    NotSettled,
    /// The settings are others.
    Settings,
    /// A version may have become due.
    Time,
    /// All tags are to be listed again; at the same time a source that answers 304 for ever is found out
    /// (reliability F36).
    Reconcile,
}

impl State {
    /// How to ask for the index. `reconcile_every` bounds the time between two complete looks at all tag lists; a last
    /// one in the future, after the clock was set back, counts for nothing.
    pub fn ask(&self, settings: &Digest, reconcile_every: TimeDelta, now: DateTime<Utc>) -> Ask<'_> {
        let Some(settled) = &self.settled else {
            return Ask::Whole(Because::NotSettled);
        };
        if settled.settings != *settings {
            return Ask::Whole(Because::Settings);
        }
        if self.reconcile_due(reconcile_every, now) {
            return Ask::Whole(Because::Reconcile);
        }
        if settled.until.is_some_and(|until| until <= now) {
            return Ask::Whole(Because::Time);
        }
        Ask::IfChanged(&settled.validators)
    }

    /// Whether all tags are to be listed in this run, also those of repositories where everything is recorded.
    pub fn reconcile_due(&self, every: TimeDelta, now: DateTime<Utc>) -> bool {
        let recent = |last: DateTime<Utc>| last <= now && now - last < every;
        !self.reconciled.is_some_and(recent)
    }

    /// A run looked at every tag list of every target, without an error.
    pub fn reconciled(&mut self, now: DateTime<Utc>) {
        self.reconciled = Some(now);
    }

    /// Sets the mark after a run in which each selected version was found or put in place, or is noted as something
    /// that repeating cannot mend (drift, refusals); takes it away after any other.
    pub fn set_settled(&mut self, settled: Option<Settled>) {
        self.settled = settled;
    }

    /// The source said that its index is unchanged: it may have given the same text another tag.
    pub fn unchanged(&mut self, validators: Validators) {
        if let Some(settled) = self
            .settled
            .as_mut()
            .filter(|settled| settled.validators.body == validators.body)
        {
            settled.validators = validators;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{MaxShrink, sample};

    #[test]
    fn only_a_settled_mirror_rests() {
        let (ours, other) = (Digest::of(b"settings"), Digest::of(b"others"));
        let validators = sample::validators("a");
        let settled = |until: Option<i64>| {
            Some(Settled {
                validators: validators.clone(),
                settings: ours,
                until: until.map(sample::day),
            })
        };
        let rest = Ask::IfChanged(&validators);
        for (mark, reconciled, settings, expected) in [
            (None, Some(10), ours, Ask::Whole(Because::NotSettled)),
            (settled(None), Some(10), ours, rest),
            (settled(None), Some(10), other, Ask::Whole(Because::Settings)),
            (settled(None), None, ours, Ask::Whole(Because::Reconcile)),
            (settled(None), Some(9), ours, Ask::Whole(Because::Reconcile)),
            // The clock was set back.
            (settled(None), Some(11), ours, Ask::Whole(Because::Reconcile)),
            (settled(Some(11)), Some(10), ours, rest),
            (settled(Some(10)), Some(10), ours, Ask::Whole(Because::Time)),
            (settled(Some(9)), Some(10), ours, Ask::Whole(Because::Time)),
        ] {
            let mut state = State::new(sample::identity());
            state.set_settled(mark.clone());
            if let Some(day) = reconciled {
                state.reconciled(sample::day(day));
            }
            let found = state.ask(&settings, TimeDelta::days(1), sample::day(10));
            assert_eq!(found, expected, "{mark:?} {reconciled:?}");
        }
    }

    #[test]
    fn a_new_tag_of_the_same_text_is_taken_over() {
        let mut state = State::new(sample::identity());
        state.set_settled(Some(Settled {
            validators: sample::validators("a"),
            settings: Digest::of(b""),
            until: None,
        }));
        let mut renamed = sample::validators("a");
        renamed.etag = Some("\"2\"".into());
        state.unchanged(renamed.clone());
        state.unchanged(sample::validators("b"));
        assert_eq!(state.settled.unwrap().validators, renamed);
    }

    #[test]
    fn a_run_that_was_killed_leaves_no_mark() {
        let mut state = State::new(sample::identity());
        state.reconciled(sample::day(1));
        state.set_settled(Some(Settled {
            validators: sample::validators("a"),
            settings: Digest::of(b""),
            until: None,
        }));
        state.look([], MaxShrink::default(), false, sample::day(1));
        let found = state.ask(&Digest::of(b""), TimeDelta::days(1), sample::day(1));
        assert_eq!(found, Ask::Whole(Because::NotSettled));
    }
}

//! A look at a new index: what is new, what is gone, and whether it may be believed (shrink guard, product rules
//! "Trust"; reliability F03, F34, F35).

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::{Origin, State};
use crate::report::count;
use crate::types::{ChartName, Digest, Reason, Tag};

/// How much an index may lose before it is suspicious.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxShrink {
    /// More than this share of the last trusted index, in percent …
    pub percent: u8,
    /// … and at least this many versions.
    pub versions: u64,
}

impl Default for MaxShrink {
    fn default() -> Self {
        Self {
            percent: 10,
            versions: 10,
        }
    }
}

impl MaxShrink {
    /// Whether an index that lost `lost` of `of` versions and has `left` is suspicious. An empty one always is, if the
    /// one before was not: a server that forgot its charts looks like this.
    pub fn is_passed(self, lost: u64, of: u64, left: u64) -> bool {
        let share = u128::from(lost) * 100 > u128::from(of) * u128::from(self.percent);
        (left == 0 && of > 0) || (share && lost > 0 && lost >= self.versions)
    }
}

/// An entry of the index, whether or not it is selected.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// The chart's key.
    pub chart: &'a str,
    /// The version as it is written.
    pub version: &'a str,
    /// Its date, if it gives one.
    pub created: Option<DateTime<Utc>>,
}

/// What a look at the index brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// Different versions in the index.
    pub versions: u64,
    /// Versions in the last trusted index.
    pub trusted: u64,
    /// Those of them that are gone.
    pub lost: u64,
    /// The last trusted index is still the old one: too much is gone and nobody confirmed it.
    pub suspicious: bool,
    /// The newest `created` of the last trusted index and of this one, if this one's is older: it may be an old copy.
    /// Only in this run, since a chart that was taken back looks the same.
    pub older: Option<(DateTime<Utc>, DateTime<Utc>)>,
    /// Entries that are not remembered since their names are too long to be in a registry.
    pub unnamed: u64,
}

impl Look {
    /// Nothing may be pruned by this index.
    pub fn forbids_prune(&self) -> bool {
        self.suspicious || self.older.is_some()
    }

    /// What deserves a look.
    pub fn warnings(&self) -> Vec<Reason> {
        let mut warnings = Vec::new();
        if self.suspicious {
            warnings.push(shrunk(self.lost, self.trusted));
        }
        if let Some((was, now)) = self.older {
            let text = format!(
                "the newest version of the index is of {now:?}, that of the last run was of {was:?}: it may be an old copy"
            );
            warnings.push(Reason::new("index-older", text));
        }
        warnings
    }
}

fn shrunk(lost: u64, trusted: u64) -> Reason {
    let text = format!(
        "the index lost {} of {trusted} (`max_shrink`); if that is right, confirm it with `--accept-shrink`",
        count(lost, "version")
    );
    Reason::new("index-shrunk", text)
}

impl State {
    /// Enters what an index lists: first sights, and what is no longer there. With `accept` the index is trusted
    /// whatever it lost. An index that is not trusted adds nothing to the last trusted one: else it could make good for
    /// a loss by inventing versions. The mark of [`State::set_settled`] is taken away until the run sets it again.
    pub fn look<'a>(
        &mut self,
        entries: impl IntoIterator<Item = Seen<'a>>,
        max: MaxShrink,
        accept: bool,
        now: DateTime<Utc>,
    ) -> Look {
        // A run that is killed from here on left something undone, whatever the one before had reached.
        self.settled = None;
        for known in self
            .charts
            .values_mut()
            .flat_map(|versions| versions.values_mut())
        {
            known.current = false;
        }
        let mut look = Look {
            versions: 0,
            trusted: 0,
            lost: 0,
            suspicious: false,
            older: None,
            unnamed: 0,
        };
        let mut newest = None;
        for seen in entries {
            // One from the future would make every later index an old one.
            newest = newest.max(seen.created.filter(|created| *created <= now));
            match self.entry(seen.chart, seen.version, now) {
                Some(known) if known.current => {}
                Some(known) => {
                    known.current = true;
                    look.versions += 1;
                }
                None => look.unnamed += 1,
            }
        }
        (look.trusted, look.lost) = self.losses();
        look.suspicious = !accept && max.is_passed(look.lost, look.trusted, look.versions);
        let backwards = self.newest.zip(newest).filter(|(was, now)| now < was);
        look.older = backwards.filter(|_| !accept);
        if !look.suspicious {
            self.newest = newest;
            self.trust();
        }
        look
    }

    /// Versions of the last trusted index, and those of them that the last index has no more.
    fn losses(&self) -> (u64, u64) {
        self.versions()
            .filter(|(_, _, known)| known.trusted)
            .fold((0, 0), |(trusted, lost), (_, _, known)| {
                (trusted + 1, lost + u64::from(!known.current))
            })
    }

    /// The last index was suspicious and nobody confirmed it: the warning for cycles in which it is unchanged.
    pub fn suspicion(&self) -> Option<Reason> {
        let unsure = self
            .versions()
            .any(|(_, _, known)| known.trusted != known.current);
        let (trusted, lost) = self.losses();
        unsure.then(|| shrunk(lost, trusted))
    }

    /// Confirms the last index: it is the trusted one from now on.
    pub fn trust(&mut self) {
        for versions in self.charts.values_mut() {
            versions.retain(|_, known| {
                known.trusted = known.current;
                !known.is_gone()
            });
        }
        self.charts.retain(|_, versions| !versions.is_empty());
    }

    /// What is at a target and no longer in the index (`vanished`), by chart and version.
    pub fn vanished(&self, target: usize) -> impl Iterator<Item = Vanished> + '_ {
        self.versions()
            .filter(|(_, _, known)| !known.current)
            .filter_map(move |(chart, version, known)| {
                let placed = known.at(target)?;
                let (repository, tag) = placed.place((chart, version))?;
                Some(Vanished {
                    chart: Arc::clone(chart),
                    version: version.into(),
                    repository,
                    tag,
                    manifest: placed.manifest,
                    origin: placed.origin,
                })
            })
    }
}

/// A version at a target that the index lists no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vanished {
    /// The chart's key in the index that had it.
    pub chart: Arc<str>,
    /// The version as it was written there.
    pub version: Box<str>,
    /// The repository below the target's prefix.
    pub repository: ChartName,
    /// The tag.
    pub tag: Tag,
    /// The digest of its manifest.
    pub manifest: Digest,
    /// Who put it there.
    pub origin: Origin,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::sample;

    #[test]
    fn a_loss_is_suspicious_by_share_and_by_number() {
        let strict = MaxShrink {
            percent: 0,
            versions: 1,
        };
        for (max, lost, of, left, expected) in [
            (MaxShrink::default(), 0, 0, 0, false),
            (MaxShrink::default(), 0, 100, 100, false),
            (MaxShrink::default(), 10, 100, 90, false),
            (MaxShrink::default(), 11, 100, 89, true),
            (MaxShrink::default(), 9, 20, 11, false),
            (MaxShrink::default(), 10, 20, 10, true),
            // As many new ones do not make good for it.
            (MaxShrink::default(), 50, 100, 100, true),
            (MaxShrink::default(), 3, 3, 0, true),
            (MaxShrink::default(), u64::MAX, u64::MAX, 1, true),
            (strict, 0, 10, 10, false),
            (strict, 1, 10_000, 9_999, true),
        ] {
            assert_eq!(
                max.is_passed(lost, of, left),
                expected,
                "{max:?} {lost} {of} {left}"
            );
        }
    }

    /// `names` are numbers of versions; they were created on the day of that number.
    fn look(state: &mut State, names: impl Iterator<Item = i64>, accept: bool) -> Look {
        let names: Vec<_> = names.map(|n| (format!("{n}.0.0"), sample::day(n))).collect();
        let seen = names.iter().map(|(version, created)| Seen {
            chart: "app",
            version,
            created: Some(*created),
        });
        state.look(seen, MaxShrink::default(), accept, sample::day(500))
    }

    #[test]
    fn the_comparison_stays_until_it_is_confirmed() {
        let mut state = State::new(sample::identity());
        let first = look(&mut state, 1..=100, false);
        assert_eq!((first.versions, first.trusted, first.suspicious), (100, 0, false));
        // Ten are fewer than eleven.
        assert!(!look(&mut state, 11..=100, false).suspicious);
        assert_eq!(state.versions().count(), 90);
        for _ in 0..3 {
            let shrunk = look(&mut state, (51..=100).chain(200..=400), false);
            assert_eq!((shrunk.trusted, shrunk.lost, shrunk.suspicious), (90, 40, true));
            assert!(shrunk.forbids_prune());
            assert_eq!(shrunk.warnings()[0].code, "index-shrunk");
            assert!(state.suspicion().unwrap().text.contains("40 versions of 90"));
        }
        // It comes back: all is well.
        let mut healed = state.clone();
        assert!(!look(&mut healed, 11..=100, false).suspicious);
        assert_eq!((healed.suspicion(), healed.versions().count()), (None, 90));
        // Or somebody says that it is right, with the next index or without.
        let mut confirmed = state.clone();
        assert!(!look(&mut confirmed, (51..=100).chain(200..=400), true).suspicious);
        state.trust();
        assert_eq!((state.suspicion(), state.versions().count()), (None, 251));
        assert_eq!(state.charts, confirmed.charts);
    }

    #[test]
    fn an_old_copy_is_noticed_once() {
        let mut state = State::new(sample::identity());
        look(&mut state, 1..=100, false);
        let older = look(&mut state, 1..=99, false);
        assert_eq!(older.older, Some((sample::day(100), sample::day(99))));
        assert!(older.forbids_prune() && !older.suspicious);
        assert_eq!(older.warnings()[0].code, "index-older");
        assert_eq!(look(&mut state, 1..=99, false).older, None);
        // A date from the future is no mark to fall behind.
        assert_eq!(look(&mut state, (1..=99).chain(9999..10_000), false).older, None);
        assert_eq!(look(&mut state, 1..=99, false).older, None);
        assert_eq!(look(&mut state, 1..=98, true).older, None);
    }

    #[test]
    fn first_sight_lasts_and_what_is_stored_stays() {
        let mut state = State::new(sample::identity());
        let (repository, tag) = sample::place("app", "7.0.0");
        look(&mut state, 1..=20, false);
        let wanted = sample::wanted("app", "7.0.0", (&repository, &tag));
        assert!(state.stored(0, &wanted, &sample::pushed("7"), sample::day(900)));
        assert_eq!(state.known("app", "7.0.0").unwrap().first_seen, sample::day(500));
        look(&mut state, 8..=20, false);
        let vanished: Vec<_> = state.vanished(0).collect();
        assert_eq!((vanished.len(), &*vanished[0].version), (1, "7.0.0"));
        assert_eq!(vanished[0].tag, tag);
        assert_eq!(state.vanished(1).count(), 0);
        assert_eq!(state.versions().count(), 14);
        assert!(!state.known("app", "7.0.0").unwrap().is_listed());
        state.gone(0, "app", "7.0.0");
        assert_eq!(state.known("app", "7.0.0"), None);
    }

    #[test]
    fn duplicates_count_once_and_names_have_an_end() {
        let mut state = State::new(sample::identity());
        let long = "x".repeat(600);
        let entries = ["1.0.0", "1.0.0", &long].map(|version| Seen {
            chart: "app",
            version,
            created: None,
        });
        let look = state.look(entries, MaxShrink::default(), false, sample::day(1));
        assert_eq!((look.versions, look.unnamed), (1, 1));
    }
}

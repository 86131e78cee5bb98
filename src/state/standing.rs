//! What is to be done with one version at one target, by what is remembered and what a tag list says.

use super::{Origin, State};
use crate::types::{ChartName, Digest, Tag};

/// A selected version.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The chart's key in the index.
    pub chart: &'a str,
    /// The version as it is written there.
    pub version: &'a str,
    /// The repository below the target's prefix.
    pub repository: &'a ChartName,
    /// The tag.
    pub tag: &'a Tag,
    /// The sha256 digests that the index gives for it: none, one, or several if it is listed several times.
    pub digests: &'a [Digest],
}

/// How a version stands by what is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// Nothing is known of it at this target, or it was put under another name.
    Unknown,
    /// It was put or found there, and the index still gives those bytes, or no digest to tell.
    InPlace,
    /// It was put or found there, and the index now gives other bytes.
    Changed {
        /// sha256 of the package there; none if what was found there is no chart.
        package: Option<Digest>,
        /// Who put it there.
        origin: Origin,
    },
}

/// What the tag list of the repository says in this run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tagged {
    /// It was not read.
    NotAsked,
    /// The tag is in it.
    Yes,
    /// It is not, and the list can be trusted.
    No,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing: it is in place.
    Nothing,
    /// Read the repository's tag list, then ask again.
    List,
    /// Push: it is not there.
    Push,
    /// Push again: it was there and somebody deleted it (`heal`).
    Heal,
    /// Somebody deleted it and `heal` is off.
    LeaveDeleted,
    /// Read its manifest once and record what is there: somebody else put it there.
    Adopt,
    /// Read its manifest: the source's bytes changed, and somebody may have settled that at the target.
    Compare,
    /// The source replaced a published version (`source-changed`, reliability B45): what `drift` says.
    SourceChanged {
        /// sha256 of the package that is recorded.
        package: Option<Digest>,
        /// Who put it there.
        origin: Origin,
    },
}

impl State {
    /// Compares what is remembered of a version at a target with the index.
    pub fn recorded(&self, target: usize, wanted: &Wanted<'_>) -> Recorded {
        let name = (wanted.chart, wanted.version);
        let placed = self
            .known(wanted.chart, wanted.version)
            .and_then(|known| known.at(target))
            .filter(|placed| placed.is_at(name, wanted.repository, wanted.tag));
        let Some(placed) = placed else {
            return Recorded::Unknown;
        };
        let listed = |digest: &Digest| wanted.digests.contains(digest);
        // A wrong digest that was let pass is no news as long as it is the same wrong digest. Not so for what somebody
        // else put there: whether those bytes are right was never known.
        let passed = || placed.origin == Origin::Pushed && placed.indexed.as_deref().is_some_and(listed);
        match &placed.package {
            // What an index gives for an `oci://` entry may be the manifest's digest.
            Some(package)
                if wanted.digests.is_empty() || listed(package) || listed(&placed.manifest) || passed() =>
            {
                Recorded::InPlace
            }
            package => Recorded::Changed {
                package: *package,
                origin: placed.origin,
            },
        }
    }

    /// Whether a repository's tag list need not be read in this run: all that is wanted of it is recorded, in place or
    /// as drifted, at this target. Not for runs in which [`State::reconcile_due`] says otherwise.
    pub fn needs_no_list<'a>(&self, target: usize, wanted: impl IntoIterator<Item = Wanted<'a>>) -> bool {
        wanted
            .into_iter()
            .all(|wanted| self.recorded(target, &wanted) != Recorded::Unknown)
    }
}

/// What to do with a version.
pub fn step(recorded: Recorded, tagged: Tagged, heal: bool) -> Step {
    match (recorded, tagged) {
        (Recorded::Unknown, Tagged::NotAsked) => Step::List,
        (Recorded::Unknown, Tagged::Yes) => Step::Adopt,
        (Recorded::Unknown, Tagged::No) => Step::Push,
        (Recorded::InPlace, Tagged::NotAsked | Tagged::Yes) => Step::Nothing,
        (Recorded::InPlace, Tagged::No) if heal => Step::Heal,
        (Recorded::InPlace, Tagged::No) => Step::LeaveDeleted,
        (Recorded::Changed { .. }, Tagged::Yes) => Step::Compare,
        // Also if the tag is gone: who had pinned the old bytes must not get others in silence.
        (Recorded::Changed { package, origin }, Tagged::NotAsked | Tagged::No) => {
            Step::SourceChanged { package, origin }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{Provenance, Stored, sample};

    #[test]
    fn the_record_is_compared_with_the_index() {
        let [old, new, wrong] = ["old", "new", "wrong"].map(|text| Digest::of(text.as_bytes()));
        let changed = |package, origin| Recorded::Changed { package, origin };
        let (pushed, adopted) = (Origin::Pushed, Origin::Adopted);
        for (origin, package, then, now, expected) in [
            (pushed, Some(old), &[old][..], &[old][..], Recorded::InPlace),
            (pushed, Some(old), &[old], &[new], changed(Some(old), pushed)),
            // Listed twice: any of the digests will do (B20).
            (pushed, Some(old), &[old, new], &[new, old], Recorded::InPlace),
            (pushed, Some(old), &[new, old], &[new], changed(Some(old), pushed)),
            // The index gives no digest (any more): nothing can be told.
            (pushed, Some(old), &[old], &[], Recorded::InPlace),
            (pushed, Some(old), &[], &[old], Recorded::InPlace),
            (pushed, Some(old), &[], &[new], changed(Some(old), pushed)),
            // `digest = "warn"`: the index was wrong from the start.
            (pushed, Some(old), &[wrong], &[wrong], Recorded::InPlace),
            (pushed, Some(old), &[wrong], &[old], Recorded::InPlace),
            (pushed, Some(old), &[wrong], &[new], changed(Some(old), pushed)),
            // Found with other bytes: drift from the first day on, without another look.
            (adopted, Some(old), &[old], &[old], Recorded::InPlace),
            (adopted, Some(old), &[new], &[new], changed(Some(old), adopted)),
            (adopted, None, &[new], &[new], changed(None, adopted)),
            (adopted, None, &[], &[], changed(None, adopted)),
        ] {
            let mut state = State::new(sample::identity());
            let (repository, tag) = sample::place("app", "1.0.0");
            let wanted = |digests| Wanted {
                chart: "app",
                version: "1.0.0",
                repository: &repository,
                tag: &tag,
                digests,
            };
            let stored = Stored {
                origin,
                manifest: Digest::of(b"manifest"),
                package,
                provenance: Provenance::Unknown,
            };
            assert!(state.stored(0, &wanted(then), &stored, sample::day(1)));
            assert_eq!(
                state.recorded(0, &wanted(now)),
                expected,
                "{origin:?} {package:?}"
            );
            assert_eq!(state.recorded(1, &wanted(now)), Recorded::Unknown);
            // Under another name it is not the same version at the target.
            let (renamed, tag) = sample::place("other", "1.0.0");
            let elsewhere = Wanted {
                repository: &renamed,
                tag: &tag,
                ..wanted(now)
            };
            assert_eq!(state.recorded(0, &elsewhere), Recorded::Unknown);
        }
    }

    #[test]
    fn each_case_has_its_step() {
        let changed = Recorded::Changed {
            package: None,
            origin: Origin::Pushed,
        };
        let source_changed = Step::SourceChanged {
            package: None,
            origin: Origin::Pushed,
        };
        for (recorded, tagged, heal, expected) in [
            (Recorded::Unknown, Tagged::NotAsked, true, Step::List),
            (Recorded::Unknown, Tagged::Yes, true, Step::Adopt),
            (Recorded::Unknown, Tagged::No, true, Step::Push),
            (Recorded::Unknown, Tagged::No, false, Step::Push),
            (Recorded::InPlace, Tagged::NotAsked, true, Step::Nothing),
            (Recorded::InPlace, Tagged::Yes, true, Step::Nothing),
            (Recorded::InPlace, Tagged::No, true, Step::Heal),
            (Recorded::InPlace, Tagged::No, false, Step::LeaveDeleted),
            (changed, Tagged::NotAsked, true, source_changed),
            (changed, Tagged::Yes, true, Step::Compare),
            (changed, Tagged::No, true, source_changed),
            (changed, Tagged::No, false, source_changed),
        ] {
            assert_eq!(
                step(recorded, tagged, heal),
                expected,
                "{recorded:?} {tagged:?} {heal}"
            );
        }
    }

    #[test]
    fn one_unknown_version_needs_the_list() {
        let mut state = State::new(sample::identity());
        let names = ["1.0.0", "2.0.0+up1"].map(|version| (version, sample::place("app", version)));
        let wanted = || {
            names.iter().map(|(version, (repository, tag))| Wanted {
                chart: "app",
                version,
                repository,
                tag,
                digests: &[],
            })
        };
        for expected in [false, false, true] {
            assert_eq!(state.needs_no_list(0, wanted()), expected);
            let next = wanted().find(|wanted| state.recorded(0, wanted) == Recorded::Unknown);
            if let Some(next) = next {
                assert!(state.stored(0, &next, &sample::pushed("x"), sample::day(1)));
            }
        }
        assert!(!state.needs_no_list(1, wanted()));
        // `+` is `_` in the tag, which is no other place.
        let known = state.known("app", "2.0.0+up1").unwrap();
        assert_eq!(known.at(0).unwrap().elsewhere, None);
    }

    #[test]
    fn an_adopted_version_does_not_hide_what_was_carried() {
        let mut state = State::new(sample::identity());
        let (repository, tag) = sample::place("app", "1.0.0");
        let wanted = sample::wanted("app", "1.0.0", (&repository, &tag));
        let [ours, theirs, later] = [1, 2, 3].map(|n| Provenance::Carried(Digest::of(&[n])));
        for (origin, provenance, expected) in [
            (Origin::Adopted, Provenance::Unknown, Provenance::Unknown),
            (Origin::Pushed, ours, ours),
            (Origin::Adopted, theirs, ours),
            (Origin::Pushed, Provenance::Unknown, ours),
            (Origin::Pushed, later, later),
        ] {
            let stored = Stored {
                origin,
                provenance,
                ..sample::pushed("x")
            };
            assert!(state.stored(0, &wanted, &stored, sample::day(1)));
            assert_eq!(state.known("app", "1.0.0").unwrap().provenance(), expected);
        }
    }
}

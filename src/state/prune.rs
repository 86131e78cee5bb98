//! Which tags may be deleted (`prune = "vanished"`, product rules "Trust"; reliability G4).

use std::collections::BTreeSet;

use super::{Origin, State};
use crate::types::{ChartName, Digest, Tag};

/// A tag that may be deleted, if it still has this digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prunable {
    /// The chart's key in the index that had it.
    pub chart: Box<str>,
    /// Its version.
    pub version: Box<str>,
    /// The repository below the target's prefix.
    pub repository: ChartName,
    /// The tag.
    pub tag: Tag,
    /// The digest that this mirror pushed. Under another one it is somebody else's and stays.
    pub manifest: Digest,
}

/// Most tags that one run deletes at one target: the smaller of a share of what is recorded there, rounded up, and a
/// number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxDelete {
    /// Percent of the versions recorded at the target.
    pub percent: u8,
    /// Tags.
    pub tags: usize,
}

impl MaxDelete {
    /// No limit: for a run in which the user confirms that so much is gone.
    pub const NONE: Self = Self {
        percent: 100,
        tags: usize::MAX,
    };
}

impl Default for MaxDelete {
    fn default() -> Self {
        Self {
            percent: 10,
            tags: 25,
        }
    }
}

/// Why nothing is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PruneHeld {
    /// Something went wrong in this run, or it was cut short.
    #[error("nothing is pruned after a run with errors")]
    Incomplete,
    /// The index is not trusted.
    #[error("nothing is pruned by an index that lost too much or is older than the last one (`max_shrink`)")]
    Untrusted,
    /// More would go than one run may delete.
    #[error(
        "{found} tags would be pruned, and one run deletes at most {limit}: nothing is pruned; if they are all to go, run once with `--accept-shrink`"
    )]
    TooMany {
        /// Tags that vanished.
        found: usize,
        /// What one run may delete.
        limit: usize,
    },
}

impl PruneHeld {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Incomplete => "prune-incomplete",
            Self::Untrusted => "prune-untrusted",
            Self::TooMany { .. } => "prune-too-many",
        }
    }
}

/// What this run knows about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conduct {
    /// Every selected version is accounted for, without an error anywhere.
    pub complete: bool,
    /// [`Look::forbids_prune`](super::Look::forbids_prune).
    pub untrusted: bool,
}

impl State {
    /// The tags at a target that may be deleted: pushed by this mirror, gone from the index, wanted by no other version.
    /// What a filter leaves out is in the index and stays.
    pub fn prunable(
        &self,
        target: usize,
        conduct: Conduct,
        max: MaxDelete,
    ) -> Result<Vec<Prunable>, PruneHeld> {
        if !conduct.complete {
            return Err(PruneHeld::Incomplete);
        }
        if conduct.untrusted || self.suspicion().is_some() {
            return Err(PruneHeld::Untrusted);
        }
        let (mut kept, mut vanished, mut recorded) = (BTreeSet::new(), Vec::new(), 0_usize);
        for (chart, version, known) in self.versions() {
            let Some(placed) = known.at(target) else {
                continue;
            };
            recorded += 1;
            let Some((repository, tag)) = placed.place((chart, version)) else {
                continue;
            };
            if known.current || placed.origin == Origin::Adopted {
                kept.insert((repository, placed.manifest));
            } else {
                vanished.push(Prunable {
                    chart: (**chart).into(),
                    version: version.into(),
                    repository,
                    tag,
                    manifest: placed.manifest,
                });
            }
        }
        // A tag is deleted by its digest, which takes all tags of that manifest along: with `mismatch = "package"` two
        // versions of an index may be one and the same package.
        vanished.retain(|prunable| !kept.contains(&(prunable.repository.clone(), prunable.manifest)));
        let limit = (recorded * usize::from(max.percent)).div_ceil(100).min(max.tags);
        if vanished.len() > limit {
            return Err(PruneHeld::TooMany {
                found: vanished.len(),
                limit,
            });
        }
        Ok(vanished)
    }
}

impl Prunable {
    /// Whether the tag, by the digest that the registry gives for it now, is still the one that this mirror pushed.
    pub fn is_ours(&self, found: Option<&Digest>) -> bool {
        found == Some(&self.manifest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{MaxShrink, Seen, Stored, sample};

    const GOOD: Conduct = Conduct {
        complete: true,
        untrusted: false,
    };

    fn look(state: &mut State, names: &[String]) {
        let seen = names.iter().map(|version| Seen {
            chart: "app",
            version,
            created: None,
        });
        let max = MaxShrink {
            percent: 50,
            versions: 1,
        };
        state.look(seen, max, false, sample::day(1));
    }

    /// Twenty versions in the index, all of them at target 0; the first is not ours.
    fn filled() -> (State, Vec<String>) {
        let mut state = State::new(sample::identity());
        let names: Vec<_> = (0..20).map(|n| format!("{n}.0.0")).collect();
        look(&mut state, &names);
        for (n, name) in names.iter().enumerate() {
            let (repository, tag) = sample::place("app", name);
            let wanted = sample::wanted("app", name, (&repository, &tag));
            let origin = if n == 0 { Origin::Adopted } else { Origin::Pushed };
            let stored = Stored {
                origin,
                ..sample::pushed(name)
            };
            assert!(state.stored(0, &wanted, &stored, sample::day(1)));
        }
        (state, names)
    }

    #[test]
    fn only_what_we_pushed_and_the_source_dropped() {
        let (mut state, names) = filled();
        let tags = |state: &State| {
            state
                .prunable(0, GOOD, MaxDelete::default())
                .map(|all| all.into_iter().map(|one| one.tag.to_string()).collect::<Vec<_>>())
        };
        assert_eq!(tags(&state), Ok(vec![]));
        look(&mut state, &names[1..]);
        // Adopted: gone from the source, but not ours.
        assert_eq!(tags(&state), Ok(vec![]));
        look(&mut state, &names[2..]);
        assert_eq!(tags(&state), Ok(vec!["1.0.0".to_owned()]));
        assert_eq!(state.prunable(1, GOOD, MaxDelete::default()), Ok(vec![]));
        look(&mut state, &names[4..]);
        let held = Err(PruneHeld::TooMany { found: 3, limit: 2 });
        assert_eq!(tags(&state), held);
    }

    #[test]
    fn a_bad_run_or_index_deletes_nothing() {
        let (mut state, names) = filled();
        look(&mut state, &names[2..]);
        let max = MaxDelete::default();
        for (complete, untrusted, expected) in [
            (false, false, Some(PruneHeld::Incomplete)),
            (true, true, Some(PruneHeld::Untrusted)),
            (true, false, None),
        ] {
            let conduct = Conduct { complete, untrusted };
            assert_eq!(state.prunable(0, conduct, max).err(), expected);
        }
        look(&mut state, &names[15..]);
        assert_eq!(state.prunable(0, GOOD, max), Err(PruneHeld::Untrusted));
        look(&mut state, &[]);
        assert_eq!(state.prunable(0, GOOD, max), Err(PruneHeld::Untrusted));
    }

    #[test]
    fn a_manifest_that_another_version_wants_stays() {
        let (mut state, names) = filled();
        let (repository, tag) = sample::place("app", "3.0.0");
        let wanted = sample::wanted("app", "3.0.0", (&repository, &tag));
        assert!(state.stored(0, &wanted, &sample::pushed("2.0.0"), sample::day(1)));
        let kept: Vec<_> = names.iter().filter(|name| *name != "2.0.0").cloned().collect();
        look(&mut state, &kept);
        assert_eq!(state.prunable(0, GOOD, MaxDelete::default()), Ok(vec![]));
    }

    #[test]
    fn another_digest_is_not_ours() {
        let (mut state, names) = filled();
        look(&mut state, &names[2..]);
        let found = state.prunable(0, GOOD, MaxDelete::default()).unwrap().remove(0);
        assert!(found.is_ours(Some(&sample::pushed("1.0.0").manifest)));
        assert!(!found.is_ours(Some(&Digest::of(b"theirs"))) && !found.is_ours(None));
    }
}

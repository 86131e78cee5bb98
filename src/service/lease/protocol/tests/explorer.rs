//! Every order of events: replicas send, are heard, answered, cut off, paused (a tick in which they do nothing), crash, start, leave,
//! while time passes. All worlds that can be reached are visited, not a sample of them.

use std::collections::HashSet;

use super::super::Timing;
use super::explorer_world::{Defect, Event, Rules, World, ticks};

/// Where a world came from: the world before it and what happened then.
type Past = Option<(usize, Event)>;

struct Explored {
    worlds: Vec<World>,
    pasts: Vec<Past>,
    /// How many events lie between the start and the last world: all of those within are there.
    depth: usize,
    /// The first world in which two replicas may start work.
    torn: Option<usize>,
}

/// Visits all worlds within `depth` events, those with the shortest past first, so that a story of failure is as short as can be.
fn explore(rules: &Rules, depth: usize) -> Explored {
    let start = World::start(rules);
    let mut found = HashSet::from([start.clone()]);
    let mut explored = Explored {
        worlds: vec![start],
        pasts: vec![None],
        depth: 0,
        torn: None,
    };
    let mut level = 0..1;
    while !level.is_empty() && explored.depth < depth {
        for at in level.clone() {
            for (event, world) in explored.worlds[at].successors(rules) {
                if !found.insert(world.clone()) {
                    continue;
                }
                let torn = world.leaders().len() > 1;
                explored.worlds.push(world);
                explored.pasts.push(Some((at, event)));
                if torn {
                    explored.torn = Some(explored.worlds.len() - 1);
                    return explored;
                }
            }
        }
        level = level.end..explored.worlds.len();
        explored.depth += 1;
    }
    explored
}

impl Explored {
    /// How it came to this.
    fn story(&self, mut at: usize) -> String {
        let mut events = vec![format!("{:#?}", self.worlds[at])];
        while let Some((before, event)) = &self.pasts[at] {
            events.push(event.clone());
            at = *before;
        }
        events.reverse();
        events.join("\n")
    }

    fn assert_never_two(&self) {
        if let Some(torn) = self.torn {
            panic!("two leaders:\n{}", self.story(torn));
        }
    }

    /// From wherever it stands, somebody leads within `bound` ticks of good weather, and goes on leading.
    fn assert_led_within(&self, rules: &Rules, bound: u64) {
        for (at, world) in self.worlds.iter().enumerate() {
            for arrive in [true, false] {
                if !world.can_be_led() {
                    continue;
                }
                let led = world.calm(rules, arrive, bound + AFTER);
                assert!(
                    led <= bound,
                    "nobody leads for good within {bound} ticks:\n{}",
                    self.story(at)
                );
            }
        }
    }
}

/// A lease of 3 ticks, a deadline of 2, an attempt each tick: the proportions of the real ones, as coarse as they may be.
fn timing() -> Timing {
    Timing::new(ticks(3), ticks(2), ticks(1)).unwrap()
}

fn rules() -> Rules {
    Rules {
        replicas: 2,
        timing: timing(),
        defect: Defect::None,
        late_writes: 1,
        crashes: true,
        releases: true,
        touches: false,
        deletions: 0,
    }
}

/// A lease that a dead replica was granted at the last moment, an answer on its way that does not know of it yet, and the look
/// that does.
const BOUND: u64 = 3 + 1 + 1;

/// For how long the leader is then watched: longer than any lease.
const AFTER: u64 = 5;

/// Events from the start: all that fit into seconds without optimisation, and more than each defect below takes to show. With
/// `cargo test --release` the number of events has no bound, and all the worlds that there are get visited.
const DEPTH: usize = if cfg!(debug_assertions) { 14 } else { usize::MAX };

fn hold(rules: &Rules, depth: usize, bound: u64) {
    let explored = explore(rules, depth);
    explored.assert_never_two();
    explored.assert_led_within(rules, bound);
    assert!(explored.worlds.len() > 1000, "next to nothing was explored");
}

#[test]
fn two_replicas_that_crash_never_both_lead_and_somebody_leads_again() {
    hold(
        &Rules {
            releases: false,
            ..rules()
        },
        DEPTH,
        BOUND,
    );
}

#[test]
fn two_replicas_that_leave_never_both_lead_and_somebody_leads_again() {
    hold(
        &Rules {
            crashes: false,
            late_writes: 0,
            ..rules()
        },
        DEPTH,
        BOUND,
    );
}

#[test]
fn three_replicas_never_both_lead_and_somebody_leads_again() {
    let rules = Rules {
        replicas: 3,
        releases: false,
        ..rules()
    };
    hold(&rules, DEPTH.min(12), BOUND);
}

#[test]
fn a_lease_that_is_labelled_or_deleted_is_not_held_twice() {
    let rules = Rules {
        touches: true,
        deletions: 1,
        crashes: false,
        releases: false,
        late_writes: 0,
        ..rules()
    };
    // The lease is gone for the others, whose count begins anew
    hold(&rules, DEPTH, 2 * BOUND);
}

#[test]
fn each_broken_rule_is_found() {
    let unchecked = Timing::unchecked(ticks(3), ticks(4), ticks(1));
    let broken = [
        (
            "a deadline beyond the lease",
            Rules {
                timing: unchecked,
                ..rules()
            },
        ),
        (
            "time from the answer",
            Rules {
                defect: Defect::CountsFromTheAnswer,
                ..rules()
            },
        ),
        (
            "the other's clock",
            Rules {
                defect: Defect::TrustsTheirClock(2),
                ..rules()
            },
        ),
        (
            "writes without a version",
            Rules {
                defect: Defect::NoVersions,
                ..rules()
            },
        ),
        (
            "a vanished lease taken at once",
            Rules {
                defect: Defect::VanishedIsFree,
                deletions: 1,
                ..rules()
            },
        ),
    ];
    for (name, rules) in broken {
        let rules = Rules {
            crashes: false,
            releases: false,
            ..rules
        };
        assert!(explore(&rules, 20).torn.is_some(), "{name}: not found");
    }
}

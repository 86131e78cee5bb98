//! What a mirror remembers between runs, as its settings say. Without any of this a run does the same work with more
//! requests.

use chrono::TimeDelta;

use crate::state::{Identity, MaxShrink, StateFolder};
use crate::types::Digest;

/// Where a mirror's state is and how it is used.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a setting that stands by itself"
)]
pub struct Memory {
    /// Where states are kept. None where a plan found no such folder: it makes none, and knows nothing.
    pub folder: Option<StateFolder>,
    /// Whose state it is. A shard of a mirror is a mirror of its own.
    pub identity: Identity,
    /// A digest of all settings that decide which versions are selected and what is done with them, and of the release:
    /// under other ones an unchanged index may ask for other work.
    pub settings: Digest,
    /// The selection changes as time goes by, since it hangs on the age of versions (`since = "90d"`).
    pub ages: bool,
    /// The longest time between two runs that read all tag lists.
    pub reconcile_every: TimeDelta,
    /// Read them in this run.
    pub reconcile: bool,
    /// How much an index may lose before it is suspicious.
    pub max_shrink: MaxShrink,
    /// Trust the index of this run whatever it lost.
    pub accept_shrink: bool,
    /// Push again what somebody deleted at the target.
    pub heal: bool,
    /// Delete what vanished from the source (product rules "Prune").
    pub prune: bool,
}

impl Memory {
    /// With the defaults of the configuration (product rules "Config").
    pub fn new(folder: Option<StateFolder>, identity: Identity, settings: Digest) -> Self {
        Self {
            folder,
            identity,
            settings,
            ages: false,
            reconcile_every: TimeDelta::hours(24),
            reconcile: false,
            max_shrink: MaxShrink::default(),
            accept_shrink: false,
            heal: true,
            prune: false,
        }
    }
}

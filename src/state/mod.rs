//! What a mirror remembers between runs, and what follows from it.
//!
//! The registry is the truth. A state saves requests and knows what a registry cannot tell: which index was carried, when
//! a version was first seen, which bytes the source gave for it, who put it there, what somebody was told already. Without
//! one, or with a lost one, a run does the same work with more requests; only pruning needs it.
//!
//! [`State`] is plain data with decisions as functions: no network, no runtime, no clock but the `now` that is passed in.
//! [`StateFolder`], [`MirrorState`] and [`Peeked`] are its home on disk; they block while the disk works. Texts are those of
//! the report, so secrets are masked before they get here. A target is a number everywhere: its place in
//! [`Identity::targets`].
//!
//! # A run with a state
//!
//! ```text
//! StateFolder::open, MirrorState::open        once, before anything is sent; errors are `StateError::problem()`
//!   state.ask(settings, reconcile_every)      IfChanged(validators): ask the source under this condition; Whole: without
//!   ├─ index unchanged: state.unchanged(validators); report state.attention(), vanished(target), suspicion(); done
//!   └─ a new index:
//!      state.look(entries, max_shrink, …)     all entries, before the filters; its warnings go into the report
//!      known(chart, version).first_seen       for the cooldown, while the planner selects
//!      per target and repository: unless reconcile_due or not needs_no_list, no tag list is read
//!        step(recorded(target, wanted), tagged, heal)   what to do with each version
//!      state.stored(target, …), then checkpoint         after each tag that was written or adopted, never before
//!      state.note(matter, …)                  what drifted, failed or was refused; settle or settle_all_but for the rest
//!      state.gone(target, …)                  vanished and not in the tag list either, or pruned
//!      state.prunable(target, …)              at the end; each is deleted only if `is_ours` by a look at its tag
//!      state.reconciled(now)                  if every tag list was read without an error
//!      state.set_settled(Some(…))             only if every selected version is accounted for (reliability G2)
//!   state.ended(summary, status), save        also after a run that failed or was told to stop
//! ```
//!
//! `plan` and the status page use [`Peeked`], which takes no lock and writes nothing. A shard of a mirror is a mirror of
//! its own and needs a name of its own.
//!
//! # What always holds
//!
//! - Nothing is taken for in place that was not written or seen there. A record is never ahead of the registry.
//! - Where the state could be wrong it errs towards more requests and fewer deletions: a clock that was set back, a record
//!   under another name, a target that was away, a run that was killed after its look at the index.
//! - One process per mirror: `MirrorState` holds a lock for its whole life, which the system takes back from a killed one.
//! - A file is the last one that was saved, or it is set aside as `….state.broken` and the mirror begins anew. Later
//!   formats and other sources or targets are refused (reliability B64); targets may be added, reordered, and removed as
//!   long as one stays.
//!
//! # The file
//!
//! One file per mirror, one JSON object per line: the first names format and mirror, the last has the sha256 of all the
//! others. Lines are read one at a time within limits, so a hostile or endless file costs no memory; `grep` and `jq` can
//! look into it; and the digest is compared before anything is believed. A binary format would be smaller, but nobody could
//! see what a mirror believes. It is written whole: to `….state.new`, fsync, rename, fsync of the folder.
//!
//! A mirror of 48,000 versions at one target has a file of 12.5 MB (260 bytes a version) and takes 11 MiB of memory (240
//! bytes); loading takes 0.4 s, saving 0.3 s, a look at the index 60 ms, comparing all versions 70 ms (one core of a busy
//! machine, dependencies hardly optimised).

mod attention;
mod claim;
mod clip;
mod codes;
mod decode;
mod encode;
mod error;
mod folder;
mod history;
mod identity;
mod idle;
mod lines;
mod location;
mod look;
mod memory;
mod outline;
mod provenance;
mod prune;
#[cfg(test)]
mod sample;
mod standing;
mod store;
mod version;

#[cfg(test)]
mod tests;

pub use crate::report::RunSummary;
pub use attention::{Attention, Matter};
pub use claim::Claim;
pub use error::StateError;
pub use folder::StateFolder;
pub use history::History;
pub use identity::Identity;
pub use idle::{Ask, Because, Settled};
pub use location::default_folder;
pub use look::{Look, MaxShrink, Seen, Vanished};
pub use memory::{LONGEST_NAME, State, Stored};
pub use outline::Row;
pub use provenance::{Provenance, ProvenanceChange};
pub use prune::{Conduct, MaxDelete, Prunable, PruneHeld};
pub use standing::{Recorded, Step, Tagged, Wanted, step};
pub use store::{MirrorState, Peeked};
pub use version::{Known, Origin, Placed};

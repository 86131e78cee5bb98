//! Which versions to mirror: pure decisions over an index, rules and the time of now.
//!
//! [`Planner::select`] takes one chart of an index and says of each version that it is a [`Candidate`] or why it is
//! [`Left`] out; the run compares candidates with the tags of a repository. Nothing here does I/O, so `plan`
//! prints the very decisions that `migrate` executes. Charts are planned one by one: transfers of the first can run
//! while the tags of the last are still being listed.

mod accept;
mod contest;
mod cooldown;
mod filter;
mod judge;
pub mod ownership;
mod rules;
mod select;

#[cfg(test)]
mod tests;

pub use accept::{Accept, AcceptError};
pub use cooldown::{Cooldown, cooldown};
pub use filter::Filter;
pub use rules::{ChartRule, Duplicates, Mismatch, Rules};
pub use select::{Candidate, FirstSeen, Left, Planner, Selection, nothing_selected, select};

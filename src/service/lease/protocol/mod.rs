//! The rules of the election, pure: no network, no clock, no runtime. Moments and answers are handed in, steps come out, so
//! that a test can go through every order of events there is (`tests/explorer.rs`).
//!
//! The rules are those of Kubernetes' own components (client-go, `tools/leaderelection`), made stricter where that costs
//! nothing:
//!
//! - **No clock of another machine counts.** A lease is expired when this replica has not seen it change for its whole
//!   duration, by its own clock. The times in the record are for people.
//! - **A change is another `resourceVersion`.** Comparing the contents, as client-go does, would make a holder whose clock
//!   stands still look dead.
//! - **A holder counts from before it asked**, the others from after they saw. So the holder's time
//!   ([`Timing::deadline`], 10 s) is over before that of the others ([`Timing::lease`], 15 s), however slow the answers were.
//! - **Each write names the version that it replaces.** A write that comes late meets another version and changes nothing.
//! - **A holder that learns of another one stops at once**; so does one that finds its lease gone or emptied.
//! - **A lease that vanished counts as held** for one more duration, except for a replica that never saw one: its first start
//!   must not wait. Who deletes the lease by hand and starts a replica within the same two seconds gets two leaders for
//!   that long.
//! - **Identities are unique per process**, so nobody ever takes another's lease for its own.
//!
//! There is no jitter: a handful of replicas need none, and it would be added to the time that a takeover takes.

mod elector;
mod record;
mod timing;

#[cfg(test)]
mod tests;

pub use elector::{Answer, Elector, Step};
pub use record::{Change, Draft, Record, Version};
pub use timing::{Moment, Timing, TimingError};

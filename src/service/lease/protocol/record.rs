//! What is known of a lease, and what is to be written there.

use std::sync::Arc;
use std::time::Duration;

/// The `resourceVersion` of a lease: another one after each change, whoever made it. Only equality means something.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Version(pub Arc<str>);

/// A lease as the server answered it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Record {
    /// Of this state of it.
    pub version: Version,
    /// `holderIdentity`; none if it is empty, which is how a holder gives a lease back.
    pub holder: Option<Arc<str>>,
    /// `leaseDurationSeconds`, if it names a time.
    pub duration: Option<Duration>,
    /// `leaseTransitions`: how often the holder changed.
    pub transitions: u32,
}

/// What a lease is to become.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Draft {
    /// The state that it replaces; none creates it. The server refuses if that is not the state that it has.
    pub base: Option<Version>,
    /// Who holds it then.
    pub holder: Option<Arc<str>>,
    /// For how long others leave it alone.
    pub duration: Duration,
    /// How often the holder changed.
    pub transitions: u32,
    /// What this does, for the times in the record.
    pub change: Change,
}

/// What a write does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Change {
    /// Another holder.
    Taken,
    /// The same holder.
    Renewed,
    /// No holder any more.
    Released,
}

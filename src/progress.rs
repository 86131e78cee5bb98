//! What a run tells about itself while it goes on. Whoever watches decides how it looks; nothing here prints.
//!
//! All methods may be called from many tasks at once, must not block and cost next to nothing: a transfer
//! calls [`Progress::bytes`] for every chunk.

use crate::report::Action;

/// What is being done for one version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// The package comes from the source.
    Download,
    /// Blobs or the manifest go to a target.
    Push,
    /// What is at the target is compared with the source.
    Check,
    /// The pushed manifest is being signed.
    Sign,
}

impl Step {
    /// The word shown to people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Download => "download",
            Self::Push => "push",
            Self::Check => "check",
            Self::Sign => "sign",
        }
    }
}

/// One version in flight. The caller hands out numbers; no two versions in flight have the same.
pub type FlightId = u64;

/// Hears what a run does.
pub trait Progress: Send + Sync {
    /// A mirror does something that belongs to no version, e.g. `reading the index`.
    fn phase(&self, mirror: &str, phase: &str);

    /// So many more versions will be transferred. Called again while planning goes on beside transfers.
    fn planned(&self, mirror: &str, versions: u64);

    /// A version is now in flight. `label` is chart and version, foreign text and all.
    fn started(&self, id: FlightId, label: &str);

    /// A version in flight has come to another step.
    fn step(&self, id: FlightId, step: Step);

    /// So many more bytes were sent or received for a version.
    fn bytes(&self, id: FlightId, bytes: u64);

    /// A version is no longer in flight, and this is what became of it.
    fn finished(&self, id: FlightId, action: Action);
}

/// Hears and forgets.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn phase(&self, _: &str, _: &str) {}
    fn planned(&self, _: &str, _: u64) {}
    fn started(&self, _: FlightId, _: &str) {}
    fn step(&self, _: FlightId, _: Step) {}
    fn bytes(&self, _: FlightId, _: u64) {}
    fn finished(&self, _: FlightId, _: Action) {}
}

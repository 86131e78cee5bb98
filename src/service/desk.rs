//! What the HTTP side of the service asks of the working side. Tests of the pages answer from samples.

use super::view::{ServiceView, VersionView};

/// Answers for whoever looks.
pub trait Desk: Send + Sync + 'static {
    /// All mirrors at this moment.
    fn view(&self) -> ServiceView;

    /// Every version of a mirror, by chart and then newest first; none if there is no such mirror. Reads its state, so it
    /// blocks while the disk works.
    fn versions(&self, mirror: &str) -> Option<Result<Vec<VersionView>, String>>;

    /// Asks for a run now.
    fn trigger(&self, mirror: &str, wish: Wish) -> Triggered;

    /// Why the service is not ready, as lines; empty if it is. It is ready with a valid configuration, a usable state folder
    /// and a running scheduler, as leader or as standby; no source or registry need be up.
    fn not_ready(&self) -> Vec<String>;

    /// Whether the loop of the service still turns.
    fn alive(&self) -> bool;

    /// The metrics in the `OpenMetrics` text format.
    fn metrics(&self) -> String;
}

/// What a run that somebody asks for does besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wish {
    /// Lists all tags again instead of trusting the state.
    pub reconcile: bool,
    /// Trusts the index whatever it lost (`--accept-shrink`).
    pub accept_shrink: bool,
}

/// What became of a wish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Triggered {
    /// A run begins.
    Begun,
    /// One goes on; another follows it.
    Queued,
    /// There is no such mirror.
    Unknown,
    /// This replica does not work; the one that does, if that is known.
    Standby(Option<Box<str>>),
    /// The service is about to end.
    Stopping,
}

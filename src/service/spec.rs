//! What the service is asked to do. It knows no configuration file: whoever starts it turns one into this, and again each
//! time the file changes.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use tokio::net::TcpListener;
use tokio::sync::Notify;

use super::Clock;
use super::desk::Wish;
use super::http::HttpOptions;
use super::lease::Leadership;
use super::notify::NotifyOptions;
use super::reload::Fingerprint;
use crate::report::Problem;
use crate::run::{Engine, MirrorSpec};
use crate::schedule::{Jitter, Schedule};
use crate::state::{Claim, Identity, StateFolder};

/// The service as a whole.
pub struct ServiceSpec {
    /// Where states are. Taken before anything else, so that a second service ends with that word.
    pub state: Claim,
    /// Where it answers over HTTP. Bound already, so that an address in use ends the start with a word.
    pub listener: TcpListener,
    /// How it answers.
    pub http: HttpOptions,
    /// The mirrors of the file as it is now.
    pub plan: Plan,
    /// How the file is read again.
    pub config: ConfigFile,
    /// Whether this replica works.
    pub leadership: Leadership,
    /// What time it is.
    pub clock: Clock,
}

/// The file that the mirrors come from.
pub struct ConfigFile {
    /// Its path, also for the page.
    pub path: PathBuf,
    /// What it held when `ServiceSpec::plan` was read from it.
    pub fingerprint: Option<Fingerprint>,
    /// Reads it again; it may block. The flag asks for everything to be made anew, also what has not changed in the file
    /// itself, such as certificates. An error says all that is wrong, with file and line.
    pub load: Arc<dyn Fn(bool) -> Result<Plan, String> + Send + Sync>,
    /// Somebody wants it to be read now (SIGHUP).
    pub hangup: Arc<Notify>,
}

/// What one version of the file means.
pub struct Plan {
    /// What all mirrors share. Watchers and cords are given to each run by the service.
    pub engine: Engine,
    /// In the order of the file; names are unique.
    pub mirrors: Vec<MirrorPlan>,
    /// Who is told of what runs bring.
    pub notify: NotifyOptions,
}

/// One mirror.
#[derive(Clone)]
pub struct MirrorPlan {
    /// Its name in the file.
    pub name: Box<str>,
    /// Where the charts come from, secrets masked.
    pub source: Box<str>,
    /// Where they go.
    pub targets: Vec<Box<str>>,
    /// When it runs.
    pub schedule: Schedule,
    /// How much later.
    pub jitter: Jitter,
    /// Where it remembers; none if it does not.
    pub memory: Option<Remembered>,
    /// How a run of it is put together.
    pub recipe: Arc<dyn Recipe>,
}

/// Where the state of a mirror is.
#[derive(Debug, Clone)]
pub struct Remembered {
    /// The folder.
    pub folder: StateFolder,
    /// Whose state.
    pub identity: Identity,
}

/// Puts together what a run is asked to do. Anew for each run: ages become moments, and passwords may have changed.
pub trait Recipe: Send + Sync {
    /// For a run that begins at `now` and does what somebody wishes besides. A problem is the outcome of this run, not the end of the mirror.
    fn prepare(&self, now: DateTime<Utc>, wish: Wish) -> BoxFuture<'_, Result<MirrorSpec, Problem>>;
}

impl fmt::Debug for MirrorPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MirrorPlan")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

//! Which replica works: leader election by a `coordination.k8s.io` Lease, so that of two replicas exactly one runs the mirrors.
//!
//! ```text
//!  protocol (pure) ◄── driver ──► book: the Lease by `kube`      needs the feature `kubernetes`
//!                        │
//!                        ▼
//!                    Leadership ──► the service: leads()? before each piece of work; lost() to stop what goes on
//! ```
//!
//! # What holds
//!
//! - At no moment do two replicas see [`Leadership::leads`] true ([`protocol`] says why, and a test visits every order of
//!   events). The answer is computed from the clock at each call, so a process that was stopped for a minute reads `false`
//!   before anything in it has run, and a machine that slept does too: the clock goes on meanwhile.
//! - Between the question and the request that follows it a process can still be stopped. Nothing but the registry could
//!   exclude that, and nothing depends on it: pushes are idempotent (reliability G7).
//! - After a kill another replica leads within 20 s (at most 17 s and two requests), after a clean stop within 3 s (2 s and
//!   two requests). Standbys look every 2 s. A watch would be faster, and one more way to hang unnoticed.
//! - The lease is renewed while the service drains; [`Leadership::release`] comes after that.
//! - A start does not need the API server: until it answers, this replica is a standby.
//!
//! What it costs: one small request every 2 s per replica. What it needs: `get`, `create` and `update` on `leases`.

mod clock;
mod error;
mod identity;
mod leadership;
pub mod protocol;

#[cfg(feature = "kubernetes")]
mod book;
#[cfg(feature = "kubernetes")]
mod driver;
#[cfg(feature = "kubernetes")]
mod words;

pub use error::LeaseError;
pub use leadership::{LeaderState, Leadership};

use protocol::Timing;

/// Which lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseOptions {
    /// Its name.
    pub name: Box<str>,
    /// Where it is; without, the namespace of the pod or of the kubeconfig's context.
    pub namespace: Option<Box<str>>,
    /// How long things take.
    pub timing: Timing,
}

impl LeaseOptions {
    /// A lease with the usual times.
    pub fn new(name: &str, namespace: Option<&str>) -> Self {
        Self {
            name: name.into(),
            namespace: namespace.map(Into::into),
            timing: Timing::default(),
        }
    }
}

impl Leadership {
    /// Begins to take part, on the current runtime. Fails only for what waiting cannot mend, such as a process that is in no
    /// cluster; an API server that does not answer is waited for.
    #[cfg(feature = "kubernetes")]
    pub async fn start(options: &LeaseOptions) -> Result<Self, LeaseError> {
        let book = book::Book::open(options).await?;
        let me = identity::identity();
        tracing::info!("waits for the lease `{}` as `{me}`", book.place());
        Ok(driver::start(book, protocol::Elector::new(&me, options.timing)))
    }

    /// Refuses: this build has no feature `kubernetes`.
    #[cfg(not(feature = "kubernetes"))]
    #[allow(clippy::unused_async, reason = "the same signature as in a build that can")]
    pub async fn start(_options: &LeaseOptions) -> Result<Self, LeaseError> {
        Err(LeaseError::NotBuilt)
    }
}

#[cfg(feature = "kubernetes")]
#[cfg(test)]
mod tests;

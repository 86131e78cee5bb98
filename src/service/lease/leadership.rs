//! What the service sees of the election.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::clock;
use super::protocol::Moment;
use crate::service::view::Role;

/// Longest sleep without a look at the clock: the runtime's timers stand still while a machine sleeps, ours does not.
pub(super) const NAP: Duration = Duration::from_secs(1);

const NEVER: u64 = 0;
const ALWAYS: u64 = u64::MAX;

/// What this replica is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeaderState {
    /// It works.
    Leader,
    /// It waits.
    Standby {
        /// Who works, if that is known: a pod's name.
        leader: Option<Box<str>>,
        /// What keeps it from taking part.
        trouble: Option<Box<str>>,
    },
    /// It gave the lease back and takes no part any more.
    Left,
}

/// This replica's place, shared by the one who runs the election and those who ask.
#[derive(Debug)]
pub(super) struct Seat {
    /// It leads before this moment, in nanoseconds.
    until: AtomicU64,
    state: watch::Sender<LeaderState>,
}

/// Whether this replica works. Cloning shares it; when the last clone is dropped, the replica takes no further part.
#[derive(Debug, Clone)]
pub struct Leadership(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    seat: Arc<Seat>,
    /// Somebody runs the election, and will say when the lease was given back.
    driven: bool,
    leave: CancellationToken,
    _abandon: DropGuard,
}

impl Leadership {
    /// The only replica: it leads for ever.
    pub fn always() -> Self {
        let seat = Seat::new(ALWAYS, LeaderState::Leader);
        Self::of(
            Arc::new(seat),
            false,
            CancellationToken::new(),
            CancellationToken::new(),
        )
    }

    pub(super) fn of(
        seat: Arc<Seat>,
        driven: bool,
        leave: CancellationToken,
        abandon: CancellationToken,
    ) -> Self {
        Self(Arc::new(Inner {
            seat,
            driven,
            leave,
            _abandon: abandon.drop_guard(),
        }))
    }

    /// Whether something may be begun at this moment. Cheap; to be asked before each piece of work.
    pub fn leads(&self) -> bool {
        self.left().is_some()
    }

    /// For how long this replica leads yet, unless it renews.
    fn left(&self) -> Option<Duration> {
        self.0.seat.left().filter(|_| !self.0.leave.is_cancelled())
    }

    /// What this replica is at this moment.
    pub fn state(&self) -> LeaderState {
        let state = self.0.seat.state.borrow().clone();
        if state == LeaderState::Leader && !self.leads() {
            // Its time is over and nobody has come to say so
            return LeaderState::Standby {
                leader: None,
                trouble: None,
            };
        }
        state
    }

    /// The same for the status page.
    pub fn role(&self) -> Role {
        match self.state() {
            LeaderState::Leader => Role::Leader,
            LeaderState::Standby { leader, .. } => Role::Standby { leader },
            LeaderState::Left => Role::Standby { leader: None },
        }
    }

    /// Changes of the state, for those who wait for several things. A lease that runs out is none; see [`Leadership::lost`].
    pub fn watch(&self) -> watch::Receiver<LeaderState> {
        self.0.seat.state.subscribe()
    }

    /// Waits until this replica leads; for ever once it has left.
    pub async fn leading(&self) {
        let mut changes = self.watch();
        while !self.leads() {
            // The seat lives as long as we do, so this does not fail
            let _ = changes.changed().await;
        }
    }

    /// Waits until this replica does not lead.
    pub async fn lost(&self) {
        let mut changes = self.watch();
        while let Some(left) = self.left() {
            tokio::select! {
                _ = changes.changed() => {}
                () = tokio::time::sleep(left.min(NAP)) => {}
            }
        }
    }

    /// Gives the lease back, so that another replica takes over at once: to be called when no work goes on any more. From the
    /// call on this replica does not lead. Ends after some seconds even if the API server does not answer; then the others
    /// wait until the lease is over.
    pub async fn release(&self) {
        self.0.leave.cancel();
        if !self.0.driven {
            self.0.seat.publish(None, LeaderState::Left);
        }
        let mut changes = self.watch();
        // The seat lives as long as we do, so this does not fail
        let _ = changes.wait_for(|state| *state == LeaderState::Left).await;
    }
}

impl Seat {
    /// Nobody leads yet.
    #[cfg(any(test, feature = "kubernetes"))]
    pub(super) fn empty() -> Self {
        let standby = LeaderState::Standby {
            leader: None,
            trouble: None,
        };
        Self::new(NEVER, standby)
    }

    fn new(until: u64, state: LeaderState) -> Self {
        Self {
            until: AtomicU64::new(until),
            state: watch::Sender::new(state),
        }
    }

    /// What is true from now on.
    pub(super) fn publish(&self, until: Option<Moment>, state: LeaderState) {
        let until = until.map_or(NEVER, |until| {
            let nanos = until.since_start().as_nanos();
            u64::try_from(nanos).unwrap_or(ALWAYS - 1)
        });
        // A renewal that was granted late: meanwhile those who asked were told that nobody leads here, though no state said so
        let again = self.left().is_none() && state == LeaderState::Leader;
        self.until.store(until, Ordering::Release);
        self.state.send_if_modified(|before| {
            let changed = *before != state || again;
            *before = state;
            changed
        });
    }

    /// For how long this replica leads yet.
    fn left(&self) -> Option<Duration> {
        let until = self.until.load(Ordering::Acquire);
        if until == ALWAYS {
            return Some(Duration::MAX);
        }
        let left = clock::now().until(Moment::after_start(Duration::from_nanos(until)));
        (!left.is_zero()).then_some(left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(for_millis: u64) -> Leadership {
        let seat = Seat::empty();
        let until = clock::now().plus(Duration::from_millis(for_millis));
        seat.publish(Some(until), LeaderState::Leader);
        Leadership::of(
            Arc::new(seat),
            false,
            CancellationToken::new(),
            CancellationToken::new(),
        )
    }

    #[tokio::test]
    async fn the_only_replica_leads_until_it_leaves() {
        let alone = Leadership::always();
        alone.leading().await;
        assert_eq!(alone.role(), Role::Leader);
        alone.release().await;
        assert!(!alone.leads());
        assert_eq!(alone.state(), LeaderState::Left);
        alone.lost().await;
    }

    #[tokio::test]
    async fn a_lease_runs_out_though_nobody_says_so() {
        let leadership = held(50);
        leadership.lost().await;
        assert!(!leadership.leads());
        assert_ne!(
            leadership.state(),
            LeaderState::Leader,
            "the driver is stuck, the clock is not"
        );
        // The driver waited for an answer all the time, and it came: nothing but the end has changed
        let renewed = leadership.0.seat.clone();
        let waiting = tokio::spawn({
            let leadership = leadership.clone();
            async move { leadership.leading().await }
        });
        tokio::task::yield_now().await;
        let until = clock::now().plus(Duration::from_secs(3600));
        renewed.publish(Some(until), LeaderState::Leader);
        let told = tokio::time::timeout(Duration::from_secs(60), waiting).await;
        told.expect("nobody was told that it leads again").unwrap();
        let long = held(3_600_000);
        assert!(long.leads());
        assert_eq!(long.state(), LeaderState::Leader);
    }
}

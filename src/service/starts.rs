//! How many mirrors begin a run at once: an index is in memory while it is read and compared, and 200 mirrors have the same
//! first moment.
//!
//! A place is lent for the whole run, but not for longer than [`LENT`]: a source that hangs or trickles keeps nobody
//! waiting, and most runs find nothing new and are over by then.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;

/// Runs that begin at once: enough to keep two processors busy with parsing, few enough for 16 large indexes.
const AT_ONCE: usize = 16;
/// After this time another run may begin, whether or not this one has ended. So 200 sources that all hang delay each other
/// by two minutes at most.
const LENT: Duration = Duration::from_secs(10);

/// The places. Cloning shares them.
#[derive(Debug, Clone)]
pub(super) struct Starts(Arc<Semaphore>);

/// A run that has begun.
#[derive(Debug)]
pub(super) struct Started(JoinHandle<()>);

impl Starts {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }

    /// Waits for a place, in the order of asking. `None` never comes, since nobody closes the places.
    pub(super) async fn enter(&self) -> Option<Started> {
        let place = Arc::clone(&self.0).acquire_owned().await.ok()?;
        Some(Started(tokio::spawn(give_back(place))))
    }
}

async fn give_back(place: OwnedSemaphorePermit) {
    tokio::time::sleep(LENT).await;
    drop(place);
}

impl Drop for Started {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn runs_that_hang_keep_nobody_waiting_for_long() {
        let starts = Starts::new();
        let begun = Instant::now();
        let mut hanging = Vec::new();
        for _ in 0..AT_ONCE * 3 {
            hanging.push(starts.enter().await);
        }
        assert_eq!(begun.elapsed(), LENT * 2);
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_done_lets_the_next_one_in_at_once() {
        let starts = Starts::new();
        let begun = Instant::now();
        for _ in 0..AT_ONCE * 3 {
            drop(starts.enter().await);
        }
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }
}

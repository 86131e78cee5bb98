//! What has to be said to a host, or heard from it, when nobody waits for it any more: that an upload was given up, or where
//! the one is that a request under way has just opened.

use std::panic::resume_unwind;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::{JoinError, JoinHandle};
use tokio_util::task::TaskTracker;

/// Work that outlives its caller.
#[derive(Default)]
pub(super) struct Farewells(TaskTracker);

impl Farewells {
    /// Begins it. Callers may be destructors, which know no runtime when the process ends: then it is left undone.
    pub(super) fn add<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<JoinHandle<T>> {
        let runtime = Handle::try_current().ok()?;
        Some(self.0.spawn_on(work, &runtime))
    }

    /// Does it to its end, also when the caller does not wait for that.
    pub(super) async fn finish<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> T {
        let done = match self.add(work) {
            Some(task) => task.await,
            None => std::future::pending().await,
        };
        match done.map_err(JoinError::try_into_panic) {
            Ok(done) => done,
            // The caller's panic, as if there were no task.
            Err(Ok(panic)) => resume_unwind(panic),
            // Only the end of the runtime ends such a task early, and the caller with it.
            Err(Err(_)) => std::future::pending().await,
        }
    }

    /// Waits until all is done, at most so long.
    pub(super) async fn wait(&self, limit: Duration) {
        self.0.close();
        if tokio::time::timeout(limit, self.0.wait()).await.is_err() {
            tracing::debug!(left = self.0.len(), "no time is left for the last words");
        }
        self.0.reopen();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn work_outlives_its_caller_and_is_waited_for() {
        let (farewells, done) = (Farewells::default(), Arc::<AtomicBool>::default());
        let flag = Arc::clone(&done);
        let work = farewells.finish(async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            flag.store(true, SeqCst);
        });
        assert!(
            tokio::time::timeout(Duration::from_millis(10), work)
                .await
                .is_err()
        );
        farewells.wait(Duration::from_millis(500)).await;
        assert!(!done.load(SeqCst), "no time for it yet");
        farewells.wait(Duration::from_secs(5)).await;
        assert!(done.load(SeqCst));
        assert_eq!(farewells.finish(async { 5 }).await, 5);
    }

    #[tokio::test]
    #[should_panic(expected = "as it was")]
    async fn a_panic_is_the_callers() {
        Farewells::default().finish(async { panic!("as it was") }).await;
    }
}

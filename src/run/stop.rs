//! How a run is told to end: first softly, then at once. The caller owns the signals; tests pull the cord themselves.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::types::Reason;

/// How long the end of a run may take to cancel uploads that were given up (reliability F31).
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Two cords. Cloning shares them.
#[derive(Debug, Clone)]
pub struct Stop {
    soft: CancellationToken,
    hard: CancellationToken,
    grace: Duration,
    /// The first cord was pulled by the clock.
    late: Arc<AtomicBool>,
    guard: Option<Guard>,
}

/// Whether work may go on, as far as somebody else knows.
#[derive(Clone)]
struct Guard(Arc<dyn Fn() -> bool + Send + Sync>);

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Guard")
    }
}

/// Pulls the first cord when the time is up, unless it is dropped before.
#[derive(Debug)]
pub(super) struct Timer(JoinHandle<()>);

impl Drop for Timer {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Stop {
    /// Cords that nobody has pulled. What is in flight gets `grace` after the first.
    pub fn new(grace: Duration) -> Self {
        Self {
            soft: CancellationToken::new(),
            hard: CancellationToken::new(),
            grace,
            late: Arc::default(),
            guard: None,
        }
    }

    /// Asks `may_go_on` as well before each piece of work; its first no pulls the first cord. For what ends by a clock and not
    /// by an event, as a lease does: a process that was stopped for a minute must not begin anything before it has looked.
    #[must_use]
    pub fn guarded(mut self, may_go_on: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        self.guard = Some(Guard(Arc::new(may_go_on)));
        self
    }

    /// Take no new work.
    pub fn soft(&self) {
        self.soft.cancel();
    }

    /// Drop everything.
    pub fn hard(&self) {
        self.soft.cancel();
        self.hard.cancel();
    }

    /// True after the first cord.
    pub fn is_stopping(&self) -> bool {
        if self.guard.as_ref().is_some_and(|Guard(may_go_on)| !may_go_on()) {
            self.soft.cancel();
        }
        self.soft.is_cancelled()
    }

    /// Waits for the first cord.
    pub async fn stopping(&self) {
        self.soft.cancelled().await;
    }

    /// Waits until even work in flight has to go: the second cord, or the first and the grace time but for what
    /// cancelling what is left takes.
    pub async fn expired(&self) {
        let graceful = async {
            self.soft.cancelled().await;
            tokio::time::sleep(self.grace.saturating_sub(self.reserve())).await;
        };
        tokio::select! {
            () = self.hard.cancelled() => {}
            () = graceful => {}
        }
    }

    /// Waits for the second cord.
    pub async fn killed(&self) {
        self.hard.cancelled().await;
    }

    /// The end of the grace time, for what has to be said to hosts when the work is over.
    fn reserve(&self) -> Duration {
        (self.grace / 10).min(LAST_WORDS)
    }

    /// Gives `work` its time at the end of a run, within the grace time if it was told to stop, none after the second
    /// cord.
    pub(super) async fn last_words<T: Future<Output = ()>>(&self, work: impl FnOnce(Duration) -> T) {
        let limit = if self.is_stopping() {
            self.reserve()
        } else {
            LAST_WORDS
        };
        tokio::select! {
            () = self.hard.cancelled() => {}
            () = work(limit) => {}
        }
    }

    /// Cords of a part of the run: pulling them does not stop the rest.
    #[must_use]
    pub fn child(&self) -> Self {
        Self {
            soft: self.soft.child_token(),
            hard: self.hard.child_token(),
            grace: self.grace,
            late: Arc::default(),
            guard: self.guard.clone(),
        }
    }

    /// Cords of a part of the run that pulls its first one by itself after `limit`.
    pub(super) fn timed(&self, limit: Option<Duration>) -> (Self, Option<Timer>) {
        let child = self.child();
        let timer = limit.map(|limit| {
            let stop = child.clone();
            Timer(tokio::spawn(async move {
                tokio::time::sleep(limit).await;
                if !stop.is_stopping() {
                    stop.late.store(true, Ordering::Release);
                    stop.soft();
                }
            }))
        });
        (child, timer)
    }

    /// Why something was not done, for the report.
    pub(super) fn reason(&self, when: &str) -> Reason {
        if self.late.load(Ordering::Acquire) {
            Reason::new("deadline", format!("`run_timeout` was over {when}"))
        } else {
            Reason::new("interrupted", format!("the run was told to stop {when}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn grace_runs_from_the_first_cord() {
        let stop = Stop::new(Duration::from_secs(25));
        let start = tokio::time::Instant::now();
        let part = stop.child();
        part.hard();
        part.killed().await;
        assert!(!stop.is_stopping());
        stop.soft();
        stop.expired().await;
        assert_eq!(start.elapsed().as_secs(), 23);
        // What is left of it is for last words
        stop.last_words(tokio::time::sleep).await;
        assert_eq!(start.elapsed().as_secs(), 25);
        let stop = Stop::new(Duration::from_secs(25));
        stop.hard();
        stop.expired().await;
        stop.last_words(tokio::time::sleep).await;
        assert_eq!(start.elapsed().as_secs(), 25);
    }

    #[tokio::test]
    async fn a_guard_is_asked_before_work_and_its_no_is_final() {
        let may = Arc::new(AtomicBool::new(true));
        let asked = Arc::clone(&may);
        let part = Stop::new(Duration::ZERO)
            .guarded(move || asked.load(Ordering::Acquire))
            .child();
        assert!(!part.is_stopping());
        may.store(false, Ordering::Release);
        assert!(part.is_stopping());
        may.store(true, Ordering::Release);
        assert!(part.is_stopping());
        part.stopping().await;
    }

    #[tokio::test(start_paused = true)]
    async fn the_clock_and_the_user_are_told_apart() {
        let whole = Stop::new(Duration::ZERO);
        let (late, _timer) = whole.timed(Some(Duration::from_secs(1)));
        let (early, timer) = whole.timed(Some(Duration::from_secs(1)));
        drop(timer);
        late.stopping().await;
        assert!(!early.is_stopping() && !whole.is_stopping());
        assert_eq!(late.reason("here").code, "deadline");
        whole.soft();
        early.stopping().await;
        assert_eq!(early.reason("here").code, "interrupted");
    }
}

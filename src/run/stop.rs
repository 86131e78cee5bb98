//! How a run is told to end: first softly, then at once. The caller owns the signals; tests pull the cord themselves.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// Two cords. Cloning shares them.
#[derive(Debug, Clone)]
pub struct Stop {
    soft: CancellationToken,
    hard: CancellationToken,
    grace: Duration,
}

impl Stop {
    /// Cords that nobody has pulled. What is in flight gets `grace` after the first.
    pub fn new(grace: Duration) -> Self {
        Self { soft: CancellationToken::new(), hard: CancellationToken::new(), grace }
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
        self.soft.is_cancelled()
    }

    /// Waits for the first cord.
    pub async fn stopping(&self) {
        self.soft.cancelled().await;
    }

    /// Waits until even work in flight has to go: the second cord, or the first and the grace time.
    pub async fn expired(&self) {
        let graceful = async {
            self.soft.cancelled().await;
            tokio::time::sleep(self.grace).await;
        };
        tokio::select! {
            () = self.hard.cancelled() => {}
            () = graceful => {}
        }
    }

    /// Cords of a part of the run: pulling its first one does not stop the rest.
    pub fn child(&self) -> Self {
        Self { soft: self.soft.child_token(), hard: self.hard.clone(), grace: self.grace }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn grace_runs_from_the_first_cord() {
        let stop = Stop::new(Duration::from_secs(25));
        let start = tokio::time::Instant::now();
        stop.child().soft();
        assert!(!stop.is_stopping());
        stop.soft();
        stop.expired().await;
        assert_eq!(start.elapsed().as_secs(), 25);
        let stop = Stop::new(Duration::from_secs(25));
        stop.hard();
        stop.expired().await;
        assert_eq!(start.elapsed().as_secs(), 25);
    }
}

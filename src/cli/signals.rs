//! Ctrl-C and SIGTERM: the first lets what is in flight finish, the second ends at once.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::signal::unix::{SignalKind, signal};

use crate::report::Signal;
use crate::run::Stop;

/// Watches for signals until it is dropped.
pub(super) struct Watcher {
    first: Arc<Mutex<Option<Signal>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Watcher {
    /// Begins to watch and pulls the cords of `stop`.
    pub(super) fn start(stop: Stop) -> std::io::Result<Self> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let first = Arc::new(Mutex::new(None));
        let seen = Arc::clone(&first);
        let task = tokio::spawn(async move {
            loop {
                let signal = tokio::select! {
                    _ = interrupt.recv() => Signal::Int,
                    _ = terminate.recv() => Signal::Term,
                };
                if stop.is_stopping() {
                    stop.hard();
                    continue;
                }
                *seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(signal);
                tracing::warn!("stopping: what is in flight may finish; once more ends at once");
                stop.soft();
            }
        });
        Ok(Self { first, task })
    }

    /// The signal that ended the run early, if one did.
    pub(super) fn seen(&self) -> Option<Signal> {
        *self.first.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.task.abort();
    }
}

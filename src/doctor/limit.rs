//! Nothing that is looked at may take for ever.

use std::time::Duration;

/// One look.
pub(super) const LOOK: Duration = Duration::from_secs(30);

/// An index, which may have tens of megabytes.
pub(super) const INDEX: Duration = Duration::from_secs(120);

/// All repositories of a registry together.
pub(super) const REPOSITORIES: Duration = Duration::from_secs(180);

/// The outcome of one look, or that it took too long.
pub(super) fn within<T>(look: impl Future<Output = T>) -> impl Future<Output = Result<T, String>> {
    within_time(LOOK, look)
}

/// The same with a time of its own.
pub(super) fn within_time<T>(
    time: Duration,
    look: impl Future<Output = T>,
) -> impl Future<Output = Result<T, String>> {
    // Requests are large futures, and many looks make one task.
    let look = Box::pin(look);
    async move {
        let outcome = tokio::time::timeout(time, look).await;
        outcome.map_err(|_| format!("no result within {} s", time.as_secs()))
    }
}

//! The clock that leases are measured by: it never goes back, and it goes on while a process is stopped or the machine sleeps.
//! `Instant` stands still in a sleep, so a holder that slept would believe that its lease is fresh.

use std::time::Duration;

use super::protocol::Moment;

/// This moment.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn now() -> Moment {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let seconds = Duration::from_secs(u64::try_from(time.tv_sec).unwrap_or_default());
    Moment::after_start(seconds.saturating_add(Duration::from_nanos(
        u64::try_from(time.tv_nsec).unwrap_or_default(),
    )))
}

/// This moment. Kubernetes runs no pods here, so the plain clock must do.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn now() -> Moment {
    use std::sync::OnceLock;
    use std::time::Instant;
    static START: OnceLock<Instant> = OnceLock::new();
    // Not zero, which stands for "never"
    Moment::after_start(START.get_or_init(Instant::now).elapsed() + Duration::from_secs(1))
}

//! How many requests a host gets at once, and when: a window that grows by one for each window of good answers and
//! halves on overload (product.md 7), pauses that the server asked for, and a fixed rate where one is set.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::descriptors;

/// The widest window, and where it starts: two blobs of each of 64 versions, the widest that the pool of versions goes
/// by itself. The pool begins narrow, so a host does not meet this at once, and a slow start here would cost every
/// short run a second time.
const WIDEST: usize = 128;

/// The longest pause that we choose ourselves when a 429 names none.
const LONGEST_OWN_PAUSE: Duration = Duration::from_secs(5);

/// A host that answered nothing but 429 for so long is not waited for any more: each request has one try, so that a
/// run with thousands of them ends.
const PATIENCE: Duration = Duration::from_secs(120);

/// The pace of one host.
pub(super) struct Pace {
    slots: Arc<Semaphore>,
    state: Mutex<State>,
    /// Time between two requests.
    gap: Option<Duration>,
    /// The first of our own pauses.
    first_pause: Duration,
}

struct State {
    window: f64,
    widest: f64,
    /// Permits to be withheld as they come back, after the window shrank.
    debt: usize,
    paused_until: Option<Instant>,
    last_cut: Option<Instant>,
    /// 429s in a row, for our own pauses.
    streak: u32,
    throttled_since: Option<Instant>,
    next_slot: Option<Instant>,
}

/// What an answer says about the load of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    /// It copes.
    Good,
    /// Nothing: another error of the server.
    Unclear,
    /// It does not: 503 or a broken connection.
    Overload,
    /// It says so: 429.
    Throttled,
}

/// One request under way.
pub(super) struct Permit {
    pace: Arc<Pace>,
    slot: Option<OwnedSemaphorePermit>,
    since: Instant,
}

impl Pace {
    pub(super) fn new(
        max_connections: Option<usize>,
        requests_per_second: Option<f64>,
        first_pause: Duration,
    ) -> Self {
        let widest = max_connections
            .unwrap_or(WIDEST)
            .clamp(1, 4096)
            .min(descriptors::per_host());
        let window = widest;
        let gap = requests_per_second.and_then(|rate| Duration::try_from_secs_f64(1.0 / rate).ok());
        let state = State {
            window: as_float(window),
            widest: as_float(widest),
            debt: 0,
            paused_until: None,
            last_cut: None,
            streak: 0,
            throttled_since: None,
            next_slot: None,
        };
        Self {
            slots: Arc::new(Semaphore::new(window)),
            state: Mutex::new(state),
            gap,
            first_pause,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Until when the host is paused.
    pub(super) fn paused_until(&self) -> Option<Instant> {
        self.state().paused_until.filter(|until| *until > Instant::now())
    }

    /// Waits for a place, and for the end of any pause; tells how long the pause was.
    pub(super) async fn enter(self: &Arc<Self>) -> (Permit, Duration) {
        // The semaphore is never closed, so `acquire` cannot fail.
        let slot = Arc::clone(&self.slots).acquire_owned().await.ok();
        let mut throttled = Duration::ZERO;
        loop {
            let began = Instant::now();
            while let Some(until) = self.paused_until() {
                tokio::time::sleep_until(until).await;
            }
            throttled += began.elapsed();
            self.take_turn().await;
            // The host may have been paused while we waited for the turn.
            if self.paused_until().is_none() {
                break;
            }
        }
        (
            Permit {
                pace: Arc::clone(self),
                slot,
                since: Instant::now(),
            },
            throttled,
        )
    }

    /// Waits for the next turn where a rate is set.
    async fn take_turn(&self) {
        let Some(gap) = self.gap else { return };
        let turn = {
            let mut state = self.state();
            let now = Instant::now();
            let turn = state.next_slot.map_or(now, |next| next.max(now));
            state.next_slot = Some(turn + gap);
            turn
        };
        tokio::time::sleep_until(turn).await;
    }

    /// Lets nobody in for `wait`.
    pub(super) fn pause(&self, wait: Duration) {
        let until = Instant::now() + wait;
        let mut state = self.state();
        state.paused_until = Some(state.paused_until.map_or(until, |old| old.max(until)));
    }

    fn grow(&self) {
        let mut state = self.state();
        state.streak = 0;
        state.throttled_since = None;
        let before = state.window.floor();
        state.window = (state.window + 1.0 / state.window).min(state.widest);
        if state.window.floor() > before {
            if state.debt > 0 {
                state.debt -= 1;
            } else {
                self.slots.add_permits(1);
            }
        }
    }

    /// Halves the window, once for all requests that were under way when it last happened.
    fn cut(&self, since: Instant, throttled: bool) {
        let mut state = self.state();
        if throttled {
            state.throttled_since.get_or_insert_with(Instant::now);
        }
        if state.last_cut.is_some_and(|cut| since <= cut) {
            return;
        }
        state.last_cut = Some(Instant::now());
        let before = state.window.floor();
        state.window = (state.window / 2.0).max(1.0);
        let lost = as_count(before - state.window.floor());
        let taken = self.slots.forget_permits(lost);
        state.debt += lost - taken;
        if throttled {
            state.streak = state.streak.saturating_add(1);
        }
    }

    /// Whether waiting for this host is vain.
    pub(super) fn is_hopeless(&self) -> bool {
        self.state()
            .throttled_since
            .is_some_and(|since| since.elapsed() >= PATIENCE)
    }

    fn own_pause(&self) -> Duration {
        if self.is_hopeless() {
            return Duration::ZERO;
        }
        let streak = self.state().streak.min(16);
        let longest = self.first_pause.saturating_mul(2_u32.saturating_pow(streak));
        super::retry::full_jitter(longest.min(LONGEST_OWN_PAUSE))
    }
}

impl Permit {
    /// Takes what the answer says about the host. `asked` is the server's `Retry-After`, capped.
    pub(super) fn learn(&self, signal: Signal, asked: Option<Duration>) {
        match signal {
            Signal::Good => self.pace.grow(),
            Signal::Unclear => {}
            Signal::Overload => self.pace.cut(self.since, false),
            Signal::Throttled => self.pace.cut(self.since, true),
        }
        match (signal, asked) {
            (Signal::Good, _) | (Signal::Unclear | Signal::Overload, None) => {}
            (_, Some(wait)) => self.pace.pause(wait),
            // Without a pause for all, every request in the window would burn its tries against the wall.
            (Signal::Throttled, None) => self.pace.pause(self.pace.own_pause()),
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut state = self.pace.state();
        if state.debt > 0
            && let Some(slot) = self.slot.take()
        {
            state.debt -= 1;
            slot.forget();
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "at most 4096")]
fn as_float(count: usize) -> f64 {
    count as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 0 and 4096"
)]
fn as_count(value: f64) -> usize {
    value as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn free(pace: &Pace) -> usize {
        pace.slots.available_permits()
    }

    #[tokio::test]
    async fn halves_once_per_event_and_grows_by_one() {
        let pace = Arc::new(Pace::new(None, None, Duration::from_millis(1)));
        let mut permits = Vec::new();
        for _ in 0..10 {
            permits.push(pace.enter().await.0);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
        for permit in &permits {
            permit.learn(Signal::Overload, None);
        }
        drop(permits);
        assert_eq!(free(&pace), 64);
        tokio::time::sleep(Duration::from_millis(5)).await;
        for _ in 0..65 {
            pace.enter().await.0.learn(Signal::Good, None);
        }
        assert_eq!(free(&pace), 65);
    }

    #[tokio::test]
    async fn never_falls_below_one_nor_above_the_limit() {
        let pace = Arc::new(Pace::new(Some(3), None, Duration::from_millis(1)));
        for _ in 0..5 {
            tokio::time::sleep(Duration::from_millis(5)).await;
            pace.enter().await.0.learn(Signal::Overload, None);
        }
        assert_eq!(free(&pace), 1);
        for _ in 0..50 {
            pace.enter().await.0.learn(Signal::Good, None);
        }
        assert_eq!(free(&pace), 3);
    }

    #[tokio::test]
    async fn permits_in_flight_are_withheld_when_they_come_back() {
        let pace = Arc::new(Pace::new(Some(4), None, Duration::from_millis(1)));
        let mut permits = Vec::new();
        for _ in 0..4 {
            permits.push(pace.enter().await.0);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
        permits[0].learn(Signal::Overload, None);
        assert_eq!(free(&pace), 0);
        drop(permits);
        assert_eq!(free(&pace), 2);
    }

    #[tokio::test]
    async fn a_pause_holds_everybody_back() {
        let pace = Arc::new(Pace::new(None, None, Duration::from_millis(1)));
        let began = Instant::now();
        pace.enter()
            .await
            .0
            .learn(Signal::Throttled, Some(Duration::from_millis(300)));
        let (_permit, throttled) = pace.enter().await;
        assert!(began.elapsed() >= Duration::from_millis(300));
        assert!(throttled >= Duration::from_millis(250));
    }

    #[tokio::test]
    async fn a_rate_spaces_requests() {
        let pace = Arc::new(Pace::new(None, Some(20.0), Duration::from_millis(1)));
        let began = Instant::now();
        for _ in 0..5 {
            pace.enter().await;
        }
        assert!(began.elapsed() >= Duration::from_millis(200));
    }
}

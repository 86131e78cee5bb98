//! How many versions are in flight at once, and whose they are.
//!
//! Given a number, that many. Left to itself, the width is found by measuring (`climb`). Overload is not its business: the
//! network layer slows down host by host.
//!
//! Mirrors share the places (`share`): a free one goes to the mirror that has the fewest. So a mirror with thousands of
//! versions waits for no other one, and takes no place that another one wants. Nobody is sent away, though, and
//! a source that hangs gives its places back only after minutes. So a mirror that got none for [`STARVED`] gets one beyond
//! the width, and keeps it as long as it has work.

mod climb;
mod share;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use self::climb::Control;
use self::share::Shares;

/// The smallest width found by itself.
pub const MIN: usize = 4;
/// The largest width found by itself: more connections than this a registry rarely welcomes.
pub const MAX: usize = 64;
/// A mirror without any place waits no longer than this for those that hold them all. Long enough that the width is kept
/// wherever versions finish, short enough that nobody misses a new version for a source that hangs.
pub const STARVED: Duration = Duration::from_secs(5);

/// How wide to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Width {
    /// Found by measuring, between [`MIN`] and [`MAX`].
    #[default]
    Auto,
    /// So many versions at once.
    Fixed(usize),
}

/// Admits versions to the pool, on behalf of one mirror. Cloning shares pool and mirror.
#[derive(Debug, Clone)]
pub struct Gate {
    party: Arc<Party>,
}

/// A mirror at the pool; leaves it on drop.
#[derive(Debug)]
struct Party {
    number: u64,
    pool: Arc<Pool>,
}

/// What all mirrors share.
#[derive(Debug)]
struct Pool(Mutex<Books>);

#[derive(Debug)]
struct Books {
    shares: Shares<oneshot::Sender<Place>>,
    control: Option<Control>,
}

/// A place in the pool; given back on drop, which also counts the version as finished.
#[derive(Debug)]
pub struct Place {
    party: u64,
    pool: Arc<Pool>,
    /// Somebody came for it: only then there is a version to count.
    taken: bool,
}

impl Gate {
    /// A gate of this width.
    pub fn new(width: Width) -> Self {
        let (width, control) = match width {
            Width::Fixed(width) => (width.max(1), None),
            Width::Auto => {
                let control = Control::new();
                (control.width(), Some(control))
            }
        };
        let shares = Shares::new(width);
        Self {
            party: Party::join(Arc::new(Pool(Mutex::new(Books { shares, control })))),
        }
    }

    /// The same pool for another mirror.
    #[must_use]
    pub fn another(&self) -> Self {
        Self {
            party: Party::join(Arc::clone(&self.party.pool)),
        }
    }

    /// Waits for a place. `None` once the gate is closed.
    pub async fn enter(&self) -> Option<Place> {
        let Party { number, pool } = &*self.party;
        let (sender, mut receiver) = oneshot::channel();
        pool.books().shares.ask(*number, sender);
        pool.hand_out();
        let mut place = loop {
            match timeout(STARVED, &mut receiver).await {
                Ok(place) => break place.ok()?,
                Err(_) => pool.relieve(*number),
            }
        };
        place.taken = true;
        if let Some(control) = &mut pool.books().control {
            control.begin(Instant::now());
        }
        Some(place)
    }

    /// Lets nobody in any more.
    pub fn close(&self) {
        self.party.pool.books().shares.close();
    }

    /// Places that are taken, and how many there are.
    pub fn in_flight(&self) -> (usize, usize) {
        let books = self.party.pool.books();
        (books.shares.held(), books.shares.width())
    }
}

impl Party {
    fn join(pool: Arc<Pool>) -> Arc<Self> {
        let number = pool.books().shares.join();
        Arc::new(Self { number, pool })
    }
}

impl Drop for Party {
    fn drop(&mut self) {
        self.pool.books().shares.leave(self.number);
    }
}

impl Pool {
    fn books(&self) -> MutexGuard<'_, Books> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives free places to those who wait.
    fn hand_out(self: &Arc<Self>) {
        loop {
            let granted = self.books().shares.grant();
            let Some((party, sender)) = granted else { return };
            self.give(party, sender);
        }
    }

    /// One place beyond the width, if this mirror has none.
    fn relieve(self: &Arc<Self>, party: u64) {
        let granted = self.books().shares.relieve(party);
        if let Some(sender) = granted {
            tracing::debug!("other mirrors hold all places: this one gets one more");
            self.give(party, sender);
        }
    }

    /// Nobody may hold the books: a place for which nobody waits any more is given back by its drop, right here.
    fn give(self: &Arc<Self>, party: u64, sender: oneshot::Sender<Place>) {
        let place = Place {
            party,
            pool: Arc::clone(self),
            taken: false,
        };
        drop(sender.send(place));
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let again = {
            let Books { shares, control } = &mut *self.pool.books();
            if let Some(control) = control.as_mut().filter(|_| self.taken) {
                // Only a full pool says anything about the width: with places to spare it is not the limit.
                control.finish(Instant::now(), shares.held() >= shares.width());
                shares.resize(control.width());
            }
            shares.release(self.party)
        };
        if let Some(sender) = again {
            self.pool.give(self.party, sender);
        }
        self.pool.hand_out();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn waits(gate: &Gate) -> bool {
        timeout(Duration::from_millis(5), gate.enter()).await.is_err()
    }

    #[tokio::test]
    async fn admits_as_many_as_fit() {
        let gate = Gate::new(Width::Fixed(2));
        let first = gate.enter().await.unwrap();
        let _second = gate.enter().await.unwrap();
        assert!(waits(&gate).await);
        assert_eq!(gate.in_flight(), (2, 2));
        drop(first);
        // Who gave up above is passed over
        assert!(gate.enter().await.is_some());
        gate.close();
        assert!(gate.enter().await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_free_place_goes_to_the_mirror_that_has_the_fewest() {
        let one = Gate::new(Width::Fixed(4));
        let other = one.another();
        let mut held = Vec::new();
        for _ in 0..4 {
            held.push(one.enter().await.unwrap());
        }
        // The one asked first, and asks again and again
        let first = one.clone();
        let greedy = tokio::spawn(async move { first.enter().await });
        tokio::task::yield_now().await;
        let guest = tokio::spawn(async move { (other.enter().await, other.enter().await) });
        tokio::task::yield_now().await;
        for _ in 0..2 {
            held.pop();
            tokio::task::yield_now().await;
        }
        let (a, b) = guest.await.unwrap();
        assert!(a.is_some() && b.is_some() && !greedy.is_finished());
        drop(a);
        assert!(greedy.await.unwrap().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn who_starves_gets_one_place_beyond_the_width_and_keeps_it() {
        let hung = Gate::new(Width::Fixed(2));
        let other = hung.another();
        let _held = [hung.enter().await.unwrap(), hung.enter().await.unwrap()];
        let begun = Instant::now();
        let mut place = other.enter().await.unwrap();
        assert_eq!((begun.elapsed(), other.in_flight()), (STARVED, (3, 2)));
        for _ in 0..100 {
            let again = other.clone();
            let next = tokio::spawn(async move { again.enter().await.unwrap() });
            tokio::task::yield_now().await;
            // A second place is for those who have none
            assert!(!next.is_finished());
            drop(place);
            place = next.await.unwrap();
        }
        assert_eq!(begun.elapsed(), STARVED);
    }

    #[tokio::test(start_paused = true)]
    async fn a_single_mirror_never_exceeds_the_width() {
        let gate = Gate::new(Width::Fixed(1));
        let _held = gate.enter().await.unwrap();
        assert!(timeout(STARVED * 100, gate.enter()).await.is_err());
    }

    #[tokio::test]
    async fn the_books_forget_mirrors_that_left() {
        let gate = Gate::new(Width::Fixed(2));
        for _ in 0..10 {
            let other = gate.another();
            let place = other.enter().await;
            drop(other);
            drop(place);
        }
        let parties = gate.party.pool.books().shares.parties();
        assert_eq!((parties, gate.in_flight()), (1, (0, 2)));
    }
}

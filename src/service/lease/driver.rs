//! Carries the machine's steps out, as they fall due, and tells the seat what follows.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::book::{Book, Trouble};
use super::clock;
use super::identity::short;
use super::leadership::{LeaderState, Leadership, NAP, Seat};
use super::protocol::{Answer, Elector, Step};

/// How long giving the lease back may take. After it the others wait until the lease is over.
const FAREWELL: Duration = Duration::from_secs(5);

/// Runs the election on the current runtime.
pub(super) fn start(book: Book, elector: Elector) -> Leadership {
    let (leave, abandon) = (CancellationToken::new(), CancellationToken::new());
    let seat = Arc::new(Seat::empty());
    let driver = Driver {
        book,
        elector,
        seat: Seated(Arc::clone(&seat)),
        leave: leave.clone(),
        trouble: None,
        told: None,
    };
    let gone = abandon.clone();
    tokio::spawn(async move { gone.run_until_cancelled(driver.run()).await });
    Leadership::of(seat, true, leave, abandon)
}

/// Whatever ends the driver, a panic included, leaves nobody behind who believes to lead.
struct Seated(Arc<Seat>);

impl Drop for Seated {
    fn drop(&mut self) {
        self.0.publish(None, LeaderState::Left);
    }
}

struct Driver {
    book: Book,
    elector: Elector,
    seat: Seated,
    leave: CancellationToken,
    /// What the last call met with.
    trouble: Option<Trouble>,
    /// What was last said in the log.
    told: Option<LeaderState>,
}

impl Driver {
    async fn run(mut self) {
        while !self.leave.is_cancelled() {
            self.tell();
            let step = self.elector.next(clock::now());
            let leave = self.leave.clone();
            match step {
                Step::Done => return,
                Step::Wait(then) => {
                    let nap = clock::now().until(then).min(NAP);
                    leave.run_until_cancelled(sleep(nap)).await;
                }
                step => self.call(step).await,
            }
        }
        self.elector.retire(clock::now());
        if timeout(FAREWELL, self.leave()).await.is_err() {
            let place = self.book.place();
            tracing::warn!("could not give the lease `{place}` back: others take over when it is over");
        }
    }

    /// Gives the lease back.
    async fn leave(&mut self) {
        loop {
            match self.elector.next(clock::now()) {
                Step::Done => return,
                Step::Wait(then) => sleep(clock::now().until(then).min(NAP)).await,
                step => self.call(step).await,
            }
        }
    }

    async fn call(&mut self, step: Step) {
        let sent = clock::now();
        let (answer, trouble) = match step {
            Step::Look => self.book.look().await,
            Step::Write(draft) => self.book.write(&draft).await,
            Step::Wait(_) | Step::Done => return,
        };
        let failed = answer == Answer::Failed;
        self.elector.take(sent, clock::now(), answer);
        if self.trouble != trouble {
            if let Some(trouble) = &trouble {
                tracing::warn!("{trouble}");
            } else {
                tracing::info!("the lease `{}` can be reached again", self.book.place());
            }
            debug_assert_eq!(failed, trouble.is_some());
            self.trouble = trouble;
        }
    }

    /// Says what is true now, and logs it if it is new.
    fn tell(&mut self) {
        let now = clock::now();
        let leads = self.elector.leads(now);
        let state = if leads {
            LeaderState::Leader
        } else {
            LeaderState::Standby {
                leader: self.elector.leader().map(|leader| short(leader).into()),
                trouble: self.trouble.as_ref().map(|trouble| trouble.to_string().into()),
            }
        };
        let until = self.elector.leads_until().filter(|_| leads);
        self.seat.0.publish(until, state.clone());
        if self.told.as_ref() == Some(&state) {
            return;
        }
        let place = self.book.place();
        let led = self.told == Some(LeaderState::Leader);
        match &state {
            LeaderState::Leader => tracing::info!("leads: holds the lease `{place}`"),
            LeaderState::Standby { leader, .. } if led => {
                let leader = leader.as_deref().unwrap_or("nobody known");
                tracing::warn!("lost the lease `{place}`, so nothing new is begun; held by {leader}");
            }
            LeaderState::Standby {
                leader: Some(leader), ..
            } if self.known_leader() != Some(leader) => {
                tracing::info!("stands by: `{leader}` holds the lease `{place}`");
            }
            LeaderState::Standby { .. } | LeaderState::Left => {}
        }
        self.told = Some(state);
    }

    fn known_leader(&self) -> Option<&str> {
        match &self.told {
            Some(LeaderState::Standby { leader, .. }) => leader.as_deref(),
            _ => None,
        }
    }
}

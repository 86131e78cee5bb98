//! One mirror for as long as it is in the file: waits for its turn, runs, reports, waits again.
//!
//! All decisions about time are `Clockwork`'s. The worker adds what a schedule cannot know: wishes, pauses after failures,
//! other settings, and that only a leader works.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::{Semaphore, watch};

use super::Clock;
use super::backoff::{Backoff, Turn};
use super::board::Board;
use super::desk::Wish;
use super::lease::Leadership;
use super::one_run::{self, Order};
use super::post::Post;
use super::spec::MirrorPlan;
use super::starts::{Started, Starts};
use super::view::Role;
use crate::run::Stop;
use crate::schedule::{Cause, Clockwork, Due, First};

/// Between two looks of a worker that stands by, if nobody tells it before.
const LOOK: Duration = Duration::from_secs(1);

/// What all workers share.
#[derive(Clone)]
pub(super) struct Floor {
    pub(super) clock: Clock,
    pub(super) board: Arc<Board>,
    pub(super) starts: Starts,
    pub(super) stop: Stop,
    pub(super) role: watch::Receiver<Role>,
    pub(super) leadership: Leadership,
    /// States that are read at once: one may take megabytes, and at the start all mirrors want theirs.
    pub(super) readers: Arc<Semaphore>,
}

/// The worker of one mirror.
pub(super) struct Worker {
    floor: Floor,
    post: Arc<Post>,
    /// Its settings; `None` once it is no more in the file.
    plans: watch::Receiver<Option<MirrorPlan>>,
    plan: MirrorPlan,
    clockwork: Clockwork,
    backoff: Backoff,
    /// Its own, so that no change is missed.
    role: watch::Receiver<Role>,
}

impl Worker {
    pub(super) fn new(
        floor: Floor,
        post: Arc<Post>,
        plan: MirrorPlan,
        plans: watch::Receiver<Option<MirrorPlan>>,
        first: First,
    ) -> Self {
        Self {
            clockwork: Clockwork::new(plan.schedule.clone(), plan.jitter.clone(), first),
            role: floor.role.clone(),
            floor,
            post,
            plans,
            plan,
            backoff: Backoff::default(),
        }
    }

    /// Works until the service stops or the mirror is no more in the file.
    pub(super) async fn work(mut self) {
        self.recall().await;
        loop {
            if self.floor.stop.is_stopping() || !self.adopt() {
                return;
            }
            if !self.leads() {
                self.post.schedule(None, None);
                self.stand_by().await;
                continue;
            }
            let now = self.floor.clock.now();
            let due = self.clockwork.poll(now);
            let held = self.backoff.until(now);
            self.show(now, due, held);
            if let Some(wish) = self.post.take_wish() {
                // Whoever asks does not wait behind the others, nor for the end of a pause
                self.run(wish, None).await;
            } else if held.is_none() && matches!(due, Due::Now(_)) {
                if let Some(place) = self.place().await {
                    self.run(Wish::default(), Some(place)).await;
                }
            } else {
                let until = held.map_or(due, Due::At);
                let (clock, nap) = (self.floor.clock.clone(), until.nap(now));
                self.woken(clock.sleep(nap)).await;
            }
        }
    }

    /// Reads what earlier processes remembered.
    async fn recall(&self) {
        // Never closed, so there is always a turn
        let _turn = self.floor.readers.acquire().await;
        self.post.recall().await;
    }

    /// Takes over other settings. False if the mirror is gone.
    fn adopt(&mut self) -> bool {
        if !self.plans.has_changed().unwrap_or(true) {
            return true;
        }
        let Some(plan) = self.plans.borrow_and_update().clone() else {
            return false;
        };
        if (&plan.schedule, &plan.jitter) != (&self.plan.schedule, &self.plan.jitter) {
            let now = self.floor.clock.now();
            let first = match self.clockwork.poll(now) {
                // It still waits for its turn, which another schedule does not take away
                Due::Now(Cause::First) => First::Now,
                _ => First::After(self.post.last_start().unwrap_or(now)),
            };
            self.clockwork = Clockwork::new(plan.schedule.clone(), plan.jitter.clone(), first);
        }
        // What kept it from running may be mended by the new settings
        self.backoff = Backoff::default();
        self.post.plan(plan.clone());
        self.plan = plan;
        true
    }

    fn leads(&mut self) -> bool {
        *self.role.borrow_and_update() == Role::Leader && self.floor.leadership.leads()
    }

    /// Waits to become the leader; then it goes on as if the last run had been its own.
    async fn stand_by(&mut self) {
        // A lease that ran out and was renewed at once is no other role, so nobody would wake this worker
        self.woken(tokio::time::sleep(LOOK)).await;
        if self.leads() {
            // The other replica may have worked meanwhile, with the same state
            self.recall().await;
            let first = self.post.last_start().map_or(First::Now, First::After);
            let (schedule, jitter) = (self.plan.schedule.clone(), self.plan.jitter.clone());
            self.clockwork = Clockwork::new(schedule, jitter, first);
        }
    }

    /// A place among those who begin.
    async fn place(&mut self) -> Option<Started> {
        let starts = self.floor.starts.clone();
        let mut place = None;
        let enter = async { place = starts.enter().await };
        self.woken(enter).await;
        place
    }

    /// Waits for `something`, unless there is a reason to look anew before.
    async fn woken(&mut self, something: impl Future<Output = ()>) {
        tokio::select! {
            () = something => {}
            () = self.post.wished() => {}
            // Senders live as long as the service; without them nothing would change any more
            Ok(()) = self.plans.changed() => self.plans.mark_changed(),
            Ok(()) = self.role.changed() => {}
            () = self.floor.stop.stopping() => {}
        }
    }

    fn show(&self, now: DateTime<Utc>, due: Due, held: Option<DateTime<Utc>>) {
        let next = match due {
            Due::Now(_) => Some(now),
            _ => self.clockwork.next_run(),
        };
        // A pause that is over before the schedule's next moment stretches nothing, and without a further moment nothing follows
        let held = held.filter(|held| next.is_some_and(|next| next < *held));
        self.post.schedule(next.max(held), held);
    }

    async fn run(&mut self, wish: Wish, place: Option<Started>) {
        let started = self.floor.clock.now();
        self.clockwork.started(started);
        self.post.schedule(self.clockwork.next_run(), None);
        let leadership = self.floor.leadership.clone();
        let order = Order {
            clock: &self.floor.clock,
            board: &self.floor.board,
            engine: self.floor.board.engine(),
            stop: self.floor.stop.child().guarded(move || leadership.leads()),
            role: self.floor.role.clone(),
            plan: &self.plan,
            wish,
            started,
        };
        let status = one_run::run(order, &self.post).await;
        drop(place);
        let now = self.floor.clock.now();
        self.clockwork.finished(now);
        let mirror = &*self.plan.name;
        match self.backoff.ended(mirror, status, now) {
            Turn::Waits(until, failures) => {
                let next = self.clockwork.next_run();
                if next.is_some_and(|next| next < until) {
                    tracing::warn!(
                        mirror,
                        failures,
                        until = %one_run::moment(until),
                        "the mirror fails as a whole: its schedule is stretched"
                    );
                }
            }
            Turn::Over(failures) => {
                tracing::info!(
                    mirror,
                    failures,
                    "the mirror is served again: its schedule holds again"
                );
            }
            Turn::None => {}
        }
    }
}

//! One mirror's place on the board: its worker writes it, the page reads it, and wishes are left there.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use tokio::sync::Notify;

use super::desk::{Triggered, Wish};
use super::facts::{Ended, Facts};
use super::spec::{MirrorPlan, Remembered};
use super::view::MirrorView;
use super::watch::RunWatch;
use crate::state::{Peeked, StateError};

/// One mirror.
#[derive(Debug)]
pub(super) struct Post {
    content: Mutex<Content>,
    /// A wish was left.
    wished: Notify,
}

#[derive(Debug)]
struct Content {
    plan: MirrorPlan,
    facts: Facts,
    running: Option<Arc<RunWatch>>,
    next_run: Option<DateTime<Utc>>,
    backing_off_until: Option<DateTime<Utc>>,
    wish: Option<Wish>,
}

impl Post {
    pub(super) fn new(plan: MirrorPlan) -> Self {
        Self {
            content: Mutex::new(Content {
                plan,
                facts: Facts::default(),
                running: None,
                next_run: None,
                backing_off_until: None,
                wish: None,
            }),
            wished: Notify::new(),
        }
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads what earlier processes remembered, so that the page knows it before the first run ends.
    pub(super) async fn recall(&self) {
        let memory = self.content().plan.memory.clone();
        let Some(memory) = memory else { return };
        let read = tokio::task::spawn_blocking(move || {
            let peeked = Peeked::read(Some(&memory.folder), &memory.identity)?;
            Ok::<_, StateError>(peeked.state.memoir())
        });
        match read.await {
            Ok(Ok(memoir)) => self.content().facts.recall(memoir),
            // The run meets it as well, and says it
            Ok(Err(error)) => tracing::debug!("what was remembered cannot be read: {error}"),
            Err(error) => tracing::error!("a defect of chartferry: {error}"),
        }
    }

    /// Where it remembers.
    pub(super) fn memory(&self) -> Option<Remembered> {
        self.content().plan.memory.clone()
    }

    /// The settings changed.
    pub(super) fn plan(&self, plan: MirrorPlan) {
        self.content().plan = plan;
    }

    /// When it goes on.
    pub(super) fn schedule(&self, next: Option<DateTime<Utc>>, backing_off_until: Option<DateTime<Utc>>) {
        let mut content = self.content();
        content.next_run = next;
        content.backing_off_until = backing_off_until;
    }

    pub(super) fn begun(&self, watch: Arc<RunWatch>) {
        self.content().running = Some(watch);
    }

    /// Whether a run goes on.
    pub(super) fn runs(&self) -> bool {
        self.content().running.is_some()
    }

    pub(super) fn ended(&self, run: &Ended<'_>) {
        let mut content = self.content();
        content.running = None;
        content.facts.ended(run);
    }

    /// When the last run began, also in an earlier process.
    pub(super) fn last_start(&self) -> Option<DateTime<Utc>> {
        self.content().facts.last.as_ref().map(|last| last.started)
    }

    /// Leaves a wish. Wishes that were not taken yet become one.
    pub(super) fn wish(&self, wish: Wish) -> Triggered {
        let mut content = self.content();
        let before = content.wish.unwrap_or_default();
        content.wish = Some(Wish {
            reconcile: before.reconcile || wish.reconcile,
            accept_shrink: before.accept_shrink || wish.accept_shrink,
        });
        self.wished.notify_one();
        if content.running.is_some() {
            Triggered::Queued
        } else {
            Triggered::Begun
        }
    }

    pub(super) fn take_wish(&self) -> Option<Wish> {
        self.content().wish.take()
    }

    /// Waits for a wish.
    pub(super) async fn wished(&self) {
        self.wished.notified().await;
    }

    pub(super) fn view(&self) -> MirrorView {
        let content = self.content();
        let (plan, facts) = (&content.plan, &content.facts);
        MirrorView {
            name: plan.name.clone(),
            source: plan.source.clone(),
            targets: plan.targets.clone(),
            schedule: plan.schedule.to_string().into(),
            next_run: content.next_run,
            running: content.running.as_ref().map(|watch| watch.view()),
            last: facts.last.clone(),
            history: facts.history.iter().cloned().collect(),
            last_success: facts.last_success,
            failing_since: facts.failing_since,
            failures_in_a_row: facts.failures_in_a_row,
            backing_off_until: content.backing_off_until,
            versions: facts.versions,
            trouble: facts.trouble.clone(),
            recent: facts.recent.iter().cloned().collect(),
        }
    }
}

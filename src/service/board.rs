//! What the service knows of itself while it works, and the [`Desk`] at which others ask for it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::watch;
use tokio::time::Instant;

use super::desk::{Desk, Triggered, Wish};
use super::facts::Ended;
use super::metrics::Metrics;
use super::notify::{Notifier, NotifyOptions};
use super::post::Post;
use super::traffic::Traffic;
use super::view::{ConfigView, MirrorView, Role, ServiceView, VersionView};
use super::{Clock, versions};
use crate::run::Engine;

/// The loop of the service turns at least every few seconds; after this time without a turn it is stuck.
const STUCK: Duration = Duration::from_secs(60);

/// The board. Workers and the supervisor write it.
pub(super) struct Board {
    clock: Clock,
    started: DateTime<Utc>,
    role: watch::Receiver<Role>,
    stopping: AtomicBool,
    content: Mutex<Content>,
    metrics: Arc<Metrics>,
    /// When the loop of the service last turned.
    beat: Mutex<Instant>,
}

struct Content {
    config: ConfigView,
    /// In the order of the file; those that are no more in it but still run come last.
    posts: Vec<(Box<str>, Arc<Post>)>,
    engine: Engine,
    notifier: Option<Notifier>,
    traffic: Traffic,
    /// Why the state folder cannot be used now.
    state_problem: Option<String>,
}

impl Board {
    pub(super) fn new(
        clock: Clock,
        config: ConfigView,
        plan: (Engine, NotifyOptions),
        role: watch::Receiver<Role>,
    ) -> Self {
        let (engine, notify) = plan;
        let metrics = Arc::new(Metrics::new());
        let notifier = Notifier::new(notify, &engine.net, Arc::clone(&metrics));
        Self {
            started: clock.now(),
            clock,
            role,
            stopping: AtomicBool::new(false),
            content: Mutex::new(Content {
                config,
                posts: Vec::new(),
                traffic: Traffic::default(),
                engine,
                notifier: Some(notifier),
                state_problem: None,
            }),
            metrics,
            beat: Mutex::new(Instant::now()),
        }
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What runs that begin now share.
    pub(super) fn engine(&self) -> Engine {
        self.content().engine.clone()
    }

    /// Other settings are in force.
    pub(super) fn reloaded(&self, engine: Engine, notify: NotifyOptions) {
        let notifier = Notifier::new(notify, &engine.net, Arc::clone(&self.metrics));
        let mut content = self.content();
        if let Some(old) = content.notifier.replace(notifier) {
            tokio::spawn(old.close(NotifyOptions::default().patience));
        }
        if !content.engine.net.is(&engine.net) {
            let old = content.engine.net.clone();
            content.traffic.retire(old);
        }
        content.engine = engine;
        content.config.loaded = self.clock.now();
        content.config.refused = None;
    }

    /// A run ended that made `after` out of `before`.
    pub(super) fn run_ended(&self, run: &Ended<'_>, before: &MirrorView, after: &MirrorView) {
        let took = (run.finished - run.started).to_std().unwrap_or_default();
        self.metrics.run_ended(run.report, run.status, took);
        if let Some(notifier) = &self.content().notifier {
            notifier.run_ended(before, after);
        }
    }

    /// Gives notifications that wait the time to arrive. None is taken after this.
    pub(super) async fn last_letters(&self, limit: Duration) {
        let notifier = self.content().notifier.take();
        if let Some(notifier) = notifier {
            notifier.close(limit).await;
        }
    }

    /// Only these mirrors are left.
    pub(super) fn free_claims_of_others(&self) {
        let content = self.content();
        content
            .engine
            .claims
            .keep_only(content.posts.iter().map(|(name, _)| &**name));
    }

    /// A file was refused.
    pub(super) fn refused(&self, why: &str) {
        self.content().config.refused = Some((self.clock.now(), why.into()));
    }

    /// Which mirrors there are, and in which order.
    pub(super) fn set_posts(&self, posts: Vec<(Box<str>, Arc<Post>)>) {
        self.content().posts = posts;
    }

    pub(super) fn set_state_problem(&self, problem: Option<String>) {
        self.content().state_problem = problem;
    }

    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// The loop turned.
    pub(super) fn beat(&self) {
        *self.beat.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn post(&self, mirror: &str) -> Option<Arc<Post>> {
        let content = self.content();
        let found = content.posts.iter().find(|(name, _)| **name == *mirror);
        found.map(|(_, post)| Arc::clone(post))
    }
}

impl Desk for Board {
    fn view(&self) -> ServiceView {
        let role = self.role.borrow().clone();
        let content = self.content();
        ServiceView {
            version: env!("CARGO_PKG_VERSION"),
            now: self.clock.now(),
            started: self.started,
            role,
            config: content.config.clone(),
            mirrors: content.posts.iter().map(|(_, post)| post.view()).collect(),
            hosts: content.traffic.with(&content.engine.net),
            in_flight: content.engine.gate.in_flight(),
        }
    }

    fn versions(&self, mirror: &str) -> Option<Result<Vec<VersionView>, String>> {
        let memory = self.post(mirror)?.memory();
        Some(memory.map_or_else(|| Ok(Vec::new()), |memory| versions::read(&memory)))
    }

    fn trigger(&self, mirror: &str, wish: Wish) -> Triggered {
        if self.stopping.load(Ordering::Relaxed) {
            return Triggered::Stopping;
        }
        let Some(post) = self.post(mirror) else {
            return Triggered::Unknown;
        };
        match &*self.role.borrow() {
            Role::Standby { leader } => Triggered::Standby(leader.clone()),
            Role::Leader => post.wish(wish),
        }
    }

    fn not_ready(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if self.stopping.load(Ordering::Relaxed) {
            lines.push("the service is about to end".to_owned());
        }
        if !self.alive() {
            lines.push("the scheduler does not turn".to_owned());
        }
        lines.extend(self.content().state_problem.clone());
        lines
    }

    fn alive(&self) -> bool {
        let beat = self.beat.lock().unwrap_or_else(PoisonError::into_inner);
        beat.elapsed() < STUCK
    }

    fn metrics(&self) -> String {
        self.metrics.render(&self.view())
    }
}

//! Notifications: whoever is to know is told, once, when a mirror begins to fail, drifts or works again.
//!
//! ```text
//! view before a run ┐
//!                   ├─ news (pure) ─► message (pure) ─► template ─► one queue per receiver ─► POST, repeated
//! view after it     ┘
//! ```
//!
//! - At most one notification per receiver, mirror and run, whatever the run brought.
//! - A failure is told when it begins and when it becomes another: with another exit code, or with further versions. A drift is
//!   told when it appears, and again when the source changes once more. Runs that were told to stop say nothing of failures.
//! - [`Notifier::run_ended`] only puts letters into queues: a receiver that hangs delays no run and no other receiver. A full
//!   queue drops letters and says so.
//! - What was told is not kept apart: a letter is lost if the process is killed before it arrived, since the state of the
//!   mirror has been saved by then. Metrics and status page still have it.
//!
//! Receivers are reached through [`crate::net`] with its proxies and the TLS settings of a `[[host]]`. The host of the
//! configured URL may be on a private address or on this machine, as a source or a target may. Redirects are not followed.

mod message;
mod news;
mod receiver;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::task::JoinSet;

use super::metrics::Metrics;
use super::view::MirrorView;
use crate::net::Net;
pub use message::SCHEMA;
use receiver::Letter;
pub use receiver::{Receiver, SecretPlace, UrlPlace};

/// Letters that wait for one receiver. A start at which all of 200 mirrors fail fits.
const QUEUE: usize = 256;

/// Who is told, and how hard that is tried.
#[derive(Debug, Clone)]
pub struct NotifyOptions {
    /// All receivers.
    pub receivers: Vec<Receiver>,
    /// A letter that has not arrived after this time is given up.
    pub patience: Duration,
    /// The first pause after the transport has given up; each further one is three times as long.
    pub pause: Duration,
}

impl Default for NotifyOptions {
    fn default() -> Self {
        Self {
            receivers: Vec::new(),
            patience: Duration::from_secs(600),
            pause: Duration::from_secs(10),
        }
    }
}

/// Tells receivers what runs brought.
#[derive(Debug)]
pub struct Notifier {
    boxes: Vec<(Arc<Receiver>, mpsc::Sender<Letter>)>,
    tasks: JoinSet<()>,
    metrics: Arc<Metrics>,
}

impl Notifier {
    /// Starts a task for each receiver, so it wants a runtime. Nothing is sent yet.
    pub fn new(options: NotifyOptions, net: &Net, metrics: Arc<Metrics>) -> Self {
        let names: BTreeSet<Box<str>> = options.receivers.iter().map(|r| r.name.clone()).collect();
        metrics.receivers(&names);
        let (mut boxes, mut tasks) = (Vec::new(), JoinSet::new());
        for receiver in options.receivers {
            let receiver = Arc::new(receiver);
            let (sender, letters) = mpsc::channel(QUEUE);
            let patience = (options.patience, options.pause);
            let work = (Arc::clone(&receiver), net.clone(), Arc::clone(&metrics));
            tasks.spawn(carry(work, letters, patience));
            boxes.push((receiver, sender));
        }
        Self {
            boxes,
            tasks,
            metrics,
        }
    }

    /// A run ended that made `after` out of `before`, both of the same mirror. Returns at once.
    pub fn run_ended(&self, before: &MirrorView, after: &MirrorView) {
        let Some(news) = news::news(before, after) else {
            return;
        };
        let mut fields = None;
        for (receiver, letters) in &self.boxes {
            if !receiver.wants(&after.name, &news.events) {
                continue;
            }
            let fields = fields.get_or_insert_with(|| message::fields(&news, before, after));
            let letter = Letter {
                mirror: after.name.clone(),
                event: news.events[0],
                body: body(receiver, fields),
            };
            if let Err(TrySendError::Full(letter) | TrySendError::Closed(letter)) = letters.try_send(letter) {
                self.metrics.notification(&receiver.name, false);
                tracing::warn!(
                    receiver = %receiver.name,
                    mirror = %letter.mirror,
                    "too many notifications wait for this receiver: one is dropped"
                );
            }
        }
    }

    /// Sends what waits, for `limit` at most: for the end of the service, and for a reload, where the next notifier has begun
    /// already.
    pub async fn close(mut self, limit: Duration) {
        self.boxes.clear();
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(limit, all).await.is_err() {
            tracing::warn!("notifications that have not arrived are given up: the time is over");
        }
    }
}

fn body(receiver: &Receiver, fields: &Map<String, Value>) -> String {
    match &receiver.template {
        Some(template) => template.fill(fields).to_string(),
        None => Value::Object(fields.clone()).to_string(),
    }
}

/// Carries letters to one receiver, one after the other, until the box is closed and empty.
async fn carry(
    (receiver, net, metrics): (Arc<Receiver>, Net, Arc<Metrics>),
    mut letters: mpsc::Receiver<Letter>,
    (patience, pause): (Duration, Duration),
) {
    while let Some(letter) = letters.recv().await {
        let outcome = receiver.deliver(&letter, &net, patience, pause).await;
        metrics.notification(&receiver.name, outcome.is_ok());
        let (name, mirror, event) = (&receiver.name, &letter.mirror, letter.event.as_str());
        match outcome {
            Ok(()) => tracing::info!(receiver = %name, %mirror, event, "notified"),
            Err(refusal) => {
                tracing::warn!(receiver = %name, %mirror, event, error = %refusal.text, "a notification could not be delivered");
            }
        }
    }
}

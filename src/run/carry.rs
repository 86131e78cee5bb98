//! The versions of one mirror on their way: as many at once as the pool admits, each with an end in the books.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::cycle::{BEFORE, Cycle};
use crate::report::Action;
use crate::transfer::{Fault, Flight, Job, Outcome};
use crate::types::Reason;

/// Carries versions as they come, as many at once as the pool admits, each in a task of its own: a panic there is
/// that version's failure.
pub(super) async fn carry_all(cycle: &Arc<Cycle>, mut jobs: mpsc::Receiver<Job>) {
    let mut tasks = JoinSet::new();
    while let Some(job) = jobs.recv().await {
        let place = tokio::select! {
            biased;
            () = cycle.stop.stopping() => None,
            // The wait may have been long
            place = cycle.engine.gate.enter() => place.filter(|_| !cycle.stop.is_stopping()),
        };
        let cycle = Arc::clone(cycle);
        match place {
            None => cycle.give_up(&job, &cycle.stopped(BEFORE)),
            Some(place) => {
                tasks.spawn(async move {
                    cycle.carry(job).await;
                    drop(place);
                });
            }
        }
        while tasks.try_join_next().is_some() {}
    }
    while tasks.join_next().await.is_some() {}
}

impl Cycle {
    async fn carry(self: Arc<Self>, job: Job) {
        let begun = Instant::now();
        let entry = &job.candidate.entry;
        let flight = Flight::start(Arc::clone(&self.engine.progress), &entry.chart, &entry.version);
        let job = Arc::new(job);
        let mut work = tokio::spawn({
            let (transfer, job) = (Arc::clone(&self.transfer), Arc::clone(&job));
            async move {
                let outcomes = transfer.carry(&job, &flight).await;
                flight.end(
                    outcomes
                        .iter()
                        .map(|outcome| outcome.action)
                        .max()
                        .unwrap_or(Action::Failed),
                );
                outcomes
            }
        });
        let outcomes = tokio::select! {
            done = &mut work => done.map_err(|error| panicked(&error.to_string())),
            () = self.stop.expired() => {
                work.abort();
                // It may have ended at the same moment: then what it did counts.
                work.await.map_err(|_| self.stopped("while this version was in flight"))
            }
        };
        let millis = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        match outcomes {
            Err(fault) => self.give_up(&job, &fault),
            Ok(outcomes) => {
                for outcome in outcomes {
                    if let Some(recall) = &self.recall {
                        let target = self.targets[outcome.destination];
                        recall.carried(target, &job.candidate, &outcome).await;
                    }
                    self.ledger.carried(&job.candidate, outcome, millis);
                }
            }
        }
    }

    fn stopped(&self, when: &str) -> Fault {
        Fault {
            action: Action::Failed,
            reason: self.stop.reason(when),
        }
    }

    fn give_up(&self, job: &Job, fault: &Fault) {
        for target in &job.destinations {
            self.ledger
                .carried(&job.candidate, Outcome::fault(*target, fault), 0);
        }
    }
}

/// The end of a version by a defect of ours.
pub(super) fn panicked(what: &str) -> Fault {
    Fault {
        action: Action::Failed,
        reason: Reason::new(
            "internal",
            format!("a defect of chartferry ended this version: {what}"),
        ),
    }
}

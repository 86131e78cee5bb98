//! Keeps one worker for each mirror of the file, reads the file again when it changes, and ends when it is told to.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::board::Board;
use super::post::Post;
use super::reload::Lookout;
use super::spec::{ConfigFile, MirrorPlan, Plan};
use super::worker::{Floor, Worker};
use crate::schedule::First;
use crate::state::Claim;

/// The loop turns at least so often, for whoever asks whether it lives.
const BEAT: Duration = Duration::from_secs(5);
/// Between two looks at whether states can be saved.
const STATE: Duration = Duration::from_secs(30);

/// The supervisor.
pub(super) struct Supervisor {
    floor: Floor,
    board: Arc<Board>,
    config: ConfigFile,
    claim: Arc<Claim>,
    workers: JoinSet<()>,
    /// Those who work, by the task that does.
    names: HashMap<Id, Box<str>>,
    staff: HashMap<Box<str>, Seat>,
    /// The mirrors of the file, in its order.
    plans: Vec<MirrorPlan>,
}

/// A mirror with a worker.
struct Seat {
    post: Arc<Post>,
    plan: watch::Sender<Option<MirrorPlan>>,
}

impl Supervisor {
    pub(super) fn new(floor: Floor, config: ConfigFile, claim: Claim, plans: Vec<MirrorPlan>) -> Self {
        let mut supervisor = Self {
            board: Arc::clone(&floor.board),
            floor,
            config,
            claim: Arc::new(claim),
            workers: JoinSet::new(),
            names: HashMap::new(),
            staff: HashMap::new(),
            plans,
        };
        supervisor.employ(First::Now);
        supervisor
    }

    /// Turns the loop until the service is told to stop, then until all workers have gone.
    pub(super) async fn supervise(mut self) {
        let mut lookout = Lookout::new(self.config.path.clone(), self.config.fingerprint);
        let mut beat = interval(BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut looked: Option<Instant> = None;
        let stop = self.floor.stop.clone();
        let hangup = Arc::clone(&self.config.hangup);
        loop {
            self.board.beat();
            tokio::select! {
                () = stop.stopping() => break,
                _ = beat.tick() => {
                    if looked.is_none_or(|at| at.elapsed() >= STATE) {
                        looked = Some(Instant::now());
                        self.look_at_the_state();
                    }
                }
                () = lookout.changed() => self.reload(false, "its file changed").await,
                () = hangup.notified() => {
                    lookout.note().await;
                    self.reload(true, "it was told to (SIGHUP)").await;
                }
                Some(left) = self.workers.join_next_with_id() => self.left(left),
            }
        }
        self.board.stop();
        let runs = self.staff.values().filter(|seat| seat.post.runs()).count();
        tracing::info!(runs, "the service stops: runs that go on may finish");
        self.drain().await;
    }

    /// Waits for the workers. Their runs end within the grace time; who does not is left behind.
    async fn drain(&mut self) {
        let stop = self.floor.stop.clone();
        let all = async {
            while self.workers.join_next().await.is_some() {
                self.board.beat();
            }
        };
        tokio::select! {
            () = all => {}
            () = stop.killed() => {}
        }
    }

    /// A disk that does not answer must not hold up the loop.
    fn look_at_the_state(&self) {
        let (board, claim) = (Arc::clone(&self.board), Arc::clone(&self.claim));
        tokio::task::spawn_blocking(move || {
            let problem = claim.check().err().map(|error| error.to_string());
            if let Some(problem) = &problem {
                tracing::error!("states cannot be saved: {problem}");
            }
            board.set_state_problem(problem);
        });
    }

    /// Reads the file again. What is wrong with it changes nothing but what is said.
    async fn reload(&mut self, anew: bool, why: &str) {
        let load = Arc::clone(&self.config.load);
        let loaded = tokio::task::spawn_blocking(move || load(anew)).await;
        let file = self.config.path.display().to_string();
        match loaded.unwrap_or_else(|error| Err(error.to_string())) {
            Err(problem) => {
                // One event is one line, and a line break would be shown as `\n`
                let problems = problem.trim_end().replace('\n', "; ");
                tracing::error!(
                    file,
                    "the configuration is refused, the old one stays in force: {problems}"
                );
                self.board.refused(&problem);
            }
            Ok(Plan {
                engine,
                mirrors,
                notify,
            }) => {
                tracing::info!(
                    file,
                    mirrors = mirrors.len(),
                    "the configuration was read again, since {why}"
                );
                self.board.reloaded(engine, notify);
                self.plans = mirrors;
                for plan in &self.plans {
                    if let Some(seat) = self.staff.get(&plan.name) {
                        seat.plan.send_replace(Some(plan.clone()));
                    }
                }
                self.employ(First::Now);
            }
        }
    }

    /// A worker for each mirror of the file that has none; those of other mirrors are told to go.
    fn employ(&mut self, first: First) {
        for plan in self.plans.clone() {
            if !self.staff.contains_key(&plan.name) {
                self.hire(plan, first);
            }
        }
        let wanted: HashSet<_> = self.plans.iter().map(|plan| &plan.name).collect();
        for (name, seat) in &self.staff {
            if !wanted.contains(name) {
                seat.plan.send_replace(None);
            }
        }
        self.show();
    }

    fn hire(&mut self, plan: MirrorPlan, first: First) {
        let post = Arc::new(Post::new(plan.clone()));
        self.seat(plan, post, first);
    }

    fn seat(&mut self, plan: MirrorPlan, post: Arc<Post>, first: First) {
        let name = plan.name.clone();
        let (sender, plans) = watch::channel(Some(plan.clone()));
        let worker = Worker::new(self.floor.clone(), Arc::clone(&post), plan, plans, first);
        let task = self.workers.spawn(worker.work());
        self.names.insert(task.id(), name.clone());
        self.staff.insert(name, Seat { post, plan: sender });
    }

    /// A worker went: its mirror is no more in the file, or it is again since just now, or it met a defect.
    fn left(&mut self, left: Result<(Id, ()), JoinError>) {
        let (id, defect) = match left {
            Ok((id, ())) => (id, None),
            Err(error) => (error.id(), Some(error.to_string())),
        };
        let Some(name) = self.names.remove(&id) else {
            return;
        };
        let seat = self.staff.remove(&name);
        let wanted = self.plans.iter().find(|plan| plan.name == name).cloned();
        match (wanted, seat, defect) {
            (Some(plan), Some(seat), Some(defect)) => {
                tracing::error!(
                    mirror = &*name,
                    "a defect of chartferry ended the mirror's worker, it is replaced: {defect}"
                );
                // Not at once: what met it could meet it again and again
                self.seat(plan, seat.post, First::After(self.floor.clock.now()));
            }
            (Some(plan), ..) if !self.floor.stop.is_stopping() => self.hire(plan, First::Now),
            _ if self.floor.stop.is_stopping() => {}
            _ => tracing::info!(
                mirror = &*name,
                "the mirror is no more in the file and is not served any longer"
            ),
        }
        self.show();
    }

    /// The board shows the mirrors in the order of the file, then those that are about to go.
    fn show(&self) {
        let mut names: Vec<_> = self.plans.iter().map(|plan| &plan.name).collect();
        let mut others: Vec<_> = self.staff.keys().filter(|name| !names.contains(name)).collect();
        others.sort();
        names.append(&mut others);
        let posts = names.into_iter().filter_map(|name| {
            let seat = self.staff.get(name)?;
            Some((name.clone(), Arc::clone(&seat.post)))
        });
        self.board.set_posts(posts.collect());
        self.board.free_claims_of_others();
    }
}

//! One run of one mirror, from its recipe to the line in the log.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use tokio::sync::watch;

use super::Clock;
use super::board::Board;
use super::desk::Wish;
use super::facts::Ended;
use super::post::Post;
use super::spec::MirrorPlan;
use super::view::{MirrorView, Role};
use super::watch::RunWatch;
use crate::report::{
    Action, Command, ExitStatus, MirrorReport, Problem, ProblemKind, RunReport, Signal, Totals,
};
use crate::run::{self, Engine, Mode, Stop};
use crate::types::Reason;

/// Warnings of one run in the log; the status page has all.
const WARNINGS: usize = 5;

/// What is in flight may take so long when this replica leads no more: less than lies between the end of its lease for itself
/// and that for others.
const DEPOSED: Duration = Duration::from_secs(4);

/// What is to be done.
pub(super) struct Order<'a> {
    pub(super) clock: &'a Clock,
    pub(super) board: &'a Board,
    /// What all mirrors share; watcher and cords are those of this run.
    pub(super) engine: Engine,
    pub(super) stop: Stop,
    pub(super) role: watch::Receiver<Role>,
    pub(super) plan: &'a MirrorPlan,
    pub(super) wish: Wish,
    pub(super) started: DateTime<Utc>,
}

/// Runs the mirror and leaves on its post what became of it.
pub(super) async fn run(order: Order<'_>, post: &Post) -> ExitStatus {
    let watch = Arc::new(RunWatch::new(order.started));
    post.begun(Arc::clone(&watch));
    let engine = Engine {
        progress: watch,
        stop: order.stop.clone(),
        ..order.engine
    };
    tracing::debug!(mirror = &*order.plan.name, wish = ?order.wish, "run begins");
    let work = carry(engine, order.plan.clone(), order.wish, order.started);
    let mut report = watched(work, &order.stop, order.role)
        .await
        .unwrap_or_else(|defect| {
            let reason = Reason::new(
                "internal",
                format!("a defect of chartferry ended the run: {defect}"),
            );
            failed(
                order.plan,
                order.started,
                Problem {
                    kind: ProblemKind::Defect,
                    reason,
                },
            )
        });
    report.command = Command::Mirror;
    // Told to stop, by whomever: then what is missing is no failure
    if order.stop.is_stopping() && !ExitStatus::of(&report).is_success() {
        report.interrupted = Some(Signal::Term);
    }
    let status = ExitStatus::of(&report);
    let finished = order.clock.now();
    if let Some(mirror) = report.mirrors.first() {
        let ended = Ended {
            started: order.started,
            finished,
            status,
            report: mirror,
        };
        let before = post.view();
        post.ended(&ended);
        log(&ended, &report);
        let after = post.view();
        tell_what_is_new(&before, &after);
        order.board.run_ended(&ended, &before, &after);
    }
    status
}

/// In a task of its own, so that a panic is this run's failure. It is told to end when this replica no longer leads.
async fn watched(
    work: impl Future<Output = RunReport> + Send + 'static,
    stop: &Stop,
    mut role: watch::Receiver<Role>,
) -> Result<RunReport, String> {
    let mut task = tokio::spawn(work);
    let deposed = role.wait_for(|role| *role != Role::Leader);
    tokio::select! {
        done = &mut task => return done.map_err(|error| error.to_string()),
        _ = deposed => stop.soft(),
    }
    // Another replica may lead soon after, so what is in flight gets less than the grace time
    if let Ok(done) = tokio::time::timeout(DEPOSED, &mut task).await {
        return done.map_err(|error| error.to_string());
    }
    stop.hard();
    task.await.map_err(|error| error.to_string())
}

async fn carry(engine: Engine, plan: MirrorPlan, wish: Wish, started: DateTime<Utc>) -> RunReport {
    match plan.recipe.prepare(started, wish).await {
        Ok(spec) => run::run(&engine, vec![spec], Mode::Migrate).await,
        Err(problem) => failed(&plan, started, problem),
    }
}

/// The report of a run that came to nothing.
fn failed(plan: &MirrorPlan, started: DateTime<Utc>, problem: Problem) -> RunReport {
    let mut mirror = MirrorReport::new(&plan.name, &plan.source);
    mirror.error = Some(problem);
    RunReport {
        command: Command::Mirror,
        version: env!("CARGO_PKG_VERSION").into(),
        started,
        finished: started,
        interrupted: None,
        mirrors: vec![mirror],
        hosts: Vec::new(),
    }
}

/// A moment as logs have it.
pub(super) fn moment(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// One line, with what matters.
fn log(run: &Ended<'_>, report: &RunReport) {
    let totals = report.totals();
    let seconds = (run.finished - run.started).num_milliseconds().max(0) / 100;
    let seconds = format!("{}.{}", seconds / 10, seconds % 10);
    let requests: u64 = report.hosts.iter().map(|host| host.requests).sum();
    let (mirror, exit) = (&*run.report.name, run.status.code());
    let text = format!("run ended: {}{}", run.status.meaning(), why(run));
    let counts = match counts(&totals) {
        counts if !counts.is_empty() => counts,
        _ if run.status.is_success() => "nothing new".to_owned(),
        _ => "none".to_owned(),
    };
    let bytes = totals.bytes;
    if run.status.is_success() || report.interrupted.is_some() {
        tracing::info!(mirror, exit, counts, bytes, requests, seconds, "{text}");
    } else {
        tracing::warn!(mirror, exit, counts, bytes, requests, seconds, "{text}");
    }
}

/// Warnings that the run before did not have. Most stay as long as the source is as it is: in each run they would hide
/// those that say something new, such as a full disk.
fn tell_what_is_new(before: &MirrorView, after: &MirrorView) {
    let known = before.last.as_ref().map_or(&[][..], |last| &last.warnings);
    let now = after.last.as_ref().map_or(&[][..], |last| &last.warnings);
    let new = |warning: &&Reason| !known.iter().any(|known| known == *warning);
    for warning in now.iter().filter(new).take(WARNINGS) {
        tracing::warn!(mirror = &*after.name, code = warning.code, "{warning}");
    }
}

/// The first thing that went wrong with the mirror or a target as a whole, else with a version.
fn why(run: &Ended<'_>) -> String {
    let targets = &run.report.targets;
    let whole = run
        .report
        .error
        .as_ref()
        .or_else(|| targets.iter().find_map(|target| target.error.as_ref()));
    if let Some(problem) = whole {
        return format!(": {}", problem.reason);
    }
    if let Some(limit) = run.report.safety_limits.first() {
        return format!(": {limit}");
    }
    let mut items = targets.iter().flat_map(|target| &target.items);
    let troubled = |action| matches!(action, Action::Failed | Action::Refused | Action::Drifted);
    let first = items.find(|item| troubled(item.action) && item.reason.is_some());
    first.map_or_else(String::new, |item| {
        let reason = item.reason.as_ref().map_or("", |reason| reason.text.as_str());
        format!(": {} {}: {reason}", item.chart, item.version)
    })
}

/// `3 pushed, 1 failed`, without what is as it was.
fn counts(totals: &Totals) -> String {
    let shown = Action::ALL
        .into_iter()
        .filter(|action| !matches!(action, Action::Filtered));
    let counts: Vec<_> = shown
        .filter(|action| totals.of(*action) > 0)
        .map(|action| format!("{} {action}", totals.of(action)))
        .collect();
    counts.join(", ")
}

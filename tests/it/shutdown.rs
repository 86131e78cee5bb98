//! Ctrl-C, SIGTERM and the end of a mirror's time: no new work, what is in flight may finish, the report is whole (reliability F31,
//! I1), and the next run goes on from there.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::support::chart_repo::ChartRepo;
use super::support::charts::grid;
use super::support::faults::{Effect, Fault};
use super::support::ferry::{Ferry, Outcome};
use super::support::registry::Registry;
use super::support::server::{Kind, Log};

/// Far more than any of these runs needs; shorter than the faults that never end.
const PATIENCE: Duration = Duration::from_secs(60);

/// Both sides and a home, with eight versions to carry.
struct Stage {
    repo: ChartRepo,
    registry: Registry,
    ferry: Ferry,
}

/// A run that goes on while the test does something to it.
struct Running {
    child: Child,
    stderr: BufReader<std::process::ChildStderr>,
}

impl Stage {
    fn new() -> Self {
        let versions = ["1.0.0", "1.0.1", "1.0.2", "1.0.3"];
        Self {
            repo: ChartRepo::of(&grid(&["a", "b"], &versions)),
            registry: Registry::start(),
            ferry: Ferry::new(),
        }
    }

    fn args(&self, more: &[&str]) -> Vec<String> {
        let target = self.registry.target("charts");
        let fixed = ["migrate", &self.repo.url(), &target, "--plain-http"].map(str::to_owned);
        fixed
            .into_iter()
            .chain(more.iter().map(|&word| word.to_owned()))
            .collect()
    }

    fn start(&self, more: &[&str]) -> Running {
        let mut command = self.ferry.command(self.args(more));
        command.args(["--report", "report.json"]);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Running { child, stderr }
    }

    /// Waits for the end; panics where it does not come.
    fn end(&self, mut running: Running) -> Outcome {
        let deadline = Instant::now() + PATIENCE;
        while running.child.try_wait().unwrap().is_none() {
            if Instant::now() > deadline {
                drop(running.child.kill());
                panic!("still running after {PATIENCE:?}");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let mut stderr = String::new();
        running.stderr.read_to_string(&mut stderr).unwrap();
        let output = running.child.wait_with_output().unwrap();
        let report = std::fs::read(self.ferry.home().join("report.json")).ok();
        Outcome {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr,
            report: report.map(|text| serde_json::from_slice(&text).unwrap()),
        }
    }

    /// What was stopped is finished by the next run, with nothing done twice.
    fn the_next_run_finishes(&self, done: usize) {
        self.repo.heal();
        self.registry.heal();
        self.registry.assert_sound();
        let again = self.ferry.report(self.args(&[])).expect(0);
        assert_eq!((again.count("present"), again.count("pushed")), (done, 8 - done));
        assert_eq!(self.registry.tags().len(), 8);
    }
}

impl Running {
    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Reads the log until a line has `words`.
    fn says(&mut self, words: &str) {
        let mut line = String::new();
        while !line.contains(words) {
            line.clear();
            assert_ne!(
                self.stderr.read_line(&mut line).unwrap(),
                0,
                "never said `{words}`"
            );
        }
    }
}

/// Waits until a server has seen so many requests of a kind.
fn wait_for(log: impl Fn() -> Log, kind: Kind, number: usize) {
    let deadline = Instant::now() + PATIENCE;
    while log().count(kind) < number {
        assert!(
            Instant::now() < deadline,
            "no {number} requests of {kind:?}:\n{}",
            log()
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Versions that were not carried, and why.
fn undone(outcome: &Outcome, code: &str) -> usize {
    let items = outcome.items();
    let undone = items.iter().filter(|line| line.action == "failed");
    undone
        .inspect(|line| assert_eq!(line.code.as_deref(), Some(code), "{line:?}"))
        .count()
}

#[test]
fn a_signal_lets_what_is_in_flight_finish_and_takes_no_more() {
    for (signal, code, name) in [(Signal::INT, 130, "int"), (Signal::TERM, 143, "term")] {
        let stage = Stage::new();
        stage
            .repo
            .fault(Fault::on(Kind::Package, Effect::Delay(Duration::from_secs(2))));
        let running = stage.start(&["--concurrency", "2"]);
        wait_for(|| stage.repo.log(), Kind::Package, 2);
        running.signal(signal);
        let outcome = stage.end(running).expect(code);
        assert_eq!(stage.repo.log().count(Kind::Package), 2, "{}", stage.repo.log());
        assert_eq!((outcome.count("pushed"), undone(&outcome, "interrupted")), (2, 6));
        let report = outcome.report.as_ref().unwrap();
        assert_eq!(
            (&report["interrupted"], &report["exit_code"]),
            (&name.into(), &code.into())
        );
        assert!(
            outcome.stdout.contains("; the next run goes on from here\n"),
            "{}",
            outcome.stdout
        );
        assert!(outcome.stderr.contains("WARN stopping: "), "{}", outcome.stderr);
        stage.the_next_run_finishes(2);
    }
}

#[test]
fn what_does_not_finish_in_time_is_dropped() {
    let stage = Stage::new();
    stage.repo.fault(Fault::on(Kind::Package, Effect::Stall));
    let running = stage.start(&["--concurrency", "3", "--grace", "1s"]);
    wait_for(|| stage.repo.log(), Kind::Package, 3);
    let begun = Instant::now();
    running.signal(Signal::TERM);
    let outcome = stage.end(running).expect(143);
    // All of the grace time but for its last tenth, which is for uploads to be cancelled
    assert!(begun.elapsed() >= Duration::from_millis(900), "no grace");
    assert_eq!(undone(&outcome, "interrupted"), 8);
    stage.the_next_run_finishes(0);
}

/// What was begun at the registry does not lie about there for days (reliability F31).
#[test]
fn uploads_that_are_dropped_are_cancelled() {
    let stage = Stage::new();
    stage.registry.fault(Fault::on(Kind::UploadPut, Effect::Stall));
    let running = stage.start(&["--concurrency", "2", "--grace", "5s"]);
    wait_for(|| stage.registry.log(), Kind::UploadPut, 1);
    let begun = Instant::now();
    running.signal(Signal::TERM);
    stage.end(running).expect(143);
    let log = stage.registry.log();
    let opened = log.of(Kind::UploadPost);
    let opened = opened.iter().filter(|entry| entry.status == Some(202)).count();
    let cancelled = log.of(Kind::UploadCancel);
    assert_eq!(cancelled.len(), opened, "{log}");
    assert!(cancelled.iter().all(|entry| entry.status == Some(204)), "{log}");
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    stage.the_next_run_finishes(0);
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let stage = Stage::new();
    stage.registry.fault(Fault::on(Kind::ManifestPut, Effect::Stall));
    let mut running = stage.start(&["--grace", "10m"]);
    wait_for(|| stage.registry.log(), Kind::ManifestPut, 1);
    running.signal(Signal::INT);
    running.says("stopping: what is in flight may finish; once more ends at once");
    running.signal(Signal::TERM);
    let outcome = stage.end(running).expect(130);
    assert_eq!(undone(&outcome, "interrupted"), 8);
    stage.the_next_run_finishes(0);
}

/// Before anything is in flight there is nothing to wait for, and the report still says what was asked.
#[test]
fn a_signal_while_the_index_is_read() {
    let stage = Stage::new();
    stage.repo.fault(Fault::on(Kind::Index, Effect::Stall));
    let running = stage.start(&["--grace", "10m"]);
    wait_for(|| stage.repo.log(), Kind::Index, 1);
    running.signal(Signal::INT);
    let outcome = stage.end(running).expect(130);
    let report = outcome.report.as_ref().unwrap();
    assert_eq!(report["mirrors"][0]["error"]["code"], "interrupted");
    assert_eq!(stage.registry.log().writes(), 0);
    stage.the_next_run_finishes(0);
}

#[test]
fn a_signal_while_tags_are_listed() {
    let stage = Stage::new();
    stage.registry.fault(Fault::on(Kind::TagList, Effect::Stall));
    let running = stage.start(&["--grace", "1s"]);
    wait_for(|| stage.registry.log(), Kind::TagList, 1);
    running.signal(Signal::INT);
    let outcome = stage.end(running).expect(130);
    assert_eq!(undone(&outcome, "interrupted"), 8);
    assert_eq!(stage.registry.log().writes(), 0);
    stage.the_next_run_finishes(0);
}

/// The time of a mirror is over: a failure that says so, not an interruption.
#[test]
fn a_run_has_only_the_time_it_was_given() {
    let stage = Stage::new();
    stage.repo.fault(Fault::on(Kind::Package, Effect::Stall));
    let running = stage.start(&["--concurrency", "2", "--run-timeout", "1s", "--grace", "1s"]);
    let outcome = stage.end(running).expect(2);
    assert_eq!(undone(&outcome, "deadline"), 8);
    assert_eq!(
        outcome.report.as_ref().unwrap()["interrupted"],
        serde_json::Value::Null
    );
    assert!(
        outcome.stdout.contains("`run_timeout` was over"),
        "{}",
        outcome.stdout
    );
    stage.the_next_run_finishes(0);
}

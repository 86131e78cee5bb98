//! Progress for people: bars where stderr is a terminal, a log line every few seconds elsewhere.
//!
//! Workers only note what they do on a board; one thread of its own looks at it ten times a second (or
//! once per interval) and draws. So the look costs the transfer nothing, however slow the terminal is.

mod bars;
mod board;
mod meter;
mod screen;

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bars::Bars;
use board::Board;
use meter::Meter;
pub use screen::Screen;

use crate::progress::{FlightId, NoProgress, Progress, Step};
use crate::report::Action;

/// How often bars are looked after. Indicatif draws at most 20 times a second.
const FRAME: Duration = Duration::from_millis(100);
/// How often a line is logged where there are no bars.
const INTERVAL: Duration = Duration::from_secs(5);

/// What hears the lines of a run without bars.
type Sink = Box<dyn FnMut(&str) + Send>;

/// A run that somebody watches.
pub struct Watch {
    shared: Option<Arc<Shared>>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// Nobody watches (`--quiet`).
    pub fn nobody() -> Self {
        Self {
            shared: None,
            thread: None,
        }
    }

    /// Bars if `screen` has a terminal, else a line in the log every five seconds and one at the end.
    pub fn start(screen: &Screen) -> Self {
        if screen.is_terminal() {
            let mut bars = Bars::new(screen);
            return Self::spawn(FRAME, move |board, meter, end| {
                if end {
                    bars.clear();
                } else {
                    bars.draw(board, meter);
                }
            });
        }
        Self::log_to(INTERVAL, Box::new(|line| tracing::info!("{line}")))
    }

    fn log_to(interval: Duration, mut sink: Sink) -> Self {
        let mut last = String::new();
        Self::spawn(interval, move |board, meter, end| {
            // A run that waits for a slow host says so once, not every five seconds.
            let (state, line) = (board.tally(), board.line(meter, end));
            if (end && board.is_used()) || (!end && state != last && !line.is_empty()) {
                sink(&line);
                last = state;
            }
        })
    }

    /// Calls `look` every `interval` and, with `true`, once at the end.
    fn spawn(interval: Duration, mut look: impl FnMut(&Board, &Meter, bool) + Send + 'static) -> Self {
        let shared = Arc::new(Shared::default());
        let seen = Arc::clone(&shared);
        let begin = Instant::now();
        let thread = std::thread::Builder::new()
            .name("progress".into())
            .spawn(move || {
                let mut meter = Meter::default();
                loop {
                    let (board, end) = seen.wait(interval);
                    meter.note(begin.elapsed(), board.bytes(), board.done());
                    look(&board, &meter, end);
                    if end {
                        return;
                    }
                }
            });
        Self {
            shared: Some(shared),
            // A system without a thread to spare still does its work, unwatched.
            thread: thread.ok(),
        }
    }

    /// What the run reports to.
    pub fn progress(&self) -> Arc<dyn Progress> {
        match &self.shared {
            Some(shared) => Arc::<Shared>::clone(shared),
            None => Arc::new(NoProgress),
        }
    }

    /// Clears the bars, or logs the last line. Whoever prints results afterwards finds a clean terminal.
    pub fn finish(mut self) {
        self.stop();
    }

    fn stop(&mut self) {
        if let Some(shared) = &self.shared {
            shared.end();
        }
        if let Some(thread) = self.thread.take() {
            // Its panic would be one of drawing; the run itself is done.
            let _ = thread.join();
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The board, and the bell that ends the watching.
#[derive(Default)]
struct Shared {
    board: Mutex<Board>,
    ended: Mutex<bool>,
    bell: Condvar,
}

impl Shared {
    fn board(&self) -> MutexGuard<'_, Board> {
        // Counters and labels are whole after every statement, whoever panicked elsewhere.
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self) {
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.bell.notify_all();
    }

    /// Waits for `interval` or the end; gives a copy, so that drawing holds no lock of the workers.
    fn wait(&self, interval: Duration) -> (Board, bool) {
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        let (ended, _) = self
            .bell
            .wait_timeout_while(ended, interval, |ended| !*ended)
            .unwrap_or_else(PoisonError::into_inner);
        (self.board().clone(), *ended)
    }
}

impl Progress for Shared {
    fn phase(&self, mirror: &str, phase: &str) {
        self.board().phase(mirror, phase);
    }

    fn planned(&self, _: &str, versions: u64) {
        self.board().planned(versions);
    }

    fn started(&self, id: FlightId, label: &str) {
        self.board().started(id, label);
    }

    fn step(&self, id: FlightId, step: Step) {
        self.board().step(id, step);
    }

    fn bytes(&self, id: FlightId, bytes: u64) {
        self.board().add_bytes(id, bytes);
    }

    fn finished(&self, id: FlightId, action: Action) {
        self.board().finished(id, action);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(work: impl FnOnce(&dyn Progress)) -> Vec<String> {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&lines);
        let watch = Watch::log_to(
            Duration::from_millis(5),
            Box::new(move |line| sink.lock().unwrap().push(line.to_owned())),
        );
        work(&*watch.progress());
        watch.finish();
        let lines = lines.lock().unwrap();
        lines.clone()
    }

    #[test]
    fn without_a_terminal_lines_come_at_intervals_and_one_at_the_end() {
        let lines = lines(|progress| {
            progress.planned("m", 2);
            progress.started(1, "app 1.0.0");
            // Long enough for some intervals on a busy machine; nothing changes, so one line comes.
            std::thread::sleep(Duration::from_millis(200));
            progress.finished(1, Action::Pushed);
            progress.started(2, "app 2.0.0");
            progress.bytes(2, 2048);
            progress.finished(2, Action::Failed);
        });
        let first = "0 of 2 versions, 1 in flight";
        assert_eq!(lines.iter().filter(|line| *line == first).count(), 1, "{lines:?}");
        let last = lines.last().unwrap();
        assert!(
            last.starts_with("done: 2 of 2 versions, 1 failed, 2 KiB moved in "),
            "{last}"
        );
    }

    #[test]
    fn a_run_that_had_nothing_to_do_logs_nothing() {
        assert_eq!(lines(|_| ()), [""; 0]);
    }

    #[test]
    fn nobody_hears_anything() {
        let watch = Watch::nobody();
        watch.progress().started(1, "x");
        assert!(watch.thread.is_none());
    }
}

//! What is known of a run at a moment, and how it reads.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::meter::Meter;
use crate::progress::{FlightId, Step};
use crate::report::{Action, plain};
use crate::types::ByteSize;

/// One version in flight.
#[derive(Debug, Clone)]
struct Flight {
    label: Box<str>,
    step: Step,
    bytes: u64,
}

/// What is known of a run at a moment.
#[derive(Debug, Clone, Default)]
pub(super) struct Board {
    planned: u64,
    done: u64,
    failed: u64,
    bytes: u64,
    phase: String,
    flights: BTreeMap<FlightId, Flight>,
}

impl Board {
    pub(super) fn phase(&mut self, mirror: &str, phase: &str) {
        self.phase = format!("{}: {}", plain(mirror), plain(phase));
    }

    pub(super) fn planned(&mut self, versions: u64) {
        self.planned += versions;
    }

    pub(super) fn started(&mut self, id: FlightId, label: &str) {
        let flight = Flight {
            label: plain(label).into(),
            step: Step::Download,
            bytes: 0,
        };
        self.flights.insert(id, flight);
    }

    pub(super) fn step(&mut self, id: FlightId, step: Step) {
        if let Some(flight) = self.flights.get_mut(&id) {
            flight.step = step;
        }
    }

    pub(super) fn add_bytes(&mut self, id: FlightId, bytes: u64) {
        self.bytes += bytes;
        if let Some(flight) = self.flights.get_mut(&id) {
            flight.bytes += bytes;
        }
    }

    pub(super) fn finished(&mut self, id: FlightId, action: Action) {
        self.flights.remove(&id);
        self.done += 1;
        if matches!(action, Action::Failed | Action::Refused) {
            self.failed += 1;
        }
    }

    pub(super) fn done(&self) -> u64 {
        self.done
    }

    /// At least what is done or in flight, should somebody forget to announce it.
    pub(super) fn total(&self) -> u64 {
        self.planned.max(self.done + self.flights.len() as u64)
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Some version was to be transferred.
    pub(super) fn is_used(&self) -> bool {
        self.total() > 0
    }

    /// What the run does as long as no version is planned.
    pub(super) fn current_phase(&self) -> &str {
        &self.phase
    }

    /// Everything in a line that does not change by itself as time goes by.
    pub(super) fn tally(&self) -> String {
        let (phase, flights) = (&self.phase, self.flights.len());
        let (total, done, bytes) = (self.total(), self.done, self.bytes);
        format!("{phase} {total} {done} {bytes} {flights}")
    }

    /// The state in one line of a log.
    pub(super) fn line(&self, meter: &Meter, end: bool) -> String {
        if !self.is_used() {
            return self.phase.clone();
        }
        let mut line = if end { "done: ".to_owned() } else { String::new() };
        _ = write!(line, "{} of {} versions", self.done, self.total());
        if !end && !self.flights.is_empty() {
            _ = write!(line, ", {} in flight", self.flights.len());
        }
        for part in self.parts(meter, end) {
            _ = write!(line, ", {part}");
        }
        if end {
            _ = write!(line, " in {}", meter.elapsed());
        }
        line
    }

    /// What stands beside the bar: failures, bytes, rate, time left.
    pub(super) fn beside_bar(&self, meter: &Meter) -> String {
        self.parts(meter, false).join("  ")
    }

    fn parts(&self, meter: &Meter, end: bool) -> Vec<String> {
        let mut parts = Vec::new();
        if self.failed > 0 {
            parts.push(format!("{} failed", self.failed));
        }
        if self.bytes > 0 {
            // Both ways together, unlike the report, which counts what the target was sent.
            let moved = if end { " moved" } else { "" };
            parts.push(format!("{}{moved}", ByteSize(self.bytes)));
        }
        if !end {
            parts.extend(
                meter
                    .bytes_per_second()
                    .map(|rate| format!("{}/s", ByteSize(rate))),
            );
            parts.extend(
                meter
                    .left(self.total() - self.done)
                    .map(|left| format!("{left} left")),
            );
        }
        parts
    }

    /// One line for each of `slots`. A flight keeps its line until it ends, so that lines do not jump.
    pub(super) fn fill(&self, slots: &mut [Option<FlightId>]) -> Vec<String> {
        for slot in slots.iter_mut() {
            *slot = slot.filter(|id| self.flights.contains_key(id));
        }
        for id in self.flights.keys() {
            if slots.contains(&Some(*id)) {
                continue;
            }
            match slots.iter_mut().find(|slot| slot.is_none()) {
                Some(free) => *free = Some(*id),
                None => break,
            }
        }
        let flight = |slot: &Option<FlightId>| self.flights.get(&slot.as_ref().copied()?);
        let widest = slots
            .iter()
            .filter_map(flight)
            .map(|f| f.label.chars().count())
            .max();
        let width = widest.unwrap_or(0).min(48);
        let line = |flight: &Flight| {
            let size = match flight.bytes {
                0 => String::new(),
                bytes => ByteSize(bytes).to_string(),
            };
            format!("  {:width$}  {:8}  {size}", flight.label, flight.step.as_str())
        };
        slots
            .iter()
            .map(|slot| flight(slot).map(line).unwrap_or_default())
            .collect()
    }

    /// How many are in flight beside `shown` ones.
    pub(super) fn hidden(&self, shown: usize) -> usize {
        self.flights.len().saturating_sub(shown)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn meter(samples: &[(u64, u64, u64)]) -> Meter {
        let mut meter = Meter::default();
        for (seconds, bytes, done) in samples {
            meter.note(Duration::from_secs(*seconds), *bytes, *done);
        }
        meter
    }

    #[test]
    fn reads_well() {
        let mut board = Board::default();
        board.phase("acme", "reading the index");
        assert_eq!(board.line(&meter(&[]), false), "acme: reading the index");
        board.planned(300);
        for id in 0..12 {
            board.started(id, "a 1");
            board.add_bytes(id, 1 << 20);
        }
        for id in 0..10 {
            board.finished(id, if id < 2 { Action::Failed } else { Action::Pushed });
        }
        let meter = meter(&[(0, 0, 0), (10, 12 << 20, 10)]);
        assert_eq!(
            board.line(&meter, false),
            "10 of 300 versions, 2 in flight, 2 failed, 12 MiB, 1.1 MiB/s, 4m50s left"
        );
        assert_eq!(
            board.line(&meter, true),
            "done: 10 of 300 versions, 2 failed, 12 MiB moved in 10.0s"
        );
        assert_eq!(
            board.beside_bar(&meter),
            "2 failed  12 MiB  1.1 MiB/s  4m50s left"
        );
    }

    #[test]
    fn a_flight_keeps_its_line_until_it_ends() {
        let mut board = Board::default();
        let mut slots = [None; 2];
        for id in 1..=3 {
            board.started(id, &format!("chart-{id} 1.0.0"));
        }
        board.step(2, Step::Push);
        board.add_bytes(2, 2048);
        let shown = board.fill(&mut slots);
        assert_eq!(
            shown,
            ["  chart-1 1.0.0  download  ", "  chart-2 1.0.0  push      2 KiB"]
        );
        assert_eq!(board.hidden(2), 1);
        board.finished(1, Action::Pushed);
        assert_eq!(board.fill(&mut slots)[1], "  chart-2 1.0.0  push      2 KiB");
        assert_eq!(slots, [Some(3), Some(2)]);
        board.finished(3, Action::Pushed);
        assert_eq!(board.fill(&mut slots)[0], "");
    }

    #[test]
    fn labels_are_harmless_and_unknown_numbers_are_ignored() {
        let mut board = Board::default();
        board.started(1, "a\u{1b}[2J 1");
        board.step(9, Step::Push);
        board.add_bytes(9, 5);
        assert_eq!(board.fill(&mut [None]), ["  a\\u{1b}[2J 1  download  "]);
        board.finished(9, Action::Pushed);
        assert_eq!((board.done(), board.total(), board.bytes()), (1, 2, 5));
    }
}

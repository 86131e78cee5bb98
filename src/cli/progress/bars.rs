//! One bar for the whole run and some lines for what is in flight.

use indicatif::{ProgressBar, ProgressStyle};

use super::board::Board;
use super::meter::Meter;
use super::screen::Screen;
use crate::progress::FlightId;

/// Lines for versions in flight: enough to see that work goes on, few enough for a small terminal.
const LINES: usize = 6;

/// The bars of a run.
pub(super) struct Bars {
    screen: Screen,
    overall: ProgressBar,
    phase_style: ProgressStyle,
    bar_style: ProgressStyle,
    counting: bool,
    /// Lines so far. They grow with the need and do not shrink, so that the bar stays where it is.
    lines: Vec<ProgressBar>,
    slots: Vec<Option<FlightId>>,
    more: Option<ProgressBar>,
}

impl Bars {
    pub(super) fn new(screen: &Screen) -> Self {
        let phase_style = style("{spinner} {wide_msg}");
        let overall = screen
            .bars()
            .add(ProgressBar::no_length().with_style(phase_style.clone()));
        Self {
            screen: screen.clone(),
            overall,
            phase_style,
            bar_style: style("{bar:20} {pos}/{len} versions  {wide_msg}").progress_chars("=> "),
            counting: false,
            lines: Vec::new(),
            slots: Vec::new(),
            more: None,
        }
    }

    pub(super) fn draw(&mut self, board: &Board, meter: &Meter) {
        let counting = board.is_used();
        if counting != self.counting {
            self.counting = counting;
            let style = if counting {
                &self.bar_style
            } else {
                &self.phase_style
            };
            self.overall.set_style(style.clone());
        }
        if counting {
            self.overall.set_length(board.total());
            self.overall.set_position(board.done());
            self.overall.set_message(board.beside_bar(meter));
        } else if !board.current_phase().is_empty() {
            self.overall.set_message(board.current_phase().to_owned());
        }
        self.overall.tick();
        self.draw_lines(board);
    }

    fn draw_lines(&mut self, board: &Board) {
        let wanted = (self.slots.len() + board.hidden(self.slots.len())).min(LINES);
        while self.lines.len() < wanted {
            self.lines.push(self.add_line());
            self.slots.push(None);
        }
        for (line, text) in self.lines.iter().zip(board.fill(&mut self.slots)) {
            set(line, text);
        }
        let hidden = board.hidden(self.slots.len());
        if hidden > 0 && self.more.is_none() {
            self.more = Some(self.add_line());
        }
        if let Some(more) = &self.more {
            set(
                more,
                match hidden {
                    0 => String::new(),
                    _ => format!("  and {hidden} more"),
                },
            );
        }
    }

    fn add_line(&self) -> ProgressBar {
        let line = ProgressBar::no_length().with_style(style("{wide_msg}"));
        self.screen.bars().add(line)
    }

    pub(super) fn clear(&mut self) {
        for bar in self.lines.drain(..).chain(self.more.take()) {
            bar.finish_and_clear();
        }
        self.overall.finish_and_clear();
    }
}

/// Drawing costs; a line that has not changed is left alone.
fn set(line: &ProgressBar, text: String) {
    if line.message() != text {
        line.set_message(text);
    }
}

/// A template; a plain bar should it be wrong, which the tests would show.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::report::Action;

    #[test]
    fn the_bar_counts_and_lines_come_and_stay() {
        let mut bars = Bars::new(&Screen::new(false));
        let (mut board, mut meter) = (Board::default(), Meter::default());
        meter.note(Duration::ZERO, 0, 0);
        board.phase("acme", "reading the index");
        bars.draw(&board, &meter);
        assert_eq!(bars.overall.message(), "acme: reading the index");
        board.planned(20);
        for id in 0..9 {
            board.started(id, "app 1.0.0");
        }
        bars.draw(&board, &meter);
        assert_eq!((bars.overall.length(), bars.overall.position()), (Some(20), 0));
        assert_eq!(bars.lines.len(), LINES);
        assert_eq!(
            bars.more.as_ref().map(ProgressBar::message).as_deref(),
            Some("  and 3 more")
        );
        for id in 0..8 {
            board.finished(id, Action::Pushed);
        }
        bars.draw(&board, &meter);
        assert_eq!(bars.overall.position(), 8);
        assert_eq!(
            bars.lines
                .iter()
                .filter(|line| !line.message().is_empty())
                .count(),
            1
        );
        assert_eq!(bars.more.as_ref().map(ProgressBar::message).as_deref(), Some(""));
        bars.clear();
        assert!(bars.overall.is_finished() && bars.lines.is_empty());
    }

    #[test]
    fn the_templates_are_right() {
        for template in [
            "{spinner} {wide_msg}",
            "{bar:20} {pos}/{len} versions  {wide_msg}",
            "{wide_msg}",
        ] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }
}

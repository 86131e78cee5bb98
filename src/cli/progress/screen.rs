//! Stderr, shared by bars and log lines so that neither overwrites the other.

use std::io::{self, IsTerminal as _, Write as _};

use indicatif::{MultiProgress, ProgressDrawTarget};

/// Stderr with or without a terminal behind it. Clones are the same screen.
#[derive(Debug, Clone)]
pub struct Screen {
    bars: MultiProgress,
    terminal: bool,
}

impl Screen {
    /// The process's stderr.
    pub fn stderr() -> Self {
        // A terminal that cannot move its cursor is as good as none.
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self::new(io::stderr().is_terminal() && !dumb)
    }

    pub(crate) fn new(terminal: bool) -> Self {
        let target = if terminal {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        Self {
            bars: MultiProgress::with_draw_target(target),
            terminal,
        }
    }

    /// Bars make sense here.
    pub fn is_terminal(&self) -> bool {
        self.terminal
    }

    pub(super) fn bars(&self) -> &MultiProgress {
        &self.bars
    }

    /// Writes whole lines to stderr, above the bars.
    pub fn write_lines(&self, text: &[u8]) -> io::Result<()> {
        self.bars.suspend(|| io::stderr().lock().write_all(text))
    }
}

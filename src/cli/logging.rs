//! Log lines on stderr, never in the way of progress bars and never able to steer a terminal.
//!
//! The text layer is our own: the stock formatter escapes escape characters but lets line breaks and
//! changes of reading direction through, so a chart could forge log lines. Only this crate logs below
//! warnings: HTTP libraries show headers at `trace`, and no verbosity may ever print a password (I7).

mod json;
mod text;

use std::ffi::OsStr;
use std::io;

use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};

use super::progress::Screen;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// What is logged, and how.
#[derive(Debug, Clone, Copy)]
pub struct LogOptions {
    /// The least important level that is shown.
    pub level: LevelFilter,
    /// How lines look.
    pub format: LogFormat,
    /// Every line of text begins with the time. JSON always has it.
    pub timestamps: bool,
    /// Levels are coloured.
    pub colour: bool,
}

/// The level that flags ask for; without any, the one that the configuration names.
pub fn level(configured: &str, quiet: bool, verbose: u8) -> LevelFilter {
    match (quiet, verbose) {
        (true, _) => LevelFilter::ERROR,
        (false, 0) => configured.parse().unwrap_or(LevelFilter::INFO),
        (false, 1) => LevelFilter::DEBUG,
        (false, _) => LevelFilter::TRACE,
    }
}

/// True if colours are wanted: a terminal that can show them and nobody who objects (`NO_COLOR`).
pub fn wants_colour(terminal: bool, no_color: Option<&OsStr>, term: Option<&OsStr>) -> bool {
    terminal && no_color.is_none_or(OsStr::is_empty) && term.is_none_or(|term| term != "dumb")
}

/// Sends everything that is logged from now on to `screen`. To be called once.
pub fn init(options: LogOptions, screen: &Screen) -> Result<(), TryInitError> {
    match options.format {
        LogFormat::Text => text_subscriber(options, screen.clone()).try_init(),
        LogFormat::Json => json_subscriber(options, screen.clone()).try_init(),
    }
}

fn filter(options: LogOptions) -> Targets {
    let level = options.level;
    Targets::new()
        .with_target(env!("CARGO_CRATE_NAME"), level)
        .with_default(level.min(LevelFilter::WARN))
}

fn text_subscriber<W>(options: LogOptions, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let layer = tracing_subscriber::fmt::layer()
        .with_ansi(options.colour)
        .event_format(text::Text {
            timestamps: options.timestamps,
        })
        .with_writer(writer);
    tracing_subscriber::registry().with(filter(options)).with(layer)
}

fn json_subscriber<W>(options: LogOptions, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let layer = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_writer(json::Escaping(writer));
    tracing_subscriber::registry().with(filter(options)).with(layer)
}

/// The formatter hands over whole events, one per `write`.
impl<'w> MakeWriter<'w> for Screen {
    type Writer = Lines<'w>;

    fn make_writer(&'w self) -> Self::Writer {
        Lines(self)
    }
}

/// Writes events above the bars of a screen.
#[derive(Debug)]
pub struct Lines<'w>(&'w Screen);

impl io::Write for Lines<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write_lines(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;

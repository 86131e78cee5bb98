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

/// The modules of this crate.
const OURS: &str = env!("CARGO_CRATE_NAME");

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
#[derive(Debug, Clone)]
pub struct LogOptions {
    /// The least important level that is shown, by module.
    pub levels: Targets,
    /// How lines look.
    pub format: LogFormat,
    /// Every line of text begins with the time. JSON always has it.
    pub timestamps: bool,
    /// Levels are coloured.
    pub colour: bool,
}

/// The levels that flags ask for; without any, those that the configuration names: `info,chartferry::net=debug`.
pub fn levels(configured: &str, quiet: bool, verbose: u8) -> Targets {
    let all = |level| Targets::new().with_default(level);
    let asked = match (quiet, verbose) {
        (true, _) => all(LevelFilter::ERROR),
        (false, 0) => configured
            .replace(char::is_whitespace, "")
            .parse()
            .unwrap_or_else(|_| all(LevelFilter::INFO)),
        (false, 1) => all(LevelFilter::DEBUG),
        (false, _) => all(LevelFilter::TRACE),
    };
    let rest = asked.default_level().unwrap_or(LevelFilter::OFF);
    let foreign = |level: LevelFilter| level.min(LevelFilter::WARN);
    let levels = Targets::new()
        .with_target(OURS, rest)
        .with_target("kube_client", LevelFilter::OFF) // logs each failed attempt as an error; the lease says it once
        .with_default(foreign(rest));
    asked.iter().fold(levels, |levels, (module, level)| {
        let ours = module == OURS
            || module
                .strip_prefix(OURS)
                .is_some_and(|rest| rest.starts_with("::"));
        levels.with_target(module, if ours { level } else { foreign(level) })
    })
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
    tracing_subscriber::registry().with(options.levels).with(layer)
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
    tracing_subscriber::registry().with(options.levels).with(layer)
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

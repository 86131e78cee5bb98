//! `2026-11-22T19:11:33Z WARN sentence key=value`: one event, one line, whatever is in it.

use std::fmt::{self, Write as _};

use chrono::{SecondsFormat, Utc};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::report::plain;

/// Formats events for people.
pub(super) struct Text {
    /// Begin with the time.
    pub(super) timestamps: bool,
}

impl<S, N> FormatEvent<S, N> for Text
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'w> FormatFields<'w> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        if self.timestamps {
            let now = Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true);
            write!(writer, "{now} ")?;
        }
        let level = *event.metadata().level();
        match colour(level).filter(|_| writer.has_ansi_escapes()) {
            Some(code) => write!(writer, "\u{1b}[{code}m{level:>5}\u{1b}[0m")?,
            None => write!(writer, "{level:>5}")?,
        }
        let mut fields = Fields::default();
        event.record(&mut fields);
        writeln!(writer, " {}{}", plain(&fields.message), plain(&fields.others))
    }
}

/// The SGR code of a level; the usual ones have none, so that the unusual ones stand out.
fn colour(level: Level) -> Option<&'static str> {
    match level {
        Level::ERROR => Some("1;31"),
        Level::WARN => Some("33"),
        Level::DEBUG | Level::TRACE => Some("2"),
        Level::INFO => None,
    }
}

#[derive(Default)]
struct Fields {
    message: String,
    others: String,
}

impl Fields {
    fn add(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        // Writing to a `String` cannot fail.
        _ = match field.name() {
            "message" => self.message.write_fmt(value),
            name => write!(self.others, " {name}={value}"),
        };
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => self.add(field, format_args!("{value}")),
            // Quoted: a value with blanks must not look like several fields.
            _ => self.add(field, format_args!("{value:?}")),
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, format_args!("{value:?}"));
    }
}

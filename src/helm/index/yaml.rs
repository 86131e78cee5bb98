//! The YAML path: events of `saphyr-parser`, and of `libyaml-safer` where the first finds a syntax error.
//!
//! saphyr is by far the quicker (crates.md 2.2); libyaml is of the family of Helm's own scanner, so it has the last
//! word on what is YAML.

use std::io::{BufReader, Read};
use std::rc::Rc;

use saphyr_parser::{Event as Saphyr, Parser, ScalarStyle};

use super::event::Event;
use super::input::io_error;
use super::text::{Notes, Text};
use super::visitor::Visitor;
use super::{Index, IndexError, IndexLimits};
use crate::types::Reason;

/// Reads an index with saphyr.
pub(super) fn read(reader: impl Read, limits: &IndexLimits) -> Result<Index, IndexError> {
    let (text, notes) = Text::new(reader, limits);
    let watch = Watch { notes, limits };
    let mut visitor = Visitor::new(limits);
    let mut parser = Parser::new(text);
    while let Some(next) = parser.next_event() {
        let (event, line) = match &next {
            Ok((event, span)) => (of_saphyr(event), line(span.start.line())),
            Err(error) => {
                let line = line(error.marker().line());
                watch.check(line)?;
                let problem = error.info().into();
                return Err(IndexError::Syntax { problem, line });
            }
        };
        watch.check(line)?;
        if let Some(event) = event {
            visitor.event(event, line)?;
        }
    }
    Ok(watch.warn(visitor.finish()?))
}

fn of_saphyr<'a>(event: &'a Saphyr<'_>) -> Option<Event<'a>> {
    Some(match event {
        Saphyr::DocumentStart(_) => Event::Document,
        Saphyr::Alias(_) => Event::Alias,
        Saphyr::Scalar(text, style, _, tag) => Event::Scalar {
            text,
            plain: *style == ScalarStyle::Plain && tag.is_none(),
        },
        Saphyr::SequenceStart(..) => Event::SequenceStart,
        Saphyr::SequenceEnd => Event::SequenceEnd,
        Saphyr::MappingStart(..) => Event::MappingStart,
        Saphyr::MappingEnd => Event::MappingEnd,
        Saphyr::Nothing | Saphyr::StreamStart | Saphyr::StreamEnd | Saphyr::DocumentEnd => return None,
    })
}

/// Reads an index with libyaml.
pub(super) fn read_as_helm(reader: impl Read, limits: &IndexLimits) -> Result<Index, IndexError> {
    use libyaml_safer::{EventData, Parser, ScalarStyle};

    let (text, notes) = Text::new(reader, limits);
    let watch = Watch { notes, limits };
    let mut visitor = Visitor::new(limits);
    let mut parser = Parser::new();
    // The scanner panics where a block scalar's last line has no line break (crates.md 2.5), so there is always one.
    parser.set_input(BufReader::new(Read::chain(text, &b"\n"[..])));
    loop {
        let next = parser.parse().map_err(|error| {
            let line = error.problem_mark().map_or(0, |mark| line_u64(mark.line + 1));
            let problem = error.to_string().into();
            (line, IndexError::Syntax { problem, line })
        });
        let event = match next {
            Ok(event) => event,
            Err((line, error)) => {
                watch.check(line)?;
                return Err(error);
            }
        };
        let line = line_u64(event.start_mark.line + 1);
        watch.check(line)?;
        let event = match &event.data {
            EventData::StreamEnd => return Ok(watch.warn(visitor.finish()?)),
            EventData::StreamStart { .. } | EventData::DocumentEnd { .. } => continue,
            EventData::DocumentStart { .. } => Event::Document,
            EventData::Alias { .. } => Event::Alias,
            EventData::Scalar {
                value, tag, style, ..
            } => Event::Scalar {
                text: value,
                plain: *style == ScalarStyle::Plain && tag.is_none(),
            },
            EventData::SequenceStart { .. } => Event::SequenceStart,
            EventData::SequenceEnd => Event::SequenceEnd,
            EventData::MappingStart { .. } => Event::MappingStart,
            EventData::MappingEnd => Event::MappingEnd,
        };
        visitor.event(event, line)?;
    }
}

fn line(line: usize) -> u32 {
    u32::try_from(line).unwrap_or(u32::MAX)
}

fn line_u64(line: u64) -> u32 {
    u32::try_from(line).unwrap_or(u32::MAX)
}

/// Looks between events at what was noted of the text.
struct Watch<'a> {
    notes: Rc<Notes>,
    limits: &'a IndexLimits,
}

impl Watch<'_> {
    /// To be called before an event is believed: the text may have ended early.
    fn check(&self, line: u32) -> Result<(), IndexError> {
        if let Some(error) = self.notes.error.take() {
            return Err(io_error(error, self.limits));
        }
        if self.notes.choked.get() {
            let limit = self.limits.scalar;
            return Err(IndexError::TooLong { limit, line });
        }
        self.notes.pending.set(0);
        Ok(())
    }

    fn warn(&self, mut index: Index) -> Index {
        let replaced = self.notes.replaced.get();
        if replaced > 0 {
            index.warnings.push(Reason::new(
                "not-utf8",
                format!(
                    "the index is not UTF-8 in {replaced} places (the first near line {}); they are read as U+FFFD",
                    self.notes.lines.get().saturating_add(1)
                ),
            ));
        }
        index
    }
}

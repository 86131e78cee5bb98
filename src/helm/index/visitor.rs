//! From events to entries: the one place that knows an index's structure.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::entry::{Draft, Field};
use super::event::Event;
use super::{Entry, Index, IndexChart, IndexError, IndexLimits};
use crate::types::Reason;

/// Where in the structure the next event belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the document's root.
    Root,
    /// A key of the root, or its end.
    TopKey,
    TopValue(Top),
    /// A chart's name, or the end of `entries`.
    ChartKey,
    ChartValue,
    /// A version of a chart, or the end of its list.
    Element,
    /// A key of a version, or its end.
    FieldKey,
    FieldValue(Field),
    /// One of a version's URLs, or their end.
    Url,
    /// After the root.
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Top {
    ApiVersion,
    Entries,
    Other,
}

/// Builds an [`Index`] from events.
pub(super) struct Visitor<'a> {
    limits: &'a IndexLimits,
    state: State,
    depth: usize,
    /// Open levels of a value that nobody reads.
    skipping: usize,
    counted: usize,
    documents: usize,
    api_version: bool,
    top_keys: HashSet<Box<str>>,
    charts: Vec<IndexChart>,
    by_key: HashMap<Arc<str>, usize>,
    chart: Arc<str>,
    entries: Vec<Entry>,
    draft: Option<Draft>,
    empty_charts: Sample,
    bad_dates: Sample,
}

/// How often something happened, and the first few of it: a warning must not grow with the index.
#[derive(Default)]
struct Sample {
    count: usize,
    first: Vec<String>,
}

impl Sample {
    fn note(&mut self, what: impl FnOnce() -> String) {
        self.count += 1;
        if self.first.len() < 5 {
            self.first.push(what());
        }
    }

    fn warn(&self, code: &'static str, what: &str, warnings: &mut Vec<Reason>) {
        if self.count > 0 {
            let more = if self.count > self.first.len() {
                ", …"
            } else {
                ""
            };
            warnings.push(Reason::new(
                code,
                format!("{what} ({} times: {}{more})", self.count, self.first.join(", ")),
            ));
        }
    }
}

impl<'a> Visitor<'a> {
    pub(super) fn new(limits: &'a IndexLimits) -> Self {
        Self {
            limits,
            state: State::Root,
            depth: 0,
            skipping: 0,
            counted: 0,
            documents: 0,
            api_version: false,
            top_keys: HashSet::new(),
            charts: Vec::new(),
            by_key: HashMap::new(),
            chart: "".into(),
            entries: Vec::new(),
            draft: None,
            empty_charts: Sample::default(),
            bad_dates: Sample::default(),
        }
    }

    /// False where the text of the next scalar makes no difference.
    pub(super) fn wants_text(&self) -> bool {
        self.skipping == 0
            && match self.state {
                State::TopValue(Top::Other) => false,
                State::FieldValue(field) => field.is_read(),
                _ => true,
            }
    }

    /// Takes the next event.
    pub(super) fn event(&mut self, event: Event<'_>, line: u32) -> Result<(), IndexError> {
        if event.opens() {
            self.depth += 1;
            if self.depth > self.limits.depth {
                let limit = self.limits.depth;
                return Err(IndexError::TooDeep { limit, line });
            }
        } else if event.closes() {
            self.depth = self.depth.saturating_sub(1);
        }
        match event {
            Event::Alias => return Err(IndexError::Alias { line }),
            Event::Document => return self.document(line),
            Event::Scalar { text, .. } if text.len() > self.limits.scalar => {
                let limit = self.limits.scalar;
                return Err(IndexError::TooLong { limit, line });
            }
            _ => {}
        }
        if self.skipping > 0 {
            self.skipping = self.skipping + usize::from(event.opens()) - usize::from(event.closes());
            return Ok(());
        }
        match self.state {
            State::Root => self.root(event, line)?,
            State::TopKey => self.top_key(event, line)?,
            State::TopValue(top) => self.top_value(top, event, line)?,
            State::ChartKey => self.chart_key(event, line)?,
            State::ChartValue => self.chart_value(event, line),
            State::Element => self.element(event, line)?,
            State::FieldKey => self.field_key(event),
            State::FieldValue(field) => self.field_value(field, event),
            State::Url => self.url(event),
            State::End => {}
        }
        Ok(())
    }

    fn document(&mut self, line: u32) -> Result<(), IndexError> {
        self.documents += 1;
        if self.documents > 1 {
            return Err(IndexError::Documents { line });
        }
        Ok(())
    }

    /// Goes to `next`, over the whole value that `event` begins.
    fn skip(&mut self, event: Event<'_>, next: State) {
        self.skipping = usize::from(event.opens());
        self.state = next;
    }

    fn count(&mut self) -> Result<(), IndexError> {
        self.counted += 1;
        if self.counted > self.limits.entries {
            let limit = self.limits.entries;
            return Err(IndexError::TooManyEntries { limit });
        }
        Ok(())
    }

    fn root(&mut self, event: Event<'_>, line: u32) -> Result<(), IndexError> {
        self.state = State::TopKey;
        match event {
            Event::MappingStart => Ok(()),
            event if event.is_null() => Err(IndexError::Empty),
            event => Err(wrong(
                "the document",
                "a map with `apiVersion` and `entries`",
                event,
                line,
            )),
        }
    }

    fn top_key(&mut self, event: Event<'_>, line: u32) -> Result<(), IndexError> {
        match event {
            Event::Scalar { text, .. } => {
                self.count()?;
                if !self.top_keys.insert(text.into()) {
                    let key = text.chars().take(100).collect::<String>().into();
                    return Err(IndexError::DuplicateKey { key, line });
                }
                self.state = State::TopValue(match text {
                    _ if text.eq_ignore_ascii_case("apiVersion") => Top::ApiVersion,
                    _ if text.eq_ignore_ascii_case("entries") => Top::Entries,
                    _ => Top::Other,
                });
                Ok(())
            }
            Event::MappingEnd => {
                self.state = State::End;
                Ok(())
            }
            event => Err(wrong("a key", "a text", event, line)),
        }
    }

    fn top_value(&mut self, top: Top, event: Event<'_>, line: u32) -> Result<(), IndexError> {
        match (top, event) {
            (Top::Entries, Event::MappingStart) => self.state = State::ChartKey,
            (Top::Entries, event) if !event.is_null() => {
                return Err(wrong("`entries`", "a map of charts", event, line));
            }
            (Top::ApiVersion, event) if event.opens() => {
                return Err(wrong("`apiVersion`", "a text", event, line));
            }
            (Top::ApiVersion, Event::Scalar { text, .. }) => {
                self.api_version = !text.is_empty() && !event.is_null();
                self.state = State::TopKey;
            }
            (_, event) => self.skip(event, State::TopKey),
        }
        Ok(())
    }

    fn chart_key(&mut self, event: Event<'_>, line: u32) -> Result<(), IndexError> {
        match event {
            Event::Scalar { text, .. } => {
                self.count()?;
                self.chart = text.into();
                self.state = State::ChartValue;
                Ok(())
            }
            Event::MappingEnd => {
                self.state = State::TopKey;
                Ok(())
            }
            event => Err(wrong("a chart's key in `entries`", "a text", event, line)),
        }
    }

    fn chart_value(&mut self, event: Event<'_>, line: u32) {
        if event == Event::SequenceStart {
            self.state = State::Element;
            return;
        }
        if !event.is_null() {
            let text = format!("the chart's value is {}, not a list of versions", event.noun());
            self.entries
                .push(Draft::broken(&self.chart, line, "bad-entry", text));
        }
        self.skip(event, State::ChartKey);
        self.end_chart();
    }

    fn element(&mut self, event: Event<'_>, line: u32) -> Result<(), IndexError> {
        if event == Event::SequenceEnd {
            self.state = State::ChartKey;
            self.end_chart();
            return Ok(());
        }
        self.count()?;
        if event == Event::MappingStart {
            self.draft = Some(Draft::new(&self.chart, line));
            self.state = State::FieldKey;
        } else {
            let text = format!("the entry is {}, not a map", event.noun());
            self.entries
                .push(Draft::broken(&self.chart, line, "bad-entry", text));
            self.skip(event, State::Element);
        }
        Ok(())
    }

    fn field_key(&mut self, event: Event<'_>) {
        let Some(draft) = &mut self.draft else { return };
        match event {
            Event::Scalar { text, .. } => self.state = State::FieldValue(draft.key(text)),
            Event::MappingEnd => {
                self.state = State::Element;
                if let Some(draft) = self.draft.take() {
                    self.end_entry(draft);
                }
            }
            event => {
                draft.problem(
                    "bad-entry",
                    format!("a key of the entry is {}, not a text", event.noun()),
                );
                self.skip(event, State::FieldValue(Field::Unknown));
            }
        }
    }

    fn field_value(&mut self, field: Field, event: Event<'_>) {
        let Some(draft) = &mut self.draft else { return };
        match event {
            Event::Scalar { text, plain } => draft.scalar(field, text, plain),
            Event::SequenceStart if field == Field::Urls => {
                self.state = State::Url;
                return;
            }
            event => draft.nested(field, event),
        }
        self.skip(event, State::FieldKey);
    }

    fn url(&mut self, event: Event<'_>) {
        let Some(draft) = &mut self.draft else { return };
        match event {
            Event::SequenceEnd => self.state = State::FieldKey,
            Event::Scalar { text, plain } => draft.url(text, plain),
            event => {
                draft.problem(
                    "bad-entry",
                    format!("a URL of the entry is {}, not a text", event.noun()),
                );
                self.skip(event, State::Url);
            }
        }
    }

    fn end_entry(&mut self, draft: Draft) {
        let bad_date = draft.bad_date;
        let entry = draft.finish();
        if bad_date {
            self.bad_dates.note(|| format!("line {}", entry.line));
        }
        self.entries.push(entry);
    }

    /// A chart key that comes again makes all its entries unusable: which of them Helm would see is chance.
    fn end_chart(&mut self) {
        let mut entries = std::mem::take(&mut self.entries);
        if entries.is_empty() {
            let key: String = self.chart.chars().take(100).collect();
            self.empty_charts.note(|| format!("`{}`", key.escape_debug()));
        }
        entries.shrink_to_fit();
        if let Some(known) = self
            .by_key
            .get(&self.chart)
            .and_then(|at| self.charts.get_mut(*at))
        {
            known.entries.append(&mut entries);
            for entry in &mut known.entries {
                let text = "the chart's key is there twice in `entries`";
                entry.problem = Some(Box::new(Reason::new("duplicate-key", text)));
            }
            return;
        }
        self.by_key.insert(Arc::clone(&self.chart), self.charts.len());
        self.charts.push(IndexChart {
            key: Arc::clone(&self.chart),
            entries,
        });
    }

    /// The index, once the scanner is at its end.
    pub(super) fn finish(self) -> Result<Index, IndexError> {
        match self.state {
            State::Root => return Err(IndexError::Empty),
            State::End if self.api_version => {}
            _ => return Err(IndexError::NoApiVersion),
        }
        let mut warnings = Vec::new();
        if self.charts.is_empty() {
            warnings.push(Reason::new("no-charts", "the index lists no charts"));
        }
        self.empty_charts.warn(
            "empty-chart",
            "a chart in the index has no versions",
            &mut warnings,
        );
        self.bad_dates.warn(
            "bad-created",
            "a `created` date is not RFC 3339 and counts as absent",
            &mut warnings,
        );
        Ok(Index {
            charts: self.charts,
            warnings,
        })
    }
}

fn wrong(what: &'static str, expected: &'static str, event: Event<'_>, line: u32) -> IndexError {
    let found = event.noun();
    IndexError::WrongType {
        what,
        expected,
        found,
        line,
    }
}

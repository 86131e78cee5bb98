//! The few events that an index is made of, whichever scanner finds them.

/// One event of a YAML or JSON text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event<'a> {
    /// A document begins. JSON has one without saying so.
    Document,
    /// `*name`
    Alias,
    /// A text, number, boolean or null in its source spelling.
    Scalar {
        text: &'a str,
        /// Unquoted and without a tag: may stand for null or a boolean.
        plain: bool,
    },
    SequenceStart,
    SequenceEnd,
    MappingStart,
    MappingEnd,
}

impl Event<'_> {
    /// How an error names what was found.
    pub(super) fn noun(self) -> &'static str {
        match self {
            Event::Scalar { text, plain: true } if crate::helm::scalar::is_null(text) => "empty",
            Event::Scalar { .. } => "a single value",
            Event::SequenceStart | Event::SequenceEnd => "a list",
            Event::MappingStart | Event::MappingEnd => "a map",
            Event::Document | Event::Alias => "something else",
        }
    }

    /// True where a nested value begins.
    pub(super) fn opens(self) -> bool {
        matches!(self, Event::SequenceStart | Event::MappingStart)
    }

    /// True where a nested value ends.
    pub(super) fn closes(self) -> bool {
        matches!(self, Event::SequenceEnd | Event::MappingEnd)
    }

    /// True for an unquoted null.
    pub(super) fn is_null(self) -> bool {
        matches!(self, Event::Scalar { text, plain: true } if crate::helm::scalar::is_null(text))
    }
}

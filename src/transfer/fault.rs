//! Why a version did not arrive.

use crate::report::Action;
use crate::target::TargetFault;
use crate::types::{Class, Reason};

/// The end of a version: what the report says of it.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    /// `Failed` (another run may succeed), `Refused` (not as the input stands) or `Drifted` (the tag is taken).
    pub(crate) action: Action,
    /// Why.
    pub(crate) reason: Reason,
}

impl Fault {
    /// The input will not do as it stands.
    pub(crate) fn refused(code: &'static str, text: impl Into<String>) -> Self {
        Self {
            action: Action::Refused,
            reason: Reason::new(code, text),
        }
    }

    /// An error of another module, under a code of the report.
    pub(crate) fn failed(code: &'static str, class: Class, error: &dyn std::error::Error) -> Self {
        let action = match class {
            Class::Integrity | Class::Refused => Action::Refused,
            _ => Action::Failed,
        };
        Self {
            action,
            reason: Reason::new(code, chain(error)),
        }
    }

    /// A target did not do what it was asked. A taken tag is a conflict, not a failure.
    pub(crate) fn of_target(fault: &TargetFault) -> Self {
        let mut made = Self::failed(fault.code(), fault.class(), fault);
        if fault.is_conflict() {
            made.action = Action::Drifted;
        }
        made
    }

    /// The tag is wanted by, or names, another manifest. Nothing is overwritten.
    pub(crate) fn conflict(text: String) -> Self {
        Self {
            action: Action::Drifted,
            reason: Reason::new("conflict", text),
        }
    }
}

/// An error and its causes in one sentence; a cause that the sentence already tells is left out.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    text
}

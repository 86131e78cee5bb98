//! What can be told to somebody outside, and where: the words of `[[notify]]`, for the check of the configuration and for
//! the service alike.

mod template;
mod webhook;

pub use template::{PLACEHOLDERS, Template, TemplateError};
pub use webhook::{WebhookUrl, WebhookUrlError};

/// What somebody wants to be told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Event {
    /// The runs of a mirror begin to fail, or fail in another way than before.
    Failure,
    /// A version has other bytes at the source than in the registry, or two parties claim it.
    Drift,
    /// The first success after a failure.
    Recovery,
}

impl Event {
    /// All of them, the worst first.
    pub const ALL: [Self; 3] = [Self::Failure, Self::Drift, Self::Recovery];

    /// The word in the configuration and in notifications.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Failure => "failure",
            Self::Drift => "drift",
            Self::Recovery => "recovery",
        }
    }

    /// The event of this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.as_str() == word)
    }
}

//! Why a cloud gave no login. Secrets are in none of these; foreign text is escaped and cut where they are made.

use std::path::PathBuf;

/// Why a cloud gave no login, or did not do what was asked with one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CloudError {
    /// It was meant to log in and has nothing to do so with.
    #[error(
        "{vendor} was to log in here and nothing is there to log in with: {trail}; set up one of these, or take `cloud` out of the `[[host]]`"
    )]
    Nothing {
        /// The cloud.
        vendor: &'static str,
        /// What was looked for.
        trail: String,
    },
    /// A repository was to be created and nothing is there to do so with.
    #[error("{vendor}: no keys to create repositories with: {trail}; set up one of these")]
    NoKeys {
        /// The cloud.
        vendor: &'static str,
        /// What was looked for.
        trail: String,
    },
    /// Something that belongs to a way is missing or makes no sense.
    #[error("{way}: {what}")]
    Setting {
        /// Which way of logging in.
        way: String,
        /// What is wrong, and what to do.
        what: String,
    },
    /// A file that belongs to a way cannot be used.
    #[error("{way}: `{}` {what}", .path.display())]
    File {
        /// Which way of logging in.
        way: String,
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        what: String,
    },
    /// A service did not answer.
    #[error("{way}: {why}")]
    Network {
        /// Which way of logging in.
        way: String,
        /// What happened.
        why: String,
    },
    /// A service refused.
    #[error("{way}: `{url}` answered {status}{}{said}{advice}", if said.is_empty() { "" } else { ": " })]
    Refused {
        /// Which way of logging in.
        way: String,
        /// Who.
        url: String,
        /// Its status.
        status: u16,
        /// Its words.
        said: String,
        /// What to do, with `; ` in front, or nothing.
        advice: String,
    },
    /// A service answered with something else.
    #[error("{way}: cannot make sense of the answer of `{url}`: {why}")]
    Answer {
        /// Which way of logging in.
        way: String,
        /// Who.
        url: String,
        /// What is wrong.
        why: String,
    },
}

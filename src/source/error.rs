//! What can go wrong with a source.

use std::io;
use std::path::PathBuf;

use http::StatusCode;

use super::urls::UrlError;
use crate::helm::index::IndexError;
use crate::layout::LayoutError;
use crate::net::{NetError, is_transient};
use crate::payload::SpoolError;
use crate::types::{ByteSize, Class};

/// Why a source did not give what was asked of it. URLs in it are masked.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The source as the user wrote it cannot be one.
    #[error("`{}` cannot be a source: {why}", .text.escape_debug())]
    Spec {
        /// What was written, secrets masked.
        text: String,
        /// What is wrong.
        why: String,
    },
    /// No answer.
    #[error(transparent)]
    Net(#[from] NetError),
    /// An answer that is not 200.
    #[error("`{url}` answers {status}{}", advice(*.status, .what))]
    Status {
        /// What was asked for: `index`, `package` or `provenance file`.
        what: &'static str,
        /// The URL.
        url: String,
        /// The answer.
        status: StatusCode,
    },
    /// Not the bytes that the server announced.
    #[error("`{url}` sent {got} of {announced} bytes")]
    Length {
        /// The URL.
        url: String,
        /// By `Content-Length`.
        announced: u64,
        /// Received.
        got: u64,
    },
    /// Too many bytes.
    #[error("`{url}` is larger than {}, which is the limit `{key}`", ByteSize(*.limit))]
    TooLarge {
        /// The URL or file.
        url: String,
        /// The limit.
        limit: u64,
        /// Its name in the configuration.
        key: &'static str,
    },
    /// The index cannot be read.
    #[error("the index `{url}` cannot be used: {error}")]
    Index {
        /// The URL or file.
        url: String,
        /// What is wrong with it.
        error: IndexError,
    },
    /// The entry lists no URL.
    #[error("the index gives no URL for it")]
    NoUrl,
    /// A URL of the entry cannot be used.
    #[error("the URL `{url}` of the index cannot be used: {error}")]
    Url {
        /// The URL.
        url: String,
        /// Why.
        error: UrlError,
    },
    /// Neither on disk nor to be fetched.
    #[error("`{url}` is not in the folder `{}`", .folder.display())]
    NotInFolder {
        /// The URL of the index.
        url: String,
        /// The folder.
        folder: PathBuf,
    },
    /// A link that leads out of the folder.
    #[error("`{}` leads out of the folder `{}`; it is not followed", .path.display(), .folder.display())]
    Outside {
        /// The file.
        path: PathBuf,
        /// The folder.
        folder: PathBuf,
    },
    /// None of several URLs gave the package. The kind is that of the last.
    #[error("none of the {} URLs works: {}", .errors.len(), join(.errors))]
    All {
        /// One for each URL.
        errors: Vec<SourceError>,
    },
    /// The package is in a registry or layout, from which it is copied, not fetched.
    #[error("`{0}` is copied, not fetched")]
    Copied(String),
    /// What a layout stores is no chart.
    #[error("`{name}` in the layout cannot be used: {why}")]
    Artifact {
        /// Digest of the manifest.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// The layout.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// The disk on our side.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// The disk of the source.
    #[error("cannot read `{}`: {source}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A worker thread ended early.
    #[error("reading the source was cut off: {0}")]
    Task(String),
}

fn advice(status: StatusCode, what: &str) -> &'static str {
    match (status.as_u16(), what) {
        (401, _) => {
            "; the source wants other credentials: `--source-username` with a password, or a login in its `[[host]]`"
        }
        (403, _) => "; the source does not let us read it",
        (404 | 410, "index") => "; is that the URL of a Helm repository?",
        (404 | 410, _) => "; it is gone from the source",
        (304, _) => ", though nothing was said of an earlier answer",
        _ => "",
    }
}

fn join(errors: &[SourceError]) -> String {
    errors
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("; ")
}

impl SourceError {
    /// The kind of failure.
    pub fn class(&self) -> Class {
        match self {
            Self::Net(error) => error.class(),
            Self::Status { status, .. } => status_class(*status),
            Self::Length { .. } => Class::Retry,
            Self::Index { error, .. } => error.class(),
            Self::Layout(error) => error.class(),
            Self::All { errors } => Self::common(errors),
            Self::NotInFolder { .. } => Class::NotFound,
            Self::Spec { .. } => Class::Config,
            Self::TooLarge { .. }
            | Self::Url { .. }
            | Self::Outside { .. }
            | Self::Spool(SpoolError::TooLarge { .. }) => Class::Refused,
            Self::Artifact { .. } => Class::Integrity,
            Self::NoUrl | Self::Copied(_) | Self::Spool(_) | Self::Io { .. } | Self::Task(_) => {
                Class::Permanent
            }
        }
    }

    /// If one of several may work later, the whole may.
    fn common(errors: &[Self]) -> Class {
        let mut classes = errors.iter().map(Self::class);
        let last = errors.last().map_or(Class::Permanent, Self::class);
        if classes.any(Class::is_transient) {
            Class::Retry
        } else {
            last
        }
    }

    /// Stable code for reports.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Net(error) => error.code(),
            Self::Status { status, .. } => match status.as_u16() {
                401 | 403 => "source-denied",
                404 | 410 => "source-gone",
                429 => "rate-limited",
                _ => "source-status",
            },
            Self::Length { .. } => "cut-off",
            Self::TooLarge { .. } => "too-large",
            Self::Index { .. } => "bad-index",
            Self::NoUrl => "no-url",
            Self::Url { .. } | Self::Outside { .. } => "bad-url",
            Self::NotInFolder { .. } => "source-gone",
            Self::All { errors } => errors.last().map_or("no-url", Self::code),
            Self::Copied(_) | Self::Artifact { .. } => "bad-artifact",
            Self::Layout(_) => "layout",
            Self::Spec { .. } => "config",
            Self::Spool(_) | Self::Io { .. } | Self::Task(_) => "local-read",
        }
    }
}

fn status_class(status: StatusCode) -> Class {
    match status.as_u16() {
        401 | 403 => Class::Auth,
        404 | 410 => Class::NotFound,
        _ if is_transient(status) => Class::Retry,
        _ => Class::Permanent,
    }
}

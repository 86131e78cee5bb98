//! What can be wrong with the folder or the file in which a mirror's state is.

use std::io;
use std::path::{Path, PathBuf};

use crate::report::{Problem, ProblemKind};
use crate::types::{Class, Reason};

/// Why a state cannot be used. A file that is merely broken is none of these: it is set aside and built anew.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// A link could lead to a folder or file that others write.
    #[error("`{}` is a symbolic link, which is not followed; name the place that it leads to as `state_dir`", .path.display())]
    Link {
        /// The link.
        path: PathBuf,
    },
    /// A file stands where the folder should be.
    #[error("`{}` is not a folder; name another one as `state_dir`", .path.display())]
    NotAFolder {
        /// What is there.
        path: PathBuf,
    },
    /// Another process runs this mirror.
    #[error("the mirror `{}` is already running: another process holds `{}`; wait for it to end", .mirror.escape_debug(), .path.display())]
    Busy {
        /// The mirror.
        mirror: Box<str>,
        /// The locked file.
        path: PathBuf,
    },
    /// Another service works with the folder.
    #[error("another service works with this state folder and holds `{}`; give each its own `state_dir`, or wait for the other to end", .path.display())]
    Served {
        /// The locked file.
        path: PathBuf,
    },
    /// A later release wrote it.
    #[error(
        "`{}` has the format `{}`, this release knows up to `{known}`; use the release that wrote it, or remove the file to begin anew",
        .path.display(), .found.escape_debug()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The format it names.
        found: Box<str>,
        /// The newest format that is known.
        known: &'static str,
    },
    /// It belongs to another mirror, source or target (reliability B64).
    #[error(
        "`{}` remembers the {what} `{}`, but the mirror now has `{}`; give it another `name`, or remove the file to begin anew",
        .path.display(), .recorded.escape_debug(), .wanted.escape_debug()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// `mirror`, `source` or `targets`.
        what: &'static str,
        /// What the file says.
        recorded: Box<str>,
        /// What the settings say.
        wanted: Box<str>,
    },
    /// The system refused.
    #[error("cannot {action} `{}`: {error}; name a writable folder as `state_dir`", .path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said. It is in the text, so it is no `source`: chains of causes would tell it twice.
        error: io::Error,
    },
    /// The system refused to write what is to be remembered: the last state that was saved stays.
    #[error("cannot save `{}`: {error}; the next run finds out again what this one did", .path.display())]
    Unsaved {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

impl StateError {
    /// The kind of failure.
    pub fn class(&self) -> Class {
        match self {
            Self::Busy { .. } | Self::Served { .. } => Class::Retry,
            Self::Unsaved { .. } => Class::Permanent,
            Self::Link { .. }
            | Self::NotAFolder { .. }
            | Self::Newer { .. }
            | Self::Foreign { .. }
            | Self::Io { .. } => Class::Config,
        }
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Busy { .. } | Self::Served { .. } => "already-running",
            Self::Unsaved { .. } => "state-unsaved",
            Self::Newer { .. } => "state-newer",
            Self::Foreign { .. } => "state-foreign",
            Self::Link { .. } | Self::NotAFolder { .. } | Self::Io { .. } => "state-unusable",
        }
    }

    /// What keeps the mirror from running: exit code 75 if another process does run it, 1 otherwise.
    pub fn problem(&self) -> Problem {
        Problem {
            kind: match self {
                Self::Busy { .. } | Self::Served { .. } => ProblemKind::AlreadyRunning,
                _ => ProblemKind::Config,
            },
            reason: Reason::new(self.code(), self.to_string()),
        }
    }
}

/// For `map_err`: `action` on `path` failed.
pub(super) fn io<E: Into<io::Error>>(action: &'static str, path: &Path) -> impl Fn(E) -> StateError {
    move |error| StateError::Io {
        action,
        path: path.to_path_buf(),
        error: error.into(),
    }
}

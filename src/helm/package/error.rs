//! Why a package is refused.

use std::io;

use crate::types::Class;

/// A package that no supported Helm pushes, or that is beyond our own limits.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// No gzip header in front.
    #[error("the package is not gzip: it begins with `{}`", .start.escape_ascii())]
    NotGzip {
        /// The first bytes.
        start: Vec<u8>,
    },
    /// Gzip or tar cannot be read.
    #[error("the archive `{}` is damaged: {source}", .archive.escape_debug())]
    Archive {
        /// `package` or the path of the subchart.
        archive: String,
        /// What was found.
        source: io::Error,
    },
    /// Both Helm 3.22.0 and Helm 4.3.1 refuse it for the same reason.
    #[error("`{}`: {problem}; no Helm can push this package", .file.escape_debug())]
    Refused {
        /// Path of the file or subchart.
        file: String,
        /// What Helm has against it.
        problem: String,
    },
    /// Helm 3.22.0 and Helm 4.3.1 refuse it for different reasons.
    #[error("Helm 3.22.0 refuses it ({helm3}), Helm 4.3.1 too ({helm4})")]
    RefusedByBoth {
        /// The reason of the first.
        helm3: String,
        /// The reason of the second.
        helm4: String,
    },
    /// Helm might take it, chartferry protects itself.
    #[error("`{}`: {what} is over the limit of {limit}", .file.escape_debug())]
    Limit {
        /// Where.
        file: String,
        /// What is too much.
        what: &'static str,
        /// The limit.
        limit: &'static str,
    },
}

impl PackageError {
    /// The kind of failure.
    pub fn class(&self) -> Class {
        match self {
            Self::NotGzip { .. } | Self::Archive { .. } => Class::Integrity,
            Self::Refused { .. } | Self::RefusedByBoth { .. } => Class::Permanent,
            Self::Limit { .. } => Class::Refused,
        }
    }

    pub(super) fn refused(file: impl Into<String>, problem: impl std::fmt::Display) -> Self {
        Self::Refused {
            file: file.into(),
            problem: format!("{problem}"),
        }
    }
}

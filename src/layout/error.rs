//! What can go wrong with an image layout.

use std::io;
use std::path::PathBuf;

use crate::payload::SpoolError;
use crate::types::{Class, Digest};

/// Why a layout could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    /// There is no layout.
    #[error("`{}` is no OCI image layout: it has no file `oci-layout`", .dir.display())]
    Absent {
        /// The folder.
        dir: PathBuf,
    },
    /// A folder with other things in it is not turned into a layout.
    #[error(
        "`{}` is not empty and no OCI image layout; name an empty or new folder for it", .dir.display()
    )]
    Foreign {
        /// The folder.
        dir: PathBuf,
    },
    /// Another process writes to it.
    #[error("`{}` is being written by another process; wait for it to end", .dir.display())]
    Busy {
        /// The folder.
        dir: PathBuf,
    },
    /// It was opened for reading.
    #[error("`{}` was opened for reading only", .dir.display())]
    ReadOnly {
        /// The folder.
        dir: PathBuf,
    },
    /// A part of it leads out of the folder.
    #[error("`{}` is a link that leads out of the layout; it is not followed", .path.display())]
    Escapes {
        /// The link.
        path: PathBuf,
    },
    /// A file of it is not what the image-spec says.
    #[error("`{}` cannot be read as a part of an OCI image layout: {why}", .path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A blob is not there.
    #[error("`{}` has no blob `{digest}`", .dir.display())]
    NoBlob {
        /// The folder.
        dir: PathBuf,
        /// The blob.
        digest: Digest,
    },
    /// A manifest names a blob that is not there, or not with that size.
    #[error("the manifest for `{}` cannot be stored: its blob `{digest}` is not in the layout", .name.escape_debug())]
    Incomplete {
        /// `<repository>:<tag>`.
        name: String,
        /// The blob.
        digest: Digest,
    },
    /// Bytes are not those of the digest.
    #[error("the bytes {place} are `{found}` ({size} bytes), not `{expected}`")]
    Corrupt {
        /// Where: "given for a blob" or the file.
        place: String,
        /// What the digest should be.
        expected: Digest,
        /// What it is.
        found: Digest,
        /// How many bytes there are.
        size: u64,
    },
    /// The tag names another manifest.
    #[error("`{}` names `{existing}` already; it is not replaced by `{offered}`", .name.escape_debug())]
    TagTaken {
        /// `<repository>:<tag>`.
        name: String,
        /// What it names.
        existing: Digest,
        /// What it was to name.
        offered: Digest,
    },
    /// The system refused.
    #[error("cannot {action} `{}`: {source}", .path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The bytes could not be taken in.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// A worker thread ended early.
    #[error("work on the layout was cut off: {0}")]
    Task(String),
}

impl LayoutError {
    /// The kind of failure.
    pub fn class(&self) -> Class {
        match self {
            Self::Absent { .. } | Self::NoBlob { .. } => Class::NotFound,
            Self::Foreign { .. } | Self::ReadOnly { .. } => Class::Config,
            Self::Busy { .. } => Class::Retry,
            Self::Escapes { .. } | Self::TagTaken { .. } | Self::Spool(SpoolError::TooLarge { .. }) => {
                Class::Refused
            }
            Self::Malformed { .. } | Self::Incomplete { .. } | Self::Corrupt { .. } => Class::Integrity,
            Self::Io { .. } | Self::Spool(SpoolError::Disk { .. }) | Self::Task(_) => Class::Permanent,
        }
    }
}

/// For `map_err`: `action` on `path` failed.
pub(super) fn io<'a>(
    action: &'static str,
    path: &'a std::path::Path,
) -> impl Fn(io::Error) -> LayoutError + 'a {
    move |source| LayoutError::Io {
        action,
        path: path.to_path_buf(),
        source,
    }
}

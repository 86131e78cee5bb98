//! What is found where the provenance file of a package should be.

use bytes::Bytes;

use crate::helm::provenance::ClearSigned;

/// The provenance file of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProvenanceFile {
    /// There is none (404, 410).
    None,
    /// The server does not let us read it (403), as object stores answer for what they do not have.
    Forbidden,
    /// There is something else: an error page with status 200, say (helm-oci-format 11, item 15).
    NotSigned {
        /// What is wrong with it.
        why: String,
    },
    /// A clear-signed file, to be carried byte for byte.
    Signed(Bytes),
}

impl ProvenanceFile {
    /// Looks at the whole file.
    pub(super) fn of(bytes: Bytes) -> Self {
        match ClearSigned::scan(&bytes) {
            Ok(_) => Self::Signed(bytes),
            Err(error) => Self::NotSigned {
                why: error.to_string(),
            },
        }
    }

    /// Of two places where it may be, what to believe: a file rather than something else, something else rather than
    /// nothing.
    pub(super) fn or(self, other: Self) -> Self {
        let rank = |file: &Self| match file {
            Self::None => 0,
            Self::Forbidden => 1,
            Self::NotSigned { .. } => 2,
            Self::Signed(_) => 3,
        };
        if rank(&other) > rank(&self) { other } else { self }
    }
}

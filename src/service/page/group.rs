//! Where a mirror stands on the page: one group each, the worst first.

use super::icon::Icon;
use crate::service::view::{Health, MirrorView};

/// A mirror is in the first of these that is true of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// Its runs fail.
    Failing,
    /// It works, but versions need attention.
    Trouble,
    /// A run goes on.
    Running,
    /// It has not run yet.
    Waiting,
    /// All in place.
    Good,
}

impl Group {
    /// The worst first.
    pub(super) const ALL: [Self; 5] = [
        Self::Failing,
        Self::Trouble,
        Self::Running,
        Self::Waiting,
        Self::Good,
    ];

    /// Of this mirror.
    pub(super) fn of(mirror: &MirrorView) -> Self {
        match mirror.health() {
            Health::Failing => Self::Failing,
            Health::Trouble => Self::Trouble,
            _ if mirror.running.is_some() => Self::Running,
            Health::Unknown => Self::Waiting,
            Health::Good => Self::Good,
        }
    }

    /// In addresses, and as class of the style.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Failing => "failing",
            Self::Trouble => "trouble",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Good => "good",
        }
    }

    /// As said of a mirror.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Failing => "Failing",
            Self::Trouble => "Needs attention",
            Self::Running => "Running",
            Self::Waiting => "Has not run yet",
            Self::Good => "In place",
        }
    }

    pub(super) fn icon(self) -> Icon {
        match self {
            Self::Failing => Icon::Cross,
            Self::Trouble => Icon::Triangle,
            Self::Running => Icon::Arrow,
            Self::Waiting => Icon::Ring,
            Self::Good => Icon::Check,
        }
    }
}

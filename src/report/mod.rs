//! The result of a run as data. Exit code, table, JSON, Markdown, map and metrics all derive from it.
//!
//! `chartferry.report/v1` is a promise to programs: fields are added, never renamed or removed, within v1.
//!
//! | module | says |
//! |---|---|
//! | [`RunReport`] | what happened to every version at every target |
//! | [`account`] | whether the report lost an entry of the index |
//! | [`exit`] | the exit code |
//! | [`json`], [`schema`] | everything, for programs |
//! | [`text`] | the summary, or the plan, for a terminal |
//! | [`markdown`] | the summary for a job page or a pull request |
//! | [`Memoir`] | what a mirror knows beyond this run |
//! | [`map`] | old names to new references, for rewriting |

pub mod account;
#[cfg(test)]
mod documented;
pub mod exit;
mod item;
pub mod json;
pub mod map;
pub mod markdown;
mod memoir;
mod plain;
mod run_report;
#[cfg(test)]
mod sample;
pub mod schema;
pub mod text;
mod totals;
mod traffic;
mod words;

pub use exit::{ExitStatus, ExitZeroOn};
pub use item::{Action, Details, DigestCheck, Item, Provenance};
pub use memoir::{Memoir, RunSummary, Trouble};
pub use plain::plain;
pub use run_report::{
    Command, DriftPolicy, MirrorReport, Problem, ProblemKind, RepositoryNote, RepositoryState, RunReport,
    SCHEMA, Signal, TargetReport,
};
pub(crate) use text::paragraph;
pub use totals::Totals;
pub use traffic::HostTraffic;
pub(crate) use words::{count, duration};

//! The service: every mirror on its schedule, for months.
//!
//! `view` is what it knows, `desk` the seam between those who work and those who answer over HTTP, `lease` says which of several
//! replicas works.

pub mod desk;
pub mod lease;
pub mod view;

//! The service: every mirror on its schedule, for months.
//!
//! `view` is what it knows, `desk` the seam between those who work and those who answer over HTTP.

pub mod desk;
pub mod metrics;
pub mod notify;
pub mod view;

//! The service: every mirror on its schedule, for months.
//!
//! `view` is what it knows, `desk` the seam between those who work and those who answer over HTTP. `http` answers, with the
//! pages of `page` and the JSON of `api`, which are renderings of the view and know nothing of HTTP. `lease` says which of
//! several replicas works.

pub mod api;
pub mod desk;
pub mod filter;
pub mod http;
pub mod lease;
pub mod metrics;
pub mod notify;
pub mod page;
pub mod view;

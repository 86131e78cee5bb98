//! chartferry moves Helm charts from classic repositories into OCI registries.

pub mod cli;
pub mod helm;
pub mod payload;
pub mod progress;
pub mod report;
pub mod types;

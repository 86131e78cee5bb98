//! chartferry moves Helm charts from classic repositories into OCI registries.

pub mod helm;
pub mod payload;
pub mod plan;
pub mod report;
pub mod types;

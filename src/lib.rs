//! chartferry moves Helm charts from classic repositories into OCI registries.

pub mod artifact;
pub mod helm;
pub mod payload;
pub mod report;
pub mod types;

//! chartferry moves Helm charts from classic repositories into OCI registries.

pub mod config;
pub mod helm;
pub mod net;
pub mod payload;
pub mod plan;
pub mod registry;
pub mod report;
pub mod secret;
pub mod types;

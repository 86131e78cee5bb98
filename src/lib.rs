//! chartferry moves Helm charts from classic repositories into OCI registries.

pub mod cli;
pub mod config;
pub mod helm;
pub mod layout;
pub mod net;
pub mod payload;
pub mod progress;
pub mod report;
pub mod secret;
pub mod types;

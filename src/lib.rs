//! chartferry moves Helm charts from classic repositories into OCI registries.

pub mod artifact;
pub mod cli;
pub mod config;
pub mod helm;
pub mod layout;
pub mod net;
pub mod payload;
pub mod plan;
pub mod progress;
pub mod registry;
pub mod report;
pub mod run;
pub mod secret;
pub mod source;
pub mod target;
pub mod transfer;
pub mod types;

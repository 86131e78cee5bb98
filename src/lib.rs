//! chartferry moves Helm charts from classic repositories into OCI registries.

pub mod artifact;
pub mod helm;
pub mod layout;
pub mod net;
pub mod payload;
pub mod plan;
pub mod report;
pub mod source;
pub mod types;

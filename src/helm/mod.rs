//! The formats of Helm: pure functions over bytes, without I/O of their own, runtime or clock.
mod number;
mod sanitise;
mod sanitise_table;
mod tar;

pub mod index;
pub(crate) mod json;
pub mod manifest;
pub mod metadata;
pub mod package;
pub mod provenance;
pub mod range;
pub(crate) mod scalar;
pub mod version;
pub(crate) mod yaml;

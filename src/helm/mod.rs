//! The formats of Helm: pure functions over bytes, without I/O of their own, runtime or clock.

pub mod index;
pub(crate) mod json;
pub mod metadata;
mod number;
pub mod package;
pub mod provenance;
pub mod range;
mod sanitise;
mod sanitise_table;
pub(crate) mod scalar;
mod tar;
pub mod version;
pub(crate) mod yaml;

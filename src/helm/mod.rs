//! The formats of Helm: pure functions over bytes, without I/O of their own, runtime or clock.

pub(crate) mod json;
pub mod metadata;
mod number;
pub mod package;
mod sanitise;
mod sanitise_table;
mod tar;
pub mod version;
pub(crate) mod yaml;

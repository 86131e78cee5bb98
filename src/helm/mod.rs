//! The formats of Helm: pure functions over bytes, without I/O of their own, runtime or clock.

pub mod index;
pub mod range;
pub(crate) mod scalar;
pub mod provenance;
pub mod version;

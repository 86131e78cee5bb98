//! The formats of Helm: pure functions over bytes, without I/O of their own, runtime or clock.

pub mod range;
pub mod version;

//! The command line: the only place that prints.

pub mod logging;
pub mod progress;

//! All integration tests, as one binary that links once. Each module is about one thing; `support` holds what they share.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking, and a skip must be seen; clippy.toml reaches only the test functions themselves"
)]
#![allow(
    dead_code,
    reason = "`support` is a toolbox: not every tool is in use at every time"
)]

mod architecture;
mod config;
mod copies;
mod corpus;
mod rivals;
mod support;
mod vectors;
mod workshop;

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

mod addresses;
mod architecture;
mod auth;
mod config;
mod corpus;
mod helm_users;
mod live_helm;
mod support;
mod tls;
mod vectors;
mod workshop;

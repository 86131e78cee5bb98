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
mod airgap;
mod architecture;
mod auth;
mod cli;
#[cfg(target_os = "linux")]
mod cluster;
mod config;
mod conformance;
mod copies;
mod corpus;
mod counts;
mod deploy;
mod doctor;
mod drift;
mod faults;
mod helm_users;
mod live_helm;
mod live_ranges;
mod login;
mod metrics;
mod migrate;
mod profiles;
mod provenance;
mod proxies;
mod readme;
mod resume;
mod rivals;
mod rules;
mod service;
mod service_http;
mod shard;
mod shutdown;
mod state;
mod support;
mod targets;
mod tls;
mod vectors;
mod verify;
mod workshop;

//! The client against a small registry in the same process.

mod auth;
mod fake;
mod manifests;
mod reading;
mod renewals;
mod standing;
mod uploads;

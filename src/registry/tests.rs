//! The client against a small registry in the same process.

mod auth;
mod fake;
mod indexed;
mod manifests;
mod reading;
mod standing;
mod uploads;

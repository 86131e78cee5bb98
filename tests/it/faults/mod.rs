//! What must hold while everything around it breaks (reliability 5.4): every test is named after its line there, and every run
//! of every test is held against the invariants of reliability 5.3 by [`scene`].
//!
//! Runs go through the library, so that a retry waits milliseconds; where the process itself is the matter, the binary runs.

mod change;
mod conflict;
mod connection;
mod index;
mod invariants;
mod login;
mod machine;
mod pace;
mod packages;
mod repositories;
mod scene;
mod slow;
mod statuses;
mod tags;
mod uploads;

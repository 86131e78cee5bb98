//! The rules: one by one, all orders of events, and how long a takeover takes.

mod explorer;
mod explorer_world;
mod rules;
mod takeover;

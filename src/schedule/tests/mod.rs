//! What is read, when it comes, and what the clockwork makes of clocks that jump.

mod clocks;
mod dialect;
mod oracle;
mod periods;
mod zones;

use chrono::{DateTime, SecondsFormat, Utc};

use super::{Schedule, Zone};

/// A moment in RFC 3339.
fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn zone(name: &str) -> Zone {
    name.parse().unwrap()
}

fn cron(text: &str, zone_name: &str) -> Schedule {
    Schedule::cron(text, zone(zone_name)).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// The next moments after `after`, in UTC.
fn moments(schedule: &Schedule, after: &str, count: usize) -> Vec<String> {
    let moments = schedule.occurrences(at(after)).take(count);
    moments
        .map(|at| at.to_rfc3339_opts(SecondsFormat::AutoSi, true))
        .collect()
}

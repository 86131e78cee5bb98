//! Limits of requests: so many of a kind within one second, then 429 (registries rule 16). They count real seconds, since a client
//! waits for real.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};

use super::super::server::{Answer, Kind};
use super::api::error;

/// A limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rate {
    pub(crate) kind: Kind,
    pub(crate) per_second: usize,
}

/// What a 429 says about when to come again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RetryAfter {
    None,
    Seconds,
    HttpDate,
    PastDate,
    Garbage,
    Huge,
}

impl RetryAfter {
    fn value(self) -> Option<String> {
        let date = |time: DateTime<Utc>| Some(time.format("%a, %d %b %Y %H:%M:%S GMT").to_string());
        match self {
            Self::None => None,
            Self::Seconds => Some("1".to_owned()),
            Self::HttpDate => date(Utc::now() + TimeDelta::seconds(1)),
            Self::PastDate => date(Utc::now() - TimeDelta::days(365)),
            Self::Garbage => Some("soon".to_owned()),
            Self::Huge => Some("1000000000000".to_owned()),
        }
    }
}

/// What was let through lately.
#[derive(Debug, Default)]
pub(super) struct Meter(Mutex<VecDeque<(Kind, Instant)>>);

impl Meter {
    /// The refusal, where there were too many.
    pub(super) fn refuse(&self, rates: &[Rate], retry_after: RetryAfter, kind: Kind) -> Option<Answer> {
        let rate = rates.iter().find(|rate| rate.kind == kind)?;
        let mut seen = self.0.lock().unwrap();
        let now = Instant::now();
        seen.retain(|(_, at)| now.duration_since(*at) < Duration::from_secs(1));
        let lately = seen.iter().filter(|(known, _)| *known == kind).count();
        if lately < rate.per_second {
            seen.push_back((kind, now));
            return None;
        }
        let answer = error(429, "TOOMANYREQUESTS", "Rate exceeded");
        Some(match retry_after.value() {
            Some(value) => answer.header("retry-after", value),
            None => answer,
        })
    }
}

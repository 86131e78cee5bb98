//! Counts of what was sent, by host.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{Method, StatusCode};

/// Names of hosts come from indexes: those beyond this number are counted together.
const MOST_HOSTS: usize = 512;

/// The name under which the rest is counted.
const OTHERS: &str = "other hosts";

/// Requests to one host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Traffic {
    /// `host:port`.
    pub host: String,
    /// Requests sent, repetitions and redirects included.
    pub requests: u64,
    /// Requests that repeated an earlier one.
    pub retries: u64,
    /// Time spent waiting because the host asked for it, summed over requests.
    pub throttled: Duration,
    /// Bytes sent in bodies.
    pub bytes_sent: u64,
    /// Bytes received in bodies, after unpacking.
    pub bytes_received: u64,
    /// Requests by method and status, e.g. `GET 200`; `GET error` where no answer came.
    pub by_status: BTreeMap<String, u64>,
}

/// The counters of one host.
#[derive(Default)]
pub(super) struct Counters {
    requests: AtomicU64,
    retries: AtomicU64,
    throttled_ms: AtomicU64,
    sent: AtomicU64,
    received: AtomicU64,
    by_status: Mutex<HashMap<(Method, Option<StatusCode>), u64>>,
    /// Those of the whole process, where these are a run's.
    whole: Option<Arc<Counters>>,
}

impl Counters {
    pub(super) fn request(&self, method: &Method, status: Option<StatusCode>, repeated: bool) {
        self.requests.fetch_add(1, Relaxed);
        self.retries.fetch_add(u64::from(repeated), Relaxed);
        let mut by_status = self.by_status.lock().unwrap_or_else(PoisonError::into_inner);
        *by_status.entry((method.clone(), status)).or_default() += 1;
        drop(by_status);
        if let Some(whole) = &self.whole {
            whole.request(method, status, repeated);
        }
    }

    pub(super) fn throttled(&self, wait: Duration) {
        let millis = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        self.add(millis, |counters| &counters.throttled_ms);
    }

    pub(super) fn sent(&self, bytes: usize) {
        self.add(bytes as u64, |counters| &counters.sent);
    }

    pub(super) fn received(&self, bytes: usize) {
        self.add(bytes as u64, |counters| &counters.received);
    }

    fn add(&self, number: u64, counter: impl Fn(&Self) -> &AtomicU64) {
        counter(self).fetch_add(number, Relaxed);
        if let Some(whole) = &self.whole {
            counter(whole).fetch_add(number, Relaxed);
        }
    }

    fn snapshot(&self, host: &str) -> Traffic {
        let by_status = self.by_status.lock().unwrap_or_else(PoisonError::into_inner);
        let name = |(method, status): &(Method, Option<StatusCode>)| match status {
            Some(status) => format!("{method} {}", status.as_u16()),
            None => format!("{method} error"),
        };
        Traffic {
            host: host.to_owned(),
            requests: self.requests.load(Relaxed),
            retries: self.retries.load(Relaxed),
            throttled: Duration::from_millis(self.throttled_ms.load(Relaxed)),
            bytes_sent: self.sent.load(Relaxed),
            bytes_received: self.received.load(Relaxed),
            by_status: by_status.iter().map(|(key, count)| (name(key), *count)).collect(),
        }
    }
}

/// The counters of all hosts, of a run or of the process.
#[derive(Default)]
pub(super) struct Ledger {
    hosts: Mutex<BTreeMap<String, Arc<Counters>>>,
    /// That of the process, where this is a run's.
    whole: Option<Arc<Ledger>>,
}

impl Ledger {
    /// A ledger of its own; what is counted in it counts here too.
    pub(super) fn part(self: &Arc<Self>) -> Self {
        Self {
            hosts: Mutex::default(),
            whole: Some(Arc::clone(self.whole.as_ref().unwrap_or(self))),
        }
    }

    pub(super) fn host(&self, authority: &str) -> Arc<Counters> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(counters) = hosts.get(authority) {
            return Arc::clone(counters);
        }
        let key = if hosts.len() < MOST_HOSTS {
            authority
        } else {
            OTHERS
        };
        let counters = hosts.entry(key.to_owned()).or_insert_with(|| {
            Arc::new(Counters {
                whole: self.whole.as_ref().map(|whole| whole.host(authority)),
                ..Counters::default()
            })
        });
        Arc::clone(counters)
    }

    pub(super) fn snapshot(&self) -> Vec<Traffic> {
        let hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        hosts
            .iter()
            .map(|(host, counters)| counters.snapshot(host))
            .collect()
    }
}

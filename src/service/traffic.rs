//! Requests since the start of the service, by host. A reload of other hosts makes a new network that counts anew, so what
//! its forerunners counted is added.

use std::collections::{BTreeMap, VecDeque};

use crate::net::{self, Net};
use crate::report::HostTraffic;

/// Networks that runs may still be using; older ones are added up and forgotten.
const OLDER: usize = 4;
/// Hosts that are kept of those. Names of hosts come from indexes, which could have ever new ones.
const HOSTS: usize = 512;

/// What former networks counted.
#[derive(Default)]
pub(super) struct Traffic {
    older: VecDeque<Net>,
    sum: BTreeMap<String, HostTraffic>,
}

impl Traffic {
    /// A network is replaced. Runs that go on still use it.
    pub(super) fn retire(&mut self, net: Net) {
        self.older.push_back(net);
        if self.older.len() > OLDER
            && let Some(oldest) = self.older.pop_front()
        {
            add(&mut self.sum, &oldest);
        }
    }

    /// All that was counted, by host.
    pub(super) fn with(&self, net: &Net) -> Vec<HostTraffic> {
        let mut sum = self.sum.clone();
        for net in self.older.iter().chain([net]) {
            add(&mut sum, net);
        }
        sum.into_values().collect()
    }
}

fn add(sum: &mut BTreeMap<String, HostTraffic>, net: &Net) {
    for traffic in net.traffic() {
        let net::Traffic {
            host,
            requests,
            retries,
            throttled,
            bytes_sent,
            bytes_received,
            by_status,
        } = traffic;
        if sum.len() >= HOSTS && !sum.contains_key(&host) {
            continue;
        }
        let entry = sum.entry(host.clone()).or_insert_with(|| HostTraffic {
            host,
            ..HostTraffic::default()
        });
        entry.requests += requests;
        entry.retries += retries;
        entry.throttled_ms += u64::try_from(throttled.as_millis()).unwrap_or(u64::MAX);
        entry.bytes_sent += bytes_sent;
        entry.bytes_received += bytes_received;
        for (status, count) in by_status {
            *entry.by_status.entry(status).or_default() += count;
        }
    }
}

//! What is remembered of each host: its settings, its pace and its traffic.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use url::Url;

use super::options::HostOptions;
use super::pace::Pace;

/// Hosts named by an index are foreign data, so their number is bounded; those beyond share one pace.
const MOST_HOSTS: usize = 512;

/// `host:port` as it is shown.
pub(super) fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port_or_known_default() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// The pace of every host.
#[derive(Default)]
pub(super) struct Paces {
    known: Mutex<HashMap<String, Arc<Pace>>>,
}

impl Paces {
    pub(super) fn get(
        &self,
        authority: &str,
        options: Option<&HostOptions>,
        first_pause: Duration,
    ) -> Arc<Pace> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pace) = known.get(authority) {
            return Arc::clone(pace);
        }
        let key = if known.len() < MOST_HOSTS { authority } else { "" };
        let new = || {
            Arc::new(Pace::new(
                options.and_then(|o| o.max_connections),
                options.and_then(|o| o.requests_per_second),
                first_pause,
            ))
        };
        Arc::clone(known.entry(key.to_owned()).or_insert_with(new))
    }
}

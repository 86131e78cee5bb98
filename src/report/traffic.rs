//! What a run asked of each host.

use schemars::JsonSchema;
use serde::Serialize;

/// Requests to one host in a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct HostTraffic {
    /// `host:port`.
    pub host: String,
    /// Requests sent, retries included.
    pub requests: u64,
    /// Requests that repeated an earlier one.
    pub retries: u64,
    /// Time spent waiting because the host asked for it or answered 429 or 503, in milliseconds, summed over requests.
    pub throttled_ms: u64,
    /// Bytes sent in bodies.
    pub bytes_sent: u64,
    /// Bytes received in bodies.
    pub bytes_received: u64,
    /// Requests by method and status, e.g. `GET 200`; `GET error` where no answer came.
    pub by_status: std::collections::BTreeMap<String, u64>,
}

//! How many connections the process can hold open: each takes a file descriptor, and where those run out nothing works
//! any more, the report included (reliability F39).

use rustix::process::{Resource, getrlimit};

/// Descriptors for all that is no connection: standard streams, the runtime's own, files.
const OTHERS: u64 = 12;

/// Hosts that are usually asked at the same time: a source, the host of its packages, a registry.
const HOSTS: u64 = 3;

/// The most connections to one host.
pub(super) fn per_host() -> usize {
    getrlimit(Resource::Nofile).current.map_or(usize::MAX, share)
}

fn share(limit: u64) -> usize {
    let connections = limit.saturating_sub(OTHERS) / HOSTS;
    usize::try_from(connections).unwrap_or(usize::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_is_shared_and_nobody_goes_without() {
        assert_eq!([0, 16, 32, 1024].map(share), [1, 1, 6, 337]);
    }
}

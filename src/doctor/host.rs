//! The way to a host: its name, its addresses, its clock.

use std::net::SocketAddr;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use url::Url;

use super::check::{Checks, names};
use crate::net::{Net, NetError};
use crate::report::duration;

/// Clocks that differ by more than this many seconds are worth a word: some services take a token for 60 s only, and
/// give it a start that lies in the future of a clock that is behind.
const APART: i64 = 10;

/// Names with more addresses have them all alike.
const MOST_ADDRESSES: usize = 8;

/// Resolves and connects. False if nothing gets there.
pub(super) async fn reach(net: &Net, url: &Url, checks: &mut Checks) -> bool {
    if let Some(proxy) = net.proxy(url) {
        let why = format!(
            "requests go through the proxy `{proxy}` of the environment, which looks names up by itself"
        );
        checks.skip(&["name", "connection"], &why);
        return true;
    }
    let mut addresses = match net.addresses(url).await {
        Ok(addresses) => addresses,
        Err(error) => {
            // What the resolver knows of no address for, the error tells what to do about.
            let advice = match error {
                NetError::Dns { passing: false, .. } => "",
                _ => "; check the resolver of this machine",
            };
            checks.fail("name", format!("{error}{advice}"));
            checks.skip(&["connection"], "the name has no address");
            return false;
        }
    };
    let host = url.host_str().unwrap_or_default();
    if url.domain().is_none() {
        checks.ok("name", format!("`{host}` is an address"));
    } else {
        let ips = addresses.iter().map(SocketAddr::ip);
        checks.ok("name", format!("`{host}` is at {}", names(ips, MOST_ADDRESSES)));
    }
    addresses.truncate(MOST_ADDRESSES);
    let tries = addresses
        .into_iter()
        .map(|address| async move { (address, net.connect(url, address).await) });
    connection(join_all(tries).await, checks)
}

fn connection(tries: Vec<(SocketAddr, Result<Duration, NetError>)>, checks: &mut Checks) -> bool {
    let mut good = Vec::new();
    let mut bad = Vec::new();
    for (address, outcome) in tries {
        match outcome {
            Ok(took) => good.push((address, took)),
            Err(error) => bad.push((address, error)),
        }
    }
    match (good.as_slice(), bad.as_slice()) {
        ([], []) => {
            checks.fail("connection", "there is no address to connect to");
            false
        }
        ([], [(_, error), ..]) => {
            checks.fail("connection", format!("{error}; check host, port and firewalls"));
            false
        }
        ([(address, took), ..], []) => {
            let took = duration(u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
            checks.ok("connection", format!("`{address}` answers after {took}"));
            true
        }
        ([(address, _), ..], [(other, error), ..]) => {
            checks.warn(
                "connection",
                format!(
                    "`{address}` answers, but {} of {} addresses do not: `{other}`: {error}; whoever tries that one first has to wait",
                    bad.len(),
                    bad.len() + good.len()
                ),
            );
            true
        }
    }
}

/// Compares the clock of a server, from its header `Date`, with ours.
pub(super) fn clock(date: Option<&str>, now: DateTime<Utc>, checks: &mut Checks) {
    let Some(theirs) = date.and_then(|text| DateTime::parse_from_rfc2822(text).ok()) else {
        checks.skip(&["clock"], "the server does not say what time it is (`Date`)");
        return;
    };
    let ahead = now.signed_duration_since(theirs).num_seconds();
    if ahead.abs() <= APART {
        // The header has whole seconds, cut: less is not told apart.
        checks.ok("clock", format!("within {APART} s of the server's"));
        return;
    }
    let side = if ahead > 0 { "ahead of" } else { "behind" };
    checks.warn(
        "clock",
        format!(
            "this machine's clock is {} s {side} the server's; tokens and certificates are valid by the clock: synchronise it",
            ahead.abs()
        ),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::check::Status;

    #[test]
    fn clocks_are_compared() {
        let now = DateTime::parse_from_rfc3339("2025-06-15T15:06:40Z")
            .unwrap()
            .to_utc();
        for (date, status, part) in [
            (Some("Sun, 15 Jun 2025 15:06:40 GMT"), Status::Ok, "within"),
            (Some("Sun, 15 Jun 2025 15:06:31 GMT"), Status::Ok, "within"),
            (
                Some("Sun, 15 Jun 2025 15:06:10 GMT"),
                Status::Warning,
                "30 s ahead of",
            ),
            (
                Some("Sun, 15 Jun 2025 15:16:40 GMT"),
                Status::Warning,
                "600 s behind",
            ),
            (Some("yesterday"), Status::Skipped, "Date"),
            (None, Status::Skipped, "Date"),
        ] {
            let mut checks = Checks::default();
            clock(date, now, &mut checks);
            let check = checks.done().remove(0);
            assert_eq!(check.status, status, "{date:?}");
            assert!(check.text.contains(part), "{}", check.text);
        }
    }

    #[test]
    fn one_address_that_works_is_a_way() {
        let at = |ip: &str| -> SocketAddr { format!("{ip}:443").parse().unwrap() };
        let refused = || {
            Err(NetError::Connect {
                host: "r.io:443".into(),
                url: "https://r.io/".into(),
                why: "refused".into(),
            })
        };
        let took = || Ok(Duration::from_millis(3));
        for (tries, way, status) in [
            (vec![(at("10.0.0.1"), took())], true, Status::Ok),
            (
                vec![(at("10.0.0.1"), refused()), (at("10.0.0.2"), took())],
                true,
                Status::Warning,
            ),
            (vec![(at("10.0.0.1"), refused())], false, Status::Failure),
            (vec![], false, Status::Failure),
        ] {
            let mut checks = Checks::default();
            assert_eq!(connection(tries, &mut checks), way);
            assert_eq!(checks.done()[0].status, status);
        }
    }
}

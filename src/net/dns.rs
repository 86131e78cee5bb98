//! The resolver that checks every address before it is connected to.
//!
//! The addresses that it hands out are the ones that the connection uses, so a name that changes between check and
//! use (DNS rebinding, reliability A08) gains nothing.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::Url;

use super::guard::{Policy, Zone, zone};
use super::{NetError, redact};

/// How long the resolver may take: less than a connection may, so that its failure is not taken for the host's.
const PATIENCE: Duration = Duration::from_secs(8);

/// How the resolvers of glibc, musl and macOS say that they know of no address, which asking again does not change. What
/// else they say may pass (reliability F20).
const NOTHING: [&str; 5] = [
    "Name or service not known",
    "No address associated with hostname",
    "Name does not resolve",
    "Name has no usable address",
    "nodename nor servname provided, or not known",
];

/// What the names of configured hosts resolved to first. It stays, so that a source on the internet cannot widen
/// what it may lead to by changing its own name's address.
#[derive(Debug, Default)]
pub(super) struct Zones {
    known: Mutex<HashMap<String, Zone>>,
}

impl Zones {
    pub(super) fn get(&self, name: &str) -> Option<Zone> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(name).copied()
    }

    fn learn(&self, name: &str, addresses: &[SocketAddr]) -> Zone {
        // The most public of its addresses tells how far the name reaches.
        let seen = addresses
            .iter()
            .map(|a| zone(a.ip()))
            .min()
            .unwrap_or(Zone::Public);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        *known.entry(name.to_owned()).or_insert(seen)
    }

    /// The zone of a configured host, asking the resolver only the first time. Unknown names count as public.
    pub(super) async fn find(&self, name: &str) -> Zone {
        if let Some(zone) = self.get(name) {
            return zone;
        }
        match lookup(name).await {
            Ok(addresses) => self.learn(name, &addresses),
            Err(_) => Zone::Public,
        }
    }
}

/// Whose addresses are handed out.
pub(super) enum Access {
    /// Configured hosts: any address.
    Home(Arc<Zones>),
    /// Everybody else: what the policy allows. The proxies of the environment are the user's own.
    Checked { policy: Policy, proxies: Vec<String> },
}

impl Resolve for Access {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_owned();
        match self {
            Self::Home(zones) => {
                let zones = Arc::clone(zones);
                Box::pin(async move {
                    let addresses = lookup(&host).await?;
                    zones.learn(&host, &addresses);
                    Ok(Box::new(addresses.into_iter()) as Addrs)
                })
            }
            Self::Checked { policy, proxies } => {
                let policy = (!proxies.contains(&host)).then(|| policy.clone());
                Box::pin(async move {
                    let addresses = lookup(&host).await?;
                    // One forbidden address condemns the name: half of an answer is no better than a trap.
                    if let Some(policy) = policy
                        && let Some(bad) = addresses.iter().find(|a| !policy.allows(a.ip()))
                    {
                        return Err(ResolveError::Refused {
                            host,
                            address: bad.ip(),
                        }
                        .into());
                    }
                    Ok(Box::new(addresses.into_iter()) as Addrs)
                })
            }
        }
    }
}

pub(super) async fn lookup(host: &str) -> Result<Vec<SocketAddr>, ResolveError> {
    let failed = |why: String, passing| ResolveError::Failed {
        host: host.to_owned(),
        why,
        passing,
    };
    let found: Vec<SocketAddr> =
        match tokio::time::timeout(PATIENCE, tokio::net::lookup_host((host, 0))).await {
            Ok(Ok(found)) => found.collect(),
            Ok(Err(error)) => {
                let why = error.to_string();
                let why = why.rsplit_once(": ").map_or(why.as_str(), |(_, last)| last);
                return Err(failed(why.to_owned(), !NOTHING.contains(&why)));
            }
            Err(_) => {
                let why = format!("no answer within {} s", PATIENCE.as_secs());
                return Err(failed(why, true));
            }
        };
    if found.is_empty() {
        return Err(failed("the name has no address".to_owned(), false));
    }
    Ok(found)
}

/// Why a name gives no address.
#[derive(Debug, thiserror::Error)]
pub(super) enum ResolveError {
    #[error("`{host}` resolves to {address}")]
    Refused { host: String, address: IpAddr },
    #[error("cannot resolve `{host}`: {why}")]
    Failed {
        host: String,
        why: String,
        /// The resolver is in trouble; else it knows that there is nothing.
        passing: bool,
    },
}

impl ResolveError {
    pub(super) fn to_net_error(&self, url: &Url) -> NetError {
        match self {
            Self::Refused { host, address } => NetError::Address {
                url: redact(url),
                host: host.clone(),
                address: address.to_string(),
                zone: zone(*address),
            },
            Self::Failed { host, why, passing } => NetError::Dns {
                host: host.clone(),
                why: why.clone(),
                passing: *passing,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_answer_decides_how_far_a_source_may_lead() {
        let zones = Zones::default();
        let at = |ip: &str| vec![SocketAddr::new(ip.parse().unwrap(), 0)];
        assert_eq!(zones.learn("charts.example", &at("8.8.8.8")), Zone::Public);
        assert_eq!(zones.learn("charts.example", &at("10.0.0.1")), Zone::Public);
        let both = [at("10.0.0.1"), at("8.8.8.8")].concat();
        assert_eq!(zones.learn("mixed.example", &both), Zone::Public);
        assert_eq!(zones.learn("corp.example", &at("10.0.0.1")), Zone::Private);
    }

    #[tokio::test]
    async fn names_of_loopback_are_refused() {
        let policy = Policy {
            private: true,
            rules: Arc::new([]),
        };
        let checked = Access::Checked {
            policy,
            proxies: Vec::new(),
        };
        let error = checked.resolve("localhost".parse().unwrap()).await.err().unwrap();
        assert!(
            error
                .downcast_ref::<ResolveError>()
                .is_some_and(|e| matches!(e, ResolveError::Refused { .. }))
        );
        let home = Access::Home(Arc::new(Zones::default()));
        assert!(home.resolve("localhost".parse().unwrap()).await.is_ok());
    }
}

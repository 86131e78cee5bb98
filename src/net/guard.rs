//! Which addresses may be reached (product.md 4 "Network"; reliability 4.2 and A01 to A16).
//!
//! Names and URLs come from indexes, redirects, registries and token services, so they are foreign data. The
//! rules: a public source may not lead to private addresses; one that is itself on a private address may; loopback,
//! link-local and metadata addresses need `allow_private` unless they are the configured host itself.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;
use std::sync::Arc;

use url::{Host, Url};

use crate::types::RegistryHost;

/// How far an address reaches. The order is that of caution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Zone {
    /// The internet.
    Public,
    /// RFC 1918, carrier-grade NAT, unique local addresses and their kin.
    Private,
    /// Loopback, link-local, cloud metadata, multicast and what is no host at all.
    Local,
}

/// The zone of an address, looking into addresses that carry another one (v4-mapped, NAT64, 6to4, Teredo).
pub fn zone(ip: IpAddr) -> Zone {
    match ip {
        IpAddr::V4(ip) => zone4(ip),
        IpAddr::V6(ip) => zone6(ip),
    }
}

/// Metadata services that hide in ranges of another kind: Alibaba, Azure, Oracle.
const METADATA4: [Ipv4Addr; 3] = [
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(168, 63, 129, 16),
    Ipv4Addr::new(192, 0, 0, 192),
];

/// The metadata service of AWS over IPv6, inside the unique local range.
const METADATA6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

fn zone4(ip: Ipv4Addr) -> Zone {
    let [first, second, third, _] = ip.octets();
    if METADATA4.contains(&ip) {
        return Zone::Local;
    }
    match (first, second, third) {
        (0 | 127 | 224.., ..) | (169, 254, _) => Zone::Local,
        (10, ..) | (172, 16..=31, _) | (192, 168, _) | (100, 64..=127, _)
        // Protocol assignments, benchmarks and documentation: no host of the internet either.
        | (192, 0, 0 | 2) | (198, 18..=19, _) | (198, 51, 100) | (203, 0, 113) => Zone::Private,
        _ => Zone::Public,
    }
}

fn zone6(ip: Ipv6Addr) -> Zone {
    let segments = ip.segments();
    let embedded = |high: u16, low: u16| zone4(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)));
    if ip == METADATA6 {
        return Zone::Local;
    }
    match segments {
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => embedded(high, low),
        [0x64, 0xff9b, 1, .., high, low] => Zone::Private.max(embedded(high, low)),
        [0x2001, 0, .., high, low] => embedded(!high, !low),
        [0xfe80..=0xfebf | 0xff00..=0xffff, ..] => Zone::Local,
        [0xfc00..=0xfdff | 0xfec0..=0xfeff, ..] | [0x2001, 0xdb8, ..] | [0x100, 0, 0, 0, ..] => Zone::Private,
        _ => Zone::Public,
    }
}

/// The zone that a name has by itself, for where no address can be asked for (behind a proxy, reliability A10).
pub(super) fn zone_of_name(name: &str) -> Zone {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let local = [
        "localhost",
        "metadata.google.internal",
        "metadata",
        "instance-data",
    ];
    if local.contains(&name.as_str()) || name.ends_with(".localhost") {
        Zone::Local
    } else {
        Zone::Public
    }
}

/// An entry of `allow_private`: a host name, an address or a range.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum AddressRule {
    /// This host name, whatever it resolves to.
    Host(Box<str>),
    /// Addresses whose first `bits` bits are those of `base`.
    Range {
        /// The network.
        base: IpAddr,
        /// Length of the prefix.
        bits: u8,
    },
}

/// The text is no entry for `allow_private`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is neither a host name nor an address nor a range like `10.0.0.0/8`", .0.escape_debug())]
pub struct AddressRuleError(String);

impl FromStr for AddressRule {
    type Err = AddressRuleError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || AddressRuleError(text.chars().take(300).collect());
        let address = text.trim_start_matches('[').trim_end_matches(']');
        if let Ok(base) = address.parse::<IpAddr>() {
            let bits = if base.is_ipv4() { 32 } else { 128 };
            return Ok(Self::Range { base, bits });
        }
        if let Some((base, bits)) = text.split_once('/') {
            let base: IpAddr = base.parse().map_err(|_| error())?;
            let bits: u8 = bits.parse().map_err(|_| error())?;
            let most = if base.is_ipv4() { 32 } else { 128 };
            return if bits <= most {
                Ok(Self::Range { base, bits })
            } else {
                Err(error())
            };
        }
        match Host::parse(text) {
            Ok(Host::Domain(name)) if !text.contains([':', '*', '@']) => Ok(Self::Host(name.into())),
            _ => Err(error()),
        }
    }
}

impl AddressRule {
    fn holds(&self, ip: IpAddr) -> bool {
        let Self::Range { base, bits } = self else {
            return false;
        };
        match (base, ip.to_canonical()) {
            (IpAddr::V4(base), IpAddr::V4(ip)) => {
                let shift = 32 - u32::from(*bits);
                u32::from(*base).checked_shr(shift) == u32::from(ip).checked_shr(shift)
            }
            (IpAddr::V6(base), IpAddr::V6(ip)) => {
                let shift = 128 - u32::from(*bits);
                u128::from(*base).checked_shr(shift) == u128::from(ip).checked_shr(shift)
            }
            _ => false,
        }
    }

    /// Whether this rule is the host name `name`.
    pub(super) fn is_host(&self, name: &str) -> bool {
        matches!(self, Self::Host(host) if host.eq_ignore_ascii_case(name))
    }
}

/// What addresses are checked against. Equal policies share their connections.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Policy {
    /// Private addresses are fine, since the source itself is on one.
    pub(super) private: bool,
    /// What is allowed besides.
    pub(super) rules: Arc<[AddressRule]>,
}

impl Policy {
    pub(super) fn allows(&self, ip: IpAddr) -> bool {
        match zone(ip) {
            Zone::Public => true,
            Zone::Private if self.private => true,
            _ => self.rules.iter().any(|rule| rule.holds(ip)),
        }
    }
}

/// On whose behalf a request is sent: the host that the user configured, or nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressGuard {
    home: Option<Arc<Home>>,
    /// The home is a metadata service, asked without a proxy and given little time.
    metadata: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Home {
    pub(super) host: Host<String>,
    port: Option<u16>,
    /// Any port will do: a registry's token service often is a second port of the same host (reliability A28).
    any_port: bool,
    /// For looking up the settings of the configured host.
    pub(super) url: Url,
}

impl AddressGuard {
    /// For requests that a configured source leads to. Only the very host and port are beyond the rules.
    pub fn source(url: &Url) -> Self {
        Self::with_home(url, false)
    }

    /// For requests that a configured registry leads to: its own host is beyond the rules on any port.
    pub fn registry(host: &RegistryHost, plain_http: bool) -> Self {
        let scheme = if plain_http { "http" } else { "https" };
        match Url::parse(&format!("{scheme}://{}/", host.api_host())) {
            Ok(url) => Self::with_home(&url, true),
            Err(_) => Self::strict(),
        }
    }

    /// For requests that nobody configured, such as the URLs of an index in a folder.
    pub fn strict() -> Self {
        Self {
            home: None,
            metadata: false,
        }
    }

    /// For requests of our own to the metadata service of the cloud that we run in, and to nothing but this host and
    /// port. It is on this machine or beside it: no proxy stands between, and one that does not answer at once is
    /// not there. Never for a URL that somebody else names.
    pub fn metadata(url: &Url) -> Self {
        Self {
            metadata: true,
            ..Self::with_home(url, false)
        }
    }

    fn with_home(url: &Url, any_port: bool) -> Self {
        let home = url.host().map(|host| {
            Arc::new(Home {
                host: host.to_owned(),
                port: url.port_or_known_default(),
                any_port,
                url: url.clone(),
            })
        });
        Self {
            home,
            metadata: false,
        }
    }

    pub(super) fn is_metadata(&self) -> bool {
        self.metadata
    }

    pub(super) fn home(&self) -> Option<&Home> {
        self.home.as_deref()
    }
}

impl Home {
    /// Whether `url` is the configured host itself.
    pub(super) fn is(&self, url: &Url) -> bool {
        url.host().map(|host| host.to_owned()) == Some(self.host.clone())
            && (self.any_port || url.port_or_known_default() == self.port)
    }
}

/// The address in a host, if it is one.
pub(super) fn literal(host: &Host<impl AsRef<str>>) -> Option<IpAddr> {
    match host {
        Host::Domain(_) => None,
        Host::Ipv4(ip) => Some((*ip).into()),
        Host::Ipv6(ip) => Some((*ip).into()),
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Public => "public",
            Self::Private => "private",
            Self::Local => "loopback, link-local or metadata",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Zone {
        zone(text.parse().unwrap())
    }

    #[test]
    fn addresses_fall_into_zones() {
        for text in [
            "127.0.0.1",
            "127.8.8.8",
            "0.0.0.0",
            "169.254.169.254",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "2002:7f00:1::",
            "fd00:ec2::254",
            "100.100.100.200",
            "168.63.129.16",
            "64:ff9b:1::7f00:1",
            "2001:0:1::80ff:fffe",
            "::ffff:0:127.0.0.1",
        ] {
            assert_eq!(of(text), Zone::Local, "{text}");
        }
        for text in [
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "fc00::1",
            "fd12::1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "198.18.0.1",
            "fec0::1",
            "64:ff9b:1::808:808",
        ] {
            assert_eq!(of(text), Zone::Private, "{text}");
        }
        for text in [
            "8.8.8.8",
            "172.32.0.1",
            "100.128.0.1",
            "2606:4700::1111",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
        ] {
            assert_eq!(of(text), Zone::Public, "{text}");
        }
    }

    #[test]
    fn odd_forms_of_v4_are_seen_through() {
        for text in ["0x7f000001", "017700000001", "2130706433", "127.1", "0x7f.1"] {
            let url = Url::parse(&format!("http://{text}/")).unwrap();
            assert_eq!(
                url.host().and_then(|h| literal(&h)).map(zone),
                Some(Zone::Local),
                "{text}"
            );
        }
    }

    #[test]
    fn rules_allow_ranges_and_hosts() {
        let rules: Vec<AddressRule> = ["10.1.0.0/16", "::1", "charts.corp"]
            .map(|t| t.parse().unwrap())
            .into();
        let policy = Policy {
            private: false,
            rules: rules.into(),
        };
        for (ip, allowed) in [
            ("10.1.2.3", true),
            ("::ffff:10.1.2.3", true),
            ("10.2.0.1", false),
            ("::1", true),
            ("127.0.0.1", false),
            ("1.1.1.1", true),
        ] {
            assert_eq!(policy.allows(ip.parse().unwrap()), allowed, "{ip}");
        }
        assert!(policy.rules[2].is_host("Charts.corp"));
        let all: AddressRule = "0.0.0.0/0".parse().unwrap();
        assert!(all.holds("127.0.0.1".parse().unwrap()));
        for bad in ["", "10.0.0.0/33", "10.0.0/8", "a b", "*.corp", "h:80", "u@h"] {
            assert!(bad.parse::<AddressRule>().is_err(), "{bad}");
        }
    }

    #[test]
    fn only_the_configured_host_itself_is_home() {
        let guard = AddressGuard::source(&Url::parse("http://localhost:8080/charts").unwrap());
        let home = |guard: &AddressGuard, url: &str| guard.home().unwrap().is(&Url::parse(url).unwrap());
        assert!(home(&guard, "http://localhost:8080/other"));
        assert!(!home(&guard, "http://localhost:2379/"));
        let guard = AddressGuard::registry(&RegistryHost::new("127.0.0.1:5000").unwrap(), true);
        assert!(home(&guard, "http://127.0.0.1:5001/token"));
        assert!(!home(&guard, "http://127.0.0.2:5000/token"));
    }
}

//! Proxies of the environment: `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, in either case.
//!
//! Read here and not by the client, since the address rules and the error messages must know when one stands
//! between. As in Go, and so in Helm, loopback hosts are always reached directly.

use std::net::IpAddr;

use url::{Host, Url};

use super::guard::literal;
use super::{NetError, redact_text};

/// The proxies in use.
#[derive(Debug, Clone, Default)]
pub(super) struct Proxies {
    http: Option<Url>,
    https: Option<Url>,
    except: Vec<Except>,
}

#[derive(Debug, Clone)]
enum Except {
    All,
    Range { base: IpAddr, bits: u8 },
    Name { suffix: String, port: Option<u16> },
}

/// What the client can use. It goes around all others, without a word.
const SCHEMES: [&str; 6] = ["http", "https", "socks4", "socks4a", "socks5", "socks5h"];

impl Proxies {
    /// Those of the environment, which `get` reads.
    pub(super) fn from_env(get: impl Fn(&str) -> Option<String>) -> Result<Self, NetError> {
        let either = |name: &str| {
            let names = [name.to_ascii_lowercase(), name.to_owned()];
            names.into_iter().find_map(|name| Some((get(&name)?, name)))
        };
        // As for curl, a variable that is set to nothing means none.
        let proxy = |name: &str| {
            either(name)
                .or_else(|| either("ALL_PROXY"))
                .filter(|(value, _)| !value.trim().is_empty())
                .map(|(value, name)| parse(&value, name))
                .transpose()
        };
        let list = either("NO_PROXY").map_or_else(String::new, |(list, _)| list);
        Ok(Self {
            http: proxy("HTTP_PROXY")?,
            https: proxy("HTTPS_PROXY")?,
            except: list.split([',', ' ', '\t']).filter_map(exception).collect(),
        })
    }

    /// The proxy for `url`, if one stands between.
    pub(super) fn of(&self, url: &Url) -> Option<&Url> {
        let proxy = if url.scheme() == "http" {
            &self.http
        } else {
            &self.https
        };
        proxy.as_ref().filter(|_| !self.is_excepted(url))
    }

    /// Whether a proxy looks up the address of `url` for us. `socks4` and `socks5` get addresses, which our own resolver
    /// found and checked.
    pub(super) fn resolve(&self, url: &Url) -> bool {
        self.of(url)
            .is_some_and(|proxy| !matches!(proxy.scheme(), "socks4" | "socks5"))
    }

    /// The names of the proxies.
    pub(super) fn names(&self) -> Vec<String> {
        let hosts = [&self.http, &self.https];
        hosts
            .into_iter()
            .flatten()
            .filter_map(|url| url.host_str().map(str::to_owned))
            .collect()
    }

    fn is_excepted(&self, url: &Url) -> bool {
        let Some(host) = url.host() else { return true };
        let ip = literal(&host);
        if matches!(host, Host::Domain("localhost")) || ip.is_some_and(|ip| ip.is_loopback()) {
            return true;
        }
        let (name, own_port) = (host.to_string(), url.port_or_known_default());
        self.except.iter().any(|except| match except {
            Except::All => true,
            Except::Range { base, bits } => ip.is_some_and(|ip| in_range(*base, *bits, ip)),
            Except::Name { suffix, port } => {
                let fits =
                    name == *suffix || name.strip_suffix(suffix).is_some_and(|rest| rest.ends_with('.'));
                fits && (port.is_none() || *port == own_port)
            }
        })
    }
}

fn parse(text: &str, variable: String) -> Result<Url, NetError> {
    let text = text.trim();
    let whole = if text.contains("://") {
        text.to_owned()
    } else {
        format!("http://{text}")
    };
    let why = match Url::parse(&whole) {
        Ok(url) if !SCHEMES.contains(&url.scheme()) => {
            "only http, https, socks4, socks4a, socks5 and socks5h proxies are known"
        }
        // The client reads it once more, by rules of its own.
        Ok(url) if url.has_host() && url.as_str().parse::<http::Uri>().is_ok() => return Ok(url),
        _ => "it is no URL like `http://proxy.example:3128`",
    };
    Err(NetError::ProxySetting {
        variable,
        value: redact_text(&whole),
        why,
    })
}

fn exception(text: &str) -> Option<Except> {
    let text = text.trim();
    if text == "*" {
        return Some(Except::All);
    }
    if let Some((base, bits)) = text.split_once('/') {
        return Some(Except::Range {
            base: base.parse().ok()?,
            bits: bits.parse().ok()?,
        });
    }
    if let Ok(base) = text.trim_matches(['[', ']']).parse() {
        return Some(Except::Range { base, bits: 128 });
    }
    let (name, port) = match text.rsplit_once(':') {
        Some((name, port)) => (name, Some(port.parse().ok()?)),
        None => (text, None),
    };
    let suffix = name
        .trim_start_matches("*.")
        .trim_start_matches('.')
        .to_ascii_lowercase();
    (!suffix.is_empty()).then_some(Except::Name { suffix, port })
}

fn in_range(base: IpAddr, bits: u8, ip: IpAddr) -> bool {
    let (base, ip, width) = match (base, ip.to_canonical()) {
        (IpAddr::V4(base), IpAddr::V4(ip)) => (u128::from(u32::from(base)), u128::from(u32::from(ip)), 32),
        (IpAddr::V6(base), IpAddr::V6(ip)) => (base.into(), ip.into(), 128),
        _ => return false,
    };
    let shift = u32::saturating_sub(width, u32::from(bits));
    base.checked_shr(shift) == ip.checked_shr(shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(vars: &[(&str, &str)]) -> Result<Proxies, NetError> {
        Proxies::from_env(|name| {
            vars.iter()
                .find(|(n, _)| *n == name)
                .map(|(_, v)| (*v).to_owned())
        })
    }

    fn proxies(vars: &[(&str, &str)]) -> Proxies {
        read(vars).unwrap()
    }

    #[test]
    fn exceptions_go_direct() {
        let all = proxies(&[
            ("https_proxy", "proxy.corp:3128"),
            (
                "NO_PROXY",
                ".corp, 10.0.0.0/8,r.io:5000, [fd00::1], *.lan 192.0.2.7:8080,fd12::/16, *x",
            ),
        ]);
        for (url, proxied) in [
            ("https://charts.example/", true),
            ("http://charts.example/", false),
            ("https://a.corp/", false),
            ("https://A.CORP/", false),
            ("https://corp/", false),
            ("https://acorp/", true),
            ("https://10.2.3.4/", false),
            ("https://11.2.3.4/", true),
            ("https://10.corp.example/", true),
            ("https://r.io:5000/", false),
            ("https://r.io/", true),
            ("https://[fd00::1]/", false),
            ("https://[fd12:34::1]/", false),
            ("https://[fd13::1]/", true),
            ("https://192.0.2.7:8080/", false),
            ("https://192.0.2.7/", true),
            ("https://x.lan/", false),
            ("https://localhost:1/", false),
            ("https://127.0.0.1/", false),
            ("https://[::1]/", false),
        ] {
            assert_eq!(all.of(&Url::parse(url).unwrap()).is_some(), proxied, "{url}");
        }
        assert_eq!(all.names(), ["proxy.corp"]);
        assert!(
            proxies(&[("ALL_PROXY", "socks5://p:1"), ("NO_PROXY", "*")])
                .of(&Url::parse("http://a/").unwrap())
                .is_none()
        );
    }

    #[test]
    fn the_closest_variable_counts() {
        let vars = [
            ("HTTP_PROXY", "http://upper:1"),
            ("http_proxy", "http://lower:1"),
            ("all_proxy", "socks5h://rest:1"),
        ];
        let all = proxies(&vars);
        let of = |url: &str| {
            all.of(&Url::parse(url).unwrap())
                .and_then(|proxy| proxy.host_str().map(str::to_owned))
        };
        assert_eq!(of("http://a.example/").as_deref(), Some("lower"));
        assert_eq!(of("https://a.example/").as_deref(), Some("rest"));
        let all = proxies(&[
            ("http_proxy", ""),
            ("HTTP_PROXY", "http://upper:1"),
            ("ALL_PROXY", "http://rest:1"),
        ]);
        assert!(all.of(&Url::parse("http://a.example/").unwrap()).is_none());
    }

    #[test]
    fn a_proxy_that_cannot_be_used_is_not_passed_by() {
        for (value, shown) in [
            ("ftp://u:s3cr3t@proxy:1", "only http"),
            ("socks://proxy:1", "only http"),
            ("http://", "no URL"),
            ("http://u:s3cr3t@:1", "no URL"),
            ("http://proxy:99999", "no URL"),
            ("pro xy", "no URL"),
        ] {
            let error = read(&[("HTTPS_PROXY", value)]).unwrap_err();
            let text = error.to_string();
            assert!(
                text.contains(shown) && text.contains("`HTTPS_PROXY`"),
                "{value}: {text}"
            );
            assert!(!text.contains("s3cr3t"), "{text}");
            assert_eq!(error.class(), crate::types::Class::Config);
        }
    }

    #[test]
    fn only_some_proxies_resolve_names() {
        for (proxy, resolves) in [
            ("http://p:1", true),
            ("https://p:1", true),
            ("socks5h://p:1", true),
            ("socks4a://p:1", true),
            ("socks5://p:1", false),
            ("socks4://p:1", false),
        ] {
            let all = proxies(&[("ALL_PROXY", proxy)]);
            assert_eq!(
                all.resolve(&Url::parse("http://a.example/").unwrap()),
                resolves,
                "{proxy}"
            );
        }
    }
}

//! Proxies of the environment: `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, in either case.
//!
//! Read here and not by the client, since the address rules and the error messages must know when one stands
//! between. As in Go, and so in Helm, loopback hosts are always reached directly.

use std::net::IpAddr;

use url::{Host, Url};

use super::guard::literal;

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

impl Proxies {
    /// Those of the environment, which `get` reads.
    pub(super) fn from_env(get: impl Fn(&str) -> Option<String>) -> Self {
        let either = |name: &str| {
            let value = get(&name.to_ascii_lowercase()).or_else(|| get(name));
            value.filter(|value| !value.trim().is_empty())
        };
        let proxy = |name: &str| {
            either(name)
                .or_else(|| either("ALL_PROXY"))
                .and_then(|text| parse(&text))
        };
        Self {
            http: proxy("HTTP_PROXY"),
            https: proxy("HTTPS_PROXY"),
            except: either("NO_PROXY")
                .map(|list| list.split(',').filter_map(exception).collect())
                .unwrap_or_default(),
        }
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

fn parse(text: &str) -> Option<Url> {
    let text = text.trim();
    let url = if text.contains("://") {
        Url::parse(text)
    } else {
        Url::parse(&format!("http://{text}"))
    };
    match url {
        Ok(url) if url.has_host() => Some(url),
        _ => {
            tracing::warn!("the proxy in the environment is no URL and is not used");
            None
        }
    }
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

    fn proxies(vars: &[(&str, &str)]) -> Proxies {
        Proxies::from_env(|name| {
            vars.iter()
                .find(|(n, _)| *n == name)
                .map(|(_, v)| (*v).to_owned())
        })
    }

    #[test]
    fn exceptions_go_direct() {
        let all = proxies(&[
            ("https_proxy", "proxy.corp:3128"),
            ("NO_PROXY", ".corp, 10.0.0.0/8,r.io:5000, [fd00::1], *.lan"),
        ]);
        for (url, proxied) in [
            ("https://charts.example/", true),
            ("http://charts.example/", false),
            ("https://a.corp/", false),
            ("https://corp/", false),
            ("https://acorp/", true),
            ("https://10.2.3.4/", false),
            ("https://r.io:5000/", false),
            ("https://r.io/", true),
            ("https://[fd00::1]/", false),
            ("https://x.lan/", false),
            ("https://localhost:1/", false),
            ("https://127.0.0.1/", false),
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
}

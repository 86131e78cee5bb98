//! Whether a URL may be asked at all, before a connection is thought of. Names are checked again by the resolver when
//! they are connected to; addresses in URLs never see the resolver and are checked here.

use std::sync::Arc;

use url::{Host, Url};

use super::client::Reach;
use super::guard::{AddressGuard, AddressRule, Home, Policy, Zone, literal, zone, zone_of_name};
use super::send::Net;
use super::{NetError, redact};

/// Longer URLs are nobody's (reliability B35).
const LONGEST_URL: usize = 8 << 10;

impl Net {
    /// How `url` may be reached on behalf of `guard`.
    pub(super) async fn admit(&self, guard: &AddressGuard, url: &Url) -> Result<Reach, NetError> {
        let host = check_form(url)?;
        let home = guard.home();
        if home.is_some_and(|home| home.is(url)) {
            return Ok(if guard.is_metadata() {
                Reach::Metadata
            } else {
                Reach::Home
            });
        }
        let rules = self.rules(home);
        if let Host::Domain(name) = &host
            && rules.iter().any(|rule| rule.is_host(name))
        {
            return Ok(Reach::Home);
        }
        let private = match home {
            Some(home) => self.zone_of(home).await >= Zone::Private,
            None => false,
        };
        let policy = Policy { private, rules };
        let refused = |zone| NetError::Address {
            url: redact(url),
            host: host.to_string(),
            address: host.to_string(),
            zone,
        };
        let proxied = self.proxies().resolve(url);
        match (literal(&host), &host) {
            (Some(ip), _) if !policy.allows(ip) => return Err(refused(zone(ip))),
            // Behind a proxy nobody asks our resolver, so the name itself is all there is (reliability A10).
            (None, Host::Domain(name)) if proxied && zone_of_name(name) == Zone::Local => {
                return Err(refused(Zone::Local));
            }
            // The resolver lets the proxies' own names pass.
            (None, Host::Domain(name))
                if !proxied && self.proxies().names().iter().any(|proxy| proxy == name) =>
            {
                return Err(refused(Zone::Private));
            }
            _ => {}
        }
        Ok(Reach::Checked(policy))
    }

    /// `allow_private` of the process and of the configured host.
    fn rules(&self, home: Option<&Home>) -> Arc<[AddressRule]> {
        let own = home
            .and_then(|home| self.host(&home.url))
            .map(|options| options.allow_private.as_slice());
        self.options()
            .allow_private
            .iter()
            .chain(own.unwrap_or_default())
            .cloned()
            .collect()
    }

    async fn zone_of(&self, home: &Home) -> Zone {
        match &home.host {
            Host::Domain(name) if self.proxies().resolve(&home.url) => zone_of_name(name),
            Host::Domain(name) => self.zones().find(name).await,
            host => literal(host).map_or(Zone::Public, zone),
        }
    }
}

fn check_form(url: &Url) -> Result<Host<String>, NetError> {
    let refuse = |why| NetError::Url {
        url: redact(url),
        why,
    };
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refuse("only http and https are fetched"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refuse(
            "user names and passwords belong into the settings, not into URLs",
        ));
    }
    if url.as_str().len() > LONGEST_URL {
        return Err(NetError::Url {
            url: redact(url).chars().take(200).collect(),
            why: "it is longer than 8 KiB",
        });
    }
    url.host()
        .map(|host| host.to_owned())
        .ok_or_else(|| refuse("it has no host"))
}

//! Who we are to a registry: where the credentials come from, whether they are accepted, and where else they go.
//! What they are is never said.

use super::check::{Checks, names};
use super::limit::within;
use crate::net::Net;
use crate::registry::credentials::Stores;
use crate::registry::{Credential, Greeting, LoginMethod, Registry};

/// Finds the credentials. `None` if they cannot be told; else whether there are any.
pub(super) async fn credentials(
    stores: &Stores,
    registry: &Registry,
    greeting: &Greeting,
    checks: &mut Checks,
) -> Option<bool> {
    let host = registry.host();
    let (credential, origin) = match stores.find(host.as_str()).await {
        Ok(found) => found,
        Err(error) => {
            checks.fail("credentials", error.to_string());
            return None;
        }
    };
    let wanted = if greeting.wants_login() {
        ""
    } else {
        "; the registry asks for none"
    };
    let what = match credential {
        Credential::Anonymous if greeting.wants_login() => {
            checks.warn(
                "credentials",
                format!(
                    "there are none for `{host}` ({origin}), so only what anybody may do is possible: `chartferry login {host}` stores them"
                ),
            );
            return Some(false);
        }
        Credential::Anonymous => {
            checks.ok("credentials", "there are none, and the registry asks for none");
            return Some(false);
        }
        Credential::Basic { username, .. } => format!("user `{username}`"),
        Credential::Identity { .. } => "a refresh token".to_owned(),
        Credential::Bearer { .. } => "an access token".to_owned(),
    };
    checks.ok("credentials", format!("{what}, from {origin}{wanted}"));
    Some(true)
}

/// Logs in. False if that does not work.
pub(super) async fn login(registry: &Registry, known: bool, checks: &mut Checks) -> bool {
    let outcome = within(registry.check_login()).await;
    let text = match outcome {
        Err(late) => {
            checks.fail("login", late);
            return false;
        }
        Ok(Err(error)) => {
            checks.fail("login", error.to_string());
            return false;
        }
        Ok(Ok(_)) => match registry.login_method() {
            LoginMethod::None => "none is needed".to_owned(),
            LoginMethod::Basic => {
                "accepted by the registry, which wants user and password with every request".to_owned()
            }
            LoginMethod::Token { service, .. } if known => {
                format!("accepted by the token service `{service}`")
            }
            LoginMethod::Token { service, .. } => {
                format!("the token service `{service}` gives tokens to anybody")
            }
        },
    };
    checks.ok("login", text);
    true
}

/// Says where the credentials go besides the registry.
pub(super) fn forwarding(net: &Net, registry: &Registry, checks: &mut Checks) {
    let url = registry.url();
    let (realms, passed) = net
        .host(&url)
        .map(|host| {
            (
                host.trusted_realms.as_slice(),
                host.pass_credentials_to.as_slice(),
            )
        })
        .unwrap_or_default();
    let mut goes = Vec::new();
    let mut realm_used = false;
    if let LoginMethod::Token {
        service,
        other_host: true,
        by_setting,
    } = registry.login_method()
    {
        realm_used = by_setting;
        let why = if by_setting {
            "named in `trusted_realms`"
        } else {
            "of the same domain"
        };
        goes.push(format!("the token service `{service}`, {why}"));
    }
    if !passed.is_empty() {
        goes.push(format!("{} (`pass_credentials_to`)", names(passed, 5)));
    }
    if !realm_used && !realms.is_empty() {
        let text = format!(
            "`trusted_realms` names {}, which this registry does not use as its token service: remove it",
            names(realms, 5)
        );
        checks.warn("forwarding", text);
    } else if goes.is_empty() {
        checks.ok("forwarding", "the credentials go to this registry alone");
    } else {
        checks.ok(
            "forwarding",
            format!("the credentials also go to {}", goes.join(" and ")),
        );
    }
}

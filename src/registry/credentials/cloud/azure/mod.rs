//! Azure: an identity of Entra becomes a refresh token of a container registry.
//!
//! Three steps (registries 3.1): a token of Entra for the audience of all container registries, the registry's own
//! `oauth2/exchange` of it into a refresh token for some hours, and then what every identity token goes through:
//! `oauth2/token` for each repository. Lives are read out of the refresh token, since no answer tells them.

mod entra;
mod managed;
#[cfg(test)]
mod tests;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use super::ask::{self, Ask};
use super::{CloudError, Clouds, Login, Search, Trail};
use crate::net::AddressGuard;
use crate::registry::credential::Credential;
use crate::types::RegistryHost;

/// Whom the token of Entra is for: registries of every sovereign cloud take it.
const AUDIENCE: &str = "https://containerregistry.azure.net";

/// How long a refresh token counts that does not say: less than any does.
const LIFE: Duration = Duration::from_secs(1800);

/// A token of Entra.
struct Identity {
    token: SecretString,
    tenant: Option<String>,
    /// By which way it was had, for people.
    origin: String,
}

/// A refresh token for a registry.
pub(super) async fn login(clouds: &Clouds, host: &str, meant: bool) -> Search {
    let mut trail = Trail::default();
    let mut found = entra::identity(clouds, host, &mut trail).await?;
    if found.is_none() {
        found = managed::identity(clouds, meant, &mut trail).await?;
    }
    let Some(identity) = found else {
        return Ok(Err(trail));
    };
    let token = exchange(clouds, host, &identity).await?;
    let life = life(token.expose_secret()).unwrap_or(LIFE);
    Ok(Ok(Login {
        credential: Credential::Identity { token },
        origin: identity.origin,
        life,
    }))
}

/// The registry's refresh token for an identity.
async fn exchange(clouds: &Clouds, host: &str, identity: &Identity) -> Result<SecretString, CloudError> {
    let ask = Ask::new(&clouds.net, &identity.origin).hiding(&identity.token);
    let no_host = |_| ask.setting(format!("`{}` is no host of a registry", host.escape_debug()));
    let name = RegistryHost::new(host).map_err(no_host)?;
    let base =
        crate::registry::base(&clouds.net, &name, false).map_err(|error| ask.setting(error.to_string()))?;
    let mut url = base.clone();
    url.set_path("/oauth2/exchange");
    let mut pairs = vec![
        ("grant_type", "access_token"),
        ("service", host),
        ("access_token", identity.token.expose_secret()),
    ];
    if let Some(tenant) = &identity.tenant {
        pairs.push(("tenant", tenant));
    }
    let shown = crate::net::redact(&url);
    let guard = AddressGuard::registry(&name, base.scheme() == "http");
    let advice =
        "; give the identity the role `AcrPush` (or `Container Registry Repository Writer`) on the registry";
    let json = ask.json(ask::form(url, guard, &pairs), advice).await?;
    ask::text(&json, "/refresh_token")
        .map(SecretString::from)
        .ok_or_else(|| ask.lacks(&shown, "it holds no refresh token"))
}

/// The life of a JSON web token by its own times, which are those of one clock: ours may be wrong.
fn life(token: &str) -> Option<Duration> {
    let payload = token.split('.').nth(1)?;
    let payload = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    let claims: Value = serde_json::from_slice(&payload).ok()?;
    let at = |name: &str| claims.get(name).and_then(Value::as_i64);
    let issued = at("iat").or_else(|| at("nbf"))?;
    let life = u64::try_from(at("exp")?.checked_sub(issued)?).ok()?;
    (life > 0).then(|| Duration::from_secs(life.min(86_400)))
}

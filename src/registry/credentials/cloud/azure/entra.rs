//! Tokens of Entra for an application: by a client secret, or by a federated token (workload identity of AKS and of any
//! other issuer that the application trusts).

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::super::ask::{self, Ask};
use super::super::{CloudError, Clouds, Trail, environment};
use super::{AUDIENCE, Identity};
use crate::net::AddressGuard;

const FEDERATED: &str = "AZURE_FEDERATED_TOKEN_FILE";
const SECRET: &str = "AZURE_CLIENT_SECRET";
const AUTHORITY: &str = "AZURE_AUTHORITY_HOST";
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// How an application proves who it is.
enum Proof {
    Secret,
    Federated,
}

/// A token for the application of the environment; `None` if it names none. The secret comes first, as in Azure's SDKs.
pub(super) async fn identity(
    clouds: &Clouds,
    host: &str,
    trail: &mut Trail,
) -> Result<Option<Identity>, CloudError> {
    let env = &clouds.environment;
    let (proof, kind, name) = match (env.get(SECRET), env.get(FEDERATED)) {
        (Some(_), _) => (Proof::Secret, "service principal", SECRET),
        (None, Some(_)) => (Proof::Federated, "workload identity", FEDERATED),
        (None, None) => {
            trail.add(format!("no `{FEDERATED}`, no `{SECRET}`"));
            if env.get("AZURE_CLIENT_CERTIFICATE_PATH").is_some() {
                trail.add("`AZURE_CLIENT_CERTIFICATE_PATH` is not supported");
            }
            return Ok(None);
        }
    };
    let needed = |variable: &str| {
        env.get(variable).ok_or_else(|| CloudError::Setting {
            way: format!("Azure: {kind}"),
            what: format!(
                "`{name}` is set without `{variable}`; set it, or label the pod `azure.workload.identity/use`"
            ),
        })
    };
    let (client, tenant) = (needed("AZURE_CLIENT_ID")?, needed("AZURE_TENANT_ID")?);
    let origin = format!("Azure: {kind} `{}`", client.escape_debug());
    let secret = match proof {
        Proof::Secret => SecretString::from(needed(SECRET)?),
        Proof::Federated => {
            let path = env.path(FEDERATED).unwrap_or_default();
            environment::read_named(&origin, &path, FEDERATED).await?.into()
        }
    };
    let ask = Ask::new(&clouds.net, &origin).hiding(&secret);
    if !tenant
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-')
    {
        return Err(ask.setting("`AZURE_TENANT_ID` is no tenant; correct it"));
    }
    let authority = env.get(AUTHORITY).unwrap_or_else(|| authority(host));
    let text = format!("{}/{tenant}/oauth2/v2.0/token", authority.trim_end_matches('/'));
    let url = ask.url(AUTHORITY, &text)?;
    let token = grant(&ask, url, client, &proof, &secret).await?;
    Ok(Some(Identity {
        token,
        tenant: Some(tenant.to_owned()),
        origin,
    }))
}

/// The token of an application that proves who it is.
async fn grant(
    ask: &Ask<'_>,
    url: Url,
    client: &str,
    proof: &Proof,
    secret: &SecretString,
) -> Result<SecretString, CloudError> {
    let (shown, guard) = (crate::net::redact(&url), AddressGuard::source(&url));
    let scope = format!("{AUDIENCE}/.default");
    let mut pairs = vec![
        ("grant_type", "client_credentials"),
        ("client_id", client),
        ("scope", scope.as_str()),
    ];
    let advice = match proof {
        Proof::Secret => {
            pairs.push(("client_secret", secret.expose_secret()));
            "; the client secret may have run out"
        }
        Proof::Federated => {
            pairs.push(("client_assertion_type", ASSERTION));
            pairs.push(("client_assertion", secret.expose_secret()));
            "; the application needs a federated credential for this issuer and subject"
        }
    };
    let json = ask.json(ask::form(url, guard, &pairs), advice).await?;
    ask::text(&json, "/access_token")
        .map(SecretString::from)
        .ok_or_else(|| ask.lacks(&shown, "it holds no access token"))
}

/// Where tokens come from for a registry of this cloud.
fn authority(host: &str) -> &'static str {
    if host.ends_with(".azurecr.cn") {
        "https://login.chinacloudapi.cn"
    } else if host.ends_with(".azurecr.us") {
        "https://login.microsoftonline.us"
    } else {
        "https://login.microsoftonline.com"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sovereign_clouds_have_their_own_authority() {
        for (host, wanted) in [
            ("a.azurecr.io", "https://login.microsoftonline.com"),
            ("a.azurecr.cn", "https://login.chinacloudapi.cn"),
            ("a.azurecr.us", "https://login.microsoftonline.us"),
            ("charts.acme.io", "https://login.microsoftonline.com"),
        ] {
            assert_eq!(authority(host), wanted);
        }
    }
}

//! Managed identities: given out by App Service, Container Apps and their kin at an address of the environment, and by
//! the metadata service of virtual machines.

use http::HeaderName;
use secrecy::SecretString;
use url::Url;

use super::super::ask::{self, Ask};
use super::super::host::Vendor;
use super::super::machine::Metadata;
use super::super::{CloudError, Clouds, Trail};
use super::{AUDIENCE, Identity};
use crate::net::{AddressGuard, Request};

/// As Azure's SDKs read it, for who stands in for the metadata service.
const HOST: &str = "AZURE_POD_IDENTITY_AUTHORITY_HOST";

/// Whom to ask.
struct Service {
    /// What is asked, as it begins messages.
    origin: String,
    request: Request,
    /// It must be there.
    sure: bool,
}

/// A token for the identity of the machine; `None` if there is none.
pub(super) async fn identity(
    clouds: &Clouds,
    meant: bool,
    trail: &mut Trail,
) -> Result<Option<Identity>, CloudError> {
    let env = &clouds.environment;
    let client = env.get("AZURE_CLIENT_ID");
    let app = env.get("IDENTITY_ENDPOINT").zip(env.get("IDENTITY_HEADER"));
    let service = match app {
        Some((endpoint, secret)) => Some(of_app(clouds, endpoint, secret, client)?),
        None => of_machine(clouds, meant, client)?,
    };
    let Some(service) = service else {
        trail.add("no `IDENTITY_ENDPOINT`, this machine is none of Azure's");
        return Ok(None);
    };
    let Service {
        origin,
        request,
        sure,
    } = service;
    let shown = crate::net::redact(&request.url);
    let mut ask = Ask::new(&clouds.net, &origin);
    if let Some(secret) = env.get("IDENTITY_HEADER") {
        ask = ask.hiding(&SecretString::from(secret));
    }
    let Some(answer) = ask.metadata(request, sure).await? else {
        trail.add("no metadata service of Azure");
        return Ok(None);
    };
    // A machine without an identity says so in this way. Somebody who named one meant it to be there.
    if answer.status.as_u16() == 400 && client.is_none() && !meant {
        trail.add("the machine has no managed identity, or several: then `AZURE_CLIENT_ID` chooses");
        return Ok(None);
    }
    let advice = "; assign the identity to the machine, and choose one of several by `AZURE_CLIENT_ID`";
    let json = ask.read(&answer, advice)?;
    let token = ask::text(&json, "/access_token")
        .map(SecretString::from)
        .ok_or_else(|| ask.lacks(&shown, "it holds no access token"))?;
    Ok(Some(Identity {
        token,
        tenant: env.get("AZURE_TENANT_ID").map(str::to_owned),
        origin,
    }))
}

/// The service beside an app of App Service, Container Apps and the like.
fn of_app(
    clouds: &Clouds,
    endpoint: &str,
    secret: &str,
    client: Option<&str>,
) -> Result<Service, CloudError> {
    let origin = format!("Azure: managed identity {} of the app", whose(client));
    let ask = Ask::new(&clouds.net, &origin);
    let url = query(ask.url("IDENTITY_ENDPOINT", endpoint)?, "2019-08-01", client);
    let value = ask::secret_value(secret)
        .ok_or_else(|| ask.setting("`IDENTITY_HEADER` has characters that no header may have"))?;
    let guard = AddressGuard::metadata(&url);
    let request = Request::get(url, guard).header(HeaderName::from_static("x-identity-header"), value);
    Ok(Service {
        origin,
        request,
        sure: true,
    })
}

/// The metadata service of a virtual machine; `None` if this is none of Azure's.
fn of_machine(clouds: &Clouds, meant: bool, client: Option<&str>) -> Result<Option<Service>, CloudError> {
    let named = clouds.environment.get(HOST);
    let place = clouds.machine.metadata_of(Vendor::Azure);
    if place == Metadata::Absent && named.is_none() && !meant {
        return Ok(None);
    }
    let origin = format!("Azure: managed identity {} of the machine", whose(client));
    let ask = Ask::new(&clouds.net, &origin);
    let base = named.unwrap_or("http://169.254.169.254").trim_end_matches('/');
    let url = ask.url(HOST, &format!("{base}/metadata/identity/oauth2/token"))?;
    let url = query(url, "2018-02-01", client);
    let guard = AddressGuard::metadata(&url);
    Ok(Some(Service {
        request: ask::get(url, guard, "metadata", "true"),
        sure: place == Metadata::There || named.is_some(),
        origin,
    }))
}

fn whose(client: Option<&str>) -> String {
    client.map_or_else(
        || "of the system".to_owned(),
        |id| format!("`{}`", id.escape_debug()),
    )
}

fn query(mut url: Url, version: &str, client: Option<&str>) -> Url {
    {
        let mut pairs = url.query_pairs_mut();
        pairs.append_pair("api-version", version);
        pairs.append_pair("resource", AUDIENCE);
        if let Some(client) = client {
            pairs.append_pair("client_id", client);
        }
    }
    url
}

//! The service account of a machine of Google's, or of a pod with workload identity, by the metadata service.

use http::StatusCode;
use url::Url;

use super::super::ask::{self, Ask};
use super::super::host::Vendor;
use super::super::machine::Metadata;
use super::super::{CloudError, Clouds, Trail};
use super::Token;
use crate::net::AddressGuard;

const WAY: &str = "Google: service account of the machine";
const HOST: &str = "GCE_METADATA_HOST";

/// A token of the machine's service account; `None` if this is no such machine, or has none.
pub(super) async fn token(
    clouds: &Clouds,
    meant: bool,
    trail: &mut Trail,
) -> Result<Option<Token>, CloudError> {
    let named = clouds.environment.get(HOST);
    let place = clouds.machine.metadata_of(Vendor::Google);
    if place == Metadata::Absent && named.is_none() && !meant {
        trail.add("this machine is none of Google's");
        return Ok(None);
    }
    let ask = Ask::new(&clouds.net, WAY);
    let url = url(&ask, named.unwrap_or("metadata.google.internal"))?;
    let shown = crate::net::redact(&url);
    let guard = AddressGuard::metadata(&url);
    let request = ask::get(url, guard, "metadata-flavor", "Google");
    let sure = place == Metadata::There || named.is_some();
    let Some(answer) = ask.metadata(request, sure).await? else {
        trail.add("no metadata service of Google");
        return Ok(None);
    };
    if answer.status == StatusCode::NOT_FOUND && !meant {
        trail.add("the machine has no service account");
        return Ok(None);
    }
    let advice = "; give the machine a service account, or the pod's service account its identity";
    let json = ask.read(&answer, advice)?;
    Token::read(&json, WAY)
        .map(Some)
        .ok_or_else(|| ask.lacks(&shown, "it holds no access token"))
}

/// The variable holds a host and perhaps a port.
fn url(ask: &Ask<'_>, host: &str) -> Result<Url, CloudError> {
    ask.url(
        HOST,
        &format!("http://{host}/computeMetadata/v1/instance/service-accounts/default/token"),
    )
}

//! Keys of an EC2 instance's role, by its metadata service in version 2: a session's token first, then the role's name,
//! then its keys. Version 1 is not spoken: it is what forged requests made use of.

use http::{HeaderName, HeaderValue, Method};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::super::ask::{self, Answer, Ask};
use super::super::host::Vendor;
use super::super::machine::Metadata;
use super::super::{CloudError, Clouds, Trail};
use super::keys::Keys;
use crate::net::{AddressGuard, Request};

const WAY: &str = "AWS: role of the EC2 instance";
const ENDPOINT: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
const ROLES: &str = "latest/meta-data/iam/security-credentials/";

/// Keys of the instance; `None` if this is none, or has no role.
pub(super) async fn keys(
    clouds: &Clouds,
    meant: bool,
    trail: &mut Trail,
) -> Result<Option<Keys>, CloudError> {
    let env = &clouds.environment;
    let ask = Ask::new(&clouds.net, WAY);
    let off = env.get("AWS_EC2_METADATA_DISABLED");
    if off.is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        trail.add("the instance's role is switched off (`AWS_EC2_METADATA_DISABLED`)");
        return Ok(None);
    }
    let named = env.get(ENDPOINT);
    let place = clouds.machine.metadata_of(Vendor::Aws);
    if place == Metadata::Absent && named.is_none() && !meant {
        trail.add("this machine is no EC2 instance");
        return Ok(None);
    }
    let v6 = env.get("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
    let usual = if v6.is_some_and(|mode| mode.eq_ignore_ascii_case("ipv6")) {
        "http://[fd00:ec2::254]/"
    } else {
        "http://169.254.169.254/"
    };
    let base = ask.url(ENDPOINT, named.unwrap_or(usual))?;
    let guard = AddressGuard::metadata(&base);
    // Where the hop limit is 1, a container's question arrives and the answer does not: one wait is enough.
    let sure = named.is_some();
    let Some(token) = session(&ask, &base, &guard, sure).await? else {
        trail.add(
            "no metadata service of EC2 (in containers, its hop limit must be 2 or more; or use roles for pods)",
        );
        return Ok(None);
    };
    let ask = ask.hiding(&token);
    let Some(role) = role(&ask, &base, &guard, &token).await? else {
        trail.add("the EC2 instance has no role");
        return Ok(None);
    };
    let Some(answer) = question(&ask, &base, &guard, &token, &format!("{ROLES}{role}")).await? else {
        return Ok(None);
    };
    let json = ask.read(&answer, "; see the role that is attached to the instance")?;
    let origin = format!("role `{role}` of the EC2 instance");
    Keys::read(&json, origin)
        .map(Some)
        .ok_or_else(|| ask.odd(&answer, "it holds no keys"))
}

/// The name of the instance's role; `None` if it has none.
async fn role(
    ask: &Ask<'_>,
    base: &Url,
    guard: &AddressGuard,
    token: &SecretString,
) -> Result<Option<String>, CloudError> {
    let Some(answer) = question(ask, base, guard, token, ROLES).await? else {
        return Ok(None);
    };
    if answer.status.as_u16() == 404 {
        return Ok(None);
    }
    if !answer.status.is_success() {
        return Err(ask.refused(&answer, ""));
    }
    let names = String::from_utf8_lossy(&answer.body);
    let role = names.lines().next().unwrap_or_default().trim();
    // It becomes a part of the next path.
    let good = |b: u8| b.is_ascii_alphanumeric() || b"+=,.@-_".contains(&b);
    if role.is_empty() || !role.bytes().all(good) {
        return Err(ask.odd(&answer, "it names no role"));
    }
    Ok(Some(role.to_owned()))
}

/// A question within the session.
async fn question(
    ask: &Ask<'_>,
    base: &Url,
    guard: &AddressGuard,
    token: &SecretString,
    path: &str,
) -> Result<Option<Answer>, CloudError> {
    let value = ask::secret_value(token.expose_secret())
        .ok_or_else(|| ask.lacks(base.as_str(), "its token is no header"))?;
    let request = Request::get(at(ask, base, path)?, guard.clone())
        .header(HeaderName::from_static("x-aws-ec2-metadata-token"), value);
    ask.metadata(request, true).await
}

/// A token for the questions that follow; `None` if nobody is there.
async fn session(
    ask: &Ask<'_>,
    base: &Url,
    guard: &AddressGuard,
    sure: bool,
) -> Result<Option<SecretString>, CloudError> {
    let url = at(ask, base, "latest/api/token")?;
    let request = Request::new(Method::PUT, url, guard.clone()).header(
        HeaderName::from_static("x-aws-ec2-metadata-token-ttl-seconds"),
        HeaderValue::from_static("300"),
    );
    let Some(answer) = ask.metadata(request, sure).await? else {
        return Ok(None);
    };
    if !answer.status.is_success() {
        return Err(ask.refused(
            &answer,
            "; see whether the instance's metadata service is switched on",
        ));
    }
    Ok(Some(String::from_utf8_lossy(&answer.body).trim().into()))
}

fn at(ask: &Ask<'_>, base: &Url, path: &str) -> Result<Url, CloudError> {
    base.join(path)
        .map_err(|_| ask.setting(format!("`{ENDPOINT}` is no base of URLs; correct it")))
}

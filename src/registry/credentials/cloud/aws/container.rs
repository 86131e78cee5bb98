//! Keys of a container: EKS Pod Identity and roles of ECS tasks, which an agent beside the container gives out.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::header::AUTHORIZATION;
use secrecy::SecretString;
use url::{Host, Url};

use super::super::ask::{self, Ask};
use super::super::{CloudError, Clouds, environment};
use super::keys::Keys;
use crate::net::{AddressGuard, Request};

const FULL: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const RELATIVE: &str = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
const TOKEN: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
const TOKEN_FILE: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";

/// The agents' addresses: of ECS, and of EKS in either protocol. Only these and loopback may be asked without TLS.
const AGENTS: [IpAddr; 3] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 23)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23)),
];

/// Keys of the container; `None` if the environment names no agent.
pub(super) async fn keys(clouds: &Clouds) -> Result<Option<Keys>, CloudError> {
    let env = &clouds.environment;
    let (origin, name, text) = match (env.get(RELATIVE), env.get(FULL)) {
        (Some(path), _) => (
            "role of the ECS task",
            RELATIVE,
            format!("http://169.254.170.2/{}", path.trim_start_matches('/')),
        ),
        (None, Some(url)) => (
            "role of the container (EKS Pod Identity or ECS)",
            FULL,
            url.to_owned(),
        ),
        (None, None) => return Ok(None),
    };
    let way = format!("AWS: {origin}");
    let ask = Ask::new(&clouds.net, &way);
    let url = ask.url(name, &text)?;
    if !may_be_asked(&url) {
        return Err(ask.setting(format!(
            "`{name}` is neither https nor an address of an agent; correct it"
        )));
    }
    let token = match env.path(TOKEN_FILE) {
        Some(path) => Some(environment::read_named(&way, &path, TOKEN_FILE).await?),
        None => env.get(TOKEN).map(str::to_owned),
    };
    let guard = AddressGuard::metadata(&url);
    let mut request = Request::get(url, guard);
    let mut ask = ask;
    if let Some(token) = token {
        let header = ask::secret_value(&token)
            .ok_or_else(|| ask.setting("the authorization token has characters that no header may have"))?;
        request = request.header(AUTHORIZATION, header);
        ask = ask.hiding(&SecretString::from(token));
    }
    let Some(answer) = ask.metadata(request, true).await? else {
        return Ok(None);
    };
    let advice = "; see that the pod identity association or the task role is there";
    let json = ask.read(&answer, advice)?;
    Keys::read(&json, origin.to_owned())
        .map(Some)
        .ok_or_else(|| ask.odd(&answer, "it holds no keys"))
}

/// Whether the keys of a role may come from there.
fn may_be_asked(url: &Url) -> bool {
    let address = match url.host() {
        Some(Host::Ipv4(ip)) => Some(IpAddr::from(ip)),
        Some(Host::Ipv6(ip)) => Some(IpAddr::from(ip)),
        _ => None,
    };
    url.scheme() == "https"
        || url.host_str() == Some("localhost")
        || address.is_some_and(|ip| ip.is_loopback() || AGENTS.contains(&ip))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_from_agents_only() {
        for (url, may) in [
            ("http://169.254.170.23/v1/credentials", true),
            ("http://[fd00:ec2::23]/v1/credentials", true),
            ("http://169.254.170.2/v2/x", true),
            ("http://127.0.0.1:1338/creds", true),
            ("http://localhost:1338/creds", true),
            ("https://agent.corp/creds", true),
            ("http://169.254.169.254/latest/", false),
            ("http://agent.corp/creds", false),
            ("http://10.0.0.1/creds", false),
        ] {
            assert_eq!(may_be_asked(&Url::parse(url).unwrap()), may, "{url}");
        }
    }
}

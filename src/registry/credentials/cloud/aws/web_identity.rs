//! IAM roles for service accounts (IRSA), and any other web identity: a token in a file is exchanged for keys of a role.
//!
//! `AssumeRoleWithWebIdentity` is not signed, since the token itself proves who asks.

use secrecy::{ExposeSecret as _, SecretString};

use super::super::ask::{self, Ask, element};
use super::super::{CloudError, Clouds, environment};
use super::api;
use super::keys::Keys;
use crate::net::AddressGuard;

/// Keys of the role; `None` if the environment names no token.
pub(super) async fn keys(clouds: &Clouds, region: &str) -> Result<Option<Keys>, CloudError> {
    const FILE: &str = "AWS_WEB_IDENTITY_TOKEN_FILE";
    let env = &clouds.environment;
    let Some(path) = env.path(FILE) else {
        return Ok(None);
    };
    let Some(role) = env.get("AWS_ROLE_ARN") else {
        return Err(CloudError::Setting {
            way: "AWS: web identity (IRSA)".to_owned(),
            what: format!(
                "`{FILE}` is set without `AWS_ROLE_ARN`; annotate the service account with its role"
            ),
        });
    };
    let origin = format!("web identity role `{}` (IRSA)", role.escape_debug());
    let way = format!("AWS: {origin}");
    let token = SecretString::from(environment::read_named(&way, &path, FILE).await?);
    let ask = Ask::new(&clouds.net, &way).hiding(&token);
    let region = api::region(env).unwrap_or(region);
    let usual = format!("https://sts.{region}.{}/", api::domain(region));
    let url = api::endpoint(&ask, env, "AWS_ENDPOINT_URL_STS", &usual)?;
    let guard = AddressGuard::source(&url);
    let session = env.get("AWS_ROLE_SESSION_NAME").unwrap_or("chartferry");
    let request = ask::form(
        url,
        guard,
        &[
            ("Action", "AssumeRoleWithWebIdentity"),
            ("Version", "2011-06-15"),
            ("RoleArn", role),
            ("RoleSessionName", session),
            ("WebIdentityToken", token.expose_secret()),
        ],
    );
    let answer = ask.send(request).await?;
    if !answer.status.is_success() {
        let advice = "; the trust policy of the role must name this service account and its issuer";
        return Err(ask.refused(&answer, advice));
    }
    let xml = String::from_utf8_lossy(&answer.body);
    let part = |name| element(&xml, name).filter(|text| !text.is_empty());
    match (part("AccessKeyId"), part("SecretAccessKey"), part("SessionToken")) {
        (Some(id), Some(secret), Some(token)) => Ok(Some(Keys {
            id: id.to_owned(),
            secret: secret.into(),
            token: Some(token.into()),
            origin,
        })),
        _ => Err(ask.odd(&answer, "it holds no keys")),
    }
}

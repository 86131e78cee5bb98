//! AWS: keys of a role become a password of ECR.
//!
//! `GetAuthorizationToken` gives user `AWS` and a password for twelve hours (registries 3.1): for private registries
//! in the registry's own region, for the public one always in `us-east-1`.

mod api;
mod container;
mod instance;
mod keys;
mod profile;
mod repository;
mod sign;
#[cfg(test)]
mod tests;
mod web_identity;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::Utc;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::{CloudError, Clouds, Login, Search, Trail, ask, identity};
use crate::registry::credential::Credential;
use crate::types::{ECR_PUBLIC, EcrHost};
use api::{Api, Service};
pub(super) use keys::KeyCache;
pub use repository::{Encryption, NewRepository};

/// How long a password counts if the answer does not say.
const LIFE: Duration = Duration::from_secs(12 * 3600);

/// Where the API of a registry is.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    service: Service,
    region: String,
    /// Where it is asked, unless the environment names another place.
    endpoint: String,
}

impl Place {
    /// That of a registry's host; for a name of one's own in front of ECR, the region comes from the environment.
    fn of(clouds: &Clouds, host: &str) -> Result<Self, CloudError> {
        if host == ECR_PUBLIC {
            return Ok(Self {
                service: Service::EcrPublic,
                region: "us-east-1".to_owned(),
                endpoint: "https://api.ecr-public.us-east-1.amazonaws.com/".to_owned(),
            });
        }
        let service = Service::Ecr;
        let Some(ecr) = EcrHost::parse(host) else {
            let region = api::region(&clouds.environment).ok_or_else(|| CloudError::Setting {
                way: "AWS".to_owned(),
                what: format!("the region of `{host}` is not in its name; set `AWS_REGION`"),
            })?;
            let endpoint = format!("https://api.ecr.{region}.{}/", api::domain(region));
            return Ok(Self {
                service,
                region: region.to_owned(),
                endpoint,
            });
        };
        let EcrHost { region, domain, .. } = ecr;
        let fips = if ecr.fips { "-fips" } else { "" };
        let endpoint = match (ecr.dual, ecr.fips) {
            (true, _) if domain == "on.amazonwebservices.com.cn" => {
                format!("https://ecr{fips}.{region}.api.amazonwebservices.com.cn/")
            }
            (true, _) => format!("https://ecr{fips}.{region}.api.aws/"),
            (false, true) => format!("https://ecr-fips.{region}.{domain}/"),
            (false, false) => format!("https://api.ecr.{region}.{domain}/"),
        };
        Ok(Self {
            service,
            region: region.to_owned(),
            endpoint,
        })
    }
}

/// A password for a registry.
pub(super) async fn login(clouds: &Clouds, host: &str, meant: bool) -> Search {
    let mut trail = Trail::default();
    let place = Place::of(clouds, host)?;
    let Some(keys) = clouds.keys.get(clouds, &place.region, meant, &mut trail).await? else {
        return Ok(Err(trail));
    };
    let way = format!("AWS: {}", keys.origin);
    let api = Api {
        clouds,
        way: &way,
        place: &place,
        keys: &keys,
    };
    let found = match api.call("GetAuthorizationToken", &json!({})).await {
        // The keys may have been withdrawn before their end.
        Err(error) => {
            clouds.keys.forget().await;
            return Err(error);
        }
        Ok(found) => found,
    };
    let (credential, life) = read(&found).ok_or_else(|| CloudError::Answer {
        way: way.clone(),
        url: place.endpoint.clone(),
        why: "it holds no token of a registry".to_owned(),
    })?;
    Ok(Ok(Login {
        credential,
        origin: way,
        life,
    }))
}

/// User, password and life; private registries answer with a list of one, the public one with that one.
fn read(found: &Value) -> Option<(Credential, Duration)> {
    let data = found.get("authorizationData")?;
    let data = data.get(0).unwrap_or(data);
    let pair = STANDARD.decode(ask::text(data, "/authorizationToken")?).ok()?;
    let pair = String::from_utf8(pair).ok()?;
    let (username, password) = pair.split_once(':')?;
    if username.is_empty() || password.is_empty() {
        return None;
    }
    #[expect(
        clippy::cast_precision_loss,
        reason = "seconds of this age are far below 2^53"
    )]
    let now = Utc::now().timestamp() as f64;
    let life = data
        .get("expiresAt")
        .and_then(Value::as_f64)
        .and_then(|end| Duration::try_from_secs_f64(end - now).ok())
        .map_or(LIFE, |life| life.min(LIFE));
    Some((
        Credential::Basic {
            username: username.to_owned(),
            password: SecretString::from(password),
        },
        life,
    ))
}

//! Where the keys of AWS come from: the first way that the environment speaks of, in the order of AWS's SDKs.

use std::time::Duration;

use secrecy::SecretString;
use serde_json::Value;
use tokio::time::Instant;

use super::super::ask::{self, Ask};
use super::super::{CloudError, Clouds, Trail};
use super::{container, instance, profile, web_identity};

/// How long keys are kept: for the many calls of one run. Those of roles come with more time than this.
const KEEP: Duration = Duration::from_secs(60);

/// Keys that requests are signed with.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    pub(super) id: String,
    pub(super) secret: SecretString,
    /// That of a session.
    pub(super) token: Option<SecretString>,
    /// Where they come from, for people.
    pub(super) origin: String,
}

impl Keys {
    /// Those that container and instance services answer with.
    pub(super) fn read(json: &Value, origin: String) -> Option<Self> {
        Some(Self {
            id: ask::text(json, "/AccessKeyId")?.to_owned(),
            secret: ask::text(json, "/SecretAccessKey")?.into(),
            token: Some(ask::text(json, "/Token")?.into()),
            origin,
        })
    }
}

/// The keys that were used last.
#[derive(Default)]
pub(in super::super) struct KeyCache(tokio::sync::Mutex<Option<(Instant, Keys)>>);

impl KeyCache {
    /// Keys for calls in `region`; `None` if no way is there, which `trail` then says of each.
    pub(super) async fn get(
        &self,
        clouds: &Clouds,
        region: &str,
        meant: bool,
        trail: &mut Trail,
    ) -> Result<Option<Keys>, CloudError> {
        let mut kept = self.0.lock().await;
        if let Some((at, keys)) = &*kept
            && at.elapsed() < KEEP
        {
            return Ok(Some(keys.clone()));
        }
        let found = find(clouds, region, meant, trail).await?;
        *kept = found.clone().map(|keys| (Instant::now(), keys));
        Ok(found)
    }

    /// They were refused.
    pub(super) async fn forget(&self) {
        *self.0.lock().await = None;
    }
}

async fn find(
    clouds: &Clouds,
    region: &str,
    meant: bool,
    trail: &mut Trail,
) -> Result<Option<Keys>, CloudError> {
    if let Some(keys) = fixed(clouds)? {
        return Ok(Some(keys));
    }
    trail.add("no `AWS_ACCESS_KEY_ID`");
    if let Some(keys) = web_identity::keys(clouds, region).await? {
        return Ok(Some(keys));
    }
    trail.add("no `AWS_WEB_IDENTITY_TOKEN_FILE`");
    if let Some(keys) = profile::keys(clouds, trail).await? {
        return Ok(Some(keys));
    }
    if let Some(keys) = container::keys(clouds).await? {
        return Ok(Some(keys));
    }
    trail.add("no `AWS_CONTAINER_CREDENTIALS_FULL_URI`");
    instance::keys(clouds, meant, trail).await
}

/// Keys in the environment.
fn fixed(clouds: &Clouds) -> Result<Option<Keys>, CloudError> {
    let get = |name| clouds.environment.get(name);
    let ask = Ask::new(&clouds.net, "AWS access key of the environment");
    let missing =
        |name: &str, other: &str| ask.setting(format!("`{other}` is set without `{name}`; set both"));
    match (get("AWS_ACCESS_KEY_ID"), get("AWS_SECRET_ACCESS_KEY")) {
        (None, None) => Ok(None),
        (Some(_), None) => Err(missing("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID")),
        (None, Some(_)) => Err(missing("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")),
        (Some(id), Some(secret)) => Ok(Some(Keys {
            id: id.to_owned(),
            secret: secret.into(),
            token: get("AWS_SESSION_TOKEN").map(SecretString::from),
            origin: "access key of the environment (`AWS_ACCESS_KEY_ID`)".to_owned(),
        })),
    }
}

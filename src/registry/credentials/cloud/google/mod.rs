//! Google: an access token of whoever we are is the password of user `oauth2accesstoken` (registries 3.1).
//!
//! Who we are is found as by Google's libraries (application default credentials): the file of
//! `GOOGLE_APPLICATION_CREDENTIALS`, the one that `gcloud auth application-default login` wrote, the metadata service.

mod external;
mod file;
mod jwt;
mod metadata;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use serde_json::Value;

use super::environment;
use super::{CloudError, Clouds, Login, Search, Trail, ask};
use crate::registry::credential::Credential;

const FILE: &str = "GOOGLE_APPLICATION_CREDENTIALS";

/// What the token may be used for. Rights of the account narrow it; registries know no scope of their own.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// How long a token counts if the answer does not say.
const LIFE: Duration = Duration::from_secs(300);

/// The longest life that is believed.
const LONGEST: f64 = 86_400.0;

/// An access token.
struct Token {
    text: SecretString,
    life: Duration,
    /// By which way it was had, for people.
    origin: String,
}

impl Token {
    /// The one in an answer of OAuth2.
    fn read(json: &Value, origin: &str) -> Option<Self> {
        Some(Self {
            text: ask::text(json, "/access_token")?.into(),
            life: seconds(json.get("expires_in")).unwrap_or(LIFE),
            origin: origin.to_owned(),
        })
    }
}

/// A token as a login.
pub(super) async fn login(clouds: &Clouds, meant: bool) -> Search {
    let mut trail = Trail::default();
    let mut found = from_file(clouds, &mut trail).await?;
    if found.is_none() {
        found = metadata::token(clouds, meant, &mut trail).await?;
    }
    Ok(found.map_or(Err(trail), |token| {
        Ok(Login {
            credential: Credential::Basic {
                username: "oauth2accesstoken".to_owned(),
                password: token.text,
            },
            origin: token.origin,
            life: token.life,
        })
    }))
}

async fn from_file(clouds: &Clouds, trail: &mut Trail) -> Result<Option<Token>, CloudError> {
    let env = &clouds.environment;
    if let Some(path) = env.path(FILE) {
        let way = format!("Google: `{FILE}`");
        let text = environment::read_named(&way, &path, FILE).await?;
        return file::token(clouds, &path, &text).await.map(Some);
    }
    trail.add(format!("no `{FILE}`"));
    let Some(path) = well_known(clouds) else {
        return Ok(None);
    };
    if let Some(text) = environment::read("Google: default credentials", &path).await? {
        return file::token(clouds, &path, &text).await.map(Some);
    }
    trail.add(format!("no `{}`", path.display()));
    Ok(None)
}

/// Where `gcloud auth application-default login` writes.
fn well_known(clouds: &Clouds) -> Option<PathBuf> {
    let env = &clouds.environment;
    env.path("CLOUDSDK_CONFIG")
        .or_else(|| env.home(".config/gcloud"))
        .map(|folder| folder.join("application_default_credentials.json"))
}

/// A life in seconds, as a number or as text, within what can be believed; `None` if there is none.
fn seconds(value: Option<&Value>) -> Option<Duration> {
    let seconds = match value? {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }?;
    let seconds = Some(seconds).filter(|seconds| *seconds >= 1.0)?;
    Duration::try_from_secs_f64(seconds.min(LONGEST)).ok()
}

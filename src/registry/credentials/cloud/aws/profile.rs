//! Fixed keys of a profile in AWS's two files: `credentials` before `config`.
//!
//! Of what profiles may hold, only keys are understood. The rest (SSO, roles to be assumed, programs to be run) is
//! named in an error, with a way that works: guessing on would log in as somebody else.

use std::collections::BTreeMap;
use std::path::Path;

use secrecy::SecretString;

use super::super::{CloudError, Clouds, Trail, environment};
use super::keys::Keys;

/// Keys in a profile by which other programs get at keys in other ways.
const OTHER_WAYS: [&str; 7] = [
    "sso_session",
    "sso_start_url",
    "sso_account_id",
    "credential_process",
    "role_arn",
    "source_profile",
    "login_session",
];

type Section = BTreeMap<String, String>;

/// What one file says of the profile.
enum Said {
    Nothing,
    /// Settings, but none to log in with.
    Settings,
    Keys(Keys),
    /// A way to log in that we do not go.
    Other(CloudError),
}

/// Keys of the profile; `None` if there are none.
pub(super) async fn keys(clouds: &Clouds, trail: &mut Trail) -> Result<Option<Keys>, CloudError> {
    let env = &clouds.environment;
    let named = env.get("AWS_PROFILE").or_else(|| env.get("AWS_DEFAULT_PROFILE"));
    let profile = named.unwrap_or("default");
    let credentials = env
        .path("AWS_SHARED_CREDENTIALS_FILE")
        .or_else(|| env.home(".aws/credentials"));
    let config = env.path("AWS_CONFIG_FILE").or_else(|| env.home(".aws/config"));
    let in_config = match profile {
        "default" => profile.to_owned(),
        profile => format!("profile {profile}"),
    };
    let (mut seen, mut other) = (false, None);
    for (path, section) in [(credentials, profile), (config, in_config.as_str())] {
        let Some(path) = path else { continue };
        match look(&path, section, profile).await? {
            Said::Keys(keys) => return Ok(Some(keys)),
            Said::Other(error) => other = other.or(Some(error)),
            Said::Settings => seen = true,
            Said::Nothing => {}
        }
    }
    match (other, named) {
        (Some(error), _) => Err(error),
        (None, Some(_)) if !seen => Err(CloudError::Setting {
            way: way(profile),
            what: "no such profile in AWS's files; correct `AWS_PROFILE`".into(),
        }),
        _ => {
            trail.add(format!("no keys in the profile `{}`", profile.escape_debug()));
            Ok(None)
        }
    }
}

fn way(profile: &str) -> String {
    format!("AWS: profile `{}`", profile.escape_debug())
}

/// What the section of a file says of the profile.
async fn look(path: &Path, section: &str, profile: &str) -> Result<Said, CloudError> {
    let way = way(profile);
    let text = environment::read(&way, path).await?;
    let Some(found) = text.and_then(|text| read(&text, section)) else {
        return Ok(Said::Nothing);
    };
    let wrong = |what: String| CloudError::File {
        way: way.clone(),
        path: path.to_owned(),
        what,
    };
    let token = found.get("aws_session_token");
    match (found.get("aws_access_key_id"), found.get("aws_secret_access_key")) {
        (Some(id), Some(secret)) => Ok(Said::Keys(Keys {
            id: id.clone(),
            secret: secret.as_str().into(),
            token: token.map(|token| SecretString::from(token.as_str())),
            origin: format!("profile `{}` in `{}`", profile.escape_debug(), path.display()),
        })),
        (None, None) => Ok(match OTHER_WAYS.iter().find(|key| found.contains_key(**key)) {
            Some(key) => Said::Other(wrong(format!(
                "logs in by `{key}`, which chartferry does not do; run `aws configure export-credentials --format env` before, or set `credential_helper = \"ecr-login\"`"
            ))),
            None => Said::Settings,
        }),
        _ => Err(wrong(
            "has only one of `aws_access_key_id` and `aws_secret_access_key`; add the other".into(),
        )),
    }
}

/// A section of such a file; settings below others (indented) are not read.
fn read(text: &str, wanted: &str) -> Option<Section> {
    let mut found: Option<Section> = None;
    let mut inside = false;
    for line in text.lines() {
        let bare = line.trim();
        if bare.is_empty() || bare.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = bare.strip_prefix('[') {
            let name = name.split(']').next().unwrap_or_default();
            inside = name.split_whitespace().collect::<Vec<_>>().join(" ") == wanted;
            if inside {
                found.get_or_insert_default();
            }
        } else if inside
            && !line.starts_with([' ', '\t'])
            && let Some((key, value)) = bare.split_once('=')
            && let Some(section) = &mut found
        {
            // A comment follows a blank, as the SDKs read it.
            let value = value.split(" #").next().unwrap_or_default();
            let value = value.split(" ;").next().unwrap_or_default().trim();
            section.insert(key.trim().to_ascii_lowercase(), value.to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_read_as_the_sdks_read_them() {
        let text = "# top\n[default]\nAWS_Access_Key_Id=AKID1\naws_secret_access_key = a=b/c+ # mine\n\n[ profile  dev ]\n; no\nregion = eu-central-1\ns3 =\n  max_concurrent_requests = 20\nsso_session = corp\n";
        let default = read(text, "default").unwrap();
        assert_eq!(default["aws_access_key_id"], "AKID1");
        assert_eq!(default["aws_secret_access_key"], "a=b/c+");
        let dev = read(text, "profile dev").unwrap();
        assert_eq!(dev["region"], "eu-central-1");
        assert_eq!(dev["sso_session"], "corp");
        assert!(!dev.contains_key("max_concurrent_requests"));
        assert!(read(text, "dev").is_none());
        assert_eq!(read("[default]\n", "default"), Some(Section::new()));
    }
}

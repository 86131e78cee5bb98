//! Fixed keys of a profile in AWS's two files: `credentials` before `config`.
//!
//! Of what profiles may hold, only keys are understood, and only where nothing else is said, as a profile is what both
//! files say of it together. The rest (SSO, roles to be assumed, programs to be run) is
//! named in an error, with a way that works: guessing on would log in as somebody else.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

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

/// The sections of one profile, with their files.
struct Profile<'a> {
    name: &'a str,
    sections: Vec<(PathBuf, Section)>,
}

/// Keys of the profile; `None` if there are none.
pub(super) async fn keys(clouds: &Clouds, trail: &mut Trail) -> Result<Option<Keys>, CloudError> {
    let env = &clouds.environment;
    let named = env.get("AWS_PROFILE").or_else(|| env.get("AWS_DEFAULT_PROFILE"));
    let name = named.unwrap_or("default");
    let credentials = env
        .path("AWS_SHARED_CREDENTIALS_FILE")
        .or_else(|| env.home(".aws/credentials"));
    let config = env.path("AWS_CONFIG_FILE").or_else(|| env.home(".aws/config"));
    let in_config = match name {
        "default" => name.to_owned(),
        name => format!("profile {name}"),
    };
    let mut sections = Vec::new();
    for (path, section) in [(credentials, name), (config, in_config.as_str())] {
        let Some(path) = path else { continue };
        let text = environment::read(&way(name), &path).await?;
        if let Some(section) = text.and_then(|text| read(&text, section)) {
            sections.push((path, section));
        }
    }
    if sections.is_empty() && named.is_some() {
        return Err(CloudError::Setting {
            way: way(name),
            what: "no such profile in AWS's files; correct `AWS_PROFILE`".into(),
        });
    }
    let profile = Profile { name, sections };
    profile.refuse_other_ways()?;
    let keys = profile.keys()?;
    if keys.is_none() {
        trail.add(format!("no keys in the profile `{}`", name.escape_debug()));
    }
    Ok(keys)
}

fn way(profile: &str) -> String {
    format!("AWS: profile `{}`", profile.escape_debug())
}

impl Profile<'_> {
    /// Keys beside a role are those that take it on, in whichever file they are: by themselves they log in as
    /// somebody else than the profile means.
    fn refuse_other_ways(&self) -> Result<(), CloudError> {
        for key in OTHER_WAYS {
            if let Some((path, _)) = self.sections.iter().find(|(_, found)| found.contains_key(key)) {
                return Err(self.wrong(path, format!(
                    "logs in by `{key}`, which chartferry does not do; run `aws configure export-credentials --format env` before, or set `credential_helper = \"ecr-login\"`"
                )));
            }
        }
        Ok(())
    }

    /// The keys of the first file that has any.
    fn keys(&self) -> Result<Option<Keys>, CloudError> {
        for (path, found) in &self.sections {
            match (found.get("aws_access_key_id"), found.get("aws_secret_access_key")) {
                (None, None) => {}
                (Some(id), Some(secret)) => {
                    let token = found.get("aws_session_token");
                    return Ok(Some(Keys {
                        id: id.clone(),
                        secret: secret.as_str().into(),
                        token: token.map(|token| SecretString::from(token.as_str())),
                        origin: format!("profile `{}` in `{}`", self.name.escape_debug(), path.display()),
                    }));
                }
                _ => {
                    let what =
                        "has only one of `aws_access_key_id` and `aws_secret_access_key`; add the other";
                    return Err(self.wrong(path, what.to_owned()));
                }
            }
        }
        Ok(None)
    }

    fn wrong(&self, path: &Path, what: String) -> CloudError {
        CloudError::File {
            way: way(self.name),
            path: path.to_owned(),
            what,
        }
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

//! `helm:NAME`: a repository as `helm repo add` wrote it down, with its login and TLS files.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use secrecy::SecretString;
use serde::Deserialize;

/// Longer files are none of Helm's.
const LONGEST: u64 = 8 << 20;

/// One entry of `repositories.yaml` (helm-oci-format 6.3).
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry {
    name: String,
    pub(super) url: String,
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: Option<SecretString>,
    #[serde(default)]
    pub(super) cert_file: Option<PathBuf>,
    #[serde(default)]
    pub(super) key_file: Option<PathBuf>,
    #[serde(default)]
    pub(super) ca_file: Option<PathBuf>,
    #[serde(default, rename = "insecure_skip_tls_verify")]
    pub(super) insecure: bool,
    #[serde(default, rename = "pass_credentials_all")]
    pub(super) pass_credentials_all: bool,
}

#[derive(Deserialize)]
struct Repositories {
    #[serde(default)]
    repositories: Vec<Entry>,
}

impl Entry {
    /// User and password, if both are there: Helm sends nothing otherwise.
    pub(super) fn login(&self) -> Option<(String, SecretString)> {
        let password = self.password.clone()?;
        (!self.username.is_empty()).then(|| (self.username.clone(), password))
    }

    /// Helm writes empty texts for what is not set.
    fn without_empty(mut self) -> Self {
        for path in [&mut self.cert_file, &mut self.key_file, &mut self.ca_file] {
            path.take_if(|path| path.as_os_str().is_empty());
        }
        self
    }
}

/// The entry `name` of Helm's own file.
pub(super) fn find(name: &str) -> anyhow::Result<Entry> {
    let path = location(|variable| {
        std::env::var_os(variable)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    })
    .context("`helm:` sources need a home folder, or `HELM_REPOSITORY_CONFIG`")?;
    let text = read(&path).with_context(|| format!("`helm:{name}`: cannot read `{}`", path.display()))?;
    // The text is never shown: it holds passwords.
    let file: Repositories = serde_yaml::from_str(&text).map_err(|error| {
        anyhow::anyhow!(
            "`{}` is not Helm's list of repositories{}",
            path.display(),
            at(&error)
        )
    })?;
    match file.repositories.into_iter().find(|entry| entry.name == name) {
        Some(entry) => Ok(entry.without_empty()),
        None => bail!(
            "`{}` has no repository `{name}`; `helm repo list` shows the names",
            path.display()
        ),
    }
}

fn at(error: &serde_yaml::Error) -> String {
    error
        .location()
        .map(|at| format!(" (line {})", at.line()))
        .unwrap_or_default()
}

fn read(path: &Path) -> std::io::Result<String> {
    use std::io::Read as _;
    let mut text = String::new();
    std::fs::File::open(path)?
        .take(LONGEST)
        .read_to_string(&mut text)?;
    Ok(text)
}

/// Where Helm keeps the list: its own variables, then the folder of the platform.
fn location(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    if let Some(file) = variable("HELM_REPOSITORY_CONFIG") {
        return Some(file);
    }
    let folder = variable("HELM_CONFIG_HOME")
        .or_else(|| variable("XDG_CONFIG_HOME").map(|folder| folder.join("helm")))
        .or_else(|| {
            let home = variable("HOME")?;
            Some(home.join(if cfg!(target_os = "macos") {
                "Library/Preferences/helm"
            } else {
                ".config/helm"
            }))
        })?;
    Some(folder.join("repositories.yaml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_where_helm_looks() {
        let place = |given: &'static [(&str, &str)]| {
            location(move |name| {
                given
                    .iter()
                    .find(|(key, _)| *key == name)
                    .map(|(_, value)| value.into())
            })
        };
        assert_eq!(
            place(&[("HELM_REPOSITORY_CONFIG", "/a.yaml"), ("HOME", "/h")]),
            Some("/a.yaml".into())
        );
        assert_eq!(
            place(&[("HELM_CONFIG_HOME", "/c"), ("HOME", "/h")]),
            Some("/c/repositories.yaml".into())
        );
        assert_eq!(
            place(&[("XDG_CONFIG_HOME", "/x")]),
            Some("/x/helm/repositories.yaml".into())
        );
        assert_eq!(place(&[]), None);
    }

    #[test]
    fn reads_what_helm_writes() {
        let text = "apiVersion: \"\"\nrepositories:\n- caFile: \"\"\n  certFile: /c\n  insecure_skip_tls_verify: true\n  keyFile: /k\n  name: a\n  pass_credentials_all: false\n  password: s3cr3t\n  url: https://a.io\n  username: u\n";
        let mut file: Repositories = serde_yaml::from_str(text).unwrap();
        let entry = file.repositories.remove(0).without_empty();
        assert_eq!(
            (entry.url.as_str(), entry.ca_file.is_none(), entry.insecure),
            ("https://a.io", true, true)
        );
        assert_eq!(entry.login().unwrap().0, "u");
        assert!(!format!("{entry:?}").contains("s3cr3t"));
    }
}

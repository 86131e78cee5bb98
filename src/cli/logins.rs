//! Secrets that came with the command: from standard input or a file, never from an argument.

use std::collections::BTreeMap;
use std::io::{BufRead as _, Read as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use secrecy::SecretString;

use super::args::RunArgs;
use super::login::note;
use super::progress::Screen;
use crate::secret;

/// A password line is not longer than this.
const LONGEST: u64 = 64 << 10;

/// User and password.
pub(super) type Login = (String, SecretString);

/// Logins of the command line.
#[derive(Debug, Default)]
pub(super) struct Logins {
    /// At the target.
    pub(super) target: Option<Login>,
    /// At the source.
    pub(super) source: Option<Login>,
    /// A file to look into instead of Helm's and Docker's own.
    pub(super) registry_config: Option<PathBuf>,
}

impl Logins {
    pub(super) fn read(args: &RunArgs, screen: &Screen) -> anyhow::Result<Self> {
        let (target, source) = (&args.target, &args.source);
        Ok(Self {
            target: login(
                target.username.as_deref(),
                target.password_file.as_deref(),
                target.password_stdin,
                ["--username", "--password-stdin", "--password-file"],
                screen,
            )?,
            source: login(
                source.source_username.as_deref(),
                source.source_password_file.as_deref(),
                source.source_password_stdin,
                [
                    "--source-username",
                    "--source-password-stdin",
                    "--source-password-file",
                ],
                screen,
            )?,
            registry_config: target.registry_config.clone(),
        })
    }
}

fn login(
    user: Option<&str>,
    file: Option<&Path>,
    stdin: bool,
    flags: [&str; 3],
    screen: &Screen,
) -> anyhow::Result<Option<Login>> {
    let Some(user) = user else { return Ok(None) };
    let password = match (file, stdin) {
        (Some(path), _) => from_file(flags[2], path, screen)?,
        (None, true) => from_stdin(flags[1])?,
        (None, false) => bail!(
            "`{}` needs a password: `{}` or `{}`",
            flags[0],
            flags[1],
            flags[2]
        ),
    };
    Ok(Some((user.to_owned(), password)))
}

/// The password in a file, with a warning if it is one that everybody may read.
pub(super) fn from_file(flag: &str, path: &Path, screen: &Screen) -> anyhow::Result<SecretString> {
    let password = secret::read_file(path).with_context(|| format!("`{flag}`"))?;
    if let Some(text) = secret::world_readable(path) {
        note(screen, "warning", &format!("`{flag}`: {text}"));
    }
    Ok(password)
}

/// The environment as the stores of credentials read it.
pub(super) fn variables() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// The first line, without its end.
pub(super) fn from_stdin(flag: &str) -> anyhow::Result<SecretString> {
    let mut line = String::new();
    let mut input = std::io::stdin().lock().take(LONGEST);
    input
        .read_line(&mut line)
        .with_context(|| format!("`{flag}`: cannot read standard input"))?;
    let password = line.trim_end_matches(['\n', '\r']);
    if password.is_empty() {
        bail!("`{flag}`: standard input holds no password");
    }
    Ok(SecretString::from(password))
}

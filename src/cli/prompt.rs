//! Asks people on the terminal. Questions go to the terminal, never to stdout, and a password is not echoed.

use std::io::{BufRead as _, IsTerminal as _, Read as _, Write as _};

use anyhow::{Context as _, bail};
use secrecy::SecretString;

use crate::types::RegistryHost;

/// A user name is not longer than this.
const LONGEST: u64 = 4 << 10;

/// Asks for the user name.
pub(super) fn username(host: &RegistryHost) -> anyhow::Result<String> {
    if !std::io::stdin().is_terminal() {
        bail!("`--username` is missing, and standard input is no terminal to ask on");
    }
    let mut screen = std::io::stderr().lock();
    write!(screen, "user name at {host}: ").and_then(|()| screen.flush())?;
    let mut line = String::new();
    let mut input = std::io::stdin().lock().take(LONGEST);
    input.read_line(&mut line).context("cannot read the user name")?;
    Ok(line.trim().to_owned())
}

/// Asks for the password.
pub(super) fn password(host: &RegistryHost, username: &str) -> anyhow::Result<SecretString> {
    if !std::io::stdin().is_terminal() {
        bail!(
            "there is no password, and standard input is no terminal to ask on; use `--password-stdin` or `--password-file`"
        );
    }
    let question = format!("password of {} at {host}: ", username.escape_debug());
    let password = rpassword::prompt_password(question).context("cannot read the password")?;
    if password.is_empty() {
        bail!("the password is empty");
    }
    Ok(SecretString::from(password))
}

//! `login`: a login is tried at the registry and then kept where Helm finds it.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use clap::Args;
use secrecy::SecretString;

use super::args::LogArgs;
use super::progress::Screen;
use super::{logins, output, prompt, show_error, start_logging};
use crate::config::Config;
use crate::net::{HostOptions, Net, NetOptions, RetryOptions};
use crate::registry::credentials::Keeper;
use crate::registry::{Credential, FixedCredentials, Registry, RegistryError, RegistryOptions};
use crate::report::{self, ExitStatus};
use crate::types::{Class, RegistryHost};

pub(super) const EXAMPLES: &str = "Examples:
  chartferry login registry.acme.io
  echo \"$TOKEN\" | chartferry login ghcr.io --username acme --password-stdin";

/// Tries of a request: somebody is waiting.
const TRIES: u32 = 3;

/// `login …`. The names of the flags are Helm's.
#[derive(Debug, Args)]
pub(super) struct LoginArgs {
    /// The registry, `host` or `host:port`
    #[arg(value_name = "HOST")]
    host: String,
    /// User name; asked for on a terminal when left out
    #[arg(short, long, value_name = "USER")]
    username: Option<String>,
    /// Read the password from standard input; without it, it is asked for on the terminal
    #[arg(long, requires = "username", conflicts_with = "password_file")]
    password_stdin: bool,
    /// Read the password from a file
    #[arg(long, value_name = "FILE", requires = "username")]
    password_file: Option<PathBuf>,
    /// Keep the login in this file instead of Helm's
    #[arg(long, value_name = "FILE")]
    registry_config: Option<PathBuf>,
    /// Speak HTTP without TLS
    #[arg(long)]
    plain_http: bool,
    /// Accept any certificate
    #[arg(long)]
    insecure_skip_tls_verify: bool,
    /// Trust the certificate authorities in this PEM file too
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Client certificate, PEM
    #[arg(long, value_name = "FILE", requires = "key_file")]
    cert_file: Option<PathBuf>,
    /// Key of the client certificate, PEM
    #[arg(long, value_name = "FILE", requires = "cert_file")]
    key_file: Option<PathBuf>,
    /// A token service on another host that may be given the login (repeatable)
    #[arg(long, value_name = "HOST")]
    trusted_realm: Vec<String>,
}

/// Logs in and returns the exit code.
pub(super) fn run(args: LoginArgs, log: &LogArgs, screen: &Screen) -> anyhow::Result<u8> {
    start_logging(log, &Config::default(), screen)?;
    let host = host(&args.host)?;
    let keeper = Keeper::new(args.registry_config.clone(), &logins::variables())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context("cannot start")?;
    // Nobody types a password, and no registry sees it, for a store that cannot keep it.
    runtime.block_on(keeper.check())?;
    let (username, password) = credentials(&args, &host, screen)?;
    let registry = registry(args, &host, &username, &password)?;
    let asked = match runtime.block_on(registry.check_login()) {
        Ok(asked) => asked,
        Err(error) => {
            show_error(screen, &explained(error, &host));
            return Ok(ExitStatus::TargetUnusable.code());
        }
    };
    let place = runtime.block_on(keeper.save(&host, &username, &password))?;
    if !asked {
        let text = format!("`{host}` lets in everybody, so nobody knows whether the password is right");
        note(screen, "warning", &text);
    }
    if !log.quiet {
        note(screen, "note", &format!("the login of `{host}` is in {place}"));
    }
    output::print("Login succeeded\n").map(|()| 0)
}

/// A registry's host, with a hint where it is written as an address.
pub(super) fn host(text: &str) -> anyhow::Result<RegistryHost> {
    let wrong = match RegistryHost::new(text) {
        Ok(host) => return Ok(host),
        Err(wrong) => wrong,
    };
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let name = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let name = name.rsplit('@').next().unwrap_or_default();
    match RegistryHost::new(name) {
        // The text itself may hold a password.
        Ok(host) => bail!("HOST is a host alone, without scheme, user or path: `{host}`"),
        Err(_) => Err(wrong).context("HOST"),
    }
}

fn credentials(
    args: &LoginArgs,
    host: &RegistryHost,
    screen: &Screen,
) -> anyhow::Result<(String, SecretString)> {
    let username = match &args.username {
        Some(username) => username.clone(),
        None => prompt::username(host)?,
    };
    // A store has no way to write it down.
    if username.is_empty() || username.contains(':') {
        bail!("a user name is not empty and has no `:`");
    }
    let password = match &args.password_file {
        Some(path) => logins::from_file("--password-file", path, screen)?,
        None if args.password_stdin => logins::from_stdin("--password-stdin")?,
        None => prompt::password(host, &username)?,
    };
    Ok((username, password))
}

fn registry(
    args: LoginArgs,
    host: &RegistryHost,
    username: &str,
    password: &SecretString,
) -> anyhow::Result<Registry> {
    let net = Net::new(NetOptions {
        hosts: vec![HostOptions {
            name: host.api_host().to_owned(),
            plain_http: args.plain_http,
            insecure_skip_tls_verify: args.insecure_skip_tls_verify,
            ca_file: args.ca_file,
            cert_file: args.cert_file,
            key_file: args.key_file,
            trusted_realms: args.trusted_realm,
            ..HostOptions::default()
        }],
        retry: RetryOptions {
            attempts: TRIES,
            ..RetryOptions::default()
        },
        ..NetOptions::default()
    })?;
    let credential = Credential::Basic {
        username: username.to_owned(),
        password: password.clone(),
    };
    let credentials = Arc::new(FixedCredentials(credential));
    let options = RegistryOptions {
        plain_http: args.plain_http,
        ..RegistryOptions::default()
    };
    Ok(Registry::new(net, host.clone(), credentials, options)?)
}

/// A wrong password is said in the words for somebody who has just typed it.
fn explained(error: RegistryError, host: &RegistryHost) -> anyhow::Error {
    let refused =
        |why: &str| anyhow::anyhow!("`{host}` does not accept user and password: {why}; nothing was stored");
    match &error {
        RegistryError::Login { why, .. } => {
            anyhow::anyhow!("cannot log in to `{host}`: {why}; nothing was stored")
        }
        RegistryError::Token {
            why,
            realm,
            class: Class::Auth,
            ..
        } => refused(&format!("the token service `{realm}` answered {why}")),
        RegistryError::Status { status, problems, .. } if matches!(status.as_u16(), 401 | 403) => {
            refused(format!("{status} {problems}").trim_end())
        }
        _ => anyhow::Error::new(error).context("the login was not tried, nothing was stored"),
    }
}

/// One line for people on stderr.
pub(super) fn note(screen: &Screen, kind: &str, text: &str) {
    let line = format!("{kind}: {}\n", report::plain(text));
    // Nowhere is left to say that this could not be said.
    let _ = screen.write_lines(line.as_bytes());
}

//! `logout`: forgets what `login`, or Helm, keeps for a registry.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;

use super::args::LogArgs;
use super::login::{host, note};
use super::progress::Screen;
use super::{logins, output, start_logging};
use crate::config::Config;
use crate::registry::Credential;
use crate::registry::credentials::{Keeper, StoreOptions, Stores};

pub(super) const EXAMPLES: &str = "Examples:
  chartferry logout registry.acme.io";

/// `logout …`
#[derive(Debug, Args)]
pub(super) struct LogoutArgs {
    /// The registry, `host` or `host:port`
    #[arg(value_name = "HOST")]
    host: String,
    /// Forget the login in this file instead of Helm's
    #[arg(long, value_name = "FILE")]
    registry_config: Option<PathBuf>,
}

/// Logs out and returns the exit code. Not to be logged in is no error, as for Helm and Docker.
pub(super) fn run(args: LogoutArgs, log: &LogArgs, screen: &Screen) -> anyhow::Result<u8> {
    start_logging(log, &Config::default(), screen)?;
    let host = host(&args.host)?;
    let variables = logins::variables();
    let keeper = Keeper::new(args.registry_config.clone(), &variables)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context("cannot start")?;
    let known = runtime.block_on(keeper.forget(&host))?;
    // The stores of other programs are theirs to change, but whoever logs out wants to know.
    let stores = Stores::new(StoreOptions {
        registry_config: args.registry_config,
        variables,
        ..StoreOptions::default()
    });
    if let Ok((credential, origin)) = runtime.block_on(stores.find(host.as_str()))
        && credential != Credential::Anonymous
    {
        let text =
            format!("there still is a login for `{host}` in {origin}, which chartferry and others will use");
        note(screen, "warning", &text);
    }
    output::print(if known {
        "Logout succeeded\n"
    } else {
        "Not logged in\n"
    })
    .map(|()| 0)
}

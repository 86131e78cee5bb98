//! `mirror`: the service.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

use super::args::{LogArgs, MirrorArgs};
use super::progress::Screen;
use super::service_plan::{Planner, state_folder};
use super::{log_to, show, show_error, signals};
use crate::config::{self, Config, LeaseConfig};
use crate::report::{ExitStatus, Signal};
use crate::run::Stop;
use crate::service::http::HttpOptions;
use crate::service::lease::{Leadership, LeaseOptions};
use crate::service::{self, Clock, ConfigFile, Fingerprint, Plan, ServiceSpec};
use crate::state::{Claim, StateError};

/// Serves until a signal ends it, and returns the exit code.
pub(super) fn run(args: &MirrorArgs, log: &LogArgs, screen: &Screen) -> anyhow::Result<u8> {
    // Before the file is read: a change in between is found out then
    let fingerprint = service::fingerprint(&args.config);
    let config = match config::load(&args.config) {
        Ok((config, warnings)) => {
            show(screen, "warning", &warnings);
            config
        }
        Err(error) => {
            show(screen, "warning", &error.warnings);
            show(screen, "error", &error.problems);
            return Ok(ExitStatus::Config.code());
        }
    };
    // Also on a terminal: whoever comes back to it wants to know when
    log_to(screen, log, &config, true)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start")?;
    let ended = runtime.block_on(serve(&args.config, fingerprint, config));
    // What still runs was given up by a second signal: it is not waited for
    runtime.shutdown_timeout(Duration::from_millis(100));
    match ended {
        Ok(signal) => Ok(match signal {
            Some(Signal::Int) => ExitStatus::Interrupted.code(),
            Some(Signal::Term) => ExitStatus::Terminated.code(),
            None => ExitStatus::Success.code(),
        }),
        Err(error) if matches!(error.downcast_ref(), Some(StateError::Served { .. })) => {
            show_error(screen, &error);
            Ok(ExitStatus::AlreadyRunning.code())
        }
        Err(error) => Err(error),
    }
}

async fn serve(
    file: &Path,
    fingerprint: Option<Fingerprint>,
    config: Config,
) -> anyhow::Result<Option<Signal>> {
    let stop = Stop::new(config.grace);
    let signals = signals::Watcher::start(stop.clone()).context("cannot listen for signals")?;
    let hangup = hangups().context("cannot listen for signals")?;
    let folder = state_folder(&config)?;
    let state = Claim::new(&folder)?;
    let leadership = leadership(config.lease.as_ref()).await?;
    let listen = config.http.listen;
    let hosts = config
        .http
        .hosts
        .iter()
        .map(|host| host.as_str().into())
        .collect();
    let planner = Arc::new(Planner::new(file, folder));
    let plan = planner.plan(config, true)?;
    let http = HttpOptions {
        token: planner.token(),
        hosts,
        ..HttpOptions::default()
    };
    let spec = ServiceSpec {
        state,
        listener: bind(listen).await?,
        http,
        plan,
        config: ConfigFile {
            path: file.to_path_buf(),
            fingerprint,
            load: Arc::new(move |anew| load(&planner, anew)),
            hangup,
        },
        leadership,
        clock: Clock::system(),
    };
    service::serve(spec, stop).await;
    Ok(signals.seen())
}

/// Whether this replica works: always, or as a Lease of Kubernetes says.
async fn leadership(lease: Option<&LeaseConfig>) -> anyhow::Result<Leadership> {
    let Some(lease) = lease else {
        return Ok(Leadership::always());
    };
    let options = LeaseOptions::new(&lease.name, lease.namespace.as_deref());
    let started = Leadership::start(&options).await;
    started.with_context(|| format!("cannot take part in the election by the Lease `{}`", lease.name))
}

async fn bind(listen: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(listen)
        .await
        .with_context(|| format!("cannot listen on `{listen}`; free it, or change `listen` of `[http]`"))
}

/// Tells of each SIGHUP, which would end the process otherwise.
fn hangups() -> std::io::Result<Arc<Notify>> {
    let mut hangup = signal(SignalKind::hangup())?;
    let told = Arc::new(Notify::new());
    let tell = Arc::clone(&told);
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            tell.notify_one();
        }
    });
    Ok(told)
}

/// Reads the file again. Warnings go to the log, all problems into one text.
fn load(planner: &Planner, anew: bool) -> Result<Plan, String> {
    let (config, warnings) = config::load(planner.file()).map_err(|error| error.to_string())?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    planner.plan(config, anew).map_err(|error| format!("{error:#}"))
}

//! `migrate`, `plan` and `verify`.

use std::time::Duration;

use anyhow::{Context as _, bail};
use chrono::Utc;

use super::args::{LogArgs, RunArgs};
use super::assemble::{Work, assemble};
use super::logins::Logins;
use super::progress::{Screen, Watch};
use super::{flags, output, show, show_error, signals, start_logging};
use crate::config::{self, Config, ProblemKind};
use crate::report::{ExitStatus, ExitZeroOn, RunReport};
use crate::run::{self, Mode, Stop};

/// Runs the mirrors that `args` name and returns the exit code.
pub(super) fn run(args: &RunArgs, log: &LogArgs, mode: Mode, screen: &Screen) -> anyhow::Result<u8> {
    let Some(config) = configuration(args, screen)? else {
        return Ok(ExitStatus::Config.code());
    };
    start_logging(log, &config, screen)?;
    let logins = Logins::read(args, screen)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start")?;
    let watch = if log.quiet {
        Watch::nobody()
    } else {
        Watch::start(screen)
    };
    let report = runtime.block_on(execute(args, &config, &logins, &watch, mode));
    // What still runs belongs to versions that were given up: it is not waited for. But open connections are closed, so
    // that the report finds a free file descriptor.
    runtime.shutdown_timeout(Duration::from_millis(100));
    watch.finish();
    let report = report?;
    let none = ExitZeroOn::default();
    let zero_on = args.output.exit_zero_on.as_ref().unwrap_or(&none);
    let mut status = ExitStatus::with_exceptions(&report, zero_on);
    for error in output::write(&report, &args.output) {
        show_error(screen, &error);
        status = status.max(ExitStatus::Config);
    }
    Ok(status.code())
}

async fn execute(
    args: &RunArgs,
    config: &Config,
    logins: &Logins,
    watch: &Watch,
    mode: Mode,
) -> anyhow::Result<RunReport> {
    let stop = Stop::new(config.grace);
    let signals = signals::Watcher::start(stop.clone()).context("cannot listen for signals")?;
    let ends = (watch.progress(), stop);
    let Work { engine, mirrors } = assemble(config, logins, args, mode, ends, Utc::now()).await?;
    let mut report = run::run(&engine, mirrors, mode).await;
    report.interrupted = signals.seen();
    Ok(report)
}

/// The file's configuration, or the one that the flags spell out. `None`: its problems were shown.
fn configuration(args: &RunArgs, screen: &Screen) -> anyhow::Result<Option<Config>> {
    let Some(file) = &args.config else {
        return from_flags(args, screen);
    };
    if let Some(flag) = flags::given_beside_a_file(args) {
        bail!("`{flag}` cannot be used with `--config`: the file says it for each mirror and host");
    }
    let (problems, mut warnings, mut config) = match config::load(file) {
        Ok((config, warnings)) => (Vec::new(), warnings, Some(config)),
        Err(error) => (error.problems, error.warnings, None),
    };
    if args.trust.check_drift {
        // The file's warning is that nothing compares digests; this run does.
        warnings
            .retain(|warning| !(warning.kind == ProblemKind::Conflict && warning.key.ends_with("].drift")));
        let mirrors = config.iter_mut().flat_map(|config| &mut config.mirrors);
        mirrors.for_each(|mirror| mirror.check_drift = true);
    }
    show(screen, "warning", &warnings);
    show(screen, "error", &problems);
    Ok(config)
}

fn from_flags(args: &RunArgs, screen: &Screen) -> anyhow::Result<Option<Config>> {
    let (source, target) = match args.operands.as_slice() {
        [source, target] => (source, target),
        [] => bail!("SOURCE and TARGET are missing; name both, or a file with `--config`"),
        [_] => bail!("TARGET is missing: `oci://host/prefix` or `oci-layout:DIR`"),
        [_, _, extra, ..] => bail!("`{extra}` is one operand too many: there are SOURCE and TARGET"),
    };
    flags::check_use(args, source, target)?;
    let (problems, warnings, config) = match flags::read(args, source, target) {
        Ok((config, warnings)) => (Vec::new(), warnings, Some(config)),
        Err(error) => (error.problems, error.warnings, None),
    };
    for (kind, problems) in [("warning", &warnings), ("error", &problems)] {
        for problem in problems {
            let text = format!(
                "{kind}: {}\n",
                crate::report::plain(&flags::describe(problem, args))
            );
            let _ = screen.write_lines(text.as_bytes());
        }
    }
    Ok(config)
}

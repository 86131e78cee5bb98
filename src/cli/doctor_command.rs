//! `doctor`.

use std::time::Duration;

use anyhow::{Context as _, bail};
use chrono::Utc;

use super::args::{DoctorArgs, LogArgs, RunArgs};
use super::assemble::examination;
use super::logins::Logins;
use super::progress::Screen;
use super::{flags, output, show, start_logging};
use crate::config::{self, Config};
use crate::doctor::{self, Probe};
use crate::report::{self, ExitStatus};
use crate::run::TargetSpec;
use crate::types::OciTarget;

/// Looks at what `args` name and returns the exit code.
pub(super) fn run(args: &DoctorArgs, log: &LogArgs, screen: &Screen) -> anyhow::Result<u8> {
    // The flags mean what they mean to a run.
    let run_args = RunArgs {
        operands: args.operands.clone(),
        config: args.config.clone(),
        target: args.target.clone(),
        ..RunArgs::default()
    };
    let target = target(args)?;
    let Some(config) = configuration(&run_args, target.as_ref(), screen)? else {
        return Ok(ExitStatus::Config.code());
    };
    let probe = args
        .probe
        .as_deref()
        .map(|text| probe(text, target.as_ref(), &config))
        .transpose()?;
    start_logging(log, &config, screen)?;
    let logins = Logins::read(&run_args, screen)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start")?;
    if let Some(probe) = &probe {
        let text = format!("`--probe` pushes a small chart as `{probe}` and removes it again\n");
        let _ = screen.write_lines(text.as_bytes());
    }
    let report = runtime.block_on(async {
        let mut task = examination(&config, &logins, &run_args, target, Utc::now()).await?;
        task.probe = probe;
        anyhow::Ok(doctor::examine(&task).await)
    });
    // A look that was given up is not waited for.
    runtime.shutdown_timeout(Duration::from_millis(100));
    let report = report?;
    output::findings(&report, args.strict, args.output)?;
    Ok(report.status(args.strict).code())
}

/// The TARGET, where no file is named.
fn target(args: &DoctorArgs) -> anyhow::Result<Option<TargetSpec>> {
    if args.config.is_some() {
        return Ok(None);
    }
    match args.operands.as_slice() {
        [target] => Ok(Some(target.parse().context("TARGET")?)),
        [] => bail!("TARGET is missing: name one, or a file with `--config`"),
        [_, extra, ..] => bail!("`{extra}` is one operand too many: there is only TARGET"),
    }
}

/// The file's configuration, or the one that the flags spell out. `None`: its problems were shown.
fn configuration(
    args: &RunArgs,
    target: Option<&TargetSpec>,
    screen: &Screen,
) -> anyhow::Result<Option<Config>> {
    if let Some(target) = target {
        flags::check_target_use(args, &target.to_string())?;
    } else if let Some(flag) = flags::given_beside_a_file(args) {
        bail!("`{flag}` cannot be used with `--config`: the file says it for each mirror and host");
    }
    let read = match (&args.config, target) {
        (Some(file), _) => config::load(file),
        (None, target) => flags::read_target(args, &target.map(ToString::to_string).unwrap_or_default()),
    };
    let (problems, warnings, config) = match read {
        Ok((config, warnings)) => (Vec::new(), warnings, Some(config)),
        Err(error) => (error.problems, error.warnings, None),
    };
    for (kind, problems) in [("warning", &warnings), ("error", &problems)] {
        if args.config.is_some() {
            show(screen, kind, problems);
            continue;
        }
        for problem in problems {
            let text = format!("{kind}: {}\n", report::plain(&flags::describe(problem, args)));
            let _ = screen.write_lines(text.as_bytes());
        }
    }
    Ok(config)
}

/// `REPO` of `--probe`: a path at the registry of TARGET, or `oci://HOST/PATH` with the host of a target.
fn probe(text: &str, target: Option<&TargetSpec>, config: &Config) -> anyhow::Result<Probe> {
    let hosts: Vec<_> = match target {
        Some(TargetSpec::Registry(target)) => vec![target.host.clone()],
        Some(layout @ TargetSpec::Layout(_)) => {
            bail!("`--probe` is about a registry, and `{layout}` is none")
        }
        None => super::assemble::registries(config),
    };
    let asked = match (text.starts_with("oci://"), target) {
        (false, Some(TargetSpec::Registry(target))) => format!("oci://{}/{text}", target.host),
        (false, Some(TargetSpec::Layout(_)) | None) => {
            bail!("`--probe`: with `--config` say at which registry: `oci://HOST/{text}`")
        }
        (true, _) => text.to_owned(),
    };
    let asked = OciTarget::parse(&asked).context("`--probe`")?;
    let Some(repository) = asked.prefix else {
        bail!("`--probe` needs a repository: `oci://{}/PATH`", asked.host);
    };
    if !hosts.contains(&asked.host) {
        bail!("`--probe`: `{}` is no registry that is looked at", asked.host);
    }
    Ok(Probe {
        host: asked.host,
        repository,
    })
}

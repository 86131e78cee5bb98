//! The command line: the only place that prints.
//!
//! [`main`] reads what was typed and dispatches. Flags become a configuration (`flags`), a configuration becomes an
//! engine and mirrors (`assemble`), `run_command` runs them and prints what the report says, `mirror_command` serves them for
//! ever (`service_plan`), `doctor_command` looks at them.

mod args;
mod assemble;
mod doctor_command;
mod flags;
mod helm_repositories;
pub mod logging;
mod login;
mod logins;
mod logout;
mod memory;
mod mirror_command;
mod notify;
mod output;
pub mod progress;
mod prompt;
mod run_command;
mod service_plan;
mod shard;
mod signals;

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{CommandFactory as _, Parser as _};

use crate::config;
use crate::report::{self, ExitStatus};
use crate::run::Mode;
use args::{Cli, Command, ConfigCommand, LogArgs, LogForm};
use logging::{LogFormat, LogOptions};
use progress::Screen;

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    keep_secrets_out_of_core_dumps();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are results; everything else is a usage error. A closed terminal is neither.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() {
                ExitStatus::Config.code()
            } else {
                0
            });
        }
    };
    let screen = Screen::stderr();
    match dispatch(cli, &screen) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            show_error(&screen, &error);
            ExitCode::from(ExitStatus::Config.code())
        }
    }
}

/// A core would hold passwords and tokens (reliability 4.4).
fn keep_secrets_out_of_core_dumps() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    // Lowering one's own limit is always allowed.
    let _ = setrlimit(Resource::Core, none);
}

/// Says why a command, or a part of it, could not be done.
fn show_error(screen: &Screen, error: &anyhow::Error) {
    let text = format!("error: {}\n", report::plain(&format!("{error:#}")));
    // Nowhere is left to say that this could not be said.
    let _ = screen.write_lines(text.as_bytes());
}

fn dispatch(cli: Cli, screen: &Screen) -> anyhow::Result<u8> {
    match cli.command {
        Command::Migrate(args) => {
            let mode = if args.dry_run { Mode::Plan } else { Mode::Migrate };
            run_command::run(&args, &cli.log, mode, screen)
        }
        Command::Plan(args) => run_command::run(&args, &cli.log, Mode::Plan, screen),
        Command::Verify(args) => {
            refuse_writing(&args.run)?;
            let mode = Mode::Verify { deep: args.deep };
            run_command::run(&args.run, &cli.log, mode, screen)
        }
        Command::Mirror(args) => mirror_command::run(&args, &cli.log, screen),
        Command::Doctor(args) => doctor_command::run(&args, &cli.log, screen),
        Command::Login(args) => login::run(*args, &cli.log, screen),
        Command::Logout(args) => logout::run(args, &cli.log, screen),
        Command::Config(ConfigCommand::Check { file }) => check(&file, screen),
        Command::Config(ConfigCommand::Schema) => {
            output::print(&format!("{:#}\n", config::schema())).map(|()| 0)
        }
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "chartferry", &mut script);
            output::print(&String::from_utf8_lossy(&script)).map(|()| 0)
        }
        Command::Man { command } => man(command.as_deref()),
    }
}

/// `verify` takes the arguments of a run, but for those that are about writing.
fn refuse_writing(args: &args::RunArgs) -> anyhow::Result<()> {
    let given = [
        (args.dry_run, "--dry-run"),
        (args.trust.create_repositories, "--create-repositories"),
    ];
    match given.into_iter().find(|(given, _)| *given) {
        None => Ok(()),
        Some((_, flag)) => anyhow::bail!("`{flag}` has no meaning for `verify`, which writes nothing"),
    }
}

/// The manual page of the program or of one of its commands, as `roff`.
fn man(command: Option<&str>) -> anyhow::Result<u8> {
    let mut program = Cli::command();
    program.build();
    let page = match command {
        None => program,
        Some(name) => {
            let found = program.find_subcommand(name).cloned();
            found.with_context(|| format!("there is no command `{name}`"))?
        }
    };
    let mut text = Vec::new();
    clap_mangen::Man::new(page).render(&mut text)?;
    output::print(&String::from_utf8_lossy(&text)).map(|()| 0)
}

/// `config check`: problems on stderr, the verdict on stdout.
fn check(file: &Path, screen: &Screen) -> anyhow::Result<u8> {
    match config::load(file) {
        Ok((config, warnings)) => {
            show(screen, "warning", &warnings);
            let (mirrors, hosts) = (config.mirrors.len() as u64, config.hosts.len() as u64);
            let (mirrors, hosts) = (report::count(mirrors, "mirror"), report::count(hosts, "host"));
            output::print(&format!("{}: good ({mirrors}, {hosts})\n", file.display()))?;
            Ok(0)
        }
        Err(error) => {
            show(screen, "warning", &error.warnings);
            show(screen, "error", &error.problems);
            Ok(ExitStatus::Config.code())
        }
    }
}

/// Problems of a file, each with the line it is about.
fn show(screen: &Screen, kind: &str, problems: &[config::Problem]) {
    for problem in problems {
        let mut text = format!("{kind}: {}\n", report::plain(&problem.to_string()));
        if let Some(snippet) = problem.snippet() {
            text.push_str(&snippet);
            text.push('\n');
        }
        let _ = screen.write_lines(text.as_bytes());
    }
}

/// Starts logging. Who watches a command knows what time it is.
fn start_logging(args: &LogArgs, config: &config::Config, screen: &Screen) -> anyhow::Result<()> {
    log_to(screen, args, config, !screen.is_terminal())
}

/// Starts logging, with the time in each line or not. The file's `log` and `log_format` hold where no flag says otherwise.
fn log_to(screen: &Screen, args: &LogArgs, config: &config::Config, timestamps: bool) -> anyhow::Result<()> {
    let json = match args.log_format {
        Some(form) => form == LogForm::Json,
        None => config.log_format == config::LogFormat::Json,
    };
    let env = |name| std::env::var_os(name);
    let options = LogOptions {
        levels: logging::levels(&config.log, args.quiet, args.verbose),
        format: if json { LogFormat::Json } else { LogFormat::Text },
        timestamps,
        colour: logging::wants_colour(
            screen.is_terminal(),
            env("NO_COLOR").as_deref(),
            env("TERM").as_deref(),
        ),
    };
    logging::init(options, screen).map_err(|error| anyhow::anyhow!("cannot start logging: {error}"))
}

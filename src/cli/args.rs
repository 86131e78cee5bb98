//! What can be typed. Every flag says what it means and what it is when left out; `settings` turns it into work.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::report::ExitZeroOn;
use crate::types::ByteSize;

/// Moves Helm charts from classic repositories into OCI registries, byte for byte as `helm push` would.
#[derive(Debug, Parser)]
#[command(name = "chartferry", version, arg_required_else_help = true)]
#[command(after_help = "Exit codes: 0 all in place, 1 usage or configuration, 2 some versions failed, 3 drift or \
conflicts only, 4 source unusable, 5 target unusable, 6 stopped by a safety limit, 75 another instance runs, \
130/143 interrupted.")]
pub(super) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(super) command: Command,
    /// Logging.
    #[command(flatten)]
    pub(super) log: LogArgs,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Copy what is missing at the target, once, then exit
    #[command(after_help = MIGRATE_EXAMPLES)]
    Migrate(Box<RunArgs>),
    /// Say what `migrate` would do and why; pushes nothing, downloads no package
    #[command(after_help = PLAN_EXAMPLES)]
    Plan(Box<RunArgs>),
    /// Check a configuration file, or print its JSON Schema
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print a completion script for a shell
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
}

/// `config …`
#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Report every problem of a configuration file, with line and column
    Check {
        /// The file.
        file: PathBuf,
    },
    /// Print the JSON Schema of the configuration file
    Schema,
}

const MIGRATE_EXAMPLES: &str = "Examples:
  chartferry migrate https://charts.acme.io oci://registry.acme.io/charts
  chartferry migrate ./gh-pages oci-layout:./charts          # a folder into an image layout, no network
  chartferry migrate oci-layout:./charts oci://10.0.0.5/apps # the other half of an air-gap transfer
  chartferry migrate https://charts.acme.io oci://registry.acme.io/charts \\
      --include 'nginx*' --version '>=4.0.0' --latest 20 --provenance require --keyring ring.gpg
  chartferry migrate -c config.toml                          # every mirror of a file";

const PLAN_EXAMPLES: &str = "Examples:
  chartferry plan https://charts.acme.io oci://registry.acme.io/charts
  chartferry plan -c config.toml ingress-nginx -o json";

/// `migrate` and `plan`.
#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// SOURCE and TARGET; with `--config` the names of mirrors, or none for all of them
    ///
    /// SOURCE is a repository URL (http, https), a folder or `file://` URL with an `index.yaml` or only packages, or
    /// `oci-layout:DIR`. TARGET is `oci://host[:port]/prefix` or `oci-layout:DIR`.
    #[arg(value_name = "SOURCE TARGET | NAME", verbatim_doc_comment)]
    pub(super) operands: Vec<String>,
    /// Read mirrors from this file
    #[arg(short, long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Only say what would be done (the same as `plan`)
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Which versions.
    #[command(flatten)]
    pub(super) filters: FilterArgs,
    /// What may be pushed.
    #[command(flatten)]
    pub(super) trust: TrustArgs,
    /// How to reach the target.
    #[command(flatten)]
    pub(super) target: TargetArgs,
    /// How to reach the source.
    #[command(flatten)]
    pub(super) source: SourceArgs,
    /// How hard to work.
    #[command(flatten)]
    pub(super) limits: LimitArgs,
    /// What to print.
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

/// Which versions are copied.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Filters")]
pub(super) struct FilterArgs {
    /// Only charts whose name matches this glob (repeatable)
    #[arg(long, value_name = "GLOB")]
    pub(super) include: Vec<String>,
    /// No charts whose name matches this glob (repeatable)
    #[arg(long, value_name = "GLOB")]
    pub(super) exclude: Vec<String>,
    /// Only versions in this range, as Helm reads it: `>=1.2 <3 || 4.x`
    #[arg(long = "version", visible_alias = "versions", value_name = "RANGE")]
    pub(super) versions: Option<String>,
    /// Only the newest N versions of each chart, counted after the other filters
    #[arg(long, value_name = "N")]
    pub(super) latest: Option<usize>,
    /// Only versions created since a date (`2024-01-31`) or within an age (`365d`)
    #[arg(long, value_name = "WHEN")]
    pub(super) since: Option<String>,
    /// Prereleases too, whatever the range says
    #[arg(long, conflicts_with = "no_prereleases")]
    pub(super) devel: bool,
    /// No prereleases (without `--version` the default is to copy them)
    #[arg(long)]
    pub(super) no_prereleases: bool,
    /// No versions that are marked deprecated
    #[arg(long)]
    pub(super) no_deprecated: bool,
    /// Only versions whose appVersion matches this glob (repeatable)
    #[arg(long, value_name = "GLOB")]
    pub(super) app_version: Vec<String>,
}

/// What may be pushed.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Trust")]
pub(super) struct TrustArgs {
    /// When a package's sha256 differs from the index [default: enforce]
    #[arg(long, value_name = "POLICY")]
    pub(super) digest: Option<DigestArg>,
    /// What to do about `.prov` files [default: carry]
    #[arg(long, value_name = "POLICY")]
    pub(super) provenance: Option<ProvenanceArg>,
    /// Public keys for `--provenance verify` and `require`, binary or armored
    #[arg(long, value_name = "FILE")]
    pub(super) keyring: Option<PathBuf>,
    /// When the registry holds other bytes than the source has now [default: report]
    #[arg(long, value_name = "POLICY")]
    pub(super) drift: Option<DriftArg>,
    /// Compare every version that is already there with the index: one manifest request each
    #[arg(long)]
    pub(super) check_drift: bool,
    /// Hold versions back until they are this old, by the index: `3d`
    #[arg(long, value_name = "AGE")]
    pub(super) min_age: Option<String>,
    /// A version known to fail or drift, as `CHART@VERSION` or `CHART@*` (repeatable)
    #[arg(long, value_name = "CHART@VERSION")]
    pub(super) accept: Vec<String>,
    /// When one version is listed with different digests [default: bytes]
    #[arg(long, value_name = "POLICY")]
    pub(super) duplicates: Option<DuplicatesArg>,
    /// When a package's name or version is not what the index says [default: error]
    #[arg(long, value_name = "POLICY")]
    pub(super) mismatch: Option<MismatchArg>,
    /// Push chart OLD as NEW, for names that registries do not allow (repeatable)
    #[arg(long, value_name = "OLD=NEW")]
    pub(super) rename: Vec<String>,
}

/// How to reach the target. The names are Helm's.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Target")]
pub(super) struct TargetArgs {
    /// Speak HTTP without TLS to the target
    #[arg(long)]
    pub(super) plain_http: bool,
    /// Do not check the target's certificate
    #[arg(long)]
    pub(super) insecure_skip_tls_verify: bool,
    /// Trust this CA bundle too
    #[arg(long, value_name = "FILE")]
    pub(super) ca_file: Option<PathBuf>,
    /// Client certificate
    #[arg(long, value_name = "FILE", requires = "key_file")]
    pub(super) cert_file: Option<PathBuf>,
    /// Key of the client certificate
    #[arg(long, value_name = "FILE", requires = "cert_file")]
    pub(super) key_file: Option<PathBuf>,
    /// User name at the target
    #[arg(long, value_name = "USER")]
    pub(super) username: Option<String>,
    /// Read the target's password from standard input
    #[arg(long, requires = "username", conflicts_with = "password_file")]
    pub(super) password_stdin: bool,
    /// Read the target's password from a file
    #[arg(long, value_name = "FILE", requires = "username")]
    pub(super) password_file: Option<PathBuf>,
    /// Look for credentials in this file instead of Helm's and Docker's own
    #[arg(long, value_name = "FILE")]
    pub(super) registry_config: Option<PathBuf>,
    /// A token service on another host that may be given the target's credentials (repeatable)
    #[arg(long, value_name = "HOST")]
    pub(super) trusted_realm: Vec<String>,
}

/// How to reach the source.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Source")]
pub(super) struct SourceArgs {
    /// User name at the source
    #[arg(long, value_name = "USER")]
    pub(super) source_username: Option<String>,
    /// Read the source's password from standard input
    #[arg(long, requires = "source_username", conflicts_with_all = ["password_stdin", "source_password_file"])]
    pub(super) source_password_stdin: bool,
    /// Read the source's password from a file
    #[arg(long, value_name = "FILE", requires = "source_username")]
    pub(super) source_password_file: Option<PathBuf>,
    /// Do not check the source's certificate
    #[arg(long)]
    pub(super) source_insecure_skip_tls_verify: bool,
    /// Trust this CA bundle too
    #[arg(long, value_name = "FILE")]
    pub(super) source_ca_file: Option<PathBuf>,
    /// Client certificate
    #[arg(long, value_name = "FILE", requires = "source_key_file")]
    pub(super) source_cert_file: Option<PathBuf>,
    /// Key of the client certificate
    #[arg(long, value_name = "FILE", requires = "source_cert_file")]
    pub(super) source_key_file: Option<PathBuf>,
    /// Another host that may be given the source's credentials (repeatable)
    #[arg(long, value_name = "HOST")]
    pub(super) source_pass_credentials_to: Vec<String>,
    /// A private host or address range that the index may name (repeatable)
    #[arg(long, value_name = "HOST|CIDR")]
    pub(super) allow_private: Vec<String>,
}

/// How hard to work.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Limits")]
pub(super) struct LimitArgs {
    /// Versions in flight at once [default: found by itself between 4 and 64]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(super) concurrency: Option<u16>,
    /// Memory for packages in flight; what does not fit goes to temporary files [default: 32MiB]
    #[arg(long, value_name = "SIZE")]
    pub(super) memory_budget: Option<ByteSize>,
    /// Largest index [default: 256MiB]
    #[arg(long, value_name = "SIZE")]
    pub(super) max_index_size: Option<ByteSize>,
    /// Largest package [default: 100MiB]
    #[arg(long, value_name = "SIZE")]
    pub(super) max_package_size: Option<ByteSize>,
    /// Stop taking work after this long [default: none]
    #[arg(long, value_name = "TIME")]
    pub(super) run_timeout: Option<String>,
    /// After Ctrl-C or SIGTERM, let what is in flight finish for this long [default: 25s]
    #[arg(long, value_name = "TIME")]
    pub(super) grace: Option<String>,
}

/// What to print and to write.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct OutputArgs {
    /// Form of the result on standard output
    #[arg(short, long, value_name = "FORM", default_value = "table")]
    pub(super) output: OutputForm,
    /// Write the report as JSON to this file too
    #[arg(long, value_name = "FILE")]
    pub(super) report: Option<PathBuf>,
    /// Write old and new references of every version in place, one JSON object a line, to this file
    #[arg(long, value_name = "FILE")]
    pub(super) map: Option<PathBuf>,
    /// Exit with 0 instead of these codes, for jobs that must not turn red for them
    #[arg(long, value_name = "CODES")]
    pub(super) exit_zero_on: Option<ExitZeroOn>,
}

/// How much to log.
#[derive(Debug, Args)]
#[command(next_help_heading = "Logging")]
pub(super) struct LogArgs {
    /// Only errors and the result
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(super) quiet: bool,
    /// More detail; twice for every request
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(super) verbose: u8,
    /// Form of log lines on standard error [default: text]
    #[arg(long, global = true, value_name = "FORM")]
    pub(super) log_format: Option<LogForm>,
}

/// `-o`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum OutputForm {
    /// For people.
    #[default]
    Table,
    /// The report, `chartferry.report/v1`.
    Json,
    /// For a pull request or a job summary.
    Markdown,
}

/// `--log-format`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum LogForm {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// `--digest`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum DigestArg {
    /// An error of that version
    Enforce,
    /// Push it, with a warning
    Warn,
    /// Do not compare
    Off,
}

/// `--provenance`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ProvenanceArg {
    /// Push it beside the chart, unverified
    Carry,
    /// Check the signature where there is one
    Verify,
    /// It must be there and its signature good
    Require,
    /// Do not ask for it
    Off,
}

/// `--drift`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum DriftArg {
    /// Exit code 3, the tag stays
    Report,
    /// Push the source's bytes over it
    Overwrite,
    /// Exit code 2, the tag stays
    Fail,
}

/// `--duplicates`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum DuplicatesArg {
    /// The listed digest that the package has decides
    Bytes,
    /// An error of that version
    Error,
}

/// `--mismatch`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum MismatchArg {
    /// An error of that version
    Error,
    /// The package decides, as with `helm push`
    Package,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_definitions_agree_with_each_other() {
        super::Cli::command().debug_assert();
    }
}

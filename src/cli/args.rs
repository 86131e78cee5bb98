//! What can be typed. Every flag says what it means and what it is when left out; `settings` turns it into work.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::login::{self, LoginArgs};
use super::logout::{self, LogoutArgs};
use super::shard::ShardArg;
use crate::report::ExitZeroOn;
use crate::types::ByteSize;

/// Every command that runs mirrors ends with one of these (reliability 2).
const EXIT_CODES: &str = "Exit codes:
    0  all in place
    1  usage or configuration error
    2  some versions failed
    3  drift or conflicts only
    4  source unusable
    5  target unusable
    6  stopped by a safety limit
   75  another instance is already running
  130  interrupted by Ctrl-C (SIGINT); 143 by SIGTERM";

const FIRST_STEPS: &str = "Examples:
  chartferry plan https://charts.acme.io oci://registry.acme.io/charts
  chartferry migrate https://charts.acme.io oci://registry.acme.io/charts
  chartferry mirror --config config.toml    # the service
  chartferry migrate --help                 # filters, trust, logins, reports";

/// Moves Helm charts from classic repositories into OCI registries, byte for byte as `helm push` would.
#[derive(Debug, Parser)]
#[command(name = "chartferry", version, arg_required_else_help = true)]
#[command(after_help = FIRST_STEPS, after_long_help = with_exit_codes(FIRST_STEPS))]
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
    /// Copy every version that the target lacks, once, then exit
    #[command(override_usage = MIGRATE_USAGE)]
    #[command(after_help = MIGRATE_EXAMPLES, after_long_help = with_exit_codes(MIGRATE_EXAMPLES))]
    Migrate(Box<RunArgs>),
    /// Say what `migrate` would do and why; downloads no package, changes nothing
    #[command(override_usage = PLAN_USAGE)]
    #[command(mut_arg("dry_run", |arg| arg.hide(true)))]
    #[command(after_help = PLAN_EXAMPLES, after_long_help = with_exit_codes(PLAN_EXAMPLES))]
    Plan(Box<RunArgs>),
    /// Compare what is at the target with the source and with itself; changes nothing
    #[command(override_usage = VERIFY_USAGE)]
    #[command(mut_arg("dry_run", |arg| arg.hide(true)), mut_arg("create_repositories", |arg| arg.hide(true)))]
    #[command(mut_arg("reconcile", |arg| arg.hide(true)), mut_arg("accept_shrink", |arg| arg.hide(true)))]
    #[command(mut_arg("state_dir", |arg| arg.hide(true)))]
    #[command(after_help = VERIFY_EXAMPLES, after_long_help = with_exit_codes(VERIFY_EXAMPLES))]
    Verify(Box<VerifyArgs>),
    /// Run every mirror of a file on its schedule, for ever: the service
    #[command(visible_alias = "serve")]
    #[command(after_help = MIRROR_EXAMPLES, after_long_help = mirror_help())]
    Mirror(MirrorArgs),
    /// Look for what would keep a run from going well, before it runs
    #[command(override_usage = DOCTOR_USAGE)]
    #[command(after_help = DOCTOR_EXAMPLES, after_long_help = doctor_help())]
    Doctor(Box<DoctorArgs>),
    /// Check a login and keep it where Helm finds it too
    #[command(after_help = login::EXAMPLES)]
    Login(Box<LoginArgs>),
    /// Forget a login
    #[command(after_help = logout::EXAMPLES)]
    Logout(LogoutArgs),
    /// Check a configuration file, or print its JSON Schema
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print a completion script for a shell
    #[command(after_help = COMPLETIONS_EXAMPLES)]
    Completions {
        /// The shell to complete for
        shell: clap_complete::Shell,
    },
    /// Print the manual page, for `man -l`
    Man {
        /// The page of this command instead of the first one
        command: Option<String>,
    },
}

/// `config …`
#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Report every problem of a configuration file, with line and column
    Check {
        /// The configuration file
        file: PathBuf,
    },
    /// Print the JSON Schema of the configuration file
    Schema,
}

const MIGRATE_USAGE: &str = "chartferry migrate [OPTIONS] SOURCE TARGET
       chartferry migrate [OPTIONS] --config FILE [NAME]...";

const PLAN_USAGE: &str = "chartferry plan [OPTIONS] SOURCE TARGET
       chartferry plan [OPTIONS] --config FILE [NAME]...";

// At most 80 columns: a command that is wrapped can no longer be copied.
const MIGRATE_EXAMPLES: &str = "Examples:
  Everything, from a web server to a registry:
    chartferry migrate https://charts.acme.io oci://registry.acme.io/charts
  The newest 20 releases of some charts, and only if they are signed:
    chartferry migrate https://charts.acme.io oci://registry.acme.io/charts \\
        --include 'nginx*' --version '>=4' --latest 20 \\
        --provenance require --keyring pubring.gpg
  Across an air gap, without changing a digest:
    chartferry migrate https://charts.acme.io oci-layout:./charts
    chartferry migrate oci-layout:./charts oci://registry.inside/charts
  Every mirror of a file, as in a CronJob:
    chartferry migrate --config config.toml --report report.json";

const PLAN_EXAMPLES: &str = "Examples:
  chartferry plan https://charts.acme.io oci://registry.acme.io/charts
  chartferry plan --config config.toml ingress-nginx -o json";

const VERIFY_USAGE: &str = "chartferry verify [OPTIONS] SOURCE TARGET
       chartferry verify [OPTIONS] --config FILE [NAME]...";

const VERIFY_EXAMPLES: &str = "Examples:
  chartferry verify https://charts.acme.io oci://registry.acme.io/charts
  chartferry verify --config config.toml --deep -o json";

const DOCTOR_USAGE: &str = "chartferry doctor [OPTIONS] TARGET
       chartferry doctor [OPTIONS] --config FILE [NAME]...";

const DOCTOR_EXAMPLES: &str = "Examples:
  A registry, with the login that `chartferry login`, Helm or Docker has stored:
    chartferry doctor oci://registry.acme.io/charts
  All sources and targets of a file, as a job before the job:
    chartferry doctor --config config.toml --strict
  Also what the registry does with a small chart, in a repository for trials:
    chartferry doctor oci://registry.acme.io/charts --probe trials/chartferry";

const MIRROR_EXAMPLES: &str = "Examples:
  chartferry mirror --config /etc/chartferry/config.toml
  chartferry config check config.toml       # before the file is put in place
  kill -HUP $(pidof chartferry)             # read it again, certificates too
  curl http://127.0.0.1:8080/healthz";

/// What `mirror --help` says at its end.
fn mirror_help() -> String {
    format!(
        "{MIRROR_EXAMPLES}\n\nExit codes:
    1  usage or configuration error, or an address that cannot be listened on
   75  another service works with this state folder
  130  ended by Ctrl-C (SIGINT); 143 by SIGTERM"
    )
}

/// What `doctor --help` says at its end.
fn doctor_help() -> String {
    format!(
        "{DOCTOR_EXAMPLES}\n\nExit codes:
    0  nothing stands in the way
    1  usage or configuration error
    2  warnings, with --strict
    4  a source failed
    5  a target failed (first, if both did)"
    )
}

const COMPLETIONS_EXAMPLES: &str = "Examples:
  source <(chartferry completions bash)           # in ~/.bashrc
  chartferry completions zsh > ~/.zfunc/_chartferry   # a folder in fpath
  chartferry completions fish > ~/.config/fish/completions/chartferry.fish";

/// What `--help` says at its end, where `-h` has examples only.
fn with_exit_codes(examples: &str) -> String {
    format!("{examples}\n\n{EXIT_CODES}")
}

/// `mirror`.
#[derive(Debug, Args)]
pub(super) struct MirrorArgs {
    /// The configuration file; read again when it changes and on SIGHUP
    #[arg(short, long, value_name = "FILE")]
    pub(super) config: PathBuf,
}

/// `verify`.
#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    /// Read every blob and check its digest, and each config against its package
    ///
    /// Without it, a version costs the reading of its manifest and config and one look for each package and provenance
    /// file. With it, all that is at the target is downloaded once.
    #[arg(long)]
    pub(super) deep: bool,
    /// What is compared with what.
    #[command(flatten)]
    pub(super) run: RunArgs,
}

/// `doctor`.
#[derive(Debug, Args)]
pub(super) struct DoctorArgs {
    /// TARGET; with `--config` names of mirrors, none for all of them
    ///
    /// TARGET is `oci://HOST[:PORT]/PREFIX` or `oci-layout:DIR`. Nothing is written to it but uploads that are opened
    /// and cancelled at once. Which charts will come is not known then: the repository PREFIX/chartferry-doctor stands
    /// for them; some registries, such as Distribution, keep it as an empty repository.
    #[arg(value_name = "TARGET | NAME")]
    pub(super) operands: Vec<String>,
    /// Look at the sources and targets of the mirrors in this file
    #[arg(short, long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Also push a small chart to this repository, in all ways that a run may use, and remove it again
    ///
    /// REPO is a path at the registry of TARGET, or `oci://HOST/PATH`, which `--config` needs. Use one that holds
    /// nothing else: it gets the tag `0.0.0-chartferry-probe`, which stays where the registry does not delete.
    #[arg(long, value_name = "REPO")]
    pub(super) probe: Option<String>,
    /// Exit with 2 if there are warnings
    #[arg(long)]
    pub(super) strict: bool,
    /// How to reach the target.
    #[command(flatten)]
    pub(super) target: TargetArgs,
    /// Form of the result
    #[arg(
        short,
        long,
        value_name = "FORM",
        default_value = "table",
        help_heading = "Output"
    )]
    pub(super) output: FindingsForm,
}

/// `migrate` and `plan`.
#[derive(Debug, Default, Args)]
pub(super) struct RunArgs {
    /// SOURCE and TARGET; with `--config` names of mirrors, none for all of them
    ///
    /// SOURCE is the URL of a chart repository (`https://…`, with or without `/index.yaml`), a folder or `file://` URL
    /// that holds an `index.yaml` or only packages, `helm:NAME` for a repository that `helm repo add` knows, or
    /// `oci-layout:DIR`, an OCI image layout on disk.
    ///
    /// TARGET is `oci://HOST[:PORT]/PREFIX`, to which each chart's name is added, or `oci-layout:DIR`.
    #[arg(value_name = "SOURCE TARGET | NAME")]
    pub(super) operands: Vec<String>,
    /// Read mirrors from this file; see config.example.toml
    #[arg(short, long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Only say what would be done (the same as `plan`)
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Only one part of the charts: `INDEX/COUNT` from `0/COUNT` on, or `auto` in a Kubernetes Indexed Job
    ///
    /// Each repository belongs to exactly one part, always the same, so that COUNT processes do the whole work side by
    /// side without getting into each other's way. `auto` reads `JOB_COMPLETION_INDEX` and `CHARTFERRY_SHARDS`.
    #[arg(long, value_name = "INDEX/COUNT|auto")]
    pub(super) shard: Option<ShardArg>,
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
    /// What is remembered.
    #[command(flatten)]
    pub(super) memory: MemoryArgs,
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
    /// Only charts whose name matches (repeatable)
    #[arg(long, value_name = "GLOB")]
    pub(super) include: Vec<String>,
    /// No charts whose name matches (repeatable)
    #[arg(long, value_name = "GLOB")]
    pub(super) exclude: Vec<String>,
    /// Only versions in this range, as Helm reads it: '>=1.2 <3 || 4.x'
    #[arg(long = "version", visible_alias = "versions", value_name = "RANGE")]
    pub(super) versions: Option<String>,
    /// Only the newest N versions of each chart that the other filters let through
    #[arg(long, value_name = "N")]
    pub(super) latest: Option<usize>,
    /// Only versions created since a date (`2024-01-31`) or within an age (`365d`)
    #[arg(long, value_name = "WHEN")]
    pub(super) since: Option<String>,
    /// Prereleases too, whatever the range says (without a range they are copied anyway)
    #[arg(long, conflicts_with = "no_prereleases")]
    pub(super) devel: bool,
    /// No prereleases
    #[arg(long)]
    pub(super) no_prereleases: bool,
    /// No versions that are marked deprecated
    #[arg(long)]
    pub(super) no_deprecated: bool,
    /// Only versions whose appVersion matches (repeatable)
    #[arg(long, value_name = "GLOB")]
    pub(super) app_version: Vec<String>,
}

/// What may be pushed.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Trust")]
pub(super) struct TrustArgs {
    /// What to do if a package's sha256 is not the one in the index [default: enforce]
    #[arg(long, value_name = "POLICY")]
    pub(super) digest: Option<DigestArg>,
    /// What to do about `.prov` files [default: carry]
    #[arg(long, value_name = "POLICY")]
    pub(super) provenance: Option<ProvenanceArg>,
    /// OpenPGP public keys for `--provenance verify` and `require`, binary or armored
    #[arg(long, value_name = "FILE")]
    pub(super) keyring: Option<PathBuf>,
    /// What to do if the target holds other bytes than the source has now [default: report]
    #[arg(long, value_name = "POLICY")]
    pub(super) drift: Option<DriftArg>,
    /// Look for drift: one manifest request for every version that is already there
    #[arg(long)]
    pub(super) check_drift: bool,
    /// Hold versions back until the index says that they are this old, as in `3d`
    #[arg(long, value_name = "AGE")]
    pub(super) min_age: Option<String>,
    /// Known to fail or drift: report it, but do not let it raise the exit code; `CHART@*` for all
    /// versions (repeatable)
    #[arg(long, value_name = "CHART@VERSION")]
    pub(super) accept: Vec<String>,
    /// What to do if one version is listed with several digests [default: bytes]
    #[arg(long, value_name = "POLICY")]
    pub(super) duplicates: Option<DuplicatesArg>,
    /// What to do if Chart.yaml has another name or version than the index [default: error]
    #[arg(long, value_name = "POLICY")]
    pub(super) mismatch: Option<MismatchArg>,
    /// Push chart OLD to a repository called NEW, as registries do not allow every name (repeatable)
    #[arg(long, value_name = "OLD=NEW")]
    pub(super) rename: Vec<String>,
    /// Create what a push does not create: repositories at Amazon ECR, projects at Harbor, organisations at Quay
    #[arg(long)]
    pub(super) create_repositories: bool,
}

/// How to reach the target. The names are Helm's.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Target")]
pub(super) struct TargetArgs {
    /// Speak HTTP without TLS to the target
    #[arg(long)]
    pub(super) plain_http: bool,
    /// Accept any certificate of the target
    #[arg(long)]
    pub(super) insecure_skip_tls_verify: bool,
    /// Trust the certificate authorities in this PEM file too
    #[arg(long, value_name = "FILE")]
    pub(super) ca_file: Option<PathBuf>,
    /// Client certificate, PEM
    #[arg(long, value_name = "FILE", requires = "key_file")]
    pub(super) cert_file: Option<PathBuf>,
    /// Key of the client certificate, PEM
    #[arg(long, value_name = "FILE", requires = "cert_file")]
    pub(super) key_file: Option<PathBuf>,
    /// User name at the target; without it the logins of Helm, Docker and Podman are used, then the cloud's
    #[arg(long, value_name = "USER")]
    pub(super) username: Option<String>,
    /// Read the target's password from standard input
    #[arg(long, requires = "username", conflicts_with = "password_file")]
    pub(super) password_stdin: bool,
    /// Read the target's password from a file
    #[arg(long, value_name = "FILE", requires = "username")]
    pub(super) password_file: Option<PathBuf>,
    /// Read logins from this file instead of Helm's; Docker's and Podman's are still asked
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
    /// Accept any certificate of the source
    #[arg(long)]
    pub(super) source_insecure_skip_tls_verify: bool,
    /// Trust the certificate authorities in this PEM file too
    #[arg(long, value_name = "FILE")]
    pub(super) source_ca_file: Option<PathBuf>,
    /// Client certificate, PEM
    #[arg(long, value_name = "FILE", requires = "source_key_file")]
    pub(super) source_cert_file: Option<PathBuf>,
    /// Key of the client certificate, PEM
    #[arg(long, value_name = "FILE", requires = "source_cert_file")]
    pub(super) source_key_file: Option<PathBuf>,
    /// Another host that may be given the source's credentials (repeatable)
    #[arg(long, value_name = "HOST")]
    pub(super) source_pass_credentials_to: Vec<String>,
    /// A private, loopback or link-local host or range that the index may lead to (repeatable)
    #[arg(long, value_name = "HOST|CIDR")]
    pub(super) allow_private: Vec<String>,
}

/// What is remembered between runs.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "State")]
pub(super) struct MemoryArgs {
    /// Remember in this folder what is in place, so that later runs cost less; without it nothing is remembered
    ///
    /// With `--config` the file says where (`state_dir`).
    #[arg(long, value_name = "DIR")]
    pub(super) state_dir: Option<PathBuf>,
    /// Read all tag lists and look at every tag in this run, whatever is remembered
    #[arg(long)]
    pub(super) reconcile: bool,
    /// Trust the index of this run although it lost many versions, and let it prune that many
    #[arg(long)]
    pub(super) accept_shrink: bool,
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
    /// Refuse an index that is larger [default: 256MiB]
    #[arg(long, value_name = "SIZE")]
    pub(super) max_index_size: Option<ByteSize>,
    /// Refuse packages that are larger [default: 100MiB]
    #[arg(long, value_name = "SIZE")]
    pub(super) max_package_size: Option<ByteSize>,
    /// Take no new work after this long [default: none]
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
    /// Form of the result
    #[arg(short, long, value_name = "FORM", default_value = "table")]
    pub(super) output: OutputForm,
    /// Write the report to this file too, as JSON
    #[arg(long, value_name = "FILE")]
    pub(super) report: Option<PathBuf>,
    /// Write the old and new references of all versions in place to this file, as JSON lines
    #[arg(long, value_name = "FILE")]
    pub(super) map: Option<PathBuf>,
    /// Exit with 0 instead of these codes, as in `3,6`: for jobs that must not turn red
    #[arg(long, value_name = "CODES")]
    pub(super) exit_zero_on: Option<ExitZeroOn>,
}

/// How much to log.
#[derive(Debug, Args)]
#[command(next_help_heading = "Logging")]
pub(super) struct LogArgs {
    /// Only the result and errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(super) quiet: bool,
    /// Log every request
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(super) verbose: u8,
    /// Form of log lines [default: text]
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

/// `-o` of `doctor`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum FindingsForm {
    /// For people.
    Table,
    /// `chartferry.doctor/v1`.
    Json,
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

//! The configuration as values that were checked: plain data, which the commands turn into the options of the
//! modules that do the work.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};
use http::HeaderName;
use url::Url;

use crate::helm::range::Range;
use crate::notice::{Event, Template, WebhookUrl};
use crate::schedule::{Every, Schedule};
use crate::types::{ByteSize, ChartName, OciTarget, RegistryHost, RegistryKind};

/// A whole configuration file with the environment laid over it.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Versions in flight at once.
    pub concurrency: Concurrency,
    /// Package bytes in memory at once.
    pub memory_budget: ByteSize,
    /// Largest index that is read.
    pub max_index_size: ByteSize,
    /// Largest package that is read.
    pub max_package_size: ByteSize,
    /// Time to finish after the first interrupt.
    pub grace: Duration,
    /// Where it is kept what mirrors remember between runs.
    pub state_dir: StateDir,
    /// The longest time between two runs of a mirror that read all tag lists.
    pub reconcile_every: Duration,
    /// Level, or levels by module.
    pub log: String,
    /// Form of the log lines.
    pub log_format: LogFormat,
    /// Status page, API and metrics of the service.
    pub http: HttpConfig,
    /// Which of several replicas of the service works; without it there is one.
    pub lease: Option<LeaseConfig>,
    /// Login, TLS and limits by host.
    pub hosts: Vec<HostConfig>,
    /// What is copied where.
    pub mirrors: Vec<MirrorConfig>,
    /// Who the service tells.
    pub notify: Vec<NotifyConfig>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            concurrency: Concurrency::Auto,
            memory_budget: ByteSize(32 << 20),
            max_index_size: ByteSize(256 << 20),
            max_package_size: ByteSize(100 << 20),
            grace: Duration::from_secs(25),
            state_dir: StateDir::Default,
            reconcile_every: Duration::from_secs(24 * 3600),
            log: "info".into(),
            log_format: LogFormat::Text,
            http: HttpConfig::default(),
            lease: None,
            hosts: Vec::new(),
            mirrors: Vec::new(),
            notify: Vec::new(),
        }
    }
}

/// Where it is kept what mirrors remember between runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StateDir {
    /// In the folder that the service manager gives, else in the user's.
    Default,
    /// In this folder.
    At(PathBuf),
    /// Nowhere.
    Off,
}

/// What a mirror does by what it remembers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrustInMemory {
    /// An index that lost a larger share is suspicious, in percent.
    pub max_shrink: u8,
    /// Push again what somebody deleted at the target.
    pub heal: bool,
    /// Which tags are deleted.
    pub prune: PrunePolicy,
}

/// How many versions are in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Concurrency {
    /// Found while running.
    Auto,
    /// This many.
    Fixed(usize),
}

/// Form of the log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// `[http]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpConfig {
    /// Where the service listens.
    pub listen: SocketAddr,
    /// Where the token is that starts runs; without one nobody can start any.
    pub token: Option<SecretAt>,
    /// Names by which a reverse proxy on this machine asks.
    pub hosts: Vec<String>,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 8080).into(),
            token: None,
            hosts: Vec::new(),
        }
    }
}

/// `[lease]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseConfig {
    /// Its name.
    pub name: String,
    /// Its namespace; without it that of the pod.
    pub namespace: Option<String>,
}

/// What repositories are like that are created at Amazon ECR.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NewRepositories {
    /// They scan what is pushed.
    pub scan_on_push: bool,
    /// They do not let tags be moved.
    pub immutable_tags: bool,
}

/// `[[host]]`.
#[derive(Debug, Clone, PartialEq)]
pub struct HostConfig {
    /// `host[:port]`.
    pub name: RegistryHost,
    /// What registry it is, where the file says so.
    pub kind: Option<RegistryKind>,
    /// Where its credentials come from; `None`: the stores of Helm, Docker and Podman, then the cloud.
    pub login: Option<Login>,
    /// Whose workload identity logs in where no store knows the host.
    pub cloud: CloudLogin,
    /// What repositories are like that are created here.
    pub new_repositories: NewRepositories,
    /// HTTP without TLS.
    pub plain_http: bool,
    /// Any certificate is good.
    pub insecure_skip_tls_verify: bool,
    /// Further certificate authorities, PEM.
    pub ca_file: Option<PathBuf>,
    /// Client certificate, PEM; always together with `key_file`.
    pub cert_file: Option<PathBuf>,
    /// Its private key, PEM.
    pub key_file: Option<PathBuf>,
    /// Requests at once.
    pub max_connections: Option<usize>,
    /// Pace of requests.
    pub requests_per_second: Option<f64>,
    /// Longest wait for an answer to begin; a shorter one also limits pauses within it.
    pub timeout: Duration,
    /// Hosts of token services that may be given the credentials.
    pub trusted_realms: Vec<RegistryHost>,
    /// Further hosts that may be given the credentials.
    pub pass_credentials_to: Vec<RegistryHost>,
    /// Hosts, addresses or networks that this host may lead to though they are private.
    pub allow_private: Vec<String>,
}

impl HostConfig {
    /// The settings of a host of which the file says nothing else.
    pub fn new(name: RegistryHost) -> Self {
        Self {
            name,
            kind: None,
            login: None,
            cloud: CloudLogin::Auto,
            new_repositories: NewRepositories::default(),
            plain_http: false,
            insecure_skip_tls_verify: false,
            ca_file: None,
            cert_file: None,
            key_file: None,
            max_connections: None,
            requests_per_second: None,
            timeout: Duration::from_secs(60),
            trusted_realms: Vec::new(),
            pass_credentials_to: Vec::new(),
            allow_private: Vec::new(),
        }
    }
}

/// Where the credentials of a host come from. The secret itself is read when it is needed, never kept here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Login {
    /// The password is in a file.
    PasswordFile {
        /// The user.
        username: String,
        /// The file.
        path: PathBuf,
    },
    /// The password is in an environment variable.
    PasswordEnv {
        /// The user.
        username: String,
        /// The variable's name.
        variable: String,
    },
    /// A Docker credential helper is asked.
    Helper {
        /// The part after `docker-credential-`, or an absolute path.
        program: String,
    },
}

/// `[[mirror]]`.
#[derive(Debug, Clone, PartialEq)]
pub struct MirrorConfig {
    /// Unique in the file.
    pub name: String,
    /// Where charts come from.
    pub source: SourceConfig,
    /// Where they go; at least one, no two equal.
    pub targets: Vec<TargetConfig>,
    /// Globs on chart names; empty: all.
    pub include: Vec<String>,
    /// Globs on chart names left out.
    pub exclude: Vec<String>,
    /// The filters that a chart may override.
    pub filter: FilterConfig,
    /// Overrides by chart.
    pub charts: Vec<ChartConfig>,
    /// What a wrong index digest means.
    pub digest: DigestPolicy,
    /// What is done with `.prov` files.
    pub provenance: ProvenancePolicy,
    /// Public keys; given exactly if `provenance` is `verify` or `require`.
    pub keyring: Option<PathBuf>,
    /// What is done with changed versions.
    pub drift: DriftPolicy,
    /// Compare the digests of what is there already.
    pub check_drift: bool,
    /// Younger versions wait.
    pub min_age: Duration,
    /// `chart@version` or `chart@*`.
    pub accept: Vec<String>,
    /// What a version listed several times means.
    pub duplicates: DuplicatesPolicy,
    /// What a package with another name or version means.
    pub mismatch: MismatchPolicy,
    /// Repository names by chart name.
    pub rename: BTreeMap<String, ChartName>,
    /// Create what a push does not create.
    pub create_repositories: bool,
    /// A longer run is stopped.
    pub run_timeout: Option<Duration>,
    /// When the service runs it.
    pub schedule: Schedule,
    /// How much later its runs may begin.
    pub jitter: Duration,
    /// What follows from what is remembered.
    pub memory: TrustInMemory,
}

impl MirrorConfig {
    /// A mirror of which nothing else is said.
    pub fn new(name: String, source: SourceConfig, targets: Vec<TargetConfig>) -> Self {
        Self {
            name,
            source,
            targets,
            include: Vec::new(),
            exclude: Vec::new(),
            filter: FilterConfig {
                deprecated: Some(true),
                app_versions: Some(Vec::new()),
                ..FilterConfig::default()
            },
            charts: Vec::new(),
            digest: DigestPolicy::Enforce,
            provenance: ProvenancePolicy::Carry,
            keyring: None,
            drift: DriftPolicy::Report,
            check_drift: false,
            min_age: Duration::ZERO,
            accept: Vec::new(),
            duplicates: DuplicatesPolicy::Bytes,
            mismatch: MismatchPolicy::Error,
            rename: BTreeMap::new(),
            create_repositories: false,
            run_timeout: None,
            schedule: Every::HOUR.into(),
            jitter: Duration::ZERO,
            memory: TrustInMemory {
                max_shrink: 10,
                heal: true,
                prune: PrunePolicy::Off,
            },
        }
    }
}

/// `[[notify]]`.
#[derive(Debug, Clone, PartialEq)]
pub struct NotifyConfig {
    /// Unique in the file.
    pub name: String,
    /// Where notifications are posted to.
    pub url: NotifyUrl,
    /// What is told; at least one.
    pub events: Vec<Event>,
    /// Globs on names of mirrors; empty: all.
    pub mirrors: Vec<String>,
    /// A header, and where its value is.
    pub header: Option<(HeaderName, SecretAt)>,
    /// What is posted instead of the whole notification.
    pub template: Option<Template>,
}

/// Where the URL of a receiver is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotifyUrl {
    /// In the configuration.
    Plain(WebhookUrl),
    /// Elsewhere.
    Secret(SecretAt),
}

/// Where a secret is. It is read when it is needed, never kept here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretAt {
    /// In this file.
    File(PathBuf),
    /// In the environment variable of this name.
    Variable(String),
}

/// Where charts come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceConfig {
    /// A classic repository.
    Http(Url),
    /// A folder.
    Folder(PathBuf),
    /// An OCI image layout.
    Layout(PathBuf),
    /// An entry of Helm's `repositories.yaml`.
    Helm(String),
}

/// Where charts go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetConfig {
    /// A registry.
    Oci(OciTarget),
    /// An OCI image layout.
    Layout(PathBuf),
}

/// The filters that both a mirror and one of its charts may set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FilterConfig {
    /// A semver range.
    pub versions: Option<Range>,
    /// So many of the newest.
    pub latest: Option<usize>,
    /// None from before.
    pub since: Option<Since>,
    /// Prereleases too.
    pub prereleases: Option<bool>,
    /// Deprecated versions too.
    pub deprecated: Option<bool>,
    /// Globs on `appVersion` that are known to parse; empty: all.
    pub app_versions: Option<Vec<String>>,
}

/// `[[mirror.chart]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChartConfig {
    /// The chart's name in the index.
    pub name: String,
    /// What it overrides.
    pub filter: FilterConfig,
}

/// A moment, or an age that becomes one when a run begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// This moment.
    At(DateTime<Utc>),
    /// So long ago.
    Ago(Duration),
}

impl Since {
    /// The moment, for a run that began at `now`.
    pub fn resolve(self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::At(moment) => moment,
            Self::Ago(age) => chrono::Duration::from_std(age)
                .ok()
                .and_then(|age| now.checked_sub_signed(age))
                .unwrap_or(DateTime::<Utc>::MIN_UTC),
        }
    }
}

/// Makes an enum whose variants are words of the file.
macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $word:literal => $variant:ident),* $(,)? }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$doc])* $variant),* }

        impl $name {
            /// The word's meaning; `None` for a word that the key table does not list.
            pub(super) fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

words! {
    /// `cloud`: whose workload identity logs in where no store knows the host.
    CloudLogin {
        /// That of the cloud whose registry the host's name says it is.
        "auto" => Auto,
        /// That of AWS.
        "aws" => Aws,
        /// That of Azure.
        "azure" => Azure,
        /// That of Google.
        "google" => Google,
        /// None.
        "off" => Off,
    }
}

words! {
    /// What a package that differs from the index's digest means.
    DigestPolicy {
        /// An error of the version.
        "enforce" => Enforce,
        /// A warning.
        "warn" => Warn,
        /// Nothing: they are not compared.
        "off" => Off,
    }
}
words! {
    /// What is done with `.prov` files.
    ProvenancePolicy {
        /// Pushed unchecked.
        "carry" => Carry,
        /// Pushed if the signature is good; a bad one is an error.
        "verify" => Verify,
        /// As `verify`, and a missing one is an error too.
        "require" => Require,
        /// Not fetched.
        "off" => Off,
    }
}
words! {
    /// What is done with versions whose bytes changed.
    DriftPolicy {
        /// Told, exit code 3.
        "report" => Report,
        /// The tag is pushed anew.
        "overwrite" => Overwrite,
        /// An error of the version.
        "fail" => Fail,
    }
}
words! {
    /// Which tags are deleted.
    PrunePolicy {
        /// None.
        "off" => Off,
        /// Those of versions that the source lists no more.
        "vanished" => Vanished,
    }
}
words! {
    /// What a version that an index lists several times means.
    DuplicatesPolicy {
        /// One item whose bytes may match any listed digest.
        "bytes" => Bytes,
        /// An error.
        "error" => Error,
    }
}
words! {
    /// What a package with another name or version than the index's means.
    MismatchPolicy {
        /// An error of the version.
        "error" => Error,
        /// The package is right.
        "package" => Package,
    }
}

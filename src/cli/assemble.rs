//! From a configuration to an engine and mirrors: the seam between what users say and what the modules take.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use chrono::{DateTime, Utc};

use super::args::RunArgs;
use super::flags;
use super::helm_repositories::{self, Entry};
use super::logins::{self, Login, Logins};
use super::memory::States;
use super::shard;
use crate::config::{
    self, CloudLogin, Concurrency, Config, DigestPolicy, DriftPolicy, HostConfig, MirrorConfig,
    ProvenancePolicy, SourceConfig, TargetConfig,
};
use crate::doctor;
use crate::helm::index::IndexLimits;
use crate::net::{AddressRule, HostOptions, Net, NetOptions, RetryOptions};
use crate::payload::Budget;
use crate::plan::Mismatch;
use crate::progress::Progress;
use crate::registry::Credential;
#[cfg(feature = "aws")]
use crate::registry::credentials::cloud::NewRepository;
use crate::registry::credentials::cloud::{Cloud, Clouds};
use crate::registry::credentials::{Login as HostLogin, StoreOptions, Stores};
use crate::report;
use crate::run::{Claims, Engine, MirrorSpec, Mode, Stop, TargetSpec};
use crate::source::{SourceOptions, SourceSpec};
use crate::transfer::width::{Gate, Width};
use crate::transfer::{self, Policy, Verifier};
use crate::types::RegistryHost;

/// Everything that a run needs.
pub(super) struct Work {
    pub(super) engine: Engine,
    pub(super) mirrors: Vec<MirrorSpec>,
}

/// Takes the mirrors that `args` name, all of them if there are none.
pub(super) async fn assemble(
    config: &Config,
    logins: &Logins,
    args: &RunArgs,
    mode: Mode,
    (progress, stop): (Arc<dyn Progress>, Stop),
    now: DateTime<Utc>,
) -> anyhow::Result<Work> {
    let shard = shard::resolve(args.shard, |name| std::env::var(name).ok())?;
    let names = args.config.as_ref().map_or(&[][..], |_| &args.operands);
    let chosen = choose(config, names)?;
    let helm = helm_entries(&chosen)?;
    let states = States::open(config, &args.memory, mode)?;
    let net = network(config, &helm, args, NetOptions::default())?;
    let stores = stores(config, &net, &target_hosts(&chosen), logins);
    let mut mirrors = Vec::with_capacity(chosen.len());
    for (mirror, helm) in chosen.iter().zip(&helm) {
        let login = source_login(mirror, helm.as_ref(), logins, &stores).await?;
        let login = login.map(|(login, _)| login);
        let spec = mirror_spec(config, mirror, helm.as_ref(), login, now)?;
        let memory = states.memory((config, mirror), &spec, shard, &args.memory)?;
        mirrors.push(MirrorSpec {
            shard,
            memory,
            ..spec
        });
    }
    let engine = Engine {
        net,
        budget: Budget::new(config.memory_budget.0),
        gate: gate(config),
        credentials: stores,
        progress,
        stop,
        claims: Claims::default(),
    };
    Ok(Work { engine, mirrors })
}

/// The pool of versions in flight.
pub(super) fn gate(config: &Config) -> Gate {
    Gate::new(match config.concurrency {
        Concurrency::Auto => Width::Auto,
        Concurrency::Fixed(width) => Width::Fixed(width),
    })
}

/// Takes what `doctor` looks at: `target`, or else the mirrors that `args` name.
pub(super) async fn examination(
    config: &Config,
    logins: &Logins,
    args: &RunArgs,
    target: Option<TargetSpec>,
    now: DateTime<Utc>,
) -> anyhow::Result<doctor::Task> {
    let chosen = match &target {
        Some(_) => Vec::new(),
        None => choose(config, &args.operands)?,
    };
    let mut hosts = target_hosts(&chosen);
    if let Some(TargetSpec::Registry(target)) = &target {
        hosts.push(target.host.clone());
    }
    let helm = helm_entries(&chosen)?;
    // Who waits for a verdict does not want it to be tried for minutes; one more try tells a moment's trouble apart.
    let retry = RetryOptions {
        attempts: 2,
        max_wait: Duration::from_secs(10),
        ..RetryOptions::default()
    };
    let options = NetOptions {
        certificates: true,
        retry,
        ..NetOptions::default()
    };
    let net = network(config, &helm, args, options)?;
    let stores = stores(config, &net, &hosts, logins);
    let mut mirrors = Vec::with_capacity(chosen.len());
    for (mirror, helm) in chosen.iter().zip(&helm) {
        let found = source_login(mirror, helm.as_ref(), logins, &stores).await?;
        let (login, login_origin) = found.unzip();
        mirrors.push(doctor::Mirror {
            spec: mirror_spec(config, mirror, helm.as_ref(), login, now)?,
            login_origin,
        });
    }
    Ok(doctor::Task {
        net,
        budget: Budget::new(config.memory_budget.0),
        stores,
        mirrors,
        target,
        probe: None,
    })
}

/// Where credentials are looked for: what was said, the stores, the cloud.
pub(super) fn stores(config: &Config, net: &Net, hosts: &[RegistryHost], logins: &Logins) -> Arc<Stores> {
    let options = store_options(config, hosts, logins);
    let clouds = Clouds::new(net.clone(), clouds(config), options.variables.clone());
    #[cfg(feature = "aws")]
    let clouds = clouds.with_new_repositories(new_repositories(config));
    Arc::new(Stores::new(options).with_clouds(Arc::new(clouds)))
}

/// The network with the hosts of the configuration and those that Helm knows.
pub(super) fn network(
    config: &Config,
    helm: &[Option<Entry>],
    args: &RunArgs,
    options: NetOptions,
) -> anyhow::Result<Net> {
    let mut hosts: Vec<HostOptions> = config
        .hosts
        .iter()
        .map(host_options)
        .collect::<anyhow::Result<_>>()?;
    hosts.extend(helm.iter().flatten().filter_map(helm_host));
    Ok(Net::new(NetOptions {
        hosts,
        allow_private: address_rules(flags::allowed_everywhere(args))?,
        ..options
    })?)
}

/// The registries that the mirrors of a file write to.
pub(super) fn registries(config: &Config) -> Vec<RegistryHost> {
    target_hosts(&config.mirrors.iter().collect::<Vec<_>>())
}

pub(super) fn target_hosts(mirrors: &[&MirrorConfig]) -> Vec<RegistryHost> {
    let targets = mirrors.iter().flat_map(|mirror| &mirror.targets);
    targets
        .filter_map(|target| match target {
            TargetConfig::Oci(target) => Some(target.host.clone()),
            TargetConfig::Layout(_) => None,
        })
        .collect()
}

fn choose<'a>(config: &'a Config, names: &[String]) -> anyhow::Result<Vec<&'a MirrorConfig>> {
    if let Some(unknown) = names
        .iter()
        .find(|name| config.mirrors.iter().all(|mirror| mirror.name != **name))
    {
        let known: Vec<_> = config
            .mirrors
            .iter()
            .map(|mirror| format!("`{}`", mirror.name))
            .collect();
        bail!(
            "there is no mirror `{unknown}` in the file; there are {}",
            known.join(", ")
        );
    }
    let chosen: Vec<_> = config
        .mirrors
        .iter()
        .filter(|mirror| names.is_empty() || names.contains(&mirror.name))
        .collect();
    if chosen.is_empty() {
        bail!("the file has no `[[mirror]]`: nothing to do");
    }
    Ok(chosen)
}

pub(super) fn helm_entries(mirrors: &[&MirrorConfig]) -> anyhow::Result<Vec<Option<Entry>>> {
    let entries = mirrors.iter().map(|mirror| match &mirror.source {
        SourceConfig::Helm(name) => helm_repositories::find(name).map(Some),
        _ => Ok(None),
    });
    entries.collect()
}

fn helm_host(entry: &Entry) -> Option<HostOptions> {
    if entry.pass_credentials_all {
        tracing::warn!(
            "`pass_credentials_all` of Helm's repositories is not followed; name hosts in `pass_credentials_to`"
        );
    }
    Some(HostOptions {
        name: flags::source_host(&entry.url)?,
        insecure_skip_tls_verify: entry.insecure,
        ca_file: entry.ca_file.clone(),
        cert_file: entry.cert_file.clone(),
        key_file: entry.key_file.clone(),
        ..HostOptions::default()
    })
}

fn address_rules(rules: &[String]) -> anyhow::Result<Vec<AddressRule>> {
    let rules = rules.iter().map(|rule| rule.parse());
    rules.collect::<Result<_, _>>().context("`allow_private`")
}

fn host_options(host: &HostConfig) -> anyhow::Result<HostOptions> {
    let names = |hosts: &[RegistryHost]| hosts.iter().map(ToString::to_string).collect();
    Ok(HostOptions {
        name: host.name.api_host().to_owned(),
        registry_kind: host.kind,
        plain_http: host.plain_http,
        insecure_skip_tls_verify: host.insecure_skip_tls_verify,
        ca_file: host.ca_file.clone(),
        cert_file: host.cert_file.clone(),
        key_file: host.key_file.clone(),
        max_connections: host.max_connections,
        requests_per_second: host.requests_per_second,
        timeout: Some(host.timeout),
        pass_credentials_to: names(&host.pass_credentials_to),
        allow_private: address_rules(&host.allow_private)?,
        trusted_realms: names(&host.trusted_realms),
    })
}

/// The source's login: what the command line gives, Helm's entry, or the file's `[[host]]`. The stores of Docker and
/// Helm are for registries and never asked. With it, where it was found.
pub(super) async fn source_login(
    mirror: &MirrorConfig,
    helm: Option<&Entry>,
    logins: &Logins,
    stores: &Stores,
) -> anyhow::Result<Option<(Login, String)>> {
    if let Some(login) = &logins.source {
        return Ok(Some((login.clone(), "the command line".to_owned())));
    }
    if let Some(login) = helm.and_then(Entry::login) {
        return Ok(Some((login, "Helm's list of repositories".to_owned())));
    }
    let SourceConfig::Http(url) = &mirror.source else {
        return Ok(None);
    };
    let Some(host) = flags::source_host(url.as_str()).filter(|host| stores.is_configured(host)) else {
        return Ok(None);
    };
    let (credential, origin) = stores.find(&host).await?;
    match credential {
        Credential::Basic { username, password } => Ok(Some(((username, password), origin.to_string()))),
        Credential::Anonymous => Ok(None),
        Credential::Identity { .. } | Credential::Bearer { .. } => {
            bail!(
                "the login of `{host}` is a token of a registry; a chart repository needs a user and a password"
            )
        }
    }
}

/// What was said for single hosts: the command line first, which speaks of the target only.
fn store_options(config: &Config, targets: &[RegistryHost], logins: &Logins) -> StoreOptions {
    let typed = logins.target.iter().flat_map(|(username, password)| {
        let login = HostLogin::Password {
            username: username.clone(),
            password: password.clone(),
        };
        targets.iter().map(move |host| (host.clone(), login.clone()))
    });
    let configured = config
        .hosts
        .iter()
        .filter_map(|host| Some((host.name.clone(), host_login(host.login.as_ref()?))));
    StoreOptions {
        logins: typed.chain(configured).collect(),
        registry_config: logins.registry_config.clone(),
        variables: logins::variables(),
    }
}

/// Which cloud logs in at the hosts of the file; the others go by their names.
fn clouds(config: &Config) -> Vec<(RegistryHost, Cloud)> {
    let cloud = |host: &HostConfig| match host.cloud {
        CloudLogin::Auto => Cloud::Auto,
        CloudLogin::Aws => Cloud::Aws,
        CloudLogin::Azure => Cloud::Azure,
        CloudLogin::Google => Cloud::Google,
        CloudLogin::Off => Cloud::Off,
    };
    let hosts = config.hosts.iter();
    hosts.map(|host| (host.name.clone(), cloud(host))).collect()
}

/// How repositories are to be that are created at Amazon ECR.
#[cfg(feature = "aws")]
fn new_repositories(config: &Config) -> Vec<(RegistryHost, NewRepository)> {
    let settings = |host: &HostConfig| NewRepository {
        scan_on_push: host.new_repositories.scan_on_push,
        immutable_tags: host.new_repositories.immutable_tags,
        ..NewRepository::default()
    };
    let hosts = config.hosts.iter();
    hosts.map(|host| (host.name.clone(), settings(host))).collect()
}

fn host_login(login: &config::Login) -> HostLogin {
    match login.clone() {
        config::Login::PasswordFile { username, path } => HostLogin::PasswordFile { username, path },
        config::Login::PasswordEnv { username, variable } => HostLogin::PasswordEnv { username, variable },
        config::Login::Helper { program } => HostLogin::Helper { program },
    }
}

pub(super) fn mirror_spec(
    config: &Config,
    mirror: &MirrorConfig,
    helm: Option<&Entry>,
    login: Option<Login>,
    now: DateTime<Utc>,
) -> anyhow::Result<MirrorSpec> {
    let source = source_spec(mirror, helm)?;
    let rules = mirror.rules(now)?;
    let policy = policy(config, mirror, rules.mismatch)?;
    let name = if mirror.name == flags::MIRROR {
        source.to_string()
    } else {
        mirror.name.clone()
    };
    Ok(MirrorSpec {
        name,
        source,
        source_options: SourceOptions {
            index_limits: IndexLimits {
                bytes: config.max_index_size.0,
                ..IndexLimits::default()
            },
            max_package_size: config.max_package_size.0,
            credentials: login,
        },
        targets: mirror.targets.iter().map(target_spec).collect(),
        rules,
        policy,
        drift: match mirror.drift {
            DriftPolicy::Report => report::DriftPolicy::Report,
            DriftPolicy::Overwrite => report::DriftPolicy::Overwrite,
            DriftPolicy::Fail => report::DriftPolicy::Fail,
        },
        check_drift: mirror.check_drift,
        create_repositories: mirror.create_repositories,
        run_timeout: mirror.run_timeout,
        shard: None,
        memory: None,
    })
}

pub(super) fn source_spec(mirror: &MirrorConfig, helm: Option<&Entry>) -> anyhow::Result<SourceSpec> {
    Ok(match (&mirror.source, helm) {
        (_, Some(entry)) => entry.url.parse()?,
        (SourceConfig::Http(url), _) => url.as_str().parse()?,
        (SourceConfig::Folder(path), _) => SourceSpec::Folder(path.clone()),
        (SourceConfig::Layout(path), _) => SourceSpec::Layout(path.clone()),
        (SourceConfig::Helm(name), None) => bail!("`helm:{name}` was not looked up"),
    })
}

pub(super) fn target_spec(target: &TargetConfig) -> TargetSpec {
    match target {
        TargetConfig::Oci(target) => TargetSpec::Registry(target.clone()),
        TargetConfig::Layout(dir) => TargetSpec::Layout(dir.clone()),
    }
}

fn policy(config: &Config, mirror: &MirrorConfig, mismatch: Mismatch) -> anyhow::Result<Policy> {
    let verifier = match &mirror.keyring {
        None => None,
        Some(path) => {
            let keys = std::fs::read(path).with_context(|| format!("keyring `{}`", path.display()))?;
            let verifier = Verifier::new(&keys).map_err(anyhow::Error::msg);
            Some(Arc::new(
                verifier.with_context(|| format!("keyring `{}`", path.display()))?,
            ))
        }
    };
    Ok(Policy {
        digest: match mirror.digest {
            DigestPolicy::Enforce => transfer::DigestPolicy::Enforce,
            DigestPolicy::Warn => transfer::DigestPolicy::Warn,
            DigestPolicy::Off => transfer::DigestPolicy::Off,
        },
        provenance: match mirror.provenance {
            ProvenancePolicy::Carry => transfer::ProvenancePolicy::Carry,
            ProvenancePolicy::Verify => transfer::ProvenancePolicy::Verify,
            ProvenancePolicy::Require => transfer::ProvenancePolicy::Require,
            ProvenancePolicy::Off => transfer::ProvenancePolicy::Off,
        },
        verifier,
        mismatch,
        max_package_size: config.max_package_size.0,
    })
}

//! A registry: from its name to the right to push.

use std::sync::Arc;

use chrono::Utc;

use super::check::{Check, Checks};
use super::limit::within;
use super::rights::{self, STAND_IN, Wanted};
use super::{Role, Subject, Task, host, login, probe, tls};
use crate::net::NetError;
use crate::registry::{Greeting, Registry, RegistryError, RegistryOptions};
use crate::types::{OciTarget, RegistryHost, Repository};

/// A registry and what is written to it.
pub(super) struct Place {
    host: RegistryHost,
    /// Each with the number of its mirror.
    pub(super) targets: Vec<(OciTarget, Option<usize>)>,
    /// Their names.
    pub(super) mirrors: Vec<String>,
}

impl Place {
    pub(super) fn new(host: &RegistryHost) -> Self {
        Self {
            host: host.clone(),
            targets: Vec::new(),
            mirrors: Vec::new(),
        }
    }

    /// Without its checks.
    pub(super) fn subject(&self) -> Subject {
        let name = match self.targets.as_slice() {
            [(target, _)] => target.to_string(),
            _ => format!("oci://{}", self.host),
        };
        Subject {
            role: Role::Target,
            name,
            mirrors: self.mirrors.clone(),
            checks: Vec::new(),
        }
    }
}

/// How far we came at a registry.
pub(super) struct Arrival {
    pub(super) checks: Checks,
    /// Where a login works; else why nothing more can be done.
    pub(super) registry: Result<Registry, &'static str>,
    /// Targets whose paths cannot hold charts there.
    pub(super) refused: Vec<OciTarget>,
}

/// The repository that stands for the charts of a target that nobody has named: one beside the charts to come. The
/// prefix itself is none at most registries (a project, a namespace).
pub(super) fn stand_in(target: &OciTarget) -> Result<Wanted, String> {
    let path = match &target.prefix {
        Some(prefix) => format!("{prefix}/{STAND_IN}"),
        None => STAND_IN.to_owned(),
    };
    let repository = Repository::new(&path).map_err(|error| error.to_string())?;
    Ok(Wanted {
        repositories: vec![repository],
        stand_in: true,
        unknown: Vec::new(),
    })
}

/// What follows the connection and needs no repository.
const LATER: [&str; 6] = ["tls", "clock", "api", "credentials", "login", "forwarding"];

/// Name, connection, certificate, clock, API, credentials, login: everything that needs no repository.
pub(super) async fn arrive(task: &Task, place: &Place) -> Arrival {
    let mut checks = Checks::default();
    let options = RegistryOptions::default();
    let credentials = Arc::clone(&task.stores) as Arc<_>;
    let registry = match Registry::new(task.net.clone(), place.host.clone(), credentials, options) {
        Ok(registry) => registry,
        Err(error) => {
            checks.fail("name", error.to_string());
            return Arrival {
                checks,
                registry: Err("the registry has no URL"),
                refused: Vec::new(),
            };
        }
    };
    let outcome = log_in(task, &registry, &mut checks).await;
    // Afterwards, since some registries are known by their login only.
    let refused = refused(place, &registry, &mut checks);
    Arrival {
        checks,
        registry: outcome.map(|()| registry),
        refused,
    }
}

/// The targets whose paths cannot hold charts there, each a failure.
fn refused(place: &Place, registry: &Registry, checks: &mut Checks) -> Vec<OciTarget> {
    let mut refused: Vec<OciTarget> = Vec::new();
    for (target, _) in &place.targets {
        if let Err(error) = registry.check_target(target)
            && !refused.contains(target)
        {
            checks.fail("path", error.to_string());
            refused.push(target.clone());
        }
    }
    refused
}

async fn log_in(task: &Task, registry: &Registry, checks: &mut Checks) -> Result<(), &'static str> {
    if !host::reach(&task.net, &registry.url(), checks).await {
        checks.skip(&LATER, "the host cannot be reached");
        return Err("the host cannot be reached");
    }
    let Some(greeting) = greet(task, registry, checks).await else {
        return Err("there is no registry to log in to");
    };
    let Some(known) = login::credentials(&task.stores, registry, &greeting, checks).await else {
        checks.skip(&LATER[4..], "the credentials cannot be read");
        return Err("the credentials cannot be read");
    };
    if !login::login(registry, known, checks).await {
        checks.skip(&LATER[5..], "the login does not work");
        return Err("the login does not work");
    }
    if known {
        login::forwarding(&task.net, registry, checks);
    } else {
        checks.skip(&LATER[5..], "there are no credentials");
    }
    Ok(())
}

/// GET `/v2/`: certificate, clock, API.
async fn greet(task: &Task, registry: &Registry, checks: &mut Checks) -> Option<Greeting> {
    let url = registry.url();
    let outcome = within(registry.greet()).await;
    let now = Utc::now();
    let settings = task.net.host(&url);
    let insecure = settings.is_some_and(|host| host.insecure_skip_tls_verify);
    match outcome {
        Ok(Ok(greeting)) => {
            tls::judge(&url, greeting.certificate.as_deref(), insecure, now, checks);
            host::clock(greeting.date.as_deref(), now, checks);
            let version = greeting.version.as_ref().map(|version| format!(" (`{version}`)"));
            checks.ok(
                "api",
                format!("the registry API answers{}", version.unwrap_or_default()),
            );
            Some(greeting)
        }
        Ok(Err(error)) => {
            let is_tls = matches!(error, RegistryError::Net(NetError::Tls { .. }));
            if is_tls {
                checks.fail("tls", error.to_string());
                checks.skip(&LATER[1..], "TLS failed");
            } else {
                checks.skip(&["tls", "clock"], "there is no usable answer");
                checks.fail("api", error.to_string());
                checks.skip(&LATER[3..], "there is no registry to log in to");
            }
            None
        }
        Err(late) => {
            checks.skip(&["tls", "clock"], "there is no answer");
            checks.fail("api", late);
            checks.skip(&LATER[3..], "there is no registry to log in to");
            None
        }
    }
}

/// What needs repositories, after what needs none.
pub(super) async fn examine(
    task: &Task,
    place: &Place,
    arrival: Arrival,
    wanted: Result<Wanted, String>,
) -> Vec<Check> {
    let Arrival {
        mut checks, registry, ..
    } = arrival;
    let probe = task.probe.as_ref().filter(|probe| probe.host == place.host);
    let registry = match registry {
        Ok(registry) => registry,
        Err(why) => {
            checks.skip(&rights::IDS, why);
            if probe.is_some() {
                checks.skip(&probe::ids().collect::<Vec<_>>(), why);
            }
            return checks.done();
        }
    };
    match wanted {
        Ok(wanted) => rights::examine(&registry, wanted, &mut checks).await,
        Err(why) => checks.skip(&rights::IDS, &why),
    }
    if let Some(probe) = probe {
        let credentials = Arc::clone(&task.stores) as Arc<_>;
        probe::run(&task.net, credentials, probe, &mut checks).await;
    }
    checks.done()
}

//! Real registries as sets of switches of the fake one (registries 6.2). Each profile names the source of its facts and what the
//! conformance suite has to expect of it. It emulates what is written there and proves no more than that: none was compared with
//! the vendor's live service.

mod clouds;
mod hosted;
mod networks;
mod servers;
pub(crate) mod switches;

use crate::support::registry::{Auth, Behaviour, PostTokens};

pub(crate) const USER: &str = "ferry";
/// A canary: to be found in no log, no report, and in no request to another host.
pub(crate) const PASSWORD: &str = "s3cr3t-conformance";
/// A refresh token, as Docker's store keeps it; a canary too.
pub(crate) const REFRESH: &str = "s3cr3t-refresh";

/// Who the client says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Login {
    None,
    /// [`USER`] and [`PASSWORD`].
    Password,
    /// [`REFRESH`], as an identity token in Docker's store.
    Identity,
    /// A credential helper that gives `PASSWORD-1`, `PASSWORD-2` and so on, another one each time it is asked.
    Helper,
}

/// What a cold migration must come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cold {
    Passes,
    /// It fails by design: with this exit code, so many versions in place, and these words for the user.
    Fails {
        exit: i32,
        arrived: usize,
        says: &'static [&'static str],
    },
}

/// A registry to be emulated.
pub(crate) struct Profile {
    pub(crate) name: &'static str,
    /// Where the facts are from.
    pub(crate) source: &'static str,
    /// The switches that are turned.
    pub(crate) turn: Box<dyn Fn(&mut Behaviour) + Send + Sync>,
    pub(crate) login: Login,
    /// Where charts go below the host.
    pub(crate) prefix: &'static str,
    /// The repositories of the charts are made before the first run.
    pub(crate) prepared: bool,
    /// The name that the registry is known by; it is reached through a proxy then.
    pub(crate) domain: Option<&'static str>,
    pub(crate) secure: bool,
    /// Bytes of one more chart, of one version.
    pub(crate) big: Option<usize>,
    /// Further lines of the mirror in the configuration.
    pub(crate) mirror: &'static str,
    /// Further lines of the host in the configuration; `ELSEWHERE` is the other origin.
    pub(crate) host: &'static str,
    pub(crate) cold: Cold,
    /// Only the first two steps: it is one switch, not a registry.
    pub(crate) brief: bool,
}

impl Profile {
    fn new(
        name: &'static str,
        source: &'static str,
        turn: impl Fn(&mut Behaviour) + Send + Sync + 'static,
    ) -> Self {
        Self {
            name,
            source,
            turn: Box::new(turn),
            login: Login::None,
            prefix: "charts",
            prepared: false,
            domain: None,
            secure: false,
            big: None,
            mirror: "",
            host: "",
            cold: Cold::Passes,
            brief: false,
        }
    }

    /// A real registry, of which nothing is assumed.
    pub(crate) fn real(name: &'static str) -> Self {
        Self::new(name, "the registry itself", |_| {})
    }

    fn login(self, login: Login) -> Self {
        Self { login, ..self }
    }

    fn prefix(self, prefix: &'static str) -> Self {
        Self { prefix, ..self }
    }

    fn prepared(self) -> Self {
        Self {
            prepared: true,
            ..self
        }
    }

    fn domain(self, domain: &'static str) -> Self {
        Self {
            domain: Some(domain),
            ..self
        }
    }

    fn secure(self) -> Self {
        Self { secure: true, ..self }
    }

    fn big(self, size: usize) -> Self {
        Self {
            big: Some(size),
            ..self
        }
    }

    fn mirror(self, mirror: &'static str) -> Self {
        Self { mirror, ..self }
    }

    fn host(self, host: &'static str) -> Self {
        Self { host, ..self }
    }

    fn fails(self, exit: i32, arrived: usize, says: &'static [&'static str]) -> Self {
        Self {
            cold: Cold::Fails { exit, arrived, says },
            ..self
        }
    }

    /// One or several switches that are no registry.
    pub(crate) fn brief(name: &'static str, turn: impl Fn(&mut Behaviour) + Send + Sync + 'static) -> Self {
        let source = "the list of switches, registries 6.1";
        let profile = Self {
            brief: true,
            ..Self::new(name, source, turn)
        };
        // A limit of bodies says nothing where all of them are small
        if profile.behaviour().max_body.is_some() {
            return profile.big(6 << 20);
        }
        profile
    }

    /// Its switches.
    pub(crate) fn behaviour(&self) -> Behaviour {
        let mut behaviour = Behaviour::default();
        (self.turn)(&mut behaviour);
        behaviour
    }
}

/// Tokens that live so long, and whether the service says so.
fn bearer(it: &mut Behaviour, seconds: u64, tells_ttl: bool) {
    it.auth = Auth::Bearer {
        login: Some((USER.to_owned(), PASSWORD.to_owned())),
        ttl: std::time::Duration::from_secs(seconds),
        tells_ttl,
    };
}

fn basic(it: &mut Behaviour) {
    it.auth = Auth::basic(USER, PASSWORD);
}

fn refuses_post(it: &mut Behaviour, status: u16) {
    it.post_tokens = PostTokens::Refused(status);
}

/// All profiles and their variants, those that fail by design next to those that are repaired.
pub(crate) fn all() -> Vec<Profile> {
    let mut all = servers::profiles();
    all.extend(clouds::profiles());
    all.extend(hosted::profiles());
    all.extend(networks::profiles());
    all.extend(switches::profiles());
    all
}

/// One of them.
pub(crate) fn named(name: &str) -> Profile {
    let found = all().into_iter().find(|profile| profile.name == name);
    found.unwrap_or_else(|| panic!("there is no profile `{name}`"))
}

#[test]
fn every_row_of_the_table_has_its_profile() {
    let names: Vec<&str> = all().iter().map(|profile| profile.name).collect();
    for row in [
        "spec-strict",
        "ecr",
        "ecr-public",
        "acr",
        "dockerhub",
        "gar",
        "ghcr",
        "quay",
        "quay-old",
        "harbor",
        "gitlab",
        "gitea",
        "artifactory",
        "nexus",
        "pulp",
        "distribution-2.8",
        "distribution-3",
        "zot",
        "cloudsmith",
        "ibm",
        "repoflow",
        "lb-two-replicas",
        "ingress-nginx",
    ] {
        assert!(names.contains(&row), "{row}");
    }
    let mut unique = names.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), names.len(), "{names:?}");
    for profile in all() {
        assert!(!profile.source.is_empty(), "{}", profile.name);
    }
}

//! Logins that a workload has by where it runs: roles of AWS, identities of Azure, service accounts of Google. They are
//! asked for registries of these clouds once every store was silent, so what somebody stored always wins.
//!
//! # Why no vendor's crate
//!
//! Looked at in November 2026, by `cargo tree` on top of the 338 crates that we have:
//!
//! | crate | more crates | of these a second version of one we have |
//! |---|---|---|
//! | `aws-config` 1.8 with both ECR clients | 47 | 9 |
//! | `aws-sigv4` 1.3, for signatures alone | 19 | 2 |
//! | `azure_identity` 1.0 | 26 | 2 |
//! | `google-cloud-auth` 1.15 | 25 | 6 |
//! | `gcp_auth` 0.12 | 6 | 0, but a second library of cryptography |
//! | `reqsign` 3 for AWS, Azure and Google | 27 | 3 |
//! | what is here | 0: `aws-lc-rs` and `rustls-pki-types` came with rustls | 0 |
//!
//! All but `reqsign` and `azure_identity` send by HTTP clients of their own, where none of our address rules, proxies,
//! limits and masks hold. `reqsign` lets us send, but asks Entra for tokens of Azure's storage only, and its chains pass
//! over a way that failed. None knows ACR's exchange. What is left to write is a dozen documented calls. They add nothing that
//! can be measured to a build (the library in debug: 30 s of CPU with the three features and without), so all are on by default.
//!
//! # What always holds
//!
//! - Without a variable, a file or a machine that says so, nothing is asked: no metadata address on a laptop.
//! - Metadata services are asked by [`AddressGuard::metadata`](crate::net::AddressGuard::metadata) only, at addresses
//!   that are written here or that the environment names.
//! - What was begun is not skipped: a role that is refused is an error and not "no credentials", since going on would
//!   try a push without the login that was meant.
//! - Errors name what was tried, what was missing and what to do; what a service says is shown without the secrets
//!   that it was sent.

#[cfg(any(feature = "aws", feature = "azure", feature = "google"))]
mod ask;
#[cfg(feature = "aws")]
mod aws;
#[cfg(feature = "azure")]
mod azure;
mod environment;
mod error;
#[cfg(feature = "google")]
mod google;
mod host;
#[cfg(any(feature = "aws", feature = "azure", feature = "google"))]
mod machine;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

#[cfg(feature = "aws")]
pub use aws::{Encryption, NewRepository};
pub use error::CloudError;

use super::{Origin, identity};
use crate::net::Net;
use crate::registry::credential::Credential;
use crate::types::{EcrHost, RegistryHost};
use environment::Environment;
use host::Vendor;

/// A login that cannot be renewed counts on until its end; it is tried again after this time.
const GRACE: Duration = Duration::from_secs(60);

/// No login is renewed for a refusal more often than this: a registry that refuses every password would else have us
/// ask the cloud for one at every request.
const LEAST: Duration = Duration::from_secs(60);

/// Which cloud logs in at a host, if no store does: `cloud` of a `[[host]]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cloud {
    /// The one whose registry the host's name says it is; none for other names.
    #[default]
    Auto,
    /// AWS, also where the host is a name of one's own in front of ECR.
    Aws,
    /// Azure, as above.
    Azure,
    /// Google, as above.
    Google,
    /// None.
    Off,
}

/// A login as a cloud gave it.
#[derive(Debug)]
#[cfg_attr(
    not(any(feature = "aws", feature = "azure", feature = "google")),
    allow(dead_code, reason = "nobody gives any then")
)]
struct Login {
    credential: Credential,
    /// By which way, for people.
    origin: String,
    /// How long it counts.
    life: Duration,
}

/// What a vendor's search came to: a login, or what was looked for in vain.
type Search = Result<Result<Login, Trail>, CloudError>;

/// The ways that were not there, for the message that there is none.
#[derive(Debug, Default)]
struct Trail(Vec<String>);

#[cfg(any(feature = "aws", feature = "azure", feature = "google"))]
impl Trail {
    fn add(&mut self, missing: impl Into<String>) {
        self.0.push(missing.into());
    }
}

impl fmt::Display for Trail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(", "))
    }
}

/// What [`Clouds::find`] came to.
#[derive(Debug)]
pub(super) enum Found {
    /// A login.
    Login(Credential, Origin),
    /// None, for the reason given, if the host is a cloud's at all.
    None(Option<String>),
}

struct Kept {
    credential: Credential,
    origin: Origin,
    renew: Instant,
    expires: Instant,
    /// The registry does not take it any more.
    refused: bool,
}

#[derive(Default)]
struct Slot {
    kept: Mutex<Option<Kept>>,
    /// When a refusal last made us ask.
    forced: Mutex<Option<Instant>>,
    /// Held while the cloud is asked: whoever comes meanwhile shares the answer.
    asking: tokio::sync::Mutex<()>,
}

/// The clouds, as the last to be asked for a host's credential.
pub struct Clouds {
    net: Net,
    settings: Vec<(String, Cloud)>,
    environment: Environment,
    #[cfg(any(feature = "aws", feature = "azure", feature = "google"))]
    machine: machine::Machine,
    slots: Mutex<HashMap<String, Arc<Slot>>>,
    #[cfg(feature = "aws")]
    keys: aws::KeyCache,
    /// How repositories of single hosts are to be.
    #[cfg(feature = "aws")]
    new_repositories: HashMap<String, NewRepository>,
}

impl fmt::Debug for Clouds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clouds")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Clouds {
    /// Asks by `net` for what `variables`, the environment of the process, speak of. `settings` are those of single
    /// hosts; the first that fits counts. Nothing is asked yet.
    pub fn new(net: Net, settings: Vec<(RegistryHost, Cloud)>, variables: BTreeMap<String, String>) -> Self {
        let settings = settings
            .into_iter()
            .map(|(host, cloud)| (identity(host.as_str()), cloud))
            .collect();
        Self {
            net,
            settings,
            environment: Environment::new(variables),
            #[cfg(any(feature = "aws", feature = "azure", feature = "google"))]
            machine: machine::Machine::here(),
            slots: Mutex::default(),
            #[cfg(feature = "aws")]
            keys: aws::KeyCache::default(),
            #[cfg(feature = "aws")]
            new_repositories: HashMap::new(),
        }
    }

    /// The same, with repositories of single hosts that are to be created otherwise than ECR does by itself.
    #[cfg(feature = "aws")]
    #[must_use]
    pub fn with_new_repositories(mut self, settings: Vec<(RegistryHost, NewRepository)>) -> Self {
        let settings = settings.into_iter();
        self.new_repositories = settings
            .map(|(host, settings)| (identity(host.as_str()), settings))
            .collect();
        self
    }

    /// The login for a host (by its one name, see [`identity`]), out of memory up to half its life.
    pub(super) async fn find(&self, host: &str) -> Result<Found, CloudError> {
        let Some((vendor, meant)) = self.vendor(host) else {
            return Ok(Found::None(None));
        };
        let slot = self.slot(host);
        let _alone = slot.asking.lock().await;
        if let Some(found) = slot.current() {
            return Ok(found);
        }
        let began = Instant::now();
        match self.ask(vendor, host, meant).await {
            Ok(Ok(login)) => Ok(slot.keep(login, began)),
            Ok(Err(trail)) if meant => Err(CloudError::Nothing {
                vendor: vendor.name(),
                trail: trail.to_string(),
            }),
            Ok(Err(trail)) => {
                let tried = format!("{}: {trail}", vendor.name());
                // A private registry of ECR lets nobody in without a login; the others may have public content.
                if EcrHost::parse(host).is_some() {
                    tracing::warn!(host, %tried, "no store and no cloud has a login");
                }
                Ok(Found::None(Some(tried)))
            }
            Err(error) => slot.postpone(&error).ok_or(error),
        }
    }

    /// Whether a login of this host is only a guess by its name, and one that public content does without. Private
    /// registries of ECR have none.
    pub(super) fn is_dispensable(&self, host: &str) -> bool {
        self.vendor(host).is_some_and(|(_, meant)| !meant) && EcrHost::parse(host).is_none()
    }

    /// When the login of a host should be asked for again; `None` if it is none of ours.
    pub(super) fn renewal(&self, host: &str) -> Option<Instant> {
        let slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = slots.get(host)?;
        let kept = slot.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref().map(|kept| kept.renew)
    }

    /// A registry refused this login: the next question goes to the cloud.
    pub(super) fn refused(&self, host: &str, credential: &Credential) {
        let slot = {
            let slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(slot) = slots.get(host) else { return };
            Arc::clone(slot)
        };
        let mut kept = slot.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(kept) = kept.as_mut().filter(|kept| kept.credential == *credential) else {
            return;
        };
        let now = Instant::now();
        let mut forced = slot.forced.lock().unwrap_or_else(PoisonError::into_inner);
        if forced.is_none_or(|last| now.duration_since(last) >= LEAST) {
            *forced = Some(now);
            kept.refused = true;
            kept.renew = now;
        }
    }

    fn slot(&self, host: &str) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(host.to_owned()).or_default())
    }

    /// Whose registry a host is, and whether somebody said so rather than its name.
    fn vendor(&self, host: &str) -> Option<(Vendor, bool)> {
        let setting = self.settings.iter().find(|(name, _)| name == host);
        match setting.map(|(_, cloud)| *cloud).unwrap_or_default() {
            Cloud::Off => None,
            Cloud::Auto => Vendor::of(host).map(|vendor| (vendor, false)),
            Cloud::Aws => Some((Vendor::Aws, true)),
            Cloud::Azure => Some((Vendor::Azure, true)),
            Cloud::Google => Some((Vendor::Google, true)),
        }
    }

    #[cfg_attr(
        not(any(feature = "aws", feature = "azure", feature = "google")),
        allow(clippy::unused_async, reason = "there is nobody to wait for then")
    )]
    async fn ask(&self, vendor: Vendor, host: &str, meant: bool) -> Search {
        match vendor {
            #[cfg(feature = "aws")]
            Vendor::Aws => aws::login(self, host, meant).await,
            #[cfg(feature = "azure")]
            Vendor::Azure => azure::login(self, host, meant).await,
            #[cfg(feature = "google")]
            Vendor::Google => google::login(self, meant).await,
            #[cfg(not(all(feature = "aws", feature = "azure", feature = "google")))]
            _ => {
                let _ = (host, &self.net, &self.environment, meant);
                Ok(Err(Trail(vec![format!(
                    "this chartferry was built without the feature `{}`",
                    vendor.feature()
                )])))
            }
        }
    }
}

impl Slot {
    fn current(&self) -> Option<Found> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = kept.as_ref().filter(|kept| Instant::now() < kept.renew)?;
        Some(kept.found())
    }

    fn keep(&self, login: Login, began: Instant) -> Found {
        let kept = Kept {
            credential: login.credential,
            origin: Origin(login.origin),
            renew: began + login.life / 2,
            expires: began + login.life,
            refused: false,
        };
        let found = kept.found();
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(kept);
        found
    }

    /// The old login, if it still counts although no new one could be had.
    fn postpone(&self, error: &CloudError) -> Option<Found> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let kept = kept.as_mut().filter(|kept| !kept.refused && now < kept.expires)?;
        tracing::warn!(%error, "a login of the cloud could not be renewed; the old one is used on");
        kept.renew = (now + GRACE).min(kept.expires);
        Some(kept.found())
    }
}

impl Kept {
    fn found(&self) -> Found {
        Found::Login(self.credential.clone(), self.origin.clone())
    }
}

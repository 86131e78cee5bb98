//! Finds the credentials of a registry where people keep them, and keeps those of `chartferry login`.
//!
//! They are looked for in this order: what was said for this host by flag or configuration, Helm's store, Docker's
//! store, Podman's store, the cloud that we run in, none (helm-oci-format 7). Helm's and Docker's come first and in Helm's order, so that whatever
//! works with `helm push` works alike here; Podman's, which Helm does not know, fills what they leave open. It alone has
//! logins by namespace, of which the longest that fits a repository counts.
//!
//! The first store that knows something wins; one that is broken stops the search, since going on would try a push
//! without the login that was meant. Errors name files and programs, never what these hold or print.

pub mod cloud;
mod document;
mod file;
mod helper;
mod keeper;
mod paths;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use secrecy::SecretString;

use super::credential::{Credential, CredentialError, CredentialFuture, Credentials, Given, Wanted};
#[cfg(feature = "aws")]
use crate::registry::CreationFuture;
use crate::secret;
use crate::types::RegistryHost;
use cloud::{Clouds, Found};
use file::StoreFile;
pub use helper::HelperError;
use helper::Helpers;
pub use keeper::{KeepError, Keeper};
use paths::Place;

/// How long an answer counts. Long enough for everybody who asks at the start of a run to share one look; short
/// enough that a secret that was rotated is found before the next token. What a registry refused counts no more.
const KEEP: Duration = Duration::from_secs(5);

/// What is known about credentials before any store is read.
#[derive(Debug, Clone, Default)]
pub struct StoreOptions {
    /// What was said for single hosts, by flag or configuration; the first that fits counts.
    pub logins: Vec<(RegistryHost, Login)>,
    /// Helm's store, if it is not where the environment says: `--registry-config`.
    pub registry_config: Option<PathBuf>,
    /// The environment of the process.
    pub variables: BTreeMap<String, String>,
}

/// Where the credential of a host comes from, if it was said.
#[derive(Debug, Clone)]
pub enum Login {
    /// It is this.
    Password {
        /// The user.
        username: String,
        /// The password.
        password: SecretString,
    },
    /// The password is in a file, which is read anew for every login.
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
        /// Its name.
        variable: String,
    },
    /// A credential helper is asked.
    Helper {
        /// The part after `docker-credential-`, or an absolute path.
        program: String,
    },
}

/// Where a credential was found, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a credential could not be told: see [`CredentialError`].
struct LookFault {
    why: String,
    dispensable: bool,
}

impl From<String> for LookFault {
    fn from(why: String) -> Self {
        Self {
            why,
            dispensable: false,
        }
    }
}

type Answer = Result<(Credential, Origin), CredentialError>;
type Slot = Arc<tokio::sync::Mutex<Option<(Instant, Answer)>>>;

/// All places where credentials may be, asked once at a time for each host.
#[derive(Debug)]
pub struct Stores {
    options: StoreOptions,
    helpers: Helpers,
    clouds: Option<Arc<Clouds>>,
    keep: Duration,
    slots: Mutex<HashMap<String, Slot>>,
}

impl Stores {
    /// Whether a login was said for this host by flag or configuration.
    pub fn is_configured(&self, host: &str) -> bool {
        self.configured(&identity(host)).is_some()
    }

    fn configured(&self, identity: &str) -> Option<&Login> {
        let mut logins = self.options.logins.iter();
        let found = logins.find(|(name, _)| self::identity(name.as_str()) == identity);
        found.map(|(_, login)| login)
    }

    /// The stores that `options` describe. Nothing is read yet.
    pub fn new(options: StoreOptions) -> Self {
        let helpers = Helpers::new(&options.variables);
        Self {
            options,
            helpers,
            clouds: None,
            keep: KEEP,
            slots: Mutex::default(),
        }
    }

    /// The same, with clouds that are asked where the stores are silent.
    #[must_use]
    pub fn with_clouds(mut self, clouds: Arc<Clouds>) -> Self {
        self.clouds = Some(clouds);
        self
    }

    /// The credential for `host` as a whole and where it was found. Whoever asks meanwhile waits for the same answer.
    pub async fn find(&self, host: &str) -> Result<(Credential, Origin), CredentialError> {
        self.find_for(Wanted::registry(host)).await
    }

    /// The same for a repository, whose namespace may have a login of its own.
    pub async fn find_for(&self, wanted: Wanted<'_>) -> Result<(Credential, Origin), CredentialError> {
        let Wanted {
            host,
            repository,
            refused,
        } = wanted;
        let slot = {
            let key = match self.namespace(host, repository).await {
                Some(namespace) => namespace,
                None => host.to_owned(),
            };
            let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
            slots.entry(key).or_default().clone()
        };
        let mut kept = slot.lock().await;
        if let Some((at, answer)) = &*kept
            && at.elapsed() < self.keep
            && self
                .renewal(host)
                .is_none_or(|at| at > tokio::time::Instant::now())
            && !matches!((answer, refused), (Ok((known, _)), Some(refused)) if known == refused)
        {
            return answer.clone();
        }
        let answer = self.look(wanted).await.map_err(|fault| CredentialError {
            host: host.to_owned(),
            why: fault.why,
            dispensable: fault.dispensable,
        });
        if let Ok((_, origin)) = &answer {
            tracing::debug!(host, %origin, "credentials");
        }
        *kept = Some((Instant::now(), answer.clone()));
        answer
    }

    /// The key in Podman's stores that is nearest above a repository. All repositories below it share one answer.
    async fn namespace(&self, host: &str, repository: Option<&str>) -> Option<String> {
        let (identity, repository) = (identity(host), repository?.to_owned());
        let paths = paths::podman(&self.options.variables);
        // One that cannot be read is named when its turn has come.
        let look = move || {
            let mut stores = paths.iter().filter_map(|path| StoreFile::read(path).ok()?);
            stores.find_map(|store| store.namespace(&identity, &repository).map(str::to_owned))
        };
        blocking(look).await.ok()?
    }

    async fn look(&self, wanted: Wanted<'_>) -> Result<(Credential, Origin), LookFault> {
        let identity = identity(wanted.host);
        if let Some(login) = self.configured(&identity) {
            return Ok(self.login(&identity, login, wanted.refused).await?);
        }
        let options = &self.options;
        for place in paths::all(&options.variables, options.registry_config.as_deref()) {
            let owner = place.owner;
            if let Some((credential, found_in)) = self.store(&identity, place, wanted).await? {
                return Ok((credential, Origin(format!("{owner} store {found_in}"))));
            }
        }
        self.cloud(&identity, wanted.refused).await
    }

    /// What the cloud says, where no store said anything.
    async fn cloud(
        &self,
        identity: &str,
        refused: Option<&Credential>,
    ) -> Result<(Credential, Origin), LookFault> {
        if let (Some(clouds), Some(refused)) = (&self.clouds, refused) {
            clouds.refused(identity, refused);
        }
        let silent = || "no store: anonymous".to_owned();
        let origin = match &self.clouds {
            None => silent(),
            Some(clouds) => match clouds.find(identity).await.map_err(|error| LookFault {
                why: error.to_string(),
                dispensable: clouds.is_dispensable(identity),
            })? {
                Found::Login(credential, origin) => return Ok((credential, origin)),
                Found::None(None) => silent(),
                Found::None(Some(tried)) => format!("no store, no login of the cloud ({tried}): anonymous"),
            },
        };
        Ok((Credential::Anonymous, Origin(origin)))
    }

    /// What was said for this host. A helper that knows nothing is an error here: it was meant to know.
    async fn login(
        &self,
        identity: &str,
        login: &Login,
        refused: Option<&Credential>,
    ) -> Result<(Credential, Origin), String> {
        let basic = |username: &String, password| Credential::Basic {
            username: username.clone(),
            password,
        };
        match login {
            Login::Password { username, password } => Ok((
                basic(username, password.clone()),
                Origin("the command line".into()),
            )),
            Login::PasswordFile { username, path } => {
                let file = path.clone();
                let read = blocking(move || secret::read_file(&file)).await?;
                let password = read.map_err(|error| error.to_string())?;
                Ok((
                    basic(username, password),
                    Origin(format!("the file `{}`", path.display())),
                ))
            }
            Login::PasswordEnv { username, variable } => {
                let value = self.options.variables.get(variable).map(String::as_str);
                let password = secret::read_variable(value).map_err(|error| error.to_string())?;
                Ok((
                    basic(username, password),
                    Origin("an environment variable".into()),
                ))
            }
            Login::Helper { program } => match self.helpers.ask(program, server(identity), refused).await {
                Ok(Some(credential)) => {
                    Ok((credential, Origin(format!("the credential helper `{program}`"))))
                }
                Ok(None) => Err(format!(
                    "the credential helper `{program}` has none; log in with it first"
                )),
                Err(error) => Err(error.to_string()),
            },
        }
    }

    /// What one file says; `None` if it is not there or knows nothing of this host.
    async fn store(
        &self,
        identity: &str,
        Place { path, namespaces, .. }: Place,
        wanted: Wanted<'_>,
    ) -> Result<Option<(Credential, String)>, String> {
        let file = path.clone();
        let Some(file) = blocking(move || StoreFile::read(&file))
            .await?
            .map_err(|error| error.to_string())?
        else {
            return Ok(None);
        };
        let shown = path.display();
        if let Some(program) = file.helper(identity) {
            let answer = self.helpers.ask(program, server(identity), wanted.refused).await;
            let found = answer.map_err(|error| format!("{error} (it is named by `{shown}`)"))?;
            return Ok(found.map(|found| (found, format!("`{shown}`, credential helper `{program}`"))));
        }
        let found = if namespaces {
            file.plain_for(identity, wanted.repository)
        } else {
            file.plain(identity)
        };
        let found = found.map_err(|error| error.to_string())?;
        Ok(found.map(|found| (found, format!("`{shown}`"))))
    }
}

impl Credentials for Stores {
    fn get<'a>(&'a self, wanted: Wanted<'a>) -> CredentialFuture<'a> {
        Box::pin(async move { self.find_for(wanted).await.map(|(credential, _)| credential) })
    }

    #[cfg(feature = "aws")]
    fn create_repository<'a>(&'a self, host: &'a str, repository: &'a str) -> Option<CreationFuture<'a>> {
        self.clouds.as_ref()?.creation(host, repository)
    }

    fn given(&self, host: &str) -> Option<Given> {
        let login = self.configured(&identity(host))?;
        Some(match login {
            Login::Helper { .. } => Given::Helper,
            Login::Password { .. } | Login::PasswordFile { .. } | Login::PasswordEnv { .. } => {
                Given::Password
            }
        })
    }

    fn renewal(&self, host: &str) -> Option<tokio::time::Instant> {
        self.clouds.as_ref()?.renewal(&identity(host))
    }
}

/// Files may be on slow mounts.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, String> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| format!("reading it was given up ({error})"))
}

/// One name for a host that has several: Docker Hub has three, and the default port may be written or not.
fn identity(host: &str) -> String {
    let host = host.to_ascii_lowercase();
    match host.strip_suffix(":443").unwrap_or(&host) {
        "index.docker.io" | "registry-1.docker.io" => "docker.io".into(),
        host => host.into(),
    }
}

/// The key under which stores and helpers keep a host.
fn server(identity: &str) -> &str {
    if identity == "docker.io" {
        DOCKER_HUB
    } else {
        identity
    }
}

/// Docker Hub's key, from the days of its first protocol.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";

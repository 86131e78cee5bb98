//! Docker credential helpers: programs `docker-credential-X` that are given a server on standard input and answer with
//! JSON. They are foreign programs that may hang, flood or fail, so each has 10 seconds, 64 KiB and an environment
//! of what helpers are known to need (reliability 4.4, B60). What they print is a secret or may hold one: it is
//! read, never shown. Some take seconds to answer, so an answer is kept for a minute.

use std::collections::{BTreeMap, HashMap};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};

use crate::registry::credential::Credential;

const TIME: Duration = Duration::from_secs(10);
const MAX_BYTES: u64 = 64 << 10;

/// How long an answer counts, unless the registry refuses it: those of cloud helpers are good for a quarter of an hour
/// at least.
const KEEP: Duration = Duration::from_secs(60);

/// What helpers say if they have no entry; a contract by words.
const NOT_FOUND: &str = "credentials not found in native keychain";

/// Variables that helpers are given, by name.
const NAMES: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "LANG",
    "TMPDIR",
    "TERM",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "GNUPGHOME",
    "GPG_TTY",
    "DOCKER_CONFIG",
    "REGISTRY_AUTH_FILE",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "ALL_PROXY",
    "all_proxy",
];
/// And by the beginning of the name.
const PREFIXES: &[&str] = &[
    "AWS_",
    "GOOGLE_",
    "GCE_",
    "CLOUDSDK_",
    "AZURE_",
    "MSI_",
    "IDENTITY_",
    "XDG_",
    "DBUS_",
    "LC_",
    "PASSWORD_STORE_",
];

/// Why a helper gave no credential.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HelperError {
    /// The name could lead anywhere.
    #[error("`{}` is no name of a credential helper; give the part after `docker-credential-`", .0.escape_debug())]
    Name(String),
    /// There is no such program.
    #[error("the credential helper `{0}` is not there or not executable; install it or correct `PATH`")]
    Missing(String),
    /// It could not be started or talked to.
    #[error("the credential helper `{program}` cannot be run ({reason})")]
    Run {
        /// The program.
        program: String,
        /// The system's word.
        reason: String,
    },
    /// It took too long.
    #[error("the credential helper `{program}` did not answer within {} s and was stopped; run `{program} get` by hand to see why", .time.as_secs())]
    Slow {
        /// The program.
        program: String,
        /// How long it had.
        time: Duration,
    },
    /// It printed too much.
    #[error(
        "the credential helper `{0}` printed over 64 KiB and was stopped; run `{0} get` by hand to see why"
    )]
    Flood(String),
    /// It failed.
    #[error("the credential helper `{program}` failed ({status}); run `{program} {verb}` by hand to see why")]
    Failed {
        /// The program.
        program: String,
        /// What it was to do.
        verb: &'static str,
        /// How it ended.
        status: ExitStatus,
    },
    /// It answered with something else.
    #[error(
        "the credential helper `{0}` did not answer with a user and a secret; run `{0} get` by hand to see why"
    )]
    Answer(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    #[serde(default)]
    username: String,
    #[serde(default)]
    secret: String,
}

/// What `store` is given.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Login<'a> {
    #[serde(rename = "ServerURL")]
    server: &'a str,
    username: &'a str,
    secret: &'a str,
}

type Slot = Arc<tokio::sync::Mutex<Option<(Instant, Option<Credential>)>>>;

/// Starts helpers.
#[derive(Debug)]
pub(super) struct Helpers {
    environment: BTreeMap<String, String>,
    folders: Vec<PathBuf>,
    pub(super) time: Duration,
    pub(super) keep: Duration,
    /// Answers by program and server.
    slots: Mutex<HashMap<(String, String), Slot>>,
}

/// How a helper ended and what it printed.
struct Ended {
    program: String,
    output: Vec<u8>,
    status: ExitStatus,
}

impl Ended {
    /// It has no such entry.
    fn found_nothing(&self) -> bool {
        !self.status.success() && String::from_utf8_lossy(&self.output).contains(NOT_FOUND)
    }

    fn failed(self, verb: &'static str) -> HelperError {
        HelperError::Failed {
            program: self.program,
            verb,
            status: self.status,
        }
    }
}

impl Helpers {
    /// Helpers get their part of `variables` and are looked for in its `PATH`.
    pub(super) fn new(variables: &BTreeMap<String, String>) -> Self {
        let known =
            |name: &str| NAMES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix));
        let environment = variables.iter().filter(|(name, _)| known(name));
        let path = variables.get("PATH").map(String::as_str).unwrap_or_default();
        Self {
            environment: environment
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
            // A relative folder would run what lies in the current one.
            folders: std::env::split_paths(path)
                .filter(|folder| folder.is_absolute())
                .collect(),
            time: TIME,
            keep: KEEP,
            slots: Mutex::default(),
        }
    }

    /// Asks `program` (a name or an absolute path) for `server`; `None` if it has no entry. Whoever asks meanwhile
    /// waits for the same answer, which is kept for a while unless it is the one that was `refused`.
    pub(super) async fn ask(
        &self,
        program: &str,
        server: &str,
        refused: Option<&Credential>,
    ) -> Result<Option<Credential>, HelperError> {
        let slot = {
            let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
            let key = (program.to_owned(), server.to_owned());
            Arc::clone(slots.entry(key).or_default())
        };
        let mut kept = slot.lock().await;
        if let Some((at, answer)) = &*kept
            && at.elapsed() < self.keep
            && (refused.is_none() || refused != answer.as_ref())
        {
            return Ok(answer.clone());
        }
        *kept = None;
        let answer = read(self.run(program, "get", server.as_bytes()).await?)?;
        *kept = Some((Instant::now(), answer.clone()));
        Ok(answer)
    }

    /// Hands a login over to `program`.
    pub(super) async fn store(
        &self,
        program: &str,
        server: &str,
        username: &str,
        password: &SecretString,
    ) -> Result<(), HelperError> {
        let login = Login {
            server,
            username,
            secret: password.expose_secret(),
        };
        let input = serde_json::to_vec(&login).map_err(|_| HelperError::Answer(program.to_owned()))?;
        let ended = self.run(program, "store", &input).await?;
        if ended.status.success() {
            return Ok(());
        }
        Err(ended.failed("store"))
    }

    /// Has `program` forget the login of `server`; one that it does not have is no error.
    pub(super) async fn erase(&self, program: &str, server: &str) -> Result<(), HelperError> {
        let ended = self.run(program, "erase", server.as_bytes()).await?;
        if ended.status.success() || ended.found_nothing() {
            return Ok(());
        }
        Err(ended.failed("erase"))
    }

    /// The helper that Helm and Docker choose by themselves for a store without any login, if it is installed.
    pub(super) fn platform(&self) -> Option<&'static str> {
        let pass = || self.folders.iter().any(|folder| is_program(&folder.join("pass")));
        let name = match () {
            () if cfg!(target_os = "macos") => "osxkeychain",
            () if pass() => "pass",
            () => "secretservice",
        };
        self.locate(name).is_ok().then_some(name)
    }

    async fn run(&self, program: &str, verb: &'static str, input: &[u8]) -> Result<Ended, HelperError> {
        let path = self.locate(program)?;
        tracing::debug!(program = %path.display(), verb, "running a credential helper");
        let shown = path.display().to_string();
        let failed = |error: std::io::Error| HelperError::Run {
            program: shown.clone(),
            reason: error.to_string(),
        };
        let mut child = Command::new(&path)
            .arg(verb)
            .env_clear()
            .envs(&self.environment)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let talk = tokio::time::timeout(self.time, talk(&mut child, input)).await;
        let (output, status) = match talk {
            Ok(Ok(done)) => done,
            Ok(Err(error)) => return Err(failed(error)),
            Err(_) => {
                return Err(HelperError::Slow {
                    program: shown,
                    time: self.time,
                });
            }
        };
        match status {
            Some(status) => Ok(Ended {
                program: shown,
                output,
                status,
            }),
            None => Err(HelperError::Flood(shown)),
        }
    }

    /// The absolute path of a helper.
    fn locate(&self, program: &str) -> Result<PathBuf, HelperError> {
        if program.starts_with('/') {
            let path = PathBuf::from(program);
            return if is_program(&path) {
                Ok(path)
            } else {
                Err(HelperError::Missing(program.into()))
            };
        }
        // A store file may come from anywhere: the name must not be a path.
        if program.is_empty()
            || !program
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        {
            return Err(HelperError::Name(program.chars().take(60).collect()));
        }
        let name = format!("docker-credential-{program}");
        let found = self
            .folders
            .iter()
            .map(|folder| folder.join(&name))
            .find(|path| is_program(path));
        found.ok_or(HelperError::Missing(name))
    }
}

fn is_program(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// Hands over the input and takes the answer; without a status if it was too long.
async fn talk(child: &mut Child, input: &[u8]) -> std::io::Result<(Vec<u8>, Option<ExitStatus>)> {
    if let Some(mut stdin) = child.stdin.take() {
        // A helper that knows its answer may end without reading.
        let _ = stdin.write_all(input).await;
    }
    let mut output = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        stdout.take(MAX_BYTES + 1).read_to_end(&mut output).await?;
    }
    if output.len() as u64 > MAX_BYTES {
        return Ok((output, None));
    }
    let status = child.wait().await?;
    Ok((output, Some(status)))
}

fn read(ended: Ended) -> Result<Option<Credential>, HelperError> {
    if ended.found_nothing() {
        return Ok(None);
    }
    if !ended.status.success() {
        return Err(ended.failed("get"));
    }
    let Ok(answer) = serde_json::from_slice::<Answer>(&ended.output) else {
        return Err(HelperError::Answer(ended.program));
    };
    match (answer.username.as_str(), answer.secret.is_empty()) {
        ("", true) => Ok(None),
        ("", false) | (_, true) => Err(HelperError::Answer(ended.program)),
        ("<token>", false) => Ok(Some(Credential::Identity {
            token: answer.secret.into(),
        })),
        _ => Ok(Some(Credential::Basic {
            username: answer.username,
            password: answer.secret.into(),
        })),
    }
}

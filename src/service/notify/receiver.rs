//! One receiver: where its letters go, and how often that is tried.

use std::path::PathBuf;
use std::time::Duration;

use globset::GlobSet;
use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderValue, Method};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::Instant;

use crate::net::{AddressGuard, Net, Redirects, Request, is_transient, redact};
use crate::notice::{Event, Template, WebhookUrl};
use crate::report::plain;
use crate::secret::{self, SecretError};

/// Bytes of an answer that are read for its reason.
const ANSWER: usize = 200;

/// Where a secret is. It is read for every letter, so that it may rotate.
#[derive(Debug, Clone)]
pub enum SecretPlace {
    /// In this file.
    File(PathBuf),
    /// In the environment variable of this name.
    Variable(String),
}

/// Where the URL is.
#[derive(Debug, Clone)]
pub enum UrlPlace {
    /// Here.
    Plain(WebhookUrl),
    /// In a file or variable.
    Secret(SecretPlace),
}

/// A `[[notify]]`.
#[derive(Debug, Clone)]
pub struct Receiver {
    /// Its name, in logs and metrics.
    pub name: Box<str>,
    /// Where notifications are posted to.
    pub url: UrlPlace,
    /// What it wants to be told of.
    pub events: Vec<Event>,
    /// Of which mirrors; all if there is none.
    pub mirrors: Option<GlobSet>,
    /// A header with a secret.
    pub header: Option<(HeaderName, SecretPlace)>,
    /// What is posted; the whole notification if there is none.
    pub template: Option<Template>,
}

/// What is to be sent.
#[derive(Debug)]
pub(super) struct Letter {
    pub(super) mirror: Box<str>,
    pub(super) event: Event,
    pub(super) body: String,
}

/// Why a letter did not arrive.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) text: String,
    /// Another try may succeed.
    transient: bool,
}

impl Receiver {
    pub(super) fn wants(&self, mirror: &str, events: &[Event]) -> bool {
        self.mirrors.as_ref().is_none_or(|globs| globs.is_match(mirror))
            && events.iter().any(|event| self.events.contains(event))
    }

    /// Sends `letter`, again after growing pauses while that may help, for `patience` at most. Each try of ours is several
    /// of the transport's, within seconds; the pauses are for receivers that are being restarted.
    pub(super) async fn deliver(
        &self,
        letter: &Letter,
        net: &Net,
        patience: Duration,
        mut pause: Duration,
    ) -> Result<(), Refusal> {
        let deadline = Instant::now() + patience;
        loop {
            match self.post(letter, &net.for_run(Some(deadline))).await {
                Err(refusal) if refusal.transient && Instant::now() + pause < deadline => {
                    tokio::time::sleep(pause).await;
                    pause = pause.saturating_mul(3);
                }
                outcome => return outcome,
            }
        }
    }

    async fn post(&self, letter: &Letter, net: &Net) -> Result<(), Refusal> {
        let url = self.url.read().map_err(Refusal::lasting)?;
        let (request, secret) = self.request(letter, &url).map_err(Refusal::lasting)?;
        let mask = |text: String| masked(&text, &url, secret.as_ref());
        let answer = net.send(request).await.map_err(|error| Refusal {
            transient: error.class().is_transient(),
            text: mask(error.to_string()),
        })?;
        let status = answer.status();
        if status.is_success() {
            answer.discard().await;
            return Ok(());
        }
        let said = mask(answer.text_lossy(ANSWER).await);
        let said = plain(said.trim()).into_owned();
        let advice = match status.as_u16() {
            300..=399 => "; give the URL that it leads to",
            401 | 403 | 404 | 410 => "; correct URL or header",
            400 | 413 | 415 | 422 => "; correct the template",
            _ => "",
        };
        let said = if said.is_empty() {
            said
        } else {
            format!(" (`{said}`)")
        };
        Err(Refusal {
            transient: is_transient(status),
            text: format!("`{url}` answered {status}{said}{advice}"),
        })
    }

    fn request(&self, letter: &Letter, url: &WebhookUrl) -> Result<(Request, Option<SecretString>), String> {
        let guard = AddressGuard::source(url.expose());
        let request = Request::new(Method::POST, url.expose().clone(), guard)
            // A redirect would carry the letter to a host that nobody named, or turn it into a GET.
            .redirects(Redirects::Return)
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .body(letter.body.clone().into_bytes().into())
            .conceal();
        let Some((name, place)) = &self.header else {
            return Ok((request, None));
        };
        let secret = place.read("header")?;
        let mut value = HeaderValue::from_str(secret.expose_secret()).map_err(|_| {
            format!("the value of the header `{name}` holds a line break or a control character")
        })?;
        value.set_sensitive(true);
        Ok((request.header(name.clone(), value), Some(secret)))
    }
}

/// `text` without what it may repeat of URL and header: an error names the URL, and some servers put what they were asked
/// into their answer, whole or in parts.
fn masked(text: &str, url: &WebhookUrl, header: Option<&SecretString>) -> String {
    /// Shorter parts are no secrets, and would be found in any text.
    const LEAST: usize = 4;
    let whole = url.expose();
    let text = text
        .replace(&redact(whole), &url.to_string())
        .replace(whole.as_str(), &url.to_string());
    let header = header.map_or("", |secret| secret.expose_secret());
    let path = [whole.path(), whole.query().unwrap_or_default(), header];
    let parts = path
        .into_iter()
        .chain(whole.path().split('/'))
        .chain(whole.query().unwrap_or_default().split(['&', '=']))
        .chain(header.split(' '));
    let mut parts: Vec<_> = parts.filter(|part| part.len() >= LEAST).collect();
    // The longest first, so that none is torn by one of its own parts.
    parts.sort_by_key(|part| std::cmp::Reverse(part.len()));
    parts
        .into_iter()
        .fold(text, |text, part| text.replace(part, "***"))
}

impl Refusal {
    /// Settings that no repetition mends.
    fn lasting(text: String) -> Self {
        Self {
            text,
            transient: false,
        }
    }
}

impl UrlPlace {
    fn read(&self) -> Result<WebhookUrl, String> {
        match self {
            Self::Plain(url) => Ok(url.clone()),
            Self::Secret(place) => {
                let text = place.read("url")?;
                WebhookUrl::new(text.expose_secret()).map_err(|error| format!("what {place} holds {error}"))
            }
        }
    }
}

impl SecretPlace {
    /// The secret; `key` is that of the configuration, without its ending.
    fn read(&self, key: &str) -> Result<SecretString, String> {
        let read = match self {
            Self::File(path) => secret::read_file(path),
            Self::Variable(name) => secret::read_variable(std::env::var(name).ok().as_deref()),
        };
        read.map_err(|error| match error {
            SecretError::NoVariable | SecretError::BadVariable => {
                format!(
                    "the environment variable that `{key}_env` names is not set, empty or not Unicode; set it"
                )
            }
            error => error.to_string(),
        })
    }
}

/// How a sentence names it. A variable is not named: someone may have put the secret itself there.
impl std::fmt::Display for SecretPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(f, "`{}`", path.display()),
            Self::Variable(_) => f.write_str("the variable of `url_env`"),
        }
    }
}

//! The way of a request: admission, pace, client, answer, redirects, repetition.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH};
use http::{HeaderValue, Method, StatusCode};
use tokio::time::Instant;
use url::Url;

use super::cause::Way;
use super::client::{Clients, Reach};
use super::dns::Zones;
use super::farewell::Farewells;
use super::host::{Paces, authority};
use super::options::{HostOptions, NetOptions, names};
use super::pace::{Pace, Permit, Signal};
use super::proxy::Proxies;
use super::redirect::{self, Hop, MOST_HOPS};
use super::retry::{Tries, is_transient};
use super::tls::TlsKey;
use super::traffic::{Counters, Ledger, Traffic};
use super::upload::{self, Progress};
use super::{Encoding, NetError, Redirects, Request, Response, redact, retry_after};

/// How long headers may take after the last sign of life (reliability F14).
const HEADERS: Duration = Duration::from_secs(60);

/// The same for a metadata service. Azure's takes seconds when an identity is new to the machine.
const METADATA: Duration = Duration::from_secs(10);

/// The network. Cloning is cheap and shares everything.
#[derive(Clone)]
pub struct Net {
    shared: Arc<Shared>,
    run: Arc<Run>,
}

/// What lives as long as the process: connections, paces, what names resolved to.
struct Shared {
    options: NetOptions,
    proxies: Arc<Proxies>,
    zones: Arc<Zones>,
    clients: Clients,
    paces: Paces,
}

/// What lives as long as a run.
#[derive(Default)]
struct Run {
    ledger: Arc<Ledger>,
    deadline: Option<Instant>,
    farewells: Farewells,
}

impl Net {
    /// Checks the settings, files included, and sends nothing.
    pub fn new(options: NetOptions) -> Result<Self, NetError> {
        let proxies = if options.proxy_from_env {
            Proxies::from_env(|name| std::env::var(name).ok())?
        } else {
            Proxies::default()
        };
        Self::with_proxies(options, proxies)
    }

    pub(super) fn with_proxies(options: NetOptions, proxies: Proxies) -> Result<Self, NetError> {
        for host in &options.hosts {
            check(host)?;
        }
        let proxies = Arc::new(proxies);
        if !proxies.names().is_empty() {
            tracing::info!(
                proxies = %proxies.names().join(", "),
                "requests go through a proxy: addresses behind it are checked by name only"
            );
        }
        let zones = Arc::new(Zones::default());
        let clients = Clients::new(&options, Arc::clone(&proxies), Arc::clone(&zones));
        let shared = Shared {
            options,
            proxies,
            zones,
            clients,
            paces: Paces::default(),
        };
        Ok(Self {
            shared: Arc::new(shared),
            run: Arc::default(),
        })
    }

    /// The same network with counts of its own, for a run that ends at `deadline`. What they count is in the counts of the
    /// whole as well.
    #[must_use]
    pub fn for_run(&self, deadline: Option<Instant>) -> Self {
        let run = Run {
            ledger: Arc::new(self.run.ledger.part()),
            deadline,
            ..Run::default()
        };
        Self {
            shared: Arc::clone(&self.shared),
            run: Arc::new(run),
        }
    }

    /// Whether both are the same network with the same counts.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.run, &other.run)
    }

    /// What was sent so far by this run, or by the process where this is the network of no run, by host.
    pub fn traffic(&self) -> Vec<Traffic> {
        self.run.ledger.snapshot()
    }

    /// The settings of the host of `url`.
    pub fn host(&self, url: &Url) -> Option<&HostOptions> {
        self.shared.options.hosts.iter().find(|host| host.fits(url))
    }

    /// Whether credentials configured for `owner` may be sent to `target`: the same origin, or a host that
    /// `pass_credentials_to` of the owner names and that is no less protected.
    pub fn may_have_credentials(&self, owner: &Url, target: &Url) -> bool {
        redirect::same_origin(owner, target)
            || self.host(owner).is_some_and(|options| {
                let listed = options.pass_credentials_to.iter().any(|name| names(name, target));
                listed && (owner.scheme() == "http" || target.scheme() == "https")
            })
    }

    /// A budget of tries for something that takes several requests.
    pub fn tries(&self) -> Tries {
        Tries::new(&self.shared.options.retry, self.run.deadline)
    }

    /// Does `work` although nobody waits for its outcome: it goes on when its caller is dropped. [`Net::settle`]
    /// gives it time.
    pub fn see_off(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.run.farewells.add(work);
    }

    /// Does `work` to its end, also when the future that this returns is dropped before. [`Net::settle`] gives it time.
    pub async fn finish<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> T {
        self.run.farewells.finish(work).await
    }

    /// Waits for what [`Net::see_off`] and [`Net::finish`] were given, at most so long.
    pub async fn settle(&self, limit: Duration) {
        self.run.farewells.wait(limit).await;
    }

    pub(super) fn options(&self) -> &NetOptions {
        &self.shared.options
    }

    pub(super) fn proxies(&self) -> &Proxies {
        &self.shared.proxies
    }

    pub(super) fn zones(&self) -> &Zones {
        &self.shared.zones
    }

    /// Sends `request` and repeats it as it allows. Any status is an answer, also a transient one after the last try.
    pub async fn send(&self, request: Request) -> Result<Response, NetError> {
        self.send_within(request, &mut self.tries()).await
    }

    /// The same within a budget that the caller shares among requests, e.g. those for one file whose body breaks off.
    pub async fn send_within(&self, request: Request, tries: &mut Tries) -> Result<Response, NetError> {
        loop {
            let outcome = self
                .follow(&request, request.repeated || tries.retries() > 0)
                .await;
            let transient = match &outcome {
                Ok(response) => is_transient(response.status()),
                Err(error) => error.class().is_transient(),
            };
            if !transient || !request.retry || self.is_hopeless(&request.url) {
                return outcome;
            }
            let Some(wait) = tries.next_wait() else {
                return outcome;
            };
            // Gives its place at the host back before it sleeps.
            if let Ok(response) = outcome {
                response.discard().await;
            }
            tokio::time::sleep(wait).await;
        }
    }

    fn is_hopeless(&self, url: &Url) -> bool {
        self.pace(url, &authority(url)).is_hopeless()
    }

    async fn follow(&self, request: &Request, repeated: bool) -> Result<Response, NetError> {
        let mut hop = Hop::from(request);
        for _ in 0..=MOST_HOPS {
            let response = self.once(request, &hop, repeated).await?;
            if request.redirects == Redirects::Return {
                return Ok(response);
            }
            let passes = |url: &Url| self.may_have_credentials(&request.url, url);
            match redirect::next(&hop, response.status(), response.headers(), passes)? {
                None => return Ok(response),
                Some(next) => hop = next,
            }
            response.discard().await;
        }
        Err(NetError::Redirects {
            url: redact(&request.url),
            limit: MOST_HOPS,
        })
    }

    /// One request, one answer.
    async fn once(&self, request: &Request, hop: &Hop, repeated: bool) -> Result<Response, NetError> {
        let reach = self.admit(&request.guard, &hop.url).await?;
        let host = authority(&hop.url);
        let counters = self.run.ledger.host(&host);
        let permit = self.enter(&hop.url, &host, &counters).await?;
        let began = Instant::now();
        let outcome = self.exchange(request, hop, reach, &counters).await;
        let status = outcome.as_ref().ok().map(reqwest::Response::status);
        counters.request(&hop.method, status, repeated);
        tracing::debug!(
            method = %hop.method,
            url = %if request.concealed { format!("{host} (path concealed)") } else { redact(&hop.url) },
            status = status.map_or_else(|| "error".to_owned(), |s| s.as_u16().to_string()),
            ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            repeated,
            "request"
        );
        match outcome {
            Ok(inner) => {
                self.learn(&permit, &inner);
                check_encoding(request.encoding, &hop.url, &inner)?;
                let timeout = self.host(&hop.url).and_then(|options| options.timeout);
                Ok(Response::new(inner, hop.url.clone(), permit, counters).within(timeout))
            }
            Err(error) => {
                if error.is_reset() {
                    permit.learn(Signal::Overload, None);
                }
                Err(error)
            }
        }
    }

    fn pace(&self, url: &Url, host: &str) -> Arc<Pace> {
        self.shared
            .paces
            .get(host, self.host(url), self.shared.options.retry.base)
    }

    /// Waits for the host's leave, unless that would take longer than the run has.
    async fn enter(&self, url: &Url, host: &str, counters: &Counters) -> Result<Permit, NetError> {
        let pace = self.pace(url, host);
        let late = |why| NetError::Deadline {
            url: redact(url),
            why,
        };
        let Some(deadline) = self.run.deadline else {
            let (permit, throttled) = pace.enter().await;
            counters.throttled(throttled);
            return Ok(permit);
        };
        if let Some(until) = pace.paused_until().filter(|until| *until >= deadline) {
            let wait = until.saturating_duration_since(Instant::now()).as_secs();
            return Err(late(format!(
                ": `{host}` asked for a pause of {wait} s, which is longer than the run may take"
            )));
        }
        match tokio::time::timeout_at(deadline, pace.enter()).await {
            Ok((permit, throttled)) => {
                counters.throttled(throttled);
                Ok(permit)
            }
            Err(_) => Err(late(String::new())),
        }
    }

    async fn exchange(
        &self,
        request: &Request,
        hop: &Hop,
        reach: Reach,
        counters: &Arc<Counters>,
    ) -> Result<reqwest::Response, NetError> {
        let options = self.host(&hop.url);
        let tls = options.map(TlsKey::from).unwrap_or_default();
        let (metadata, connect) = (reach == Reach::Metadata, reach.connect_timeout());
        let client = self
            .shared
            .clients
            .get(tls, reach, request.encoding == Encoding::Gzip)?;
        let mut builder = client
            .request(hop.method.clone(), hop.url.clone())
            .headers(hop.headers.clone());
        if request.encoding != Encoding::Gzip {
            builder = builder.header(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        }
        let progress = Progress::default();
        if let Some(payload) = &hop.body {
            let body = upload::body(payload, &progress, counters);
            builder = builder.header(CONTENT_LENGTH, payload.size()).body(body);
        } else if matches!(hop.method, Method::POST | Method::PUT | Method::PATCH) {
            builder = builder.header(CONTENT_LENGTH, 0);
        }
        let longest = if metadata { METADATA } else { HEADERS };
        let limit = options.and_then(|options| options.timeout).unwrap_or(longest);
        let answer = headers(builder.send(), &progress, limit);
        let answer = match self.run.deadline {
            None => answer.await,
            Some(deadline) => match tokio::time::timeout_at(deadline, answer).await {
                Ok(answer) => answer,
                Err(_) => {
                    return Err(NetError::Deadline {
                        url: redact(&hop.url),
                        why: String::new(),
                    });
                }
            },
        };
        let way = Way {
            url: &hop.url,
            proxy: self.proxies().of(&hop.url).filter(|_| !metadata),
            connect,
        };
        match answer {
            Some(Ok(inner)) => way.refusal(inner.status()).map_or(Ok(inner), Err),
            Some(Err(error)) => Err(way.error(&error)),
            None => Err(NetError::Timeout {
                url: redact(&hop.url),
                phase: "answer",
                after: limit,
            }),
        }
    }

    /// Tells the pace what the answer says about the host.
    fn learn(&self, permit: &Permit, answer: &reqwest::Response) {
        let signal = match answer.status() {
            StatusCode::TOO_MANY_REQUESTS => Signal::Throttled,
            StatusCode::SERVICE_UNAVAILABLE => Signal::Overload,
            status if is_transient(status) => Signal::Unclear,
            _ => Signal::Good,
        };
        let most = self.shared.options.retry.max_wait;
        let asked = retry_after(answer.headers(), SystemTime::now()).filter(|_| signal != Signal::Good);
        if let Some(wait) = asked.filter(|wait| *wait > most) {
            let host = authority(answer.url());
            tracing::warn!(%host, asked = wait.as_secs(), capped = most.as_secs(), "the server asks for a very long pause");
        }
        permit.learn(signal, asked.map(|wait| wait.min(most)));
    }
}

/// Waits for the headers; `None` when nothing moved for `limit`. An upload under way is a sign of life.
async fn headers<T>(answer: impl Future<Output = T>, progress: &Progress, limit: Duration) -> Option<T> {
    let mut answer = std::pin::pin!(answer);
    let mut seen = 0;
    loop {
        if let Ok(done) = tokio::time::timeout(limit, &mut answer).await {
            return Some(done);
        }
        let sent = progress.sent();
        if sent == seen {
            return None;
        }
        seen = sent;
    }
}

/// An encoding that nobody asked for could be a bomb, and its bytes are not those that digests are about.
fn check_encoding(wanted: Encoding, url: &Url, answer: &reqwest::Response) -> Result<(), NetError> {
    if wanted == Encoding::Raw {
        return Ok(());
    }
    // The client removes the header of what it unpacks.
    match answer.headers().get(CONTENT_ENCODING) {
        Some(found) if !found.as_bytes().eq_ignore_ascii_case(b"identity") && !found.is_empty() => {
            let encoding = String::from_utf8_lossy(found.as_bytes())
                .escape_debug()
                .to_string();
            Err(NetError::Encoding {
                url: redact(url),
                encoding,
            })
        }
        _ => Ok(()),
    }
}

fn check(host: &HostOptions) -> Result<(), NetError> {
    let bad = |why| NetError::Options {
        host: host.name.clone(),
        why,
    };
    if host.key_file.is_some() && host.cert_file.is_none() {
        return Err(bad("`key_file` needs `cert_file`"));
    }
    if host.max_connections == Some(0) {
        return Err(bad("`max_connections` must be at least 1"));
    }
    if host
        .requests_per_second
        .is_some_and(|rate| !rate.is_finite() || rate <= 0.0)
    {
        return Err(bad("`requests_per_second` must be above 0"));
    }
    TlsKey::from(host).read().map(drop)
}

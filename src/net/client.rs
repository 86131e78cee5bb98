//! Builds the HTTP clients, the only place that does. One for each combination of TLS settings, address policy and
//! compression; hosts that share a combination share the client and its connections.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::redirect::Policy as RedirectPolicy;
use reqwest::{Client, ClientBuilder, Proxy};

use super::NetError;
use super::dns::{Access, Zones};
use super::guard::Policy;
use super::options::NetOptions;
use super::proxy::Proxies;
use super::tls::TlsKey;

/// How long a connection may take, TLS included (reliability F14).
pub(super) const CONNECT: Duration = Duration::from_secs(10);

/// The same for a metadata service, which is at most a hop away: where there is none, packets vanish, and nobody should
/// wait for that. The first-party SDKs wait as long.
const CONNECT_METADATA: Duration = Duration::from_secs(1);

/// Below the idle time of common load balancers (60 s), so that we close first (reliability F51).
const POOL_IDLE: Duration = Duration::from_secs(45);

/// Who is connected to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Reach {
    /// The configured host itself.
    Home,
    /// The metadata service of the cloud, directly.
    Metadata,
    /// Any other host, under this policy.
    Checked(Policy),
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    tls: TlsKey,
    reach: Reach,
    gzip: bool,
}

impl Reach {
    /// How long a connection may take, TLS included.
    pub(super) fn connect_timeout(&self) -> Duration {
        match self {
            Self::Metadata => CONNECT_METADATA,
            Self::Home | Self::Checked(_) => CONNECT,
        }
    }
}

/// All clients of the process.
pub(super) struct Clients {
    user_agent: String,
    /// Answers carry the server's certificate.
    certificates: bool,
    proxies: Arc<Proxies>,
    zones: Arc<Zones>,
    built: Mutex<HashMap<Key, Client>>,
}

impl Clients {
    pub(super) fn new(options: &NetOptions, proxies: Arc<Proxies>, zones: Arc<Zones>) -> Self {
        Self {
            user_agent: options.user_agent.clone(),
            certificates: options.certificates,
            proxies,
            zones,
            built: Mutex::default(),
        }
    }

    /// The client for this combination.
    pub(super) fn get(&self, tls: TlsKey, reach: Reach, gzip: bool) -> Result<Client, NetError> {
        let mut built = self.built.lock().unwrap_or_else(PoisonError::into_inner);
        let key = Key { tls, reach, gzip };
        if let Some(client) = built.get(&key) {
            return Ok(client.clone());
        }
        let client = self.build(&key)?;
        built.insert(key, client.clone());
        Ok(client)
    }

    fn build(&self, key: &Key) -> Result<Client, NetError> {
        let files = key.tls.read()?;
        let base = || files.apply(self.base(key));
        let merged = base().tls_certs_merge(files.roots.clone()).build();
        // Without certificates of the system (an image from scratch) the platform's verifier cannot be built; then
        // only `ca_file` counts, and plain HTTP still works.
        merged
            .or_else(|_| base().tls_certs_only(files.roots.clone()).build())
            .map_err(|error| NetError::Client {
                why: format!("{error:?}"),
            })
    }

    fn base(&self, key: &Key) -> ClientBuilder {
        let access = match &key.reach {
            Reach::Home | Reach::Metadata => Access::Home(Arc::clone(&self.zones)),
            Reach::Checked(policy) => Access::Checked {
                policy: policy.clone(),
                proxies: self.proxies.names(),
            },
        };
        let proxies = Arc::clone(&self.proxies);
        let builder = Client::builder()
            .user_agent(&self.user_agent)
            .redirect(RedirectPolicy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .gzip(key.gzip)
            .tls_info(self.certificates)
            .connect_timeout(key.reach.connect_timeout())
            .pool_idle_timeout(POOL_IDLE)
            .http2_adaptive_window(true)
            .dns_resolver(Arc::new(access))
            .no_proxy();
        match key.reach {
            Reach::Metadata => builder,
            Reach::Home | Reach::Checked(_) => {
                builder.proxy(Proxy::custom(move |url| proxies.of(url).cloned()))
            }
        }
    }
}

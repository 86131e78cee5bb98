//! How a host is reached, step by step: for saying which of the steps fails before anything is asked of it.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::Instant;
use url::Url;

use super::client::CONNECT;
use super::dns::lookup;
use super::guard::literal;
use super::host::authority;
use super::{Net, NetError, redact};

impl Net {
    /// The proxy of the environment through which requests to `url` go, secrets masked.
    pub fn proxy(&self, url: &Url) -> Option<String> {
        self.proxies().of(url).map(redact)
    }

    /// The addresses of the host in `url`, with its port.
    pub async fn addresses(&self, url: &Url) -> Result<Vec<SocketAddr>, NetError> {
        let no_host = || NetError::Url {
            url: redact(url),
            why: "it has no host",
        };
        let host = url.host().ok_or_else(no_host)?;
        let port = url.port_or_known_default().ok_or_else(no_host)?;
        if let Some(ip) = literal(&host) {
            return Ok(vec![SocketAddr::new(ip, port)]);
        }
        let found = lookup(&host.to_string()).await;
        let mut found = found.map_err(|error| error.to_net_error(url))?;
        for address in &mut found {
            address.set_port(port);
        }
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// Opens a connection to one address and closes it; how long that took. Nothing is sent.
    pub async fn connect(&self, url: &Url, address: SocketAddr) -> Result<Duration, NetError> {
        let began = Instant::now();
        match tokio::time::timeout(CONNECT, TcpStream::connect(address)).await {
            Ok(Ok(_)) => Ok(began.elapsed()),
            Ok(Err(error)) => Err(NetError::Connect {
                host: authority(url),
                url: redact(url),
                why: error.to_string(),
            }),
            Err(_) => Err(NetError::Timeout {
                url: redact(url),
                phase: "accept a connection",
                after: CONNECT,
            }),
        }
    }
}

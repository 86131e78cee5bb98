//! A forward proxy in process: CONNECT, plain forwarding and SOCKS5, in the clear or over TLS, with switches for what real ones
//! refuse. It knows no resolver: names lead where the test says.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use super::tls::Tls;

/// How a client asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// `CONNECT host:port`.
    Tunnel,
    /// `GET http://host/path`.
    Forward,
    /// SOCKS5 with a name.
    SocksName,
    /// SOCKS5 with an address.
    SocksAddress,
}

/// One connection that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) way: Way,
    /// `host:port`.
    pub(crate) to: String,
}

/// The switches.
#[derive(Debug, Clone, Default)]
struct Behaviour {
    /// `user:password` that every client has to show.
    login: Option<String>,
    /// The answer to everything instead of a connection.
    refusal: Option<u16>,
}

struct Shared {
    /// `host:port` as clients say it to where it leads.
    routes: BTreeMap<String, String>,
    behaviour: Mutex<Behaviour>,
    log: Mutex<Vec<Asked>>,
}

/// A running proxy.
pub(crate) struct Proxy {
    shared: Arc<Shared>,
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Proxy {
    /// One in the clear that leads from these `host:port` to those.
    pub(crate) fn to(routes: &[(&str, String)]) -> Self {
        Self::listen(None, routes)
    }

    /// The same over TLS.
    pub(crate) fn secure(tls: &Tls, routes: &[(&str, String)]) -> Self {
        Self::listen(Some(tls), routes)
    }

    fn listen(tls: Option<&Tls>, routes: &[(&str, String)]) -> Self {
        let acceptor = tls.map(Tls::acceptor);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let routes = routes.iter().map(|(from, to)| ((*from).to_owned(), to.clone()));
        let shared = Arc::new(Shared {
            routes: routes.collect(),
            behaviour: Mutex::default(),
            log: Mutex::default(),
        });
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).unwrap();
                tokio::select! {
                    () = accept(listener, acceptor, serving) => {}
                    _ = stopped => {}
                }
            });
        });
        Self {
            shared,
            address,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// Wants this login from now on.
    pub(crate) fn want(&self, login: &str) {
        self.shared.behaviour.lock().unwrap().login = Some(login.to_owned());
    }

    /// Answers everything with this status from now on.
    pub(crate) fn refuse(&self, status: u16) {
        self.shared.behaviour.lock().unwrap().refusal = Some(status);
    }

    /// `host:port`.
    pub(crate) fn host(&self) -> String {
        self.address.to_string()
    }

    /// What it was asked for so far.
    pub(crate) fn log(&self) -> Vec<Asked> {
        self.shared.log.lock().unwrap().clone()
    }

    /// The distinct places that it was asked for in this way.
    pub(crate) fn asked(&self, way: Way) -> Vec<String> {
        let mut places: Vec<_> = self
            .log()
            .into_iter()
            .filter(|asked| asked.way == way)
            .map(|asked| asked.to)
            .collect();
        places.sort();
        places.dedup();
        places
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let (shared, tls) = (Arc::clone(&shared), tls.clone());
        tokio::spawn(async move {
            // Who breaks off is a client that had enough
            match tls {
                None => drop(serve(stream, &shared).await),
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        drop(serve(stream, &shared).await);
                    }
                }
            }
        });
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(mut client: S, shared: &Shared) -> std::io::Result<()> {
    let first = client.read_u8().await?;
    if first == 5 {
        return socks(client, shared).await;
    }
    let mut head = vec![first];
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await?);
    }
    let head = String::from_utf8(head).unwrap();
    let (line, rest) = head.split_once("\r\n").unwrap();
    let mut words = line.split(' ');
    let (method, target) = (words.next().unwrap(), words.next().unwrap());
    let (way, place, path) = if method == "CONNECT" {
        (Way::Tunnel, target.to_owned(), String::new())
    } else {
        let url = url::Url::parse(target).unwrap();
        let place = format!(
            "{}:{}",
            url.host_str().unwrap(),
            url.port_or_known_default().unwrap()
        );
        (Way::Forward, place, url[url::Position::BeforePath..].to_owned())
    };
    shared.note(way, &place);
    if let Some(answer) = shared.refusal(rest) {
        return client.write_all(answer.as_bytes()).await;
    }
    let Some(upstream) = shared.lead(&place).await else {
        return client
            .write_all(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n")
            .await;
    };
    let mut upstream = upstream?;
    if way == Way::Tunnel {
        client
            .write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
            .await?;
    } else {
        let kept: Vec<&str> = rest
            .split("\r\n")
            .filter(|line| !is_for_the_proxy(line))
            .collect();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nconnection: close\r\n{}",
            kept.join("\r\n")
        );
        upstream.write_all(head.as_bytes()).await?;
    }
    copy_bidirectional(&mut client, &mut upstream).await?;
    Ok(())
}

fn is_for_the_proxy(line: &str) -> bool {
    line.to_ascii_lowercase().starts_with("proxy-")
}

/// RFC 1928 and 1929.
async fn socks<S: AsyncRead + AsyncWrite + Unpin>(mut client: S, shared: &Shared) -> std::io::Result<()> {
    let methods = client.read_u8().await?;
    client.read_exact(&mut vec![0; methods.into()]).await?;
    let login = shared.behaviour.lock().unwrap().login.clone();
    if let Some(login) = login {
        client.write_all(&[5, 2]).await?;
        client.read_u8().await?;
        let mut shown = Vec::new();
        for _ in 0..2 {
            let length = client.read_u8().await?;
            let mut word = vec![0; length.into()];
            client.read_exact(&mut word).await?;
            shown.push(String::from_utf8(word).unwrap());
        }
        let right = shown.join(":") == login;
        client.write_all(&[1, u8::from(!right)]).await?;
        if !right {
            return Ok(());
        }
    } else {
        client.write_all(&[5, 0]).await?;
    }
    let mut head = [0; 4];
    client.read_exact(&mut head).await?;
    let (way, host) = match head[3] {
        1 => {
            let mut address = [0; 4];
            client.read_exact(&mut address).await?;
            (Way::SocksAddress, std::net::Ipv4Addr::from(address).to_string())
        }
        3 => {
            let mut name = vec![0; client.read_u8().await?.into()];
            client.read_exact(&mut name).await?;
            (Way::SocksName, String::from_utf8(name).unwrap())
        }
        other => panic!("address type {other}"),
    };
    let place = format!("{host}:{}", client.read_u16().await?);
    shared.note(way, &place);
    let refused = shared.behaviour.lock().unwrap().refusal.is_some();
    let upstream = if refused { None } else { shared.lead(&place).await };
    // 2: not allowed by the rules, 4: host unreachable
    let reply = match (&upstream, refused) {
        (Some(_), _) => 0,
        (None, true) => 2,
        (None, false) => 4,
    };
    client.write_all(&[5, reply, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
    if let Some(upstream) = upstream {
        copy_bidirectional(&mut client, &mut upstream?).await?;
    }
    Ok(())
}

impl Shared {
    fn note(&self, way: Way, to: &str) {
        let to = to.to_owned();
        self.log.lock().unwrap().push(Asked { way, to });
    }

    /// The answer instead of a connection, where one is due.
    fn refusal(&self, headers: &str) -> Option<String> {
        let behaviour = self.behaviour.lock().unwrap();
        if let Some(status) = behaviour.refusal {
            return Some(format!(
                "HTTP/1.1 {status} No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            ));
        }
        let login = behaviour.login.as_ref()?;
        let secret = base64::engine::general_purpose::STANDARD.encode(login);
        let shown = headers.lines().filter_map(|line| line.split_once(": "));
        let right = shown
            .filter(|(name, _)| name.eq_ignore_ascii_case("proxy-authorization"))
            .any(|(_, value)| value == format!("Basic {secret}"));
        (!right).then(|| {
            "HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic realm=\"proxy\"\r\n\
             content-length: 0\r\nconnection: close\r\n\r\n"
                .to_owned()
        })
    }

    /// The connection behind a place; `None` where it leads nowhere.
    async fn lead(&self, place: &str) -> Option<std::io::Result<TcpStream>> {
        Some(TcpStream::connect(self.routes.get(place)?).await)
    }
}

//! An HTTP/2 front before a fake that speaks HTTP/1.1: TLS, ALPN `h2`, and the ways in which connections and streams end there.
//!
//! By the `h2` crate itself: a server of a higher layer hides the frames that are the matter here.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::header::{CONNECTION, HOST, TRANSFER_ENCODING};
use http::{Method, Request, Response};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use super::tls::Tls;

/// What becomes of a request instead of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// `RST_STREAM` while its body is on the way.
    Reset(Reason),
    /// `GOAWAY` while its body is on the way, and the end of the connection.
    GoAway(Reason),
}

type Script = dyn Fn(&Method, &str, usize) -> Option<Trouble> + Send + Sync;

struct Shared {
    upstream: String,
    client: reqwest::Client,
    streams: u32,
    /// Connections that get nothing but SETTINGS frames.
    floods: usize,
    script: Box<Script>,
    connections: AtomicUsize,
    /// `METHOD path` of every request.
    log: Mutex<Vec<String>>,
}

/// A running front.
pub(crate) struct Front {
    shared: Arc<Shared>,
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Front {
    /// Stands before `upstream` (`host:port`) and takes `streams` requests at once. The first `floods` connections drown in
    /// SETTINGS; `script` sees method, path and how many requests came before.
    pub(crate) fn start(
        tls: &Tls,
        upstream: &str,
        streams: u32,
        floods: usize,
        script: impl Fn(&Method, &str, usize) -> Option<Trouble> + Send + Sync + 'static,
    ) -> Self {
        let acceptor = tls.acceptor_for(b"h2");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            upstream: upstream.to_owned(),
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
            streams,
            floods,
            script: Box::new(script),
            connections: AtomicUsize::new(0),
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

    /// `host:port`.
    pub(crate) fn host(&self) -> String {
        self.address.to_string()
    }

    /// How many connections there were.
    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// `METHOD path` of every request so far.
    pub(crate) fn log(&self) -> Vec<String> {
        self.shared.log.lock().unwrap().clone()
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

async fn accept(listener: TcpListener, tls: TlsAcceptor, shared: Arc<Shared>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let (tls, shared) = (tls.clone(), Arc::clone(&shared));
        tokio::spawn(async move {
            let Ok(stream) = tls.accept(stream).await else {
                return;
            };
            let number = shared.connections.fetch_add(1, Ordering::Relaxed);
            // An error here is what the script did, or a client that had enough
            if number < shared.floods {
                drop(flood(stream).await);
            } else {
                drop(serve(stream, shared).await);
            }
        });
    }
}

/// Frames that each want an answer, and then the end.
async fn flood(stream: tokio_rustls::server::TlsStream<tokio::net::TcpStream>) -> std::io::Result<()> {
    const SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    let (mut read, mut write) = tokio::io::split(stream);
    let swallow = tokio::spawn(async move {
        let mut sink = vec![0; 16 << 10];
        while read.read(&mut sink).await.is_ok_and(|read| read > 0) {}
    });
    let many = SETTINGS.repeat(1000);
    for _ in 0..50 {
        write.write_all(&many).await?;
    }
    write.shutdown().await?;
    swallow.abort();
    Ok(())
}

async fn serve(
    stream: tokio_rustls::server::TlsStream<tokio::net::TcpStream>,
    shared: Arc<Shared>,
) -> Result<(), h2::Error> {
    let mut connection = h2::server::Builder::new()
        .max_concurrent_streams(shared.streams)
        .handshake::<_, Bytes>(stream)
        .await?;
    while let Some(request) = connection.accept().await {
        let (request, mut answer) = request?;
        let trouble = shared.note(&request);
        match trouble {
            None => drop(tokio::spawn(forward(request, answer, Arc::clone(&shared)))),
            Some(Trouble::Reset(reason)) => answer.send_reset(reason),
            Some(Trouble::GoAway(reason)) => connection.abrupt_shutdown(reason),
        }
    }
    Ok(())
}

impl Shared {
    fn note(&self, request: &Request<RecvStream>) -> Option<Trouble> {
        let (method, path) = (request.method(), request.uri().path());
        let mut log = self.log.lock().unwrap();
        let before = log.len();
        log.push(format!("{method} {path}"));
        (self.script)(method, path, before)
    }
}

async fn forward(request: Request<RecvStream>, mut answer: SendResponse<Bytes>, shared: Arc<Shared>) {
    let (head, mut body) = request.into_parts();
    let mut whole = Vec::new();
    while let Some(Ok(piece)) = body.data().await {
        body.flow_control().release_capacity(piece.len()).ok();
        whole.extend_from_slice(&piece);
    }
    let url = format!("http://{}{}", shared.upstream, head.uri.path_and_query().unwrap());
    let mut headers = head.headers;
    headers.remove(HOST);
    let sent = shared
        .client
        .request(head.method, url)
        .headers(headers)
        .body(whole)
        .send();
    let Ok(found) = sent.await else {
        return answer.send_reset(Reason::INTERNAL_ERROR);
    };
    let mut response = Response::new(());
    *response.status_mut() = found.status();
    *response.headers_mut() = found.headers().clone();
    response.headers_mut().remove(CONNECTION);
    response.headers_mut().remove(TRANSFER_ENCODING);
    let Ok(bytes) = found.bytes().await else {
        return answer.send_reset(Reason::INTERNAL_ERROR);
    };
    if let Ok(mut stream) = answer.send_response(response, bytes.is_empty())
        && !bytes.is_empty()
    {
        stream.send_data(bytes, true).ok();
    }
}

//! The HTTP server under both fakes: it keeps a log of every request and breaks answers as a script of faults says.
//!
//! It runs on a thread and a runtime of its own, so that plain `#[test]` functions and child processes can use it. A handler is
//! a synchronous state machine over complete requests; everything about time and broken connections is done here.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::body::Body;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use super::faults::{Effect, Fault, Script};
use super::tls::Tls;

/// What a request is for, as the fake that received it understands it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    Index,
    Package,
    Provenance,
    Ping,
    Token,
    TagList,
    ManifestHead,
    ManifestGet,
    ManifestPut,
    BlobHead,
    BlobGet,
    UploadPost,
    UploadPatch,
    UploadPut,
    UploadGet,
    UploadCancel,
    Delete,
    Other,
}

impl Kind {
    /// Whether a registry changes what others can see. Cancelling an own upload does not (reliability I5, I8).
    pub(crate) fn writes(self) -> bool {
        matches!(
            self,
            Self::ManifestPut | Self::UploadPost | Self::UploadPatch | Self::UploadPut | Self::Delete
        )
    }
}

/// One complete request.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Request {
    /// A header as text; empty where there is none.
    pub(crate) fn header(&self, name: impl header::AsHeaderName) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or("")
    }

    /// The decoded value of a query parameter.
    pub(crate) fn param(&self, name: &str) -> Option<String> {
        url::form_urlencoded::parse(self.query.as_deref().unwrap_or("").as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }
}

/// What a handler answers.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The connection is closed instead.
    closes: bool,
}

impl Answer {
    /// An answer without headers or body.
    pub(crate) fn status(code: u16) -> Self {
        Self {
            status: StatusCode::from_u16(code).unwrap(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            closes: false,
        }
    }

    /// No answer: the connection is closed.
    pub(crate) fn closed() -> Self {
        Self {
            closes: true,
            ..Self::status(500)
        }
    }

    /// Adds a header; several of one name are kept.
    pub(crate) fn header(mut self, name: &str, value: impl AsRef<str>) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        self.headers
            .append(name, HeaderValue::from_str(value.as_ref()).unwrap());
        self
    }

    /// Sets the body.
    pub(crate) fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// The page that a web server or a captive portal gives for any address.
    pub(crate) fn html(code: u16) -> Self {
        Self::status(code)
            .header("content-type", "text/html; charset=utf-8")
            .body("<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body>Sign in</body></html>\n")
    }
}

/// What the server does with complete requests.
pub(crate) trait Handler: Send + Sync + 'static {
    /// What a request is for.
    fn kind(&self, method: &Method, path: &str) -> Kind;
    /// The answer where no fault interferes.
    fn answer(&self, request: &Request) -> Answer;
}

/// One line of the request log.
#[derive(Debug, Clone)]
pub(crate) struct Logged {
    pub(crate) at: Instant,
    pub(crate) kind: Kind,
    pub(crate) request: Request,
    /// `None`: the connection was closed instead.
    pub(crate) status: Option<u16>,
}

impl std::fmt::Display for Logged {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Request {
            method, path, query, ..
        } = &self.request;
        write!(f, "{method} {path}")?;
        if let Some(query) = query {
            write!(f, "?{query}")?;
        }
        match self.status {
            Some(status) => write!(f, " -> {status}"),
            None => write!(f, " -> closed"),
        }
    }
}

/// All requests so far, in the order in which their headers arrived.
#[derive(Debug, Clone)]
pub(crate) struct Log(pub(crate) Vec<Logged>);

impl Log {
    pub(crate) fn of(&self, kind: Kind) -> Vec<&Logged> {
        self.0.iter().filter(|entry| entry.kind == kind).collect()
    }

    pub(crate) fn count(&self, kind: Kind) -> usize {
        self.of(kind).len()
    }

    /// Requests that change what others can see at a registry.
    pub(crate) fn writes(&self) -> usize {
        self.0.iter().filter(|entry| entry.kind.writes()).count()
    }

    /// Panics if `secret` is anywhere in a request: line, header or body (reliability I7).
    pub(crate) fn assert_free_of(&self, secret: &str) {
        for entry in &self.0 {
            let headers = format!("{:?}", entry.request.headers);
            let body = String::from_utf8_lossy(&entry.request.body);
            assert!(
                !entry.to_string().contains(secret) && !headers.contains(secret) && !body.contains(secret),
                "the secret was sent: {entry}"
            );
        }
    }
}

impl std::fmt::Display for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|entry| writeln!(f, "{entry}"))
    }
}

struct Shared<H> {
    handler: H,
    script: Script,
    log: Mutex<Vec<Logged>>,
}

/// A running server; dropping it closes every connection.
pub(crate) struct Server<H: Handler> {
    shared: Arc<Shared<H>>,
    address: SocketAddr,
    secure: bool,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl<H: Handler> Server<H> {
    /// Listens on a free loopback port, with TLS if there is a certificate. `make` gets the address, for handlers that name
    /// themselves in their answers.
    pub(crate) fn start(tls: Option<&Tls>, make: impl FnOnce(SocketAddr) -> H) -> Self {
        Self::start_at(IpAddr::from([127, 0, 0, 1]), tls, make)
    }

    /// The same at another address of the network that the calling thread is in.
    pub(crate) fn start_at(address: IpAddr, tls: Option<&Tls>, make: impl FnOnce(SocketAddr) -> H) -> Self {
        let acceptor = tls.map(Tls::acceptor);
        let secure = acceptor.is_some();
        let listener = std::net::TcpListener::bind((address, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            handler: make(address),
            script: Script::default(),
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
            secure,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// `127.0.0.1:port`.
    pub(crate) fn host(&self) -> String {
        self.address.to_string()
    }

    /// `http://127.0.0.1:port`, or `https://…`.
    pub(crate) fn origin(&self) -> String {
        let scheme = if self.secure { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// The state machine behind it.
    pub(crate) fn handler(&self) -> &H {
        &self.shared.handler
    }

    /// Adds a fault to the script.
    pub(crate) fn fault(&self, fault: Fault) {
        self.shared.script.add(fault);
    }

    /// Forgets every fault.
    pub(crate) fn heal(&self) {
        self.shared.script.clear();
    }

    /// The requests so far.
    pub(crate) fn log(&self) -> Log {
        Log(self.shared.log.lock().unwrap().clone())
    }

    /// Starts the log anew, e.g. for the second run of a test.
    pub(crate) fn forget_log(&self) {
        self.shared.log.lock().unwrap().clear();
    }
}

impl<H: Handler> Drop for Server<H> {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in there has been printed; a second one in a drop would hide the test's own failure
            drop(thread.join());
        }
    }
}

async fn accept<H: Handler>(listener: TcpListener, tls: Option<TlsAcceptor>, shared: Arc<Shared<H>>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        stream.set_nodelay(true).ok();
        let shared = Arc::clone(&shared);
        match tls.clone() {
            None => drop(tokio::spawn(connection(stream, shared))),
            Some(tls) => drop(tokio::spawn(async move {
                // A client that does not trust the certificate ends it here
                if let Ok(stream) = tls.accept(stream).await {
                    connection(stream, shared).await;
                }
            })),
        }
    }
}

async fn connection<H: Handler>(stream: impl AsyncRead + AsyncWrite + Unpin, shared: Arc<Shared<H>>) {
    let service = service_fn(move |request| serve(Arc::clone(&shared), request));
    // An error here is a fault of the script or a client that went away
    hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await
        .ok();
}

/// Makes hyper close the connection without an answer.
#[derive(Debug)]
struct Closed;

impl std::fmt::Display for Closed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("closed by the fault script")
    }
}

impl std::error::Error for Closed {}

async fn serve<H: Handler>(
    shared: Arc<Shared<H>>,
    request: hyper::Request<Incoming>,
) -> Result<hyper::Response<Body>, Closed> {
    let (head, body) = request.into_parts();
    let kind = shared.handler.kind(&head.method, head.uri.path());
    let effect = shared.script.next(kind, head.uri.path());
    let mut request = Request {
        method: head.method,
        path: head.uri.path().to_owned(),
        query: head.uri.query().map(str::to_owned),
        headers: head.headers,
        body: Bytes::new(),
    };
    let line = shared.note(kind, &request);
    if let Some(Effect::Early(answer)) = effect {
        return Ok(shared.reply(line, &answer, plain(&answer)));
    }
    // A body that breaks off belongs to a client that was killed or gave up: nothing of it was received
    request.body = axum::body::to_bytes(Body::new(body), usize::MAX)
        .await
        .map_err(|_| Closed)?;
    shared.received(line, &request.body);
    match effect {
        Some(Effect::Drop) => Err(Closed),
        Some(Effect::Stall) => std::future::pending().await,
        Some(Effect::Hold) => {
            let answer = shared.handler.answer(&request);
            drop(shared.reply(line, &answer, plain(&answer)));
            std::future::pending().await
        }
        Some(Effect::Instead(answer)) => Ok(shared.reply(line, &answer, plain(&answer))),
        Some(Effect::LoseAnswer) => {
            shared.handler.answer(&request);
            Err(Closed)
        }
        Some(Effect::AnswerAs(answer)) => {
            shared.handler.answer(&request);
            Ok(shared.reply(line, &answer, plain(&answer)))
        }
        Some(Effect::Delay(time)) => {
            tokio::time::sleep(time).await;
            let answer = shared.handler.answer(&request);
            Ok(shared.reply(line, &answer, plain(&answer)))
        }
        Some(effect) => {
            let answer = shared.handler.answer(&request);
            let body = broken(&answer, &effect);
            Ok(shared.reply(line, &answer, body))
        }
        None => {
            let answer = shared.handler.answer(&request);
            if answer.closes {
                return Err(Closed);
            }
            Ok(shared.reply(line, &answer, plain(&answer)))
        }
    }
}

impl<H: Handler> Shared<H> {
    fn note(&self, kind: Kind, request: &Request) -> usize {
        let mut log = self.log.lock().unwrap();
        log.push(Logged {
            at: Instant::now(),
            kind,
            request: request.clone(),
            status: None,
        });
        log.len() - 1
    }

    /// `get_mut`, not an index: the log may have been forgotten in the meantime.
    fn received(&self, line: usize, body: &Bytes) {
        if let Some(entry) = self.log.lock().unwrap().get_mut(line) {
            entry.request.body = body.clone();
        }
    }

    fn reply(
        &self,
        line: usize,
        answer: &Answer,
        mut response: hyper::Response<Body>,
    ) -> hyper::Response<Body> {
        if let Some(entry) = self.log.lock().unwrap().get_mut(line) {
            entry.status = Some(answer.status.as_u16());
        }
        for (name, value) in &answer.headers {
            response.headers_mut().append(name, value.clone());
        }
        *response.status_mut() = answer.status;
        response
    }
}

fn plain(answer: &Answer) -> hyper::Response<Body> {
    hyper::Response::new(Body::from(answer.body.clone()))
}

/// The body as the fault leaves it.
fn broken(answer: &Answer, effect: &Effect) -> hyper::Response<Body> {
    let whole = &answer.body;
    let some = |after: &usize| whole.slice(..(*after).min(whole.len()));
    match effect {
        Effect::Cut(after) => {
            let mut response = hyper::Response::new(breaking(some(after)));
            response
                .headers_mut()
                .insert(header::CONTENT_LENGTH, whole.len().into());
            response
        }
        Effect::NoLastChunk(after) => hyper::Response::new(breaking(some(after))),
        Effect::Short(after) => hyper::Response::new(Body::from(some(after))),
        Effect::ShortChunked(after) => {
            let part = some(after);
            hyper::Response::new(Body::from_stream(stream::once(async {
                Ok::<_, Infallible>(part)
            })))
        }
        Effect::Trickle(size, pause) => hyper::Response::new(trickle(whole.clone(), *size, *pause)),
        _ => plain(answer),
    }
}

/// Sends `part`, then breaks the connection.
fn breaking(part: Bytes) -> Body {
    let last = async {
        // Lets the part leave first; otherwise the connection may close with nothing sent
        tokio::time::sleep(Duration::from_millis(20)).await;
        Err(Closed)
    };
    Body::from_stream(stream::once(async { Ok(part) }).chain(stream::once(last)))
}

fn trickle(whole: Bytes, size: usize, pause: Duration) -> Body {
    let pieces = stream::unfold(whole, move |mut rest| async move {
        if rest.is_empty() {
            return None;
        }
        tokio::time::sleep(pause).await;
        let piece = rest.split_to(size.max(1).min(rest.len()));
        Some((Ok::<_, Infallible>(piece), rest))
    });
    Body::from_stream(pieces)
}

//! The server on a socket, and a client that sends bytes as they are: the tests are about bytes that no well-kept client sends.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use chartferry::service::http::{self, HttpOptions};
use chartferry::service::view::ServiceView;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::desk::SampleDesk;

pub(super) struct Server {
    pub(super) address: SocketAddr,
    pub(super) desk: Arc<SampleDesk>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

impl Server {
    pub(super) fn of(view: ServiceView) -> Self {
        Self::start(SampleDesk::new(view), HttpOptions::default(), "127.0.0.1:0")
    }

    /// On a thread and a runtime of its own, so that plain tests with plain sockets can use it.
    pub(super) fn start(desk: SampleDesk, options: HttpOptions, listen: &str) -> Self {
        let desk = Arc::new(desk);
        let (stop, stopped) = oneshot::channel();
        let (told, address) = std::sync::mpsc::channel();
        let (listen, served) = (listen.to_owned(), desk.clone());
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::bind(listen).await.unwrap();
                told.send(listener.local_addr().unwrap()).unwrap();
                http::serve(listener, served, options, async { _ = stopped.await }).await;
            });
        });
        Self {
            address: address.recv().unwrap(),
            desk,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    pub(super) fn connect(&self) -> TcpStream {
        let port = self.address.port();
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        // So that a server that never answers fails the test instead of holding it
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream
    }

    /// One request on a connection of its own; `more` are lines of its head.
    pub(super) fn ask(&self, method: &str, path: &str, more: &[&str], body: &str) -> Answer {
        let mut head = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
        if !more.iter().any(|line| line.starts_with("Host:")) {
            head += "Host: localhost\r\n";
        }
        for line in more {
            head += line;
            head += "\r\n";
        }
        if !body.is_empty() {
            _ = write!(head, "Content-Length: {}\r\n", body.len());
        }
        self.send(format!("{head}\r\n{body}").as_bytes())
    }

    pub(super) fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], "")
    }

    /// Sends bytes and reads to the end of the connection.
    pub(super) fn send(&self, bytes: &[u8]) -> Answer {
        let mut stream = self.connect();
        stream.write_all(bytes).unwrap();
        Answer::read(&mut stream)
    }

    /// Begins the end.
    pub(super) fn shut_down(&mut self) {
        self.stop.take();
    }

    /// Waits until it has ended.
    pub(super) fn join(&mut self) {
        self.thread.take().unwrap().join().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shut_down();
        if let Some(thread) = self.thread.take() {
            // A server that fell over fails the test by what it did not answer
            _ = thread.join();
        }
    }
}

impl Answer {
    pub(super) fn read(stream: &mut TcpStream) -> Self {
        let mut text = Vec::new();
        stream.read_to_end(&mut text).unwrap();
        Self::of(&String::from_utf8(text).unwrap())
    }

    pub(super) fn of(text: &str) -> Self {
        let (head, body) = text
            .split_once("\r\n\r\n")
            .unwrap_or_else(|| panic!("no answer: {text:?}"));
        Self {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head: head.into(),
            body: body.into(),
        }
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub(super) fn json(&self) -> serde_json::Value {
        assert_eq!(self.header("content-type"), Some("application/json"), "{self:?}");
        serde_json::from_str(&self.body).unwrap()
    }
}

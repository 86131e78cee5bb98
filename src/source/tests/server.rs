//! A web server that answers byte for byte what a test wants, broken answers included, and remembers what it was asked.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A request: path with query, and the head in lower case.
pub(super) struct Asked {
    pub(super) path: String,
    head: String,
    /// How often this path was asked for before.
    pub(super) nth: usize,
}

impl Asked {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let line = self
            .head
            .lines()
            .find(|line| line.starts_with(&format!("{name}:")))?;
        Some(line[name.len() + 1..].trim())
    }
}

type Answer = dyn Fn(&Asked) -> Vec<u8> + Send + Sync;

pub(super) struct Server {
    pub(super) url: String,
    log: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub(super) async fn start(answer: impl Fn(&Asked) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let log = Arc::new(Mutex::new(Vec::new()));
        let (answer, shared): (Arc<Answer>, _) = (Arc::new(answer), Arc::clone(&log));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(one(stream, Arc::clone(&answer), Arc::clone(&shared)));
            }
        });
        Self { url, log }
    }

    /// The paths asked for so far, sorted.
    pub(super) fn asked(&self) -> Vec<String> {
        let mut all = self.log.lock().unwrap().clone();
        all.sort();
        all
    }
}

async fn one(mut stream: TcpStream, answer: Arc<Answer>, log: Arc<Mutex<Vec<String>>>) {
    let mut head = Vec::new();
    let mut buffer = [0; 1024];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut buffer).await {
            Ok(read) if read > 0 => head.extend_from_slice(&buffer[..read]),
            _ => return,
        }
    }
    let text = String::from_utf8(head).unwrap();
    let path = text.split(' ').nth(1).unwrap().to_owned();
    let nth = {
        let mut log = log.lock().unwrap();
        log.push(path.clone());
        log.iter().filter(|seen| **seen == path).count() - 1
    };
    let head = text
        .lines()
        .map(|line| match line.split_once(':') {
            Some((name, value)) => format!("{}:{value}\n", name.to_ascii_lowercase()),
            None => String::new(),
        })
        .collect();
    let _ = stream.write_all(&answer(&Asked { path, head, nth })).await;
    let _ = stream.shutdown().await;
}

/// A whole answer with this status, these header lines and this body.
pub(super) fn answer(status: u16, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status} x\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

pub(super) fn ok(body: impl AsRef<[u8]>) -> Vec<u8> {
    answer(200, "", body.as_ref())
}

pub(super) fn status(status: u16) -> Vec<u8> {
    answer(status, "", b"")
}

/// An answer that breaks off in the middle of its body.
pub(super) fn cut(body: &[u8]) -> Vec<u8> {
    let whole = ok(body);
    whole[..whole.len() - body.len() / 2].to_vec()
}

//! A registry of others behind a server of ours: every request is logged and may be broken by the script of faults, then goes on as
//! it is. So a real registry is held to the same list of forbidden requests as the fake one.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use bytes::Bytes;
use http::Method;

use super::faults::Fault;
use super::registry::kind;
use super::server::{Answer, Handler, Kind, Log, Request, Server};

/// What belongs to one connection and not to the request (RFC 9110 section 7.6.1).
const HOP_BY_HOP: [&str; 4] = ["connection", "keep-alive", "transfer-encoding", "content-length"];

/// Sends requests on to `host`.
pub(crate) struct Relay {
    host: String,
}

impl Handler for Relay {
    fn kind(&self, method: &Method, path: &str) -> Kind {
        kind(method, path)
    }

    fn answer(&self, request: &Request) -> Answer {
        send(&self.host, request).unwrap_or_else(|error| Answer::status(502).body(error.to_string()))
    }
}

/// One request over a connection of its own. By HTTP/1.0, so that the answer ends with the connection and is not chunked. The header
/// `Host` stays, so that the registry's own URLs lead back here.
pub(crate) fn send(host: &str, request: &Request) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let query = request
        .query
        .as_ref()
        .map_or_else(String::new, |query| format!("?{query}"));
    let mut head = format!("{} {}{query} HTTP/1.0\r\n", request.method, request.path).into_bytes();
    for (name, value) in &request.headers {
        if !HOP_BY_HOP.contains(&name.as_str()) {
            head.extend_from_slice(name.as_str().as_bytes());
            head.extend_from_slice(b": ");
            head.extend_from_slice(value.as_bytes());
            head.extend_from_slice(b"\r\n");
        }
    }
    head.extend_from_slice(format!("content-length: {}\r\n\r\n", request.body.len()).as_bytes());
    stream.write_all(&head)?;
    stream.write_all(&request.body)?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    parse(&bytes).ok_or_else(|| std::io::Error::other("the registry's answer is no HTTP"))
}

fn parse(bytes: &[u8]) -> Option<Answer> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).ok()?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let mut answer = Answer::status(status).body(Bytes::copy_from_slice(&bytes[end + 4..]));
    for line in lines {
        let (name, value) = line.split_once(':')?;
        let name = name.to_ascii_lowercase();
        // The length of what a HEAD did not send is kept: clients compare it
        if name == "content-length" || !HOP_BY_HOP.contains(&name.as_str()) {
            answer = answer.header(&name, value.trim());
        }
    }
    Some(answer)
}

/// A running recorder.
pub(crate) struct Recorder {
    server: Server<Relay>,
    host: String,
}

impl Recorder {
    /// In front of `host`.
    pub(crate) fn before(host: &str) -> Self {
        let relay = Relay {
            host: host.to_owned(),
        };
        Self {
            server: Server::start(None, |_| relay),
            host: host.to_owned(),
        }
    }

    pub(crate) fn host(&self) -> String {
        self.server.host()
    }

    pub(crate) fn fault(&self, fault: Fault) {
        self.server.fault(fault);
    }

    pub(crate) fn heal(&self) {
        self.server.heal();
    }

    pub(crate) fn log(&self) -> Log {
        self.server.log()
    }

    pub(crate) fn forget_log(&self) {
        self.server.forget_log();
    }

    /// What the registry itself gives for a path, beside the log.
    pub(crate) fn get(&self, path: &str) -> Answer {
        let mut headers = http::HeaderMap::new();
        headers.insert("host", self.host.parse().unwrap());
        let accept = "application/vnd.oci.image.manifest.v1+json, */*";
        headers.insert("accept", accept.parse().unwrap());
        let request = Request {
            method: Method::GET,
            path: path.to_owned(),
            query: None,
            headers,
            body: Bytes::new(),
        };
        send(&self.host, &request).unwrap()
    }
}

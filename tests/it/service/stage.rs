//! A service, its file and both sides of it.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::chart_repo::ChartRepo;
use crate::support::charts::Chart;
use crate::support::ferry::Ferry;
use crate::support::registry::Registry;

/// Far more than anything here needs on a busy machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(90);
pub(super) const TOKEN: &str = "s3cr3t-token";

/// A registry, a home and a file.
pub(super) struct Stage {
    pub(super) registry: Registry,
    pub(super) ferry: Ferry,
    text: String,
}

/// A running service.
pub(super) struct Service {
    child: Child,
    log: Arc<Mutex<String>>,
}

impl Stage {
    pub(super) fn new() -> Self {
        Self::with("")
    }

    /// With more keys at the top of the file.
    pub(super) fn with(top: &str) -> Self {
        let registry = Registry::start();
        let host = registry.host();
        Self {
            text: format!(
                "{top}\n[http]\nlisten = \"127.0.0.1:0\"\ntoken_env = \"TOKEN\"\n[[host]]\nname = \"{host}\"\nplain_http = true\n"
            ),
            registry,
            ferry: Ferry::new().remembering().env("TOKEN", TOKEN),
        }
    }

    /// Another mirror in the file.
    pub(super) fn mirror(mut self, name: &str, source: &str, more: &str) -> Self {
        self.add(name, source, more);
        self
    }

    pub(super) fn add(&mut self, name: &str, source: &str, more: &str) {
        let target = self.registry.target(name);
        write!(
            self.text,
            "[[mirror]]\nname = \"{name}\"\nsource = \"{source}\"\ntargets = [\"{target}\"]\n{more}\n"
        )
        .unwrap();
    }

    /// Somebody who is told of everything at this URL.
    pub(super) fn notify(&mut self, url: &str) {
        writeln!(self.text, "[[notify]]\nname = \"reader\"\nurl = \"{url}\"").unwrap();
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn file(&self) -> PathBuf {
        self.ferry.home().join("config.toml")
    }

    /// Puts the file in its place.
    pub(super) fn write(&self) {
        std::fs::write(self.file(), &self.text).unwrap();
    }

    pub(super) fn start(&self) -> Service {
        if !self.file().exists() {
            self.write();
        }
        let mut command = self.ferry.command(["mirror", "--config", "config.toml"]);
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let lines = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                writeln!(lines.lock().unwrap(), "{line}").unwrap();
            }
        });
        Service { child, log }
    }

    /// Waits until the registry has so many tags.
    pub(super) fn arrive(&self, service: &Service, tags: usize) {
        service.until(&format!("{tags} tags"), || self.registry.tags().len() >= tags);
        assert_eq!(self.registry.tags().len(), tags, "{:?}", self.registry.tags());
    }
}

impl Service {
    pub(super) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Waits until something is true.
    pub(super) fn until(&self, what: &str, is: impl Fn() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is() {
            assert!(Instant::now() < deadline, "never came: {what}\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits for these words in the log.
    pub(super) fn says(&self, words: &str) {
        self.until(words, || self.log().contains(words));
    }

    /// How often the log has these words.
    pub(super) fn said(&self, words: &str) -> usize {
        self.log().matches(words).count()
    }

    pub(super) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Waits for the end and panics unless the exit code is `code`; the log.
    pub(super) fn end(mut self, code: i32) -> String {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            match self.child.try_wait().unwrap() {
                Some(status) => break status,
                None => assert!(Instant::now() < deadline, "still running:\n{}", self.log()),
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        assert_eq!(status.code(), Some(code), "{}", self.log());
        self.log()
    }

    pub(super) fn stop(self) -> String {
        self.signal(Signal::TERM);
        self.end(143)
    }

    fn address(&self) -> String {
        self.says("listens=\"");
        let log = self.log();
        let rest = log.split("listens=\"").nth(1).unwrap();
        rest.split('"').next().unwrap().to_owned()
    }

    /// Asks over HTTP: status and body.
    pub(super) fn ask(&self, method: &str, path: &str, headers: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n{headers}\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        (status.unwrap_or(0), body.to_owned())
    }

    pub(super) fn get(&self, path: &str) -> (u16, String) {
        self.ask("GET", path, "")
    }

    /// What the API says of a mirror.
    pub(super) fn api(&self, mirror: &str) -> Value {
        let (status, body) = self.get(&format!("/api/v1/mirrors/{mirror}"));
        assert_eq!(status, 200, "{body}");
        let start = body.find('{').unwrap();
        let end = body.rfind('}').unwrap();
        serde_json::from_str(&body[start..=end]).unwrap()
    }

    /// Starts a run.
    pub(super) fn trigger(&self, mirror: &str) -> u16 {
        let header = format!("Authorization: Bearer {TOKEN}\r\n");
        self.ask("POST", &format!("/api/v1/mirrors/{mirror}/run"), &header)
            .0
    }
}

impl Drop for Service {
    /// No service outlives its test.
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A repository with these versions of one chart.
pub(super) fn repo(versions: &[&str]) -> ChartRepo {
    ChartRepo::of(&charts(versions))
}

pub(super) fn charts(versions: &[&str]) -> Vec<Chart> {
    versions
        .iter()
        .map(|version| Chart::new("app", version))
        .collect()
}

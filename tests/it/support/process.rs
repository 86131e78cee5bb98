//! Real registries as child processes on a loopback port, ended by their process when the test is over.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::tls::Tls;
use super::tools::Tool;

/// The login of [`RealRegistry::with_login`].
pub(crate) const USER: &str = "ferry";
/// Its password: a canary, to be found in no log and no report.
pub(crate) const PASSWORD: &str = "s3cr3t-ferry";
/// bcrypt of [`PASSWORD`] at the lowest cost.
const HTPASSWD: &str = "ferry:$2y$05$abcdefghijklmnopqrstuuhSZHFqKcIstxi0bRM/ruqy74k7yRx9e\n";

/// Where an already running registry is named, `host:port`, plain HTTP.
const EXTERNAL: &str = "CHARTFERRY_TEST_REGISTRY";

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A running registry.
pub(crate) struct RealRegistry {
    host: String,
    child: Option<Child>,
    _storage: Option<TempDir>,
}

impl RealRegistry {
    /// Starts an empty one without logins.
    pub(crate) fn start(tool: Tool) -> Option<Self> {
        Self::launch(tool, LOOPBACK, false, None)
    }

    /// Starts an empty one at an address of the network that the calling thread is in.
    pub(crate) fn at(tool: Tool, address: IpAddr) -> Option<Self> {
        assert_ne!(tool, Tool::Ggcr, "this registry listens everywhere");
        Self::launch(tool, address, false, None)
    }

    /// Starts a Distribution that asks for [`USER`] and [`PASSWORD`] by Basic.
    pub(crate) fn with_login(tool: Tool) -> Option<Self> {
        assert_ne!(tool, Tool::Ggcr, "this registry knows no logins");
        Self::launch(tool, LOOPBACK, true, None)
    }

    /// The same over TLS.
    pub(crate) fn secure_with_login(tool: Tool, tls: &Tls) -> Option<Self> {
        assert_ne!(tool, Tool::Ggcr, "this registry knows no logins");
        Self::launch(tool, LOOPBACK, true, Some(tls))
    }

    /// The one that the environment names, to run the tests against any registry.
    pub(crate) fn external() -> Option<Self> {
        let host = std::env::var(EXTERNAL).ok()?;
        Some(Self {
            host,
            child: None,
            _storage: None,
        })
    }

    /// Every registry that can be had, with its name: one test, all of them.
    pub(crate) fn all() -> Vec<(&'static str, Self)> {
        let started = [Tool::Distribution3, Tool::Distribution28, Tool::Ggcr]
            .into_iter()
            .filter_map(|tool| Some((tool.name(), Self::start(tool)?)));
        started
            .chain(Self::external().map(|registry| ("external", registry)))
            .collect()
    }

    fn launch(tool: Tool, address: IpAddr, login: bool, tls: Option<&Tls>) -> Option<Self> {
        let binary = tool.find()?;
        // Another process may take the port between finding and using it
        for _ in 0..5 {
            let storage = TempDir::new().unwrap();
            let at = free_port(address);
            let command = command(tool, &binary, storage.path(), at, login, tls);
            if let Some(child) = wait_for(command, at, storage.path()) {
                return Some(Self {
                    host: at.to_string(),
                    child: Some(child),
                    _storage: Some(storage),
                });
            }
        }
        panic!("{} did not start in five tries", tool.name());
    }

    /// `127.0.0.1:port`.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// `oci://host/prefix`.
    pub(crate) fn target(&self, prefix: &str) -> String {
        format!("oci://{}/{prefix}", self.host)
    }

    /// Ends it at once, as a crash would.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(child.kill());
            drop(child.wait());
        }
    }

    /// A GET without any client of ours: status and whole body. Manifests are taken as they are stored.
    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.host).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        write!(
            stream,
            "GET {path} HTTP/1.0\r\nHost: {}\r\nAccept: application/vnd.oci.image.manifest.v1+json, */*\r\nConnection: close\r\n\r\n",
            self.host
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        (status.unwrap_or(0), body.to_owned())
    }
}

impl Drop for RealRegistry {
    fn drop(&mut self) {
        self.kill();
    }
}

fn free_port(address: IpAddr) -> SocketAddr {
    let listener = TcpListener::bind((address, 0)).unwrap();
    listener.local_addr().unwrap()
}

fn command(
    tool: Tool,
    binary: &Path,
    storage: &Path,
    at: SocketAddr,
    login: bool,
    tls: Option<&Tls>,
) -> Command {
    let mut command = Command::new(binary);
    if tool == Tool::Ggcr {
        command.args(["-port", &at.port().to_string()]);
        return command;
    }
    let config = storage.join("config.yml");
    std::fs::write(&config, distribution_config(storage, at, login, tls)).unwrap();
    // No traces are sent anywhere
    command
        .arg("serve")
        .arg(&config)
        .env("OTEL_TRACES_EXPORTER", "none");
    command
}

/// Both Distributions read this.
fn distribution_config(storage: &Path, at: SocketAddr, login: bool, tls: Option<&Tls>) -> String {
    let root = storage.join("data");
    let mut auth = String::new();
    if login {
        let file = storage.join("htpasswd");
        std::fs::write(&file, HTPASSWD).unwrap();
        auth = format!("auth:\n  htpasswd: {{realm: test, path: '{}'}}\n", file.display());
    }
    let mut https = String::new();
    if let Some(tls) = tls {
        let (certificate, key) = (storage.join("server.pem"), storage.join("server.key"));
        tls.write_server(&certificate, &key);
        https = format!(
            "  tls: {{certificate: '{}', key: '{}'}}\n",
            certificate.display(),
            key.display()
        );
    }
    format!(
        "version: 0.1\nlog: {{level: warn}}\nstorage:\n  filesystem: {{rootdirectory: '{}'}}\nhttp:\n  addr: {at}\n  secret: a-test-secret\n{https}{auth}",
        root.display()
    )
}

/// Starts it and waits until it answers; `None` if it ended instead. Its own words go to `log` in its folder.
fn wait_for(mut command: Command, address: SocketAddr, storage: &Path) -> Option<Child> {
    let log = std::fs::File::create(storage.join("log")).unwrap();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    while Instant::now() < deadline {
        if child.try_wait().unwrap().is_some() {
            return None;
        }
        if TcpStream::connect_timeout(&address, Duration::from_millis(200)).is_ok() {
            return Some(child);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    drop(child.kill());
    drop(child.wait());
    let words = std::fs::read_to_string(storage.join("log")).unwrap_or_default();
    panic!("the registry does not listen after 30 s: {words}");
}

//! A real Kubernetes with one node (`scripts/cluster`), started once for all tests that want it, with the image of chartferry in it.
//!
//! It lives in a network of its own, without a way out. A test joins that network with a thread ([`Cluster::within`]); what the
//! thread listens on and starts is seen by the pods at [`HOST`]. The cluster ends with the test process, however that ends: the
//! script waits for the end of its stdin.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use serde_json::{Value, json};

use super::helm::words;
use super::skip;

/// Where pods reach what a test serves.
pub(crate) const HOST: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 88, 0, 1));
/// The image of chartferry as this checkout has it.
pub(crate) const IMAGE: &str = concat!("localhost/chartferry:", env!("CARGO_PKG_VERSION"));
/// An image whose program only waits.
pub(crate) const PAUSE: &str = "localhost/pause:1";

/// Longer than anything takes here on a busy machine: a test that waits that long has failed.
const PATIENCE: Duration = Duration::from_secs(180);

static SHARED: LazyLock<Result<Cluster, String>> = LazyLock::new(Cluster::start);

/// The running cluster.
pub(crate) struct Cluster {
    folder: PathBuf,
    network: std::fs::File,
    image: Image,
    /// Its stdin is held open.
    _script: Child,
}

impl Cluster {
    /// The cluster of this process; without it the test says what it lacks and is to return.
    pub(crate) fn get(what: &str) -> Option<&'static Self> {
        match &*SHARED {
            Ok(cluster) => Some(cluster),
            Err(missing) => {
                skip(&format!("cluster: {what}"), missing);
                None
            }
        }
    }

    fn start() -> Result<Self, String> {
        let check = script("cluster").arg("check").output().unwrap();
        if !check.status.success() {
            return Err(words(&check).trim().to_owned());
        }
        let image = Image::build()?;
        let mut child = script("cluster")
            .arg("hold")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut folder = String::new();
        let stdout = child.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut folder).unwrap();
        let folder = PathBuf::from(folder.trim_end());
        // What is here can have a cluster, so one that does not start is a failure and no reason to skip
        assert!(folder.is_dir(), "the cluster did not start; its words are above");
        let pid = std::fs::read_to_string(folder.join("pid")).unwrap();
        let network = std::fs::File::open(format!("/proc/{}/ns/net", pid.trim())).unwrap();
        let cluster = Self {
            folder,
            network,
            image,
            _script: child,
        };
        cluster.ctr(["images", "import", cluster.image.tar.to_str().unwrap()]);
        Ok(cluster)
    }

    /// The image of chartferry that pods run.
    pub(crate) fn image(&self) -> &Image {
        &self.image
    }

    /// Runs `work` in the cluster's network, and whatever `work` starts.
    pub(crate) fn within<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        std::thread::scope(|scope| {
            let joined = scope.spawn(|| {
                move_into_link_name_space(self.network.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
                work()
            });
            joined
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// Where `kubectl`, Helm and other clients find their login.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.folder.join("kubeconfig")
    }

    /// A namespace that admits only pods of the restricted profile.
    pub(crate) fn namespace(&'static self, name: &str) -> Namespace {
        let labels = json!({
            "pod-security.kubernetes.io/enforce": "restricted",
            "pod-security.kubernetes.io/warn": "restricted",
        });
        let namespace = Namespace {
            cluster: self,
            name: name.to_owned(),
        };
        namespace.apply(&json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}
        }));
        // The controller makes it; until then no pod is admitted
        namespace.wait("the service account", || {
            namespace.find("serviceaccount", "default")
        });
        namespace
    }

    /// `ctr` in the namespace of the kubelet: images, and signals to containers that Kubernetes knows nothing of.
    pub(crate) fn ctr<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> String {
        let containerd = tool("node").expect("the cluster runs on it");
        let output = Command::new(containerd.with_file_name("ctr"))
            .arg("--address")
            .arg(self.folder.join("containerd.sock"))
            .args(["--namespace", "k8s.io"])
            .args(args)
            .output()
            .unwrap();
        assert!(output.status.success(), "ctr: {}", words(&output));
        words(&output)
    }
}

/// One namespace of Kubernetes. Tests share the cluster, each in namespaces of its own.
pub(crate) struct Namespace {
    cluster: &'static Cluster,
    pub(crate) name: String,
}

impl Namespace {
    pub(crate) fn cluster(&self) -> &'static Cluster {
        self.cluster
    }

    /// Runs `kubectl` in this namespace.
    pub(crate) fn kubectl<S: AsRef<OsStr> + Send>(&self, args: impl IntoIterator<Item = S> + Send) -> Output {
        self.kubectl_with(args, &[])
    }

    /// The same with something on its stdin.
    pub(crate) fn kubectl_with<S: AsRef<OsStr> + Send>(
        &self,
        args: impl IntoIterator<Item = S> + Send,
        stdin: &[u8],
    ) -> Output {
        self.cluster.within(|| {
            let mut child = Command::new(self.cluster.folder.join("bin/kubectl"))
                .args(["--namespace", &self.name])
                .args(args)
                .env("KUBECONFIG", self.cluster.kubeconfig())
                // What it learns about the API server is kept there, in the home else
                .env("KUBECACHEDIR", self.cluster.folder.join("kubectl"))
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            let mut pipe = child.stdin.take().unwrap();
            // It need not read all before it refuses
            drop(pipe.write_all(stdin));
            drop(pipe);
            child.wait_with_output().unwrap()
        })
    }

    /// Runs `kubectl`, which must succeed; its stdout.
    pub(crate) fn ok<S: AsRef<OsStr> + Send>(&self, args: impl IntoIterator<Item = S> + Send) -> String {
        let output = self.kubectl(args);
        assert!(output.status.success(), "kubectl: {}", words(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Applies an object, checked strictly by the server: a misspelt field is an error, and so is what only earns a warning, such
    /// as a Deployment whose pods the restricted profile would not admit.
    pub(crate) fn apply(&self, object: &Value) {
        let output = self.try_apply(object);
        let said = words(&output);
        let warned = said.contains("Warning");
        assert!(
            output.status.success() && !warned,
            "kubectl apply: {said}\n{object:#}"
        );
    }

    /// The same where it may be refused.
    pub(crate) fn try_apply(&self, object: &Value) -> Output {
        let args = ["apply", "--validate=strict", "--filename=-"];
        self.kubectl_with(args, object.to_string().as_bytes())
    }

    /// An object, if there is one.
    pub(crate) fn find(&self, kind: &str, name: &str) -> Option<Value> {
        let output = self.kubectl(["get", kind, name, "--output=json"]);
        (output.status.success()).then(|| serde_json::from_slice(&output.stdout).unwrap())
    }

    /// The objects with a label, or all.
    pub(crate) fn list(&self, kind: &str, selector: &str) -> Vec<Value> {
        let text = self.ok(["get", kind, "--selector", selector, "--output=json"]);
        let list: Value = serde_json::from_str(&text).unwrap();
        list["items"].as_array().unwrap().clone()
    }

    /// Looks until `look` finds something.
    pub(crate) fn wait<T>(&self, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = look() {
                return found;
            }
            if Instant::now() > end {
                let state = words(&self.kubectl(["get", "all,events", "--output=wide"]));
                panic!("{what} did not come about in `{}`:\n{state}", self.name);
            }
            std::thread::sleep(Duration::from_millis(300));
        }
    }

    /// Waits for the end of a Job.
    pub(crate) fn ended(&self, job: &str) -> Ended {
        self.wait(&format!("the end of the Job `{job}`"), || {
            let job = self.find("job", job)?;
            let conditions = job["status"]["conditions"].as_array()?.clone();
            let end = conditions.into_iter().find(|condition| {
                condition["status"] == "True"
                    && (condition["type"] == "Complete" || condition["type"] == "Failed")
            })?;
            Some(Ended {
                result: end["type"].as_str().unwrap().to_owned(),
                reason: end["reason"].as_str().unwrap_or("").to_owned(),
                job,
            })
        })
    }

    /// The pods of a Job.
    pub(crate) fn pods(&self, job: &str) -> Vec<Value> {
        self.list("pods", &format!("batch.kubernetes.io/job-name={job}"))
    }

    /// What a pod printed.
    pub(crate) fn logs(&self, pod: &Value) -> String {
        self.ok(["logs", pod["metadata"]["name"].as_str().unwrap()])
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // After a failure all stays for the words of `wait`, and the cluster ends with the process anyway
        if !std::thread::panicking() {
            drop(self.kubectl(["delete", "namespace", &self.name, "--wait=false"]));
        }
    }
}

/// How a Job ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// `Complete` or `Failed`.
    pub(crate) result: String,
    /// Why, in Kubernetes' words.
    pub(crate) reason: String,
    pub(crate) job: Value,
}

/// Exit codes of a pod's main container, as far as they ended.
pub(crate) fn exit_code(pod: &Value) -> Option<i64> {
    pod["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"].as_i64()
}

/// Seconds between two times of Kubernetes, which have whole seconds.
pub(crate) fn seconds(from: &Value, to: &Value) -> i64 {
    let time = |value: &Value| {
        let text = value
            .as_str()
            .unwrap_or_else(|| panic!("`{value}` is not a time"));
        chrono::DateTime::parse_from_rfc3339(text).unwrap()
    };
    (time(to) - time(from)).num_seconds()
}

/// A script of this checkout.
fn script(name: &str) -> Command {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(root.join("scripts").join(name));
    command.current_dir(root);
    command
}

/// A program that `scripts/tools` installs only where it is named.
pub(crate) fn tool(name: &str) -> Option<PathBuf> {
    let output = script("tools").args(["env", name]).output().unwrap();
    let line = String::from_utf8(output.stdout).unwrap();
    let path = line.trim().strip_prefix(name)?.strip_prefix('=')?;
    Some(path.into())
}

/// What `scripts/image` made of this checkout.
pub(crate) struct Image {
    /// An OCI archive.
    pub(crate) tar: PathBuf,
    pub(crate) binary: PathBuf,
    /// The folder that `Containerfile` copies.
    pub(crate) context: PathBuf,
}

impl Image {
    /// Builds it, which takes no time if nothing has changed: no old one is tested.
    fn build() -> Result<Self, String> {
        let output = script("image").output().unwrap();
        let said = words(&output);
        if !output.status.success() {
            return Err(format!("`scripts/image` failed: {said}"));
        }
        let path = |name: &str| {
            let line = said.lines().find_map(|line| line.strip_prefix(name));
            PathBuf::from(line.expect("the script names what it made"))
        };
        Ok(Self {
            tar: path("image="),
            binary: path("binary="),
            context: path("context="),
        })
    }
}

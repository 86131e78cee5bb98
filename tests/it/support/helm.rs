//! Real Helm, with a home of its own: the judge of what `helm push` writes and what `helm pull` reads.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use super::tools::Tool;

/// One Helm of one version.
pub(crate) struct Helm {
    pub(crate) version: &'static str,
    binary: PathBuf,
    home: TempDir,
}

impl Helm {
    /// The newest 3.x that is supported.
    pub(crate) fn v3() -> Option<Self> {
        Self::of(Tool::Helm3, "3.22.0")
    }

    /// The newest 4.x that is supported.
    pub(crate) fn v4() -> Option<Self> {
        Self::of(Tool::Helm4, "4.3.1")
    }

    /// Those of the two that are installed.
    pub(crate) fn all() -> Vec<Self> {
        [Self::v3(), Self::v4()].into_iter().flatten().collect()
    }

    fn of(tool: Tool, version: &'static str) -> Option<Self> {
        Some(Self {
            version,
            binary: tool.find()?,
            home: TempDir::new().unwrap(),
        })
    }

    /// A folder that only this Helm uses.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// Runs it in its home, in UTC: `created` in the manifest is in local time (helm-oci-format 3).
    pub(crate) fn run<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Output {
        self.command(args).output().unwrap()
    }

    /// The same, for tests that change its environment.
    pub(crate) fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let home = self.home();
        let mut command = Command::new(&self.binary);
        command
            .args(args)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", home)
            .env("XDG_CACHE_HOME", home.join("cache"))
            .env("XDG_CONFIG_HOME", home.join("config"))
            .env("XDG_DATA_HOME", home.join("data"))
            .env("TZ", "UTC")
            .current_dir(home);
        command
    }

    /// Runs it and panics with its words unless it succeeds; returns stdout and stderr together.
    pub(crate) fn ok<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> String {
        let output = self.run(args);
        let text = words(&output);
        assert!(output.status.success(), "helm {} failed: {text}", self.version);
        text
    }

    /// Logs in over plain HTTP.
    pub(crate) fn login(&self, host: &str, user: &str, password: &str) {
        self.ok([
            "registry",
            "login",
            host,
            "--plain-http",
            "--username",
            user,
            "--password",
            password,
        ]);
    }

    /// Pushes a package over plain HTTP with `mtime` (unix seconds) as its file time; returns the digest that Helm prints.
    pub(crate) fn push(&self, package: &[u8], prov: Option<&[u8]>, mtime: u64, target: &str) -> String {
        let path = self.home().join("package-to-push.tgz");
        std::fs::write(&path, package).unwrap();
        let beside = self.home().join("package-to-push.tgz.prov");
        match prov {
            Some(prov) => std::fs::write(&beside, prov).unwrap(),
            None => drop(std::fs::remove_file(&beside)),
        }
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(mtime);
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(time).unwrap();
        drop(file);
        let text = self.ok(["push", path.to_str().unwrap(), target, "--plain-http"]);
        let digest = text.lines().find_map(|line| line.strip_prefix("Digest: "));
        digest
            .unwrap_or_else(|| panic!("helm push printed no digest: {text}"))
            .trim()
            .to_owned()
    }

    /// Pulls `reference` (`oci://…` without the tag) over plain HTTP; returns the package.
    pub(crate) fn pull(&self, reference: &str, version: &str) -> Vec<u8> {
        let folder = TempDir::new_in(self.home()).unwrap();
        let to = folder.path().to_str().unwrap();
        self.ok(["pull", reference, "--version", version, "--plain-http", "-d", to]);
        let mut files = std::fs::read_dir(folder.path()).unwrap();
        let file = files.next().expect("helm pull wrote a file").unwrap();
        std::fs::read(file.path()).unwrap()
    }
}

/// stdout and stderr as one text.
pub(crate) fn words(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

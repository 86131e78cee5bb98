//! Runs the chartferry binary as a user would, with a home and an environment of its own.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// The binary and a home for it.
pub(crate) struct Ferry {
    home: TempDir,
    env: Vec<(String, String)>,
    remembers: bool,
}

/// What a run left behind.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// `None`: ended by a signal.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// What `--report` wrote, if the run got that far.
    pub(crate) report: Option<serde_json::Value>,
}

/// One item of a report, as much as tests compare.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Line {
    pub(crate) chart: String,
    pub(crate) version: String,
    pub(crate) action: String,
    pub(crate) code: Option<String>,
}

impl Outcome {
    /// Panics with everything that was printed unless the exit code is `code`.
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            Some(code),
            "\n--- stdout\n{}\n--- stderr\n{}",
            self.stdout,
            self.stderr
        );
        self
    }

    /// The items of all mirrors and targets of the report, as they are.
    pub(crate) fn raw_items(&self) -> Vec<&serde_json::Value> {
        let report = self.report.as_ref().expect("the run wrote a report");
        elements(&report["mirrors"])
            .flat_map(|mirror| elements(&mirror["targets"]))
            .flat_map(|target| elements(&target["items"]))
            .collect()
    }

    /// The items of the report, sorted.
    pub(crate) fn items(&self) -> Vec<Line> {
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let mut lines: Vec<_> = self
            .raw_items()
            .into_iter()
            .map(|item| Line {
                chart: text(&item["chart"]),
                version: text(&item["version"]),
                action: text(&item["action"]),
                code: item["reason"]["code"].as_str().map(str::to_owned),
            })
            .collect();
        lines.sort();
        lines
    }

    /// How many items have this action.
    pub(crate) fn count(&self, action: &str) -> usize {
        self.items().iter().filter(|line| line.action == action).count()
    }

    /// Panics if `secret` is in anything that was printed or written (reliability I7).
    pub(crate) fn assert_free_of(&self, secret: &str) {
        let report = self
            .report
            .as_ref()
            .map_or_else(String::new, serde_json::Value::to_string);
        for (name, text) in [
            ("stdout", &self.stdout),
            ("stderr", &self.stderr),
            ("report", &report),
        ] {
            assert!(!text.contains(secret), "the secret is in {name}: {text}");
        }
    }
}

impl Ferry {
    /// A fresh home.
    pub(crate) fn new() -> Self {
        Self {
            home: TempDir::new().unwrap(),
            env: Vec::new(),
            remembers: false,
        }
    }

    /// Runs of a file remember what they did, as they do for users. Elsewhere each run is to find out everything anew: one
    /// file is often run against a source or a registry that was changed behind its back.
    pub(crate) fn remembering(mut self) -> Self {
        self.remembers = true;
        self
    }

    /// Sets a variable for every run.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The home, which is also the working folder.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// The command, for tests that must hold on to the process.
    pub(crate) fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let home = self.home();
        let mut command = Command::new(env!("CARGO_BIN_EXE_chartferry"));
        command
            .args(args)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", home)
            .env("XDG_CACHE_HOME", home.join("cache"))
            .env("XDG_CONFIG_HOME", home.join("config"))
            .env("XDG_DATA_HOME", home.join("data"))
            .env("XDG_STATE_HOME", home.join("state"))
            .env("TMPDIR", home)
            .envs((!self.remembers).then_some(("CHARTFERRY__STATE_DIR", "off")))
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .current_dir(home)
            .stdin(Stdio::null());
        command
    }

    /// Runs a command as it is.
    pub(crate) fn run<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Outcome {
        finish(self.command(args), None)
    }

    /// Runs a command that takes `--report`, and reads the report.
    pub(crate) fn report<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Outcome {
        let path = self.home().join("report.json");
        drop(std::fs::remove_file(&path));
        let mut command = self.command(args);
        command.arg("--report").arg(&path);
        finish(command, Some(path))
    }
}

fn finish(mut command: Command, report: Option<PathBuf>) -> Outcome {
    let output = command.output().unwrap();
    let report = report
        .and_then(|path| std::fs::read(path).ok())
        .map(|text| serde_json::from_slice(&text).expect("the report is JSON"));
    Outcome {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("stdout is UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("stderr is UTF-8"),
        report,
    }
}

/// The elements of a JSON list; none where there is no list.
pub(crate) fn elements(value: &serde_json::Value) -> impl Iterator<Item = &serde_json::Value> {
    value.as_array().into_iter().flatten()
}

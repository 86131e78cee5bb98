//! `chartferry doctor`: each thing that it looks at, as it should be and as it should not; that what it says is the same for
//! people and for programs, that nothing is written but what was asked for, and that no secret is said.

mod config;
mod hosts;
mod logins;
mod probe;
mod real;
mod rights;

use serde_json::Value;

use crate::support::chart_repo::ChartRepo;
use crate::support::ferry::{Ferry, elements};
use crate::support::registry::Registry;
use crate::support::server::Kind;

/// What `doctor` found, once for people and once for programs.
pub(super) struct Found {
    pub(super) code: i32,
    pub(super) table: String,
    pub(super) json: Value,
    /// All that was printed, also on stderr.
    pub(super) printed: String,
}

/// Runs `doctor` in both forms; they agree.
pub(super) fn doctor(ferry: &Ferry, args: &[&str]) -> Found {
    let run = |form: &str| ferry.run(["doctor", "-vv", "-o", form].iter().chain(args));
    let (table, json) = (run("table"), run("json"));
    assert_eq!(table.code, json.code, "{}\n{}", table.stdout, json.stdout);
    let printed = [&table.stdout, &table.stderr, &json.stdout, &json.stderr].map(String::as_str);
    let found = Found {
        code: table.code.expect("it ends by itself"),
        json: serde_json::from_str(&json.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}{}", json.stdout, json.stderr)),
        printed: printed.concat(),
        table: table.stdout,
    };
    found.agrees();
    found
}

fn said(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Found {
    /// Every check stands in the table, with its status; those that were skipped may share a line.
    fn agrees(&self) {
        assert_eq!(self.json["exit_code"], self.code, "{}", self.json);
        for status in ["ok", "warning", "failure"] {
            let start = format!("  {status} ");
            let lines = self.table.lines().filter(|line| line.starts_with(&start));
            assert_eq!(lines.count(), self.with(status).len(), "{}", self.table);
        }
        for line in self.table.lines() {
            // A word is never broken, so that a URL can be copied
            let fits = line.chars().count() <= 100 || line.split_whitespace().any(|word| word.len() > 60);
            assert!(fits, "{line}");
        }
    }

    fn all(&self) -> impl Iterator<Item = &Value> {
        elements(&self.json["subjects"]).flat_map(|subject| elements(&subject["checks"]))
    }

    /// Status and text of the only check with this id.
    #[track_caller]
    pub(super) fn check(&self, id: &str) -> (&str, &str) {
        let found: Vec<&Value> = self.all().filter(|check| check["id"] == id).collect();
        assert_eq!(found.len(), 1, "{id}\n{}", self.table);
        (
            found[0]["status"].as_str().unwrap(),
            found[0]["text"].as_str().unwrap(),
        )
    }

    /// A check has this status, and all these words, in both forms.
    #[track_caller]
    pub(super) fn expect(&self, id: &str, status: &str, parts: &[&str]) -> &Self {
        let (is, text) = self.check(id);
        assert_eq!(is, status, "{id}\n{}", self.table);
        for part in parts {
            assert!(text.contains(part), "no `{part}`\n{}", self.table);
        }
        // Where a table wraps depends on the temporary names and ports in it, so it is read without line ends.
        let line = format!("{status} {id} ");
        let shown = if status == "skipped" {
            self.table.contains(id)
        } else {
            said(&self.table).contains(&line)
        };
        assert!(shown, "no `{line}`\n{}", self.table);
        self
    }

    #[track_caller]
    pub(super) fn code(&self, code: i32) -> &Self {
        assert_eq!(self.code, code, "{}\n{}", self.table, self.printed);
        self
    }

    /// The ids with this status.
    pub(super) fn with(&self, status: &str) -> Vec<&str> {
        self.all()
            .filter(|check| check["status"] == status)
            .map(|check| check["id"].as_str().unwrap())
            .collect()
    }
}

/// Without a login and TLS, at a registry that has neither.
pub(super) fn plain(registry: &Registry, more: &[&str]) -> Found {
    let target = registry.target("charts");
    let mut args = vec![target.as_str(), "--plain-http"];
    args.extend(more);
    doctor(&Ferry::new(), &args)
}

/// Nothing that others can see was written: uploads were opened, and each was cancelled.
#[track_caller]
pub(super) fn only_cancelled_uploads(registry: &Registry) {
    let log = registry.log();
    let opened = log.count(Kind::UploadPost);
    assert_eq!(log.writes(), opened, "{log}");
    assert_eq!(log.count(Kind::UploadCancel), opened, "{log}");
    assert_eq!(registry.tags(), [""; 0]);
}

#[test]
fn a_registry_without_flaws_is_well() {
    let registry = Registry::start();
    let found = plain(&registry, &[]);
    found
        .code(0)
        .expect("name", "ok", &["is an address"])
        .expect("connection", "ok", &[&registry.host(), "answers after"])
        .expect("tls", "warning", &["plain HTTP"])
        .expect("clock", "ok", &["within"])
        .expect("api", "ok", &["the registry API answers"])
        .expect("credentials", "ok", &["none"])
        .expect("login", "ok", &["none is needed"])
        .expect("forwarding", "skipped", &["no credentials"])
        .expect("pull", "ok", &["charts/chartferry-doctor", "no tags yet"])
        .expect(
            "push",
            "ok",
            &["`charts/chartferry-doctor`, which stands for", "cancelled"],
        )
        .expect("paging", "skipped", &["two tags"]);
    assert!(found.table.ends_with(": 1 warning\n"), "{}", found.table);
    assert_eq!(found.json["subjects"][0]["name"], registry.target("charts"));
    assert_eq!(registry.log().count(Kind::UploadPost), 2, "one for each form");
    only_cancelled_uploads(&registry);
}

#[test]
fn warnings_fail_where_that_is_asked_for() {
    let registry = Registry::start();
    let found = plain(&registry, &["--strict"]);
    found.code(2);
    assert!(
        found.table.contains("`--strict` counts as failures"),
        "{}",
        found.table
    );
    assert_eq!(found.json["strict"], true);
}

#[test]
fn what_is_no_target_is_a_usage_error() {
    let ferry = Ferry::new();
    let one = "[[mirror]]\nname = \"m\"\nsource = \"https://s.io\"\ntargets = [\"oci://r.io/a\"]\n";
    std::fs::write(ferry.home().join("empty.toml"), "").unwrap();
    std::fs::write(ferry.home().join("one.toml"), one).unwrap();
    for (args, part) in [
        (&[][..], "TARGET is missing"),
        (&["https://r.io/x"], "TARGET: "),
        (&["oci://r.io/a", "b"], "`b` is one operand too many"),
        (
            &["oci-layout:x", "--plain-http"],
            "`--plain-http` is about a registry",
        ),
        (&["oci://r.io/a", "--ca-file", "none.pem"], "--ca-file: "),
        (
            &["-c", "f", "--plain-http"],
            "`--plain-http` cannot be used with `--config`",
        ),
        (&["-c", "empty.toml"], "there is no `[[mirror]]`"),
        (&["oci-layout:x", "--probe", "a"], "`--probe` is about a registry"),
        (&["oci://r.io/a", "--probe", "A"], "`--probe`"),
        (&["oci://r.io/a", "--probe", "oci://r.io"], "needs a repository"),
        (
            &["oci://r.io/a", "--probe", "oci://s.io/a"],
            "`s.io` is no registry",
        ),
        (&["-c", "one.toml", "--probe", "a"], "oci://HOST/a"),
    ] {
        let outcome = ferry.run(["doctor"].iter().chain(args)).expect(1);
        assert_eq!(outcome.stdout, "", "{args:?}");
        assert!(outcome.stderr.contains(part), "{args:?}: {}", outcome.stderr);
    }
}

#[test]
fn a_folder_is_a_target_too() {
    let ferry = Ferry::new();
    doctor(&ferry, &["oci-layout:new"]).code(0).expect(
        "layout",
        "ok",
        &["not there yet; `migrate` makes it"],
    );
    assert!(!ferry.home().join("new").exists(), "it is only looked at");
    std::fs::write(ferry.home().join("file"), "").unwrap();
    for target in ["oci-layout:file", "oci-layout:file/new", "oci-layout:file/new/er"] {
        doctor(&ferry, &[target])
            .code(5)
            .expect("layout", "failure", &["file`: not a directory"]);
    }
}

/// Root may write anywhere but where nobody may.
#[test]
fn a_folder_that_may_not_be_written_is_no_target() {
    let ferry = Ferry::new();
    let folder = ferry.home().join("closed");
    std::fs::create_dir(&folder).unwrap();
    let script = "mount -t tmpfs -o ro none \"$1\" && shift && exec \"$@\"";
    let target = format!("oci-layout:{}/new", folder.display());
    let output = std::process::Command::new("unshare")
        .args(["-m", "sh", "-c", script, "sh"])
        .arg(&folder)
        .args([env!("CARGO_BIN_EXE_chartferry"), "doctor", &target])
        .output();
    let Ok(output) = output else { return };
    let said = String::from_utf8_lossy(&output.stdout);
    if said.is_empty() {
        eprintln!("no namespaces here: {}", String::from_utf8_lossy(&output.stderr));
        return;
    }
    assert_eq!(output.status.code(), Some(5), "{said}");
    assert!(
        self::said(&said).contains("failure layout cannot write to"),
        "{said}"
    );
}

/// Its index comes with the first version.
#[test]
fn a_run_without_a_source_leaves_a_folder_that_can_be_looked_at() {
    let (ferry, source) = (Ferry::new(), ChartRepo::empty());
    let url = source.url();
    ferry.run(["migrate", &url, "oci-layout:new"]).expect(4);
    doctor(&ferry, &["oci-layout:new"])
        .code(0)
        .expect("layout", "ok", &[]);
    source.put("index.yaml", "apiVersion: v1\nentries: {}\n");
    for command in ["plan", "verify"] {
        ferry.run([command, &url, "oci-layout:new"]).expect(0);
    }
}

/// Nothing goes further than to a proxy that is not there.
#[test]
fn a_path_that_cannot_hold_charts_is_a_failure() {
    let ferry = Ferry::new().env("HTTPS_PROXY", "http://127.0.0.1:1");
    for (target, parts) in [
        ("oci://ghcr.io", ["too short for GitHub", "oci://ghcr.io/OWNER"]),
        (
            "oci://docker.io/a/b",
            ["too long for Docker Hub", "the namespace"],
        ),
    ] {
        doctor(&ferry, &[target])
            .code(5)
            .expect("path", "failure", &parts);
    }
}

/// What README shows, but for the port and the times.
#[test]
fn the_example_of_the_readme_is_true() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let command = "$ chartferry doctor oci://127.0.0.1:5000/charts --plain-http\n";
    let (_, shown) = readme.split_once(command).expect("README shows doctor");
    let shown = shown.split("```").next().unwrap();
    let registry = Registry::start();
    let found = plain(&registry, &[]);
    let without_times = |text: &str| {
        let mut after = false;
        let words = text.split_whitespace().map(|word| {
            let time = after && word.starts_with(|c: char| c.is_ascii_digit());
            after = word == "after";
            if time { "TIME" } else { word }
        });
        words.collect::<Vec<_>>().join(" ")
    };
    let real = found.table.replace(&registry.host(), "127.0.0.1:5000");
    assert_eq!(without_times(&real), without_times(shown));
}

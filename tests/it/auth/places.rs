//! Every place where a login may be given, and whose login goes where.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use super::{READER, READING, assert_kept, base64, migrate, said, store, write};
use crate::support::chart_repo::ChartRepo;
use crate::support::charts::{Chart, grid};
use crate::support::ferry::{Ferry, Outcome};
use crate::support::process::{PASSWORD, USER};
use crate::support::registry::Registry;
use crate::support::registry_auth::Auth;
use crate::support::server::Kind;

/// The same with a line on standard input; the outcome has no report.
fn migrate_with_input(
    ferry: &Ferry,
    source: &ChartRepo,
    target: &str,
    args: &[&str],
    input: &str,
) -> Outcome {
    let url = source.url();
    let mut command = ferry.command(["migrate", &url, target, "-vv"].iter().chain(args));
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    Outcome {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
        report: None,
    }
}

/// A configuration with one mirror and `login` in the target's `[[host]]`.
fn config(source: &ChartRepo, registry: &Registry, login: &str) -> String {
    format!(
        "[[host]]\nname = \"{}\"\nplain_http = true\n{login}\n\n[[mirror]]\nname = \"m\"\nsource = \"{}\"\ntargets = [\"{}\"]\n",
        registry.host(),
        source.url(),
        registry.target("charts")
    )
}

/// A credential helper that runs `script`.
fn helper(folder: &Path, name: &str, script: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    let path = write(folder, name, &format!("#!/bin/sh\n{script}\n"));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// One way to give a login: what it writes below the home, and the line to run.
type Way = (&'static str, fn(&Path, &Registry) -> Vec<String>);

fn texts(args: &[&str]) -> Vec<String> {
    args.iter().map(|arg| (*arg).to_owned()).collect()
}

const WAYS: &[Way] = &[
    ("--password-file", |home, _| {
        write(home, "password", &format!("{PASSWORD}\n"));
        texts(&["--username", USER, "--password-file", "password"])
    }),
    ("--registry-config", |home, registry| {
        write(home, "elsewhere.json", &store(&registry.host(), USER, PASSWORD));
        texts(&["--registry-config", "elsewhere.json"])
    }),
    ("Helm's store", |home, registry| {
        let text = store(&registry.host(), USER, PASSWORD);
        write(home, "config/helm/registry/config.json", &text);
        Vec::new()
    }),
    ("Docker's store", |home, registry| {
        let text = store(&registry.host(), USER, PASSWORD);
        write(home, ".docker/config.json", &text);
        Vec::new()
    }),
    ("Helm's store before Docker's", |home, registry| {
        let text = store(&registry.host(), USER, PASSWORD);
        write(home, "config/helm/registry/config.json", &text);
        write(home, ".docker/config.json", &store(&registry.host(), USER, "old"));
        Vec::new()
    }),
    ("the command line before the stores", |home, registry| {
        write(home, ".docker/config.json", &store(&registry.host(), USER, "old"));
        write(home, "password", PASSWORD);
        texts(&["--username", USER, "--password-file", "password"])
    }),
];

#[test]
fn every_place_for_a_login_works_and_keeps_it() {
    for auth in [Auth::basic(USER, PASSWORD), Auth::bearer(USER, PASSWORD)] {
        for (name, prepare) in WAYS {
            let registry = Registry::with(|it| it.auth = auth.clone());
            let source = ChartRepo::of(&[Chart::new("demo", "1.0.0")]);
            let ferry = Ferry::new();
            let args = prepare(ferry.home(), &registry);
            let args: Vec<&str> = args.iter().map(String::as_str).collect();
            let outcome = migrate(&ferry, &source, &registry.target("charts"), &args);
            assert_eq!(outcome.code, Some(0), "{name}: {outcome:?}");
            assert_eq!(registry.tags(), ["charts/demo:1.0.0"], "{name}");
            assert_kept(&outcome, USER, PASSWORD, &source.log());
        }
    }
}

#[test]
fn a_password_comes_by_standard_input() {
    let registry = Registry::with(|it| it.auth = Auth::basic(USER, PASSWORD));
    let source = ChartRepo::of(&[Chart::new("demo", "1.0.0")]);
    source.behave(|it| it.login = Some((READER.to_owned(), READING.to_owned())));
    let ferry = Ferry::new();
    write(ferry.home(), "reading", READING);
    write(ferry.home(), "pushing", PASSWORD);
    let target = registry.target("charts");
    let by_file = [
        "--plain-http",
        "--source-username",
        READER,
        "--source-password-file",
        "reading",
    ];
    let args: Vec<&str> = by_file
        .into_iter()
        .chain(["--username", USER, "--password-stdin"])
        .collect();
    let outcome = migrate_with_input(&ferry, &source, &target, &args, &format!("{PASSWORD}\r\n")).expect(0);
    assert_kept(&outcome, USER, PASSWORD, &source.log());
    assert_kept(&outcome, READER, READING, &registry.log());
    let by_file = ["--plain-http", "--username", USER, "--password-file", "pushing"];
    let args: Vec<&str> = by_file
        .into_iter()
        .chain(["--source-username", READER, "--source-password-stdin"])
        .collect();
    migrate_with_input(&ferry, &source, &target, &args, READING).expect(0);
    // An empty line is no password, and nothing is asked
    registry.forget_log();
    let outcome = migrate_with_input(&ferry, &source, &target, &args, "\n").expect(1);
    assert!(
        outcome.stderr.contains("--source-password-stdin"),
        "{}",
        outcome.stderr
    );
    assert!(registry.log().0.is_empty());
}

#[test]
fn a_file_names_where_the_password_is() {
    let source = ChartRepo::of(&[Chart::new("demo", "1.0.0")]);
    let answer = serde_json::json!({ "ServerURL": "", "Username": USER, "Secret": PASSWORD });
    let ferry = Ferry::new().env("CANARY", PASSWORD);
    write(ferry.home(), "password", &format!("{PASSWORD}\n"));
    let script = format!(
        "[ \"$1\" = get ] || exit 9\nread host\necho \"$host\" > '{}/asked'\ncat <<'X'\n{answer}\nX",
        ferry.home().display()
    );
    let program = helper(ferry.home(), "docker-credential-canary", &script);
    let user = format!("username = \"{USER}\"");
    let file = ferry.home().join("password");
    for login in [
        format!("{user}\npassword_file = \"{}\"", file.display()),
        format!("{user}\npassword_env = \"CANARY\""),
        format!("credential_helper = \"{}\"", program.display()),
    ] {
        let registry = Registry::with(|it| it.auth = Auth::basic(USER, PASSWORD));
        write(ferry.home(), "ferry.toml", &config(&source, &registry, &login));
        let outcome = ferry.report(["migrate", "-c", "ferry.toml", "-vv"]).expect(0);
        assert_eq!(outcome.count("pushed"), 1, "{login}");
        assert_kept(&outcome, USER, PASSWORD, &source.log());
        if login.starts_with("credential_helper") {
            let asked = std::fs::read_to_string(ferry.home().join("asked")).unwrap();
            assert_eq!(asked.trim(), registry.host());
        }
    }
}

#[test]
fn a_helper_that_fails_is_named_and_not_quoted() {
    let source = ChartRepo::of(&[Chart::new("demo", "1.0.0")]);
    let registry = Registry::with(|it| it.auth = Auth::basic(USER, PASSWORD));
    let ferry = Ferry::new();
    for script in [
        "echo s3cr3t-helper; echo s3cr3t-helper >&2; exit 1",
        "echo '<html>s3cr3t-helper</html>'",
    ] {
        let program = helper(ferry.home(), "docker-credential-broken", script);
        let login = format!("credential_helper = \"{}\"", program.display());
        write(ferry.home(), "ferry.toml", &config(&source, &registry, &login));
        let outcome = ferry.report(["migrate", "-c", "ferry.toml", "-vv"]).expect(5);
        outcome.assert_free_of("s3cr3t-helper");
        assert!(
            said(&outcome).contains("docker-credential-broken"),
            "{}",
            said(&outcome)
        );
        assert_eq!(source.log().count(Kind::Package), 0);
    }
}

#[test]
fn the_login_of_the_source_stays_with_the_source() {
    let charts = grid(&["demo"], &["1.0.0", "1.1.0"]);
    let source = ChartRepo::of(&charts);
    source.behave(|it| it.login = Some((READER.to_owned(), READING.to_owned())));
    let registry = Registry::with(|it| it.auth = Auth::bearer(USER, PASSWORD));
    // Another host that the index names for one version: it gets the request, not the login
    let other = ChartRepo::of(&charts);
    let mut index = crate::support::charts::index_yaml(&charts);
    index = index.replace("- demo-1.1.0.tgz", &format!("- {}/demo-1.1.0.tgz", other.url()));
    source.put("index.yaml", index);
    let ferry = Ferry::new();
    write(ferry.home(), "reading", READING);
    // The same host is in Docker's store too: those are for registries and are never sent to a source
    let mut stores = String::new();
    write!(
        stores,
        r#"{{"auths":{{"{}":{{"auth":"{}"}},"{}":{{"auth":"{}"}}}}}}"#,
        registry.host(),
        base64(&format!("{USER}:{PASSWORD}")),
        source.host(),
        base64("ferry:s3cr3t-store")
    )
    .unwrap();
    write(ferry.home(), ".docker/config.json", &stores);
    let args = [
        "--source-username",
        READER,
        "--source-password-file",
        "reading",
        "--allow-private",
        "127.0.0.1",
    ];
    let outcome = migrate(&ferry, &source, &registry.target("charts"), &args).expect(0);
    assert_eq!(outcome.count("pushed"), 2);
    assert_eq!(other.log().count(Kind::Package), 1);
    assert_kept(&outcome, READER, READING, &registry.log());
    assert_kept(&outcome, READER, READING, &other.log());
    for log in [source.log(), other.log()] {
        assert_kept(&outcome, USER, PASSWORD, &log);
        assert_kept(&outcome, "ferry", "s3cr3t-store", &log);
    }
    // Unless it is said that the other host may have it
    other.forget_log();
    let fresh = Registry::start();
    let args: Vec<&str> = args.into_iter().chain(["--source-pass-credentials-to"]).collect();
    let host = other.host();
    let args: Vec<&str> = args.into_iter().chain([host.as_str()]).collect();
    migrate(&ferry, &source, &fresh.target("charts"), &args).expect(0);
    let secret = base64(&format!("{READER}:{READING}"));
    for entry in other.log().of(Kind::Package) {
        assert!(entry.request.header("authorization").contains(&secret), "{entry}");
    }
}

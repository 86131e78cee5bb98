//! Logins end to end: every place where a credential may be kept, tokens that run out, what a wrong or missing one leads to,
//! and that no secret reaches a log, a report or the other side (reliability I7, A12, F12, F16, F18).

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;

use crate::support::chart_repo::ChartRepo;
use crate::support::charts::{Chart, grid};
use crate::support::faults::{Effect, Fault};
use crate::support::ferry::{Ferry, Outcome};
use crate::support::process::{PASSWORD, RealRegistry, USER};
use crate::support::registry::Registry;
use crate::support::registry_auth::Auth;
use crate::support::server::{Answer, Kind, Log};
use crate::support::tools::Tool;

/// The login at the source; never to be seen by a registry.
const READER: &str = "reader";
const READING: &str = "s3cr3t-reading";

fn base64(text: &str) -> String {
    base64::engine::general_purpose::STANDARD.encode(text)
}

/// Neither the password nor its Basic form is in anything that a run left behind, nor in a foreign log.
fn assert_kept(outcome: &Outcome, user: &str, password: &str, foreign: &Log) {
    for secret in [password.to_owned(), base64(&format!("{user}:{password}"))] {
        outcome.assert_free_of(&secret);
        foreign.assert_free_of(&secret);
    }
}

/// What was said on stdout as one line.
fn said(outcome: &Outcome) -> String {
    outcome.stdout.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Runs `migrate` with `-vv`, so that everything that could be logged is logged.
fn migrate(ferry: &Ferry, source: &ChartRepo, target: &str, args: &[&str]) -> Outcome {
    let url = source.url();
    ferry.report(
        ["migrate", &url, target, "--plain-http", "-vv"]
            .iter()
            .chain(args),
    )
}

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

fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
    path
}

/// A store as Helm and Docker write it.
fn store(host: &str, user: &str, password: &str) -> String {
    let auth = base64(&format!("{user}:{password}"));
    serde_json::json!({ "auths": { host: { "auth": auth } } }).to_string()
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

/// A credential helper that prints `answer`, or does `instead`.
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
fn an_identity_token_of_docker_is_exchanged_for_tokens() {
    let identity = "s3cr3t-identity";
    let registry = Registry::with(|it| it.auth = Auth::bearer("<token>", identity));
    let source = ChartRepo::of(&[Chart::new("demo", "1.0.0")]);
    let ferry = Ferry::new();
    let text = serde_json::json!({ "auths": { registry.host(): {
        "auth": base64("00000000-0000-0000-0000-000000000000:"), "identitytoken": identity
    } } });
    write(ferry.home(), ".docker/config.json", &text.to_string());
    let outcome = migrate(&ferry, &source, &registry.target("charts"), &[]).expect(0);
    outcome.assert_free_of(identity);
    source.log().assert_free_of(identity);
    let log = registry.log();
    let posted = log.of(Kind::Token)[0];
    let body = String::from_utf8_lossy(&posted.request.body).into_owned();
    assert!(
        body.contains("grant_type=refresh_token") && body.contains(identity),
        "{body}"
    );
}

#[test]
fn sixteen_at_once_share_one_token_a_scope() {
    let registry = Registry::with(|it| it.auth = Auth::bearer(USER, PASSWORD));
    // Slow, so that everybody comes while the first is being fetched
    registry.fault(Fault::on(Kind::Token, Effect::Delay(Duration::from_millis(80))));
    let charts = grid(
        &["a", "b", "c", "d"],
        &["1.0.0", "1.1.0", "1.2.0", "1.3.0", "1.4.0", "1.5.0"],
    );
    let source = ChartRepo::of(&charts);
    let ferry = Ferry::new();
    write(
        ferry.home(),
        ".docker/config.json",
        &store(&registry.host(), USER, PASSWORD),
    );
    let outcome = migrate(
        &ferry,
        &source,
        &registry.target("charts"),
        &["--concurrency", "16"],
    )
    .expect(0);
    assert_eq!(outcome.count("pushed"), 24);
    let log = registry.log();
    let mut scopes: Vec<String> = log
        .of(Kind::Token)
        .iter()
        .map(|entry| entry.request.param("scope").unwrap_or_default())
        .collect();
    scopes.sort();
    let wanted = ["a", "b", "c", "d"].map(|name| format!("repository:charts/{name}:pull,push"));
    assert_eq!(scopes, wanted);
    // The password is shown to the token service alone, and one answer without a token is the first
    for entry in &log.0 {
        let basic = entry.request.header("authorization").starts_with("Basic ");
        assert_eq!(basic, entry.kind == Kind::Token, "{entry}");
        assert_eq!(entry.status == Some(401), entry.kind == Kind::Ping, "{entry}");
    }
}

/// Tokens of one second in a run of three. Where the service tells, they are renewed in time; where it does not, a 401 leads
/// to a new one, and an upload begins again (F16).
#[test]
fn tokens_that_run_out_during_the_run_are_renewed() {
    for tells_ttl in [true, false] {
        let registry = Registry::with(|it| {
            it.auth = Auth::Bearer {
                login: Some((USER.to_owned(), PASSWORD.to_owned())),
                ttl: Duration::from_secs(1),
                tells_ttl,
            };
        });
        registry.fault(Fault::on(
            Kind::ManifestPut,
            Effect::Delay(Duration::from_millis(300)),
        ));
        let source = ChartRepo::of(&grid(
            &["demo"],
            &[
                "1.0.0", "1.1.0", "1.2.0", "1.3.0", "1.4.0", "1.5.0", "1.6.0", "1.7.0",
            ],
        ));
        let ferry = Ferry::new();
        write(
            ferry.home(),
            ".docker/config.json",
            &store(&registry.host(), USER, PASSWORD),
        );
        let outcome = migrate(
            &ferry,
            &source,
            &registry.target("charts"),
            &["--concurrency", "1"],
        )
        .expect(0);
        assert_eq!(outcome.count("pushed"), 8, "{tells_ttl}");
        registry.assert_sound();
        let log = registry.log();
        let refused = log
            .0
            .iter()
            .filter(|entry| entry.status == Some(401) && entry.kind != Kind::Ping);
        let (tokens, refused) = (log.count(Kind::Token), refused.count());
        assert!((2..=12).contains(&tokens), "{tokens} tokens\n{log}");
        assert_eq!(refused == 0, tells_ttl, "{refused} refused\n{log}");
        assert!(refused <= 4, "{refused} refused\n{log}");
        assert_kept(&outcome, USER, PASSWORD, &source.log());
    }
}

/// A wrong password: exit 5, one clear text, no package is fetched, and the account is not locked by showing it again.
#[test]
fn a_wrong_password_ends_the_run_before_it_begins() {
    let names: Vec<String> = (0..20).map(|number| format!("chart-{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let source = ChartRepo::of(&grid(&names, &["1.0.0"]));
    for auth in [Auth::basic(USER, "right"), Auth::bearer(USER, "right")] {
        let registry = Registry::with(|it| it.auth = auth.clone());
        registry.fault(Fault::on(Kind::Token, Effect::Delay(Duration::from_millis(30))));
        let ferry = Ferry::new();
        write(ferry.home(), "password", PASSWORD);
        let args = ["--username", USER, "--password-file", "password"];
        let outcome = migrate(&ferry, &source, &registry.target("charts"), &args).expect(5);
        let target = &outcome.report.as_ref().unwrap()["mirrors"][0]["targets"][0];
        let error = target["error"]["text"].as_str().unwrap();
        assert!(
            error.contains(&registry.host())
                && error.contains("password")
                && error.contains("helm registry login"),
            "{error}"
        );
        let log = registry.log();
        let secret = base64(&format!("{USER}:{PASSWORD}"));
        let shown = log
            .0
            .iter()
            .filter(|entry| entry.request.header("authorization").contains(&secret));
        assert_eq!(shown.count(), 1, "{log}");
        assert_eq!(log.writes(), 0, "{log}");
        assert_eq!(source.log().count(Kind::Package), 0);
        assert_kept(&outcome, USER, PASSWORD, &source.log());
    }
}

/// F18: what does not give one token gives none, and the message says whose fault it is.
#[test]
fn a_token_service_that_does_not_work_ends_the_run() {
    let names = ["a", "b", "c", "d"];
    let source = ChartRepo::of(&grid(&names, &["1.0.0", "1.1.0"]));
    let json = |text: &'static str| {
        Answer::status(200)
            .header("content-type", "application/json")
            .body(text)
    };
    for (answer, part) in [
        (Answer::html(200), "not JSON"),
        (json("{}"), "holds no token"),
        (Answer::status(503), "503"),
    ] {
        let registry = Registry::with(|it| it.auth = Auth::bearer(USER, PASSWORD));
        registry.fault(Fault::on(Kind::Token, Effect::Instead(answer)));
        let ferry = Ferry::new();
        write(
            ferry.home(),
            ".docker/config.json",
            &store(&registry.host(), USER, PASSWORD),
        );
        let outcome = migrate(&ferry, &source, &registry.target("charts"), &[]).expect(5);
        let text = said(&outcome);
        assert!(
            text.contains(part) && text.contains("the token service"),
            "{text}"
        );
        assert_eq!(source.log().count(Kind::Package), 0);
        assert!(registry.log().count(Kind::Token) <= 30, "{}", registry.log());
        assert_kept(&outcome, USER, PASSWORD, &source.log());
    }
}

#[test]
fn a_real_registry_with_htpasswd_knows_right_from_wrong() {
    for tool in [Tool::Distribution3, Tool::Distribution28] {
        let Some(registry) = RealRegistry::with_login(tool) else {
            continue;
        };
        let source = ChartRepo::of(&grid(&["a", "b"], &["1.0.0", "1.1.0"]));
        let ferry = Ferry::new();
        let args = ["--username", USER, "--password-file", "password"];
        for (password, code) in [("s3cr3t-wrong", 5), (PASSWORD, 0)] {
            write(ferry.home(), "password", password);
            let outcome = migrate(&ferry, &source, &registry.target("charts"), &args).expect(code);
            assert_kept(&outcome, USER, password, &source.log());
            assert_eq!(source.log().count(Kind::Package), if code == 0 { 4 } else { 0 });
        }
    }
}

/// 401, 403, 429 and 5xx are errors: read as "absent" they would push everything again (product 2).
#[test]
fn a_denied_look_is_never_an_empty_one() {
    let chart = Chart::new("demo", "1.0.0");
    let source = ChartRepo::of(std::slice::from_ref(&chart));
    for code in [401, 403] {
        for auth in [
            Auth::None,
            Auth::basic(USER, PASSWORD),
            Auth::bearer(USER, PASSWORD),
        ] {
            let registry = Registry::with(|it| it.auth = auth.clone());
            registry.fault(Fault::status(Kind::TagList, code));
            let ferry = Ferry::new();
            write(
                ferry.home(),
                ".docker/config.json",
                &store(&registry.host(), USER, PASSWORD),
            );
            let outcome = migrate(&ferry, &source, &registry.target("charts"), &[]).expect(2);
            assert_eq!(outcome.count("failed"), 1);
            assert!(said(&outcome).contains(&format!("{code}")), "{}", said(&outcome));
            assert_eq!(registry.log().writes(), 0, "{code} {auth:?}\n{}", registry.log());
            assert_eq!(source.log().count(Kind::Package), 0);
            assert!(registry.log().count(Kind::TagList) <= 2, "{}", registry.log());
        }
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

#[test]
fn a_source_that_turns_us_away_is_an_error() {
    let source = ChartRepo::of(&[Chart::new("demo", "1.0.0")]);
    source.behave(|it| it.login = Some((READER.to_owned(), READING.to_owned())));
    let registry = Registry::start();
    let ferry = Ferry::new();
    write(ferry.home(), "reading", "s3cr3t-wrong");
    let wrong = ["--source-username", READER, "--source-password-file", "reading"];
    for args in [&wrong[..0], &wrong[..]] {
        let outcome = migrate(&ferry, &source, &registry.target("charts"), args).expect(4);
        let text = said(&outcome);
        assert!(
            text.contains("401") && text.contains("--source-username"),
            "{text}"
        );
        assert_kept(&outcome, READER, "s3cr3t-wrong", &registry.log());
        assert_eq!(registry.log().writes(), 0);
    }
    source.behave(|it| it.login = None);
    for (kind, code) in [
        (Kind::Index, 403),
        (Kind::Package, 401),
        (Kind::Package, 403),
        (Kind::Provenance, 401),
    ] {
        source.heal();
        source.fault(Fault::status(kind, code));
        source.forget_log();
        let outcome = migrate(&ferry, &source, &registry.target("charts"), &[]);
        outcome.expect(if kind == Kind::Index { 4 } else { 2 });
        assert_eq!(registry.tags().len(), 0, "{kind:?} {code}");
        assert_eq!(
            source.log().count(kind),
            1,
            "asking again does not help: {}",
            source.log()
        );
    }
}

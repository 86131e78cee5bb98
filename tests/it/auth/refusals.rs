//! Being turned away: said once and clearly, never read as "there is nothing", and nothing is fetched in vain.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use super::{READER, READING, assert_kept, base64, migrate, said, store, write};
use crate::support::chart_repo::ChartRepo;
use crate::support::charts::{Chart, grid};
use crate::support::faults::{Effect, Fault};
use crate::support::ferry::Ferry;
use crate::support::process::{PASSWORD, RealRegistry, USER};
use crate::support::registry::Registry;
use crate::support::registry_auth::Auth;
use crate::support::server::{Answer, Kind};
use crate::support::tools::Tool;

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
                && error.contains("correct the user and the password that were given for it")
                && !error.contains("chartferry login"),
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

/// What is stored comes after what the file gives, so storing another password is no advice; for a store it is.
#[test]
fn advice_is_about_the_login_that_was_used() {
    let source = ChartRepo::of(&[Chart::new("demo", "1.0.0")]);
    for auth in [Auth::basic(USER, "right"), Auth::bearer(USER, "right")] {
        for given in [true, false] {
            let registry = Registry::with(|it| it.auth = auth.clone());
            let (ferry, host) = (Ferry::new(), registry.host());
            let login = if given {
                let file = write(ferry.home(), "password", PASSWORD);
                format!("username = \"{USER}\"\npassword_file = \"{}\"\n", file.display())
            } else {
                write(ferry.home(), ".docker/config.json", &store(&host, USER, PASSWORD));
                String::new()
            };
            let text = format!(
                "[[host]]\nname = \"{host}\"\nplain_http = true\n{login}\n[[mirror]]\nname = \"m\"\nsource = \"{}\"\ntargets = [\"{}\"]\n",
                source.url(),
                registry.target("charts")
            );
            let config = write(ferry.home(), "config.toml", &text);
            let outcome = ferry
                .report(["migrate", "--config", config.to_str().unwrap()])
                .expect(5);
            let target = &outcome.report.as_ref().unwrap()["mirrors"][0]["targets"][0];
            let error = target["error"]["text"].as_str().unwrap();
            assert_eq!(error.contains("that were given for it"), given, "{error}");
            assert_eq!(
                error.contains(&format!("`chartferry login {host}`")),
                !given,
                "{error}"
            );
        }
    }
}

/// Nor does a login help where the registry wants one by a method that nobody knows.
#[test]
fn an_unknown_method_is_not_met_with_a_login() {
    let source = ChartRepo::of(&[Chart::new("demo", "1.0.0")]);
    let registry = Registry::start();
    let answer = Answer::status(401).header("www-authenticate", "Negotiate");
    registry.fault(Fault::on(Kind::Ping, Effect::Instead(answer)));
    let outcome = migrate(&Ferry::new(), &source, &registry.target("charts"), &[]).expect(5);
    let text = said(&outcome);
    assert!(
        text.contains("without a login method that we know") && !text.contains("chartferry login"),
        "{text}"
    );
}

/// A password that everybody may read is pointed out, by whichever flag it comes.
#[test]
fn a_password_for_everybody_to_read_is_warned_of() {
    let registry = Registry::with(|it| it.auth = Auth::basic(USER, PASSWORD));
    let source = ChartRepo::of(&[Chart::new("demo", "1.0.0")]);
    source.behave(|it| it.login = Some((READER.to_owned(), READING.to_owned())));
    let ferry = Ferry::new();
    let open = |name: &str, secret: &str, mode: u32| {
        let path = write(ferry.home(), name, secret);
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let args = [
        "--username",
        USER,
        "--password-file",
        "password",
        "--source-username",
        READER,
        "--source-password-file",
        "reading",
    ];
    for (mode, warned) in [(0o600, false), (0o644, true)] {
        open("password", PASSWORD, mode);
        open("reading", READING, mode);
        let outcome = migrate(&ferry, &source, &registry.target("charts"), &args).expect(0);
        for flag in ["--password-file", "--source-password-file"] {
            let line = outcome.stderr.lines().find(|line| {
                line.starts_with(&format!("warning: `{flag}`: "))
                    && line.contains("can be read by every user")
            });
            assert_eq!(line.is_some(), warned, "{mode:o} {}", outcome.stderr);
        }
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
            // A target that lets us do nothing at all is unusable
            let outcome = migrate(&ferry, &source, &registry.target("charts"), &[]).expect(5);
            assert_eq!(outcome.count("failed"), 1);
            assert!(said(&outcome).contains(&format!("{code}")), "{}", said(&outcome));
            assert_eq!(registry.log().writes(), 0, "{code} {auth:?}\n{}", registry.log());
            assert_eq!(source.log().count(Kind::Package), 0);
            assert!(registry.log().count(Kind::TagList) <= 2, "{}", registry.log());
        }
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

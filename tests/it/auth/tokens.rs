//! Bearer tokens: how many are fetched, what happens when they run out, and a service that gives none.

use std::time::Duration;

use super::{assert_kept, base64, migrate, said, store, write};
use crate::support::chart_repo::ChartRepo;
use crate::support::charts::{Chart, grid};
use crate::support::faults::{Effect, Fault};
use crate::support::ferry::Ferry;
use crate::support::process::{PASSWORD, USER};
use crate::support::registry::Registry;
use crate::support::registry_auth::Auth;
use crate::support::server::{Answer, Kind};

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

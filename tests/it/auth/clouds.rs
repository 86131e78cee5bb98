//! Logins by workload identity, end to end: what the cloud gave first runs out, and the run goes on with what it gives next.
//!
//! The services of the clouds are emulations on loopback that answer as their vendors document; the registries behind them are the
//! fake one with the logins of ECR, ACR and Artifact Registry. `cloud` in a `[[host]]` stands for the name that such a registry has.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::Method;

use super::{base64, write};
use crate::profiles;
use crate::support::chart_repo::ChartRepo;
use crate::support::charts::grid;
use crate::support::faults::{Effect, Fault};
use crate::support::ferry::{Ferry, Outcome};
use crate::support::registry::{Registry, error};
use crate::support::registry_auth::Auth;
use crate::support::server::{Answer, Handler, Kind, Request, Server};

/// What a service gives out for the n-th time.
type Give = fn(&Registry, &Request, usize) -> Answer;

/// A service of a cloud that gives out logins for a registry.
struct Service {
    registry: Arc<Registry>,
    given: AtomicUsize,
    give: Give,
}

impl Handler for Service {
    fn kind(&self, _: &Method, _: &str) -> Kind {
        Kind::Token
    }

    fn answer(&self, request: &Request) -> Answer {
        let number = self.given.fetch_add(1, Ordering::Relaxed) + 1;
        (self.give)(&self.registry, request, number)
    }
}

fn service(registry: &Arc<Registry>, give: Give) -> Server<Service> {
    Server::start(None, |_| Service {
        registry: Arc::clone(registry),
        given: AtomicUsize::new(0),
        give,
    })
}

/// Runs `migrate` of four charts by a file whose target says `cloud`.
fn migrate(ferry: &Ferry, source: &ChartRepo, registry: &Registry, cloud: &str) -> Outcome {
    let text = format!(
        "concurrency = 1\n\n[[host]]\nname = \"{}\"\nplain_http = true\ncloud = \"{cloud}\"\n\n[[mirror]]\nname = \"m\"\nsource = \"{}\"\ntargets = [\"{}\"]\n",
        registry.host(),
        source.url(),
        registry.target("charts")
    );
    let path = write(ferry.home(), "config.toml", &text);
    ferry.report(["migrate", "--config", path.to_str().unwrap(), "-vv"])
}

fn charts() -> ChartRepo {
    ChartRepo::of(&grid(&["a", "b"], &["1.0.0", "1.1.0"]))
}

/// All four are there, and no secret is anywhere but where it belongs.
fn assert_done(outcome: Outcome, source: &ChartRepo, registry: &Registry) {
    let outcome = outcome.expect(0);
    assert_eq!(outcome.count("pushed"), 4);
    assert_eq!(
        registry.tags(),
        [
            "charts/a:1.0.0",
            "charts/a:1.1.0",
            "charts/b:1.0.0",
            "charts/b:1.1.0"
        ]
    );
    outcome.assert_free_of("s3cr3t");
    source.log().assert_free_of("s3cr3t");
}

/// The password of ECR runs out in the middle, which it says by a 403, and the old one is good for nothing then.
#[test]
fn a_password_of_ecr_that_runs_out_is_renewed() {
    let registry = Arc::new(Registry::with(|it| it.auth = Auth::basic("AWS", "s3cr3t-1")));
    let expired = "Your authorization token has expired. Reauthenticate and try again.";
    let refusal = Effect::Early(error(403, "DENIED", expired));
    registry.fault(Fault::on(Kind::UploadPost, refusal).nth(3));
    let service = service(&registry, |registry, request, number| {
        assert_eq!(
            request.header("x-amz-target"),
            "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken"
        );
        let password = format!("s3cr3t-{number}");
        registry.behave(|it| it.auth = Auth::basic("AWS", &password));
        let token = base64(&format!("AWS:{password}"));
        let data =
            serde_json::json!({ "authorizationData": [{ "authorizationToken": token, "expiresAt": 4e9 }] });
        Answer::status(200).body(data.to_string())
    });
    let source = charts();
    let ferry = Ferry::new()
        .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "s3cr3t-key")
        .env("AWS_REGION", "eu-central-1")
        .env("AWS_ENDPOINT_URL_ECR", &service.origin());
    let outcome = migrate(&ferry, &source, &registry, "aws");
    assert_done(outcome, &source, &registry);
    assert_eq!(service.log().count(Kind::Token), 2);
    registry.log().assert_free_of("s3cr3t-key");
}

/// The first token of the metadata service is one that the registry's token service does not take any more.
#[test]
fn a_token_of_google_that_ran_out_is_renewed() {
    let registry = Arc::new(Registry::with(|it| {
        it.auth = Auth::bearer("oauth2accesstoken", "s3cr3t-2");
    }));
    let service = service(&registry, |_, request, number| {
        assert_eq!(request.header("metadata-flavor"), "Google");
        let body = serde_json::json!({ "access_token": format!("s3cr3t-{number}"), "expires_in": 3599 });
        Answer::status(200).body(body.to_string())
    });
    let source = charts();
    let ferry = Ferry::new().env("GCE_METADATA_HOST", &service.host());
    let outcome = migrate(&ferry, &source, &registry, "google");
    assert_done(outcome, &source, &registry);
    assert_eq!(service.log().count(Kind::Token), 2);
    let statuses: Vec<_> = registry
        .log()
        .of(Kind::Token)
        .iter()
        .map(|entry| entry.status.unwrap())
        .collect();
    assert_eq!(statuses, [401, 200, 200], "two repositories, one refusal");
}

/// An emulation of ECR: repositories come into being by `CreateRepository` alone, as the host's settings say.
#[test]
fn repositories_of_ecr_are_created_as_the_host_says() {
    let registry = Arc::new(Registry::with(|it| {
        it.auth = Auth::basic("AWS", "s3cr3t-1");
        it.autocreate = false;
    }));
    let service = service(&registry, |registry, request, _| {
        let target = request.header("x-amz-target");
        if target.ends_with(".GetAuthorizationToken") {
            let data = serde_json::json!({
                "authorizationData": [{ "authorizationToken": base64("AWS:s3cr3t-1"), "expiresAt": 4e9 }]
            });
            return Answer::status(200).body(data.to_string());
        }
        assert!(target.ends_with(".CreateRepository"), "{target}");
        let input: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
        assert_eq!(input["imageTagMutability"], "IMMUTABLE");
        assert_eq!(input["imageScanningConfiguration"]["scanOnPush"], true);
        registry.meddle(input["repositoryName"].as_str().unwrap(), |_| {});
        Answer::status(200).body(r#"{"repository":{}}"#)
    });
    let (source, ferry) = (charts(), Ferry::new());
    let text = format!(
        "[[host]]\nname = \"{}\"\nplain_http = true\ncloud = \"aws\"\nkind = \"ecr\"\necr_scan_on_push = true\necr_immutable_tags = true\n\n[[mirror]]\nname = \"m\"\nsource = \"{}\"\ntargets = [\"{}\"]\ncreate_repositories = true\n",
        registry.host(),
        source.url(),
        registry.target("charts")
    );
    let config = write(ferry.home(), "config.toml", &text);
    let ferry = ferry
        .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "s3cr3t-key")
        .env("AWS_REGION", "eu-central-1")
        .env("AWS_ENDPOINT_URL_ECR", &service.origin());
    let config = config.to_str().unwrap();
    // What a plan says first
    let plan = ferry.report(["plan", "--config", config]).expect(0);
    assert!(
        plan.stdout.contains("charts/a") && plan.stdout.contains("created"),
        "{}",
        plan.stdout
    );
    assert_eq!(registry.log().writes(), 0);
    let outcome = ferry.report(["migrate", "--config", config]);
    assert_done(outcome, &source, &registry);
    let created = service.log();
    let created = created.0.iter().filter(|entry| {
        entry
            .request
            .header("x-amz-target")
            .ends_with(".CreateRepository")
    });
    assert_eq!(created.count(), 2, "one for each repository");
}

/// The same with the registry's own refresh token, which two exchanges give: one that ran out, then a good one.
#[test]
fn a_refresh_token_of_acr_that_ran_out_is_renewed() {
    let registry = Arc::new(Registry::with(|it| it.auth = Auth::bearer("<token>", "s3cr3t-2")));
    for number in 1..=2 {
        let body = serde_json::json!({ "refresh_token": format!("s3cr3t-{number}") });
        let answer = Answer::status(200).body(body.to_string());
        let exchange = Fault::on(Kind::Token, Effect::Instead(answer)).path("/oauth2/exchange");
        registry.fault(exchange.nth(number));
    }
    let service = service(&registry, |_, request, number| {
        assert_eq!(request.path, "/tenant/oauth2/v2.0/token");
        let body =
            serde_json::json!({ "access_token": format!("s3cr3t-entra-{number}"), "expires_in": 3599 });
        Answer::status(200).body(body.to_string())
    });
    let source = charts();
    let ferry = Ferry::new();
    write(ferry.home(), "assertion", "s3cr3t-assertion");
    let ferry = ferry
        .env("AZURE_FEDERATED_TOKEN_FILE", "assertion")
        .env("AZURE_CLIENT_ID", "client")
        .env("AZURE_TENANT_ID", "tenant")
        .env("AZURE_AUTHORITY_HOST", &service.origin());
    let outcome = migrate(&ferry, &source, &registry, "azure");
    assert_done(outcome, &source, &registry);
    assert_eq!(service.log().count(Kind::Token), 2);
    registry.log().assert_free_of("s3cr3t-assertion");
}

/// The whole way to ACR as its profile has it: Entra's token for the assertion, the registry's refresh token for that, and its
/// tokens for one repository each.
#[test]
fn acr_exchanges_what_entra_gives() {
    let profile = profiles::named("acr");
    let registry = Arc::new(Registry::with(|it| (profile.turn)(it)));
    let service = service(&registry, |_, _, _| {
        let body = serde_json::json!({ "access_token": "s3cr3t-aad", "expires_in": 3599 });
        Answer::status(200).body(body.to_string())
    });
    let (source, ferry) = (charts(), Ferry::new());
    write(ferry.home(), "assertion", "s3cr3t-assertion");
    let ferry = ferry
        .env("AZURE_FEDERATED_TOKEN_FILE", "assertion")
        .env("AZURE_CLIENT_ID", "client")
        .env("AZURE_TENANT_ID", "tenant")
        .env("AZURE_AUTHORITY_HOST", &service.origin());
    let outcome = migrate(&ferry, &source, &registry, "azure");
    assert_done(outcome, &source, &registry);
    let log = registry.log();
    let paths: Vec<&str> = log
        .of(Kind::Token)
        .iter()
        .map(|entry| entry.request.path.as_str())
        .collect();
    assert_eq!(
        paths,
        ["/oauth2/exchange", "/oauth2/token", "/oauth2/token"],
        "{log}"
    );
    assert_eq!(service.log().count(Kind::Token), 1);
    log.assert_free_of("s3cr3t-assertion");
}

/// A cloud that is named and has nothing to log in with fails the target, and says what it looked for.
#[test]
fn a_cloud_without_an_identity_says_what_is_missing() {
    let registry = Registry::with(|it| it.auth = Auth::basic("AWS", "s3cr3t-1"));
    let source = charts();
    let ferry = Ferry::new()
        .env("AWS_REGION", "eu-central-1")
        .env("AWS_EC2_METADATA_DISABLED", "true");
    let outcome = migrate(&ferry, &source, &registry, "aws");
    assert_ne!(outcome.code, Some(0));
    let said = super::said(&outcome);
    for wanted in [
        "AWS was to log in here and nothing is there to log in with",
        "no `AWS_ACCESS_KEY_ID`",
        "no `AWS_WEB_IDENTITY_TOKEN_FILE`",
        "AWS_EC2_METADATA_DISABLED",
    ] {
        assert!(said.contains(wanted), "{wanted}: {outcome:?}");
    }
    assert_eq!(registry.log().writes(), 0);
}

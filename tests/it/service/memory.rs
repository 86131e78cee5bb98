//! What the service knows beyond one run and one process.

use super::stage::{Stage, charts, repo};
use crate::support::server::Kind;

/// Nothing new costs one request, and a restart forgets nothing.
#[test]
fn an_idle_cycle_is_one_request_also_after_a_restart() {
    let repo = repo(&["1.0.0", "1.1.0"]);
    let stage = Stage::new().mirror("a", &repo.url(), "every = \"1s\"");
    let service = stage.start();
    stage.arrive(&service, 2);
    service.says("counts=\"nothing new\"");
    let (asked, there) = (repo.log().count(Kind::Index), stage.registry.log().to_string());
    service.until("more runs", || repo.log().count(Kind::Index) >= asked + 3);
    assert_eq!(stage.registry.log().to_string(), there);
    let found = service.api("a");
    assert_eq!(found["versions"]["present"], 2, "{found:#}");
    service.stop();
    stage.registry.forget_log();
    let service = stage.start();
    service.until("a run", || service.said("counts=\"nothing new\"") >= 2);
    assert_eq!(
        stage.registry.log().to_string().trim(),
        "",
        "nothing was asked of the registry"
    );
    let found = service.api("a");
    assert_eq!(found["versions"]["present"], 2, "{found:#}");
    assert!(found["history"].as_array().unwrap().len() >= 4, "{found:#}");
    let (status, rows) = service.get("/api/v1/mirrors/a/versions");
    assert!(
        status == 200 && rows.contains("1.1.0") && rows.contains("\"pushed\""),
        "{rows}"
    );
    service.stop();
}

/// A version that is replaced at the source is told in each run until it is settled.
#[test]
fn what_needs_attention_stays_in_view() {
    let repo = repo(&["1.0.0"]);
    let stage = Stage::new().mirror("a", &repo.url(), "every = \"1s\"");
    let service = stage.start();
    stage.arrive(&service, 1);
    let other: Vec<_> = charts(&["1.0.0"])
        .into_iter()
        .map(|chart| chart.file("new.txt", "new"))
        .collect();
    repo.publish(&other);
    service.says("exit=3 counts=\"1 drifted\"");
    service.until("again", || service.said("exit=3 counts=\"1 drifted\"") >= 3);
    let found = service.api("a");
    assert_eq!(found["trouble"][0]["action"], "drifted", "{found:#}");
    assert!(found["trouble"][0]["runs"].as_u64().unwrap() >= 2, "{found:#}");
    service.stop();
}

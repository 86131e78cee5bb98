//! The JSON: it conforms to the schema in the repository, and says what the view says.

use std::fmt::Write as _;

use super::desk::SampleDesk;
use super::samples;
use super::server::Server;

use chartferry::service::http::HttpOptions;

/// As in a path, every byte of it.
fn encoded(name: &str) -> String {
    let mut out = String::new();
    for byte in name.bytes() {
        _ = write!(out, "%{byte:02x}");
    }
    out
}

fn validator() -> jsonschema::Validator {
    let text = include_str!("../../../docs/api.schema.json");
    jsonschema::options()
        .should_validate_formats(true)
        .build(&serde_json::from_str(text).unwrap())
        .unwrap()
}

#[test]
fn answers_conform_to_the_schema() {
    let validator = validator();
    for view in [
        samples::twelve(),
        samples::two_hundred(),
        samples::service(Vec::new()),
        samples::hostile(samples::NASTY),
    ] {
        let names: Vec<_> = view
            .mirrors
            .iter()
            .take(12)
            .map(|mirror| mirror.name.to_string())
            .collect();
        let server = Server::of(view);
        let mut paths = vec!["/api/v1/mirrors".to_owned(), "/api/v1/nothing".to_owned()];
        for name in names {
            let name = encoded(&name);
            paths.push(format!("/api/v1/mirrors/{name}"));
            paths.push(format!("/api/v1/mirrors/{name}/versions"));
        }
        for path in paths {
            let value = server.get(&path).json();
            let errors: Vec<_> = validator.iter_errors(&value).map(|e| e.to_string()).collect();
            assert_eq!(errors, [""; 0], "{path}");
            assert_eq!(
                path.ends_with("nothing"),
                value["schema"] == "chartferry.error/v1"
            );
        }
    }
}

#[test]
fn the_schema_refuses_what_is_no_answer() {
    let validator = validator();
    let good = Server::of(samples::twelve()).get("/api/v1/mirrors").json();
    for (pointer, bad) in [
        ("/schema", serde_json::json!("chartferry.mirrors/v2")),
        ("/now", serde_json::json!("yesterday")),
        ("/mirrors/4/health", serde_json::json!("bad")),
        ("/mirrors/4/last_run/exit_code", serde_json::json!(-1)),
    ] {
        let mut value = good.clone();
        *value.pointer_mut(pointer).unwrap() = bad;
        assert!(!validator.is_valid(&value), "{pointer}");
    }
}

#[test]
fn the_list_says_how_each_mirror_is() {
    let value = Server::of(samples::twelve()).get("/api/v1/mirrors").json();
    assert_eq!(value["now"], "2026-11-26T00:40:00Z");
    assert_eq!(value["role"], "leader");
    let mirror = |at: usize| &value["mirrors"][at];
    for (at, health) in [(0, "good"), (2, "trouble"), (4, "failing"), (10, "unknown")] {
        assert_eq!(mirror(at)["health"], health);
    }
    let failing = mirror(4);
    assert_eq!(failing["failing_since"], "2026-11-25T18:40:00Z");
    assert_eq!(failing["failures_in_a_row"], 9);
    assert_eq!(failing["last_run"]["exit_code"], 4);
    assert_eq!(failing["last_run"]["problem"]["code"], "source-unreachable");
    assert_eq!(mirror(6)["running"]["done"], 471);
    assert_eq!(mirror(2)["trouble_count"], 2);
    assert!(mirror(0).get("running").is_none() && mirror(10).get("last_run").is_none());
}

#[test]
fn one_mirror_has_its_history() {
    let value = Server::of(samples::twelve())
        .get("/api/v1/mirrors/prometheus-community")
        .json();
    assert_eq!(value["name"], "prometheus-community");
    assert_eq!(value["trouble"][0]["action"], "drifted");
    assert_eq!(value["trouble"][0]["since"], "2026-11-23T20:40:00Z");
    assert_eq!(value["history"].as_array().unwrap().len(), 40);
    assert_eq!(value["recent"][0]["version"], "4.12.0");
}

#[test]
fn versions_come_in_slices() {
    let server = Server::of(samples::twelve());
    let ask = |query: &str| {
        server
            .get(&format!("/api/v1/mirrors/argo/versions{query}"))
            .json()
    };
    let all = ask("");
    assert_eq!((&all["total"], &all["offset"]), (&450.into(), &0.into()));
    let slice = ask("?limit=10&offset=445");
    assert_eq!(slice["versions"].as_array().unwrap().len(), 5);
    assert_eq!(slice["versions"][0], all["versions"][445]);
    let failed = ask("?standing=failed");
    assert_eq!(failed["total"], 12);
    assert!(
        failed["versions"]
            .as_array()
            .unwrap()
            .iter()
            .all(|one| one["standing"] == "failed")
    );
    assert_eq!(ask("?q=WEB+build")["total"], 65);
    let bad = server.get("/api/v1/mirrors/argo/versions?standing=good");
    assert_eq!((bad.status, &bad.json()["code"]), (400, &"query".into()));
}

#[test]
fn a_state_that_cannot_be_read_is_said() {
    let mut desk = SampleDesk::new(samples::twelve());
    desk.versions = Err("`/var/lib/chartferry` cannot be read".into());
    let server = Server::start(desk, HttpOptions::default(), "127.0.0.1:0");
    let got = server.get("/api/v1/mirrors/argo/versions");
    assert_eq!((got.status, &got.json()["code"]), (500, &"state".into()));
    let page = server.get("/mirrors/argo/versions");
    assert_eq!(page.status, 500);
    assert!(page.body.contains("`/var/lib/chartferry` cannot be read"));
}

//! A real repository through six years under a running service: each state of its index is served, a run is asked for, and what
//! the registry, the API and the receiver of notifications then have is compared with what the indexes themselves say.

use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use serde_json::Value;

use super::stage::{Service, Stage};
use crate::support::chart_repo::ChartRepo;
use crate::support::recorded::{CHART, Carried, Recorded, count_of, exit_of, states};
use crate::support::server::{Answer, Handler, Kind, Request, Server};

/// Takes whatever is posted.
struct Doormat;

impl Handler for Doormat {
    fn kind(&self, _: &Method, _: &str) -> Kind {
        Kind::Other
    }

    fn answer(&self, _: &Request) -> Answer {
        Answer::status(200)
    }
}

/// Somebody who is told, and what they have to be told.
struct Reader {
    door: Server<Doormat>,
    /// Exit code, events, versions.
    expected: Vec<(i32, Vec<&'static str>, BTreeSet<String>)>,
    /// What was wrong after the last run: version, action and the digest that the source has.
    wrong: BTreeSet<(String, &'static str, String)>,
    exit: i32,
}

impl Reader {
    fn new() -> Self {
        Self {
            door: Server::start(None, |_| Doormat),
            expected: Vec::new(),
            wrong: BTreeSet::new(),
            exit: 0,
        }
    }

    /// A run that ends so is worth a letter, or not.
    fn expect(&mut self, state: &Recorded, expected: &BTreeMap<String, &'static str>) {
        let wrong: BTreeSet<_> = expected
            .iter()
            .filter(|(_, action)| ["drifted", "refused"].contains(action))
            .map(|(version, action)| {
                (
                    version.clone(),
                    *action,
                    state.digest(version).unwrap().to_owned(),
                )
            })
            .collect();
        let fresh: Vec<_> = wrong.difference(&self.wrong).cloned().collect();
        let (before, exit) = (self.exit, exit_of(expected));
        let has = |wanted: &str| fresh.iter().any(|(_, action, _)| *action == wanted);
        let mut events = Vec::new();
        if exit == 2 && (before != 2 || has("refused")) {
            events.push("failure");
        }
        if has("drifted") {
            events.push("drift");
        }
        if exit != 2 && before == 2 {
            events.push("recovery");
        }
        if !events.is_empty() {
            let versions = fresh.into_iter().map(|(version, ..)| version).collect();
            self.expected.push((exit, events, versions));
        }
        (self.wrong, self.exit) = (wrong, exit);
    }

    /// What was posted, in order.
    fn letters(&self) -> Vec<Value> {
        let log = self.door.log();
        let bodies = log.0.iter().map(|entry| &entry.request.body);
        bodies.map(|body| serde_json::from_slice(body).unwrap()).collect()
    }

    /// Every letter that was to come, and no other.
    fn assert_told(&self, service: &Service, state: &str) {
        service.until(&format!("the letters of {state}"), || {
            self.letters().len() >= self.expected.len()
        });
        let letters = self.letters();
        assert_eq!(letters.len(), self.expected.len(), "{state}: {letters:#?}");
        for (letter, (exit, events, versions)) in letters.iter().zip(&self.expected) {
            assert_eq!(letter["exit_code"], *exit, "{state}: {letter:#}");
            assert_eq!(letter["events"], serde_json::json!(events), "{state}: {letter:#}");
            let named = letter["versions"].as_array().unwrap().iter();
            let named: BTreeSet<_> = named
                .map(|version| version["version"].as_str().unwrap().to_owned())
                .collect();
            assert_eq!(named, *versions, "{state}: {letter:#}");
        }
    }
}

/// Asks for a run and waits for its end.
fn run(service: &Service) {
    let ended = service.said("run ended");
    assert_eq!(service.trigger("nfs"), 202);
    service.until("the end of a run", || service.said("run ended") > ended);
}

/// Version to how it stands, as the API tells it.
fn standings(service: &Service) -> BTreeMap<String, String> {
    let (status, body) = service.get("/api/v1/mirrors/nfs/versions?limit=1000");
    assert_eq!(status, 200, "{body}");
    let body = &body[body.find('{').unwrap()..=body.rfind('}').unwrap()];
    let answer: Value = serde_json::from_str(body).unwrap();
    let versions = answer["versions"].as_array().unwrap().iter();
    versions
        .map(|version| {
            let text = |key: &str| version[key].as_str().unwrap().to_owned();
            (text("version"), text("standing"))
        })
        .collect()
}

/// Every version that was ever carried is in the registry with the bytes that it had then.
fn assert_kept(stage: &Stage, carried: &Carried, name: &str) {
    let content = stage.registry.content(&format!("nfs/{CHART}"));
    let there: BTreeMap<_, _> = content
        .tags
        .iter()
        .map(|(tag, digest)| {
            let manifest: Value = serde_json::from_slice(&content.manifests[digest].bytes).unwrap();
            let layers = manifest["layers"].as_array().unwrap();
            let chart = layers.iter().find(|layer| {
                layer["mediaType"]
                    .as_str()
                    .unwrap()
                    .ends_with("content.v1.tar+gzip")
            });
            let digest = chart.unwrap()["digest"].as_str().unwrap();
            (tag.clone(), digest.trim_start_matches("sha256:").to_owned())
        })
        .collect();
    assert_eq!(there, *carried.versions(), "{name}");
}

/// The registry and the API have what this state of the source makes of it.
fn assert_arrived(
    (stage, service): (&Stage, &Service),
    carried: &Carried,
    expected: &BTreeMap<String, &'static str>,
    name: &str,
) {
    assert_kept(stage, carried, name);
    for (version, found) in standings(service) {
        let wanted = match expected[&version] {
            "pushed" | "present" => "pushed",
            other => other,
        };
        assert_eq!(found, wanted, "{name}: {version}");
    }
    let counts = service.api("nfs")["versions"].clone();
    for action in ["drifted", "vanished", "refused"] {
        let found = counts[action].as_u64().unwrap_or(0);
        assert_eq!(found, count_of(expected, action) as u64, "{name}: {counts}");
    }
}

/// A run that finds nothing new: one request, and none of the registry.
fn assert_rests((stage, service): (&Stage, &Service), repo: &ChartRepo, name: &str) {
    repo.forget_log();
    stage.registry.forget_log();
    run(service);
    let (asked, there) = (repo.log(), stage.registry.log());
    assert_eq!(
        (asked.0.len(), asked.count(Kind::Index)),
        (1, 1),
        "{name}:\n{asked}"
    );
    assert_eq!(there.0.len(), 0, "{name}:\n{there}");
}

#[test]
fn each_state_of_a_real_repository_is_carried_and_told_once() {
    let Some(states) = states() else {
        return;
    };
    let (repo, mut reader) = (ChartRepo::empty(), Reader::new());
    repo.show(&states[0].folder);
    let mut stage = Stage::new();
    stage.notify(&reader.door.origin());
    let stage = stage.mirror("nfs", &repo.url(), "every = \"24h\"");
    let service = stage.start();
    service.until("the first run", || service.said("run ended") == 1);
    let mut carried = Carried::default();
    for (number, shown) in states.iter().enumerate() {
        let name = shown.folder.file_name().unwrap().to_str().unwrap();
        let expected = carried.next(shown);
        if number > 0 {
            repo.show(&shown.folder);
            run(&service);
        }
        reader.expect(shown, &expected);
        assert_arrived((&stage, &service), &carried, &expected, name);
        reader.assert_told(&service, name);
        // Nothing new, and nobody is told again: such a letter would come before that of the next state
        assert_rests((&stage, &service), &repo, name);
    }
    let log = service.stop();
    assert_eq!(log.matches("run ended").count(), 64, "{log}");
    let (letters, expected) = (reader.letters().len(), reader.expected.len());
    assert_eq!(letters, expected, "{:#?}", reader.letters());
    let about = |wanted: &str| {
        let events = reader.expected.iter().map(|(_, events, _)| events);
        events.filter(|events| events.contains(&wanted)).count()
    };
    let (drifts, versions) = (about("drift"), carried.versions().len());
    eprintln!("{versions} versions carried, {letters} letters, {drifts} of them about drift");
    assert!(drifts >= 20, "{drifts}");
    stage.registry.assert_sound();
}

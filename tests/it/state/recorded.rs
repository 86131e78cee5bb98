//! A real repository through six years: every recorded state of its index, served one after another to the same mirror.

use std::collections::BTreeMap;

use super::scene::{Scene, assert_requests, ended};
use crate::support::recorded::{CHART, Carried, count_of, exit_of, states};
use crate::support::server::Kind;

/// A run that finds a new index.
fn assert_new(scene: &Scene, expected: &BTreeMap<String, &'static str>, name: &str) {
    let outcome = scene.run(&[]);
    let items = outcome.items();
    assert_eq!(items.len(), expected.len(), "{name}: {items:?}");
    for (version, action) in expected {
        let (found, code) = ended(&outcome, CHART, version);
        assert_eq!(found, *action, "{name}: {version} {code:?}");
    }
    outcome.expect(exit_of(expected));
    // One list where a version is not known, nothing at all otherwise
    let pushed = count_of(expected, "pushed");
    let unknown = |(version, action): (&String, &&str)| *action == "refused" && version != "latest";
    let lists = usize::from(pushed > 0 || expected.iter().any(unknown));
    assert_eq!(scene.registry.log().count(Kind::TagList), lists, "{name}");
    assert_eq!(scene.registry.log().count(Kind::ManifestPut), pushed, "{name}");
}

/// The same index again: one request, and what needs attention is told again.
fn assert_rests(scene: &Scene, expected: &BTreeMap<String, &'static str>, name: &str) {
    let outcome = scene.run(&[]).expect(exit_of(expected));
    assert_requests(&scene.repo.log(), &[(Kind::Index, 1)]);
    assert_requests(&scene.registry.log(), &[]);
    for action in ["drifted", "refused", "vanished"] {
        assert_eq!(
            outcome.count(action),
            count_of(expected, action),
            "{name}: {action}"
        );
    }
    let mirror = &outcome.report.as_ref().unwrap()["mirrors"][0];
    assert_eq!(mirror["source_unchanged"], true, "{name}");
}

#[test]
fn each_new_version_arrives_each_republished_one_drifts_each_removed_one_vanishes() {
    let Some(states) = states() else {
        return;
    };
    let scene = Scene::new(&[]);
    let mut carried = Carried::default();
    let (mut drifts, mut removals) = (0, 0);
    for state in &states {
        scene.repo.show(&state.folder);
        let (expected, name) = (carried.next(state), state.folder.display().to_string());
        assert_new(&scene, &expected, &name);
        assert_rests(&scene, &expected, &name);
        drifts += count_of(&expected, "drifted");
        removals = removals.max(count_of(&expected, "vanished"));
    }
    // Two versions that had been pushed are gone at the end; the third one that was removed was none
    assert!(drifts >= 24, "{drifts}");
    assert_eq!(removals, 2);
    scene.registry.assert_sound();
    assert_eq!(scene.registry.tags().len(), carried.versions().len());
}

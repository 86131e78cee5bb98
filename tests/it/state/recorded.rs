//! Every recorded state of a real index, served one after another to the same mirror.

use super::scene::{Scene, assert_requests, ended};
use crate::support::recorded::{CHART, Carried, count_of, exit_of, states};
use crate::support::server::Kind;

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
        let name = state.folder.display();
        let expected = carried.next(state);
        let outcome = scene.run(&[]);
        assert_eq!(
            outcome.items().len(),
            expected.len(),
            "{name}: {:?}",
            outcome.items()
        );
        for (version, action) in &expected {
            let (found, code) = ended(&outcome, CHART, version);
            assert_eq!(found, *action, "{name}: {version} {code:?}");
        }
        let count = |wanted: &str| count_of(&expected, wanted);
        (drifts, removals) = (drifts + count("drifted"), removals.max(count("vanished")));
        let pushed = count("pushed");
        outcome.expect(exit_of(&expected));
        // One list where a version is not known, nothing at all otherwise
        let unknown = expected
            .iter()
            .any(|(version, action)| *action == "refused" && version != "latest");
        let lists = usize::from(pushed > 0 || unknown);
        assert_eq!(scene.registry.log().count(Kind::TagList), lists, "{name}");
        assert_eq!(scene.registry.log().count(Kind::ManifestPut), pushed, "{name}");
        // The same index again: one request, and what needs attention is told again
        let again = scene.run(&[]);
        assert_requests(&scene.repo.log(), &[(Kind::Index, 1)]);
        assert_requests(&scene.registry.log(), &[]);
        assert_eq!(
            again.report.as_ref().unwrap()["mirrors"][0]["source_unchanged"],
            true,
            "{name}"
        );
        for action in ["drifted", "vanished"] {
            assert_eq!(again.count(action), count(action), "{name}: {action}");
        }
    }
    // Two versions that had been pushed are gone at the end; the third one that was removed was none
    assert!(drifts >= 24, "{drifts}");
    assert_eq!(removals, 2);
    scene.registry.assert_sound();
    assert_eq!(scene.registry.tags().len(), carried.versions().len());
}

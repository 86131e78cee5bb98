//! F47: someone else deletes or overwrites tags at the target.

use chartferry::report::Action;

use super::scene::Scene;
use crate::support::chart_repo::ChartRepo;
use crate::support::charts::Chart;
use crate::support::server::Kind;

#[test]
fn f47_a_tag_that_was_deleted_is_pushed_again() {
    let scene = Scene::new();
    scene.run().expect(0);
    scene.registry.meddle("charts/alpha", |content| {
        content.tags.remove("1.0.0").unwrap();
    });
    scene.registry.forget_log();
    let ran = scene.run().expect(0);
    assert_eq!(
        (ran.count(Action::Pushed), ran.count(Action::Present)),
        (1, 3),
        "{}",
        ran.text()
    );
    assert_eq!(
        scene.registry.log().count(Kind::ManifestPut),
        1,
        "{}",
        scene.registry.log()
    );
    scene.assert_complete();
    scene.settle();
}

#[test]
fn f47_a_repository_that_was_deleted_is_filled_again() {
    let scene = Scene::new();
    scene.run().expect(0);
    scene
        .registry
        .meddle("charts/alpha", |content| drop(std::mem::take(content)));
    let ran = scene.run().expect(0);
    assert_eq!(
        (ran.count(Action::Pushed), ran.count(Action::Present)),
        (2, 2),
        "{}",
        ran.text()
    );
    scene.assert_complete();
    scene.settle();
}

#[test]
fn f47_a_tag_that_was_overwritten_is_drift_where_drift_is_looked_for() {
    let mut scene = Scene::new();
    scene.run().expect(0);
    let theirs = Chart::new("alpha", "1.0.0").file("NOTES", "somebody else's");
    scene.expect("alpha", "1.0.0", (theirs.tgz(), None));
    scene.registry.meddle("charts/alpha", |content| {
        content.tags.remove("1.0.0").unwrap();
    });
    scene
        .run_all(vec![scene.mirror_of(&ChartRepo::of(&[theirs]))])
        .expect(0);
    // Tags alone do not tell
    let ran = scene.run().expect(0);
    assert_eq!(ran.count(Action::Present), 4, "{}", ran.text());
    scene.check_drift = true;
    scene.registry.forget_log();
    let ran = scene.run().expect(3);
    assert_eq!(ran.count(Action::Drifted), 1, "{}", ran.text());
    assert_eq!(scene.registry.log().writes(), 0, "{}", scene.registry.log());
}

//! What needs attention stays in every report until it is settled (product rules "Drift", reliability B37, B45).

use super::scene::{Scene, again, assert_requests, charts, ended};
use crate::support::charts::Chart;
use crate::support::server::Kind;

fn republished() -> Vec<Chart> {
    let charts = charts();
    [vec![again(&charts[0])], charts[1..].to_vec()].concat()
}

#[test]
fn a_drift_is_told_in_every_run_and_asks_the_registry_for_nothing() {
    let scene = Scene::settled(&charts());
    let before = scene.tag("demo", "1.0.0");
    scene.repo.publish(&republished());
    let outcome = scene.run(&[]).expect(3);
    assert_requests(&scene.repo.log(), &[(Kind::Index, 1)]);
    assert_requests(&scene.registry.log(), &[]);
    assert_eq!(
        outcome.report.as_ref().unwrap()["mirrors"][0]["drift_checked"],
        true
    );
    for _ in 0..2 {
        let outcome = scene.run(&[]).expect(3);
        scene.assert_idle(&outcome);
        assert_eq!(
            ended(&outcome, "demo", "1.0.0"),
            ("drifted".into(), Some("drift".into()))
        );
        assert_eq!(outcome.items().len(), 1);
    }
    assert_eq!(scene.tag("demo", "1.0.0"), before);
    // The source takes it back
    scene.repo.publish(&charts());
    let outcome = scene.run(&[]).expect(0);
    assert_eq!(outcome.count("present"), 4);
    assert_eq!(scene.run(&[]).expect(0).items(), []);
}

#[test]
fn a_drift_is_settled_at_the_target_too() {
    let scene = Scene::settled(&charts());
    scene.repo.publish(&republished());
    scene.run(&[]).expect(3);
    let outcome = scene.run(&["--drift", "overwrite"]).expect(0);
    assert_eq!(ended(&outcome, "demo", "1.0.0"), ("pushed".into(), None));
    assert_eq!(outcome.count("present"), 3);
    // Only the repository that is written was looked at
    assert_eq!(scene.registry.log().count(Kind::TagList), 1);
    scene.registry.assert_sound();
    scene.assert_idle(&scene.run(&["--drift", "overwrite"]).expect(0));
}

#[test]
fn a_drift_that_the_user_accepts_raises_no_code() {
    let scene = Scene::settled(&charts());
    scene.repo.publish(&republished());
    scene.run(&[]).expect(3);
    let accept = ["--accept", "demo@1.0.0"];
    let outcome = scene.run(&accept).expect(0);
    assert_eq!(ended(&outcome, "demo", "1.0.0").0, "accepted");
    let outcome = scene.run(&accept).expect(0);
    scene.assert_idle(&outcome);
    assert_eq!(ended(&outcome, "demo", "1.0.0").0, "accepted");
}

#[test]
fn a_package_that_is_gone_is_looked_for_three_times() {
    let scene = Scene::new(&charts());
    scene.repo.remove(&charts()[0].file_name());
    for run in 1..=3 {
        let outcome = scene.run(&[]).expect(2);
        assert_eq!(
            ended(&outcome, "demo", "1.0.0"),
            ("failed".into(), Some("source-gone".into()))
        );
        assert_eq!(scene.repo.log().0[0].status, Some(200), "run {run}");
    }
    // It stays failed, and costs nothing more until everything is looked at
    let outcome = scene.run(&[]).expect(2);
    scene.assert_idle(&outcome);
    assert_eq!(ended(&outcome, "demo", "1.0.0").0, "failed");
    scene.repo.publish(&charts());
    scene.assert_idle(&scene.run(&[]).expect(2));
    let outcome = scene.run(&["--reconcile"]).expect(0);
    assert_eq!(ended(&outcome, "demo", "1.0.0").0, "pushed");
    assert_eq!(scene.run(&[]).expect(0).items(), []);
}

#[test]
fn what_vanished_is_listed_as_long_as_it_is_there() {
    let scene = Scene::settled(&charts());
    scene.repo.publish(&charts()[1..]);
    let outcome = scene.run(&[]).expect(0);
    assert_requests(&scene.registry.log(), &[]);
    assert_eq!(
        ended(&outcome, "demo", "1.0.0"),
        ("vanished".into(), Some("vanished".into()))
    );
    let outcome = scene.run(&[]).expect(0);
    scene.assert_idle(&outcome);
    assert_eq!(outcome.items().len(), 1);
    assert!(scene.tag("demo", "1.0.0").is_some());
    // Somebody deletes it there as well
    scene.delete("demo", "1.0.0");
    let outcome = scene.run(&["--reconcile"]).expect(0);
    assert_eq!(outcome.count("vanished"), 0);
    assert_eq!(scene.run(&[]).expect(0).items(), []);
    // And if the source lists it again, it is new
    scene.repo.publish(&charts());
    let outcome = scene.run(&[]).expect(0);
    assert_eq!(ended(&outcome, "demo", "1.0.0").0, "pushed");
}

#[test]
fn what_a_filter_leaves_out_did_not_vanish() {
    let scene = Scene::settled(&charts());
    let outcome = scene.run(&["--include", "demo"]).expect(0);
    assert_eq!((outcome.count("filtered"), outcome.count("vanished")), (2, 0));
}

//! F13, F14: hosts that take their time.

use std::time::Duration;

use chartferry::report::Action;

use super::scene::Scene;
use crate::support::faults::{Effect, Fault};
use crate::support::server::Kind;

/// Short enough for a test, long enough for an answer on a busy machine.
const TIMEOUT: Duration = Duration::from_millis(400);

fn impatient() -> Scene {
    let mut scene = Scene::new();
    scene.timeout = Some(TIMEOUT);
    scene.retry.attempts = 2;
    scene
}

#[test]
fn f13_a_body_that_trickles_is_given_up_and_asked_for_again() {
    let drip = Effect::Trickle(1, Duration::from_millis(50));
    let scene = impatient();
    scene.repo.fault(Fault::on(Kind::Index, drip.clone()).nth(1));
    scene.run().expect(0);
    scene.settle();
    // Always: the version is lost, in bounded time, and the others are not
    let scene = impatient();
    scene
        .repo
        .fault(Fault::on(Kind::Package, drip).path("alpha-1.0.0"));
    let ran = scene
        .run()
        .expect(2)
        .lost(&["alpha 1.0.0"], Action::Failed, "timeout");
    assert!(ran.took < TIMEOUT * 2 * 3, "{:?}", ran.took);
    scene.settle();
}

#[test]
fn f13_a_body_that_stops_is_given_up_and_asked_for_again() {
    let scene = impatient();
    let pause = Effect::Trickle(300, Duration::from_secs(3600));
    scene.repo.fault(Fault::on(Kind::Package, pause.clone()).nth(2));
    scene.registry.fault(Fault::on(Kind::TagList, pause).nth(1));
    scene.run().expect(0);
    scene.assert_complete();
    scene.settle();
}

#[test]
fn f14_a_host_that_never_answers_is_given_up_in_time() {
    let scene = impatient();
    scene.repo.fault(Fault::on(Kind::Index, Effect::Stall));
    let ran = scene.run().expect(4).says("\"timeout\"");
    assert!(ran.took < TIMEOUT * 2 * 3, "{:?}", ran.took);
    assert_eq!(scene.repo.log().count(Kind::Index), 2);
    scene.assert_registry_untouched();
    scene.settle();
}

#[test]
fn f14_a_registry_that_never_answers_is_unusable() {
    let scene = impatient();
    scene.registry.fault(Fault::on(Kind::Ping, Effect::Stall));
    scene.run().expect(5).says("\"target-unusable\"");
    assert_eq!(scene.repo.log().count(Kind::Package), 0);
    scene.settle();
}

#[test]
fn f14_every_request_to_the_registry_has_its_time() {
    let kinds = [
        Kind::TagList,
        Kind::UploadPost,
        Kind::UploadPut,
        Kind::ManifestPut,
        Kind::ManifestHead,
    ];
    for kind in kinds {
        let scene = impatient();
        scene.registry.fault(Fault::on(kind, Effect::Stall).nth(1));
        scene.run().expect(0);
        scene.assert_complete();
        scene.settle();
    }
}

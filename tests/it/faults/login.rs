//! F16 to F18: tokens that end too early, and token services that fail.

use std::time::Duration;

use super::scene::Scene;
use crate::support::faults::{Effect, Fault};
use crate::support::registry::error;
use crate::support::server::{Answer, Kind};

fn unauthorized(scene: &Scene) -> Answer {
    let realm = format!(
        "Bearer realm=\"http://{}/token\",service=\"fake-registry\"",
        scene.registry.host()
    );
    error(401, "UNAUTHORIZED", "token expired").header("www-authenticate", realm)
}

#[test]
fn f16_a_token_that_ends_between_post_and_put_starts_the_upload_again() {
    let scene = Scene::single().with_tokens();
    let fault = Fault::on(Kind::UploadPut, Effect::Instead(unauthorized(&scene)));
    scene.registry.fault(fault.nth(1));
    scene.run().expect(0);
    let log = scene.registry.log();
    assert_eq!(log.count(Kind::UploadPut), 2 + 1, "{log}");
    assert_eq!(log.count(Kind::UploadPost), 2 + 1, "{log}");
    assert_eq!(log.count(Kind::Token), 2, "{log}");
    scene.assert_complete();
    scene.settle();
}

#[test]
fn f16_tokens_that_all_end_in_the_middle_of_a_run_cost_no_version() {
    let scene = Scene::new().with_tokens();
    let pause = Effect::Delay(Duration::from_millis(300));
    scene.registry.fault(Fault::on(Kind::UploadPut, pause).nth(1));
    std::thread::scope(|threads| {
        threads.spawn(|| {
            while scene.registry.log().count(Kind::UploadPut) == 0 {
                std::thread::sleep(Duration::from_millis(5));
            }
            scene.registry.expire_tokens();
        });
        scene.run().expect(0);
    });
    scene.assert_complete();
    scene.settle();
}

#[test]
fn f17_an_early_401_is_read_although_the_body_is_still_on_its_way() {
    use crate::support::charts::Chart;
    // Larger than what the sockets take in by themselves
    let scene = Scene::of(&[Chart::new("alpha", "1.0.0").ballast(8 << 20)]).with_tokens();
    let fault = Fault::on(Kind::UploadPut, Effect::Early(unauthorized(&scene)));
    scene.registry.fault(fault.turns(1..=2));
    let ran = scene.run().expect(0);
    assert!(ran.took < Duration::from_secs(20), "{:?}", ran.took);
    scene.assert_complete();
    scene.settle();
}

#[test]
fn f18_a_token_service_that_fails_for_a_moment_is_asked_again() {
    for effect in [
        Effect::Instead(Answer::status(503)),
        Effect::Instead(Answer::status(500)),
        Effect::Drop,
        Effect::Cut(5),
        Effect::Delay(Duration::from_millis(200)),
    ] {
        let scene = Scene::single().with_tokens();
        scene
            .registry
            .fault(Fault::on(Kind::Token, effect.clone()).nth(1));
        let ran = scene.run();
        assert_eq!(ran.exit(), 0, "{effect:?}\n{}", ran.text());
        scene.settle();
    }
}

#[test]
fn f18_a_token_service_that_gives_no_token_makes_the_target_unusable() {
    let json = |body: &str| {
        Answer::status(200)
            .header("content-type", "application/json")
            .body(body.to_owned())
    };
    let answers = [
        json("{}"),
        json("{\"token\": 5}"),
        json("{\"token\": \"\"}"),
        json("[]"),
        json("{\"tok"),
        Answer::html(200),
        Answer::status(403),
        Answer::status(401),
    ];
    for answer in answers {
        let scene = Scene::new().with_tokens();
        scene
            .registry
            .fault(Fault::on(Kind::Token, Effect::Instead(answer.clone())));
        let ran = scene.run();
        assert_eq!(ran.exit(), 5, "{answer:?}\n{}", ran.text());
        assert_eq!(scene.repo.log().count(Kind::Package), 0, "{answer:?}");
        assert_eq!(scene.registry.log().writes(), 0, "{answer:?}");
        scene.settle();
    }
}

#[test]
fn f18_a_token_service_that_stays_down_makes_the_target_unusable() {
    for effect in [Effect::Instead(Answer::status(503)), Effect::Drop] {
        let scene = Scene::new().with_tokens();
        scene.registry.fault(Fault::on(Kind::Token, effect));
        let ran = scene.run().expect(5).says("/token");
        assert!(ran.took < Duration::from_secs(10), "{:?}", ran.took);
        scene.settle();
    }
}

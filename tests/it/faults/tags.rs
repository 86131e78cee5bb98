//! F27 to F29: tag lists that are odd, servers that are no registries, and tags that appear late.

use std::time::Duration;

use chartferry::report::Action;

use super::scene::Scene;
use crate::support::charts::Chart;
use crate::support::faults::{Effect, Fault};
use crate::support::registry::Link;
use crate::support::server::{Answer, Kind};

fn page(tags: &serde_json::Value, next: Option<&str>) -> Effect {
    let body = serde_json::json!({ "name": "charts/alpha", "tags": tags }).to_string();
    let answer = Answer::status(200).body(body);
    Effect::Instead(match next {
        Some(next) => answer.header("link", format!("<{next}>; rel=\"next\"")),
        None => answer,
    })
}

/// One chart of six versions, all in the registry already.
fn full() -> Scene {
    let charts: Vec<_> = (0..6)
        .map(|minor| Chart::new("alpha", &format!("1.{minor}.0")))
        .collect();
    let scene = Scene::of(&charts);
    scene.run().expect(0);
    scene.registry.forget_log();
    scene
}

#[test]
fn f27_pages_are_followed_to_their_end() {
    for link in [Link::Relative, Link::Absolute] {
        let scene = full();
        scene.registry.behave(|it| {
            it.page_size = Some(2);
            it.link = link;
        });
        let ran = scene.run().expect(0);
        assert_eq!(ran.count(Action::Present), 6, "{}", ran.text());
        assert_eq!(scene.registry.log().count(Kind::TagList), 3);
        scene.settle();
    }
}

#[test]
fn f27_pages_that_overlap_repeat_or_loop_end_and_the_tags_themselves_decide() {
    let looping = "/v2/charts/alpha/tags/list?last=x";
    let lists = [
        // The same page again and again
        page(&serde_json::json!(["1.0.0", "1.1.0"]), Some(looping)),
        // A loop that shows nothing
        page(&serde_json::json!([]), Some(looping)),
        page(&serde_json::Value::Null, Some(looping)),
        // Unsorted, with digests and nulls between
        page(
            &serde_json::json!(["1.5.0", null, "sha256:00", "1.0.0", 7, "1.0.0"]),
            None,
        ),
    ];
    for list in lists {
        let scene = full();
        scene.registry.fault(Fault::on(Kind::TagList, list));
        let ran = scene.run().expect(0);
        let log = scene.registry.log();
        assert!(log.count(Kind::TagList) <= 3, "{log}");
        // Nothing of other bytes, and mostly nothing at all, is pushed for a tag that a list does not show
        assert_eq!(
            ran.count(Action::Present) + ran.count(Action::Pushed),
            6,
            "{}",
            ran.text()
        );
        scene.settle();
    }
}

#[test]
fn f27_a_stale_list_leads_to_equal_bytes_only() {
    let scene = full();
    let stale = page(&serde_json::json!(["1.0.0"]), None);
    scene.registry.fault(Fault::on(Kind::TagList, stale));
    // That no tag moved is checked after every run
    scene.run().expect(0);
    scene.settle();
}

#[test]
fn f27_a_hundred_thousand_tags_are_read() {
    let scene = full();
    let mut tags: Vec<String> = (0..100_000).map(|number| format!("0.0.{number}")).collect();
    tags.extend((0..6).map(|minor| format!("1.{minor}.0")));
    scene
        .registry
        .fault(Fault::on(Kind::TagList, page(&serde_json::json!(tags), None)));
    let ran = scene.run().expect(0);
    assert_eq!(ran.count(Action::Present), 6, "{}", ran.text());
    // The probe, the login, and one list
    assert_eq!(scene.registry.log().0.len(), 3, "{}", scene.registry.log());
    scene.settle();
}

#[test]
fn f27_a_list_that_breaks_off_is_asked_for_again() {
    for effect in [Effect::Cut(12), Effect::NoLastChunk(12)] {
        let scene = full();
        scene.registry.fault(Fault::on(Kind::TagList, effect).nth(1));
        let ran = scene.run().expect(0);
        assert_eq!(ran.count(Action::Present), 6, "{}", ran.text());
        assert_eq!(scene.registry.log().count(Kind::TagList), 2);
        scene.settle();
    }
}

#[test]
fn f28_a_server_that_answers_200_to_everything_is_no_registry() {
    let scene = Scene::new();
    scene.registry.behave(|it| it.captive_portal = true);
    scene.run().expect(5).says("not an OCI registry");
    assert_eq!(scene.repo.log().count(Kind::Package), 0);
    assert_eq!(scene.registry.log().0.len(), 1, "{}", scene.registry.log());
    scene.registry.behave(|it| it.captive_portal = false);
    scene.settle();
}

#[test]
fn f29_a_tag_that_appears_late_is_waited_for() {
    let scene = Scene::new();
    // Every tag has to be read back, and is not there for a while
    scene.registry.behave(|it| it.digest_header = false);
    scene
        .registry
        .fault(Fault::status(Kind::ManifestHead, 404).turns(1..=3));
    scene.run().expect(0);
    scene.assert_complete();
    scene.registry.behave(|it| it.digest_header = true);
    scene.settle();
}

#[test]
fn f29_a_tag_that_never_appears_is_no_success() {
    let scene = Scene::single();
    scene.registry.fault(Fault::status(Kind::ManifestHead, 404));
    scene.registry.fault(Fault::status(Kind::ManifestGet, 404));
    let ran = scene.run();
    assert!(matches!(ran.exit(), 2 | 5), "{}", ran.text());
    assert_eq!(ran.count(Action::Failed), 1, "{}", ran.text());
    assert!(ran.took < Duration::from_secs(10), "{:?}", ran.took);
    scene.settle();
}

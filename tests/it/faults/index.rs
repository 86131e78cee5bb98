//! F01, F02, F04, F15: an index that does not arrive whole is not acted upon.

use chartferry::helm::index::IndexLimits;

use super::scene::{Scene, four_charts};
use crate::support::charts::{gzip, index_yaml};
use crate::support::faults::{Effect, Fault};
use crate::support::server::{Answer, Kind};

/// Breaks the index once: it is asked for again, whole.
fn mended(effect: Effect) {
    let scene = Scene::new();
    scene.repo.fault(Fault::on(Kind::Index, effect).nth(1));
    scene.run().expect(0);
    assert_eq!(scene.repo.log().count(Kind::Index), 2);
    scene.assert_complete();
    scene.settle();
}

/// Breaks the index always: nothing of it is acted upon.
fn given_up(effect: Effect, tries: usize, words: &str) {
    let scene = Scene::new();
    scene.repo.fault(Fault::on(Kind::Index, effect));
    scene.run().expect(4).says(words);
    assert_eq!(scene.repo.log().count(Kind::Index), tries, "{}", scene.repo.log());
    scene.assert_registry_untouched();
    scene.settle();
}

#[test]
fn f01_a_source_that_resets_within_the_index_is_asked_again() {
    mended(Effect::Cut(100));
    mended(Effect::Drop);
    given_up(Effect::Drop, 4, "\"interrupted\"");
}

#[test]
fn f02_a_truncated_index_is_asked_for_again_and_then_given_up() {
    given_up(Effect::Cut(100), 4, "\"interrupted\"");
    // The length says nothing, but what is left ends within a text
    let middle = index_yaml(&four_charts()).find("created: \"2024").unwrap() + 12;
    given_up(Effect::Short(middle), 1, "\"bad-index\"");
}

#[test]
fn f04_a_body_without_its_last_chunk_is_asked_for_again() {
    mended(Effect::NoLastChunk(700));
    given_up(Effect::NoLastChunk(usize::MAX), 4, "\"interrupted\"");
}

#[test]
fn f15_an_endless_index_stops_at_its_limit() {
    let mut scene = Scene::new();
    scene.source.index_limits = IndexLimits {
        bytes: 1_000_000,
        ..IndexLimits::default()
    };
    // Ten times the limit when unpacked, so that no length tells
    let bomb = gzip(&vec![b'#'; 10 << 20]);
    assert!(bomb.len() < 1_000_000);
    let answer = Answer::status(200).header("content-encoding", "gzip").body(bomb);
    scene.repo.fault(Fault::on(Kind::Index, Effect::Instead(answer)));
    scene.run().expect(4).says("max_index_size");
    assert_eq!(scene.repo.log().count(Kind::Index), 1);
    scene.assert_registry_untouched();
    scene.settle();
}

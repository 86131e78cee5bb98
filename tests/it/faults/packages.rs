//! F05, F06: a package that does not arrive whole is never pushed short.

use chartferry::report::Action;

use super::scene::Scene;
use crate::support::charts::{Chart, index_yaml, sha256_hex};
use crate::support::faults::{Effect, Fault};
use crate::support::server::Kind;

const POISONED: &str = "alpha-1.0.0.tgz";

fn poisoned(effect: Effect) -> Fault {
    Fault::on(Kind::Package, effect).path(POISONED)
}

/// The four charts, without digests in their index.
fn without_digests() -> Scene {
    let scene = Scene::new();
    let charts = super::scene::four_charts();
    let mut index = index_yaml(&charts);
    for chart in &charts {
        let line = format!("    digest: {}\n", sha256_hex(&chart.tgz()));
        index = index.replace(&line, "");
    }
    assert!(!index.contains("digest"));
    scene.repo.put("index.yaml", index);
    scene
}

#[test]
fn f05_a_package_that_breaks_off_anywhere_is_fetched_again() {
    let size = Chart::new("alpha", "1.0.0").tgz().len();
    for after in [1, 10, size / 2, size - 1, size] {
        let scene = Scene::new();
        // All is sent and the connection breaks before the last chunk says so
        let effect = if after == size {
            Effect::NoLastChunk(after)
        } else {
            Effect::Cut(after)
        };
        scene.repo.fault(poisoned(effect).turns(1..=2));
        scene.run().expect(0);
        let tries = scene.repo.log().of(Kind::Package).len();
        assert_eq!(tries, 4 + 2, "after {after} bytes");
        scene.assert_complete();
        scene.settle();
    }
}

#[test]
fn f05_a_provenance_file_that_breaks_off_is_fetched_again() {
    let scene = Scene::new();
    let prov = Fault::on(Kind::Provenance, Effect::Cut(60)).path("beta-1.0.0");
    scene.repo.fault(prov.turns(1..=2));
    scene.run().expect(0);
    scene.assert_complete();
    scene.settle();
}

#[test]
fn f06_a_truncated_package_is_given_up_and_the_others_go_on() {
    let lost = ["alpha 1.0.0"];
    // The length tells
    let scene = Scene::new();
    scene.repo.fault(poisoned(Effect::Cut(100)));
    scene.run().expect(2).lost(&lost, Action::Failed, "interrupted");
    scene.settle();
    // Nothing but the digest tells
    for effect in [Effect::Short(100), Effect::ShortChunked(100)] {
        let scene = Scene::new();
        scene.repo.fault(poisoned(effect));
        scene
            .run()
            .expect(2)
            .lost(&lost, Action::Refused, "digest-mismatch");
        scene.settle();
    }
}

#[test]
fn f06_without_a_digest_the_package_itself_must_end_cleanly() {
    let size = Chart::new("alpha", "1.0.0").tgz().len();
    // Within the data; without the whole trailer; without the last byte of the length
    for left in [100, size - 8, size - 1] {
        for effect in [Effect::Short(left), Effect::ShortChunked(left)] {
            let scene = without_digests();
            scene.repo.fault(poisoned(effect));
            let ran = scene.run().expect(2);
            assert_eq!(ran.count(Action::Pushed), 3, "{left}: {}", ran.text());
            assert_eq!(ran.count(Action::Refused), 1, "{left}: {}", ran.text());
            scene.settle();
        }
    }
}

//! F33, F34: sources that change while they are read, or are no longer what they were.

use chartferry::report::Action;

use super::scene::{Scene, four_charts};
use crate::support::charts::{Chart, index_yaml, unverifiable_prov};
use crate::support::faults::{Effect, Fault};
use crate::support::server::{Answer, Kind};

/// alpha 1.0.0 as it is published anew, with the index that goes with it.
struct Anew {
    chart: Chart,
    package: Vec<u8>,
    prov: Vec<u8>,
    index: String,
}

fn anew() -> Anew {
    let chart = Chart::new("alpha", "1.0.0").file("NOTES", "published anew");
    let mut charts = four_charts();
    charts[0] = chart.clone();
    let package = chart.tgz();
    Anew {
        prov: unverifiable_prov(&chart, &package),
        index: index_yaml(&charts),
        package,
        chart,
    }
}

/// A signed alpha 1.0.0 and what will replace it.
fn replaced() -> (Scene, Anew) {
    let scene = Scene::new();
    scene.sign(&Chart::new("alpha", "1.0.0"));
    let anew = anew();
    scene.expect("alpha", "1.0.0", (anew.package.clone(), Some(anew.prov.clone())));
    (scene, anew)
}

impl Anew {
    fn publish(&self, scene: &Scene) {
        scene.repo.put(&self.chart.file_name(), self.package.clone());
        scene
            .repo
            .put(&format!("{}.prov", self.chart.file_name()), self.prov.clone());
        scene.repo.put("index.yaml", self.index.clone());
    }
}

/// The old index once more, although everything is new already: the replacement came right after it was read.
fn old_index(scene: &Scene) -> Fault {
    let old = index_yaml(&four_charts());
    scene.repo.forget_log();
    Fault::on(Kind::Index, Effect::Instead(Answer::status(200).body(old))).nth(1)
}

#[test]
fn f33_a_version_replaced_after_the_index_was_read_arrives_in_its_new_form() {
    let (scene, anew) = replaced();
    anew.publish(&scene);
    scene.repo.fault(old_index(&scene));
    scene.run().expect(0);
    let log = scene.repo.log();
    assert_eq!(log.count(Kind::Index), 2, "{log}");
    scene.assert_complete();
    scene.settle();
}

#[test]
fn f33_a_package_replaced_before_its_index_is_refused_until_they_agree() {
    let (scene, anew) = replaced();
    scene.repo.put(&anew.chart.file_name(), anew.package.clone());
    scene
        .run()
        .expect(2)
        .lost(&["alpha 1.0.0"], Action::Refused, "digest-mismatch");
    // One look past the caches, one at the index
    assert_eq!(scene.repo.log().count(Kind::Index), 2);
    assert_eq!(scene.repo.log().count(Kind::Package), 4 + 1);
    anew.publish(&scene);
    scene.settle();
}

#[test]
fn f33_an_old_package_and_a_new_provenance_file_are_no_pair() {
    let (scene, anew) = replaced();
    anew.publish(&scene);
    scene.repo.fault(old_index(&scene));
    // The package was asked for a moment before it was replaced, its provenance file a moment after
    let old = Answer::status(200).body(Chart::new("alpha", "1.0.0").tgz());
    let package = Fault::on(Kind::Package, Effect::Instead(old)).path("alpha-1.0.0");
    scene.repo.fault(package.nth(1));
    scene.run().expect(0);
    scene.assert_complete();
    scene.settle();
}

#[test]
fn f33_a_new_package_and_an_old_provenance_file_are_no_pair() {
    let (scene, anew) = replaced();
    let old = Chart::new("alpha", "1.0.0");
    let prov = Answer::status(200).body(unverifiable_prov(&old, &old.tgz()));
    let fault = Fault::on(Kind::Provenance, Effect::Instead(prov)).path("alpha-1.0.0");
    scene.repo.fault(fault.nth(1));
    anew.publish(&scene);
    scene.run().expect(0);
    scene.assert_complete();
    scene.settle();
}

#[test]
fn f34_an_index_that_is_gone_or_is_a_page_is_no_empty_one() {
    let not_found = Answer::status(404).body("not found\n");
    let empty = Answer::status(200);
    for (answer, code) in [
        (not_found, "source-gone"),
        (Answer::html(200), "bad-index"),
        (empty, "bad-index"),
    ] {
        let scene = Scene::new();
        scene.run().expect(0);
        scene.repo.fault(Fault::on(Kind::Index, Effect::Instead(answer)));
        scene.registry.forget_log();
        scene.run().expect(4).says(&format!("\"{code}\""));
        assert_eq!(scene.registry.log().writes(), 0);
        scene.assert_complete();
        scene.settle();
    }
}

#[test]
fn f34_an_index_that_lost_its_entries_takes_nothing_away() {
    for text in ["apiVersion: v1\nentries: {}\n", "apiVersion: v1\n"] {
        let scene = Scene::new();
        scene.run().expect(0);
        scene.registry.forget_log();
        let answer = Answer::status(200).body(text);
        scene.repo.fault(Fault::on(Kind::Index, Effect::Instead(answer)));
        let ran = scene.run().expect(0);
        assert_eq!(ran.report.mirrors[0].index_entries, 0);
        assert!(!ran.report.mirrors[0].warnings.is_empty(), "{}", ran.text());
        assert_eq!(scene.registry.log().writes(), 0);
        scene.assert_complete();
        scene.settle();
    }
}

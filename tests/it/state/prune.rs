//! `prune = "vanished"` (product rules "Prune", reliability G4): what goes, and everything that must stay.

use super::scene::{Scene, charts, codes, ended, warnings};
use crate::support::chart_repo::ChartRepo;
use crate::support::charts::{Chart, grid};
use crate::support::ferry::Outcome;
use crate::support::registry::Registry;
use crate::support::server::Kind;

const PRUNE: &str = "prune = \"vanished\"";

/// Twenty versions, so that two may go in one run.
fn many() -> Vec<Chart> {
    let versions: Vec<String> = (0..20).map(|n| format!("1.{n}.0")).collect();
    let versions: Vec<&str> = versions.iter().map(String::as_str).collect();
    grid(&["demo"], &versions)
}

/// All of it was pushed to a registry that deletes.
fn settled() -> Scene {
    let mut scene = Scene::new(&many());
    scene.registry = Registry::with(|it| it.delete = 202);
    scene.run_file("", PRUNE).expect(0);
    scene
}

fn limits(outcome: &Outcome) -> Vec<String> {
    codes(&outcome.report.as_ref().unwrap()["mirrors"][0]["safety_limits"])
}

fn plan(scene: &Scene) -> Outcome {
    let path = scene.write_file("", PRUNE);
    scene.forget_logs();
    scene.ferry.report(["plan", "-c", path.to_str().unwrap()])
}

#[test]
fn what_the_source_dropped_is_deleted_after_a_plan_said_so() {
    let scene = settled();
    scene.repo.publish(&many()[2..]);
    let outcome = plan(&scene).expect(0);
    for version in ["1.0.0", "1.1.0"] {
        assert_eq!(
            ended(&outcome, "demo", version),
            ("vanished".into(), Some("prune".into()))
        );
    }
    assert_eq!(scene.registry.log().writes(), 0);
    let outcome = scene.run_file("", PRUNE).expect(0);
    for version in ["1.0.0", "1.1.0"] {
        assert_eq!(
            ended(&outcome, "demo", version),
            ("vanished".into(), Some("pruned".into()))
        );
        assert_eq!(scene.tag("demo", version), None);
    }
    assert_eq!(scene.registry.log().count(Kind::Delete), 2);
    assert_eq!(scene.registry.tags().len(), 18);
    scene.registry.assert_sound();
    let outcome = scene.run_file("", PRUNE).expect(0);
    scene.assert_idle(&outcome);
    assert_eq!(outcome.items(), []);
}

#[test]
fn nothing_is_deleted_unless_it_is_asked_for() {
    let scene = settled();
    scene.repo.publish(&many()[2..]);
    let outcome = scene.run_file("", "").expect(0);
    assert_eq!(outcome.count("vanished"), 2);
    assert_eq!(scene.registry.log().count(Kind::Delete), 0);
    // Filters drop nothing
    let filters = format!("{PRUNE}\nversions = \">=1.10.0\"");
    scene.repo.publish(&many());
    scene.run_file("", &filters).expect(0);
    assert_eq!(scene.registry.log().count(Kind::Delete), 0);
    assert_eq!(scene.registry.tags().len(), 20);
}

#[test]
fn what_others_pushed_or_overwrote_or_tagged_stays() {
    let mut scene = Scene::new(&many()[..19]);
    scene.registry = Registry::with(|it| it.delete = 202);
    // 1.19.0 is somebody else's
    scene.repo.publish(&many());
    scene
        .run_file("state_dir = \"theirs\"", "versions = \">=1.19.0\"")
        .expect(0);
    scene.run_file("", PRUNE).expect(0);
    // 1.0.0 is overwritten, 1.1.0 has another name as well
    scene.overwrite("demo", "1.0.0", "1.5.0");
    scene.registry.meddle("charts/demo", |content| {
        let digest = content.tags["1.1.0"].clone();
        content.tags.insert("stable".to_owned(), digest);
    });
    let tags = scene.registry.tags();
    scene.repo.publish(&many()[1..19]);
    let outcome = scene.run_file("", PRUNE).expect(0);
    assert_eq!(
        ended(&outcome, "demo", "1.0.0"),
        ("vanished".into(), Some("prune-not-ours".into()))
    );
    assert_eq!(
        ended(&outcome, "demo", "1.19.0"),
        ("vanished".into(), Some("vanished".into()))
    );
    scene.repo.publish(&many()[2..19]);
    let outcome = scene.run_file("", PRUNE).expect(0);
    assert_eq!(
        ended(&outcome, "demo", "1.1.0"),
        ("vanished".into(), Some("prune-not-ours".into()))
    );
    assert_eq!(scene.registry.tags(), tags);
    assert_eq!(scene.registry.log().count(Kind::Delete), 0);
}

/// A manifest is deleted with all tags that name it, so one that would go itself counts as well once somebody moved it.
#[test]
fn a_tag_that_somebody_moved_to_what_would_go_keeps_it() {
    let scene = settled();
    scene.registry.meddle("charts/demo", |content| {
        let digest = content.tags["1.1.0"].clone();
        content.tags.insert("1.0.0".to_owned(), digest);
    });
    let tags = scene.registry.tags();
    scene.repo.publish(&many()[2..]);
    let outcome = scene.run_file("", PRUNE).expect(0);
    for version in ["1.0.0", "1.1.0"] {
        assert_eq!(
            ended(&outcome, "demo", version),
            ("vanished".into(), Some("prune-not-ours".into()))
        );
    }
    assert_eq!(scene.registry.tags(), tags);
    assert_eq!(scene.registry.log().count(Kind::Delete), 0);
}

#[test]
fn an_index_that_lost_much_deletes_nothing_and_says_so_with_6() {
    let scene = settled();
    scene.repo.publish(&many()[12..]);
    for _ in 0..2 {
        let outcome = scene.run_file("", PRUNE).expect(6);
        assert_eq!(limits(&outcome), ["index-shrunk"]);
        assert_eq!(scene.registry.tags().len(), 20);
    }
    scene.repo.put("index.yaml", "apiVersion: v1\nentries: {}\n");
    scene.run_file("", PRUNE).expect(6);
    assert_eq!(scene.registry.tags().len(), 20);
}

#[test]
fn more_than_a_tenth_does_not_go_in_one_run() {
    let scene = settled();
    scene.repo.publish(&many()[3..]);
    for _ in 0..2 {
        let outcome = scene.run_file("", PRUNE).expect(6);
        assert_eq!(limits(&outcome), ["prune-too-many"]);
        assert_eq!(outcome.count("vanished"), 3);
    }
    assert_eq!(scene.registry.tags().len(), 20);
    // Who confirms the loss has what is gone deleted, however much it is
    let file = scene.write_file("", PRUNE);
    let args = ["migrate", "-c", file.to_str().unwrap(), "--accept-shrink"];
    scene.ferry.report(args).expect(0);
    assert_eq!(scene.registry.tags().len(), 17);
}

/// What one mirror no longer wants another may.
#[test]
fn what_another_mirror_fills_stays() {
    let handed_over = Chart::new("handed-over", "1.0.0");
    let mut scene = Scene::new(&[many(), vec![handed_over.clone()]].concat());
    scene.registry = Registry::with(|it| it.delete = 202);
    scene.run_file("", PRUNE).expect(0);
    scene.repo.publish(&many());
    let new_home = ChartRepo::of(&[handed_over]);
    let (from, to) = (new_home.url(), scene.registry.target("charts"));
    let both = format!("{PRUNE}\n\n[[mirror]]\nname = \"beta\"\nsource = \"{from}\"\ntargets = [\"{to}\"]");
    let outcome = scene.run_file("", &both).expect(0);
    let found = outcome
        .items()
        .into_iter()
        .filter(|line| line.chart == "handed-over");
    let found: Vec<_> = found.map(|line| (line.action, line.code)).collect();
    assert_eq!(
        found,
        [
            ("present".into(), None),
            ("vanished".into(), Some("prune-not-ours".into()))
        ]
    );
    assert_eq!(scene.registry.log().count(Kind::Delete), 0);
    assert_eq!(scene.registry.tags().len(), 21);
}

#[test]
fn a_run_with_an_error_deletes_nothing() {
    let scene = settled();
    let mut charts = many()[2..].to_vec();
    charts.push(Chart::new("demo", "2.0.0"));
    scene.repo.publish(&charts);
    scene.repo.remove("demo-2.0.0.tgz");
    let outcome = scene.run_file("", PRUNE).expect(2);
    let target = &outcome.report.as_ref().unwrap()["mirrors"][0]["targets"][0];
    assert_eq!(codes(&target["warnings"]), ["prune-incomplete"]);
    assert_eq!(scene.registry.tags().len(), 20);
    scene.repo.publish(&charts);
    let outcome = scene.run_file("", PRUNE).expect(0);
    assert_eq!((outcome.count("pushed"), scene.registry.tags().len()), (1, 19));
}

#[test]
fn a_registry_that_does_not_delete_is_told_in_every_run() {
    let scene = settled();
    scene.registry.behave(|it| it.delete = 405);
    scene.repo.publish(&many()[1..]);
    for _ in 0..2 {
        let outcome = scene.run_file("", PRUNE).expect(2);
        assert_eq!(
            ended(&outcome, "demo", "1.0.0"),
            ("failed".into(), Some("prune-failed".into()))
        );
    }
    scene.registry.behave(|it| it.delete = 202);
    let outcome = scene.run_file("", PRUNE).expect(0);
    assert_eq!(ended(&outcome, "demo", "1.0.0").1, Some("pruned".into()));
}

#[test]
fn without_a_state_there_is_no_pruning() {
    let scene = Scene::new(&charts());
    let path = scene.write_file("state_dir = \"off\"", PRUNE);
    let outcome = scene
        .ferry
        .run(["migrate", "-c", path.to_str().unwrap()])
        .expect(1);
    assert!(
        outcome.stderr.contains("mirror[0].prune: needs a state"),
        "{}",
        outcome.stderr
    );
    // A lost one remembers no push of ours
    let scene = settled();
    std::fs::remove_dir_all(scene.ferry.home().join("state")).unwrap();
    scene.run_file("", PRUNE).expect(0);
    scene.repo.publish(&many()[1..]);
    let outcome = scene.run_file("", PRUNE).expect(0);
    assert_eq!(ended(&outcome, "demo", "1.0.0").1, Some("vanished".into()));
    assert_eq!(scene.registry.tags().len(), 20);
    assert_eq!(warnings(&outcome), [""; 0]);
}

#[test]
fn a_layout_is_pruned_too() {
    let scene = Scene::new(&many());
    let path = scene.write_file("", PRUNE);
    let text = std::fs::read_to_string(&path).unwrap();
    let text = text.replace(&scene.registry.target("charts"), "oci-layout:out");
    std::fs::write(&path, text).unwrap();
    let args = ["migrate", "-c", path.to_str().unwrap()];
    scene.ferry.report(args).expect(0);
    scene.repo.publish(&many()[1..]);
    let outcome = scene.ferry.report(args).expect(0);
    assert_eq!(ended(&outcome, "demo", "1.0.0").1, Some("pruned".into()));
    let index = std::fs::read_to_string(scene.ferry.home().join("out/index.json")).unwrap();
    assert!(
        !index.contains("demo:1.0.0\"") && index.contains("demo:1.1.0\""),
        "{index}"
    );
}

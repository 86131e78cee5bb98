//! What runs that remember cost, counted on the fakes (product rules 2 and 12).

use super::scene::{Scene, again, assert_requests, charts, ended};
use crate::support::charts::{Chart, index_yaml};
use crate::support::server::Kind;

/// What one new version costs where the repository is known.
const ONE_PUSH: [(Kind, usize); 8] = [
    (Kind::Ping, 1),
    (Kind::TagList, 1),
    (Kind::UploadPost, 2),
    (Kind::UploadPut, 2),
    (Kind::ManifestPut, 1),
    // The first version of the run, read again
    (Kind::ManifestHead, 1),
    (Kind::BlobHead, 2),
    (Kind::Other, 0),
];

#[test]
fn an_idle_run_is_one_request() {
    let scene = Scene::settled(&charts());
    for _ in 0..3 {
        let outcome = scene.run(&[]).expect(0);
        scene.assert_idle(&outcome);
        assert_eq!(outcome.items(), []);
        assert!(
            outcome.stdout.contains("the index is the one of the last run"),
            "{}",
            outcome.stdout
        );
    }
}

#[test]
fn a_server_without_validators_costs_the_index_and_no_more() {
    let scene = Scene::new(&charts());
    scene.repo.behave(|it| it.etag = false);
    scene.run(&[]).expect(0);
    let outcome = scene.run(&[]).expect(0);
    assert_requests(&scene.repo.log(), &[(Kind::Index, 1)]);
    assert_requests(&scene.registry.log(), &[]);
    // The bytes of the index say that it is the same
    assert_eq!(outcome.report.unwrap()["mirrors"][0]["source_unchanged"], true);
}

#[test]
fn one_new_version_costs_its_repository_and_itself() {
    let mut charts = charts();
    let scene = Scene::settled(&charts);
    charts.push(Chart::new("demo", "1.2.0"));
    scene.repo.publish(&charts);
    let outcome = scene.run(&[]).expect(0);
    assert_eq!((outcome.count("pushed"), outcome.count("present")), (1, 4));
    assert_requests(
        &scene.repo.log(),
        &[(Kind::Index, 1), (Kind::Package, 1), (Kind::Provenance, 1)],
    );
    assert_requests(&scene.registry.log(), &ONE_PUSH);
    scene.registry.assert_sound();
    scene.assert_idle(&scene.run(&[]).expect(0));
}

#[test]
fn another_index_with_nothing_new_asks_the_registry_for_nothing() {
    let scene = Scene::settled(&charts());
    let index = index_yaml(&charts()).replace("A test chart", "Another text");
    scene.repo.put("index.yaml", index);
    let outcome = scene.run(&[]).expect(0);
    assert_eq!(outcome.count("present"), 4);
    assert_requests(&scene.repo.log(), &[(Kind::Index, 1)]);
    assert_requests(&scene.registry.log(), &[]);
    // What is there is known by digest, for `--map` and the report
    let digest = scene.tag("demo", "1.0.0").unwrap();
    let text = outcome.report.unwrap().to_string();
    assert!(text.contains(&digest), "{text}");
}

#[test]
fn other_settings_look_at_the_same_index_anew() {
    let scene = Scene::new(&charts());
    scene.run_file("", "include = [\"demo\"]").expect(0);
    scene.assert_idle(&scene.run_file("", "include = [\"demo\"]").expect(0));
    let outcome = scene.run_file("", "").expect(0);
    assert_eq!((outcome.count("pushed"), outcome.count("present")), (2, 2));
    // Only the repository of which nothing was known was listed
    assert_eq!(scene.registry.log().count(Kind::TagList), 1);
    scene.assert_idle(&scene.run_file("", "run_timeout = \"1h\"").expect(0));
}

#[test]
fn a_failure_keeps_a_mirror_from_resting() {
    let scene = Scene::new(&charts());
    let file = charts()[0].file_name();
    scene.repo.put(&file, "no package");
    // The bytes are not those of the index: no other run will do better
    scene.run(&[]).expect(2);
    scene.assert_idle(&scene.run(&[]).expect(2));
    // A server in trouble is another matter
    let scene = Scene::new(&charts());
    scene
        .repo
        .fault(crate::support::faults::Fault::status(Kind::Package, 501).nth(1));
    let outcome = scene.run(&[]).expect(2);
    assert_eq!(outcome.count("failed"), 1);
    let outcome = scene.run(&[]).expect(0);
    assert_eq!((outcome.count("pushed"), outcome.count("present")), (1, 3));
    assert_eq!(
        scene.registry.log().count(Kind::TagList),
        1,
        "{}",
        scene.registry.log()
    );
    scene.assert_idle(&scene.run(&[]).expect(0));
}

#[test]
fn a_plan_looks_at_everything_and_asks_only_what_is_not_known() {
    let mut charts = charts();
    let scene = Scene::settled(&charts);
    let outcome = scene.command("plan", &[]).expect(0);
    assert_eq!(outcome.count("present"), 4);
    assert_requests(&scene.registry.log(), &[]);
    charts.push(Chart::new("other", "2.0.0"));
    charts[0] = again(&charts[0]);
    scene.repo.publish(&charts);
    let outcome = scene.command("plan", &[]).expect(3);
    assert_eq!(ended(&outcome, "other", "2.0.0"), ("push".into(), None));
    assert_eq!(
        ended(&outcome, "demo", "1.0.0"),
        ("drifted".into(), Some("drift".into()))
    );
    assert_requests(&scene.registry.log(), &[(Kind::Ping, 1), (Kind::TagList, 1)]);
    // It kept nothing of what it saw
    let outcome = scene.run(&[]).expect(3);
    assert_eq!(outcome.count("pushed"), 1);
}

#[test]
fn a_layout_is_looked_at_in_every_run() {
    let scene = Scene::new(&charts());
    let url = scene.repo.url();
    let args = ["migrate", &url, "oci-layout:out", "--state-dir", "state"];
    scene.ferry.report(args).expect(0);
    let outcome = scene.ferry.report(args).expect(0);
    assert_eq!(outcome.count("present"), 4);
    std::fs::remove_dir_all(scene.ferry.home().join("out")).unwrap();
    let outcome = scene.ferry.report(args).expect(0);
    assert_eq!(outcome.count("pushed"), 4);
}

#[test]
fn versions_wait_for_their_time_and_then_the_same_index_is_looked_at() {
    // Without a date in the index only the memory tells how old a version is
    let scene = Scene::new(&[]);
    let undated: String = index_yaml(&charts())
        .lines()
        .filter(|line| !line.contains("created:"))
        .fold(String::new(), |text, line| text + line + "\n");
    for chart in charts() {
        scene.repo.put(&chart.file_name(), chart.tgz());
    }
    scene.repo.put("index.yaml", undated);
    let outcome = scene.run(&["--min-age", "1s"]).expect(0);
    assert_eq!(outcome.count("held"), 4);
    std::thread::sleep(std::time::Duration::from_millis(2100));
    let outcome = scene.run(&["--min-age", "1s"]).expect(0);
    assert_eq!(outcome.count("pushed"), 4, "{:?}", outcome.items());
    scene.assert_idle(&scene.run(&["--min-age", "1s"]).expect(0));
}

//! What others did at the target is noticed when everything is looked at (reliability F36, F47).

use super::scene::{Scene, again, assert_requests, charts, codes, ended};
use crate::support::charts::Chart;
use crate::support::server::Kind;

#[test]
fn a_reconcile_reads_all_lists_and_looks_at_every_tag() {
    let scene = Scene::settled(&charts());
    let outcome = scene.run(&["--reconcile"]).expect(0);
    assert_eq!(outcome.count("present"), 4);
    assert_requests(&scene.repo.log(), &[(Kind::Index, 1)]);
    // Without a condition: a server that answers 304 for ever is found out
    assert_eq!(scene.repo.log().0[0].status, Some(200));
    assert_requests(
        &scene.registry.log(),
        &[(Kind::Ping, 1), (Kind::TagList, 2), (Kind::ManifestHead, 4)],
    );
    scene.assert_idle(&scene.run(&[]).expect(0));
}

#[test]
fn it_comes_by_itself_as_often_as_the_file_says() {
    let scene = Scene::new(&charts());
    scene.run_file("reconcile_every = \"0s\"", "").expect(0);
    scene.delete("demo", "1.0.0");
    let outcome = scene.run_file("reconcile_every = \"0s\"", "").expect(0);
    assert_eq!((outcome.count("pushed"), outcome.count("present")), (1, 3));
    // A day has not gone by
    scene.delete("demo", "1.0.0");
    scene.assert_idle(&scene.run_file("", "").expect(0));
}

#[test]
fn what_was_deleted_is_pushed_again_and_told() {
    let scene = Scene::settled(&charts());
    let before = scene.tag("demo", "1.0.0");
    scene.delete("demo", "1.0.0");
    scene.assert_idle(&scene.run(&[]).expect(0));
    let plan = scene.command("plan", &["--reconcile"]).expect(0);
    assert_eq!(
        ended(&plan, "demo", "1.0.0"),
        ("push".into(), Some("healed".into()))
    );
    let outcome = scene.run(&["--reconcile"]).expect(0);
    assert_eq!(ended(&outcome, "demo", "1.0.0"), ("pushed".into(), None));
    let items = outcome.raw_items();
    let healed = items.iter().find(|item| item["action"] == "pushed").unwrap();
    assert_eq!(codes(&healed["warnings"]), ["healed"]);
    assert_eq!(scene.tag("demo", "1.0.0"), before);
    scene.assert_idle(&scene.run(&[]).expect(0));
}

#[test]
fn without_heal_it_stays_away() {
    let scene = Scene::new(&charts());
    let off = "heal = false";
    scene.run_file("", off).expect(0);
    scene.delete("demo", "1.0.0");
    let path = scene.write_file("", off);
    let reconcile = ["migrate", "-c", path.to_str().unwrap(), "--reconcile"];
    for _ in 0..2 {
        let outcome = scene.ferry.report(reconcile).expect(0);
        assert_eq!(
            ended(&outcome, "demo", "1.0.0"),
            ("filtered".into(), Some("not-healed".into()))
        );
        assert_eq!(scene.tag("demo", "1.0.0"), None);
    }
    // Nobody forgets between two looks, and it is no news either
    let outcome = scene.run_file("", off).expect(0);
    scene.assert_idle(&outcome);
    assert_eq!(ended(&outcome, "demo", "1.0.0").0, "filtered");
    scene
        .repo
        .publish(&[charts(), vec![Chart::new("other", "2.0.0")]].concat());
    let outcome = scene.run_file("", off).expect(0);
    assert_eq!(ended(&outcome, "demo", "1.0.0").0, "filtered");
    assert_eq!(outcome.count("present"), 3);
    // Whoever changes his mind gets it back at once
    let outcome = scene.run_file("", "").expect(0);
    assert_eq!(ended(&outcome, "demo", "1.0.0").0, "pushed");
    let outcome = scene.run_file("", off).expect(0);
    assert_eq!(outcome.count("present"), 5);
}

#[test]
fn what_was_overwritten_is_a_conflict_until_it_is_settled() {
    let scene = Scene::settled(&charts());
    let ours = scene.tag("demo", "1.0.0").unwrap();
    scene.overwrite("demo", "1.0.0", "1.1.0");
    scene.assert_idle(&scene.run(&[]).expect(0));
    let outcome = scene.run(&["--reconcile"]).expect(3);
    let overwritten = ("drifted".to_owned(), Some("overwritten".to_owned()));
    assert_eq!(ended(&outcome, "demo", "1.0.0"), overwritten);
    assert_requests(
        &scene.registry.log(),
        &[
            (Kind::Ping, 1),
            (Kind::TagList, 2),
            (Kind::ManifestHead, 4),
            (Kind::ManifestGet, 1),
        ],
    );
    // It is remembered, at no cost
    let outcome = scene.run(&[]).expect(3);
    scene.assert_idle(&outcome);
    assert_eq!(ended(&outcome, "demo", "1.0.0"), overwritten);
    scene
        .repo
        .publish(&[charts(), vec![Chart::new("other", "2.0.0")]].concat());
    let outcome = scene.run(&[]).expect(3);
    assert_eq!(ended(&outcome, "demo", "1.0.0"), overwritten);
    assert_eq!(scene.registry.log().count(Kind::TagList), 1);
    // Somebody puts it right; the next look at this repository sees it
    scene.registry.meddle("charts/demo", |content| {
        content.tags.insert("1.0.0".to_owned(), ours.clone());
    });
    scene
        .repo
        .publish(&[charts(), vec![Chart::new("demo", "2.0.0")]].concat());
    let outcome = scene.run(&[]).expect(0);
    assert_eq!(ended(&outcome, "demo", "1.0.0"), ("present".into(), None));
    assert_eq!(scene.tag("demo", "1.0.0"), Some(ours));
}

#[test]
fn what_was_overwritten_is_replaced_on_request() {
    let scene = Scene::settled(&charts());
    let ours = scene.tag("demo", "1.0.0");
    scene.overwrite("demo", "1.0.0", "1.1.0");
    scene.run(&["--reconcile"]).expect(3);
    let outcome = scene.run(&["--drift", "overwrite"]).expect(0);
    assert_eq!(ended(&outcome, "demo", "1.0.0"), ("pushed".into(), None));
    assert_eq!(scene.tag("demo", "1.0.0"), ours);
    scene.assert_idle(&scene.run(&["--drift", "overwrite"]).expect(0));
}

#[test]
fn what_somebody_else_pushed_is_adopted_by_one_look() {
    let charts = charts();
    let scene = Scene::new(&charts);
    // Somebody without a state was here first
    let (from, to) = (scene.repo.url(), scene.registry.target("charts"));
    scene
        .ferry
        .report(["migrate", &from, &to, "--plain-http"])
        .expect(0);
    let outcome = scene.run(&[]).expect(0);
    assert_eq!(outcome.count("present"), 4);
    assert_requests(
        &scene.registry.log(),
        &[(Kind::Ping, 1), (Kind::TagList, 2), (Kind::ManifestGet, 4)],
    );
    scene.assert_idle(&scene.run(&[]).expect(0));
    // What the source replaces later is seen without a look
    scene
        .repo
        .publish(&[vec![again(&charts[0])], charts[1..].to_vec()].concat());
    let outcome = scene.run(&[]).expect(3);
    assert_eq!(ended(&outcome, "demo", "1.0.0").0, "drifted");
    assert_requests(&scene.registry.log(), &[]);
}

#[test]
fn what_somebody_else_pushed_with_other_bytes_is_a_drift_from_the_first_day() {
    let charts = charts();
    let scene = Scene::new(&[vec![again(&charts[0])], charts[1..].to_vec()].concat());
    let (from, to) = (scene.repo.url(), scene.registry.target("charts"));
    scene
        .ferry
        .report(["migrate", &from, &to, "--plain-http"])
        .expect(0);
    scene.repo.publish(&charts);
    for run in 1..=2 {
        let outcome = scene.run(&[]).expect(3);
        assert_eq!(
            ended(&outcome, "demo", "1.0.0"),
            ("drifted".into(), Some("drift".into())),
            "{run}"
        );
    }
    scene.assert_idle(&scene.run(&[]).expect(3));
}

#[test]
fn verify_names_the_flag_that_a_state_needs() {
    let scene = Scene::settled(&charts());
    scene.delete("demo", "1.0.0");
    let outcome = scene.command("verify", &[]).expect(2);
    assert!(
        outcome
            .report
            .unwrap()
            .to_string()
            .contains("`migrate --reconcile` pushes it")
    );
    let (from, to) = (scene.repo.url(), scene.registry.target("charts"));
    let outcome = scene
        .ferry
        .report(["verify", &from, &to, "--plain-http"])
        .expect(2);
    assert!(
        outcome
            .report
            .unwrap()
            .to_string()
            .contains("`migrate` pushes it")
    );
}

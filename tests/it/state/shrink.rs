//! The shrink guard (product rules "Trust", reliability F03, F34, F35).

use super::scene::{Scene, assert_requests, ended, warnings};
use crate::support::charts::{Chart, grid};
use crate::support::server::Kind;

fn many(count: usize) -> Vec<Chart> {
    let versions: Vec<String> = (0..count).map(|n| format!("1.{n}.0")).collect();
    let versions: Vec<&str> = versions.iter().map(String::as_str).collect();
    grid(&["demo"], &versions)
}

#[test]
fn an_index_that_lost_much_is_suspicious_and_what_is_new_is_pushed_all_the_same() {
    let scene = Scene::settled(&many(20));
    let mut cut = many(8);
    cut.push(Chart::new("demo", "2.0.0"));
    scene.repo.publish(&cut);
    let outcome = scene.run(&[]).expect(0);
    assert_eq!(warnings(&outcome), ["index-shrunk"]);
    assert_eq!((outcome.count("pushed"), outcome.count("vanished")), (1, 12));
    // The warning stays while the index does
    let outcome = scene.run(&[]).expect(0);
    scene.assert_idle(&outcome);
    assert_eq!(warnings(&outcome), ["index-shrunk"]);
    // As many new versions do not make good for those that are lost
    cut.extend(grid(&["demo"], &["3.0.0", "3.1.0", "3.2.0", "3.3.0"]));
    scene.repo.publish(&cut);
    assert_eq!(warnings(&scene.run(&[]).expect(0)), ["index-shrunk"]);
    // They come back
    scene.repo.publish(&many(20));
    let outcome = scene.run(&[]).expect(0);
    assert_eq!(warnings(&outcome), [""; 0]);
    assert_eq!(outcome.count("vanished"), 5);
}

#[test]
fn whoever_knows_better_confirms_it_with_the_same_index() {
    let scene = Scene::settled(&many(20));
    scene.repo.publish(&many(8));
    scene.run(&[]).expect(0);
    let outcome = scene.run(&["--accept-shrink"]).expect(0);
    assert_eq!(warnings(&outcome), [""; 0]);
    assert_eq!(outcome.count("vanished"), 12);
    let outcome = scene.run(&[]).expect(0);
    scene.assert_idle(&outcome);
    assert_eq!(warnings(&outcome), [""; 0]);
}

#[test]
fn an_empty_index_is_suspicious_however_few_there_were() {
    let scene = Scene::settled(&many(2));
    scene.repo.put("index.yaml", "apiVersion: v1\nentries: {}\n");
    let outcome = scene.run(&[]).expect(0);
    assert!(
        warnings(&outcome).contains(&"index-shrunk".to_owned()),
        "{:?}",
        warnings(&outcome)
    );
    assert_eq!(outcome.count("vanished"), 2);
    assert_eq!(scene.registry.tags().len(), 2);
}

#[test]
fn the_file_says_how_much_is_much() {
    let scene = Scene::new(&many(20));
    scene.run_file("", "max_shrink = \"80%\"").expect(0);
    scene.repo.publish(&many(8));
    let outcome = scene.run_file("", "max_shrink = \"80%\"").expect(0);
    assert_eq!(warnings(&outcome), [""; 0]);
}

#[test]
fn an_older_index_is_told_once() {
    let scene = Scene::settled(&many(3));
    let text = crate::support::charts::index_yaml(&many(3)).replace("2024-02-03", "2023-02-03");
    scene.repo.put("index.yaml", text);
    let outcome = scene.run(&[]).expect(0);
    assert_eq!(warnings(&outcome), ["index-older"]);
    assert_requests(&scene.registry.log(), &[]);
    assert_eq!(ended(&outcome, "demo", "1.0.0").0, "present");
    assert_eq!(warnings(&scene.run(&[]).expect(0)), [""; 0]);
    assert_eq!(scene.repo.log().count(Kind::Index), 1);
}

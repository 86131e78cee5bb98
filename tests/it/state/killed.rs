//! A run that is killed between a push and the save of its state: the state is behind the registry, never ahead (reliability
//! G1, 5.2).

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::scene::Scene;
use crate::support::charts::grid;
use crate::support::faults::{Effect, Fault};
use crate::support::server::Kind;

#[test]
fn what_was_pushed_and_not_saved_is_found_and_not_pushed_again() {
    let charts = grid(&["alpha", "beta"], &["1.0.0", "1.1.0", "1.2.0"]);
    for turn in [1, 3, 6] {
        let scene = Scene::new(&charts);
        // The manifest is stored, and the process dies before it learns of it
        scene
            .registry
            .fault(Fault::on(Kind::ManifestPut, Effect::Hold).nth(turn));
        let (from, to) = (scene.repo.url(), scene.registry.target("charts"));
        let args = [
            "migrate",
            &from,
            &to,
            "--plain-http",
            "--state-dir",
            "state",
            "--concurrency",
            "1",
        ];
        let mut child = scene
            .ferry
            .command(args)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let deadline = Instant::now() + Duration::from_secs(30);
        while scene.registry.log().count(Kind::ManifestPut) < turn
            || scene.registry.log().of(Kind::ManifestPut)[turn - 1]
                .status
                .is_none()
        {
            assert!(Instant::now() < deadline, "the moment to kill never came");
            std::thread::sleep(Duration::from_millis(2));
        }
        child.kill().unwrap();
        assert_eq!(child.wait().unwrap().code(), None, "it ended by itself");
        scene.registry.heal();
        let stored = scene.registry.tags();
        assert_eq!(stored.len(), turn, "{turn}");
        assert!(saved(&scene) < turn, "turn {turn}: the state is ahead");

        let outcome = scene.run(&[]).expect(0);
        assert_eq!(
            (outcome.count("pushed"), outcome.count("present")),
            (6 - turn, turn),
            "{turn}"
        );
        assert_eq!(scene.registry.log().count(Kind::ManifestPut), 6 - turn);
        assert_eq!(scene.repo.log().count(Kind::Package), 6 - turn);
        scene.registry.assert_sound();
        scene.assert_idle(&scene.run(&[]).expect(0));
    }
}

/// Versions that the state takes for in place; none where nothing was saved.
fn saved(scene: &Scene) -> usize {
    let files = scene.files(".state");
    files
        .iter()
        .flat_map(|path| {
            let text = fs::read_to_string(path).unwrap();
            text.lines().map(str::to_owned).collect::<Vec<_>>()
        })
        .filter(|line| line.contains("\"manifest\""))
        .count()
}

/// SIGTERM in the middle: what was pushed is known to the next run, which asks for nothing of it.
#[test]
fn a_run_that_is_told_to_stop_saves_what_it_did() {
    let scene = Scene::new(&grid(&["alpha", "beta"], &["1.0.0", "1.1.0", "1.2.0"]));
    let (from, to) = (scene.repo.url(), scene.registry.target("charts"));
    scene
        .repo
        .fault(Fault::on(Kind::Package, Effect::Delay(Duration::from_secs(2))).nth(4));
    let args = [
        "migrate",
        &from,
        &to,
        "--plain-http",
        "--state-dir",
        "state",
        "--concurrency",
        "1",
    ];
    let mut child = scene
        .ferry
        .command(args)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    while scene.repo.log().count(Kind::Package) < 4 {
        assert!(Instant::now() < deadline, "the moment to stop never came");
        std::thread::sleep(Duration::from_millis(5));
    }
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(143));
    let done = scene.registry.tags().len();
    assert_eq!(saved(&scene), done);
    scene.repo.heal();
    let outcome = scene.run(&[]).expect(0);
    assert_eq!(
        (outcome.count("pushed"), outcome.count("present")),
        (6 - done, done)
    );
    // Nothing was adopted: all of it was known
    assert_eq!(scene.registry.log().count(Kind::ManifestGet), 0);
}

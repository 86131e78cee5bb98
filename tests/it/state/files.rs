//! The state folder and its files: kept, lost, broken, newer, of somebody else, in use (product 5; reliability F32, F38, F40,
//! B64).

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::scene::{Scene, assert_requests, charts, warnings};
use crate::support::chart_repo::ChartRepo;
use crate::support::faults::{Effect, Fault};
use crate::support::server::Kind;

fn error(outcome: &crate::support::ferry::Outcome) -> serde_json::Value {
    outcome.report.as_ref().unwrap()["mirrors"][0]["error"].clone()
}

#[test]
fn a_lost_state_costs_requests_and_nothing_else() {
    let scene = Scene::settled(&charts());
    let tags = scene.registry.tags();
    fs::remove_dir_all(scene.ferry.home().join("state")).unwrap();
    let outcome = scene.run(&[]).expect(0);
    assert_eq!(outcome.count("present"), 4);
    assert_eq!(scene.registry.log().writes(), 0);
    assert_requests(
        &scene.registry.log(),
        &[(Kind::Ping, 1), (Kind::TagList, 2), (Kind::ManifestGet, 4)],
    );
    assert_eq!(scene.registry.tags(), tags);
    scene.assert_idle(&scene.run(&[]).expect(0));
}

#[test]
fn a_broken_state_is_set_aside_and_built_anew() {
    let scene = Scene::settled(&charts());
    let state = scene.state();
    let good = fs::read(&state).unwrap();
    for broken in [&good[..good.len() / 2], b"", b"\0\0\0\0", b"{}\n"] {
        fs::write(&state, broken).unwrap();
        let outcome = scene.run(&[]).expect(0);
        assert_eq!(warnings(&outcome), ["state-broken"]);
        assert_eq!(outcome.count("present"), 4);
        assert_eq!(scene.files(".broken").len(), 1);
        // No crash loop
        scene.assert_idle(&scene.run(&[]).expect(0));
    }
}

#[test]
fn a_state_of_a_later_release_is_refused_with_a_way_out() {
    let scene = Scene::settled(&charts());
    let state = scene.state();
    let text = fs::read_to_string(&state).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let mut newer = lines[..lines.len() - 1]
        .join("\n")
        .replace("state/v1", "state/v9")
        + "\n";
    let digest = crate::support::registry::digest_of(newer.as_bytes());
    writeln!(newer, "{{\"end\":\"{digest}\"}}").unwrap();
    fs::write(&state, &newer).unwrap();
    for command in ["migrate", "plan"] {
        let outcome = scene.command(command, &[]).expect(1);
        let error = error(&outcome);
        assert_eq!(error["code"], "state-newer", "{error}");
        assert!(error.to_string().contains("remove the file"), "{error}");
        assert_requests(&scene.repo.log(), &[]);
        assert_eq!(fs::read_to_string(&state).unwrap(), newer);
    }
}

#[test]
fn a_state_of_another_source_is_refused() {
    let scene = Scene::new(&charts());
    scene.run_file("", "").expect(0);
    let other = ChartRepo::of(&charts());
    let path = scene.write_file("", "");
    let text = fs::read_to_string(&path)
        .unwrap()
        .replace(&scene.repo.url(), &other.url());
    fs::write(&path, text).unwrap();
    let outcome = scene
        .ferry
        .report(["migrate", "-c", path.to_str().unwrap()])
        .expect(1);
    assert_eq!(error(&outcome)["code"], "state-foreign");
    assert_requests(&other.log(), &[]);
}

#[test]
fn another_target_looks_at_its_own_and_trusts_the_rest() {
    let scene = Scene::new(&charts());
    scene.run_file("", "").expect(0);
    let path = scene.write_file("", "");
    let (one, two) = (scene.registry.target("charts"), scene.registry.target("more"));
    let text = fs::read_to_string(&path)
        .unwrap()
        .replace(&format!("[\"{one}\"]"), &format!("[\"{two}\", \"{one}\"]"));
    fs::write(&path, text).unwrap();
    scene.forget_logs();
    let outcome = scene
        .ferry
        .report(["migrate", "-c", path.to_str().unwrap()])
        .expect(0);
    assert_eq!((outcome.count("pushed"), outcome.count("present")), (4, 4));
    assert_eq!(scene.registry.tags().len(), 8);
    scene.forget_logs();
    scene.assert_idle(
        &scene
            .ferry
            .report(["migrate", "-c", path.to_str().unwrap()])
            .expect(0),
    );
}

#[test]
fn a_second_process_on_the_same_mirror_exits_75() {
    let scene = Scene::settled(&charts());
    scene.repo.fault(Fault::on(Kind::Index, Effect::Stall).nth(1));
    let (from, to) = (scene.repo.url(), scene.registry.target("charts"));
    let mut first = scene
        .ferry
        .command(["migrate", &from, &to, "--plain-http", "--state-dir", "state"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    scene.repo.forget_log();
    let deadline = Instant::now() + Duration::from_secs(30);
    while scene.repo.log().0.is_empty() {
        assert!(Instant::now() < deadline, "the first process asked for nothing");
        std::thread::sleep(Duration::from_millis(5));
    }
    let outcome = scene
        .ferry
        .report(["migrate", &from, &to, "--plain-http", "--state-dir", "state"]);
    let outcome = outcome.expect(75);
    assert_eq!(error(&outcome)["code"], "already-running");
    // Who only looks needs no lock
    let plan = ["plan", &from, &to, "--plain-http", "--state-dir", "state"];
    assert_eq!(scene.ferry.report(plan).expect(0).count("present"), 4);
    first.kill().unwrap();
    first.wait().unwrap();
    // The lock ended with its process
    scene.repo.heal();
    scene.assert_idle(&scene.run(&[]).expect(0));
}

#[test]
fn a_folder_that_cannot_be_used_is_one_error_before_any_request() {
    let scene = Scene::new(&charts());
    fs::write(scene.ferry.home().join("state"), "a file").unwrap();
    let outcome = scene.run(&[]).expect(1);
    for part in ["`state`", "is not a folder", "`state_dir = \"off\"`"] {
        assert!(outcome.stderr.contains(part), "{}", outcome.stderr);
    }
    assert_requests(&scene.repo.log(), &[]);
    assert_requests(&scene.registry.log(), &[]);
}

#[test]
fn a_plan_makes_no_folder() {
    let scene = Scene::new(&charts());
    let outcome = scene.command("plan", &[]).expect(0);
    assert_eq!(outcome.count("push"), 4);
    assert!(!scene.ferry.home().join("state").exists());
}

#[test]
fn a_file_remembers_in_the_users_folder_unless_it_says_otherwise() {
    let scene = Scene::new(&charts());
    scene.run_file("", "").expect(0);
    // XDG_STATE_HOME of the tests
    let folder = scene.ferry.home().join("state/chartferry");
    assert!(folder.is_dir());
    assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(scene.files(".state").len(), 1);
    scene.assert_idle(&scene.run_file("", "").expect(0));
    // Elsewhere nothing is known
    let outcome = scene.run_file("state_dir = \"mine\"", "").expect(0);
    assert_eq!(outcome.count("present"), 4);
    assert!(scene.ferry.home().join("mine").is_dir());
    // Nothing is kept
    for _ in 0..2 {
        scene.run_file("state_dir = \"off\"", "").expect(0);
        assert_eq!(scene.registry.log().count(Kind::TagList), 2);
    }
}

#[test]
fn two_urls_remember_only_if_they_are_told_to() {
    let scene = Scene::new(&charts());
    let (from, to) = (scene.repo.url(), scene.registry.target("charts"));
    let args = ["migrate", &from, &to, "--plain-http"];
    scene.ferry.report(args).expect(0);
    assert!(!scene.ferry.home().join("state").exists());
    for flag in ["--reconcile", "--accept-shrink"] {
        let outcome = scene.ferry.run(args.iter().chain(&[flag])).expect(1);
        assert!(outcome.stderr.contains("needs a state"), "{}", outcome.stderr);
    }
}

#[test]
fn a_setting_without_a_state_is_refused() {
    let scene = Scene::new(&charts());
    let path = scene.write_file("state_dir = \"off\"", "heal = false\nmax_shrink = \"5%\"");
    let outcome = scene
        .ferry
        .run(["migrate", "-c", path.to_str().unwrap()])
        .expect(1);
    for key in ["heal", "max_shrink"] {
        let text = format!("mirror[0].{key}: needs a state");
        assert!(outcome.stderr.contains(&text), "{}", outcome.stderr);
    }
}

#[test]
fn shards_have_states_of_their_own() {
    let scene = Scene::new(&charts());
    for shard in ["0/2", "1/2"] {
        scene.run(&["--shard", shard]).expect(0);
    }
    assert_eq!(scene.files(".state").len(), 2);
    assert_eq!(scene.registry.tags().len(), 4);
    for shard in ["0/2", "1/2"] {
        scene.assert_idle(&scene.run(&["--shard", shard]).expect(0));
    }
}

/// reliability I7: what is secret is in no state.
#[test]
fn no_password_is_in_a_state() {
    let scene = Scene::new(&charts());
    let login = ("user".to_owned(), "s3cr3t-source".to_owned());
    scene.repo.behave(|it| it.login = Some(login));
    fs::write(scene.ferry.home().join("password"), "s3cr3t-source\n").unwrap();
    let login = ["--source-username", "user", "--source-password-file", "password"];
    scene.run(&login).expect(0);
    scene.run(&login).expect(0);
    let text = fs::read_to_string(scene.state()).unwrap();
    assert!(text.contains("demo") && !text.contains("s3cr3t"), "{text}");
}

#[test]
fn a_state_that_cannot_be_saved_is_told_and_the_run_counts() {
    let scene = &Scene::new(&charts());
    scene
        .repo
        .fault(Fault::on(Kind::Package, Effect::Delay(Duration::from_secs(1))));
    let (from, to) = (scene.repo.url(), scene.registry.target("charts"));
    let folder = scene.ferry.home().join("state");
    let outcome = std::thread::scope(|scope| {
        let args = ["migrate", &from, &to, "--plain-http", "--state-dir", "state"];
        let run = scope.spawn(move || scene.ferry.report(args));
        let deadline = Instant::now() + Duration::from_secs(30);
        while scene.repo.log().count(Kind::Package) == 0 {
            assert!(Instant::now() < deadline, "nothing was asked for");
            std::thread::sleep(Duration::from_millis(5));
        }
        // Somebody removes it while the run goes on
        fs::remove_dir_all(&folder).unwrap();
        run.join().unwrap()
    });
    let outcome = outcome.expect(0);
    assert_eq!(outcome.count("pushed"), 4);
    assert_eq!(warnings(&outcome), ["state-unsaved"]);
}

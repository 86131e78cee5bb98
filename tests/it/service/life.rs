//! From the start to the end: nothing but the file, the state folder and the address can keep the service from starting, and a
//! signal ends it at every point (reliability F31, F40).

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::stage::{Stage, charts, repo};
use crate::support::disk::TinyDisk;
use crate::support::faults::{Effect, Fault};
use crate::support::server::Kind;
use crate::support::skip;
use crate::support::terminal::on_a_terminal;

#[test]
fn a_first_run_at_once_and_then_on_schedule() {
    let repo = repo(&["1.0.0"]);
    let stage = Stage::new().mirror("a", &repo.url(), "schedule = \"*/2 * * * * *\"");
    let service = stage.start();
    stage.arrive(&service, 1);
    repo.publish(&charts(&["1.0.0", "1.1.0"]));
    stage.arrive(&service, 2);
    service.says("run ended: all in place mirror=\"a\" exit=0 counts=\"1 pushed, 1 present\"");
    let found = service.api("a");
    assert!(
        found["next_run"].is_string() && found["last_success"].is_string(),
        "{found:#}"
    );
    for (path, words) in [
        ("/healthz", ""),
        ("/readyz", ""),
        ("/", "mirror"),
        ("/metrics", "chartferry_runs_total{mirror=\"a\",result="),
    ] {
        let (status, body) = service.get(path);
        assert!(status == 200 && body.contains(words), "{path}: {status} {body}");
    }
    service.stop();
}

#[test]
fn the_start_needs_neither_source_nor_registry() {
    let repo = repo(&["1.0.0"]);
    let mut stage = Stage::new().mirror("down", "http://127.0.0.1:1/charts", "every = \"1s\"");
    stage.registry.fault(Fault::status(Kind::Ping, 404));
    stage.add("refused", &repo.url(), "every = \"1s\"");
    stage.add("rare", "http://127.0.0.1:1/charts", "every = \"24h\"");
    let service = stage.start();
    assert_eq!(service.get("/readyz").0, 200);
    service.says("run ended: source unusable");
    service.says("run ended: target unusable");
    // The schedule is stretched, and whoever looks is told
    service.says("its schedule is stretched mirror=\"refused\"");
    service.says("its schedule is stretched mirror=\"down\"");
    assert!(service.api("down")["backing_off_until"].is_string());
    assert_eq!((service.get("/readyz").0, service.get("/healthz").0), (200, 200));
    let ended = service.said("run ended");
    stage.registry.heal();
    // Somebody who knows that it is over need not wait
    assert_eq!(service.trigger("refused"), 202);
    stage.arrive(&service, 1);
    service.says("its schedule holds again mirror=\"refused\"");
    // A pause that is over long before the next run is no news
    service.until("a run", || service.api("rare")["last_run"].is_object());
    assert!(service.api("rare")["backing_off_until"].is_null());
    assert_eq!(service.said("its schedule is stretched mirror=\"rare\""), 0);
    assert!(ended >= 2);
    service.stop();
}

#[test]
fn a_second_service_exits_with_75_and_a_migrate_goes_on() {
    let repo = repo(&["1.0.0"]);
    let stage = Stage::new().mirror("a", &repo.url(), "every = \"1h\"");
    let service = stage.start();
    service.says("run ended");
    let second = stage.ferry.run(["mirror", "-c", "config.toml"]).expect(75);
    assert!(
        second
            .stderr
            .contains("another service works with this state folder"),
        "{}",
        second.stderr
    );
    stage.ferry.report(["migrate", "-c", "config.toml"]).expect(0);
    service.stop();
    let again = stage.start();
    again.says("run ended");
    again.stop();
}

#[test]
fn what_keeps_it_from_starting_is_said() {
    let stage = Stage::new().mirror("a", "https://charts.acme.io", "schedule = \"61 * * * *\"");
    stage.write();
    let outcome = stage.ferry.run(["serve", "-c", "config.toml"]).expect(1);
    assert!(
        outcome.stderr.contains("config.toml:") && outcome.stderr.contains("schedule"),
        "{}",
        outcome.stderr
    );
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    let text = stage
        .text()
        .replace("127.0.0.1:0", &listen)
        .replace("61 *", "1 *");
    std::fs::write(stage.file(), text).unwrap();
    let outcome = stage.ferry.run(["mirror", "-c", "config.toml"]).expect(1);
    assert!(
        outcome.stderr.contains(&format!("cannot listen on `{listen}`")),
        "{}",
        outcome.stderr
    );
}

/// A reason that the system gives is in the message once.
#[test]
fn a_state_folder_that_cannot_be_used_is_told_once() {
    let stage = Stage::with("state_dir = \"config.toml/state\"").mirror("a", "charts", "");
    stage.write();
    let outcome = stage.ferry.run(["mirror", "-c", "config.toml"]).expect(1);
    let text = outcome.stderr;
    assert!(text.contains("name a writable folder as `state_dir`"), "{text}");
    assert_eq!(text.matches("os error").count(), 1, "{text}");
}

/// What keeps states from being saved is said once, and readiness says so as long as it lasts; the mirror is served.
#[test]
fn a_full_disk_is_told_and_stops_nothing() {
    let repo = repo(&["1.0.0"]);
    let stage = Stage::with("state_dir = \"tiny\"").mirror("a", &repo.url(), "every = \"1s\"");
    let Some(disk) = TinyDisk::mount(&stage.ferry.home().join("tiny")) else {
        eprintln!("skipped: a full disk under the service: only root can mount a small file system");
        return;
    };
    let service = stage.start();
    stage.arrive(&service, 1);
    service.says("counts=\"nothing new\"");
    let junk = disk.0.join("junk");
    // Fails half-way: that is what fills it
    drop(std::fs::write(&junk, vec![0; 1 << 20]));
    repo.publish(&charts(&["1.0.0", "1.1.0"]));
    stage.arrive(&service, 2);
    service.says("WARN cannot save `");
    service.says("No space left on device");
    service.until("503", || service.get("/readyz").0 == 503);
    let (_, why) = service.get("/readyz");
    assert!(why.contains("No space left on device"), "{why}");
    assert_eq!(service.get("/healthz").0, 200);
    let ended = service.said("run ended");
    service.until("further runs", || service.said("run ended") >= ended + 3);
    assert_eq!(service.said("WARN cannot save `"), 1, "{}", service.log());
    std::fs::remove_file(&junk).unwrap();
    service.until("200", || service.get("/readyz").0 == 200);
    service.stop();
}

/// Whoever comes back to a terminal sees when something happened.
#[test]
fn log_lines_have_the_time_also_on_a_terminal() {
    let stage = Stage::new().mirror("a", "charts", "every = \"1h\"");
    stage.write();
    let command = stage.ferry.command(["mirror", "-c", "config.toml"]);
    let child = on_a_terminal(&command)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        skip("a service on a terminal", "there is no `script`");
        return;
    };
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = lines.find(|line| line.as_ref().unwrap().contains("the service works"));
    let line = line.unwrap().unwrap();
    // Control-C, as the terminal takes it
    child.stdin.as_mut().unwrap().write_all(b"\x03").unwrap();
    let rest: Vec<_> = lines.map_while(Result::ok).collect();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{rest:?}");
    let (time, _) = line.split_once(' ').unwrap();
    time.parse::<chrono::DateTime<chrono::Utc>>()
        .unwrap_or_else(|error| panic!("{error}: {line}"));
}

#[test]
fn a_signal_while_nothing_runs() {
    let repo = repo(&["1.0.0"]);
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        let stage = Stage::new().mirror("a", &repo.url(), "");
        let service = stage.start();
        service.says("run ended: all in place");
        let begun = Instant::now();
        service.signal(signal);
        let log = service.end(code);
        assert!(log.contains("the service has ended"), "{log}");
        assert!(begun.elapsed() < Duration::from_secs(20));
    }
}

#[test]
fn a_signal_in_a_run_lets_it_finish_within_the_grace_time() {
    let repo = repo(&["1.0.0", "1.1.0", "1.2.0"]);
    repo.fault(Fault::on(Kind::Package, Effect::Delay(Duration::from_secs(2))));
    let stage = Stage::with("concurrency = 1").mirror("a", &repo.url(), "");
    let service = stage.start();
    service.until("a download", || repo.log().count(Kind::Package) >= 1);
    service.signal(Signal::TERM);
    let log = service.end(143);
    assert!(
        log.contains("run ended: interrupted (SIGTERM)") && log.contains("1 pushed, 2 failed"),
        "{log}"
    );
    stage.registry.assert_sound();
    // What was stopped is finished by the next one
    repo.heal();
    let service = stage.start();
    stage.arrive(&service, 3);
    service.stop();
}

#[test]
fn a_run_that_hangs_is_dropped_after_the_grace_time_and_a_second_signal_ends_at_once() {
    let repo = repo(&["1.0.0"]);
    repo.fault(Fault::on(Kind::Package, Effect::Stall));
    let stage = Stage::with("grace = \"1s\"").mirror("a", &repo.url(), "");
    let service = stage.start();
    service.until("a download", || repo.log().count(Kind::Package) >= 1);
    service.stop();
    let stage = Stage::with("grace = \"10m\"").mirror("a", &repo.url(), "");
    let before = repo.log().count(Kind::Package);
    let service = stage.start();
    service.until("a download", || repo.log().count(Kind::Package) > before);
    service.signal(Signal::TERM);
    service.says("once more ends at once");
    service.signal(Signal::TERM);
    service.end(143);
}

#[test]
fn a_signal_in_a_pause_after_failures() {
    let stage = Stage::new().mirror("a", "/nowhere/at/all", "every = \"1s\"");
    let service = stage.start();
    service.says("its schedule is stretched");
    let log = service.stop();
    assert!(log.contains("the service has ended"), "{log}");
}

#[test]
fn a_run_can_be_asked_for_with_the_token_only() {
    let repo = repo(&["1.0.0"]);
    let stage = Stage::new().mirror("a", &repo.url(), "");
    let service = stage.start();
    stage.arrive(&service, 1);
    service.says("run ended");
    repo.publish(&charts(&["1.0.0", "1.1.0"]));
    assert_eq!(service.ask("POST", "/api/v1/mirrors/a/run", "").0, 401);
    assert_eq!(service.trigger("b"), 404);
    assert_eq!(service.trigger("a"), 202);
    stage.arrive(&service, 2);
    let log = service.stop();
    assert!(!log.contains(super::stage::TOKEN), "{log}");
}

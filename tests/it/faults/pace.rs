//! F08 to F10: hosts that ask us to wait.

use std::time::{Duration, Instant, SystemTime};

use chartferry::report::Action;
use chartferry::transfer::width::Width;
use chrono::{DateTime, Utc};

use super::scene::Scene;
use crate::support::faults::{Effect, Fault};
use crate::support::server::{Answer, Kind, Log};

fn asks(status: u16, waits: &[&str]) -> Answer {
    let answer = Answer::status(status);
    waits
        .iter()
        .fold(answer, |answer, wait| answer.header("retry-after", wait))
}

/// No request reached the host between the first answer `status` and `wait` after it (reliability I11).
fn assert_quiet(log: &Log, status: u16, wait: Duration) {
    let at = log
        .0
        .iter()
        .find(|entry| entry.status == Some(status))
        .unwrap()
        .at;
    // Those that were under way when the answer was given
    let slack = Duration::from_millis(30);
    let early: Vec<_> = log
        .0
        .iter()
        .filter(|entry| entry.at > at + slack && entry.at < at + wait)
        .collect();
    assert!(early.is_empty(), "{early:#?}");
    assert!(log.0.iter().any(|entry| entry.at >= at + wait), "{log}");
}

#[test]
fn f08_a_wait_in_seconds_holds_the_whole_host_back() {
    let second = Duration::from_secs(1);
    for status in [429, 503] {
        let mut scene = Scene::new();
        scene.width = Width::Fixed(4);
        let fault = Fault::on(Kind::ManifestPut, Effect::Instead(asks(status, &["1"])));
        scene.registry.fault(fault.nth(1));
        scene.run().expect(0);
        assert_quiet(&scene.registry.log(), status, second);
        scene.settle();
    }
}

#[test]
fn f08_other_hosts_go_on_meanwhile() {
    let mut scene = Scene::new();
    // One version at a time: what happens during the pause is the registry's wait alone
    scene.width = Width::Fixed(4);
    let fault = Fault::on(Kind::TagList, Effect::Instead(asks(429, &["1"])));
    scene.registry.fault(fault.path("beta").nth(1));
    scene.run().expect(0);
    assert_quiet(&scene.registry.log(), 429, Duration::from_secs(1));
    let paused = scene.registry.log().of(Kind::TagList)[0].at;
    let fetched: Vec<Instant> = scene.repo.log().0.iter().map(|entry| entry.at).collect();
    assert!(
        fetched
            .iter()
            .any(|at| *at > paused && *at < paused + Duration::from_secs(1)),
        "the source was not asked for anything during the registry's pause"
    );
    scene.settle();
}

#[test]
fn f09_a_date_is_waited_for() {
    let scene = Scene::single();
    let until = SystemTime::now() + Duration::from_secs(2);
    let date = DateTime::<Utc>::from(until)
        .format("%a, %d %b %Y %H:%M:%S GMT")
        .to_string();
    let fault = Fault::on(Kind::Index, Effect::Instead(asks(429, &[&date])));
    scene.repo.fault(fault.nth(1));
    scene.run().expect(0);
    let second = scene.repo.log().of(Kind::Index)[1].at;
    let left = until.duration_since(SystemTime::now()).unwrap_or_default();
    // The date has whole seconds
    assert!(second.elapsed() + left < Duration::from_secs(2), "{second:?}");
    let gap = second - scene.repo.log().of(Kind::Index)[0].at;
    assert!(gap >= Duration::from_millis(700), "{gap:?}");
    scene.settle();
}

#[test]
fn f09_what_is_no_wait_leads_to_our_own() {
    for waits in [
        &["-1"][..],
        &["soon"],
        &["1.5"],
        &[""],
        &["Sun, 06 Nov 1994 08:49:37 GMT"],
        &["-1", "soon"],
    ] {
        let scene = Scene::single();
        let fault = Fault::on(Kind::Index, Effect::Instead(asks(429, waits)));
        scene.repo.fault(fault.nth(1));
        let ran = scene.run().expect(0);
        assert!(ran.took < Duration::from_secs(2), "{waits:?}: {:?}", ran.took);
        assert_eq!(scene.repo.log().count(Kind::Index), 2, "{waits:?}");
        scene.settle();
    }
}

#[test]
fn f09_of_two_waits_the_longer_counts() {
    let scene = Scene::single();
    let fault = Fault::on(Kind::Index, Effect::Instead(asks(429, &["0", "1"])));
    scene.repo.fault(fault.nth(1));
    scene.run().expect(0);
    assert_quiet(&scene.repo.log(), 429, Duration::from_secs(1));
    scene.settle();
}

#[test]
fn f09_an_absurd_wait_is_capped() {
    let mut scene = Scene::single();
    scene.retry.max_wait = Duration::from_secs(1);
    let fault = Fault::on(Kind::Index, Effect::Instead(asks(429, &["1000000000000"])));
    scene.repo.fault(fault.nth(1));
    let ran = scene.run().expect(0);
    assert_quiet(&scene.repo.log(), 429, Duration::from_secs(1));
    assert!(ran.took < Duration::from_secs(3), "{:?}", ran.took);
    scene.settle();
}

#[test]
fn f10_an_endless_limit_ends_with_the_tries() {
    let scene = Scene::new();
    scene
        .repo
        .fault(Fault::status(Kind::Package, 429).path("alpha-1.0.0"));
    scene
        .run()
        .expect(2)
        .lost(&["alpha 1.0.0"], Action::Failed, "rate-limited");
    let log = scene.repo.log();
    let tries = log.of(Kind::Package).into_iter();
    assert_eq!(
        tries.filter(|entry| entry.status == Some(429)).count(),
        4,
        "{log}"
    );
    scene.settle();
}

#[test]
fn f10_an_endless_limit_ends_with_the_time_of_the_run() {
    let mut scene = Scene::new();
    scene.retry.attempts = 1000;
    scene.run_timeout = Some(Duration::from_millis(300));
    scene.grace = Duration::from_millis(300);
    scene
        .repo
        .fault(Fault::status(Kind::Package, 429).path("alpha-1.0.0"));
    let ran = scene
        .run()
        .expect(2)
        .lost(&["alpha 1.0.0"], Action::Failed, "deadline");
    assert!(ran.took < Duration::from_secs(2), "{:?}", ran.took);
    scene.run_timeout = None;
    scene.settle();
}

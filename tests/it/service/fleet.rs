//! Many mirrors for a while: none misses a turn, an idle cycle costs one request each, memory stays where it is, and the page
//! answers meanwhile.
//!
//! `CHARTFERRY_TEST_FLEET=200x50` sets mirrors and charts; what is usual is small, since each version has to be carried once.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use super::stage::{Service, Stage};
use crate::support::chart_repo::ChartRepo;
use crate::support::charts::grid;
use crate::support::server::Kind;

/// Seconds from turn to turn: for a machine that is busy with other tests, not for what a turn costs.
const PERIOD: i64 = 10;
/// Turns that are watched; each stands for five minutes of half an hour.
const TURNS: i64 = 6;

fn size() -> (usize, usize) {
    let given = std::env::var("CHARTFERRY_TEST_FLEET").unwrap_or_else(|_| "40x5".to_owned());
    let (mirrors, charts) = given.split_once('x').unwrap();
    (mirrors.parse().unwrap(), charts.parse().unwrap())
}

fn name(number: usize) -> String {
    format!("m{number:03}")
}

/// What `/metrics` says.
fn metric(service: &Service, name: &str) -> f64 {
    let (status, text) = service.get("/metrics");
    assert_eq!(status, 200);
    let line = text.lines().find(|line| line.starts_with(&format!("{name} ")));
    line.unwrap_or_else(|| panic!("no {name}:\n{text}"))
        .split(' ')
        .nth(1)
        .unwrap()
        .parse()
        .unwrap()
}

/// In mebibytes.
fn memory(service: &Service) -> f64 {
    metric(service, "process_resident_memory_bytes") / f64::from(1 << 20)
}

/// When the runs of a mirror began, in turns since 1970.
fn turns(service: &Service, mirror: &str) -> BTreeMap<i64, usize> {
    let mut turns = BTreeMap::new();
    for run in service.api(mirror)["history"].as_array().unwrap() {
        assert_eq!(run["exit_code"], 0, "{mirror}: {run:#}");
        let started: DateTime<Utc> = run["started"].as_str().unwrap().parse().unwrap();
        *turns.entry(started.timestamp() / PERIOD).or_default() += 1;
    }
    turns
}

/// People who reload the page all the time, until `stop`; how long it took at most and how often it was asked for.
fn crowd(service: &Service, stop: &AtomicBool) -> (Duration, usize) {
    let (mut longest, mut asked) = (Duration::ZERO, 0);
    while !stop.load(Ordering::Relaxed) {
        let begun = Instant::now();
        let (status, page) = service.get("/");
        assert!(status == 200 && page.contains("m000"), "{status}: {page}");
        (longest, asked) = (longest.max(begun.elapsed()), asked + 1);
        std::thread::sleep(Duration::from_millis(200));
    }
    (longest, asked)
}

fn carry(mirrors: usize, charts: usize, repo: &ChartRepo) -> Stage {
    let mut stage = Stage::with("concurrency = 32");
    for number in 0..mirrors {
        // A year's first second: it runs at the start and not again
        stage.add(
            &name(number),
            &repo.url(),
            "schedule = \"0 0 1 1 *\"\nprovenance = \"off\"",
        );
    }
    let service = stage.start();
    // As long as it takes: a service that hangs is found by its silence
    let mut ended = 0;
    while ended < mirrors {
        service.until("another run", || service.said("run ended") > ended);
        ended = service.said("run ended");
    }
    assert_eq!(stage.registry.tags().len(), mirrors * charts);
    service.stop();
    let text = stage
        .text()
        .replace("0 0 1 1 *", &format!("*/{PERIOD} * * * * *"));
    std::fs::write(stage.file(), text).unwrap();
    stage
}

#[test]
fn many_mirrors_keep_their_turns_and_memory_stays_flat() {
    let (mirrors, charts) = size();
    let names: Vec<_> = (0..charts).map(|number| format!("chart-{number:02}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let repo = ChartRepo::of(&grid(&names, &["1.0.0"]));
    let stage = carry(mirrors, charts, &repo);
    repo.forget_log();
    stage.registry.forget_log();
    let service = stage.start();
    service.until("the first runs", || service.said("run ended") >= mirrors);
    // The turn that goes on may have begun before the start
    let first = Utc::now().timestamp() / PERIOD + 1;
    let stop = AtomicBool::new(false);
    let (early, late, crowds) = std::thread::scope(|scope| {
        let crowds: Vec<_> = (0..4).map(|_| scope.spawn(|| crowd(&service, &stop))).collect();
        // In the middle of a turn, when nothing runs
        let until = |turn: i64| {
            let left = (first + turn) * PERIOD + PERIOD / 2 - Utc::now().timestamp();
            std::thread::sleep(Duration::from_secs(left.max(0).unsigned_abs()));
        };
        until(1);
        let early = memory(&service);
        until(TURNS - 1);
        let late = memory(&service);
        stop.store(true, Ordering::Relaxed);
        let crowds: Vec<_> = crowds.into_iter().map(|crowd| crowd.join().unwrap()).collect();
        (early, late, crowds)
    });
    for number in 0..mirrors {
        let turns = turns(&service, &name(number));
        for turn in first..first + TURNS {
            assert_eq!(
                turns.get(&turn),
                Some(&1),
                "{}, turn {turn}: {turns:?}",
                name(number)
            );
        }
    }
    let log = service.stop();
    // One request each, also for the runs of the start
    let (asked, runs) = (repo.log(), log.matches("run ended").count());
    assert_eq!((asked.0.len(), asked.count(Kind::Index)), (runs, runs));
    assert!(asked.0.iter().all(|entry| entry.status == Some(304)));
    assert_eq!(stage.registry.log().0.len(), 0, "{}", stage.registry.log());
    let (longest, pages) = crowds
        .iter()
        .fold((Duration::ZERO, 0), |(longest, pages), crowd| {
            (longest.max(crowd.0), pages + crowd.1)
        });
    eprintln!(
        "{mirrors} mirrors of {charts} charts, {runs} runs: {early:.1} MiB early, {late:.1} MiB late; {pages} pages, the slowest in {longest:.0?}"
    );
    assert!(late < early * 1.25 + 16.0, "{early} MiB became {late} MiB");
}

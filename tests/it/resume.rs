//! The process is killed in the middle and started again (reliability 5.2, light): at the end all is in place, sound, and nothing
//! that was tagged before the kill was pushed again.

use std::collections::BTreeSet;
use std::process::Child;
use std::time::{Duration, Instant};

use crate::support::chart_repo::ChartRepo;
use crate::support::charts::{Chart, grid};
use crate::support::faults::{Effect, Fault};
use crate::support::ferry::{Ferry, Outcome};
use crate::support::process::RealRegistry;
use crate::support::registry::{Registry, digest_of};
use crate::support::server::{Kind, Log};
use crate::support::tools::Tool;

/// Versions in flight at once.
const WIDTH: usize = 2;
/// Registry requests of a version without provenance (product rule 2).
const PER_VERSION: usize = 5;

/// When, in the life of the request, the process dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// The server has the request and has not done what it asks.
    Before,
    /// The server has done it, and the answer is not sent.
    After,
}

fn charts() -> Vec<Chart> {
    grid(&["alpha", "beta"], &["1.0.0", "1.1.0", "2.0.0"])
}

fn args(from: &str, to: &str) -> Vec<String> {
    let mut args = ["migrate", from, to, "--concurrency", &WIDTH.to_string()]
        .map(str::to_owned)
        .to_vec();
    if to.starts_with("oci://") {
        args.push("--plain-http".to_owned());
    }
    args
}

/// Starts a run, waits for `ready`, and kills it as a crash would.
fn run_until(ferry: &Ferry, args: &[String], ready: impl Fn() -> bool) {
    let mut command = ferry.command(args);
    command
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null());
    let mut child = command.spawn().unwrap();
    wait(&mut child, ready);
    child.kill().unwrap();
    let status = child.wait().unwrap();
    assert_eq!(status.code(), None, "it ended by itself: {status}");
}

fn wait(child: &mut Child, ready: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !ready() {
        assert!(Instant::now() < deadline, "the moment to kill never came");
        assert!(
            child.try_wait().unwrap().is_none(),
            "the run ended before the moment to kill came"
        );
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// One kill at the `k`-th request to the registry, and what must hold afterwards.
fn kill_at(k: usize, moment: Moment) {
    let what = format!("killed at request {k}, {moment:?}");
    let charts = charts();
    let (ferry, repo, registry) = (Ferry::new(), ChartRepo::of(&charts), Registry::start());
    let args = args(&repo.url(), &registry.target("charts"));
    let effect = match moment {
        Moment::Before => Effect::Stall,
        Moment::After => Effect::Hold,
    };
    registry.fault(Fault::any(effect).nth(k));
    // Everything else is answered while the k-th request hangs, so what arrives later does not matter
    let hangs = || {
        let log = registry.log();
        match moment {
            Moment::Before => log.0.len() >= k,
            Moment::After => log.0.get(k - 1).is_some_and(|entry| entry.status.is_some()),
        }
    };
    run_until(&ferry, &args, hangs);
    // What was on the wire when the process died still arrives
    std::thread::sleep(Duration::from_millis(20));
    registry.heal();
    registry.assert_sound();
    let before = registry.tags();
    let stored = blobs(&registry);

    registry.forget_log();
    repo.forget_log();
    let outcome = ferry.report(&args).expect(0);
    assert_accounted(&outcome, &charts, before.len(), &what);
    assert_no_rework(&registry.log(), &before, &stored, charts.len(), &what);
    assert_eq!(
        repo.log().count(Kind::Package),
        charts.len() - before.len(),
        "{what}"
    );
    assert_complete(&registry, &charts, &what);
    assert_rests(&ferry, &args, &registry, charts.len(), &what);
}

/// I1 and I2: every version once, nothing failed.
fn assert_accounted(outcome: &Outcome, charts: &[Chart], present: usize, what: &str) {
    let mut expected: Vec<_> = charts
        .iter()
        .map(|it| (it.name.clone(), it.version.clone()))
        .collect();
    expected.sort();
    let items = outcome.items();
    let actual: Vec<_> = items
        .iter()
        .map(|it| (it.chart.clone(), it.version.clone()))
        .collect();
    assert_eq!(actual, expected, "{what}");
    assert_eq!(outcome.count("present"), present, "{what}");
    assert_eq!(outcome.count("pushed"), charts.len() - present, "{what}");
}

/// I6 and I8: what had its tag is left alone, the rest costs what it always costs, and no more blobs are sent twice than were in
/// flight.
fn assert_no_rework(log: &Log, before: &[String], stored: &BTreeSet<String>, versions: usize, what: &str) {
    for put in log.of(Kind::ManifestPut) {
        let path = put
            .request
            .path
            .trim_start_matches("/v2/")
            .replace("/manifests/", ":");
        assert!(!before.contains(&path), "{what}: {path} was pushed again");
    }
    let missing = versions - before.len();
    assert_eq!(log.writes(), PER_VERSION * missing, "{what}\n{log}");
    let again = log.of(Kind::UploadPut).into_iter().filter(|entry| {
        entry
            .request
            .param("digest")
            .is_some_and(|digest| stored.contains(&digest))
    });
    let again = again.count();
    assert!(again <= 2 * WIDTH, "{what}: {again} blobs were sent again");
}

/// I3 and I4: every tag leads to sound content, and the package in it is the source's.
fn assert_complete(registry: &Registry, charts: &[Chart], what: &str) {
    registry.assert_sound();
    let expected: BTreeSet<_> = charts
        .iter()
        .map(|chart| format!("charts/{}:{}", chart.name, chart.version))
        .collect();
    let actual: BTreeSet<_> = registry.tags().into_iter().collect();
    assert_eq!(actual, expected, "{what}");
    for chart in charts {
        let content = registry.content(&format!("charts/{}", chart.name));
        let manifest = &content.manifests[&content.tags[&chart.version]];
        let manifest: serde_json::Value = serde_json::from_slice(&manifest.bytes).unwrap();
        let digest = digest_of(&chart.tgz());
        assert_eq!(manifest["layers"][0]["digest"], *digest, "{what}");
        assert_eq!(content.blobs[&digest], chart.tgz(), "{what}");
    }
}

/// I5: a further run writes nothing.
fn assert_rests(ferry: &Ferry, args: &[String], registry: &Registry, versions: usize, what: &str) {
    registry.forget_log();
    let outcome = ferry.report(args).expect(0);
    assert_eq!(outcome.count("present"), versions, "{what}");
    assert_eq!(registry.log().writes(), 0, "{what}\n{}", registry.log());
}

fn blobs(registry: &Registry) -> BTreeSet<String> {
    let contents = ["charts/alpha", "charts/beta"].map(|name| registry.content(name));
    contents
        .into_iter()
        .flat_map(|content| content.blobs.into_keys())
        .collect()
}

#[test]
fn a_kill_at_any_request_loses_nothing_and_repeats_little() {
    let charts = charts();
    let (ferry, repo, registry) = (Ferry::new(), ChartRepo::of(&charts), Registry::start());
    ferry
        .report(args(&repo.url(), &registry.target("charts")))
        .expect(0);
    let requests = registry.log().0.len();
    // Probe, two tag lists, five per version, one tag and its two blobs looked at again
    assert_eq!(requests, 1 + 2 + PER_VERSION * charts.len() + 1 + 2);
    let kills: Vec<_> = (1..=requests)
        .flat_map(|k| [(k, Moment::Before), (k, Moment::After)])
        .collect();
    std::thread::scope(|scope| {
        for part in 0..4 {
            let kills = &kills;
            scope.spawn(move || {
                for (k, moment) in kills.iter().skip(part).step_by(4) {
                    kill_at(*k, *moment);
                }
            });
        }
    });
}

#[test]
fn a_kill_while_a_layout_is_written_loses_nothing() {
    let charts = charts();
    for k in 1..=charts.len() {
        let (ferry, repo) = (Ferry::new(), ChartRepo::of(&charts));
        let args = args(&repo.url(), "oci-layout:target");
        repo.fault(Fault::on(Kind::Package, Effect::Stall).nth(k));
        // With two in flight the other one goes on to the end before the kill
        let stuck = || repo.log().count(Kind::Package) == charts.len();
        run_until(&ferry, &args, stuck);
        repo.heal();
        let outcome = ferry.report(&args).expect(0);
        let present = outcome.count("present");
        assert!(
            present >= charts.len() - WIDTH,
            "package {k}: {present} were left"
        );
        assert_accounted(&outcome, &charts, present, &format!("package {k}"));
        let again = ferry.report(&args).expect(0);
        assert_eq!(again.count("present"), charts.len(), "package {k}");
    }
}

#[test]
fn a_kill_beside_a_real_registry_loses_nothing() {
    let Some(registry) = RealRegistry::start(Tool::Distribution3) else {
        return;
    };
    let charts = charts();
    for k in [1, 3, 6] {
        let prefix = format!("kill-{k}");
        let (ferry, repo) = (Ferry::new(), ChartRepo::of(&charts));
        let args = args(&repo.url(), &registry.target(&prefix));
        repo.fault(Fault::on(Kind::Package, Effect::Stall).nth(k));
        run_until(&ferry, &args, || repo.log().count(Kind::Package) >= k);
        repo.heal();
        let outcome = ferry.report(&args).expect(0);
        assert_accounted(&outcome, &charts, outcome.count("present"), &prefix);
        for chart in &charts {
            let (name, version) = (&chart.name, &chart.version);
            let (status, manifest) = registry.get(&format!("/v2/{prefix}/{name}/manifests/{version}"));
            assert_eq!(status, 200, "{prefix}: {manifest}");
            assert!(
                manifest.contains(&digest_of(&chart.tgz())),
                "{prefix}: {manifest}"
            );
        }
        let again = ferry.report(&args).expect(0);
        assert_eq!(again.count("present"), charts.len(), "{prefix}");
    }
}

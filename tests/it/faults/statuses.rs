//! F11, F12: answers that may be others later are asked for again, all others are final.

use std::collections::BTreeSet;
use std::time::Duration;

use chartferry::report::Action;
use chartferry::transfer::width::Width;

use super::scene::Scene;
use crate::support::chart_repo::ChartRepo;
use crate::support::charts::sha256_hex;
use crate::support::data;
use crate::support::faults::{Effect, Fault};
use crate::support::server::{Answer, Kind, Log, Logged};

const PASSING: [u16; 13] = [408, 429, 499, 500, 502, 503, 504, 520, 521, 522, 523, 524, 503];
const FINAL: [u16; 10] = [400, 401, 403, 404, 405, 409, 412, 413, 416, 501];

#[test]
fn f11_a_passing_status_once_costs_one_request() {
    for status in PASSING {
        let scene = Scene::single();
        scene.repo.fault(Fault::status(Kind::Index, status).nth(1));
        scene.repo.fault(Fault::status(Kind::Package, status).nth(1));
        let tags = Fault::status(Kind::TagList, status).nth(1);
        let put = Fault::status(Kind::ManifestPut, status).nth(1);
        scene.registry.fault(tags);
        scene.registry.fault(put);
        scene.run().expect(0);
        let (source, registry) = (scene.repo.log(), scene.registry.log());
        assert_eq!(source.count(Kind::Index), 2, "{status}");
        assert_eq!(source.count(Kind::Package), 2, "{status}");
        assert_eq!(registry.count(Kind::TagList), 2, "{status}");
        assert_eq!(registry.count(Kind::ManifestPut), 2, "{status}");
        scene.settle();
    }
}

#[test]
fn f11_a_passing_status_forever_ends_with_the_tries_and_names_host_and_status() {
    let steps = [
        (Kind::TagList, "registry-unavailable"),
        (Kind::UploadPost, "registry-unavailable"),
        (Kind::UploadPut, "registry-unavailable"),
        (Kind::ManifestPut, "registry-unavailable"),
    ];
    for (kind, code) in steps {
        let scene = Scene::single();
        scene.registry.fault(Fault::status(kind, 502));
        let host = scene.registry.host();
        scene
            .run()
            .expect(2)
            .lost(&["alpha 1.0.0"], Action::Failed, code)
            .says(&host)
            .says("502 Bad Gateway");
        let log = scene.registry.log();
        // Two blobs are uploaded side by side, each with tries of its own
        let things = if matches!(kind, Kind::UploadPost | Kind::UploadPut) {
            2
        } else {
            1
        };
        assert!(log.count(kind) <= 4 * things, "{kind:?}\n{log}");
        assert!(log.count(kind) >= 4, "{kind:?}\n{log}");
        scene.settle();
    }
    let scene = Scene::single();
    scene.repo.fault(Fault::status(Kind::Package, 502));
    scene
        .run()
        .expect(2)
        .lost(&["alpha 1.0.0"], Action::Failed, "source-status")
        .says(&scene.repo.host())
        .says("502 Bad Gateway");
    assert_eq!(scene.repo.log().count(Kind::Package), 4);
    scene.settle();
}

/// Faults on about three in ten of the first `turns` requests of every kind, by a generator that anyone can start again.
fn three_in_ten(seed: u64, turns: usize, fault: impl Fn(Fault)) {
    let mut state = seed;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let broken = || {
        [
            Effect::Instead(Answer::status(429)),
            Effect::Instead(Answer::status(503)),
            Effect::Drop,
            Effect::LoseAnswer,
        ]
    };
    for kind in [
        Kind::Index,
        Kind::Package,
        Kind::Provenance,
        Kind::Ping,
        Kind::TagList,
        Kind::UploadPost,
        Kind::UploadPut,
        Kind::BlobHead,
        Kind::ManifestPut,
        Kind::ManifestHead,
    ] {
        let mut struck = broken().map(|effect| (effect, BTreeSet::new()));
        for turn in 1..=turns {
            if random() % 10 < 3 {
                struck[usize::try_from(random() % 4).unwrap()].1.insert(turn);
            }
        }
        for (effect, turns) in struck {
            fault(Fault::on(kind, effect).among(turns));
        }
    }
}

#[test]
fn f11_small_mini_arrives_whole_through_thirty_percent_of_faults() {
    let Some(folder) = data::set("small-mini") else {
        return;
    };
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let clock = u64::try_from(now.unwrap().as_nanos() & u128::from(u64::MAX)).unwrap();
    let seed = std::env::var("CHARTFERRY_TEST_SEED").map_or(clock | 1, |seed| seed.parse().unwrap());
    eprintln!("CHARTFERRY_TEST_SEED={seed}");
    let mut scene = Scene::around(ChartRepo::folder(&folder));
    scene.retry.attempts = 12;
    expect_folder(&scene, &folder);
    three_in_ten(seed, 150, |fault| scene.repo.fault(fault));
    three_in_ten(seed.rotate_left(7), 150, |fault| scene.registry.fault(fault));
    scene.run().expect(0);
    let log = scene.registry.log();
    assert!(
        hit(&log) * 10 > log.0.len(),
        "too few faults to mean anything\n{log}"
    );
    scene.assert_complete();
    scene.settle();
}

/// Requests that a fault struck.
fn hit(log: &Log) -> usize {
    let struck = |entry: &&Logged| entry.status.is_none_or(|status| status >= 429);
    log.0.iter().filter(struck).count()
}

/// A whole repository of the real world, and what the faults cost beside a run without any: always the same ones, unless the
/// environment names another seed.
#[test]
fn f11_eks_charts_arrive_whole_through_thirty_percent_of_faults() {
    let Some(folder) = data::set("eks-charts") else {
        return;
    };
    let seed = std::env::var("CHARTFERRY_TEST_SEED").map_or(0x5eed_0000_0449, |seed| seed.parse().unwrap());
    eprintln!("CHARTFERRY_TEST_SEED={seed}");
    let stage = || {
        let mut scene = Scene::around(ChartRepo::folder(&folder));
        scene.retry.attempts = 12;
        scene.retry.base = Duration::from_millis(10);
        scene.width = Width::Fixed(32);
        expect_folder(&scene, &folder);
        scene
    };
    let calm = stage();
    let calm_run = calm.run().expect(0);
    let rough = stage();
    three_in_ten(seed, 2000, |fault| rough.repo.fault(fault));
    three_in_ten(seed.rotate_left(7), 2000, |fault| rough.registry.fault(fault));
    let rough_run = rough.run().expect(0);
    rough.assert_complete();
    assert_eq!(rough_run.count(Action::Pushed), 449);
    let requests = |scene: &Scene| (scene.repo.log().0.len(), scene.registry.log().0.len());
    let (before, after) = (requests(&calm), requests(&rough));
    let struck = hit(&rough.repo.log()) + hit(&rough.registry.log());
    eprintln!(
        "449 versions: {} + {} requests in {:.1} s without faults, {} + {} in {:.1} s with {struck} of them struck",
        before.0,
        before.1,
        calm_run.took.as_secs_f64(),
        after.0,
        after.1,
        rough_run.took.as_secs_f64()
    );
    // Each request that was struck costs itself again, an upload its POST and perhaps a look besides
    assert!(
        struck * 4 > after.0 + after.1,
        "too few faults to mean anything: {struck} of {after:?}"
    );
    assert!(
        after.0 + after.1 <= before.0 + before.1 + 3 * struck,
        "{before:?} {after:?} {struck}"
    );
    rough.settle();
}

/// What the folder's index lists, with the packages and provenance files that lie beside it.
fn expect_folder(scene: &Scene, folder: &std::path::Path) {
    let index = std::fs::read(folder.join("index.yaml")).unwrap();
    let index: serde_json::Value = serde_yaml::from_slice(&index).unwrap();
    let read = |name: &str| std::fs::read(folder.join(name)).ok();
    for (chart, entries) in index["entries"].as_object().unwrap() {
        for entry in entries.as_array().unwrap() {
            let file = entry["urls"][0].as_str().unwrap().rsplit('/').next().unwrap();
            let package = read(file).unwrap();
            assert_eq!(
                entry["digest"].as_str(),
                Some(sha256_hex(&package).as_str()),
                "{file}"
            );
            let version = entry["version"].as_str().unwrap();
            scene.expect(chart, version, (package, read(&format!("{file}.prov"))));
        }
    }
}

#[test]
fn f12_a_final_status_of_the_source_costs_one_request() {
    for status in FINAL {
        let scene = Scene::new();
        let fault = Fault::status(Kind::Package, status).path("alpha-1.0.0");
        scene.repo.fault(fault);
        let code = match status {
            401 | 403 => "source-denied",
            404 => "source-gone",
            _ => "source-status",
        };
        scene.run().expect(2).lost(&["alpha 1.0.0"], Action::Failed, code);
        assert_eq!(scene.repo.log().count(Kind::Package), 4, "{status}");
        scene.settle();
        let scene = Scene::new();
        scene.repo.fault(Fault::status(Kind::Index, status));
        scene.run().expect(4);
        assert_eq!(scene.repo.log().count(Kind::Index), 1, "{status}");
        scene.assert_registry_untouched();
    }
}

/// The exit code when this status is all that a registry has for the only chart.
fn denied(status: u16) -> u8 {
    if matches!(status, 401 | 403) { 5 } else { 2 }
}

#[test]
fn f12_a_final_status_of_the_manifest_is_followed_by_one_look_at_most() {
    for status in FINAL {
        let scene = Scene::single();
        scene.registry.fault(Fault::status(Kind::ManifestPut, status));
        scene.run().expect(denied(status));
        let log = scene.registry.log();
        // 401: the login is tried a second time only where it is another one than the refused
        assert_eq!(log.count(Kind::ManifestPut), 1, "{status}\n{log}");
        let may_be_taken = matches!(status, 400 | 403 | 405 | 409 | 412);
        assert_eq!(
            log.count(Kind::ManifestHead),
            usize::from(may_be_taken),
            "{status}\n{log}"
        );
        scene.settle();
    }
}

#[test]
fn f12_a_final_status_of_an_upload_is_not_repeated_blindly() {
    for status in FINAL {
        let scene = Scene::single();
        scene.registry.fault(Fault::status(Kind::UploadPut, status));
        scene.run().expect(denied(status));
        let log = scene.registry.log();
        let puts = log.count(Kind::UploadPut);
        // Per blob: a session that was lost (401, 404, 416) is opened anew three times, 413 is followed by pieces
        let most = match status {
            401 | 404 | 416 => 2 * 4,
            413 => 2 * 2,
            _ => 2,
        };
        assert!((1..=most).contains(&puts), "{status}\n{log}");
        assert_eq!(log.count(Kind::UploadPatch) > 0, status == 413, "{status}\n{log}");
        scene.settle();
    }
}

#[test]
fn f12_too_large_once_is_sent_in_pieces() {
    let scene = Scene::single();
    scene.registry.fault(Fault::status(Kind::UploadPut, 413).nth(1));
    scene.run().expect(0);
    assert!(scene.registry.log().count(Kind::UploadPatch) > 0);
    scene.settle();
}

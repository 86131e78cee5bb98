//! A slow or dead source delays no other mirror, whatever it does.

use std::time::Duration;

use super::stage::{Stage, charts, repo};
use crate::support::faults::{Effect, Fault};
use crate::support::server::Kind;

const MANY: [&str; 12] = [
    "1.0.0", "1.0.1", "1.0.2", "1.0.3", "1.0.4", "1.0.5", "1.0.6", "1.0.7", "1.0.8", "1.0.9", "1.0.10",
    "1.0.11",
];

/// One mirror holds all places with downloads that `effect` makes endless; the other one's versions arrive all the same.
fn holds_nobody_up(effect: Effect) {
    let (slow, quick) = (repo(&MANY), repo(&["1.0.0"]));
    slow.fault(Fault::on(Kind::Package, effect));
    let mut stage = Stage::with("concurrency = 2\ngrace = \"1s\"").mirror("slow", &slow.url(), "");
    stage.add("quick", &quick.url(), "every = \"1s\"");
    let service = stage.start();
    service.until("all places are taken", || slow.log().count(Kind::Package) >= 2);
    stage.arrive(&service, 1);
    quick.publish(&charts(&["1.0.0", "2.0.0", "2.1.0", "2.2.0"]));
    stage.arrive(&service, 4);
    // Nor does it take more than it is given: two, and none of them ended
    assert_eq!(service.said("mirror=\"slow\""), 0, "{}", service.log());
    service.stop();
}

#[test]
fn a_source_whose_packages_hang_holds_nobody_up() {
    holds_nobody_up(Effect::Stall);
}

#[test]
fn a_source_that_trickles_holds_nobody_up() {
    holds_nobody_up(Effect::Trickle(1, Duration::from_secs(1)));
}

/// More mirrors than may begin at once have a source that never answers, and all come before the good one.
#[test]
fn sources_that_never_answer_hold_nobody_up() {
    let (dead, quick) = (repo(&["1.0.0"]), repo(&["1.0.0"]));
    dead.fault(Fault::on(Kind::Index, Effect::Stall));
    let mut stage = Stage::with("grace = \"1s\"");
    for number in 0..20 {
        stage.add(&format!("dead-{number}"), &dead.url(), "");
    }
    stage.add("quick", &quick.url(), "");
    let service = stage.start();
    stage.arrive(&service, 1);
    service.stop();
}

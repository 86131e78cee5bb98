//! F50: connections and streams that end in the ways of HTTP/2, and servers that take one request at a time.

use h2::Reason;
use http::Method;

use crate::support::chart_repo::ChartRepo;
use crate::support::charts::grid;
use crate::support::ferry::{Ferry, elements};
use crate::support::h2_front::{Front, Trouble};
use crate::support::registry::Registry;
use crate::support::tls::Tls;

const CHARTS: usize = 12;

/// Runs a migration of [`CHARTS`] versions to a registry behind this front, expects all of it to arrive, and returns how many
/// requests were sent again.
fn carry(
    streams: u32,
    floods: usize,
    script: impl Fn(&Method, &str, usize) -> Option<Trouble> + Send + Sync + 'static,
) -> (u64, usize) {
    let (tls, ferry, registry) = (Tls::new(), Ferry::new(), Registry::start());
    tls.write_authority(&ferry.home().join("ca.pem"));
    let front = Front::start(&tls, &registry.host(), streams, floods, script);
    let source = ChartRepo::of(&grid(
        &["alpha", "beta", "gamma"],
        &["1.0.0", "1.1.0", "1.2.0", "1.3.0"],
    ));
    let target = format!("oci://{}/charts", front.host());
    let url = source.url();
    let args = ["migrate", &url, &target, "--ca-file", "ca.pem"];
    let outcome = ferry.report(args).expect(0);
    assert_eq!(registry.tags().len(), CHARTS, "{:?}", front.log());
    registry.assert_sound();
    let puts = front
        .log()
        .iter()
        .filter(|line| line.starts_with("PUT") && line.contains("/manifests/"))
        .count();
    assert!(puts >= CHARTS, "HTTP/2 was not spoken: {:?}", front.log());
    registry.forget_log();
    ferry.report(args).expect(0);
    assert_eq!(registry.log().writes(), 0, "{}", registry.log());
    let report = outcome.report.unwrap();
    let retries = elements(&report["hosts"])
        .map(|host| host["retries"].as_u64().unwrap())
        .sum();
    (retries, front.connections())
}

/// Trouble on the second and the fifth request of a kind that is recognised by its method and a part of its path.
fn on(
    method: &Method,
    part: &'static str,
    trouble: Trouble,
) -> impl Fn(&Method, &str, usize) -> Option<Trouble> + Send + Sync + use<> {
    let (method, seen) = (method.clone(), std::sync::atomic::AtomicUsize::new(0));
    move |asked, path, _| {
        if *asked != method || !path.contains(part) {
            return None;
        }
        let turn = seen.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
        matches!(turn, 2 | 5).then_some(trouble)
    }
}

/// The steps of a push.
fn steps() -> [(Method, &'static str); 4] {
    [
        (Method::GET, "/tags/list"),
        (Method::POST, "/blobs/uploads/"),
        (Method::PUT, "/blobs/uploads/"),
        (Method::PUT, "/manifests/"),
    ]
}

#[test]
fn f50_one_stream_at_a_time_is_enough() {
    let (retries, _) = carry(1, 0, |_, _, _| None);
    assert_eq!(retries, 0);
}

#[test]
fn f50_a_stream_that_is_reset_is_sent_again() {
    let reasons = [Reason::REFUSED_STREAM, Reason::INTERNAL_ERROR];
    for ((method, part), reason) in steps().into_iter().zip(reasons.into_iter().cycle()) {
        let (retries, _) = carry(100, 0, on(&method, part, Trouble::Reset(reason)));
        assert!(retries > 0, "{method} {part} {reason}");
    }
}

#[test]
fn f50_a_connection_that_goes_away_costs_no_version() {
    let reasons = [Reason::NO_ERROR, Reason::ENHANCE_YOUR_CALM];
    for ((method, part), reason) in steps().into_iter().zip(reasons.into_iter().cycle()) {
        let (retries, connections) = carry(100, 0, on(&method, part, Trouble::GoAway(reason)));
        assert!(
            retries > 0 && connections > 1,
            "{method} {part} {reason}: {retries} {connections}"
        );
    }
}

#[test]
fn f50_a_flood_of_settings_ends_with_its_connection() {
    let (retries, connections) = carry(100, 2, |_, _, _| None);
    assert!(retries > 0 && connections > 2, "{retries} {connections}");
}

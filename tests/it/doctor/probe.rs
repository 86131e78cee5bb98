//! `--probe`: what a registry does with a small chart, and that it is gone afterwards.

use super::{Found, doctor};
use crate::support::faults::{Effect, Fault};
use crate::support::ferry::Ferry;
use crate::support::registry::{Immutable, Registry, error};
use crate::support::server::Kind;

fn probe(registry: &Registry) -> Found {
    let target = registry.target("charts");
    doctor(&Ferry::new(), &[&target, "--plain-http", "--probe", "trials/one"])
}

#[test]
fn every_way_is_tried_and_said_before() {
    for single_post in [false, true] {
        let registry = Registry::with(|it| it.single_post = single_post);
        let found = probe(&registry);
        let way = if single_post { "one POST" } else { "two requests" };
        found
            .code(0)
            .expect("probe-upload", "ok", &["POST and PUT"])
            .expect("probe-single-post", "ok", &[way])
            .expect("probe-pieces", "ok", &["two pieces"])
            .expect("probe-manifest", "ok", &["the digest that was pushed"])
            .expect("probe-same-again", "ok", &["is taken"])
            .expect("probe-overwrite", "ok", &["can be overwritten"])
            .expect("probe-referrers", "ok", &["not listed"])
            // Deletion is off at this registry, as at most
            .expect(
                "probe-delete",
                "warning",
                &["stays", "by hand", "trials/one:0.0.0-chartferry-probe"],
            );
        let notice = format!(
            "pushes a small chart as `oci://{}/trials/one:0.0.0-chartferry-probe`",
            registry.host()
        );
        assert!(found.printed.contains(&notice), "{}", found.printed);
        assert_eq!(registry.tags(), ["trials/one:0.0.0-chartferry-probe"]);
        registry.assert_sound();
        assert!(registry.log().count(Kind::UploadPatch) >= 2);
        // Nothing but the trial
        let outside = registry
            .log()
            .0
            .iter()
            .filter(|entry| entry.kind.writes() && entry.kind != Kind::UploadPost)
            .any(|entry| !entry.request.path.starts_with("/v2/trials/one/"));
        assert!(!outside, "{}", registry.log());
    }
}

#[test]
fn protected_tags_are_told_apart() {
    for same_digest_also in [false, true] {
        let registry = Registry::with(|it| {
            it.immutable = Some(Immutable {
                answer: error(412, "PRECONDITION", "configured as immutable"),
                same_digest_also,
            });
        });
        let again = if same_digest_also {
            "is refused"
        } else {
            "is taken"
        };
        probe(&registry)
            .code(0)
            .expect("probe-same-again", "ok", &[again])
            .expect("probe-overwrite", "ok", &["protected"]);
    }
}

#[test]
fn what_is_refused_ends_it_and_pieces_do_not() {
    let registry = Registry::start();
    let refusal = error(416, "RANGE_INVALID", "no pieces");
    registry.fault(Fault::on(Kind::UploadPatch, Effect::Instead(refusal)));
    probe(&registry)
        .code(0)
        .expect("probe-pieces", "warning", &["cannot be pushed", "no pieces"])
        .expect("probe-manifest", "ok", &[]);

    let registry = Registry::start();
    let refusal = error(400, "MANIFEST_INVALID", "no charts here");
    registry.fault(Fault::on(Kind::ManifestPut, Effect::Instead(refusal)));
    let found = probe(&registry);
    found
        .code(5)
        .expect("probe-manifest", "failure", &["no charts here"]);
    for id in [
        "probe-same-again",
        "probe-overwrite",
        "probe-referrers",
        "probe-delete",
    ] {
        found.expect(id, "skipped", &["could not be pushed"]);
    }

    let registry = Registry::with(|it| it.autocreate = false);
    let found = probe(&registry);
    found
        .code(5)
        .expect("probe-upload", "failure", &["create the repository"]);
    for id in [
        "probe-single-post",
        "probe-pieces",
        "probe-manifest",
        "probe-delete",
    ] {
        found.expect(id, "skipped", &[]);
    }
    assert_eq!(registry.tags(), [""; 0]);
}

#[test]
fn without_a_login_nothing_is_probed() {
    let registry = Registry::start();
    registry.fault(Fault::status(Kind::Ping, 404));
    let found = probe(&registry);
    found.code(5);
    assert_eq!(found.with("failure"), ["api"]);
    assert!(found.with("skipped").contains(&"probe-upload"));
    assert_eq!(registry.log().writes(), 0);
}

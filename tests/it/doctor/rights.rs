//! What may be done in repositories: reading, writing, missing ones, pages of tag lists.

use super::{only_cancelled_uploads, plain};
use crate::support::faults::{Effect, Fault};
use crate::support::registry::{Link, Registry, error};
use crate::support::server::{Answer, Kind};

/// Fills the stand-in with tags.
fn filled(registry: &Registry, tags: &[&str]) {
    registry.meddle("charts/chartferry-doctor", |content| {
        for tag in tags {
            content.tags.insert((*tag).to_owned(), "sha256:0".to_owned());
        }
    });
}

#[test]
fn reading_may_be_denied() {
    let registry = Registry::start();
    let denied = error(403, "DENIED", "no access to charts");
    registry.fault(Fault::on(Kind::TagList, Effect::Instead(denied)));
    plain(&registry, &[])
        .code(5)
        .expect(
            "pull",
            "failure",
            &["403 Forbidden", "no access to charts", "right to pull"],
        )
        .expect("push", "ok", &[]);
    only_cancelled_uploads(&registry);
}

#[test]
fn writing_may_be_denied() {
    let registry = Registry::start();
    let denied = error(403, "DENIED", "read only");
    registry.fault(Fault::on(Kind::UploadPost, Effect::Instead(denied)));
    let found = plain(&registry, &[]);
    found.code(5).expect("pull", "ok", &[]).expect(
        "push",
        "failure",
        &["read only", "right to pull and push"],
    );
    let push = &found.json["subjects"][0]["checks"];
    let push = push
        .as_array()
        .unwrap()
        .iter()
        .find(|check| check["id"] == "push")
        .unwrap();
    assert_eq!(push["repositories"][0], "charts/chartferry-doctor");
    assert_eq!(registry.log().count(Kind::UploadCancel), 0);
}

#[test]
fn repositories_that_nobody_creates_are_a_warning_without_a_mirror() {
    let registry = Registry::with(|it| it.autocreate = false);
    plain(&registry, &[])
        .code(0)
        .expect("pull", "ok", &["no tags yet"])
        .expect("push", "skipped", &[])
        .expect("repositories", "warning", &["create one for each chart"]);
}

/// Without a word about it, as a run takes it.
#[test]
fn a_bare_404_for_an_upload_is_a_missing_repository() {
    let registry = Registry::start();
    let answer = Answer::status(404).body("<html>");
    registry.fault(Fault::on(Kind::UploadPost, Effect::Instead(answer)));
    plain(&registry, &[])
        .code(0)
        .expect("push", "skipped", &[])
        .expect("repositories", "warning", &["create one for each chart"]);
    filled(&registry, &["1.0.0"]);
    plain(&registry, &[]).code(5).expect("push", "failure", &["404"]);
}

#[test]
fn pages_are_understood() {
    for (page_size, link, parts) in [
        (None, Link::Relative, "a `Link` joins"),
        (Some(2), Link::Absolute, "a `Link` joins"),
        (None, Link::None, "only if asked for"),
    ] {
        let registry = Registry::with(|it| {
            it.page_size = page_size;
            it.link = link;
        });
        filled(&registry, &["1.0.0", "1.1.0", "2.0.0"]);
        plain(&registry, &[])
            .code(0)
            .expect("pull", "ok", &["3 tags"])
            .expect("paging", "ok", &[parts]);
    }
}

/// Tags beyond a page that no `Link` follows would be pushed again and again.
#[test]
fn a_list_that_ends_early_is_found_out() {
    let registry = Registry::with(|it| {
        it.page_size = Some(2);
        it.link = Link::None;
    });
    filled(&registry, &["1.0.0", "1.1.0", "2.0.0"]);
    plain(&registry, &[])
        .code(0)
        .expect("pull", "ok", &["2 tags"])
        .expect("paging", "warning", &["ends early", "charts/chartferry-doctor"]);
}

#[test]
fn a_registry_that_lists_no_tags_costs_more() {
    let registry = Registry::start();
    let answer = Answer::status(404).body("404 page not found\n");
    registry.fault(Fault::on(Kind::TagList, Effect::Instead(answer)));
    plain(&registry, &[])
        .code(0)
        .expect("pull", "warning", &["a request a version"]);
}

//! F42, F44, F46, F47: tags that are taken, protected or deleted by others, registries that are full.

use chartferry::report::Action;

use super::scene::{Scene, four_charts};
use crate::support::chart_repo::ChartRepo;
use crate::support::charts::Chart;
use crate::support::faults::{Effect, Fault};
use crate::support::registry::{Immutable, Registry, error};
use crate::support::server::{Answer, Kind};

#[test]
fn f42_d05_two_sources_for_one_repository_write_neither() {
    let scene = Scene::new();
    let other = ChartRepo::of(&[Chart::new("alpha", "1.0.0").file("NOTES", "another alpha")]);
    let mirrors = vec![scene.mirror(), scene.mirror_of(&other)];
    let ran = scene.run_all(mirrors).expect(3);
    // beta is claimed by one of them only
    assert_eq!(scene.registry.tags(), ["charts/beta:1.0.0", "charts/beta:1.1.0"]);
    let contested = ran.items().filter(|item| item.code() == Some("two-mirrors"));
    assert_eq!(contested.count(), 3, "{}", ran.text());
    scene.settle();
}

#[test]
fn f42_a_tag_that_holds_another_chart_stays_run_after_run() {
    let mut scene = Scene::new();
    let other = Chart::new("alpha", "1.0.0").file("NOTES", "another alpha");
    scene.expect("alpha", "1.0.0", (other.tgz(), None));
    let first = ChartRepo::of(&[other]);
    scene.run_all(vec![scene.mirror_of(&first)]).expect(0);
    scene.check_drift = true;
    for _ in 0..2 {
        let ran = scene.run().expect(3);
        assert_eq!(ran.count(Action::Drifted), 1, "{}", ran.text());
        let ran = scene.run_all(vec![scene.mirror_of(&first)]).expect(0);
        assert_eq!(ran.count(Action::Present), 1, "{}", ran.text());
    }
    scene.assert_complete();
}

/// How registries refuse to change a protected tag (registries 3.5).
fn refusals() -> [(&'static str, Answer, bool); 7] {
    [
        (
            "ECR",
            error(
                400,
                "TAG_INVALID",
                "The image tag 'x' already exists in the 'r' repository and cannot be overwritten because the repository is immutable.",
            ),
            false,
        ),
        (
            "ACR",
            error(
                405,
                "REGISTRY_DISALLOWED_OPERATION",
                "The operation is disallowed on this registry, repository or image.",
            ),
            false,
        ),
        (
            "GAR",
            error(
                400,
                "MANIFEST_INVALID",
                "cannot update tag X. The repository has enabled tag immutability",
            ),
            false,
        ),
        ("Quay", error(409, "TAG_IMMUTABLE", "tag is immutable"), false),
        (
            "Harbor",
            error(
                412,
                "PRECONDITION",
                "Failed to process request due to 'r:t' configured as immutable.",
            ),
            true,
        ),
        (
            "Artifactory",
            error(
                403,
                "UNAUTHORIZED",
                "Not enough permissions to delete/overwrite artifact",
            ),
            false,
        ),
        (
            "Nexus",
            error(
                400,
                "BLOB_UPLOAD_INVALID",
                "Repository does not allow updating assets: docker",
            ),
            true,
        ),
    ]
}

/// A registry that holds `chart`, protects its tag, and shows an empty tag list as if it were stale.
fn protected(scene: &Scene, chart: &Chart, answer: Answer, same_digest_also: bool) {
    let repo = ChartRepo::of(std::slice::from_ref(chart));
    scene.expect(&chart.name, &chart.version, (chart.tgz(), None));
    scene.run_all(vec![scene.mirror_of(&repo)]).expect(0);
    scene.registry.behave(|it| {
        it.immutable = Some(Immutable {
            answer,
            same_digest_also,
        });
    });
    let stale = Answer::status(200).body("{\"name\":\"x\",\"tags\":[]}");
    scene
        .registry
        .fault(Fault::on(Kind::TagList, Effect::Instead(stale)));
    scene.registry.forget_log();
}

#[test]
fn f44_an_immutable_tag_with_the_same_digest_is_a_success() {
    for (name, answer, same_digest_also) in refusals() {
        let scene = Scene::single();
        protected(&scene, &Chart::new("alpha", "1.0.0"), answer, same_digest_also);
        let ran = scene.run();
        assert_eq!(ran.exit(), 0, "{name}: {}", ran.text());
        assert_eq!(scene.registry.log().count(Kind::ManifestPut), 1, "{name}");
        scene.settle();
    }
}

#[test]
fn f44_an_immutable_tag_with_another_digest_is_a_conflict_and_never_retried() {
    for (name, answer, same_digest_also) in refusals() {
        let scene = Scene::single();
        let other = Chart::new("alpha", "1.0.0").file("NOTES", "another alpha");
        protected(&scene, &other, answer, same_digest_also);
        let ran = scene.run();
        assert_eq!(ran.exit(), 3, "{name}: {}", ran.text());
        let log = scene.registry.log();
        assert_eq!(log.count(Kind::ManifestPut), 1, "{name}\n{log}");
        assert_eq!(log.count(Kind::ManifestHead), 1, "{name}\n{log}");
    }
}

/// Nexus without redeploys: the tag is new, the manifest is not, and no look at the tag helps.
#[test]
fn f44_a_new_tag_that_is_refused_is_told_with_the_way_out() {
    let scene = Scene::single();
    let (name, nexus, _) = refusals().into_iter().last().unwrap();
    assert_eq!(name, "Nexus");
    scene
        .registry
        .fault(Fault::on(Kind::ManifestPut, Effect::Instead(nexus)));
    let ran = scene.run().says("let the repository allow redeploys");
    assert_eq!(ran.exit(), 2, "{}", ran.text());
    let log = scene.registry.log();
    assert_eq!(
        (log.count(Kind::ManifestPut), log.count(Kind::ManifestHead)),
        (1, 1),
        "{log}"
    );
    scene.settle();
}

/// Artifactory says 401 as well where the user may not overwrite.
#[test]
fn f44_the_eighth_spelling_is_a_401() {
    for (chart, exit) in [
        (Chart::new("alpha", "1.0.0"), 0),
        (Chart::new("alpha", "1.0.0").file("NOTES", "another alpha"), 3),
    ] {
        let scene = Scene::single();
        let answer = error(
            401,
            "UNAUTHORIZED",
            "Not enough permissions to overwrite artifact",
        );
        protected(&scene, &chart, answer, true);
        let ran = scene.run();
        assert_eq!(ran.exit(), exit, "{}", ran.text());
        let log = scene.registry.log();
        assert_eq!(log.count(Kind::ManifestPut), 1, "{log}");
    }
}

#[test]
fn f47_a_deleted_tag_is_pushed_again() {
    let scene = Scene::new();
    scene.run().expect(0);
    scene.registry.meddle("charts/alpha", |it| {
        it.tags.remove("1.0.0");
    });
    let ran = scene.run().expect(0);
    let pushed: Vec<_> = ran
        .items()
        .filter(|item| item.action == Action::Pushed)
        .map(|item| format!("{} {}", item.chart, item.version))
        .collect();
    assert_eq!(pushed, ["alpha 1.0.0"]);
    scene.settle();
}

/// A run without state compares tags; with `check_drift` it sees whose bytes they are, and leaves them alone.
#[test]
fn f47_an_overwritten_tag_is_a_drift_where_it_is_looked_for() {
    let mut scene = Scene::new();
    scene.run().expect(0);
    scene.registry.meddle("charts/alpha", |it| {
        let other = it.tags["1.1.0"].clone();
        it.tags.insert("1.0.0".to_owned(), other);
    });
    let before = scene.registry.content("charts/alpha").tags;
    // What stands there now is not what the index says, so the scene may not know it as an expected pair
    let theirs = Chart::new("alpha", "1.1.0");
    scene.expect("alpha", "1.0.0", (theirs.tgz(), None));
    let ran = scene.run().expect(0);
    assert!(ran.text().contains("drift: not checked"), "{}", ran.text());
    assert_eq!(ran.count(Action::Present), 4, "{}", ran.text());
    scene.check_drift = true;
    let ran = scene.run().expect(3);
    assert_eq!(ran.count(Action::Drifted), 1, "{}", ran.text());
    assert_eq!(scene.registry.content("charts/alpha").tags, before);
}

#[test]
fn f46_a_full_registry_says_so_and_other_targets_go_on() {
    let full = [
        error(403, "DENIED", "Quota has been exceeded on namespace"),
        error(405, "REGISTRY_DISALLOWED_OPERATION", "storage limit reached"),
        error(413, "DENIED", "adding 5 MiB would exceed the storage quota"),
        error(507, "UNKNOWN", "Insufficient Storage"),
    ];
    let places = [Kind::UploadPost, Kind::UploadPut];
    let cases = full.iter().flat_map(|answer| places.map(|place| (answer, place)));
    for (answer, place) in cases {
        let mut scene = Scene::new();
        let second = Registry::start();
        scene.plain.push(second.host());
        scene
            .registry
            .fault(Fault::on(place, Effect::Instead(answer.clone())));
        let mut mirror = scene.mirror();
        mirror.targets.push(Scene::target(&second));
        let ran = scene.run_all(vec![mirror]).says("free space or raise the quota");
        assert_eq!(ran.exit(), 5, "{answer:?}\n{}", ran.text());
        assert_eq!(ran.count(Action::Pushed), four_charts().len(), "{}", ran.text());
        assert_eq!(second.tags().len(), four_charts().len());
        second.assert_sound();
        // A full registry is not asked again and again
        let log = scene.registry.log();
        assert!(log.count(Kind::UploadPut) <= 2 * four_charts().len(), "{log}");
        scene.settle();
    }
}

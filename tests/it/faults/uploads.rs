//! F22 to F26: uploads whose registry goes away, forgets, or answers in unusual words.

use std::net::TcpListener;

use chartferry::report::Action;
use chartferry::run::TargetSpec;
use chartferry::types::OciTarget;

use super::scene::Scene;
use crate::support::charts::Chart;
use crate::support::faults::{Effect, Fault};
use crate::support::registry::error;
use crate::support::server::{Answer, Kind};

#[test]
fn f22_a_registry_that_is_not_there_is_unusable() {
    let scene = Scene::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    drop(listener);
    let mut mirror = scene.mirror();
    let target = OciTarget::parse(&format!("oci://{host}/charts")).unwrap();
    mirror.targets = vec![TargetSpec::Registry(target)];
    scene.run_all(vec![mirror]).expect(5).says(&host);
    assert_eq!(scene.repo.log().count(Kind::Package), 0);
    scene.settle();
}

#[test]
fn f22_an_upload_session_lost_in_a_restart_is_opened_again() {
    for code in ["BLOB_UPLOAD_UNKNOWN", "BLOB_UPLOAD_INVALID"] {
        let scene = Scene::single();
        let lost = Effect::Instead(error(404, code, "upload lost"));
        scene.registry.fault(Fault::on(Kind::UploadPut, lost).nth(1));
        scene.run().expect(0);
        let log = scene.registry.log();
        assert_eq!(log.count(Kind::UploadPost), 2 + 1, "{log}");
        scene.assert_complete();
        scene.settle();
    }
}

#[test]
fn f23_a_session_that_another_replica_does_not_know_is_opened_again_three_times() {
    for status in [404, 416] {
        let scene = Scene::single();
        scene
            .registry
            .fault(Fault::status(Kind::UploadPut, status).turns(1..=3));
        scene.run().expect(0);
        scene.assert_complete();
        scene.settle();
        let scene = Scene::single();
        scene.registry.fault(Fault::status(Kind::UploadPut, status));
        scene.run().expect(2);
        let log = scene.registry.log();
        assert!(log.count(Kind::UploadPut) <= 2 * 4, "{log}");
        scene.settle();
    }
}

#[test]
fn f24_unusual_answers_that_mean_success_are_taken_once_verified() {
    let answers = [
        (Kind::UploadPut, 204),
        (Kind::UploadPut, 202),
        (Kind::UploadPut, 200),
        (Kind::ManifestPut, 200),
        (Kind::ManifestPut, 202),
        (Kind::ManifestPut, 204),
    ];
    for (kind, status) in answers {
        let scene = Scene::new();
        let answer = Effect::AnswerAs(Answer::status(status));
        scene.registry.fault(Fault::on(kind, answer));
        scene.run().expect(0);
        let log = scene.registry.log();
        if kind == Kind::ManifestPut {
            // Without a digest in the answer each tag is read back
            assert!(log.count(Kind::ManifestHead) >= 4, "{status}\n{log}");
        }
        scene.assert_complete();
        scene.settle();
    }
}

#[test]
fn f24_a_created_that_nobody_asked_for_is_believed_only_if_the_blob_is_there() {
    let scene = Scene::single();
    // The first upload was opened before the download, the second tries the single POST; 201 to the POST that opens the
    // third claims that a blob is there which is not
    scene.sign(&Chart::new("alpha", "1.0.0"));
    let lie = Effect::Instead(Answer::status(201));
    scene.registry.fault(Fault::on(Kind::UploadPost, lie).nth(3));
    scene
        .run()
        .expect(2)
        .lost(&["alpha 1.0.0"], Action::Failed, "registry-answer");
    assert!(scene.registry.tags().is_empty());
    scene.settle();
}

#[test]
fn f24_a_success_that_stored_nothing_is_found_out() {
    for (kind, status) in [(Kind::ManifestPut, 201), (Kind::ManifestPut, 200)] {
        let scene = Scene::new();
        let lie = Effect::Instead(Answer::status(status));
        scene.registry.fault(Fault::on(kind, lie));
        let ran = scene.run();
        assert!(matches!(ran.exit(), 2 | 5), "{}", ran.text());
        scene.settle();
    }
}

#[test]
fn f25_a_blob_whose_answer_was_lost_is_not_sent_twice() {
    let scene = Scene::single();
    scene
        .registry
        .fault(Fault::on(Kind::UploadPut, Effect::LoseAnswer).nth(1));
    scene.run().expect(0);
    let log = scene.registry.log();
    assert_eq!(log.count(Kind::UploadPut), 2, "{log}");
    // Two of them are the look at the first version of the run
    assert_eq!(log.count(Kind::BlobHead), 1 + 2, "{log}");
    scene.assert_complete();
    scene.settle();
}

#[test]
fn f25_a_blob_sent_in_one_post_whose_answer_was_lost_is_not_sent_twice() {
    let scene = Scene::single();
    scene.registry.behave(|it| it.single_post = true);
    scene
        .registry
        .fault(Fault::on(Kind::UploadPost, Effect::LoseAnswer).nth(2));
    scene.run().expect(0);
    let log = scene.registry.log();
    assert_eq!(log.count(Kind::UploadPost), 2, "{log}");
    // Two of them are the look at the first version of the run
    assert_eq!(log.count(Kind::BlobHead), 1 + 2, "{log}");
    scene.assert_complete();
    scene.settle();
}

#[test]
fn f25_a_manifest_whose_answer_was_lost_is_not_sent_twice() {
    let scene = Scene::single();
    scene
        .registry
        .fault(Fault::on(Kind::ManifestPut, Effect::LoseAnswer).nth(1));
    scene.run().expect(0);
    let log = scene.registry.log();
    assert_eq!(log.count(Kind::ManifestPut), 1, "{log}");
    scene.assert_complete();
    scene.settle();
}

#[test]
fn f26_a_manifest_refused_but_stored_is_not_sent_twice() {
    for status in [429, 500, 503] {
        let scene = Scene::single();
        let answer = Effect::AnswerAs(Answer::status(status));
        scene.registry.fault(Fault::on(Kind::ManifestPut, answer));
        scene.run().expect(0);
        let log = scene.registry.log();
        assert_eq!(log.count(Kind::ManifestPut), 1, "{status}\n{log}");
        scene.assert_complete();
        scene.settle();
    }
}

/// Sessions that will never be closed are space that nobody can use: the run cancels them before it ends.
#[test]
fn f12_an_upload_that_was_given_up_is_cancelled_before_the_run_ends() {
    for status in [400, 403] {
        let scene = Scene::new();
        scene.registry.fault(Fault::status(Kind::UploadPut, status));
        // The slowest of answers that a cancelled upload may get
        let slow = Effect::Delay(std::time::Duration::from_millis(300));
        scene.registry.fault(Fault::on(Kind::UploadCancel, slow));
        scene.run();
        let log = scene.registry.log();
        let cancelled = log.of(Kind::UploadCancel);
        let opened = log
            .of(Kind::UploadPost)
            .iter()
            .filter(|post| post.status == Some(202))
            .count();
        assert!(opened > 0, "{log}");
        assert_eq!(cancelled.len(), opened, "{status}\n{log}");
        assert!(
            cancelled.iter().all(|entry| entry.status == Some(204)),
            "{status}\n{log}"
        );
        scene.settle();
    }
}

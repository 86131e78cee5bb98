//! F45: repositories that are missing, are not for us, or have to be created first. What ECR and Harbor do is emulated.

use std::sync::{Arc, Mutex};

use chartferry::registry::{
    Created, CreationError, CreationFuture, Credential, CredentialFuture, Credentials, Wanted,
};
use chartferry::report::{Action, Item, RepositoryState};
use chartferry::types::RegistryKind;

use super::scene::{REGISTRY_LOGIN, Ran, Scene, four_charts};
use crate::support::charts::Chart;
use crate::support::faults::{Effect, Fault};
use crate::support::registry::{Auth, error};
use crate::support::server::{Answer, Kind};

const BOTH: [&str; 2] = ["charts/alpha", "charts/beta"];

/// The answers to an upload into a repository that is missing (registries rule 14).
fn faces() -> [(&'static str, Effect, &'static str); 5] {
    [
        (
            "spec",
            Effect::Instead(error(
                404,
                "NAME_UNKNOWN",
                "repository name not known to registry",
            )),
            "repository-missing",
        ),
        (
            "Docker Hub, GitLab",
            Effect::Instead(error(401, "UNAUTHORIZED", "insufficient_scope")),
            "registry-denied",
        ),
        (
            "GAR",
            Effect::Instead(error(
                403,
                "DENIED",
                "Permission denied on resource (or it may not exist)",
            )),
            "repository-missing",
        ),
        (
            "GHCR",
            Effect::Instead(error(403, "DENIED", "permission_denied: create_package")),
            "repository-missing",
        ),
        ("ECR", Effect::Drop, "repository-missing"),
    ]
}

/// Everything failed before a download, and the report names these repositories at once.
fn assert_named(scene: &Scene, ran: &Ran, code: &str, names: &[&str]) {
    assert_eq!(ran.exit(), 5, "{}", ran.text());
    let (_, target) = ran.report.targets().next().unwrap();
    let problem = target.error.as_ref().expect("the target has an error");
    assert_eq!(problem.reason.code, code, "{}", ran.text());
    for name in names {
        assert!(
            problem.reason.text.contains(&format!("`{name}`")),
            "{}",
            ran.text()
        );
    }
    let noted: Vec<&str> = target.repositories.iter().map(|note| &*note.name).collect();
    assert_eq!(noted, names);
    let log = scene.repo.log();
    assert_eq!(
        (log.count(Kind::Package), log.count(Kind::Provenance)),
        (0, 0),
        "{log}"
    );
    for item in ran.items() {
        assert_eq!(
            (item.action, item.code()),
            (Action::Failed, Some(code)),
            "{}",
            ran.text()
        );
    }
}

#[test]
fn f45_every_face_of_a_missing_repository_is_known_before_any_download() {
    for (name, face, code) in faces() {
        let mut scene = Scene::new();
        scene.kind = (name == "ECR").then_some(RegistryKind::Ecr);
        scene.registry.fault(Fault::on(Kind::UploadPost, face));
        let ran = scene.run();
        eprintln!("{name}");
        assert_named(&scene, &ran, code, &BOTH);
        assert!(scene.registry.tags().is_empty(), "{name}");
        scene.settle();
    }
}

/// Only ECR says so by hanging up: elsewhere a broken connection says nothing of the repository.
#[test]
fn f45_a_connection_that_breaks_is_no_missing_repository() {
    let scene = Scene::new();
    scene.registry.fault(Fault::on(Kind::UploadPost, Effect::Drop));
    let ran = scene.run().expect(2);
    for item in ran.items() {
        assert_ne!(item.code(), Some("repository-missing"), "{}", ran.text());
    }
    assert!(!ran.text().contains("is missing"), "{}", ran.text());
    scene.settle();
}

#[test]
fn f45_lists_that_are_denied_are_found_out_too() {
    for (answer, code) in [
        (
            error(401, "UNAUTHORIZED", "insufficient_scope"),
            "registry-denied",
        ),
        (
            error(403, "DENIED", "permission denied (or it may not exist)"),
            "repository-missing",
        ),
    ] {
        let charts: Vec<_> = ["a", "b", "c", "d", "e"]
            .map(|name| Chart::new(name, "1.0.0"))
            .into();
        let scene = Scene::of(&charts);
        for kind in [Kind::TagList, Kind::UploadPost] {
            scene
                .registry
                .fault(Fault::on(kind, Effect::Instead(answer.clone())));
        }
        let ran = scene.run();
        let all = ["charts/a", "charts/b", "charts/c", "charts/d", "charts/e"];
        assert_named(&scene, &ran, code, &all);
        scene.settle();
    }
}

/// ECR lists tags only to those who may list them.
#[test]
fn f45_a_list_that_ecr_denies_is_no_end_where_uploads_are_taken() {
    let mut scene = Scene::new();
    scene.kind = Some(RegistryKind::Ecr);
    scene.run().expect(0);
    scene.registry.meddle("charts/alpha", |it| {
        it.tags.remove("1.1.0");
    });
    scene.registry.forget_log();
    let denied = error(403, "DENIED", "not authorized to perform: ecr:ListImages");
    scene
        .registry
        .fault(Fault::on(Kind::TagList, Effect::Instead(denied)));
    let ran = scene.run().expect(0);
    assert_eq!(
        (ran.count(Action::Pushed), ran.count(Action::Present)),
        (1, 3),
        "{}",
        ran.text()
    );
    let log = scene.registry.log();
    // A look at each tag, and the first one pushed is read back; the upload of beta is not needed and ended
    assert_eq!(log.count(Kind::ManifestHead), 4 + 1, "{log}");
    assert_eq!(log.count(Kind::UploadCancel), 1, "{log}");
    scene.settle();
}

#[test]
fn f45_what_is_there_is_carried_while_the_rest_is_missing() {
    let scene = Scene::new();
    scene.registry.behave(|it| it.autocreate = false);
    scene.registry.meddle("charts/beta", |_| {});
    let ran = scene.run();
    assert_eq!(ran.exit(), 5, "{}", ran.text());
    assert_eq!(scene.registry.tags(), ["charts/beta:1.0.0", "charts/beta:1.1.0"]);
    assert_eq!(scene.repo.log().count(Kind::Package), 2);
    let lost: Vec<_> = ran.items().filter_map(Item::code).collect();
    assert_eq!(lost, ["repository-missing"; 2], "{}", ran.text());
    scene.registry.behave(|it| it.autocreate = true);
    scene.settle();
}

/// An upload that was opened in vain is ended, not left to rot.
#[test]
fn f45_an_upload_that_no_push_uses_is_cancelled() {
    let scene = Scene::single();
    scene.repo.fault(Fault::status(Kind::Package, 404));
    scene.run().expect(2);
    let log = scene.registry.log();
    assert_eq!(
        (log.count(Kind::UploadPost), log.count(Kind::UploadCancel)),
        (1, 1),
        "{log}"
    );
    scene.settle();
}

/// A server that is down says nothing of repositories.
#[test]
fn f45_an_overloaded_registry_is_no_missing_repository() {
    let scene = Scene::new();
    scene.registry.fault(Fault::status(Kind::UploadPost, 503));
    let ran = scene.run().expect(2);
    assert!(
        ran.items()
            .all(|item| item.code() == Some("registry-unavailable")),
        "{}",
        ran.text()
    );
    let (_, target) = ran.report.targets().next().unwrap();
    assert!(target.repositories.is_empty());
    scene.settle();
}

/// AWS as far as a run sees it: a login, and a call that creates a repository in the registry.
struct Cloud {
    registry: Arc<crate::support::registry::Registry>,
    asked: Mutex<Vec<String>>,
    refuses: bool,
}

impl Credentials for Cloud {
    fn get<'a>(&'a self, _wanted: Wanted<'a>) -> CredentialFuture<'a> {
        let (user, password) = REGISTRY_LOGIN;
        let login = Credential::Basic {
            username: user.to_owned(),
            password: password.to_owned().into(),
        };
        Box::pin(std::future::ready(Ok(login)))
    }

    fn create_repository<'a>(&'a self, _host: &'a str, repository: &'a str) -> Option<CreationFuture<'a>> {
        Some(Box::pin(async move {
            self.asked.lock().unwrap().push(repository.to_owned());
            if self.refuses {
                return Err(CreationError(
                    "not authorized to perform: ecr:CreateRepository".to_owned(),
                ));
            }
            self.registry.meddle(repository, |_| {});
            Ok(Created::New)
        }))
    }
}

fn like_ecr(refuses: bool) -> (Scene, Arc<Cloud>) {
    let mut scene = Scene::new();
    scene.kind = Some(RegistryKind::Ecr);
    scene.registry.behave(|it| it.autocreate = false);
    let cloud = Arc::new(Cloud {
        registry: Arc::clone(&scene.registry),
        asked: Mutex::default(),
        refuses,
    });
    scene.credentials = Some(Arc::clone(&cloud) as Arc<dyn Credentials>);
    (scene, cloud)
}

#[test]
fn f45_ecr_repositories_are_created_before_any_download() {
    let (mut scene, cloud) = like_ecr(false);
    let ran = scene.run().says("aws ecr create-repository");
    assert_named(&scene, &ran, "repository-missing", &BOTH);
    assert!(cloud.asked.lock().unwrap().is_empty(), "nobody wanted that");

    scene.create_repositories = true;
    let ran = scene.run().expect(0);
    let (_, target) = ran.report.targets().next().unwrap();
    let created: Vec<_> = target
        .repositories
        .iter()
        .map(|note| (&*note.name, note.state))
        .collect();
    assert_eq!(created, BOTH.map(|name| (name, RepositoryState::Created)));
    let mut asked = cloud.asked.lock().unwrap().clone();
    asked.sort();
    assert_eq!(asked, BOTH);
    scene.assert_complete();
    scene.settle();
    assert_eq!(cloud.asked.lock().unwrap().len(), 2, "once and for all");
}

#[test]
fn f45_a_right_that_is_missing_for_creation_is_named() {
    let (mut scene, _) = like_ecr(true);
    scene.create_repositories = true;
    let ran = scene
        .run()
        .says("not authorized to perform: ecr:CreateRepository");
    assert_named(&scene, &ran, "repository-creation", &BOTH);
}

#[test]
fn f45_a_plan_says_what_would_be_created() {
    let (mut scene, cloud) = like_ecr(false);
    for (create, state, words) in [
        (
            false,
            RepositoryState::Missing,
            "2 repositories missing: charts/alpha, charts/beta",
        ),
        (
            true,
            RepositoryState::WouldCreate,
            "2 repositories to be created first: charts/alpha, charts/beta",
        ),
    ] {
        scene.create_repositories = create;
        let ran = scene.plan().expect(0);
        let (_, target) = ran.report.targets().next().unwrap();
        let states: Vec<_> = target.repositories.iter().map(|note| note.state).collect();
        assert_eq!(states, [state; 2]);
        assert!(ran.text().replace("\n  ", " ").contains(words), "{}", ran.text());
        assert_eq!(ran.count(Action::Push), four_charts().len());
    }
    assert!(cloud.asked.lock().unwrap().is_empty());
    assert_eq!(scene.registry.log().writes(), 0);
}

/// Harbor's API for projects: not there until somebody creates it.
fn without_project(scene: &Scene, answer: Answer) {
    scene.registry.fault(
        Fault::on(Kind::Other, Effect::Instead(Answer::status(404)))
            .path("/api/v2.0/projects")
            .nth(1),
    );
    scene
        .registry
        .fault(Fault::on(Kind::Other, Effect::Instead(answer)).path("/api/v2.0/projects"));
}

#[test]
fn f45_a_project_of_harbor_is_created_once_and_someone_else_may_be_faster() {
    for status in [201, 409] {
        let mut scene = Scene::new();
        scene.kind = Some(RegistryKind::Harbor);
        scene.create_repositories = true;
        without_project(&scene, Answer::status(status));
        let ran = scene.run().expect(0);
        let log = scene.registry.log();
        let asked: Vec<_> = log
            .of(Kind::Other)
            .iter()
            .map(|entry| entry.request.method.to_string())
            .collect();
        assert_eq!(asked, ["HEAD", "POST"], "{log}");
        let post = &log.of(Kind::Other)[1].request;
        let body: serde_json::Value = serde_json::from_slice(&post.body).unwrap();
        assert_eq!(
            body,
            serde_json::json!({ "project_name": "charts", "metadata": { "public": "false" } })
        );
        let first_upload = log.0.iter().position(|entry| entry.kind == Kind::UploadPost);
        let creation = log.0.iter().rposition(|entry| entry.kind == Kind::Other);
        assert!(creation < first_upload, "{log}");
        let (_, target) = ran.report.targets().next().unwrap();
        let created: Vec<_> = target
            .repositories
            .iter()
            .map(|note| (note.what, &*note.name))
            .collect();
        let wanted: &[(&str, &str)] = if status == 201 {
            &[("project", "charts")]
        } else {
            &[]
        };
        assert_eq!(created, wanted);
        scene.create_repositories = false;
        scene.settle();
    }
}

#[test]
fn f45_harbor_says_who_may_create_projects() {
    let mut scene = Scene::new();
    scene.kind = Some(RegistryKind::Harbor);
    scene.create_repositories = true;
    without_project(&scene, error(403, "FORBIDDEN", "forbidden"));
    let ran = scene.run().says("needs the right to create projects");
    assert_named(&scene, &ran, "repository-creation", &["charts"]);
}

#[test]
fn f45_a_plan_for_harbor_names_the_project() {
    let mut scene = Scene::new();
    scene.kind = Some(RegistryKind::Harbor);
    without_project(&scene, Answer::status(500));
    let ran = scene.plan().expect(0).says("/api/v2.0/projects");
    assert!(ran.text().contains("1 project missing: charts"), "{}", ran.text());
    assert_eq!(scene.registry.log().writes(), 0);
}

/// Quay's API for organisations, as far as it is asked: neither an organisation nor a user of that name, until one is created.
fn without_organisation(scene: &Scene, answer: Answer) {
    for path in ["/api/v1/organization/charts", "/api/v1/users/charts"] {
        let nothing = Effect::Instead(Answer::status(404));
        scene.registry.fault(Fault::on(Kind::Other, nothing).path(path));
    }
    let created = Fault::on(Kind::Other, Effect::Instead(answer));
    scene.registry.fault(created.path("/api/v1/organization/"));
}

/// A login as Quay's API wants it.
struct OauthToken;

impl Credentials for OauthToken {
    fn get<'a>(&'a self, _wanted: Wanted<'a>) -> CredentialFuture<'a> {
        let login = Credential::Basic {
            username: "$oauthtoken".to_owned(),
            password: "s3cr3t-oauth".to_owned().into(),
        };
        Box::pin(std::future::ready(Ok(login)))
    }
}

fn at_quay() -> Scene {
    let mut scene = Scene::new();
    scene.kind = Some(RegistryKind::Quay);
    scene.create_repositories = true;
    scene.credentials = Some(Arc::new(OauthToken));
    scene
        .registry
        .behave(|it| it.auth = Auth::basic("$oauthtoken", "s3cr3t-oauth"));
    scene
}

#[test]
fn f45_an_organisation_of_quay_is_created_once_and_someone_else_may_be_faster() {
    for answer in [
        Answer::status(201).body("\"Created\""),
        Answer::status(400)
            .body(r#"{"error_message":"A user or organization with this name already exists"}"#),
    ] {
        let scene = at_quay();
        let fresh = answer.status == 201;
        without_organisation(&scene, answer);
        let ran = scene.run().expect(0);
        let log = scene.registry.log();
        let asked: Vec<_> = log
            .of(Kind::Other)
            .iter()
            .map(|entry| format!("{} {}", entry.request.method, entry.request.path))
            .collect();
        assert_eq!(
            asked,
            [
                "GET /api/v1/organization/charts",
                "GET /api/v1/users/charts",
                "POST /api/v1/organization/"
            ],
            "{log}"
        );
        for entry in log.of(Kind::Other) {
            assert_eq!(entry.request.header("authorization"), "Bearer s3cr3t-oauth");
        }
        let body: serde_json::Value = serde_json::from_slice(&log.of(Kind::Other)[2].request.body).unwrap();
        assert_eq!(body, serde_json::json!({ "name": "charts" }));
        let (_, target) = ran.report.targets().next().unwrap();
        let created: Vec<_> = target.repositories.iter().map(|note| note.what).collect();
        assert_eq!(created, if fresh { &["organisation"][..] } else { &[] });
    }
}

#[test]
fn f45_quay_says_who_may_create_organisations() {
    let scene = at_quay();
    without_organisation(&scene, error(403, "insufficient_scope", "requires the scope"));
    let ran = scene.run().says("`org:create`");
    assert_named(&scene, &ran, "repository-creation", &["charts"]);
}

/// Without tag lists, as at ECR Public, a look at each tag tells what is there.
#[test]
fn f45_without_tag_lists_each_tag_is_looked_at() {
    let scene = Scene::new();
    let nothing = Answer::status(404).body("404 page not found");
    scene
        .registry
        .fault(Fault::on(Kind::TagList, Effect::Instead(nothing)));
    let versions = four_charts().len();
    scene.run().expect(0);
    let log = scene.registry.log();
    assert_eq!(log.count(Kind::ManifestHead), versions + 1, "{log}");
    scene.assert_complete();
    scene.registry.forget_log();
    let ran = scene.run().expect(0);
    assert_eq!(ran.count(Action::Present), versions, "{}", ran.text());
    let log = scene.registry.log();
    assert_eq!(
        (log.writes(), log.count(Kind::ManifestHead)),
        (0, versions),
        "{log}"
    );
    scene.settle();
}

/// What no chart can be pushed below is refused before the registry is asked for anything but whether it is one.
#[test]
fn a_path_that_no_chart_fits_below_is_refused_first() {
    let mut scene = Scene::new();
    scene.kind = Some(RegistryKind::GitLab);
    let ran = scene.run().expect(5).says("group and project");
    assert_eq!(ran.items().count(), 0);
    scene.assert_registry_untouched();
}

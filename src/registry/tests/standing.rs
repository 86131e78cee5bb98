//! How repositories stand, and uploads that are opened before there is anything to send.

use crate::net::testing::answer;
use crate::payload::Payload;
use crate::registry::{Refusal, Registry, RegistryError};
use crate::types::{Digest, OciTarget, RegistryKind};

use super::fake::{Fake, repository};

async fn standing(list: (u16, &'static str), upload: (u16, &'static str)) -> (String, Vec<String>) {
    let fake = Fake::start(Box::new(move |asked, _| {
        if asked.path.contains("tags") {
            return Some(answer(list.0, &[], list.1));
        }
        let refused = asked.method == "POST" && upload.0 >= 400;
        refused.then(|| answer(upload.0, &[], upload.1))
    }))
    .await;
    let (registry, repository) = (fake.registry(), repository());
    let judged = |error: RegistryError, listed| match error.refusal(listed, registry.kind()) {
        Some(Refusal::Missing) => "missing".to_owned(),
        Some(Refusal::Denied) => "denied".to_owned(),
        None => error.code().to_owned(),
    };
    let said = match registry.list_tags(&repository).await {
        Err(error) => judged(error, false),
        Ok(list) => match registry.check_push(&repository).await {
            Ok(()) if list.found => "ready".to_owned(),
            Ok(()) => "new".to_owned(),
            Err(error) => judged(error, list.found),
        },
    };
    (said, fake.lines())
}

#[tokio::test]
async fn lists_and_uploads_together_tell_how_a_repository_stands() {
    const UNKNOWN: (u16, &str) = (404, r#"{"errors":[{"code":"NAME_UNKNOWN"}]}"#);
    const THERE: (u16, &str) = (200, r#"{"tags":[]}"#);
    let taken = (202, "");
    let text = (403, "denied: Permission denied on resource (or it may not exist)");
    for (list, upload, wanted) in [
        (THERE, taken, "ready"),
        (UNKNOWN, taken, "new"),
        ((401, ""), taken, "denied"),
        ((403, ""), taken, "denied"),
        (UNKNOWN, UNKNOWN, "missing"),
        (UNKNOWN, (404, "<html>"), "missing"),
        (UNKNOWN, text, "missing"),
        (THERE, text, "missing"),
        (
            UNKNOWN,
            (403, "denied: permission_denied: create_package"),
            "missing",
        ),
        (UNKNOWN, (401, "insufficient_scope"), "denied"),
        ((403, ""), (403, ""), "denied"),
        (THERE, (403, ""), "denied"),
        (THERE, (404, "<html>"), "registry-not-found"),
        (UNKNOWN, (405, ""), "registry-refused"),
        (UNKNOWN, (403, "Quota has been exceeded"), "registry-quota"),
    ] {
        let (said, lines) = standing(list, upload).await;
        assert_eq!(said, wanted, "{list:?} {upload:?}: {lines:?}");
        let opened = lines.iter().filter(|line| line.starts_with("POST")).count();
        let ended = lines.iter().filter(|line| line.starts_with("DELETE")).count();
        let asked = list.0 == 200 || list.0 == 404;
        let wanted = (usize::from(asked), usize::from(asked && upload.0 == 202));
        assert_eq!((opened, ended), wanted, "{lines:?}");
    }
}

#[tokio::test]
async fn an_upload_that_was_opened_takes_the_next_blob() {
    let fake = Fake::plain().await;
    let registry = fake.registry();
    let bytes = b"some chart".to_vec();
    let digest = Digest::of(&bytes);
    for _ in 0..2 {
        registry.open_upload(&repository()).await.unwrap();
    }
    let payload = Payload::from(bytes);
    registry
        .push_blob(&repository(), &digest, &payload)
        .await
        .unwrap();
    assert_eq!(
        fake.lines(),
        [
            "POST blobs/uploads/".to_owned(),
            format!("PUT blobs/uploads/1?_state=x%3D&digest={digest}")
        ]
    );
    registry.cancel_upload(&repository()).await;
    assert_eq!(fake.lines().len(), 2, "there is none any more");
    assert_eq!(registry.takes_single_post(), None, "the next blob finds out");
}

#[tokio::test]
async fn an_upload_that_was_opened_and_got_lost_is_opened_again() {
    let fake = Fake::start(Box::new(|asked, number| {
        let lost = asked.method == "PUT" && number < 4;
        lost.then(|| answer(404, &[], r#"{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN"}]}"#))
    }))
    .await;
    let registry = fake.in_two();
    registry.open_upload(&repository()).await.unwrap();
    let payload = Payload::from(b"some chart".to_vec());
    registry
        .push_blob(&repository(), &Digest::of(b"some chart"), &payload)
        .await
        .unwrap();
    let posts = fake
        .lines()
        .iter()
        .filter(|line| line.starts_with("POST"))
        .count();
    assert_eq!(posts, 2, "{:?}", fake.lines());
}

/// The registry behind this challenge, once it was asked.
async fn behind(service: &'static str) -> Registry {
    let fake = Fake::start(Box::new(move |asked, _| {
        let host = asked.header("host").unwrap_or_default();
        let challenge = format!("Bearer realm=\"http://{host}/service/token\",service=\"{service}\"");
        Some(answer(401, &[("www-authenticate", &challenge)], ""))
    }))
    .await;
    let registry = fake.registry();
    registry.probe().await.unwrap();
    registry
}

#[tokio::test]
async fn harbor_is_known_by_its_token_service() {
    assert_eq!(behind("harbor-registry").await.kind(), Some(RegistryKind::Harbor));
    assert_eq!(behind("registry.acme.io").await.kind(), None);
    let registry = behind("harbor-registry").await;
    let bare = OciTarget::parse(&format!("oci://{}", registry.host())).unwrap();
    let error = registry.check_target(&bare).unwrap_err().to_string();
    assert!(error.contains("Harbor, which wants in front"), "{error}");
}

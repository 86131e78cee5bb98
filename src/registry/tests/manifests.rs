//! Manifests: what is believed, what is looked at again.

use bytes::Bytes;

use crate::net::testing::answer;
use crate::registry::{RegistryError, Stored};
use crate::types::{Class, Digest, Tag};

use super::fake::{Fake, repository};

const KIND: &str = "application/vnd.oci.image.manifest.v1+json";
const BYTES: &[u8] = b"{\"schemaVersion\":2}";

async fn put(fake: &Fake) -> Result<Stored, RegistryError> {
    let tag = Tag::new("1.0.0").unwrap();
    fake.registry()
        .put_manifest(&repository(), &tag, KIND, Bytes::from_static(BYTES))
        .await
}

#[tokio::test]
async fn one_request_where_the_answer_tells_the_digest() {
    let fake = Fake::plain().await;
    let stored = put(&fake).await.unwrap();
    assert_eq!(
        (stored.answer_digest, stored.was_there),
        (Some(Digest::of(BYTES)), false)
    );
    assert_eq!(fake.lines(), ["PUT manifests/1.0.0"]);
    let asked = fake.server.asked().pop().unwrap();
    assert_eq!(
        (asked.header("content-type"), &asked.body[..]),
        (Some(KIND), BYTES)
    );
}

#[tokio::test]
async fn a_missing_or_other_digest_is_read_back() {
    let lie = Digest::of(b"other").to_string();
    for (status, headers) in [
        (201, vec![]),
        (200, vec![("docker-content-digest", "sha512:00")]),
        (202, vec![("docker-content-digest", lie.as_str())]),
    ] {
        let headers: Vec<(String, String)> = headers
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
            .collect();
        let own = Digest::of(BYTES).to_string();
        let fake = Fake::start(Box::new(move |asked, _| {
            let headers: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            match asked.method.as_str() {
                "PUT" => Some(answer(status, &headers, "")),
                "HEAD" => Some(answer(200, &[("docker-content-digest", &own)], "")),
                _ => None,
            }
        }));
        let fake = fake.await;
        put(&fake).await.unwrap();
        assert_eq!(fake.lines(), ["PUT manifests/1.0.0", "HEAD manifests/1.0.0"]);
    }
    // Taken for granted by nobody: 201 to everything is found out.
    let fake = Fake::start(Box::new(|asked, _| {
        (asked.method == "PUT").then(|| answer(201, &[], ""))
    }))
    .await;
    let error = put(&fake).await.unwrap_err();
    assert!(matches!(error, RegistryError::Unverified { .. }), "{error}");
    assert_eq!(error.class(), Class::Integrity);
}

#[tokio::test]
async fn a_lost_answer_is_looked_for_first() {
    // Pulp: 429 while the task still runs, and it is stored.
    for status in [429, 500, 503] {
        let own = Digest::of(BYTES).to_string();
        let fake = Fake::start(Box::new(move |asked, _| match asked.method.as_str() {
            "PUT" => Some(answer(status, &[], "")),
            "HEAD" => Some(answer(200, &[("docker-content-digest", &own)], "")),
            _ => None,
        }));
        let fake = fake.await;
        assert!(put(&fake).await.unwrap().was_there);
        assert_eq!(
            fake.lines(),
            ["PUT manifests/1.0.0", "HEAD manifests/1.0.0"],
            "{status}"
        );
    }
    let fake = Fake::start(Box::new(|asked, number| {
        (asked.method == "PUT" && number < 2).then(|| answer(503, &[], ""))
    }));
    let fake = fake.await;
    assert!(!put(&fake).await.unwrap().was_there);
    assert_eq!(
        fake.lines(),
        [
            "PUT manifests/1.0.0",
            "HEAD manifests/1.0.0",
            "PUT manifests/1.0.0"
        ]
    );
}

#[tokio::test]
async fn protected_tags_in_all_spellings() {
    for (status, body) in [
        (
            400,
            r#"{"errors":[{"code":"TAG_INVALID","message":"cannot be overwritten because the repository is immutable"}]}"#,
        ),
        (
            400,
            r#"{"errors":[{"code":"MANIFEST_INVALID","message":"cannot update tag"}]}"#,
        ),
        (
            400,
            r#"{"errors":[{"code":"BLOB_UPLOAD_INVALID","detail":"Repository does not allow updating assets: x"}]}"#,
        ),
        (403, "Not enough permissions to delete/overwrite"),
        (405, r#"{"errors":[{"code":"REGISTRY_DISALLOWED_OPERATION"}]}"#),
        (409, r#"{"errors":[{"code":"TAG_IMMUTABLE"}]}"#),
        (412, r#"{"errors":[{"code":"PRECONDITION"}]}"#),
    ] {
        for (existing, is_same) in [(BYTES, true), (&b"{}"[..], false)] {
            let fake = Fake::start(Box::new(move |asked, _| {
                (asked.method == "PUT").then(|| answer(status, &[], body))
            }))
            .await;
            fake.contents
                .lock()
                .unwrap()
                .manifests
                .insert("1.0.0".into(), existing.to_vec());
            match put(&fake).await {
                Ok(stored) => assert!(is_same && stored.was_there, "{body}"),
                Err(RegistryError::Conflict { existing: found, .. }) => {
                    assert!(!is_same && found == Digest::of(existing), "{body}");
                }
                Err(error) => panic!("{error}"),
            }
            assert_eq!((fake.count("PUT"), fake.count("HEAD")), (1, 1));
        }
    }
    // Refused for another reason.
    let fake = Fake::start(Box::new(|asked, _| {
        (asked.method == "PUT").then(|| answer(400, &[], "no"))
    }))
    .await;
    let error = put(&fake).await.unwrap_err();
    assert_eq!(error.status().map(|s| s.as_u16()), Some(400));
}

#[tokio::test]
async fn manifests_are_read_and_verified() {
    let fake = Fake::plain().await;
    let digest = Digest::of(BYTES);
    for reference in ["1.0.0".to_owned(), digest.to_string()] {
        fake.contents
            .lock()
            .unwrap()
            .manifests
            .insert(reference, BYTES.to_vec());
    }
    let registry = fake.registry();
    assert_eq!(
        registry.head_manifest(&repository(), "1.0.0").await.unwrap(),
        Some(digest)
    );
    assert_eq!(registry.head_manifest(&repository(), "2").await.unwrap(), None);
    let manifest = registry
        .get_manifest(&repository(), &digest.to_string())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (manifest.media_type.as_str(), manifest.digest, &manifest.bytes[..]),
        (KIND, digest, BYTES)
    );
    assert_eq!(registry.get_manifest(&repository(), "2").await.unwrap(), None);
    // Other bytes than asked for, or than the header says.
    let other = Digest::of(b"other").to_string();
    fake.contents
        .lock()
        .unwrap()
        .manifests
        .insert(other.clone(), BYTES.to_vec());
    let error = registry.get_manifest(&repository(), &other).await.unwrap_err();
    assert!(matches!(error, RegistryError::Digest { .. }), "{error}");
    let fake = Fake::start(Box::new(move |asked, _| {
        asked
            .path
            .contains("manifests")
            .then(|| answer(200, &[("docker-content-digest", &other)], BYTES))
    }));
    let error = fake
        .await
        .registry()
        .get_manifest(&repository(), "1")
        .await
        .unwrap_err();
    assert_eq!(error.class(), Class::Integrity);
    // A gigabyte is not read.
    let fake = Fake::start(Box::new(|asked, _| {
        asked
            .path
            .contains("manifests")
            .then(|| answer(200, &[], vec![b' '; 5 << 20]))
    }));
    let error = fake
        .await
        .registry()
        .get_manifest(&repository(), "1")
        .await
        .unwrap_err();
    assert_eq!(error.class(), Class::Refused, "{error}");
}

#[tokio::test]
async fn a_head_without_digest_reads_the_bytes() {
    let fake = Fake::start(Box::new(|asked, _| {
        asked.path.contains("manifests").then(|| answer(200, &[], BYTES))
    }))
    .await;
    let found = fake.registry().head_manifest(&repository(), "1").await.unwrap();
    assert_eq!(found, Some(Digest::of(BYTES)));
    assert_eq!(fake.lines(), ["HEAD manifests/1", "GET manifests/1"]);
}

#[tokio::test]
async fn denials_never_mean_absent() {
    for status in [401, 403, 429, 500] {
        let fake = Fake::start(Box::new(move |asked, _| {
            asked.path.contains("/a/").then(|| answer(status, &[], ""))
        }))
        .await;
        let registry = fake.registry();
        assert!(
            registry.head_manifest(&repository(), "1").await.is_err(),
            "{status}"
        );
        assert!(
            registry.get_manifest(&repository(), "1").await.is_err(),
            "{status}"
        );
        assert!(
            registry
                .has_blob(&repository(), &Digest::of(b""), None)
                .await
                .is_err(),
            "{status}"
        );
        assert!(registry.list_tags(&repository()).await.is_err(), "{status}");
    }
}

//! Blobs on their way in: sessions, single POST, pieces, lost answers.

use crate::net::HostOptions;
use crate::net::testing::{Server, answer, net_with};
use crate::payload::{Budget, Payload, Spool};
use crate::registry::{Credential, RegistryError, RegistryOptions};
use crate::types::{Class, Digest};

use super::fake::{Fake, basic, repository};

const BYTES: &[u8] = b"some chart";

fn blob() -> (Digest, Payload) {
    (Digest::of(BYTES), Payload::from(BYTES.to_vec()))
}

fn stored(fake: &Fake, digest: &Digest) -> bool {
    fake.contents
        .lock()
        .unwrap()
        .blobs
        .contains_key(&digest.to_string())
}

#[tokio::test]
async fn two_requests_and_an_untouched_query() {
    let fake = Fake::plain().await;
    let (digest, payload) = blob();
    fake.in_two()
        .push_blob(&repository(), &digest, &payload)
        .await
        .unwrap();
    let put = format!("PUT blobs/uploads/1?_state=x%3D&digest={digest}");
    assert_eq!(fake.lines(), ["POST blobs/uploads/".to_owned(), put]);
    let put = fake.server.asked().pop().unwrap();
    assert_eq!(put.header("content-length"), Some("10"));
    assert_eq!(put.header("content-type"), Some("application/octet-stream"));
}

#[tokio::test]
async fn the_first_small_blob_finds_out_about_the_single_post() {
    // A registry that ignores the digest answers 202: the same session goes on, and nobody tries again.
    let fake = Fake::plain().await;
    let registry = fake.registry();
    let all = (0..8_u8).map(|n| {
        let registry = registry.clone();
        async move {
            let payload = Payload::from(vec![n; 10]);
            registry
                .push_blob(&repository(), &Digest::of(&[n; 10]), &payload)
                .await
                .unwrap();
        }
    });
    futures_util::future::join_all(all).await;
    assert_eq!((fake.count("POST"), fake.count("PUT")), (8, 8));
    assert_eq!(
        fake.lines()
            .iter()
            .filter(|line| line.starts_with("POST blobs/uploads/?digest="))
            .count(),
        1
    );
    assert_eq!(registry.takes_single_post(), Some(false));
    assert_eq!(fake.contents.lock().unwrap().blobs.len(), 8);

    // One that takes it needs one request for each blob.
    let fake = Fake::start(Box::new(|asked, _| {
        (asked.method == "POST").then(|| answer(201, &[], ""))
    }))
    .await;
    let registry = fake.registry();
    for n in 0..4_u8 {
        registry
            .push_blob(&repository(), &Digest::of(&[n]), &Payload::from(vec![n]))
            .await
            .unwrap();
    }
    assert_eq!(registry.takes_single_post(), Some(true));
    assert_eq!(fake.lines().len(), 4);

    // One that refuses it is asked once.
    for status in [400, 405, 415, 501] {
        let refuses = move |line: &str| line.contains("?digest=") && line.starts_with("POST");
        let fake = Fake::start(Box::new(move |asked, _| {
            refuses(&asked.line()).then(|| answer(status, &[], ""))
        }))
        .await;
        let registry = fake.registry();
        for n in 0..2_u8 {
            registry
                .push_blob(&repository(), &Digest::of(&[n]), &Payload::from(vec![n]))
                .await
                .unwrap();
        }
        assert_eq!((fake.count("POST"), fake.count("PUT")), (3, 2), "{status}");
    }
}

#[tokio::test]
async fn a_lost_session_starts_again_at_post() {
    for (status, body) in [
        (404, r#"{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN"}]}"#),
        (416, ""),
        (401, ""),
    ] {
        let fake = Fake::start(Box::new(move |asked, number| {
            (asked.method == "PUT" && number < 3).then(|| answer(status, &[], body))
        }));
        let fake = fake.await;
        let (digest, payload) = blob();
        fake.in_two()
            .push_blob(&repository(), &digest, &payload)
            .await
            .unwrap();
        assert_eq!((fake.count("POST"), fake.count("PUT")), (2, 2), "{status}");
        assert!(stored(&fake, &digest));
    }
    let fake = Fake::start(Box::new(|asked, _| {
        (asked.method == "PUT").then(|| answer(404, &[], ""))
    }))
    .await;
    let (digest, payload) = blob();
    let error = fake
        .in_two()
        .push_blob(&repository(), &digest, &payload)
        .await
        .unwrap_err();
    assert_eq!(error.class(), Class::NotFound);
    assert!(fake.count("PUT") <= 4);
}

#[tokio::test]
async fn a_lost_answer_is_looked_for_before_it_is_sent_again() {
    let (digest, payload) = blob();
    // Stored, but answered 500: the HEAD finds it.
    let fake = Fake::start(Box::new(move |asked, _| match asked.method.as_str() {
        "PUT" => Some(answer(500, &[], "")),
        "HEAD" => Some(answer(200, &[("content-length", "10")], "")),
        _ => None,
    }));
    let fake = fake.await;
    fake.in_two()
        .push_blob(&repository(), &digest, &payload)
        .await
        .unwrap();
    assert_eq!(
        (fake.count("POST"), fake.count("PUT"), fake.count("HEAD")),
        (1, 1, 1)
    );
    // Not stored: again from POST.
    let fake = Fake::start(Box::new(|asked, number| {
        (asked.method == "PUT" && number < 3).then(|| answer(503, &[], ""))
    }));
    let fake = fake.await;
    fake.in_two()
        .push_blob(&repository(), &digest, &payload)
        .await
        .unwrap();
    assert_eq!(
        (fake.count("POST"), fake.count("PUT"), fake.count("HEAD")),
        (2, 2, 1)
    );
}

#[tokio::test]
async fn what_is_too_large_goes_in_pieces() {
    const PIECE: usize = 4 << 20;
    let bytes: Vec<u8> = (0..PIECE + 1000)
        .map(|n| u8::try_from(n % 251).unwrap())
        .collect();
    let digest = Digest::of(&bytes);
    let mut spool = Spool::new(&Budget::new(0), 1 << 30);
    spool.write(&bytes).await.unwrap();
    let file = spool.finish().await.unwrap().payload;
    for payload in [Payload::from(bytes.clone()), file] {
        let fake = Fake::start(Box::new(|asked, _| {
            (asked.body.len() > PIECE).then(|| answer(413, &[], "<html>"))
        }))
        .await;
        let registry = fake.in_two();
        registry
            .push_blob(&repository(), &digest, &payload)
            .await
            .unwrap();
        assert!(stored(&fake, &digest));
        let ranges: Vec<_> = fake
            .server
            .asked()
            .iter()
            .filter(|a| a.method == "PATCH")
            .map(|asked| {
                assert!(asked.body.len() <= PIECE && asked.header("transfer-encoding").is_none());
                asked.header("content-range").unwrap().to_owned()
            })
            .collect();
        assert_eq!(
            ranges,
            [format!("0-{}", PIECE - 1), format!("{PIECE}-{}", PIECE + 999)]
        );
        // The next one of that size goes in pieces at once.
        let puts = fake.count("PUT");
        registry
            .push_blob(&repository(), &digest, &payload)
            .await
            .unwrap();
        assert_eq!(fake.count("PUT"), puts + 1);
    }
    // A registry that refuses the pieces too is not asked for ever.
    let fake = Fake::start(Box::new(|asked, _| {
        (!asked.body.is_empty()).then(|| answer(413, &[], ""))
    }))
    .await;
    let error = fake
        .in_two()
        .push_blob(&repository(), &digest, &Payload::from(bytes))
        .await
        .unwrap_err();
    assert_eq!(error.status().map(|s| s.as_u16()), Some(413));
    assert_eq!((fake.count("PUT"), fake.count("PATCH")), (1, 1));
}

#[tokio::test]
async fn pieces_are_as_large_as_the_registry_wants() {
    const LEAST: usize = 5 << 20;
    let bytes = vec![7; LEAST + 1];
    let digest = Digest::of(&bytes);
    let fake = Fake::start(Box::new(|asked, _| match asked.method.as_str() {
        "POST" => Some(answer(
            202,
            &[
                ("location", "/v2/a/blobs/uploads/1?_state=x%3D"),
                ("oci-chunk-min-length", "5242880"),
            ],
            "",
        )),
        "PUT" if !asked.body.is_empty() => Some(answer(413, &[], "")),
        _ => None,
    }))
    .await;
    fake.in_two()
        .push_blob(&repository(), &digest, &Payload::from(bytes))
        .await
        .unwrap();
    assert!(stored(&fake, &digest));
    let asked = fake.server.asked();
    let pieces: Vec<usize> = asked
        .iter()
        .filter(|asked| asked.method == "PATCH")
        .map(|asked| asked.body.len())
        .collect();
    assert_eq!(pieces, [LEAST, 1]);
}

/// Google's Artifact Registry takes no pieces: then the 413 is what the user has to know.
#[tokio::test]
async fn a_registry_that_takes_no_pieces_says_that_the_whole_is_too_large() {
    let (digest, payload) = blob();
    for refusal in [400, 405, 501] {
        let fake = Fake::start(Box::new(move |asked, _| match asked.method.as_str() {
            "PUT" => Some(answer(413, &[], "")),
            "PATCH" => Some(answer(refusal, &[], "")),
            _ => None,
        }))
        .await;
        let error = fake
            .in_two()
            .push_blob(&repository(), &digest, &payload)
            .await
            .unwrap_err();
        assert_eq!(error.status().map(|s| s.as_u16()), Some(413), "{error}");
        assert!(error.to_string().contains("client_max_body_size"), "{error}");
        assert_eq!((fake.count("PUT"), fake.count("PATCH")), (1, 1));
    }
}

#[tokio::test]
async fn another_host_gets_the_blob_but_no_credentials() {
    let (digest, payload) = blob();
    let store = Server::start(|_, _| answer(201, &[], "")).await;
    let location = store.at("/up?sig=1").to_string();
    let fake = Fake::start(Box::new(move |asked, _| match asked.line().as_str() {
        "GET /v2/" if asked.header("authorization").is_none() => {
            Some(answer(401, &[("www-authenticate", "Basic realm=\"x\"")], ""))
        }
        line if line.starts_with("POST") => Some(answer(202, &[("location", &location)], "")),
        _ => None,
    }));
    let fake = fake.await;
    let options = || RegistryOptions {
        single_post: false,
        ..RegistryOptions::default()
    };
    fake.registry_with(net_with(vec![], &[]), basic(), options())
        .push_blob(&repository(), &digest, &payload)
        .await
        .unwrap();
    assert!(
        fake.server
            .asked()
            .iter()
            .any(|asked| asked.header("authorization").is_some())
    );
    let asked = store.asked();
    assert_eq!(asked[0].line(), format!("PUT /up?sig=1&digest={digest}"));
    assert_eq!(asked[0].header("authorization"), None);
}

#[tokio::test]
async fn a_location_on_a_forbidden_address_is_refused() {
    let (digest, payload) = blob();
    for location in [
        "http://169.254.169.254/latest",
        "http://127.0.0.2:1/",
        "file:///etc/passwd",
    ] {
        let fake = Fake::start(Box::new(move |asked, _| {
            (asked.method == "POST").then(|| answer(202, &[("location", location)], ""))
        }));
        let fake = fake.await;
        let error = fake
            .in_two()
            .push_blob(&repository(), &digest, &payload)
            .await
            .unwrap_err();
        assert_eq!(error.class(), Class::Refused, "{location}: {error}");
    }
}

#[tokio::test]
async fn answers_that_are_none_are_errors() {
    let (digest, payload) = blob();
    let fake = Fake::start(Box::new(|asked, _| {
        (asked.method == "POST").then(|| answer(200, &[], "<html>"))
    }))
    .await;
    let error = fake
        .in_two()
        .push_blob(&repository(), &digest, &payload)
        .await
        .unwrap_err();
    assert!(matches!(error, RegistryError::Answer { .. }), "{error}");
    // 204 and 201 without Location are fine.
    let fake = Fake::start(Box::new(|asked, _| {
        (asked.method == "PUT").then(|| answer(204, &[], ""))
    }))
    .await;
    fake.in_two()
        .push_blob(&repository(), &digest, &payload)
        .await
        .unwrap();
    // A session that was given up is cancelled.
    let fake = Fake::start(Box::new(|asked, _| {
        (asked.method == "PUT").then(|| answer(400, &[], ""))
    }))
    .await;
    fake.in_two()
        .push_blob(&repository(), &digest, &payload)
        .await
        .unwrap_err();
    for _ in 0..200 {
        if fake.count("DELETE") == 1 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(fake.lines().last().unwrap(), "DELETE blobs/uploads/1?_state=x%3D");
}

#[tokio::test]
async fn an_upload_proves_the_right_to_push() {
    let fake = Fake::plain().await;
    fake.registry().check_push(&repository()).await.unwrap();
    assert_eq!(
        fake.lines(),
        ["POST blobs/uploads/", "DELETE blobs/uploads/1?_state=x%3D"]
    );
    let denied = r#"{"errors":[{"code":"DENIED","message":"repository may not exist"}]}"#;
    let fake = Fake::start(Box::new(move |asked, _| {
        (asked.method == "POST").then(|| answer(403, &[], denied))
    }))
    .await;
    let registry = fake.registry_with(
        net_with(vec![], &[]),
        Credential::Anonymous,
        RegistryOptions::default(),
    );
    let error = registry.check_push(&repository()).await.unwrap_err();
    assert!(
        error.is_repository_missing() && error.class() == Class::Auth,
        "{error}"
    );
}

#[tokio::test]
async fn one_connection_is_enough() {
    let fake = Fake::start(Box::new(|asked, number| match asked.method.as_str() {
        "POST" => Some(answer(201, &[], "some body")),
        "HEAD" if asked.path.contains("blobs") => Some(answer(200, &[("content-length", "10")], "")),
        "GET" if asked.path.contains("manifests") => Some(answer(200, &[], "{}")),
        "HEAD" => Some(answer(200, &[], "")),
        "PUT" if number < 6 => Some(answer(503, &[], "some body")),
        _ => None,
    }));
    let fake = fake.await;
    let options = HostOptions {
        name: fake.server.authority(),
        max_connections: Some(1),
        ..HostOptions::default()
    };
    let single = RegistryOptions {
        single_post: false,
        ..RegistryOptions::default()
    };
    let registry = fake.registry_with(net_with(vec![options], &[]), Credential::Anonymous, single);
    let (digest, payload) = blob();
    let work = async {
        registry
            .push_blob(&repository(), &digest, &payload)
            .await
            .unwrap();
        assert_eq!(
            registry.head_manifest(&repository(), "1").await.unwrap(),
            Some(Digest::of(b"{}"))
        );
        let tag = crate::types::Tag::new("1").unwrap();
        let stored = registry
            .put_manifest(&repository(), &tag, "application/json", b"{}"[..].into())
            .await;
        assert!(stored.unwrap().was_there);
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), work)
        .await
        .unwrap();
}

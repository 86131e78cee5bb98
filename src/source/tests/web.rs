//! Repositories on a web server.

use std::io::Write as _;

use super::server::{Asked, Server, answer, cut, ok, status};
use super::*;
use crate::types::Class;

const PACKAGE: &[u8] = b"\x1f\x8bpackage";

/// A repository that has its index, one package and its provenance file.
fn whole(asked: &Asked) -> Vec<u8> {
    match asked.path.as_str() {
        "/index.yaml" => answer(200, "ETag: \"1\"\r\n", INDEX.as_bytes()),
        "/charts/demo-1.0.0.tgz" => ok(PACKAGE),
        "/charts/demo-1.0.0.tgz.prov" => ok(SIGNED),
        _ => status(404),
    }
}

#[tokio::test]
async fn a_version_costs_two_requests() {
    let server = Server::start(whole).await;
    let source = source(&server.url);
    let (found, validators) = index(&source).await;
    assert_eq!((found.versions(), validators.etag.as_deref()), (1, Some("\"1\"")));
    let fetched = fetch(&source, &["charts/demo-1.0.0.tgz"]).await.unwrap();
    assert_eq!(bytes(&fetched.package), PACKAGE);
    assert_eq!(fetched.package.digest, Digest::of(PACKAGE));
    assert_eq!(fetched.provenance, ProvenanceFile::Signed(SIGNED.into()));
    assert_eq!(fetched.url, format!("{}/charts/demo-1.0.0.tgz", server.url));
    assert_eq!(
        server.asked(),
        [
            "/charts/demo-1.0.0.tgz",
            "/charts/demo-1.0.0.tgz.prov",
            "/index.yaml"
        ]
    );
}

#[tokio::test]
async fn an_unchanged_index_is_not_read_again() {
    let server = Server::start(|asked| match asked.header("if-none-match") {
        Some("\"1\"") => status(304),
        Some(_) => answer(200, "ETag: \"2\"\r\n", INDEX.as_bytes()),
        None if asked.nth > 1 => status(304),
        None => whole(asked),
    })
    .await;
    let source = source(&server.url);
    let (_, mut validators) = index(&source).await;
    let again = source.snapshot(Some(&validators)).await.unwrap();
    assert!(matches!(again, Snapshot::Unchanged { validators: same } if same == validators));
    // Another tag for the same text: the text decides, and the new tag is kept.
    validators.etag = Some("\"0\"".into());
    let again = source.snapshot(Some(&validators)).await.unwrap();
    assert!(
        matches!(again, Snapshot::Unchanged { validators } if validators.etag.as_deref() == Some("\"2\""))
    );
    // The same tag for another text.
    validators.body = Digest::of(b"other");
    assert!(matches!(
        source.snapshot(Some(&validators)).await.unwrap(),
        Snapshot::Fresh { .. }
    ));
    // A 304 that nobody asked for.
    let error = source.snapshot(None).await.unwrap_err();
    assert!(error.to_string().contains("304"), "{error}");
}

#[tokio::test]
async fn compression_is_undone_for_the_index_only() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(INDEX.as_bytes()).unwrap();
    let packed = encoder.finish().unwrap();
    let server = Server::start(move |asked| {
        let wants = asked
            .header("accept-encoding")
            .unwrap_or_default()
            .contains("gzip");
        assert_eq!(wants, asked.path == "/index.yaml");
        answer(200, "Content-Encoding: gzip\r\n", &packed)
    })
    .await;
    let source = source(&server.url);
    let (found, validators) = index(&source).await;
    assert_eq!(
        (found.versions(), validators.body),
        (1, Digest::of(INDEX.as_bytes()))
    );
    let locations = source.locate(&entry(&["a.tgz"])).await.unwrap();
    let package = source.package(&locations[0], false).await.unwrap();
    assert_eq!(bytes(&package)[..2], [0x1f, 0x8b]);
}

#[tokio::test]
async fn bodies_that_break_off_are_fetched_again() {
    let server = Server::start(|asked| match (asked.path.as_str(), asked.nth) {
        ("/index.yaml", 0) => {
            let head = "HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\n\r\n1a\r\n";
            [head, &INDEX[..26], "\r\n"].concat().into_bytes()
        }
        ("/charts/demo-1.0.0.tgz", 0) => cut(PACKAGE),
        ("/charts/demo-1.0.0.tgz.prov", 0) => cut(SIGNED),
        _ => whole(asked),
    })
    .await;
    let source = source(&server.url);
    assert_eq!(index(&source).await.0.versions(), 1);
    let fetched = fetch(&source, &["charts/demo-1.0.0.tgz"]).await.unwrap();
    assert_eq!(bytes(&fetched.package), PACKAGE);
    assert!(matches!(fetched.provenance, ProvenanceFile::Signed(_)));
    assert_eq!(server.asked().len(), 6);
}

#[tokio::test]
async fn a_body_that_always_breaks_off_is_an_error() {
    let server = Server::start(|_| cut(PACKAGE)).await;
    let source = source(&server.url);
    let locations = source.locate(&entry(&["a.tgz"])).await.unwrap();
    let error = source.package(&locations[0], false).await.unwrap_err();
    assert_eq!(error.class(), Class::Retry);
    assert_eq!(server.asked().len(), 3);
}

#[tokio::test]
async fn only_200_is_a_package() {
    for (code, class, requests) in [
        (404, Class::NotFound, 1),
        (410, Class::NotFound, 1),
        (401, Class::Auth, 1),
        (403, Class::Auth, 1),
        (204, Class::Permanent, 1),
        (206, Class::Permanent, 1),
        (500, Class::Retry, 3),
    ] {
        let server = Server::start(move |_| status(code)).await;
        let source = source(&server.url);
        let locations = source.locate(&entry(&["a.tgz?token=secret"])).await.unwrap();
        let error = source.package(&locations[0], false).await.unwrap_err();
        assert_eq!(
            (error.class(), server.asked().len()),
            (class, requests),
            "{error}"
        );
        assert!(error.to_string().contains("/a.tgz") && !error.to_string().contains("secret"));
    }
}

#[tokio::test]
async fn what_is_no_index_is_refused() {
    for (body, why) in [("<!DOCTYPE html><html></html>", "HTML"), ("", "empty")] {
        let server = Server::start(move |_| ok(body)).await;
        let error = source(&server.url).snapshot(None).await.unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
        assert_eq!(error.code(), "bad-index");
    }
}

#[tokio::test]
async fn limits_hold_with_and_without_length() {
    let server = Server::start(|asked| match asked.path.as_str() {
        "/announced.tgz" => b"HTTP/1.1 200 x\r\nContent-Length: 9223372036854775807\r\n\r\nx".to_vec(),
        _ => [b"HTTP/1.1 200 x\r\nConnection: close\r\n\r\n", &[0; 2000][..]].concat(),
    })
    .await;
    let mut options = SourceOptions {
        max_package_size: 1000,
        ..SourceOptions::default()
    };
    options.index_limits.bytes = 1000;
    let source = source_with(&server.url, options);
    for path in ["announced.tgz", "endless.tgz"] {
        let locations = source.locate(&entry(&[path])).await.unwrap();
        let error = source.package(&locations[0], false).await.unwrap_err();
        assert!(
            matches!(error, SourceError::TooLarge { limit: 1000, .. }),
            "{error}"
        );
    }
    let error = source.snapshot(None).await.unwrap_err();
    assert!(error.to_string().contains("max_index_size"), "{error}");
    assert_eq!(
        server.asked().len(),
        3,
        "what is too large is not asked for again"
    );
}

#[tokio::test]
async fn the_next_url_is_tried() {
    let server = Server::start(whole).await;
    let source = source(&server.url);
    let urls = ["ftp://h/a.tgz", "gone.tgz", "charts/demo-1.0.0.tgz"];
    let fetched = fetch(&source, &urls).await.unwrap();
    assert!(fetched.url.ends_with("/charts/demo-1.0.0.tgz"));
    assert!(matches!(fetched.provenance, ProvenanceFile::Signed(_)));
    let error = fetch(&source, &["gone.tgz", "lost.tgz"]).await.unwrap_err();
    assert_eq!((error.class(), error.code()), (Class::NotFound, "source-gone"));
    assert!(
        error.to_string().contains("/gone.tgz") && error.to_string().contains("/lost.tgz"),
        "{error}"
    );
    let error = fetch(&source, &["https://u:secret@h/a.tgz"]).await.unwrap_err();
    assert!(
        matches!(error, SourceError::Url { .. }) && !error.to_string().contains("secret"),
        "{error}"
    );
}

#[tokio::test]
async fn provenance_files_are_told_from_other_things() {
    let long = [SIGNED, &vec![b'x'; 2 << 20]].concat();
    let server = Server::start(move |asked| match asked.path.as_str() {
        "/forbidden.prov" => status(403),
        "/page.prov" | "/query?t=1.prov" => ok("<html>"),
        "/long.prov" => ok(&long),
        "/huge.prov" => ok(vec![0; 2 << 20]),
        "/denied.prov" => status(401),
        "/down.prov" => status(503),
        "/query.prov?t=1" => ok(SIGNED),
        "/odd?t=1.prov" => status(400),
        _ => status(404),
    })
    .await;
    let source = source(&server.url);
    let look = async |name: &str| {
        let url = format!("{}/{name}", server.url);
        let locations = source.locate(&entry(&[&url])).await.unwrap();
        source.provenance(&locations[0]).await
    };
    assert_eq!(look("none").await.unwrap(), ProvenanceFile::None);
    assert_eq!(look("odd?t=1").await.unwrap(), ProvenanceFile::None);
    assert_eq!(look("forbidden").await.unwrap(), ProvenanceFile::Forbidden);
    assert!(matches!(look("page").await.unwrap(), ProvenanceFile::NotSigned { why } if why.contains("HTML")));
    assert!(matches!(
        look("huge").await.unwrap(),
        ProvenanceFile::NotSigned { .. }
    ));
    assert_eq!(
        look("query?t=1").await.unwrap(),
        ProvenanceFile::Signed(SIGNED.into())
    );
    assert!(matches!(look("long").await, Err(SourceError::TooLarge { .. })));
    assert_eq!(look("denied").await.unwrap_err().class(), Class::Auth);
    assert_eq!(look("down").await.unwrap_err().class(), Class::Retry);
}

#[tokio::test]
async fn credentials_stay_with_their_origin() {
    let other = Server::start(|asked| ok(asked.header("authorization").unwrap_or("none"))).await;
    let home = Server::start(|asked| ok(asked.header("authorization").unwrap_or("none"))).await;
    let allowed = NetOptions {
        allow_private: vec!["127.0.0.1".parse().unwrap()],
        proxy_from_env: false,
        ..NetOptions::default()
    };
    let options = SourceOptions {
        credentials: Some(("user".into(), "pass".into())),
        ..SourceOptions::default()
    };
    let spec = home.url.parse().unwrap();
    let source = Source::open(&spec, Net::new(allowed).unwrap(), Budget::new(1 << 20), options);
    for (url, sent) in [
        ("a.tgz".to_owned(), "Basic dXNlcjpwYXNz"),
        (format!("{}/a.tgz", other.url), "none"),
    ] {
        let locations = source.locate(&entry(&[&url])).await.unwrap();
        let package = source.package(&locations[0], false).await.unwrap();
        assert_eq!(String::from_utf8(bytes(&package)).unwrap(), sent);
    }
}

#[tokio::test]
async fn a_second_try_passes_caches_by() {
    let server = Server::start(|asked| ok(asked.header("cache-control").unwrap_or("none"))).await;
    let source = source(&server.url);
    let locations = source.locate(&entry(&["a.tgz"])).await.unwrap();
    for (fresh, sent) in [(false, "none"), (true, "no-cache")] {
        let package = source.package(&locations[0], fresh).await.unwrap();
        assert_eq!(String::from_utf8(bytes(&package)).unwrap(), sent);
    }
}

#[tokio::test]
async fn artifacts_of_registries_are_not_fetched() {
    let server = Server::start(whole).await;
    let source = source(&server.url);
    let locations = source.locate(&entry(&["oci://r.io/charts/demo"])).await.unwrap();
    assert!(
        matches!(&locations[..], [PackageUrl::Oci(reference)] if reference.to_string() == "oci://r.io/charts/demo:1.0.0")
    );
    assert!(matches!(
        source.package(&locations[0], false).await,
        Err(SourceError::Copied(_))
    ));
    assert!(server.asked().is_empty());
}

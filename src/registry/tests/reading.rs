//! Lists of tags and blobs on their way out.

use crate::net::testing::answer;
use crate::payload::Budget;
use crate::registry::{RegistryError, TagList};
use crate::types::{Class, Digest};

use super::fake::{Fake, repository};

/// Status, headers and body.
type Page = (u16, Vec<(&'static str, String)>, &'static str);

/// Lists the tags where the pages answer in turn.
async fn list(pages: Vec<Page>) -> (TagList, Vec<String>) {
    let fake = Fake::start(Box::new(move |asked, number| {
        if !asked.path.contains("/tags/list") {
            return None;
        }
        let (status, headers, body) = &pages[(number - 1).min(pages.len() - 1)];
        let headers: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
        Some(answer(*status, &headers, *body))
    }));
    let fake = fake.await;
    let listed = fake.registry().list_tags(&repository()).await.unwrap();
    (listed, fake.lines())
}

fn next(to: &str) -> Vec<(&'static str, String)> {
    vec![("link", format!("<{to}>; rel=\"next\""))]
}

fn tags(listed: &TagList) -> Vec<&str> {
    let mut all: Vec<&str> = listed.tags.iter().map(|tag| &**tag).collect();
    all.sort_unstable();
    all
}

#[tokio::test]
async fn pages_are_followed_by_link() {
    let (listed, lines) = list(vec![
        (200, next("/v2/a/tags/list?last=b&n=2"), r#"{"tags":["a","b"]}"#),
        (200, next("?last=c"), r#"{"tags":["c"]}"#),
        (200, vec![], r#"{"tags":[]}"#),
    ])
    .await;
    assert_eq!((tags(&listed), listed.trusted), (vec!["a", "b", "c"], true));
    assert_eq!(
        lines,
        [
            "GET tags/list",
            "GET tags/list?last=b&n=2",
            "GET tags/list?last=c"
        ]
    );
}

#[tokio::test]
async fn odd_lists_are_read_but_not_trusted() {
    for (pages, found, trusted, requests) in [
        (
            vec![(200, vec![], r#"{"tags":["1",null,"sha256:00","a b",5]}"#)],
            vec!["1"],
            true,
            1,
        ),
        (
            vec![(200, vec![], r#"{"name":"a","tags":null}"#)],
            vec![],
            false,
            1,
        ),
        (
            vec![(200, next("/v2/a/tags/list"), r#"{"tags":["1"]}"#)],
            vec!["1"],
            false,
            1,
        ),
        (
            vec![(200, next("/v2/a/tags/list?x=1"), r#"{"tags":["1"]}"#)],
            vec!["1"],
            false,
            2,
        ),
        (
            vec![(
                200,
                next("http://127.0.0.1:1/v2/a/tags/list"),
                r#"{"tags":["1"]}"#,
            )],
            vec!["1"],
            false,
            1,
        ),
    ] {
        let body = pages[0].2;
        let (listed, lines) = list(pages).await;
        assert_eq!(
            (tags(&listed), listed.trusted, lines.len()),
            (found, trusted, requests),
            "{body}"
        );
    }
}

#[tokio::test]
async fn a_404_means_no_tags_where_the_registry_says_so() {
    for (body, trusted) in [
        (r#"{"errors":[{"code":"NAME_UNKNOWN"}]}"#, true),
        (
            r#"{"errors":[{"code":"NOT_FOUND","message":"project not found"}]}"#,
            true,
        ),
        (
            r#"{"errors":[{"code":"NOT_FOUND","message":"404 page not found"}]}"#,
            false,
        ),
        ("404 page not found", false),
    ] {
        let (listed, lines) = list(vec![(404, vec![], body)]).await;
        assert_eq!(
            (tags(&listed), listed.trusted, lines.len()),
            (vec![], trusted, 1),
            "{body}"
        );
    }
}

#[tokio::test]
async fn what_is_no_list_is_an_error() {
    for body in ["<html>", "[]", r#"{"tags":"x"}"#] {
        let fake = Fake::start(Box::new(move |asked, _| {
            asked.path.contains("tags").then(|| answer(200, &[], body))
        }))
        .await;
        let error = fake.registry().list_tags(&repository()).await.unwrap_err();
        assert!(matches!(error, RegistryError::Answer { .. }), "{body}: {error}");
    }
    let fake = Fake::start(Box::new(|asked, _| {
        asked
            .path
            .contains("tags")
            .then(|| answer(200, &[], vec![b' '; 9 << 20]))
    }));
    let error = fake.await.registry().list_tags(&repository()).await.unwrap_err();
    assert_eq!(error.class(), Class::Refused);
}

#[tokio::test]
async fn blobs_are_read_with_their_digest() {
    let fake = Fake::plain().await;
    let (good, bad) = (Digest::of(b"good"), Digest::of(b"bad"));
    for digest in [good, bad] {
        fake.contents
            .lock()
            .unwrap()
            .blobs
            .insert(digest.to_string(), b"good".to_vec());
    }
    let (registry, budget) = (fake.registry(), Budget::new(1 << 20));
    let read = registry.get_blob(&repository(), &good, 4, &budget).await.unwrap();
    assert_eq!((read.digest, read.size), (good, 4));
    let error = registry
        .get_blob(&repository(), &bad, 4, &budget)
        .await
        .unwrap_err();
    assert!(matches!(error, RegistryError::Digest { .. }), "{error}");
    let error = registry
        .get_blob(&repository(), &good, 3, &budget)
        .await
        .unwrap_err();
    assert_eq!(error.class(), Class::Refused, "{error}");
    let error = registry
        .get_blob(&repository(), &Digest::of(b""), 3, &budget)
        .await
        .unwrap_err();
    assert_eq!(error.class(), Class::NotFound, "{error}");
    assert!(registry.has_blob(&repository(), &good, Some(4)).await.unwrap());
    assert!(!registry.has_blob(&repository(), &good, Some(5)).await.unwrap());
    assert!(
        !registry
            .has_blob(&repository(), &Digest::of(b""), None)
            .await
            .unwrap()
    );
}

//! That the list of forbidden requests sees each of them.

use super::requests::{Leave, forbidden};
use crate::support::server::{Kind, Log, Logged, Request};

/// Kind, method, path, query, headers as `name: value` lines, and the beginning of the accusation.
type Case = (
    Kind,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
);

const UPLOAD: &str = "/v2/a/blobs/uploads/1";
const MANIFEST: &str = "/v2/a/manifests/1";
const TWICE: &str = "scope=repository:a:pull,push&scope=repository:a:pull,push";

#[rustfmt::skip]
const CASES: &[Case] = &[
    (Kind::Token, "GET", "/token", "scope=repository:a:pull", "", "rule 1"),
    (Kind::Token, "GET", "/token", TWICE, "", "rule 1"),
    (Kind::Token, "GET", "/token", "scope=repository:a:delete,pull,push", "", "rule 1"),
    (Kind::Token, "GET", "/token", "offline_token=true", "", "rule 2"),
    (Kind::UploadPut, "PUT", UPLOAD, "digest=d", "", "rule 6"),
    (Kind::UploadPut, "PUT", UPLOAD, "", "content-length: 3", "a PUT without a digest"),
    (Kind::UploadPut, "PUT", UPLOAD, "digest=d", "transfer-encoding: chunked", "rule 6"),
    (Kind::UploadPatch, "PATCH", UPLOAD, "", "content-length: 3", "rule 7, PATCH before"),
    (Kind::UploadPatch, "PATCH", UPLOAD, "", "content-length: 3", "rule 7, a piece without"),
    (Kind::UploadPost, "POST", UPLOAD, "mount=d", "", "rule 9"),
    (Kind::UploadPost, "POST", UPLOAD, "", "", "1 uploads were opened"),
    (Kind::TagList, "GET", "/v2/a/tags/list", "n=1001", "", "rule 15"),
    (Kind::ManifestPut, "PUT", MANIFEST, "", "content-type: application/json", "rule 19"),
    (Kind::BlobHead, "HEAD", "/v2/a/blobs/d", "", "", "rule 6"),
    (Kind::ManifestHead, "HEAD", MANIFEST, "", "", "product rule 2"),
    (Kind::Delete, "DELETE", MANIFEST, "", "", "I8"),
    (Kind::Other, "GET", "/v2/_catalog", "", "", "a request that nothing needs"),
    (Kind::Ping, "GET", "/v2/", "", "cookie: a=b", "a cookie"),
];

/// A request as the log has it.
fn logged(case: &Case) -> Logged {
    let (kind, method, path, query, headers, _) = *case;
    let mut request = Request {
        method: method.parse().unwrap(),
        path: path.to_owned(),
        query: (!query.is_empty()).then(|| query.to_owned()),
        headers: http::HeaderMap::new(),
        body: bytes::Bytes::new(),
    };
    for (name, value) in headers.lines().filter_map(|line| line.split_once(": ")) {
        let name: http::HeaderName = name.parse().unwrap();
        request.headers.append(name, value.parse().unwrap());
    }
    Logged {
        at: std::time::Instant::now(),
        kind,
        request,
        status: Some(202),
    }
}

#[test]
fn forbidden_requests_are_seen() {
    for case in CASES {
        let entry = logged(case);
        let wrong = forbidden(&Log(vec![entry.clone()]), Leave::default());
        assert!(
            wrong.iter().any(|words| words.starts_with(case.5)),
            "{entry}: {wrong:?}"
        );
    }
}

#[test]
fn what_is_needed_is_not_forbidden() {
    let fine = logged(&(Kind::TagList, "GET", "/v2/a/tags/list", "n=1000", "", ""));
    assert_eq!(forbidden(&Log(vec![fine]), Leave::default()), [""; 0]);
}

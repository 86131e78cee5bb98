//! The paths of the distribution API: what a request is for. The recorder in front of real registries reads them the same way.

use http::Method;

use super::super::server::{Answer, Kind};

/// Where token services are asked; the two of ACR are among them.
const TOKENS: [&str; 7] = [
    "/token",
    "/oauth2/token",
    "/oauth2/exchange",
    "/jwt/auth",
    "/service/token",
    "/v2/auth",
    "/v2/token",
];

/// A path below `/v2/`, taken apart.
#[derive(Debug, Clone, Copy)]
pub(super) struct Route<'a> {
    pub(super) repository: &'a str,
    pub(super) rest: &'a str,
}

pub(super) fn route(path: &str) -> Option<Route<'_>> {
    let path = path.strip_prefix("/v2/")?;
    ["/manifests/", "/blobs/", "/tags/list", "/referrers/"]
        .iter()
        .find_map(|mark| {
            let at = path.rfind(mark)?;
            Some(Route {
                repository: &path[..at],
                rest: &path[at + 1..],
            })
        })
}

/// What a request to a registry is for.
pub(crate) fn kind(method: &Method, path: &str) -> Kind {
    if path == "/v2/" || path == "/v2" {
        return Kind::Ping;
    }
    if TOKENS.contains(&path) {
        return Kind::Token;
    }
    let Some(route) = route(path) else {
        return Kind::Other;
    };
    let upload = route.rest.starts_with("blobs/uploads");
    let manifest = route.rest.starts_with("manifests/");
    match (method.as_str(), upload, manifest) {
        _ if route.rest.starts_with("referrers/") => Kind::Other,
        ("GET", ..) if route.rest == "tags/list" => Kind::TagList,
        ("POST", true, _) => Kind::UploadPost,
        ("PATCH", true, _) => Kind::UploadPatch,
        ("PUT", true, _) => Kind::UploadPut,
        ("GET", true, _) => Kind::UploadGet,
        ("DELETE", true, _) => Kind::UploadCancel,
        ("DELETE", ..) => Kind::Delete,
        ("HEAD", _, true) => Kind::ManifestHead,
        ("GET", _, true) => Kind::ManifestGet,
        ("PUT", _, true) => Kind::ManifestPut,
        ("HEAD", ..) => Kind::BlobHead,
        ("GET", ..) => Kind::BlobGet,
        _ => Kind::Other,
    }
}

/// An error as the specification words it.
pub(crate) fn error(status: u16, code: &str, message: &str) -> Answer {
    let body = serde_json::json!({ "errors": [{ "code": code, "message": message }] });
    Answer::status(status)
        .header("content-type", "application/json")
        .body(body.to_string())
}

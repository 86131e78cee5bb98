//! Which path is answered by whom, and what is said where there is nothing.

use axum::Router;
use axum::extract::Request;
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use http::{StatusCode, Uri};

use super::{Context, guard, headers, health, json, pages, trigger};

/// Everything that is served.
pub(super) fn router(context: Context) -> Router {
    Router::new()
        .route("/", get(pages::overview))
        .route("/mirrors/{name}", get(pages::mirror))
        .route("/mirrors/{name}/versions", get(pages::versions))
        .route("/api/v1/mirrors", get(json::mirrors))
        .route("/api/v1/mirrors/{name}", get(json::mirror))
        .route("/api/v1/mirrors/{name}/versions", get(json::versions))
        .route("/api/v1/mirrors/{name}/run", post(trigger::run))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(health::metrics))
        .fallback(not_found)
        .method_not_allowed_fallback(not_allowed)
        .layer(from_fn_with_state(context.clone(), guard::known_host))
        .layer(map_response(headers::secure))
        .with_state(context)
}

fn is_api(uri: &Uri) -> bool {
    uri.path() == "/api" || uri.path().starts_with("/api/")
}

async fn not_found(uri: Uri) -> Response {
    if is_api(&uri) {
        let text = "there is nothing at this path; the mirrors are at `/api/v1/mirrors`";
        json::error(StatusCode::NOT_FOUND, "not-found", text)
    } else {
        pages::not_found("There is no such page.")
    }
}

/// The methods that are allowed are added by axum, as `Allow`.
async fn not_allowed(request: Request) -> Response {
    let text = "this method does nothing here; the header `Allow` names those that do";
    if is_api(request.uri()) {
        json::error(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", text)
    } else {
        (StatusCode::METHOD_NOT_ALLOWED, format!("{text}\n")).into_response()
    }
}

//! The API: the view as JSON.

use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse as _, Response};
use http::{StatusCode, header};
use serde::Serialize;

use super::Context;
use super::name::Name;
use super::params::{self, Slice};
use crate::report::plain;
use crate::service::api;

/// All mirrors.
pub(super) async fn mirrors(State(context): State<Context>) -> Response {
    body(&api::Mirrors::of(&context.desk.view()))
}

/// One mirror.
pub(super) async fn mirror(State(context): State<Context>, Name(name): Name) -> Response {
    let view = context.desk.view();
    match view.mirrors.iter().find(|mirror| *mirror.name == *name) {
        Some(mirror) => body(&api::Mirror::of(&view, mirror)),
        None => no_mirror(&name),
    }
}

/// Versions of one mirror, a slice at a time.
pub(super) async fn versions(
    State(context): State<Context>,
    Name(name): Name,
    RawQuery(query): RawQuery,
) -> Response {
    let (filter, Slice { limit, offset }) = match params::versions(query.as_deref().unwrap_or_default()) {
        Ok(asked) => asked,
        Err(text) => return error(StatusCode::BAD_REQUEST, "query", &text),
    };
    match context.versions(&name).await {
        None => no_mirror(&name),
        Some(Ok(rows)) => {
            let found: Vec<_> = rows.iter().filter(|row| filter.matches(row)).collect();
            let slice = found.iter().skip(offset).take(limit).copied();
            body(&api::Versions::of(&name, found.len(), offset, slice))
        }
        Some(Err(text)) => error(StatusCode::INTERNAL_SERVER_ERROR, "state", &text),
    }
}

/// `value` as indented JSON: people read it with `curl`, and a newline ends it.
pub(super) fn body(value: &impl Serialize) -> Response {
    match serde_json::to_string_pretty(value) {
        Ok(text) => ([(header::CONTENT_TYPE, "application/json")], text + "\n").into_response(),
        // None of the types can fail; if one could, the answer is no half of it
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

/// What went wrong, as JSON.
pub(super) fn error(status: StatusCode, code: &'static str, text: &str) -> Response {
    (status, body(&api::Error::new(code, text))).into_response()
}

/// There is no such mirror.
pub(super) fn no_mirror(name: &str) -> Response {
    let shown: String = name.chars().take(100).collect();
    let text = format!(
        "there is no mirror `{}`; `/api/v1/mirrors` names them all",
        plain(&shown)
    );
    error(StatusCode::NOT_FOUND, "no-mirror", &text)
}

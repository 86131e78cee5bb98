//! The pages, for browsers.

use axum::extract::{RawQuery, State};
use axum::response::{Html, IntoResponse as _, Response};
use http::StatusCode;

use super::Context;
use super::name::Name;
use crate::service::page::{self, OverviewQuery, VersionsQuery};
use crate::service::view::{MirrorView, ServiceView};

/// All mirrors.
pub(super) async fn overview(State(context): State<Context>, RawQuery(query): RawQuery) -> Response {
    let query = OverviewQuery::parse(query.as_deref().unwrap_or_default());
    Html(page::overview(&context.desk.view(), &query)).into_response()
}

/// One mirror.
pub(super) async fn mirror(
    State(context): State<Context>,
    Name(name): Name,
    RawQuery(query): RawQuery,
) -> Response {
    let view = context.desk.view();
    let live = !page::is_paused(query.as_deref().unwrap_or_default());
    match find(&view, &name) {
        Some(mirror) => Html(page::mirror(
            &view,
            mirror,
            live,
            context.options.token.is_configured(),
        ))
        .into_response(),
        None => no_mirror(),
    }
}

/// All versions of a mirror.
pub(super) async fn versions(
    State(context): State<Context>,
    Name(name): Name,
    RawQuery(query): RawQuery,
) -> Response {
    let query = VersionsQuery::parse(query.as_deref().unwrap_or_default());
    let view = context.desk.view();
    let (Some(mirror), Some(rows)) = (find(&view, &name), context.versions(&name).await) else {
        return no_mirror();
    };
    let status = if rows.is_ok() {
        StatusCode::OK
    } else {
        StatusCode::INTERNAL_SERVER_ERROR
    };
    let text = page::versions(&view, mirror, rows.as_deref().map_err(String::as_str), &query);
    (status, Html(text)).into_response()
}

/// A page that says that there is none.
pub(super) fn not_found(text: &str) -> Response {
    (StatusCode::NOT_FOUND, Html(page::nothing_here(text))).into_response()
}

fn no_mirror() -> Response {
    not_found("There is no mirror of this name. It may have been removed from the configuration.")
}

fn find<'a>(view: &'a ServiceView, name: &str) -> Option<&'a MirrorView> {
    view.mirrors.iter().find(|mirror| *mirror.name == *name)
}

//! What probes and Prometheus ask.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};

use super::Context;

/// Of the OpenMetrics text format; Prometheus chooses its parser by it.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Whether the process turns its loop. A source or a registry that is down is no reason to be restarted.
pub(super) async fn healthz(State(context): State<Context>) -> Response {
    if context.desk.alive() {
        "alive\n".into_response()
    } else {
        let text = "the loop of the service stands still\n";
        (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
    }
}

/// Whether it can do its work, as leader or as standby.
pub(super) async fn readyz(State(context): State<Context>) -> Response {
    let missing = context.desk.not_ready();
    if missing.is_empty() {
        "ready\n".into_response()
    } else {
        let text = missing.join("\n") + "\n";
        (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
    }
}

/// The metrics.
pub(super) async fn metrics(State(context): State<Context>) -> Response {
    ([(header::CONTENT_TYPE, OPEN_METRICS)], context.desk.metrics()).into_response()
}

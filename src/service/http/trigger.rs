//! `POST /api/v1/mirrors/NAME/run`: starts a run.
//!
//! The token is looked at before anything else of the request, and the body is read within limits of bytes and time.

use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;
use tokio::time::timeout;

use super::name::Name;
use super::{Context, json};
use crate::report::plain;
use crate::service::api::{Outcome, Started};
use crate::service::desk::{Triggered, Wish};

/// Bytes of a body.
const MOST: usize = 4 << 10;

/// The body; none at all is as good as `{}`.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    #[serde(default)]
    reconcile: bool,
    #[serde(default)]
    accept_shrink: bool,
}

/// Starts a run for whoever has the token.
pub(super) async fn run(
    State(context): State<Context>,
    Name(name): Name,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let order = match admit(&context, &headers) {
        Ok(()) => order(&context, &headers, body).await,
        Err(refusal) => Err(refusal),
    };
    match order {
        Ok(order) => start(&context, &name, &order),
        Err(refusal) => refusal,
    }
}

#[expect(
    clippy::result_large_err,
    reason = "the answer is made once a request and moved once"
)]
fn admit(context: &Context, headers: &HeaderMap) -> Result<(), Response> {
    let token = &context.options.token;
    if !token.is_configured() {
        let text = "runs cannot be started over HTTP as no token is configured; give `token_file` or `token_env` in `[http]`";
        return Err(json::error(StatusCode::FORBIDDEN, "no-token", text));
    }
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    match (given.next().and_then(bearer), given.next()) {
        (Some(given), None) if token.is(given) => Ok(()),
        (Some(_), _) => {
            tracing::warn!("a run was asked for with a wrong token");
            Err(unauthorized(
                "the token is not the configured one",
                "Bearer error=\"invalid_token\"",
            ))
        }
        (None, _) => Err(unauthorized(
            "send the configured token as `Authorization: Bearer TOKEN`",
            "Bearer",
        )),
    }
}

/// The credentials after the scheme, whose case does not matter (RFC 9110, 11.1).
fn bearer(value: &HeaderValue) -> Option<&[u8]> {
    let (scheme, rest) = value.as_bytes().split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| rest.trim_ascii())
}

fn unauthorized(text: &str, challenge: &'static str) -> Response {
    let mut response = json::error(StatusCode::UNAUTHORIZED, "unauthorized", text);
    let challenge = HeaderValue::from_static(challenge);
    response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    response
}

async fn order(context: &Context, headers: &HeaderMap, body: Body) -> Result<Order, Response> {
    let reading = timeout(context.options.limits.body_time, to_bytes(body, MOST));
    let bytes = match reading.await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(_)) => {
            let text = format!("the body cannot be read, or has more than {MOST} bytes");
            return Err(json::error(StatusCode::PAYLOAD_TOO_LARGE, "body", &text));
        }
        Err(_) => {
            let text = "the body did not come in time";
            return Err(json::error(StatusCode::REQUEST_TIMEOUT, "body", text));
        }
    };
    if bytes.trim_ascii().is_empty() {
        return Ok(Order::default());
    }
    if !is_json(headers) {
        let text = "the body is to be JSON, with `Content-Type: application/json`";
        return Err(json::error(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "content-type",
            text,
        ));
    }
    serde_json::from_slice(&bytes).map_err(|error| {
        let text = format!(
            "the body is not understood ({}); it may have `reconcile` and `accept_shrink`, each true or false",
            plain(&error.to_string())
        );
        json::error(StatusCode::BAD_REQUEST, "body", &text)
    })
}

fn is_json(headers: &HeaderMap) -> bool {
    let given = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    given.is_some_and(|given| {
        let kind = given.split(';').next().unwrap_or_default();
        kind.trim().eq_ignore_ascii_case("application/json")
    })
}

fn start(context: &Context, name: &str, order: &Order) -> Response {
    let wish = Wish {
        reconcile: order.reconcile,
        accept_shrink: order.accept_shrink,
    };
    let accepted = |outcome| {
        let answer = Started::new(name, outcome);
        (StatusCode::ACCEPTED, json::body(&answer)).into_response()
    };
    match context.desk.trigger(name, wish) {
        Triggered::Begun => accepted(Outcome::Begun),
        Triggered::Queued => accepted(Outcome::Queued),
        Triggered::Unknown => json::no_mirror(name),
        Triggered::Standby(leader) => {
            let text = match leader {
                Some(leader) => format!("this replica is on standby; ask the leader, `{}`", plain(&leader)),
                None => "this replica is on standby, and no leader is known; ask again later".into(),
            };
            json::error(StatusCode::CONFLICT, "standby", &text)
        }
        Triggered::Stopping => {
            let text = "the service is about to end; ask the next one";
            json::error(StatusCode::SERVICE_UNAVAILABLE, "stopping", text)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_may_be_written_anyhow() {
        for (value, token) in [
            ("Bearer abc", Some("abc")),
            ("bearer  abc ", Some("abc")),
            ("BEARER a b", Some("a b")),
            ("Basic abc", None),
            ("Bearer", None),
            ("Bearer:abc", None),
            ("", None),
        ] {
            let value = HeaderValue::from_static(value);
            assert_eq!(bearer(&value), token.map(str::as_bytes), "{value:?}");
        }
    }
}

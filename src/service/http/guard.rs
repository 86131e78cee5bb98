//! Which names a listener on a loopback address answers to: the guard against DNS rebinding (see the module's page).

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, StatusCode, Uri, header};

use super::Context;

const REFUSAL: &str = "this listener is on a loopback address and answers only to `localhost` and addresses; ask it by one of \
                       these, or add the name to `hosts` of `[http]`\n";

/// Lets a request through whose host is known, and answers 421 to the others.
pub(super) async fn known_host(State(context): State<Context>, request: Request, next: Next) -> Response {
    if !context.loopback || is_known(request.uri(), request.headers(), &context.options.hosts) {
        next.run(request).await
    } else {
        (StatusCode::MISDIRECTED_REQUEST, REFUSAL).into_response()
    }
}

/// Browsers always send one `Host`; programs that send none were not misled by a name.
fn is_known(uri: &Uri, headers: &HeaderMap, names: &[Box<str>]) -> bool {
    let mut values = headers.get_all(header::HOST).iter();
    let first = values.next();
    if values.next().is_some() {
        return false;
    }
    let stated = first.is_none_or(|value| value.to_str().is_ok_and(|host| is_local(host, names)));
    // The target of a request to a proxy, `GET http://name/ HTTP/1.1`, counts as well
    stated
        && uri
            .authority()
            .is_none_or(|authority| is_local(authority.as_str(), names))
}

fn is_local(authority: &str, names: &[Box<str>]) -> bool {
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    let host = host.strip_suffix('.').unwrap_or(host);
    host.parse::<IpAddr>().is_ok()
        || host.eq_ignore_ascii_case("localhost")
        || names.iter().any(|name| name.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_can_be_rebound() {
        let names = ["charts.acme.io".into()];
        for host in [
            "localhost",
            "LocalHost:8080",
            "localhost.",
            "127.0.0.1",
            "127.0.0.1:8080",
            "[::1]:8080",
            "[::1]",
            "10.1.2.3:80",
            "Charts.acme.io:443",
        ] {
            assert!(is_local(host, &names), "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example:8080",
            "",
            "[evil.example]",
            "acme.io",
        ] {
            assert!(!is_local(host, &names), "{host}");
        }
    }

    #[test]
    fn two_hosts_are_one_too_many() {
        let uri = Uri::from_static("/");
        let mut headers = HeaderMap::new();
        assert!(is_known(&uri, &headers, &[]), "HTTP/1.0 has none");
        headers.append(header::HOST, http::HeaderValue::from_static("localhost"));
        assert!(is_known(&uri, &headers, &[]));
        assert!(!is_known(
            &Uri::from_static("http://evil.example/"),
            &headers,
            &[]
        ));
        headers.append(header::HOST, http::HeaderValue::from_static("evil.example"));
        assert!(!is_known(&uri, &headers, &[]));
    }
}

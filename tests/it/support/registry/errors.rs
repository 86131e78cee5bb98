//! The shapes in which registries put their errors (registries rule 21): the status stays, the body changes.

use super::super::server::Answer;

/// What the body of an error is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorBody {
    /// JSON as the specification says.
    Oci,
    Plain,
    /// nginx and its kin; Nexus.
    Html,
    /// Gitea's internal errors.
    Empty,
    /// A JSON that breaks off.
    BadJson,
    /// A code that no list has.
    OddCode,
}

/// Puts the body of an error into another shape.
pub(super) fn reshape(shape: ErrorBody, answer: Answer) -> Answer {
    let status = answer.status;
    if status.as_u16() < 400 || shape == ErrorBody::Oci {
        return answer;
    }
    let reason = status.canonical_reason().unwrap_or("Error");
    let (media_type, body) = match shape {
        ErrorBody::Oci => return answer,
        ErrorBody::Plain => ("text/plain", format!("{reason}\r\n")),
        ErrorBody::Html => ("text/html", nginx_page(status.as_u16(), reason)),
        ErrorBody::Empty => ("text/plain", String::new()),
        ErrorBody::BadJson => ("application/json", "{\"errors\":[{\"code\":".to_owned()),
        ErrorBody::OddCode => (
            "application/json",
            format!("{{\"errors\":[{{\"code\":\"{}\"}}]}}", status.as_u16()),
        ),
    };
    let mut reshaped = Answer::status(status.as_u16());
    reshaped.headers = answer.headers;
    reshaped.headers.remove("content-type");
    reshaped.header("content-type", media_type).body(body)
}

/// What nginx says.
pub(super) fn nginx_page(status: u16, reason: &str) -> String {
    format!(
        "<html>\r\n<head><title>{status} {reason}</title></head>\r\n<body>\r\n<center><h1>{status} {reason}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    )
}

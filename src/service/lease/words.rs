//! What went wrong with a call, in plain words: what was to be done, where, why it failed, what to do.

use std::error::Error;
use std::fmt::Write as _;

/// Which call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doing {
    /// `get`
    Read,
    /// `create`
    Create,
    /// `update`
    Update,
}

impl Doing {
    /// The verb of role-based access control.
    fn verb(self) -> &'static str {
        match self {
            Self::Read => "get",
            Self::Create => "create",
            Self::Update => "update",
        }
    }
}

/// A sentence about a call that did not do what it was for.
pub(super) fn said(doing: Doing, place: &str, url: &str, what: &str) -> Box<str> {
    let verb = doing.verb();
    format!("cannot {verb} the lease `{place}` at the Kubernetes API server {url}: {what}").into()
}

/// The same for what the client reports.
pub(super) fn failure(doing: Doing, place: &str, url: &str, error: &kube::Error) -> Box<str> {
    let kube::Error::Api(status) = error else {
        return said(doing, place, url, &chain(error));
    };
    let (code, message) = (status.code, &status.message);
    let advice = match (code, doing) {
        (401, _) => {
            "; the token of the service account is not accepted: is the pod's account deleted or the clock wrong?"
        }
        (403, _) => {
            "; its service account needs a Role with the verbs `get`, `create` and `update` on `leases` of the API group `coordination.k8s.io` in this namespace, and a RoleBinding to it"
        }
        (404, Doing::Create) => "; does the namespace exist?",
        _ => "",
    };
    said(doing, place, url, &format!("HTTP {code}: {message}{advice}"))
}

/// An error with its causes. The client's own texts often repeat the cause at their end, which is said once.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            let _ = write!(text, ": {cause_text}");
        }
        next = cause.source();
    }
    text
}

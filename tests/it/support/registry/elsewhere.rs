//! The other origin of a registry: its token service, its blob store, its second name. Whatever it stores is the registry's; what it
//! must never see is the registry's `Authorization` (registries rule 8).

use std::sync::Arc;

use http::Method;

use super::super::server::{Answer, Handler, Kind, Request};
use super::Oci;
use super::api::{error, kind};

pub(super) struct Elsewhere(pub(super) Arc<Oci>);

impl Handler for Elsewhere {
    fn kind(&self, method: &Method, path: &str) -> Kind {
        kind(method, path)
    }

    fn answer(&self, request: &Request) -> Answer {
        let kind = kind(&request.method, &request.path);
        if kind == Kind::Token {
            return self.0.answer(request);
        }
        if request.headers.contains_key("authorization") {
            self.0.accuse(format!(
                "{} {} carried the registry's login elsewhere",
                request.method, request.path
            ));
            return error(400, "UNSUPPORTED", "an Authorization that is not ours");
        }
        self.0.serve_elsewhere(request)
    }
}

//! What stands in front of registries: balancers and proxies.

use super::{Login, Profile, basic};
use crate::support::registry::{Cookie, Location, RetryAfter, SessionLoss};

const NGINX_FACTS: &str =
    "the defaults of ingress-nginx and nginx: client_max_body_size 1m, its own pages of 413 and 504";

pub(super) fn profiles() -> Vec<Profile> {
    vec![
        Profile::new(
            "lb-two-replicas",
            "distribution docs/configuration.md (http.secret) and blobupload.go: without a common secret a replica does not know \
             the uploads of the other",
            |it| {
                it.session_loss = SessionLoss::OtherReplica;
                it.location = Location::Absolute;
            },
        ),
        Profile::new(
            "lb-sticky-by-cookie",
            "as lb-two-replicas, with a cookie that this client never sends",
            |it| {
                it.cookie = Cookie::Required;
            },
        ),
        // A package of 300 KiB where 256 KiB are the limit stands for one of 1.2 MB where it is 1m
        Profile::new("ingress-nginx", NGINX_FACTS, |it| {
            basic(it);
            it.max_body = Some(256 << 10);
            it.max_body_html = true;
            it.retry_after = RetryAfter::None;
        })
        .login(Login::Password)
        .big(300 << 10)
        .fails(2, 5, &["413", "client_max_body_size"]),
        Profile::new("ingress-nginx-raised", NGINX_FACTS, |it| {
            basic(it);
            it.max_body = Some(1 << 20);
            it.max_body_html = true;
        })
        .login(Login::Password)
        .big(300 << 10),
    ]
}

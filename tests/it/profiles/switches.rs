//! Every switch alone, as far as no vendor's profile turns it: what one oddity does by itself, and the pieces from which tests make
//! combinations.

use std::time::Duration;

use super::{Profile, bearer};
use crate::support::registry::{
    Auth, Behaviour, BlobPlace, Cookie, ErrorBody, Immutable, Link, Location, NoLength, Pieces, Rate,
    RetryAfter, SessionLoss, error,
};
use crate::support::server::Kind;

/// A name, and what is turned.
type Switch = (&'static str, fn(&mut Behaviour));

/// Oddities that no run may stumble over, whatever else is odd.
pub(crate) const HARMLESS: &[Switch] = &[
    ("manifest-200", |it| it.manifest_status = 200),
    ("manifest-202", |it| it.manifest_status = 202),
    ("manifest-no-location", |it| it.manifest_location = false),
    ("manifest-no-digest-header", |it| it.digest_header = false),
    ("tags-unsorted", |it| it.unsorted = true),
    ("tags-null-end", |it| it.null_tags = true),
    ("tags-null-member", |it| it.null_member = true),
    ("tags-digest-member", |it| it.digest_member = true),
    ("tags-missing-endpoint", |it| it.no_tag_list = true),
    ("tags-link-loop", |it| {
        it.page_size = Some(2);
        it.link = Link::Loop;
    }),
    ("tags-link-always", |it| {
        it.page_size = Some(1);
        it.link = Link::Always;
    }),
    ("tags-last-must-exist", |it| {
        it.page_size = Some(1);
        it.last_must_exist = true;
    }),
    ("location-absolute", |it| it.location = Location::Absolute),
    ("location-with-query", |it| it.location = Location::WithQuery),
    ("single-post", |it| it.single_post = true),
    ("single-post-unchecked", |it| {
        it.single_post = true;
        it.verify_digest = false;
    }),
    ("no-length-refused", |it| it.no_length = NoLength::Refused),
    ("no-length-ignored", |it| it.no_length = NoLength::Ignored),
    ("pieces", small_bodies),
    ("pieces-unchecked", |it| {
        small_bodies(it);
        it.pieces = Pieces::AppendUnchecked;
    }),
    ("pieces-stale-range", |it| {
        small_bodies(it);
        it.pieces = Pieces::StaleRange;
    }),
    ("pieces-at-most-4-mib", |it| {
        small_bodies(it);
        it.pieces = Pieces::AtMost4Mib;
    }),
    ("pieces-created-early", |it| {
        small_bodies(it);
        it.pieces = Pieces::EarlyCreated;
    }),
    ("sessions-of-other-replicas", |it| {
        it.session_loss = SessionLoss::OtherReplica;
    }),
    ("cookie-required", |it| it.cookie = Cookie::Required),
    ("cookie-set", |it| it.cookie = Cookie::Set),
    ("error-plain", |it| it.error_body = ErrorBody::Plain),
    ("error-html", |it| it.error_body = ErrorBody::Html),
    ("error-empty", |it| it.error_body = ErrorBody::Empty),
    ("error-bad-json", |it| it.error_body = ErrorBody::BadJson),
    ("error-odd-code", |it| it.error_body = ErrorBody::OddCode),
    ("config-parsed", |it| it.config_parsed = true),
    ("strict", |it| it.strict = true),
    ("redeploy-refused", |it| it.redeploy_refused = true),
    ("immutable", |it| {
        it.immutable = Some(Immutable {
            answer: error(412, "PRECONDITION", "immutable"),
            same_digest_also: true,
        });
    }),
    ("async-429", |it| it.async_429 = Some(3)),
    ("blobs-at-another-place", |it| it.blob_place = BlobPlace::SameHost),
    ("referrers", |it| it.referrers = 200),
    ("tokens-without-lifetime", |it| {
        it.auth = Auth::Bearer {
            login: None,
            ttl: Duration::from_secs(3600),
            tells_ttl: false,
        };
    }),
    ("access-token", |it| {
        it.auth = Auth::Bearer {
            login: None,
            ttl: Duration::from_secs(300),
            tells_ttl: true,
        };
        it.access_token = true;
        it.opaque = false;
    }),
];

/// Bodies of more than 4.5 MiB are refused, so that a package of 6 MiB goes in two pieces.
fn small_bodies(it: &mut Behaviour) {
    it.max_body = Some((9 << 20) / 2);
}

pub(super) fn profiles() -> Vec<Profile> {
    let mut all: Vec<Profile> = HARMLESS
        .iter()
        .map(|(name, turn)| Profile::brief(name, turn))
        .collect();
    all.extend(limits());
    all.extend([
        Profile::brief("location-other-host", |it| {
            basic_elsewhere(it);
        })
        .login(super::Login::Password)
        .host("allow_private = [\"127.0.0.1\", \"::1\"]"),
        Profile::brief("location-private-ip", |it| it.location = Location::PrivateIp).fails(
            2,
            0,
            &["127.0.0.2", "allow_private"],
        ),
        Profile::brief("tags-link-other-host", |it| {
            it.page_size = Some(2);
            it.link = Link::OtherHost;
        }),
        Profile::brief("pieces-refused", |it| {
            small_bodies(it);
            it.pieces = Pieces::Refuse;
        })
        .fails(2, 5, &["client_max_body_size"]),
        Profile::brief("pieces-overwritten", |it| {
            small_bodies(it);
            it.pieces = Pieces::Overwrite;
        })
        .fails(2, 5, &["client_max_body_size"]),
        Profile::brief("manifest-max", |it| it.manifest_max = 100).fails(2, 0, &["manifest too large"]),
    ]);
    all
}

fn basic_elsewhere(it: &mut Behaviour) {
    super::basic(it);
    it.location = Location::OtherHost;
}

/// One manifest a second, and each way to say when the next may come. What cannot be followed falls back to our own pauses.
fn limits() -> Vec<Profile> {
    let limited = |name, retry_after| {
        Profile::brief(name, move |it| {
            bearer(it, 300, true);
            it.rate = vec![Rate {
                kind: Kind::ManifestPut,
                per_second: 4,
            }];
            it.retry_after = retry_after;
        })
        .login(super::Login::Password)
    };
    vec![
        limited("rate-without-retry-after", RetryAfter::None),
        limited("rate-seconds", RetryAfter::Seconds),
        limited("rate-http-date", RetryAfter::HttpDate),
        limited("rate-past-date", RetryAfter::PastDate),
        limited("rate-garbage", RetryAfter::Garbage),
    ]
}

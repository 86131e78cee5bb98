//! The registries of clouds: Amazon, Azure, Google, IBM.

use std::time::Duration;

use super::{Login, PASSWORD, Profile, REFRESH, USER, basic, bearer, refuses_post};
use crate::support::registry::{
    Auth, Behaviour, BlobPlace, Challenge, Immutable, Link, Location, Missing, NoLength, PageCap, Pieces,
    PostTokens, Rate, RetryAfter, error,
};
use crate::support::server::Kind;

const ECR_FACTS: &str = "Amazon ECR user guide: push-oci-artifact.md, registry_auth.md, common-errors-docker.md, service quotas; \
    ggcr pkg/v1/remote/options.go (n above 1000), oci-client src/client.rs (no Location), regclient scheme/reg/blob.go (PATCH \
    answered with 201), containers-roadmap#2831 (Range that sticks), moby/buildkit#3776 (words of an immutable tag)";

pub(super) fn profiles() -> Vec<Profile> {
    let mut all = ecr();
    all.extend(azure());
    all.extend([
        Profile::new(
            "ecr-public",
            "skopeo cmd/skopeo/inspect.go (no tags/list); ocync docs ecr-public.md and aimd.rs (10 writes a second)",
            |it| {
                bearer(it, 12 * 3600, true);
                it.no_tag_list = true;
                it.rate = rate(Kind::ManifestPut, 10);
            },
        )
        .login(Login::Password)
        .prepared(),
        Profile::new(
            "gar",
            "Google Artifact Registry, Helm and Docker pages (single-shot uploads, OAuth user name); fluxcd/pkg \
             auth/gcp/provider.go; oras-go pack.go (empty blobs); ocync and others for the 403 and the immutability texts",
            |it| {
                gar(it);
                it.immutable = Some(protected(
                    400,
                    "MANIFEST_INVALID",
                    "cannot update tag 1.0.0. The repository has enabled tag immutability",
                ));
            },
        )
        .login(Login::Password)
        .prefix("project/charts")
        .prepared(),
        Profile::new("gar-missing", "as gar", gar)
            .login(Login::Password)
            .prefix("project/nothing")
            .fails(5, 0, &["may not exist", "create the repository (or its project or namespace) first"]),
        Profile::new(
            "ibm",
            "IBM documentation of `iamapikey`; everything else is the plain specification, untested against the vendor",
            |it| {
                it.strict = true;
                bearer(it, 3600, true);
            },
        )
        .login(Login::Password)
        .prefix("namespace"),
    ]);
    all
}

fn rate(kind: Kind, per_second: usize) -> Vec<Rate> {
    vec![Rate { kind, per_second }]
}

fn protected(status: u16, code: &str, message: &str) -> Immutable {
    Immutable {
        answer: error(status, code, message),
        same_digest_also: false,
    }
}

fn private_ecr(it: &mut Behaviour) {
    basic(it);
    it.password_ttl = Some(Duration::from_secs(12 * 3600));
    it.expired_is_403 = true;
    it.autocreate = false;
    it.immutable = Some(protected(
        400,
        "TAG_INVALID",
        "The image tag '1.0.0' already exists in the 'alpha' repository and cannot be overwritten because the repository is immutable.",
    ));
    it.page_cap = Some((1000, PageCap::Error));
    it.rate = rate(Kind::ManifestPut, 10);
    it.manifest_location = false;
    it.pieces = Pieces::EarlyCreated;
}

fn ecr() -> Vec<Profile> {
    vec![
        Profile::new("ecr", ECR_FACTS, private_ecr)
            .login(Login::Helper)
            .prepared(),
        Profile::new("ecr-same-digest-refused", ECR_FACTS, |it| {
            private_ecr(it);
            it.pieces = Pieces::StaleRange;
            it.immutable.as_mut().unwrap().same_digest_also = true;
        })
        .login(Login::Helper)
        .prepared(),
        Profile::new("ecr-missing", ECR_FACTS, private_ecr)
            .login(Login::Helper)
            .fails(5, 0, &["alpha", "create the repository"]),
        Profile::new(
            "ecr-missing-eof",
            "charts-syncer README.md (the connection is closed); the rest as ecr",
            |it| {
                private_ecr(it);
                it.missing = Missing::Eof;
            },
        )
        .login(Login::Helper)
        .host("kind = \"ecr\"")
        .fails(5, 0, &["alpha"]),
    ]
}

const ACR_FACTS: &str = "Azure/acr docs/AAD-OAuth.md (exchange, refresh tokens, no expires_in), Azure/acr#866 (query of Location), \
    harbor#23015 and #23016 (20 MB, Content-Length), Microsoft's troubleshooting pages (429, locks)";

/// The limit of a body is 5 MiB instead of about 20 MB, so that charts of tests reach it.
fn acr(it: &mut Behaviour) {
    // What the registry accepts as user and password is the admin user
    it.auth = Auth::Bearer {
        login: Some((USER.to_owned(), PASSWORD.to_owned())),
        ttl: Duration::from_secs(75 * 60),
        tells_ttl: false,
    };
    it.exchange = Some("s3cr3t-aad".to_owned());
    it.post_tokens = PostTokens::For(REFRESH.to_owned());
    it.realm_path = "/oauth2/token";
    it.access_token = true;
    it.opaque = false;
    it.max_body = Some(5 << 20);
    it.max_body_html = true;
    it.no_length = NoLength::Refused;
    it.immutable = Some(protected(
        405,
        "REGISTRY_DISALLOWED_OPERATION",
        "The operation is disallowed on this registry, repository or image.",
    ));
    it.location = Location::WithQuery;
    it.page_size = Some(2);
    it.link = Link::Relative;
    it.retry_after = RetryAfter::Seconds;
}

fn azure() -> Vec<Profile> {
    vec![
        Profile::new("acr", ACR_FACTS, acr)
            .login(Login::Identity)
            .big(6 << 20),
        Profile::new("acr-admin", ACR_FACTS, |it| {
            acr(it);
            refuses_post(it, 400);
        })
        .login(Login::Password),
    ]
}

fn gar(it: &mut Behaviour) {
    bearer(it, 3600, true);
    it.realm_path = "/v2/token";
    it.autocreate = false;
    it.missing = Missing::Text403;
    it.pieces = Pieces::Refuse;
    it.empty_blob_refused = true;
    it.empty_ping = true;
    it.blob_place = BlobPlace::SameHost;
    it.challenge = Challenge::One;
    refuses_post(it, 404);
}

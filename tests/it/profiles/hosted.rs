//! Registries that are a service of their own: Docker Hub, GHCR, Quay, GitLab, Cloudsmith and others.

use std::time::Duration;

use super::{Login, Profile, bearer, refuses_post};
use crate::support::registry::{
    Behaviour, BlobPlace, Immutable, Link, Location, Missing, Pieces, RangeFormat, error,
};

const CONFIG: &str = "application/vnd.cncf.helm.config.v1+json";
const CHART: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";

pub(super) fn profiles() -> Vec<Profile> {
    let mut all = docker_hub();
    all.extend(quay());
    all.extend(gitlab());
    all.extend(cloudsmith());
    all.extend([
        Profile::new(
            "ghcr",
            "containerd and helm (POST is refused), oci-client src/token_cache.rs (opaque token) and src/client.rs (null tags), \
             ocx-sh/ocx#237 (pieces), docker/build-push-action#463 and #981 (words of the 403)",
            |it| {
                ghcr(it);
                it.pieces = Pieces::AtMost4Mib;
            },
        )
        .login(Login::Password)
        .prefix("owner/charts"),
        Profile::new("ghcr-identity", "as ghcr: an identity token must not be forced on the service by POST", |it| {
            ghcr(it);
            it.pieces = Pieces::Overwrite;
            it.auth = crate::support::registry::Auth::bearer("<token>", super::REFRESH);
        })
        .login(Login::Identity),
        Profile::new("ghcr-no-right", "as ghcr", |it| {
            ghcr(it);
            it.autocreate = false;
            it.missing = Missing::CreatePackage403;
        })
        .login(Login::Password)
        .fails(5, 0, &["create_package", "give the account the right to create it"]),
        Profile::new(
            "repoflow",
            "no primary text is known; the plain specification, untested against the vendor",
            |it| {
                it.strict = true;
                bearer(it, 300, true);
            },
        )
        .login(Login::Password),
    ]);
    all
}

fn hub(it: &mut Behaviour) {
    bearer(it, 300, true);
    it.service = "registry.docker.io";
    it.max_levels = Some(2);
    it.location = Location::Relative;
    it.missing = Missing::Unauthorized;
}

const HUB_FACTS: &str = "containers/image docker/errors_test.go (401 insufficient_scope, 429), ggcr pkg/v1/remote/check.go (only an \
    opened upload shows the right to push), attune#218 and flux2#5326 (a third level), ocync docker-hub.md (300 s)";

fn docker_hub() -> Vec<Profile> {
    vec![
        // Known by its name, as its rules hold for no other host
        Profile::new("dockerhub", HUB_FACTS, hub)
            .login(Login::Password)
            .prefix("ferry")
            .domain("registry-1.docker.io"),
        Profile::new("dockerhub-three-levels", HUB_FACTS, hub)
            .login(Login::Password)
            .prefix("ferry/charts")
            .domain("registry-1.docker.io")
            .fails(1, 0, &["oci://docker.io/NAMESPACE", "too long for Docker Hub"]),
        Profile::new("dockerhub-elsewhere", HUB_FACTS, |it| {
            hub(it);
            it.missing = Missing::NameUnknown;
            it.realm_elsewhere = true;
            it.blob_place = BlobPlace::OtherHost;
        })
        .login(Login::Password)
        .prefix("ferry")
        .host("trusted_realms = [\"ELSEWHERE\"]\nallow_private = [\"127.0.0.1\", \"::1\"]"),
    ]
}

fn ghcr(it: &mut Behaviour) {
    bearer(it, 300, true);
    refuses_post(it, 405);
    it.opaque = true;
    it.null_tags = true;
    it.referrers = 404;
    it.blob_place = BlobPlace::SameHost;
}

const QUAY_FACTS: &str = "quay endpoints/v2/v2auth.py (scopes), endpoints/v2/__init__.py (100 a page), endpoints/v2/blob.py \
    (Range bytes=0--1, blobs of an hour), endpoints/v2/errors.py (codes), config.py (types of layers)";

/// Pages of two instead of a hundred.
fn quay_io(it: &mut Behaviour) {
    bearer(it, 3600, true);
    it.realm_path = "/v2/auth";
    it.missing_repo_pull_only_401 = true;
    it.unknown_action_drops_grant = true;
    it.single_post = true;
    it.page_size = Some(2);
    it.link = Link::Absolute;
    it.location = Location::Absolute;
    it.range_format = RangeFormat::Bytes;
    it.unreferenced_ttl = Some(Duration::from_secs(3600));
    it.immutable = Some(Immutable {
        answer: error(409, "TAG_IMMUTABLE", "tag is immutable"),
        same_digest_also: false,
    });
}

fn quay() -> Vec<Profile> {
    vec![
        Profile::new("quay", QUAY_FACTS, quay_io).login(Login::Password),
        Profile::new("quay-old", QUAY_FACTS, |it| {
            quay_io(it);
            it.layer_allowlist = Some(vec![CONFIG, CHART]);
        })
        .login(Login::Password)
        .fails(2, 4, &["MANIFEST_INVALID", "provenance.v1.prov"]),
        Profile::new("quay-old-without-provenance", QUAY_FACTS, |it| {
            quay_io(it);
            it.layer_allowlist = Some(vec![CONFIG, CHART]);
        })
        .login(Login::Password)
        .mirror("provenance = \"off\""),
    ]
}

const GITLAB_FACTS: &str = "GitLab setting container_registry_token_expire_delay (5 min), gitlab#438563 (depth), GitLab's container \
    registry documentation (/jwt/auth on the host of GitLab)";

fn gitlab_com(it: &mut Behaviour) {
    bearer(it, 300, true);
    it.service = "container_registry";
    it.realm_path = "/jwt/auth";
    it.realm_elsewhere = true;
    it.max_levels = Some(5);
    it.referrers = 404;
}

fn gitlab() -> Vec<Profile> {
    const TRUST: &str = "trusted_realms = [\"ELSEWHERE\"]\nallow_private = [\"127.0.0.1\", \"::1\"]";
    vec![
        Profile::new("gitlab", GITLAB_FACTS, gitlab_com)
            .login(Login::Password)
            .prefix("group/project/charts")
            .host(TRUST),
        Profile::new("gitlab-too-deep", GITLAB_FACTS, gitlab_com)
            .login(Login::Password)
            .prefix("group/project/a/b/c")
            .host(TRUST)
            .fails(5, 0, &["401", "alpha"]),
        Profile::new("gitlab-realm-not-trusted", GITLAB_FACTS, gitlab_com)
            .login(Login::Password)
            .prefix("group/project")
            .fails(5, 0, &["trusted_realms", "token service"]),
    ]
}

const CLOUDSMITH_FACTS: &str = "Cloudsmith's documentation of its Docker registry (digests of stored images \"will not match\"); \
    oci-conformance v1.1 results (deletion declined)";

fn cloudsmith() -> Vec<Profile> {
    let plain = |it: &mut Behaviour| {
        bearer(it, 300, true);
        it.delete = 400;
        it.referrers = 200;
    };
    vec![
        Profile::new("cloudsmith", CLOUDSMITH_FACTS, plain)
            .login(Login::Password)
            .prefix("owner/repository"),
        Profile::new("cloudsmith-rewrites", CLOUDSMITH_FACTS, move |it| {
            plain(it);
            it.rewrite = true;
        })
        .login(Login::Password)
        .prefix("owner/repository")
        // Every version is in the registry, and of none is it said that it arrived
        .fails(2, 0, &["the tag holds `sha256:"]),
    ]
}

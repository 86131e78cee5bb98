//! Registries that people run themselves, and the specification at its strictest.

use std::time::Duration;

use super::{Login, Profile, basic, bearer, refuses_post};
use crate::support::registry::{
    Behaviour, Challenge, Cookie, ErrorBody, Immutable, Link, Location, Missing, Names, NoLength, PageCap,
    SessionLoss, error,
};

pub(super) fn profiles() -> Vec<Profile> {
    let mut all = harbor();
    all.extend(gitea());
    all.extend(distribution());
    all.extend(artifactory());
    all.extend(nexus());
    all.extend(pulp());
    all.extend([
        Profile::new(
            "spec-strict",
            "distribution-spec 1.1: every MUST and SHOULD, and nothing that it does not say",
            |it| {
                it.strict = true;
                it.names = Names::Spec;
                it.no_length = NoLength::Refused;
                it.empty_blob_refused = true;
                it.config_parsed = true;
                it.unknown_action_drops_grant = true;
                it.dup_scope_downgrades = true;
                it.referrers = 200;
                bearer(it, 300, true);
            },
        )
        .login(Login::Password),
        Profile::new(
            "zot",
            "zot pkg/api/routes.go (415, lengths, last), pkg/storage/imagestore/imagestore.go (digest), pkg/api/authz.go (403 \
             without update), pkg/api/quota.go (429 without Retry-After)",
            |it| {
                basic(it);
                it.no_length = NoLength::Ignored;
                it.single_post = true;
                it.last_must_exist = true;
                it.page_size = Some(2);
                it.referrers = 200;
                it.immutable = Some(Immutable {
                    answer: error(403, "DENIED", "requested access to the resource is denied"),
                    same_digest_also: true,
                });
            },
        )
        .login(Login::Password),
    ]);
    all
}

fn nexus() -> Vec<Profile> {
    vec![
        Profile::new(
            "nexus",
            "jib#3057 and #2395 (disable redeploy), nexus-public#912 (HTML errors), containers/image docker/docker_image.go (null tags)",
            |it| {
                basic(it);
                it.null_member = true;
                it.redeploy_refused = true;
                it.error_body = ErrorBody::Oci;
            },
        )
        .login(Login::Password),
        Profile::new("nexus-html-errors", "as nexus", |it| {
            basic(it);
            it.null_member = true;
            it.error_body = ErrorBody::Html;
            it.autocreate = false;
        })
        .login(Login::Password)
        .fails(5, 0, &["404 Not Found: an HTML page"]),
    ]
}

fn pulp() -> Vec<Profile> {
    vec![
        Profile::new(
            "pulp",
            "pulp_container app/registry_api.py (mount 404, unchecked bodies, 429 of a task that goes on, 100 a page, Link on a \
             full page), app/authorization.py (300 s)",
            |it| {
                bearer(it, 300, true);
                it.mount = 404;
                it.single_post = true;
                it.verify_digest = false;
                it.async_429 = Some(2);
                it.page_size = Some(2);
                it.link = Link::Always;
                it.delete = 400;
            },
        )
        .login(Login::Password),
        Profile::new(
            "pulp-cut-bodies",
            "as pulp, behind something that cuts bodies: nobody there compares them with their digests",
            |it| {
                bearer(it, 300, true);
                it.single_post = true;
                it.verify_digest = false;
                it.check_blobs = false;
                it.cut_bodies = Some(120);
            },
        )
        .login(Login::Password)
        .fails(5, 0, &["is not there with its"]),
    ]
}

const HARBOR_FACTS: &str = "harbor src/server/middleware/v2auth/auth.go (401 without Authorization, Basic for a login that is not \
    accepted), src/server/middleware/immutable/pushmf.go (412 for equal bytes too), src/lib/http/error.go (NOT_FOUND), \
    src/server/middleware/quota/quota.go (403), src/lib/config/metadata/metadatalist.go (30 min)";

fn harbor_core(it: &mut Behaviour) {
    bearer(it, 30 * 60, true);
    it.realm_path = "/service/token";
    it.service = "harbor-registry";
    it.challenge = Challenge::BasicIfAuthPresent;
    it.missing = Missing::NotFound;
    it.cookie = Cookie::Set;
    it.location = Location::Absolute;
    it.immutable = Some(Immutable {
        answer: error(
            412,
            "PRECONDITION",
            "Failed to process request due to 'alpha:1.0.0' configured as immutable.",
        ),
        same_digest_also: true,
    });
}

fn harbor() -> Vec<Profile> {
    vec![
        Profile::new("harbor", HARBOR_FACTS, harbor_core)
            .login(Login::Password)
            .prefix("project/charts"),
        Profile::new("harbor-no-project", HARBOR_FACTS, |it| {
            harbor_core(it);
            it.autocreate = false;
        })
        .login(Login::Password)
        .prefix("nothing")
        .fails(5, 0, &["NOT_FOUND", "project"]),
        Profile::new("harbor-full", HARBOR_FACTS, |it| {
            harbor_core(it);
            it.quota = Some(100);
        })
        .login(Login::Password)
        .prefix("project")
        .fails(5, 0, &["Quota has been exceeded", "raise the quota"]),
    ]
}

const GITEA_FACTS: &str = "gitea routers/api/packages/container/container.go (two challenges, names, paging without Link, sizes), \
    manifest.go (tags in lower case, config is parsed), services/packages/auth.go (no expires_in)";

fn forge(it: &mut Behaviour) {
    bearer(it, 24 * 3600, false);
    it.realm_path = "/v2/token";
    it.service = "container_registry";
    it.challenge = Challenge::TwoHeaders;
    it.casefold = true;
    it.names = Names::Gitea;
    it.link = Link::None;
    it.config_parsed = true;
    it.location = Location::Relative;
}

fn gitea() -> Vec<Profile> {
    vec![
        Profile::new("gitea", GITEA_FACTS, forge)
            .login(Login::Password)
            .prefix("owner"),
        Profile::new(
            "gitea-comma",
            "as gitea, both challenges in one header as proxies join them",
            |it| {
                forge(it);
                it.challenge = Challenge::CommaJoined;
            },
        )
        .login(Login::Password)
        .prefix("owner"),
        Profile::new("gitea-bad-name", GITEA_FACTS, forge)
            .login(Login::Password)
            .prefix("owner/a--b")
            .fails(2, 0, &["NAME_INVALID"]),
        Profile::new("gitea-empty-errors", GITEA_FACTS, |it| {
            forge(it);
            it.error_body = ErrorBody::Empty;
        })
        .login(Login::Password)
        .prefix("owner"),
    ]
}

const DISTRIBUTION_FACTS: &str = "distribution registry/handlers/blobupload.go (Content-Range, state signed by http.secret, 404 \
    after a restart), manifests.go (class policy), tags.go (no paging in 2.8, maxtags 1000 in 3), registry/api/v2/urls.go \
    (X-Forwarded-Proto)";

fn distribution() -> Vec<Profile> {
    vec![
        Profile::new("distribution-2.8", DISTRIBUTION_FACTS, |it| {
            basic(it);
            it.location = Location::Absolute;
            it.pieces = crate::support::registry::Pieces::AppendUnchecked;
            it.link = Link::None;
        })
        .login(Login::Password),
        Profile::new("distribution-2.8-downgrade", DISTRIBUTION_FACTS, |it| {
            it.location = Location::HttpDowngrade;
        })
        .secure()
        .fails(2, 0, &["X-Forwarded-Proto"]),
        Profile::new("distribution-2.8-tls", DISTRIBUTION_FACTS, |it| {
            it.location = Location::Absolute;
        })
        .secure(),
        Profile::new("distribution-3", DISTRIBUTION_FACTS, |it| {
            basic(it);
            it.location = Location::Absolute;
            it.page_cap = Some((1000, PageCap::Clamp));
        })
        .login(Login::Password),
        Profile::new("distribution-3-class-policy", DISTRIBUTION_FACTS, |it| {
            it.class_policy = true;
        })
        .fails(5, 0, &["unknown manifest class"]),
        Profile::new("distribution-3-stale-sessions", DISTRIBUTION_FACTS, |it| {
            it.session_loss = SessionLoss::Ttl(Duration::from_secs(168 * 3600));
        }),
    ]
}

fn artifactory() -> Vec<Profile> {
    const FACTS: &str = "containerd core/remotes/docker/authorizer.go (POST is answered with 401), containers/image \
        docker/docker_image.go (digests among the tags), JFrog's documentation (max unique tags)";
    let plain = |it: &mut Behaviour| {
        bearer(it, 3600, true);
        refuses_post(it, 401);
        it.access_token = true;
        it.digest_member = true;
        it.immutable = Some(Immutable {
            answer: error(
                403,
                "UNAUTHORIZED",
                "Not enough permissions to delete/overwrite artifact 'charts/alpha/1.0.0'",
            ),
            same_digest_also: true,
        });
    };
    vec![
        Profile::new("artifactory", FACTS, plain)
            .login(Login::Password)
            .prefix("oci-local"),
        Profile::new("artifactory-unique-tags", FACTS, move |it| {
            plain(it);
            it.max_unique_tags = Some(2);
        })
        .login(Login::Password)
        .prefix("oci-local"),
    ]
}

//! The switches: what real registries do otherwise than the plain one, each independent of the others, so that any two can be
//! combined (registries 6.1). Their names there stand in brackets.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::super::server::Answer;
use super::auth::Auth;
use super::errors::ErrorBody;
use super::rate::{Rate, RetryAfter};

/// In which form a 401 offers its logins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// Bearer, in one header.
    One,
    /// Bearer and Basic in two headers, and both are taken.
    TwoHeaders,
    /// Both in one header.
    CommaJoined,
    /// Basic alone where the request carried an `Authorization` that is not accepted; both are taken.
    BasicIfAuthPresent,
}

/// What the token service answers to the OAuth2 form by POST.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PostTokens {
    /// This status, whatever the form holds.
    Refused(u16),
    /// A token for this refresh token.
    For(String),
}

/// How a repository that does not exist shows itself (registries rule 14).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    /// 404 `NAME_UNKNOWN`.
    NameUnknown,
    /// 404 `NOT_FOUND`.
    NotFound,
    /// 401 with `error="insufficient_scope"`.
    Unauthorized,
    /// 403 "… denied … (or it may not exist)".
    Text403,
    /// 403 `permission_denied: create_package`, to whoever writes; readers get 404.
    CreatePackage403,
    /// The connection is closed, to whoever writes; readers get 404.
    Eof,
}

/// Which repository names are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Names {
    Any,
    /// The grammar of the specification.
    Spec,
    /// Gitea's: neither `__` nor `--`.
    Gitea,
}

/// What is answered to a manifest PUT for a tag that exists (registries 3.5).
#[derive(Debug, Clone)]
pub(crate) struct Immutable {
    pub(crate) answer: Answer,
    /// Harbor refuses an identical push too.
    pub(crate) same_digest_also: bool,
}

/// What is answered to an upload without `Content-Length`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoLength {
    /// It is taken.
    Taken,
    /// ACR: 400 `CONTENT_LENGTH_INVALID`.
    Refused,
    /// zot: the body is ignored, so that its digest is wrong.
    Ignored,
}

/// Uploads in pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pieces {
    Ok,
    /// The second piece is refused.
    Refuse,
    /// A piece of more than 4 MiB is answered with 416.
    AtMost4Mib,
    /// A piece replaces what was there.
    Overwrite,
    /// The place that a piece names is not looked at.
    AppendUnchecked,
    /// `Range` sticks at the first piece although the bytes are stored.
    StaleRange,
    /// The last piece is answered with 201, and the upload is complete without a PUT.
    EarlyCreated,
}

/// Where an upload goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Location {
    Relative,
    Absolute,
    /// Another origin, which must not see the `Authorization`.
    OtherHost,
    /// `http` from a registry that speaks TLS.
    HttpDowngrade,
    PrivateIp,
    /// Several parameters that must come back byte for byte.
    WithQuery,
}

/// When an upload session is forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SessionLoss {
    Never,
    /// Each one that is open when the registry has answered so many requests.
    AfterRequests(usize),
    Ttl(Duration),
    /// Every second request goes to a replica that does not know it.
    OtherReplica,
}

/// `Range` of a session that holds nothing yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RangeFormat {
    /// `0-0`
    Plain,
    /// `bytes=0--1`
    Bytes,
}

/// What a GET of a blob is answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BlobPlace {
    Here,
    /// 302 to another path of the same origin.
    SameHost,
    /// 307 to another origin, which must not see the `Authorization`.
    OtherHost,
}

/// What is done to an `n` above the largest page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PageCap {
    Clamp,
    /// 400.
    Error,
}

/// How the tag list tells that there is more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    /// Not at all: the client must go on with `last`.
    None,
    Relative,
    Absolute,
    /// Another origin.
    OtherHost,
    /// Whenever the page is full, so that the last page may be empty.
    Always,
    /// Back to the first page.
    Loop,
}

/// Cookies that a registry sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cookie {
    None,
    /// It sets one, and takes whoever sends it back for a browser that lacks a CSRF token: 403.
    Set,
    /// A balancer finds the replica of an upload by it.
    Required,
}

/// The switches; the default is a plain registry without logins.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "switches, each independent of the others (registries 6)"
)]
pub(crate) struct Behaviour {
    /// (`auth.mode`), with the lifetime of tokens (`auth.ttl_s`) and whether it is told (`auth.no_expires_in`).
    pub(crate) auth: Auth,
    /// (`auth.mode acr-exchange`) The AAD token for which `/oauth2/exchange` gives the refresh token of `post_tokens`.
    pub(crate) exchange: Option<String>,
    /// (`auth.realm_host`) The token service is on another host.
    pub(crate) realm_elsewhere: bool,
    /// Path of the token service.
    pub(crate) realm_path: &'static str,
    /// Name of the token service in challenges.
    pub(crate) service: &'static str,
    /// (`auth.challenge`)
    pub(crate) challenge: Challenge,
    /// (`auth.token_field`) The token is in `access_token`, not in `token`.
    pub(crate) access_token: bool,
    /// (`auth.opaque`) Else it looks like a JWT and tells its `exp`.
    pub(crate) opaque: bool,
    /// (`auth.post_status`), and who gets a token by POST.
    pub(crate) post_tokens: PostTokens,
    /// (`auth.dup_scope_downgrades`) Who asks twice for a repository may pull.
    pub(crate) dup_scope_downgrades: bool,
    /// (`auth.unknown_action_drops_grant`) A scope with another action than `pull`, `push` and `*` grants nothing.
    pub(crate) unknown_action_drops_grant: bool,
    /// (`auth.missing_repo_pull_only_401`)
    pub(crate) missing_repo_pull_only_401: bool,
    /// How long a password is taken from its first use on; then `password-2`, `password-3` … are.
    pub(crate) password_ttl: Option<Duration>,
    /// (`auth.expired_is_403`) A password that ran out is answered with 403.
    pub(crate) expired_is_403: bool,
    /// (`repo.autocreate`) Repositories come into being by the first upload.
    pub(crate) autocreate: bool,
    /// (`repo.max_levels`) More path components than that are out of reach of every token.
    pub(crate) max_levels: Option<usize>,
    /// (`repo.missing`)
    pub(crate) missing: Missing,
    /// (`repo.name_regex`)
    pub(crate) names: Names,
    /// (`tag.casefold`) Tags are stored in lower case.
    pub(crate) casefold: bool,
    /// (`tag.immutable`), (`tag.same_digest_also`)
    pub(crate) immutable: Option<Immutable>,
    /// Nexus without redeploy: a manifest that is there cannot be put again, not even under a new tag.
    pub(crate) redeploy_refused: bool,
    /// Artifactory: only so many tags are kept, the oldest go.
    pub(crate) max_unique_tags: Option<usize>,
    /// (`upload.single_post`) Takes `POST …?digest=` with the blob in it; else 202, as the specification allows.
    pub(crate) single_post: bool,
    /// (`upload.require_content_length`)
    pub(crate) no_length: NoLength,
    /// (`upload.max_body`) More is answered with 413.
    pub(crate) max_body: Option<usize>,
    /// (`upload.max_body html`) The 413 is a page of nginx.
    pub(crate) max_body_html: bool,
    /// (`upload.multi_patch`)
    pub(crate) pieces: Pieces,
    /// (`upload.location`)
    pub(crate) location: Location,
    /// (`upload.session_lost_after`)
    pub(crate) session_loss: SessionLoss,
    /// (`upload.range_format`)
    pub(crate) range_format: RangeFormat,
    /// (`upload.verify_digest`) A blob that does not hash to its digest is refused.
    pub(crate) verify_digest: bool,
    /// Something in front of it cuts bodies after so many bytes.
    pub(crate) cut_bodies: Option<usize>,
    /// Requests that the specification does not know, or only in another form, are refused.
    pub(crate) strict: bool,
    /// (`mount`) What a mount is answered with.
    pub(crate) mount: u16,
    /// (`manifest.status`)
    pub(crate) manifest_status: u16,
    /// (`manifest.no_location`)
    pub(crate) manifest_location: bool,
    /// (`manifest.no_digest_header`) Sends `Docker-Content-Digest`.
    pub(crate) digest_header: bool,
    /// (`manifest.rewrite`) Stores manifests in its own words.
    pub(crate) rewrite: bool,
    /// (`manifest.max`)
    pub(crate) manifest_max: usize,
    /// (`manifest.layer_allowlist`) Media types of layers; others are refused with 400 `MANIFEST_INVALID`.
    pub(crate) layer_allowlist: Option<Vec<&'static str>>,
    /// Distribution 3 with a class policy: Helm's config is refused with 403.
    pub(crate) class_policy: bool,
    /// (`manifest.async_429_then_done`) Every so many-th manifest is stored and answered with 429.
    pub(crate) async_429: Option<usize>,
    /// (`manifest.check_blobs`) Refuses a manifest whose blobs are missing.
    pub(crate) check_blobs: bool,
    /// Gitea: the config has to be JSON.
    pub(crate) config_parsed: bool,
    /// (`blob.empty_refused`)
    pub(crate) empty_blob_refused: bool,
    /// (`blob.unreferenced_ttl`) A blob that no manifest names is gone after this time.
    pub(crate) unreferenced_ttl: Option<Duration>,
    pub(crate) blob_place: BlobPlace,
    /// Bytes of all blobs that fit; then 403 "Quota has been exceeded".
    pub(crate) quota: Option<usize>,
    /// (`tags.page_default`), and the largest page where `n` is sent.
    pub(crate) page_size: Option<usize>,
    /// (`tags.page_cap`) The largest `n`, and what is done to a larger one.
    pub(crate) page_cap: Option<(usize, PageCap)>,
    /// (`tags.link`)
    pub(crate) link: Link,
    /// (`tags.null_end`) `"tags": null` where a page has none.
    pub(crate) null_tags: bool,
    /// (`tags.null_member`)
    pub(crate) null_member: bool,
    /// (`tags.digest_member`)
    pub(crate) digest_member: bool,
    /// (`tags.unsorted`)
    pub(crate) unsorted: bool,
    /// (`tags.missing_endpoint`)
    pub(crate) no_tag_list: bool,
    /// (`tags.last_must_exist`) 404 for a `last` that is no tag.
    pub(crate) last_must_exist: bool,
    /// (`tags.stale_ms`) A tag is listed so long after it was written.
    pub(crate) tags_stale: Duration,
    /// (`referrers`)
    pub(crate) referrers: u16,
    /// (`delete`)
    pub(crate) delete: u16,
    /// (`rate`)
    pub(crate) rate: Vec<Rate>,
    /// (`rate retry_after`)
    pub(crate) retry_after: RetryAfter,
    /// (`error.body`)
    pub(crate) error_body: ErrorBody,
    /// (`headers.cookie_required`)
    pub(crate) cookie: Cookie,
    /// The body of `/v2/` is empty and `text/html`.
    pub(crate) empty_ping: bool,
    /// A web server that answers 200 and a page to everything.
    pub(crate) captive_portal: bool,
}

impl Default for Behaviour {
    #[expect(clippy::too_many_lines, reason = "a list, one line for each switch")]
    fn default() -> Self {
        Self {
            auth: Auth::None,
            exchange: None,
            realm_elsewhere: false,
            realm_path: "/token",
            service: "fake-registry",
            challenge: Challenge::One,
            access_token: false,
            opaque: true,
            post_tokens: PostTokens::Refused(401),
            dup_scope_downgrades: false,
            unknown_action_drops_grant: false,
            missing_repo_pull_only_401: false,
            password_ttl: None,
            expired_is_403: false,
            autocreate: true,
            max_levels: None,
            missing: Missing::NameUnknown,
            names: Names::Any,
            casefold: false,
            immutable: None,
            redeploy_refused: false,
            max_unique_tags: None,
            single_post: false,
            no_length: NoLength::Taken,
            max_body: None,
            max_body_html: false,
            pieces: Pieces::Ok,
            location: Location::Relative,
            session_loss: SessionLoss::Never,
            range_format: RangeFormat::Plain,
            verify_digest: true,
            cut_bodies: None,
            strict: false,
            mount: 202,
            manifest_status: 201,
            manifest_location: true,
            digest_header: true,
            rewrite: false,
            manifest_max: 4 << 20,
            layer_allowlist: None,
            class_policy: false,
            async_429: None,
            check_blobs: true,
            config_parsed: false,
            empty_blob_refused: false,
            unreferenced_ttl: None,
            blob_place: BlobPlace::Here,
            quota: None,
            page_size: None,
            page_cap: None,
            link: Link::Relative,
            null_tags: false,
            null_member: false,
            digest_member: false,
            unsorted: false,
            no_tag_list: false,
            last_must_exist: false,
            tags_stale: Duration::ZERO,
            referrers: 404,
            delete: 405,
            rate: Vec::new(),
            retry_after: RetryAfter::None,
            error_body: ErrorBody::Oci,
            cookie: Cookie::None,
            empty_ping: false,
            captive_portal: false,
        }
    }
}

impl Behaviour {
    /// Whether another origin has a part in it.
    pub(super) fn needs_elsewhere(&self) -> bool {
        self.realm_elsewhere
            || self.location == Location::OtherHost
            || self.blob_place == BlobPlace::OtherHost
            || self.link == Link::OtherHost
    }

    /// The switches that are turned, and to what.
    pub(crate) fn turned(&self) -> BTreeSet<(String, String)> {
        let plain = fields(&Self::default());
        fields(self)
            .into_iter()
            .filter(|(name, value)| plain.get(name) != Some(value))
            .collect()
    }
}

/// Names and values, read from what `Debug` prints: a list by hand would forget the next switch.
fn fields(behaviour: &Behaviour) -> BTreeMap<String, String> {
    let text = format!("{behaviour:#?}");
    let mut found = BTreeMap::new();
    let mut last = String::new();
    for line in text.lines() {
        match line.strip_prefix("    ").filter(|rest| !rest.starts_with(' ')) {
            Some(rest) if rest.contains(": ") => {
                let (name, value) = rest.split_once(": ").unwrap();
                name.clone_into(&mut last);
                found.insert(last.clone(), value.trim_end_matches(',').to_owned());
            }
            _ => {
                if let Some(value) = found.get_mut(&last) {
                    value.push_str(line.trim());
                }
            }
        }
    }
    found
}

#[test]
fn what_is_turned_is_told() {
    let mut behaviour = Behaviour::default();
    assert!(behaviour.turned().is_empty());
    behaviour.opaque = false;
    behaviour.page_cap = Some((1000, PageCap::Error));
    let turned: Vec<String> = behaviour.turned().into_iter().map(|(name, _)| name).collect();
    assert_eq!(turned, ["opaque", "page_cap"]);
}

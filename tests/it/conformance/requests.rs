//! Requests that this client never sends, whatever the registry is like (registries section 1).

use std::collections::BTreeSet;

use crate::support::server::{Kind, Log, Logged};

/// The largest piece (registries rule 7).
const LARGEST_PIECE: usize = 4 << 20;

/// What a manifest is sent as.
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// What the registry is like, as far as it makes requests necessary that are none otherwise.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Leave {
    /// Tags may be looked at that were not put before: the list is missing or odd.
    pub(super) look_at_tags: bool,
    /// The registry forgets uploads, or refuses them: they need not be closed.
    pub(super) lose_uploads: bool,
}

/// Every forbidden request of a log, with the rule it breaks.
pub(super) fn forbidden(log: &Log, leave: Leave) -> Vec<String> {
    let mut wrong: Vec<String> = log.0.iter().flat_map(by_itself).collect();
    let mut sent = BTreeSet::new();
    let mut refused_as_too_large = false;
    let (mut opened, mut ended) = (0, 0);
    for entry in &log.0 {
        let mut accuse = |rule: &str| wrong.push(format!("{rule}: {entry}"));
        match entry.kind {
            Kind::UploadPatch if !refused_as_too_large => accuse("rule 7, PATCH before any 413"),
            Kind::BlobHead if !sent.contains(last(entry)) => {
                accuse("rule 6, HEAD of a blob that was not sent");
            }
            Kind::ManifestHead | Kind::ManifestGet
                if !leave.look_at_tags && !sent.contains(&entry.request.path) =>
            {
                accuse("product rule 2, a tag looked at that was not put");
            }
            _ => {}
        }
        refused_as_too_large |= entry.status == Some(413);
        if let Some(digest) = entry.request.param("digest") {
            sent.insert(digest);
        }
        if entry.kind == Kind::ManifestPut {
            sent.insert(entry.request.path.clone());
        }
        opened += usize::from(entry.kind == Kind::UploadPost && entry.status == Some(202));
        // A piece that is answered with 201 was the last one
        let early = entry.kind == Kind::UploadPatch && entry.status == Some(201);
        ended += usize::from(matches!(entry.kind, Kind::UploadPut | Kind::UploadCancel) || early);
    }
    if ended < opened && !leave.lose_uploads {
        wrong.push(format!(
            "{opened} uploads were opened and {ended} closed or cancelled"
        ));
    }
    wrong
}

fn last(entry: &Logged) -> &str {
    entry.request.path.rsplit('/').next().unwrap_or_default()
}

/// What can be seen of one request alone.
fn by_itself(entry: &Logged) -> Vec<String> {
    let request = &entry.request;
    let mut rules = Vec::new();
    let length = request.header("content-length").parse::<usize>().ok();
    if request.headers.contains_key("transfer-encoding") {
        rules.push("rule 6, chunked transfer encoding");
    }
    if request.param("mount").is_some() {
        rules.push("rule 9, a mount");
    }
    if request.headers.contains_key("cookie") {
        rules.push("a cookie");
    }
    let n = request.param("n").and_then(|n| n.parse::<u64>().ok());
    if n.is_some_and(|n| n > 1000) {
        rules.push("rule 15, n above 1000");
    }
    match entry.kind {
        Kind::Token => rules.extend(of_token(entry)),
        Kind::Delete => rules.push("I8, a deletion"),
        Kind::Other => rules.push("a request that nothing needs: referrers, catalogues"),
        Kind::UploadPut if length.is_none() => rules.push("rule 6, a PUT without Content-Length"),
        Kind::UploadPut if request.param("digest").is_none() => rules.push("a PUT without a digest"),
        Kind::UploadPatch => {
            if length.is_none() || request.header("content-range").is_empty() {
                rules.push("rule 7, a piece without length or place");
            }
            if request.body.len() > LARGEST_PIECE {
                rules.push("rule 7, a piece of more than 4 MiB");
            }
        }
        Kind::ManifestPut => rules.extend(of_manifest(entry)),
        _ => {}
    }
    rules.into_iter().map(|rule| format!("{rule}: {entry}")).collect()
}

fn of_token(entry: &Logged) -> Option<&'static str> {
    let request = &entry.request;
    let query = request.query.as_deref().unwrap_or("");
    let fields: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes())
        .chain(url::form_urlencoded::parse(&request.body))
        .map(|(key, value)| (key.into_owned(), value.into_owned()))
        .collect();
    if fields
        .iter()
        .any(|(key, value)| key == "offline_token" && value == "true")
    {
        return Some("rule 2, offline_token");
    }
    let scopes: Vec<&str> = fields
        .iter()
        .filter(|(key, _)| key == "scope")
        .flat_map(|(_, value)| value.split(' '))
        .collect();
    if scopes.len() > 1 {
        return Some("rule 1, more than one scope");
    }
    let wanted = |scope: &&str| scope.starts_with("repository:") && scope.ends_with(":pull,push");
    (!scopes.iter().all(wanted)).then_some("rule 1, a scope that is not pull,push")
}

fn of_manifest(entry: &Logged) -> Vec<&'static str> {
    let request = &entry.request;
    let mut rules = Vec::new();
    if request.header("content-type") != MANIFEST {
        rules.push("rule 19, the Content-Type of a manifest");
    }
    // A body that never arrived whole says nothing
    let Ok(json) = serde_json::from_slice::<serde_json::Value>(&request.body) else {
        return rules;
    };
    if !json["artifactType"].is_null() || !json["subject"].is_null() {
        rules.push("rule 19, artifactType or subject");
    }
    if json["config"]["size"].as_u64().unwrap_or(0) < 2 {
        rules.push("rule 18, an empty config");
    }
    rules
}

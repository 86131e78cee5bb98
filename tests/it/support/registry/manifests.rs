//! Manifests and the tags that lead to them: writing, protecting, rewriting, reading (registries 3.5).

use bytes::Bytes;

use super::super::server::{Answer, Request};
use super::api::{Route, error};
use super::behaviour::{Behaviour, BlobPlace};
use super::{Content, Manifest, Oci, State, digest_of, references};

const CONFIG: &str = "application/vnd.cncf.helm.config.v1+json";

pub(super) fn put(
    oci: &Oci,
    behaviour: &Behaviour,
    state: &mut State,
    route: &Route<'_>,
    request: &Request,
) -> Answer {
    let reference = route.rest.trim_start_matches("manifests/");
    let digest = digest_of(&request.body);
    let by_digest = reference.starts_with("sha256:");
    if let Some(refusal) = invalid(behaviour, request, by_digest && reference != digest) {
        return refusal;
    }
    let Ok(references) = references(&request.body) else {
        return error(400, "MANIFEST_INVALID", "manifest is no JSON");
    };
    let content = state.repositories.entry(route.repository.to_owned()).or_default();
    if let Some(missing) = content.missing(&references) {
        state.violations.push(format!(
            "{}:{reference} was pushed before its blob {missing}",
            route.repository
        ));
        if behaviour.check_blobs {
            return error(404, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry");
        }
    }
    let content = state.repositories.entry(route.repository.to_owned()).or_default();
    if behaviour.config_parsed && !content.has_json_config(&references) {
        return error(400, "MANIFEST_INVALID", "the config is no JSON");
    }
    if let Some(refusal) = protected(behaviour, content, reference, by_digest, &digest) {
        return refusal;
    }
    let manifest = Manifest {
        media_type: request.header("content-type").to_owned(),
        bytes: request.body.clone(),
    };
    let digest = store(behaviour, content, reference, by_digest, manifest);
    state.written += 1;
    let written = state.written;
    state.tagged.insert(
        (route.repository.to_owned(), reference.to_owned()),
        (written, oci.clock.now()),
    );
    forget_oldest(behaviour, state, route.repository);
    if behaviour
        .async_429
        .is_some_and(|every| written.is_multiple_of(every))
    {
        return error(429, "TOOMANYREQUESTS", "the task is still running");
    }
    answer(behaviour, route.repository, &digest)
}

/// What is wrong with the request itself.
fn invalid(behaviour: &Behaviour, request: &Request, other_digest: bool) -> Option<Answer> {
    let media_type = request.header("content-type");
    if request.body.len() > behaviour.manifest_max {
        return Some(error(413, "MANIFEST_INVALID", "manifest too large"));
    }
    if media_type.is_empty() || other_digest {
        return Some(error(400, "MANIFEST_INVALID", "manifest invalid"));
    }
    let json: serde_json::Value = serde_json::from_slice(&request.body).ok()?;
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    if behaviour.class_policy && text(&json["config"]["mediaType"]) == CONFIG {
        return Some(error(
            403,
            "DENIED",
            &format!("unknown manifest class for {CONFIG}"),
        ));
    }
    let layers = json["layers"].as_array().cloned().unwrap_or_default();
    let foreign = layers
        .iter()
        .map(|layer| text(&layer["mediaType"]))
        .find(|media_type| {
            behaviour
                .layer_allowlist
                .as_ref()
                .is_some_and(|allowed| !allowed.contains(&media_type.as_str()))
        });
    foreign.map(|media_type| {
        error(
            400,
            "MANIFEST_INVALID",
            &format!("manifest invalid: unknown media type {media_type}"),
        )
    })
}

/// The refusal to change what is there.
fn protected(
    behaviour: &Behaviour,
    content: &Content,
    reference: &str,
    by_digest: bool,
    digest: &str,
) -> Option<Answer> {
    if behaviour.redeploy_refused && content.manifests.contains_key(digest) {
        let body = serde_json::json!({ "errors": [{
            "code": "BLOB_UPLOAD_INVALID", "message": "blob upload invalid",
            "detail": "Repository does not allow updating assets: charts",
        }] });
        return Some(Answer::status(400).body(body.to_string()));
    }
    let rule = behaviour.immutable.as_ref()?;
    let old = content.tags.get(reference).filter(|_| !by_digest)?;
    (rule.same_digest_also || *old != digest).then(|| rule.answer.clone())
}

/// Stores it, under its tag where it has one; the digest is that of what is stored.
fn store(
    behaviour: &Behaviour,
    content: &mut Content,
    reference: &str,
    by_digest: bool,
    mut manifest: Manifest,
) -> String {
    if behaviour.rewrite {
        let mut bytes = manifest.bytes.to_vec();
        bytes.push(b'\n');
        manifest.bytes = Bytes::from(bytes);
    }
    let digest = digest_of(&manifest.bytes);
    content.manifests.insert(digest.clone(), manifest);
    if !by_digest {
        content.tags.insert(folded(behaviour, reference), digest.clone());
    }
    digest
}

fn forget_oldest(behaviour: &Behaviour, state: &mut State, repository: &str) {
    let Some(most) = behaviour.max_unique_tags else {
        return;
    };
    let State {
        repositories, tagged, ..
    } = state;
    let Some(content) = repositories.get_mut(repository) else {
        return;
    };
    let age = |tag: &String| {
        tagged
            .get(&(repository.to_owned(), tag.clone()))
            .map(|(turn, _)| *turn)
    };
    while content.tags.len() > most {
        let Some(oldest) = content.tags.keys().min_by_key(|tag| age(tag)).cloned() else {
            return;
        };
        content.tags.remove(&oldest);
    }
}

fn answer(behaviour: &Behaviour, repository: &str, digest: &str) -> Answer {
    let mut answer = Answer::status(behaviour.manifest_status);
    if behaviour.manifest_location {
        answer = answer.header("location", format!("/v2/{repository}/manifests/{digest}"));
    }
    if behaviour.digest_header {
        answer = answer.header("docker-content-digest", digest);
    }
    answer
}

/// A tag as it is stored.
pub(super) fn folded(behaviour: &Behaviour, tag: &str) -> String {
    if behaviour.casefold {
        tag.to_ascii_lowercase()
    } else {
        tag.to_owned()
    }
}

pub(super) fn get(behaviour: &Behaviour, state: &State, route: &Route<'_>) -> Answer {
    let reference = folded(behaviour, route.rest.trim_start_matches("manifests/"));
    let unknown = || error(404, "MANIFEST_UNKNOWN", "manifest unknown");
    let Some(content) = state.repositories.get(route.repository) else {
        return unknown();
    };
    let digest = content.tags.get(&reference).unwrap_or(&reference);
    let Some(manifest) = content.manifests.get(digest) else {
        return unknown();
    };
    let answer = Answer::status(200)
        .header("content-type", &manifest.media_type)
        .body(manifest.bytes.clone());
    if behaviour.digest_header {
        answer.header("docker-content-digest", digest)
    } else {
        answer
    }
}

/// A blob, or where it is to be had.
pub(super) fn get_blob(
    oci: &Oci,
    behaviour: &Behaviour,
    state: &State,
    route: &Route<'_>,
    request: &Request,
) -> Answer {
    let digest = route.rest.trim_start_matches("blobs/");
    let blob = state
        .repositories
        .get(route.repository)
        .and_then(|content| content.blobs.get(digest));
    let Some(bytes) = blob else {
        return error(404, "BLOB_UNKNOWN", "blob unknown to registry");
    };
    let reads = request.method == http::Method::GET && request.param("here").is_none();
    let there = format!("/v2/{}/blobs/{digest}?here=1", route.repository);
    match behaviour.blob_place {
        BlobPlace::SameHost if reads => Answer::status(302).header("location", there),
        BlobPlace::OtherHost if reads => {
            Answer::status(307).header("location", format!("{}{there}", oci.elsewhere()))
        }
        _ => Answer::status(200)
            .header("content-type", "application/octet-stream")
            .header("docker-content-digest", digest)
            .body(bytes.clone()),
    }
}

impl Content {
    /// A blob that is not there, or has another size.
    fn missing(&self, references: &[(String, u64)]) -> Option<String> {
        let lacks = |(digest, size): &&(String, u64)| {
            self.blobs
                .get(digest)
                .is_none_or(|blob| blob.len() as u64 != *size)
        };
        references.iter().find(lacks).map(|(digest, _)| digest.clone())
    }

    fn has_json_config(&self, references: &[(String, u64)]) -> bool {
        references
            .first()
            .and_then(|(digest, _)| self.blobs.get(digest))
            .is_some_and(|config| serde_json::from_slice::<serde_json::Value>(config).is_ok())
    }
}

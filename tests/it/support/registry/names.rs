//! Which repositories there are and which could be: grammar, depth, and the five faces of a missing one (registries 3.2, rule 14).

use super::super::server::{Answer, Kind};
use super::api::error;
use super::auth::{Visit, challenge};
use super::behaviour::{Missing, Names};

/// The refusal of a repository that cannot be or is not there. `writes` brings one into being where the registry does that.
pub(super) fn refuse(visit: &Visit<'_>, repository: &str, writes: bool) -> Option<Answer> {
    let behaviour = visit.behaviour;
    if !fits(behaviour.names, repository) {
        return Some(error(400, "NAME_INVALID", "invalid repository name"));
    }
    let levels = repository.split('/').count();
    if behaviour.max_levels.is_some_and(|most| levels > most) {
        return Some(challenge(visit, ",error=\"insufficient_scope\""));
    }
    if visit.exists || (behaviour.autocreate && writes) {
        return None;
    }
    // Where a push creates it, reading it tells no more than that nothing was pushed yet
    let reading = !writes;
    Some(match behaviour.missing {
        Missing::Unauthorized => challenge(visit, ",error=\"insufficient_scope\""),
        Missing::Text403 => error(
            403,
            "DENIED",
            "Permission \"artifactregistry.repositories.uploadArtifacts\" denied on resource \"projects/p/locations/l/repositories/r\" (or it may not exist)",
        ),
        Missing::CreatePackage403 if !reading => error(403, "DENIED", "permission_denied: create_package"),
        Missing::Eof if !reading => Answer::closed(),
        Missing::NotFound => error(404, "NOT_FOUND", &format!("repository {repository} not found")),
        Missing::NameUnknown | Missing::CreatePackage403 | Missing::Eof => {
            error(404, "NAME_UNKNOWN", "repository name not known to registry")
        }
    })
}

/// Whether a request is one of those that bring a repository into being.
pub(super) fn creates(kind: Kind) -> bool {
    kind.writes() || kind == Kind::UploadCancel
}

fn fits(names: Names, repository: &str) -> bool {
    if names == Names::Any {
        return true;
    }
    let component = |text: &str| {
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let mut separators = text.split(inner).filter(|part| !part.is_empty());
        let ends = text.starts_with(inner) && text.ends_with(inner);
        ends && separators.all(|separator| match separator {
            "." | "_" | "-" => true,
            "__" => names == Names::Spec,
            dashes => names == Names::Spec && dashes.chars().all(|c| c == '-'),
        })
    };
    repository.split('/').all(component) && repository.len() <= 255
}

#[test]
fn grammars() {
    for (name, spec, gitea) in [
        ("a/b-c", true, true),
        ("a/b__c", true, false),
        ("a/b--c", true, false),
        ("a/b..c", false, false),
        ("a/B", false, false),
        ("a/-b", false, false),
        ("a//b", false, false),
    ] {
        assert_eq!(
            (fits(Names::Spec, name), fits(Names::Gitea, name)),
            (spec, gitea),
            "{name}"
        );
    }
}

//! Repositories that several mirrors would write (product.md 4, "One repository, two mirrors").
//!
//! Mirrors may share a target prefix, and two mirrors of one source may share a repository (they differ in filters).
//! What must not be is one repository fed from two sources: tags would change hands with every run.

use std::collections::{BTreeMap, BTreeSet};

use crate::types::{ChartName, Reason};

/// The repositories of one mirror at one target.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The mirror's name.
    pub mirror: String,
    /// Where it reads, secrets masked.
    pub source: String,
    /// Where it writes: host and prefix.
    pub target: String,
    /// What it writes there.
    pub repositories: Vec<ChartName>,
}

/// What several mirrors want of one repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overlap {
    /// Target and name, as the first of the mirrors writes it.
    pub repository: String,
    /// The mirrors, sorted.
    pub mirrors: Vec<String>,
    /// Neither may write it. Else only a warning: the names differ in case, which some targets do not tell apart.
    pub conflict: bool,
    /// The same in a sentence.
    pub reason: Reason,
}

/// Finds the repositories that mirrors of different sources would write.
pub fn overlaps(claims: &[Claim]) -> Vec<Overlap> {
    let mut by_folded: BTreeMap<String, Vec<(String, &Claim)>> = BTreeMap::new();
    for claim in claims {
        for name in &claim.repositories {
            let repository = format!("{}/{name}", claim.target.trim_end_matches('/'));
            by_folded
                .entry(repository.to_ascii_lowercase())
                .or_default()
                .push((repository, claim));
        }
    }
    by_folded.into_values().filter_map(overlap).collect()
}

/// The repositories at `target` that mirrors of other sources than `source_url` write.
pub fn of_others<'a>(
    claims: &'a [Claim],
    source_url: &'a str,
    target: &'a str,
) -> impl Iterator<Item = ChartName> + 'a {
    claims
        .iter()
        .filter(move |claim| claim.target.trim_end_matches('/') == target.trim_end_matches('/'))
        .filter(move |claim| source(&claim.source) != source(source_url))
        .flat_map(|claim| claim.repositories.iter().cloned())
}

fn overlap(claims: Vec<(String, &Claim)>) -> Option<Overlap> {
    let mut sources: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (repository, claim) in &claims {
        sources
            .entry(repository)
            .or_default()
            .insert(source(&claim.source));
    }
    let conflict = sources.values().any(|sources| sources.len() > 1);
    if !conflict && sources.len() < 2 {
        return None;
    }
    let mirrors: BTreeSet<String> = claims.iter().map(|(_, claim)| claim.mirror.clone()).collect();
    let mirrors: Vec<_> = mirrors.into_iter().collect();
    let names = mirrors
        .iter()
        .map(|name| format!("`{}`", name.escape_debug()))
        .collect::<Vec<_>>()
        .join(", ");
    let repository = claims.into_iter().next()?.0;
    let shown = repository.escape_debug();
    let reason = if conflict {
        Reason::new(
            "repository-conflict",
            format!("the mirrors {names} would write `{shown}` from different sources; none of them does"),
        )
    } else {
        Reason::new(
            "repository-case",
            format!("repositories of the mirrors {names} differ from `{shown}` only in case"),
        )
    };
    Some(Overlap {
        repository,
        mirrors,
        conflict,
        reason,
    })
}

/// One source whether or not its URL names the index.
fn source(url: &str) -> &str {
    url.strip_suffix("index.yaml")
        .unwrap_or(url)
        .trim_end_matches('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(mirror: &str, source: &str, target: &str, names: &[&str]) -> Claim {
        Claim {
            mirror: mirror.into(),
            source: source.into(),
            target: target.into(),
            repositories: names.iter().map(|name| ChartName::new(name).unwrap()).collect(),
        }
    }

    #[test]
    fn one_repository_from_two_sources_is_a_conflict() {
        let found = overlaps(&[
            claim("b", "https://b", "oci://h/charts", &["x", "y"]),
            claim("a", "https://a", "oci://h/charts/", &["y", "z"]),
            claim("c", "https://c", "oci://other/charts", &["y"]),
        ]);
        assert_eq!(found.len(), 1);
        assert_eq!(
            (&*found[0].repository, found[0].conflict),
            ("oci://h/charts/y", true)
        );
        assert_eq!(found[0].mirrors, ["a", "b"]);
        assert!(found[0].reason.text.contains("`a`, `b`"));
    }

    #[test]
    fn others_are_those_of_another_source_at_the_same_target() {
        let claims = [
            claim("a", "https://a", "oci://h/charts", &["x"]),
            claim("b", "https://b", "oci://h/charts", &["y"]),
            claim("c", "https://b", "oci://i/charts", &["z"]),
        ];
        let names: Vec<_> = of_others(&claims, "https://a/index.yaml", "oci://h/charts/").collect();
        assert_eq!(names, [ChartName::new("y").unwrap()]);
    }

    #[test]
    fn one_source_twice_is_none() {
        let claims = [
            claim("a", "https://a/", "oci://h/charts", &["x"]),
            claim("b", "https://a/index.yaml", "oci://h/charts", &["x"]),
        ];
        assert_eq!(overlaps(&claims), []);
    }

    #[test]
    fn case_alone_is_a_warning() {
        let found = overlaps(&[
            claim("a", "https://a", "oci-layout:/srv/Charts", &["x"]),
            claim("b", "https://b", "oci-layout:/srv/charts", &["x"]),
        ]);
        assert_eq!(
            (found.len(), found[0].conflict, found[0].reason.code),
            (1, false, "repository-case")
        );
    }
}

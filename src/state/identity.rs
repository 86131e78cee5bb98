//! Whose state it is: a mirror, its source, its targets.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::StateError;
use crate::types::Digest;

/// What tells the state of one mirror from that of another. All texts are those of the report, with secrets masked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// The mirror's name.
    pub mirror: Box<str>,
    /// Where the charts come from.
    pub source: Box<str>,
    /// Where they go, `oci://…` or `oci-layout:…`. Everywhere else in this module a target is its place in this list.
    pub targets: Vec<Box<str>>,
}

/// Characters of a mirror's name that stay readable in a file name.
const READABLE: usize = 40;
/// Hex digits that keep file names of different mirrors apart.
const UNIQUE: usize = 16;

impl Identity {
    /// A mirror of a configuration.
    pub fn named(mirror: &str, source: &str, targets: &[&str]) -> Self {
        Self {
            mirror: mirror.into(),
            source: source.into(),
            targets: targets.iter().map(|target| (*target).into()).collect(),
        }
    }

    /// `migrate SOURCE TARGET`: each pair has a state of its own.
    pub fn unnamed(source: &str, target: &str) -> Self {
        Self::named(&format!("{source} -> {target}"), source, &[target])
    }

    /// A file name without extension: what can be read of the mirror's name, and a digest of all of it, so that no two
    /// mirrors share a file even where names differ only in case.
    pub fn file_stem(&self) -> String {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
        let readable = self.mirror.chars().map(|c| if plain(c) { c } else { '_' });
        let readable: String = readable.take(READABLE).collect();
        let hex = Digest::of(self.mirror.as_bytes()).hex();
        format!("{readable}-{}", &hex[..UNIQUE])
    }

    /// For each target of `self`, which of `now` it is. Fails if mirror or source are others, or no target is left:
    /// then the state is of no use, and what it remembers must not be taken for the truth about another place.
    pub(super) fn carried_over(&self, now: &Self, path: &Path) -> Result<Vec<Option<u16>>, StateError> {
        let foreign = |what, recorded: &str, wanted: &str| StateError::Foreign {
            path: path.to_path_buf(),
            what,
            recorded: recorded.into(),
            wanted: wanted.into(),
        };
        if self.mirror != now.mirror {
            return Err(foreign("mirror", &self.mirror, &now.mirror));
        }
        if self.source != now.source {
            return Err(foreign("source", &self.source, &now.source));
        }
        let place = |target: &str| now.targets.iter().position(|other| **other == *target);
        let places: Vec<_> = self
            .targets
            .iter()
            .map(|target| place(target).and_then(|at| u16::try_from(at).ok()))
            .collect();
        if places.iter().all(Option::is_none) {
            return Err(foreign(
                "targets",
                &self.targets.join(", "),
                &now.targets.join(", "),
            ));
        }
        Ok(places)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(mirror: &str, source: &str, targets: &[&str]) -> Identity {
        Identity::named(mirror, source, targets)
    }

    #[test]
    fn file_names_are_safe_and_differ() {
        let stem = |name: &str| identity(name, "s", &["t"]).file_stem();
        for name in [
            "",
            "..",
            "../../etc/passwd",
            "a b\0c",
            ".hidden",
            "é",
            &"x".repeat(5000),
        ] {
            let stem = stem(name);
            assert!(stem.len() <= READABLE + 1 + UNIQUE, "{stem}");
            assert!(
                stem.bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)),
                "{stem}"
            );
        }
        assert!(stem("ingress-nginx").starts_with("ingress-nginx-"));
        assert_ne!(stem("Acme").to_lowercase(), stem("acme").to_lowercase());
        assert_ne!(stem("a/b"), stem("a_b"));
        assert_ne!(
            Identity::unnamed("s", "t").file_stem(),
            Identity::unnamed("s", "u").file_stem()
        );
    }

    #[test]
    fn only_the_same_mirror_goes_on() {
        let old = identity("m", "s", &["a", "b"]);
        let path = Path::new("/x.state");
        for (now, expected) in [
            (identity("m", "s", &["a", "b"]), Ok(vec![Some(0), Some(1)])),
            (identity("m", "s", &["c", "b", "a"]), Ok(vec![Some(2), Some(1)])),
            (identity("m", "s", &["b"]), Ok(vec![None, Some(0)])),
            (identity("m", "s", &["c"]), Err("targets")),
            (identity("m", "t", &["a", "b"]), Err("source")),
            (identity("n", "s", &["a", "b"]), Err("mirror")),
        ] {
            match (old.carried_over(&now, path), expected) {
                (Ok(found), Ok(wanted)) => assert_eq!(found, wanted),
                (Err(StateError::Foreign { what, .. }), Err(wanted)) => assert_eq!(what, wanted),
                other => panic!("{other:?}"),
            }
        }
    }
}

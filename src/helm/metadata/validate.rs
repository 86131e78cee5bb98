//! What Helm checks when it loads a chart, and the cleaning that comes with it (helm-oci-format 1.6).

use std::collections::HashSet;

use super::{Dependency, Draft, Maintainer, Metadata};
use crate::helm::sanitise::sanitise;
use crate::helm::version::Version;

/// Why Helm takes metadata for invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Invalid {
    #[error("`{0}` is missing")]
    Missing(&'static str),
    #[error("name `{}` is no plain name", .0.escape_debug())]
    Name(String),
    #[error("version `{}` is no semantic version", .0.escape_debug())]
    Version(String),
    #[error("type `{}` is neither `application` nor `library`", .0.escape_debug())]
    Kind(String),
    #[error("`{0}` holds an empty item")]
    Null(&'static str),
    #[error("dependency `{}` has an alias with characters other than letters, digits, `_` and `-`", .0.escape_debug())]
    Alias(String),
    #[error("more than one dependency with the name or alias `{}`", .0.escape_debug())]
    Duplicate(String),
}

/// Foreign text for a message: not longer than a line or two.
fn cut(text: &str) -> String {
    text.chars().take(120).collect()
}

impl Draft {
    /// Cleans the texts and checks the rules that `helm push` enforces.
    pub(crate) fn finish(self) -> Result<Metadata, Invalid> {
        let Self {
            mut metadata,
            maintainers,
            dependencies,
            ..
        } = self;
        metadata.clean();
        metadata.check()?;
        metadata.maintainers = maintainers
            .into_iter()
            .map(|item| item.map(Maintainer::cleaned).ok_or(Invalid::Null("maintainers")))
            .collect::<Result<_, _>>()?;
        let mut names = HashSet::new();
        for dependency in dependencies {
            let dependency = dependency.ok_or(Invalid::Null("dependencies"))?.cleaned()?;
            let known_as = match dependency.alias.as_str() {
                "" => &dependency.name,
                alias => alias,
            };
            if !names.insert(known_as.to_owned()) {
                return Err(Invalid::Duplicate(cut(known_as)));
            }
            metadata.dependencies.push(dependency);
        }
        Ok(metadata)
    }
}

impl Metadata {
    /// Version, apiVersion, type and annotations stay as they are.
    fn clean(&mut self) {
        for text in [
            &mut self.name,
            &mut self.description,
            &mut self.home,
            &mut self.icon,
            &mut self.condition,
            &mut self.tags,
            &mut self.app_version,
            &mut self.kube_version,
        ] {
            sanitise(text);
        }
        self.sources
            .iter_mut()
            .chain(&mut self.keywords)
            .for_each(sanitise);
    }

    fn check(&self) -> Result<(), Invalid> {
        if self.api_version.is_empty() {
            return Err(Invalid::Missing("apiVersion"));
        }
        match self.name.as_str() {
            "" => return Err(Invalid::Missing("name")),
            name if name == "." || name == ".." || name.contains('/') => {
                return Err(Invalid::Name(cut(name)));
            }
            _ => {}
        }
        if self.version.is_empty() {
            return Err(Invalid::Missing("version"));
        }
        if Version::parse(&self.version).is_err() {
            return Err(Invalid::Version(cut(&self.version)));
        }
        match self.kind.as_str() {
            "" | "application" | "library" => Ok(()),
            kind => Err(Invalid::Kind(cut(kind))),
        }
    }
}

impl Maintainer {
    fn cleaned(mut self) -> Self {
        [&mut self.name, &mut self.email, &mut self.url]
            .into_iter()
            .for_each(sanitise);
        self
    }
}

impl Dependency {
    fn cleaned(mut self) -> Result<Self, Invalid> {
        [
            &mut self.name,
            &mut self.version,
            &mut self.repository,
            &mut self.condition,
        ]
        .into_iter()
        .chain(&mut self.tags)
        .for_each(sanitise);
        let word = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
        if self.alias.bytes().all(word) {
            Ok(self)
        } else {
            Err(Invalid::Alias(cut(&self.name)))
        }
    }
}

//! Which versions somebody looks for, on the page and in the API.

use super::view::{Standing, VersionView};

/// What a version must be to be shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VersionFilter {
    /// How it stands.
    pub standing: Option<Standing>,
    /// Words that all occur in chart, version or target, in any case; empty for all.
    pub search: Box<str>,
}

impl VersionFilter {
    /// Whether the version is one of them.
    pub fn matches(&self, version: &VersionView) -> bool {
        self.standing.is_none_or(|standing| standing == version.standing)
            && contains(&self.search, &[&version.chart, &version.version, &version.target])
    }
}

/// Whether each word of `search` occurs in one of `texts`, in any case.
pub(super) fn contains(search: &str, texts: &[&str]) -> bool {
    // Most looks are without a search, and a mirror may have 48,000 versions
    search.is_empty() || {
        let texts: Vec<_> = texts.iter().map(|text| text.to_lowercase()).collect();
        let mut words = search.split_whitespace().map(str::to_lowercase);
        words.all(|word| texts.iter().any(|text| text.contains(&word)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_must_occur_somewhere() {
        let texts = ["cert-manager", "1.2.0", "oci://Registry.acme.io/charts"];
        for search in ["", " ", "CERT", "manager 1.2", "registry cert", "1.2.0"] {
            assert!(contains(search, &texts), "{search}");
        }
        for search in ["certmanager", "manager 1.3", "cert manager2"] {
            assert!(!contains(search, &texts), "{search}");
        }
    }
}

//! `accept`: what the user knows to fail or drift upstream (product.md 4).

use std::collections::{BTreeMap, BTreeSet};

/// A list of `chart@version` and `chart@*`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Accept {
    /// No set of versions stands for all of them.
    charts: BTreeMap<Box<str>, Option<BTreeSet<Box<str>>>>,
}

/// The text names no chart and version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not `chart@version` or `chart@*`", .0.escape_debug())]
pub struct AcceptError(String);

impl Accept {
    /// Reads the list.
    pub fn parse<T: AsRef<str>>(items: impl IntoIterator<Item = T>) -> Result<Self, AcceptError> {
        let mut accept = Self::default();
        for item in items {
            let item = item.as_ref();
            let (chart, version) = match item.rsplit_once('@') {
                Some((chart, version)) if !chart.is_empty() && !version.is_empty() => (chart, version),
                _ => return Err(AcceptError(item.chars().take(100).collect())),
            };
            let versions = accept
                .charts
                .entry(chart.into())
                .or_insert_with(|| Some(BTreeSet::new()));
            match versions {
                _ if version == "*" => *versions = None,
                Some(versions) => {
                    versions.insert(version.into());
                }
                None => {}
            }
        }
        Ok(accept)
    }

    /// True if a failure or drift of this version is known and accepted.
    pub fn covers(&self, chart: &str, version: &str) -> bool {
        match self.charts.get(chart) {
            Some(Some(versions)) => versions.contains(version),
            Some(None) => true,
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn covers_versions_and_whole_charts() {
        let accept = Accept::parse(["a@1.0.0", "a@2", "b@*", "b@1", "x@y@3"]).unwrap();
        for (chart, version, covered) in [
            ("a", "1.0.0", true),
            ("a", "2", true),
            ("a", "3", false),
            ("b", "9", true),
            ("x@y", "3", true),
            ("c", "1", false),
        ] {
            assert_eq!(accept.covers(chart, version), covered, "{chart} {version}");
        }
        for bad in ["a", "@1", "a@", ""] {
            assert_eq!(Accept::parse([bad]), Err(AcceptError(bad.into())));
        }
    }
}

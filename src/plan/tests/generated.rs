//! Whatever an index lists, every version is accounted for.

use chrono::Duration;
use proptest::prelude::*;

use super::*;

fn entry() -> impl Strategy<Value = String> {
    let version = "v?[0-2](\\.[0-2]){0,2}(-(rc|RC|0))?(\\+[ab])?|[a-z_]{1,3}";
    let fields = prop::sample::select(vec![
        "",
        "urls: []",
        "name: b",
        "deprecated: true",
        "created: '2024-01-01T00:00:00Z'",
        "digest: x",
    ]);
    (version, fields).prop_map(|(version, fields)| format!("{version} {fields}"))
}

proptest! {
    /// Nothing is lost: each listed version is a candidate or has a reason; no tag is there twice; `latest` holds.
    #[test]
    fn accounts_for_every_version(entries in prop::collection::vec(entry(), 1..12), latest in proptest::option::of(0usize..4), age in any::<bool>(), package in any::<bool>()) {
        let entries: Vec<_> = entries.iter().map(String::as_str).collect();
        let chart = chart("a", &entries);
        let mut rules = Rules { mismatch: if package { Mismatch::Package } else { Mismatch::Error }, ..Rules::default() };
        rules.filter.latest = latest;
        rules.min_age = age.then(|| Duration::days(1));
        let selection = select(chart.clone(), &rules, now());
        let mut tags = HashMap::new();
        for candidate in &selection.candidates {
            let known = tags.insert((candidate.repository.clone(), candidate.tag.clone()), candidate.version.clone());
            prop_assert!(known.is_none());
        }
        for entry in &chart.entries {
            let selected = selection.candidates.iter().any(|candidate| candidate.version.as_str() == &*entry.version);
            let left = selection.left.iter().any(|left| left.version == entry.version && !left.reason.text.is_empty());
            prop_assert!(selected || left, "{}", entry.version);
        }
        prop_assert!(latest.is_none_or(|latest| selection.candidates.len() <= latest));
        let count = selection.candidates.len();
        prop_assert_eq!(selection.split().iter().map(|part| part.candidates.len()).sum::<usize>(), count);
    }
}

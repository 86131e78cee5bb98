//! Index documents of reliability.md 6 by their numbers: charts, entries and fields.

mod judged;
mod text;

use std::io::Cursor;

use super::*;
use crate::types::Class;

fn read_with(bytes: &[u8], limits: &IndexLimits) -> Result<Index, IndexError> {
    let bytes = Arc::<[u8]>::from(bytes);
    read(&|| Ok(Box::new(Cursor::new(Arc::clone(&bytes)))), limits)
}

fn parse(text: impl AsRef<[u8]>) -> Result<Index, IndexError> {
    read_with(text.as_ref(), &IndexLimits::default())
}

/// The index around `entries:`, which must be indented by two.
fn index(entries: &str) -> Index {
    parse(format!("apiVersion: v1\nentries:\n{entries}")).unwrap()
}

/// The message of the error that refuses `text`.
fn refused(text: impl AsRef<[u8]>) -> String {
    parse(text).unwrap_err().to_string()
}

fn one(index: &Index) -> &Entry {
    assert_eq!(index.versions(), 1, "{index:?}");
    &index.charts[0].entries[0]
}

fn problem(entry: &Entry) -> &str {
    entry.problem.as_ref().map_or("", |reason| &reason.text)
}

const SOUND: &str = "  a:\n  - name: a\n    version: 1.0.0\n    urls: [a.tgz]\n";

#[test]
fn keeps_what_a_mirror_needs() {
    let index = index(concat!(
        "  a:\n",
        "  - apiVersion: v2\n    appVersion: 1.10\n    name: a\n    version: 1.20\n    deprecated: yes\n",
        "    created: \"2016-10-06T16:23:20.499814565-06:00\"\n    description: >-\n      folded\n      text\n",
        "    digest: SHA256:E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855\n",
        "    urls:\n    - https://h/a.tgz\n    - b.tgz\n",
        "    maintainers: [{name: x, email: y}]\n",
        "  - {name: b, version: \"2\", urls: []}\n",
    ));
    assert_eq!(index.warnings, []);
    let [first, second] = &*index.charts[0].entries else {
        panic!("{index:?}")
    };
    assert!(Arc::ptr_eq(first.name.as_ref().unwrap(), &index.charts[0].key));
    assert_eq!(
        (&*first.version, first.app_version.as_deref()),
        ("1.20", Some("1.10"))
    );
    assert_eq!(first.digest, IndexDigest::Sha256(crate::types::Digest::of(b"")));
    assert_eq!(
        first.created.unwrap().to_rfc3339(),
        "2016-10-06T22:23:20.499814565+00:00"
    );
    assert_eq!(first.urls, ["https://h/a.tgz".into(), "b.tgz".into()].into());
    assert_eq!((first.deprecated, first.line, problem(first)), (true, 4, ""));
    assert_eq!(
        (second.name.as_deref(), second.urls.len(), second.line),
        (Some("b"), 0, 18)
    );
}

#[test]
fn nothing_there_b13() {
    for text in [
        "",
        "\u{feff}",
        " \n\n",
        "# only a comment\n",
        "---\n",
        "null\n",
        "~",
    ] {
        assert!(matches!(parse(text), Err(IndexError::Empty)), "{text:?}");
    }
}

#[test]
fn no_charts_b14() {
    for text in [
        "apiVersion: v1\n",
        "apiVersion: v1\nentries: {}\n",
        "apiVersion: v1\nentries:\n",
        r#"{"apiVersion":"v1"}"#,
    ] {
        let index = parse(text).unwrap();
        assert_eq!(
            (index.charts.len(), index.warnings[0].code),
            (0, "no-charts"),
            "{text}"
        );
    }
}

#[test]
fn wrong_types_b15() {
    assert_eq!(
        refused("apiVersion: v1\nentries: []\n"),
        "line 2: `entries` is a list, not a map of charts"
    );
    assert_eq!(
        refused("apiVersion: v1\n\nentries: text\n"),
        "line 3: `entries` is a single value, not a map of charts"
    );
    assert_eq!(
        refused("{\n\"apiVersion\": [],\n"),
        "line 2: `apiVersion` is a list, not a text"
    );
    assert_eq!(
        refused("404 page not found"),
        "line 1: the document is a single value, not a map with `apiVersion` and `entries`"
    );
    assert_eq!(
        refused("- a"),
        "line 1: the document is a list, not a map with `apiVersion` and `entries`"
    );
}

#[test]
fn charts_without_versions_b16() {
    let index = index("  foo: null\n  bar: []\n  baz:\n");
    assert_eq!((index.charts.len(), index.versions()), (3, 0));
    assert_eq!(index.warnings.len(), 1);
    assert_eq!(index.warnings[0].code, "empty-chart");
    assert!(
        index.warnings[0].text.contains("`foo`, `bar`, `baz`"),
        "{}",
        index.warnings[0]
    );
}

#[test]
fn entries_that_are_no_maps_b17() {
    let index = index(
        "  a:\n  - null\n  - text\n  - [x, [y]]\n  -\n  - name: a\n    version: 1.0.0\n  b: {c: [d]}\n  c: text\n",
    );
    let texts: Vec<_> = index
        .charts
        .iter()
        .flat_map(|c| &c.entries)
        .map(problem)
        .collect();
    assert_eq!(
        texts,
        [
            "the entry is empty, not a map",
            "the entry is a single value, not a map",
            "the entry is a list, not a map",
            "the entry is empty, not a map",
            "",
            "the chart's value is a map, not a list of versions",
            "the chart's value is a single value, not a list of versions",
        ]
    );
    assert_eq!(index.charts[0].entries[2].line, 6);
}

#[test]
fn api_version_is_a_must_b18() {
    for text in [
        "entries: {}\n",
        "apiVersion:\nentries: {}\n",
        "apiVersion: ''\n",
        r#"{"entries":{}}"#,
    ] {
        assert!(matches!(parse(text), Err(IndexError::NoApiVersion)), "{text}");
    }
    assert!(
        parse("apiversion: v1\nEntries: {}\n").is_ok(),
        "Helm does not mind the case"
    );
}

#[test]
fn duplicate_keys_b19() {
    assert_eq!(
        refused("apiVersion: v1\nentries: {}\nentries: {}\n"),
        "line 3: the key `entries` is there twice"
    );
    assert!(matches!(
        parse(r#"{"apiVersion":"v1","apiVersion":"v1"}"#),
        Err(IndexError::DuplicateKey { .. })
    ));
    let twice = index(&format!(
        "{SOUND}  b:\n  - name: b\n    version: 1.0.0\n{}",
        SOUND.replace("1.0.0", "2.0.0")
    ));
    let found: Vec<_> = twice
        .charts
        .iter()
        .map(|c| (&*c.key, c.entries.iter().filter(|e| e.problem.is_some()).count()))
        .collect();
    assert_eq!(found, [("a", 2), ("b", 0)]);
    assert_eq!(
        problem(one(&index(
            "  a:\n  - {name: a, version: 1.0.0, version: 2.0.0}\n"
        ))),
        "the field `version` is there twice"
    );
    assert_eq!(
        problem(one(&index(
            "  a:\n  - {name: a, icon: x, version: 1.0.0, icon: y}\n"
        ))),
        "the field `icon` is there twice"
    );
    assert_eq!(
        problem(one(&index(
            "  a:\n  - {name: a, x: x, appVersion: 1, appversion: 2}\n"
        ))),
        "the field `appversion` is there twice"
    );
}

#[test]
fn digests_b46() {
    let hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let sha = IndexDigest::Sha256(crate::types::Digest::of(b""));
    for text in [
        hex,
        &hex.to_uppercase(),
        &format!("sha256:{hex}"),
        &format!(" SHA256:{hex}\n"),
    ] {
        assert_eq!(IndexDigest::parse(text), sha, "{text}");
    }
    assert_eq!(IndexDigest::parse(""), IndexDigest::None);
    for text in [
        "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "sha256:",
        "éééé",
    ] {
        assert_eq!(IndexDigest::parse(text), IndexDigest::Other(text.into()));
    }
}

#[test]
fn wrong_fields_cost_their_entry() {
    for (fields, text) in [
        ("version: [1]", "`version` is a list, not a text"),
        ("name: {a: b}", "`name` is a map, not a text"),
        ("urls: x.tgz", "`urls` is a single value, not a list"),
        ("urls: [{}]", "a URL of the entry is a map, not a text"),
        ("deprecated: maybe", "`deprecated` is neither true nor false"),
        (
            "? [a, {b: c}]\n    : [d]",
            "a key of the entry is a list, not a text",
        ),
    ] {
        let index = index(&format!(
            "  a:\n  - icon: x\n    {fields}\n    appVersion: '7'\n  - version: 2\n"
        ));
        let [first, second] = &*index.charts[0].entries else {
            panic!("{index:?}")
        };
        assert_eq!((problem(first), first.app_version.as_deref()), (text, Some("7")));
        assert_eq!((problem(second), &*second.version), ("", "2"));
    }
    let dates = index("  a:\n  - created: yesterday\n  - created: 0001-01-01T00:00:00Z\n  - created:\n");
    assert!(
        dates.charts[0]
            .entries
            .iter()
            .all(|e| e.created.is_none() && e.problem.is_none())
    );
    assert_eq!(dates.warnings.len(), 1);
    assert!(dates.warnings[0].text.contains("line 4"), "{}", dates.warnings[0]);
}

#[test]
fn helms_scanner_has_the_last_word() {
    // No YAML to saphyr, which wants closing brackets and quoted lines indented; Helm's library takes both.
    for text in [
        "apiVersion: v1\nannotations: {\n}\nentries: {a: [{version: '1'}]}\n",
        "apiVersion: v1\ndescription: \"two\nlines\"\nentries: {a: [{version: '1'}]}\n",
    ] {
        let quick = yaml::read(text.as_bytes(), &IndexLimits::default());
        assert!(matches!(quick, Err(IndexError::Syntax { .. })), "{quick:?}");
        assert_eq!(&*one(&parse(text).unwrap()).version, "1");
    }
    // Both give the same of what both take, block scalar at the very end included.
    let text = format!("apiVersion: v1\nentries:\n{SOUND}    description: |\n      end");
    let (quick, slow) = (
        yaml::read(text.as_bytes(), &IndexLimits::default()).unwrap(),
        yaml::read_as_helm(text.as_bytes(), &IndexLimits::default()).unwrap(),
    );
    assert_eq!(quick, slow);
    assert!(refused("apiVersion: v1\nentries: {a: [}\n").starts_with("line 2: not valid YAML: "));
}

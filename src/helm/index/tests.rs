//! Index documents of reliability.md 6 by their numbers, real indexes, and a second reader as judge.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::PathBuf;

use proptest::prelude::*;
use serde::{Deserialize, Serialize};

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
fn alias_bomb_b21() {
    let mut bomb = String::from("apiVersion: v1\na: &a [x, x, x, x, x, x, x, x, x]\n");
    for (from, to) in ('a'..='y').zip('b'..='z') {
        use std::fmt::Write as _;
        let _ = writeln!(bomb, "{to}: &{to} [{}]", vec![format!("*{from}"); 9].join(", "));
    }
    let error = parse(&bomb).unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 3: YAML aliases are not allowed in an index"
    );
    assert_eq!(error.class(), Class::Refused);
    let merge = "apiVersion: v1\nbase: &b {name: a}\nentries:\n  a:\n  - <<: *b\n    version: 1.0.0\n";
    assert!(matches!(parse(merge), Err(IndexError::Alias { line: 5 })));
    assert!(problem(one(&index("  a:\n  - <<: {name: a}\n    version: 1.0.0\n"))).starts_with("merge keys"));
}

#[test]
fn nesting_b22() {
    let deep = format!("apiVersion: v1\nx: {}\n", "[".repeat(10_000));
    assert!(parse(&deep).is_err());
    let deep = format!("apiVersion: v1\nx: {}{}\n", "[".repeat(100), "]".repeat(100));
    assert!(matches!(
        parse(&deep),
        Err(IndexError::TooDeep { limit: 64, line: 2 })
    ));
    let block: Vec<String> = (0..100).map(|level| format!("{}a:", " ".repeat(level))).collect();
    let block = block.join("\n");
    assert!(matches!(
        parse(format!("apiVersion: v1\n{block}")),
        Err(IndexError::TooDeep { .. })
    ));
    let json = format!(
        r#"{{"apiVersion":"v1","x":{}{}}}"#,
        "[".repeat(10_000),
        "]".repeat(10_000)
    );
    assert!(matches!(parse(json), Err(IndexError::TooDeep { .. })));
}

#[test]
fn encodings_b23_b24() {
    let sound = format!("apiVersion: v1\nentries:\n{SOUND}");
    let expected = parse(&sound).unwrap();
    assert_eq!(parse(format!("\u{feff}{sound}")).unwrap(), expected);
    assert_eq!(parse(sound.replace('\n', "\r\n")).unwrap(), expected);
    for order in [u16::to_le_bytes as fn(u16) -> [u8; 2], u16::to_be_bytes] {
        let bytes: Vec<u8> = sound.encode_utf16().flat_map(order).collect();
        assert!(matches!(parse(&bytes), Err(IndexError::Utf16)));
        let with_mark: Vec<u8> = format!("\u{feff}{sound}")
            .encode_utf16()
            .flat_map(order)
            .collect();
        assert!(matches!(parse(&with_mark), Err(IndexError::Utf16)));
    }
    let mut bytes = sound.clone().into_bytes();
    bytes.extend(b"    description: \"caf\xe9 \xf0\x9f\x98 \xc3\xa9\"\n");
    let index = parse(&bytes).unwrap();
    assert_eq!(index.charts, expected.charts);
    assert_eq!(index.warnings[0].code, "not-utf8");
    assert!(
        index.warnings[0]
            .text
            .contains("in 2 places (the first near line"),
        "{}",
        index.warnings[0]
    );
    let json =
        parse(b"{\"apiVersion\":\"v1\",\"entries\":{\"a\":[{\"version\":\"1\",\"urls\":[\"\xff.tgz\"]}]}}")
            .unwrap();
    assert_eq!(problem(one(&json)), "a URL of the entry is not UTF-8");
}

#[test]
fn characters_across_buffers() {
    // Every offset of a four-byte character against the end of the 64 KiB buffer.
    for shift in 0..8 {
        let padding = "x".repeat(65_536 - 40 + shift);
        let text = format!("apiVersion: v1\n#{padding}\nentries: {{a: [{{name: 😀😀😀é, version: '1'}}]}}\n");
        assert_eq!(
            one(&parse(&text).unwrap()).name.as_deref(),
            Some("😀😀😀é"),
            "{shift}"
        );
        let text = format!(
            r#"{{"apiVersion":"v1","x":"{padding}","entries":{{"a":[{{"name":"😀\ud83d\ude00\n"}}]}}}}"#
        );
        assert_eq!(
            one(&parse(&text).unwrap()).name.as_deref(),
            Some("😀😀\n"),
            "{shift}"
        );
    }
}

#[test]
fn several_documents_b25() {
    let text = format!("---\napiVersion: v1\nentries:\n{SOUND}---\napiVersion: v1\n");
    assert!(matches!(parse(&text), Err(IndexError::Documents { line: 8 })));
    assert!(parse(format!("---\napiVersion: v1\nentries:\n{SOUND}...\n")).is_ok());
}

#[test]
fn json_b26() {
    let text = concat!(
        "\n{\"apiVersion\": \"v1\", \"generated\": null, \"entries\": {\"a\": [\n",
        "{\"name\": \"a\", \"version\": 1.10, \"deprecated\": true, \"urls\": [\"x\\u0041\\/\\\"\"], \"icon\": \"\\\\\"},\n",
        "null], \"b\": null}}\n\n",
    );
    let index = parse(text).unwrap();
    let [first, second] = &*index.charts[0].entries else {
        panic!("{index:?}")
    };
    assert_eq!((&*first.version, first.deprecated, first.line), ("1.10", true, 3));
    assert_eq!(&*first.urls[0], "xA/\"");
    assert_eq!(
        (problem(second), second.line),
        ("the entry is empty, not a map", 4)
    );
    assert_eq!(index.warnings[0].code, "empty-chart");
    // Begins like JSON and is YAML.
    assert_eq!(
        parse("{apiVersion: v1, entries: {a: [{version: 1.10,}]}}")
            .unwrap()
            .charts[0]
            .entries[0]
            .version,
        "1.10".into()
    );
    assert!(parse("{\"apiVersion\": \"v1\"} x").is_err());
}

#[test]
fn pages_instead_of_an_index_b27() {
    for text in [
        "<!DOCTYPE html><html>",
        "\n\n <html>",
        "\u{feff}<?xml version=\"1.0\"?><Error>",
    ] {
        assert!(matches!(parse(text), Err(IndexError::Html)), "{text}");
    }
    assert!(matches!(parse(b"\x1f\x8b\x08\0\0\0\0\0"), Err(IndexError::Gzip)));
}

/// Endless input, as a hostile server gives it.
fn endless(start: &'static str, line: &'static str, limits: &IndexLimits) -> IndexError {
    struct Endless(&'static [u8], usize);
    impl Read for Endless {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            for byte in &mut *out {
                *byte = self.0[self.1 % self.0.len()];
                self.1 += 1;
            }
            Ok(out.len())
        }
    }
    let open = || Ok(Box::new(start.as_bytes().chain(Endless(line.as_bytes(), 0))) as Box<dyn Read + Send>);
    read(&open, limits).unwrap_err()
}

#[test]
fn limits_b28() {
    let limits = IndexLimits {
        bytes: 3 << 20,
        entries: 1000,
        depth: 64,
        scalar: 1 << 16,
    };
    let yaml = "apiVersion: v1\nentries:\n  a:\n";
    let error = |start, line| endless(start, line, &limits);
    assert!(matches!(
        error(yaml, "  # comment\n"),
        IndexError::TooLarge { .. } | IndexError::TooLong { .. }
    ));
    assert!(matches!(
        error(yaml, "  - {version: 1.0.0}\n"),
        IndexError::TooManyEntries { limit: 1000 }
    ));
    assert!(matches!(
        error("apiVersion: v1\nx: \"", "text "),
        IndexError::TooLong { .. }
    ));
    assert!(matches!(
        error("apiVersion: v1\nx: |\n", "  text\n"),
        IndexError::TooLong { .. }
    ));
    assert!(matches!(
        error("{\"apiVersion\": \"v1\", \"entries\": {\"a\": [\"", "text "),
        IndexError::TooLong { .. }
    ));
    assert!(matches!(
        error("{\"apiVersion\": \"v1\", \"entries\": {\"a\": [{}", ", {}"),
        IndexError::TooManyEntries { .. }
    ));
    assert!(matches!(error("{", " "), IndexError::TooLarge { .. }));
    assert!(matches!(
        error("", " "),
        IndexError::TooLarge { .. } | IndexError::TooLong { .. }
    ));
    let small = IndexLimits {
        entries: 2_000_000,
        ..limits
    };
    assert!(matches!(
        endless(yaml, "  - {version: 1.0.0}\n", &small),
        IndexError::TooLarge { limit: 3_145_728 }
    ));
}

#[test]
fn tags_are_not_obeyed_b29() {
    let index = index(
        "  a:\n  - name: !!python/object:os.system a\n    version: !!binary MS4wLjA=\n    digest: !!str null\n    urls: [!!str 'u']\n",
    );
    let entry = one(&index);
    assert_eq!((entry.name.as_deref(), &*entry.version), (Some("a"), "MS4wLjA="));
    assert_eq!(entry.digest, IndexDigest::Other("null".into()));
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

#[expect(clippy::print_stderr, reason = "a skipped test must say so")]
fn data() -> Option<PathBuf> {
    let folder = std::env::var_os("CHARTFERRY_TEST_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data")),
        PathBuf::from,
    );
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!(
        "skipped: no test data at `{}`; set CHARTFERRY_TEST_DATA",
        folder.display()
    );
    None
}

#[test]
fn real_indexes_have_their_counts() {
    let Some(data) = data() else { return };
    for (set, charts, versions) in [
        ("small-mini", 8, 44),
        ("siakhooi-signed", 1, 23),
        ("signed-mixed", 9, 13),
        ("odd-mini", 30, 49),
        ("eks-charts", 21, 449),
        ("helm-incubator", 73, 1232),
        ("indexes/bitnami-2023-03", 108, 3448),
        ("indexes/k8s-at-home-2022-05", 206, 4095),
        ("indexes/ingress-nginx", 1, 177),
        ("indexes/external-dns", 1, 36),
    ] {
        let path = data.join(set).join("index.yaml");
        let index = parse(std::fs::read(&path).unwrap()).unwrap();
        assert_eq!(
            (index.charts.len(), index.versions()),
            (charts, versions),
            "{set}"
        );
        let bad: Vec<_> = index
            .charts
            .iter()
            .flat_map(|c| &c.entries)
            .filter(|e| e.problem.is_some())
            .collect();
        assert_eq!(bad, Vec::<&Entry>::new(), "{set}");
    }
}

/// The fields as another library reads them.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize, Clone)]
#[serde(default, rename_all = "camelCase")]
struct Lean {
    name: Option<String>,
    version: Option<String>,
    urls: Option<Vec<String>>,
    digest: Option<String>,
    #[serde(alias = "appversion")]
    app_version: Option<String>,
    deprecated: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct LeanIndex {
    api_version: String,
    entries: BTreeMap<String, Vec<Lean>>,
}

fn assert_same(ours: &Index, theirs: &LeanIndex, what: &str) {
    assert_eq!(ours.charts.len(), theirs.entries.len(), "{what}");
    for chart in &ours.charts {
        let expected = &theirs.entries[&*chart.key];
        assert_eq!(chart.entries.len(), expected.len(), "{what}: {}", chart.key);
        for (entry, lean) in chart.entries.iter().zip(expected) {
            assert_eq!(entry.name.as_deref(), lean.name.as_deref(), "{what}");
            assert_eq!(
                &*entry.version,
                lean.version.as_deref().unwrap_or_default(),
                "{what}"
            );
            let urls: Vec<_> = entry.urls.iter().map(|url| &**url).collect();
            assert_eq!(urls, lean.urls.clone().unwrap_or_default(), "{what}");
            assert_eq!(
                entry.digest,
                IndexDigest::parse(lean.digest.as_deref().unwrap_or_default()),
                "{what}"
            );
            assert_eq!(
                entry.app_version.as_deref(),
                lean.app_version.as_deref(),
                "{what}"
            );
            assert_eq!(entry.deprecated, lean.deprecated.unwrap_or_default(), "{what}");
            assert_eq!(entry.problem, None, "{what}");
        }
    }
}

/// Every real index and fixture, read by us and by `serde_yaml`.
#[test]
fn agrees_with_serde_yaml_on_real_indexes() {
    let Some(data) = data() else { return };
    let mut folders = vec![data];
    let mut read = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let fixture = path.parent().is_some_and(|p| p.ends_with("index-fixtures"));
            if path.is_dir() {
                folders.push(path);
            } else if name == "index.yaml" || fixture {
                let bytes = std::fs::read(&path).unwrap();
                let theirs: Result<LeanIndex, _> = serde_yaml::from_slice(&bytes);
                match (parse(&bytes), theirs) {
                    (Ok(ours), Ok(theirs)) => assert_same(&ours, &theirs, &name),
                    (Ok(ours), Err(error)) => assert_eq!(ours.charts, [], "{name}: {error}"),
                    (Err(ours), theirs) => assert!(theirs.is_err(), "{name}: {ours}"),
                }
                read += 1;
            }
        }
    }
    assert!(read >= 60, "{read} files");
}

fn lean() -> impl Strategy<Value = Lean> {
    let text = || {
        proptest::option::of(prop_oneof![
            ".{0,12}",
            "[ -~\n]{0,20}",
            "1\\.[0-9]0",
            "null|~|yes|\\*a|&a|- x|# y|\\{"
        ])
    };
    (
        text(),
        text(),
        proptest::option::of(prop::collection::vec("[!-~é]{1,9}", 0..3)),
        text(),
        text(),
        any::<Option<bool>>(),
        text(),
    )
        .prop_map(
            |(name, version, urls, digest, app_version, deprecated, description)| Lean {
                name,
                version,
                urls,
                digest,
                app_version,
                deprecated,
                description,
            },
        )
}

proptest! {
    /// What `serde_yaml` and `serde_json` write comes out as it went in.
    #[test]
    fn reads_what_others_write(entries in prop::collection::btree_map("[!-~é]{1,6}", prop::collection::vec(lean(), 0..4), 0..4)) {
        let index = LeanIndex { api_version: "v1".into(), entries };
        let yaml = serde_yaml::to_string(&index).unwrap();
        // What is no YAML even to its own writer (control characters) proves nothing.
        if serde_yaml::from_str::<LeanIndex>(&yaml).is_ok_and(|again| again.entries == index.entries) {
            assert_same(&parse(&yaml).unwrap(), &index, &yaml);
        }
        assert_same(&parse(serde_json::to_vec(&index).unwrap()).unwrap(), &index, "compact JSON");
        assert_same(&parse(serde_json::to_vec_pretty(&index).unwrap()).unwrap(), &index, "pretty JSON");
    }

    #[test]
    fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "[ -~\n\té]{0,200}", edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6)) {
        let limits = IndexLimits { bytes: 1 << 16, entries: 20, depth: 8, scalar: 64 };
        let _ = read_with(&bytes, &limits);
        let _ = read_with(text.as_bytes(), &limits);
        let _ = read_with(format!("apiVersion: v1\nentries:\n  a:\n  - {text}").as_bytes(), &limits);
        let _ = yaml::read_as_helm(text.as_bytes(), &limits);
        for sound in [format!("apiVersion: v1\nentries:\n{SOUND}"), r#"{"apiVersion":"v1","entries":{"a":[{"name":"a","urls":["\u00e9"]}]}}"#.into()] {
            let mut sound = sound.into_bytes();
            for (at, byte) in &edits {
                let at = at.index(sound.len());
                sound[at] = *byte;
            }
            let _ = read_with(&sound, &limits);
            let _ = yaml::read_as_helm(sound.as_slice(), &limits);
        }
    }
}

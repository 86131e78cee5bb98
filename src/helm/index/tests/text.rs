//! The text of an index: encodings, nesting, sizes, JSON, and pages that are no index (reliability.md B21 to B29).

use super::*;

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

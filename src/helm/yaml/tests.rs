//! Tables for scalars, mappings and the scanner's differences.

use super::scalar::{Scalar, resolve};
use super::*;

fn text(value: &str) -> Scalar<'_> {
    Scalar::Text(value.into())
}

#[test]
fn plain_scalars() {
    for (value, scalar) in [
        ("", Scalar::Null),
        ("~", Scalar::Null),
        ("NULL", Scalar::Null),
        ("nULL", text("nULL")),
        ("y", Scalar::Bool(true)),
        ("On", Scalar::Bool(true)),
        ("off", Scalar::Bool(false)),
        ("oN", text("oN")),
        ("007", Scalar::Int(7)),
        ("0123456", Scalar::Int(42798)),
        ("0o17", Scalar::Int(15)),
        ("0x1F", Scalar::Int(31)),
        ("-0x1F", Scalar::Int(-31)),
        ("0b101", Scalar::Int(5)),
        ("0b-101", Scalar::Int(-5)),
        ("0b--1", text("0b--1")),
        ("1_000", Scalar::Int(1000)),
        ("+5", Scalar::Int(5)),
        ("-9223372036854775808", Scalar::Int(i64::MIN)),
        ("9223372036854775808", Scalar::Uint(1 << 63)),
        ("+9223372036854775808", Scalar::Float(9_223_372_036_854_775_808.0)),
        ("99999999999999999999", Scalar::Float(1e20)),
        ("08", Scalar::Float(8.0)),
        ("0123489", Scalar::Float(123_489.0)),
        ("1.", Scalar::Float(1.0)),
        (".5", Scalar::Float(0.5)),
        (".5_0", Scalar::Float(0.5)),
        ("._5", text("._5")),
        ("1e3", Scalar::Float(1000.0)),
        ("1e", text("1e")),
        ("7e400", text("7e400")),
        ("0x1p4", text("0x1p4")),
        ("_1", text("_1")),
        ("-", text("-")),
        ("+", text("+")),
        (".", text(".")),
        ("-.inf", Scalar::Float(f64::NEG_INFINITY)),
        ("inf", text("inf")),
        ("2024-01-15", text("2024-01-15")),
        ("1:30", text("1:30")),
        ("1.2.3", text("1.2.3")),
        ("--1", text("--1")),
        ("0x", text("0x")),
        ("0x-1", text("0x-1")),
    ] {
        assert_eq!(resolve(None, value, true).unwrap(), scalar, "{value}");
        assert_eq!(
            resolve(None, value, false).unwrap(),
            text(value),
            "{value} quoted"
        );
    }
}

#[test]
fn tagged_scalars() {
    let long = |tag: &str| format!("tag:yaml.org,2002:{tag}");
    for (tag, value, scalar) in [
        ("str", "1.10", Some(text("1.10"))),
        ("int", "3", Some(Scalar::Int(3))),
        ("float", "3", Some(Scalar::Float(3.0))),
        ("float", "18446744073709551615", None),
        ("bool", "yes", Some(Scalar::Bool(true))),
        ("bool", "3", None),
        ("int", "x", None),
        ("null", "", Some(Scalar::Null)),
        ("null", "x", None),
        ("timestamp", "2024-01-15", Some(text("2024-01-15"))),
        ("timestamp", "x", None),
        ("binary", "aGVsbG8=", Some(text("hello"))),
        ("binary", "aGVs\nbG8=", Some(text("hello"))),
        (
            "binary",
            "/////w==",
            Some(text("\u{fffd}\u{fffd}\u{fffd}\u{fffd}")),
        ),
        ("binary", "@@", None),
        ("map", "a", Some(text("a"))),
    ] {
        assert_eq!(
            resolve(Some(&long(tag)), value, false).ok(),
            scalar,
            "!!{tag} {value}"
        );
    }
    assert_eq!(resolve(Some("!"), "1.10", true).unwrap(), text("1.10"));
}

/// The texts of the list that is the document.
fn items(yaml: &str) -> Result<Vec<String>, YamlError> {
    let document = Document::parse(yaml.as_bytes())?;
    check(&document, &Shape::Any)?;
    let Value::List(list) = document.value(document.root().unwrap())? else {
        panic!("{yaml:?} is no list");
    };
    list.iter()
        .map(|id| match document.value(*id)? {
            Value::Scalar(Scalar::Text(text)) => Ok(text.into_owned()),
            other => Ok(format!("{other:?}")),
        })
        .collect()
}

#[test]
fn block_scalars_without_a_last_line_break() {
    for (yaml, value) in [
        ("- |\n  a", "a"),
        ("- |\n  a\n", "a\n"),
        ("- |+\n  a", "a"),
        ("- |+\n  a\n\n", "a\n\n"),
        ("- |-\n  a", "a"),
        ("- >\n  a\n  b", "a b"),
        ("- |\n  a\n ", "a\n"),
        ("- |\n  a\n  ", "a\n"),
        ("- |\n  a\n   ", "a\n "),
        ("- |+\n  a\n  ", "a\n"),
        ("- |\n  # a\n# a", "# a\n"),
        ("- |\n  a\r\n  b", "a\nb"),
    ] {
        assert_eq!(items(yaml).unwrap(), [value], "{yaml:?}");
    }
}

#[test]
fn colons_at_the_end_of_words_in_lists() {
    for (yaml, texts) in [
        ("[a:, b]", &["a:", "b"][..]),
        ("[a::, 'b:,', \"c:]\"]", &["a::", "b:,", "c:]"]),
        ("- a:[b]\n- |\n  x:,\n", &["a:[b]", "x:,\n"]),
    ] {
        assert_eq!(items(yaml).unwrap(), texts, "{yaml}");
    }
    assert!(items("[a:[b]]").is_err());
    assert_eq!(items("[{\"a\":[b]}]").unwrap(), ["Map"]);
}

#[test]
fn what_the_scanner_refuses() {
    for yaml in [
        "- \"a\\/b\"",
        "- {x: http://a/b?c=d}",
        "%YAML 1.2\n--- a",
        "- \"\\ud83d\"",
        "- \"\\",
        "- [!a, b]",
        "- *a",
        "- &a [*a]",
        "- ? [a]\n",
        "- {[a]: b}",
        "- {~: b}",
        "- {18446744073709551615: b}",
        "- .inf",
        "- {<<: a}",
        "- \u{7f}",
        "- !!int x",
    ] {
        assert!(items(yaml).is_err(), "{yaml:?}");
    }
    assert!(items(&format!("- {}{}", "[".repeat(10_001), "]".repeat(10_001))).is_err());
}

#[test]
fn what_the_scanner_accepts() {
    for yaml in [
        "- \"\\\\/\"",
        "- http://a/b?c=d",
        "%YAML 1.1\n--- [a]",
        "- {<<: {a: .inf}, a: 1}",
        "- {a: .nan, a: 1}",
        "- a\n---\n*broken",
        "- a\n...\n\u{7f}",
    ] {
        let padded = yaml.replace("...\n", &format!("...\n{}", "#\n".repeat(600)));
        assert!(items(&padded).is_ok(), "{yaml:?}");
    }
    assert!(items(&format!("- {}{}", "[".repeat(5_000), "]".repeat(5_000))).is_ok());
}

#[test]
fn the_quick_check_agrees_with_the_full_one() {
    for yaml in [
        "",
        "a: 1",
        "- a",
        "a",
        "~",
        "a: {b: [c, {d: e}]}",
        "~: 1",
        "a: .inf",
        "a: .inf\na: 1",
        "<<: {a: 1}",
        "a: &x 1\nb: *x",
        "!!int 3: 4",
        "{a: b}: c",
        "18446744073709551615: 1",
        "1: 2",
        "\"\": 1",
        ": 1",
        "[a]",
        "a: !!int x",
        "a: b: c",
        "a: +.inf",
        "{{ .Values.x }}: 1",
        "a: - .inf",
        "? a\n: b",
        "? a",
        "---\n",
    ] {
        let full = || -> Result<(), YamlError> {
            let document = Document::parse(yaml.as_bytes())?;
            check(&document, &Shape::Any)?;
            match document.root().map(|root| document.value(root)).transpose()? {
                None | Some(Value::Map | Value::Scalar(Scalar::Null)) => Ok(()),
                _ => Err(YamlError::new("no map")),
            }
        };
        assert_eq!(check_map(yaml.as_bytes()).is_ok(), full().is_ok(), "{yaml:?}");
    }
}

#[test]
fn keys_fold_and_merge() {
    assert_eq!(fold_key("\u{212a}eyword\u{17f}"), "keywords");
    assert_eq!(fold_key("appVersion"), "appversion");
    let document = Document::parse(b"{b: 1, <<: [{a: 2, b: 3}, {a: 4}], 1.0: x, '1': y, a: 5}").unwrap();
    assert!(check(&document, &Shape::Any).unwrap().ambiguous);
    let entries = document.entries(document.root().unwrap()).unwrap();
    let keys: Vec<_> = entries.iter().map(|(key, _)| &**key).collect();
    assert_eq!(keys, ["1", "a", "b"]);
    let Value::Scalar(Scalar::Int(b)) = document.value(entries[2].1).unwrap() else {
        panic!("no number");
    };
    assert_eq!(b, 3, "a merge lies over what stands before it");
}

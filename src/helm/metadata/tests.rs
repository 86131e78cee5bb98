//! Overlays, coercion and the exact config bytes.

use super::*;

fn config(files: &[&str]) -> Result<String, String> {
    let mut draft = Draft::default();
    for file in files {
        draft
            .overlay(file.as_bytes(), &mut (1 << 20))
            .map_err(|error| error.to_string())?;
        if draft.api_version().is_empty() {
            draft.api_version().push_str("v1");
        }
    }
    let metadata = draft.finish().map_err(|error| error.to_string())?;
    Ok(String::from_utf8(metadata.to_config()).unwrap())
}

#[test]
fn writes_every_field_in_helms_order() {
    let yaml = "
type: library
dependencies: [{name: d, enabled: true, tags: [t], alias: a, import-values: [x, {b: 1, a: ~}], version: 1.10}]
kubeVersion: '>=1'
annotations: {b: 1, a: '<'}
deprecated: yes
appVersion: 1.10
tags: t
condition: c
apiVersion: v2
icon: i
maintainers: [{url: u, name: Ann, email: e}, {}]
keywords: [on, 007, a, ~]
description: |
  two
  lines
version: 1.2.3
sources: [s]
home: h
name: c
unknown: [{a: 1}]
";
    assert_eq!(
        config(&[yaml]).unwrap(),
        concat!(
            r#"{"name":"c","home":"h","sources":["s"],"version":"1.2.3","description":"two lines ","#,
            r#""keywords":["true","7","a",""],"maintainers":[{"name":"Ann","email":"e","url":"u"},{}],"#,
            r#""icon":"i","apiVersion":"v2","condition":"c","tags":"t","appVersion":"1.1","deprecated":true,"#,
            r#""annotations":{"a":"\u003c","b":"1"},"kubeVersion":"\u003e=1","#,
            r#""dependencies":[{"name":"d","version":"1.1","repository":"","tags":["t"],"enabled":true,"#,
            r#""import-values":["x",{"a":null,"b":1}],"alias":"a"}],"type":"library"}"#
        )
    );
}

#[test]
fn lays_files_over_each_other() {
    let chart = "{name: c, version: 1, annotations: {a: 1, b: 2}, keywords: [x, y, z], \
                 dependencies: [{name: d, version: 1, tags: [p, q]}, {name: e}, {name: f}]}";
    let other = "{name: ~, annotations: {b: ~, c: 3}, keywords: [~, k], \
                 dependencies: [{repository: r, tags: [s]}, {name: g}]}";
    assert_eq!(
        config(&[chart, other]).unwrap(),
        concat!(
            r#"{"name":"c","version":"1","keywords":["x","k"],"apiVersion":"v1","#,
            r#""annotations":{"a":"1","b":"","c":"3"},"dependencies":["#,
            r#"{"name":"d","version":"1","repository":"r","tags":["s"]},{"name":"g","repository":""}]}"#
        )
    );
    let spellings = "{name: low, Name: Mid, NAME: up, version: 1}";
    assert!(config(&[spellings]).unwrap().contains(r#""name":"low""#));
}

#[test]
fn refuses_what_helm_refuses() {
    for yaml in [
        "",
        "[a]",
        "{name: c}",
        "{name: c, version: x}",
        "{name: a/b, version: 1}",
        "{name: .., version: 1}",
        "{name: \"\\u200b\", version: 1}",
        "{name: c, version: 1, type: other}",
        "{name: c, version: 1, deprecated: 'true'}",
        "{name: c, version: 1, keywords: a}",
        "{name: c, version: 1, annotations: {a: [b]}}",
        "{name: c, version: 1, maintainers: [~]}",
        "{name: c, version: 1, maintainers: [x]}",
        "{name: c, version: 1, dependencies: [~]}",
        "{name: c, version: 1, dependencies: [{name: d}, {name: d}]}",
        "{name: c, version: 1, dependencies: [{name: d, alias: a.b}]}",
        "{name: c, version: 1, unknown: .inf}",
        "{name: c, version: 1, unknown: {~: a}}",
    ] {
        assert!(config(&[yaml]).is_err(), "{yaml}");
    }
    assert!(
        config(&["{name: c, version: 1, appVersion: .inf}"])
            .unwrap()
            .contains("+Inf")
    );
}

#[test]
fn locks() {
    for (yaml, good) in [
        ("", true),
        (
            "{generated: '2024-01-15T01:02:03Z', digest: x, dependencies: [{name: d}]}",
            true,
        ),
        ("generated: 2024-01-15T01:02:03.5+02:00", true),
        ("generated: yesterday", false),
        ("generated: 1", false),
        ("dependencies: x", false),
        ("[a]", false),
        ("{", false),
    ] {
        assert_eq!(check_lock(yaml.as_bytes()).is_ok(), good, "{yaml}");
    }
}

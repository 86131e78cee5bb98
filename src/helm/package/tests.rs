//! Packages made here: limits, subcharts, warnings, and bytes of any kind.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;

use super::*;

const CHART: &str = "{apiVersion: v2, name: c, version: 1.0.0}";

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn package(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, data) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(data.len() as u64);
        header.set_mtime(1_700_000_000);
        builder.append_data(&mut header, name, *data).unwrap();
    }
    gzip(&builder.into_inner().unwrap())
}

fn codes(package: &Package) -> Vec<&'static str> {
    package.warnings.iter().map(|warning| warning.code).collect()
}

#[test]
fn reads_name_config_and_time() {
    let package = read(&package(&[("c/Chart.yaml", CHART.as_bytes())])[..]).unwrap();
    assert_eq!(
        package.config,
        br#"{"name":"c","version":"1.0.0","apiVersion":"v2"}"#
    );
    assert_eq!(
        (package.chart_yaml_mtime, package.gzip_complete),
        (1_700_000_000, true)
    );
    assert!(package.warnings.is_empty());
}

#[test]
fn warns_of_what_is_odd() {
    let chart = ("c/Chart.yaml", CHART.as_bytes());
    let big = vec![b'x'; (5 << 20) + 1];
    let whole = package(&[chart]);
    for (bytes, code) in [
        (
            package(&[chart, ("c/values.yaml", b"a: 1\n---\n- b\n")]),
            "only-helm-3",
        ),
        (package(&[chart, ("c/big", &big)]), "only-helm-4"),
        (
            package(&[chart, ("c/charts/s.tgz", &package(&[chart, ("c/big", &big)]))]),
            "only-helm-4",
        ),
        (package(&[chart, chart]), "chart-yaml-twice"),
        (
            package(&[("c/Chart.yaml", b"{name: c, version: 1, 1: a, '1': b}")]),
            "ambiguous-keys",
        ),
        (whole[..whole.len() - 1].to_vec(), "gzip-trailer"),
    ] {
        assert_eq!(codes(&read(&bytes[..]).unwrap()), [code]);
    }
    let both = package(&[chart, ("c/big", &big), ("c/values.yaml", b"a: 1\n---\n- b\n")]);
    assert!(matches!(read(&both[..]), Err(PackageError::RefusedByBoth { .. })));
}

#[test]
fn requirements_lie_over_chart_yaml_whatever_the_order() {
    let bytes = package(&[
        (
            "c/requirements.yaml",
            b"{version: 2.0.0, dependencies: [{name: d}]}",
        ),
        ("c/Chart.yaml", CHART.as_bytes()),
    ]);
    let metadata = read(&bytes[..]).unwrap().metadata;
    assert_eq!(
        (metadata.version.as_str(), metadata.dependencies.len()),
        ("2.0.0", 1)
    );
}

#[test]
fn names_the_file_that_is_wrong() {
    let chart = ("c/Chart.yaml", CHART.as_bytes());
    let nested = package(&[("s/Chart.yaml", b"{name: s}")]);
    for (files, file) in [
        (
            vec![chart, ("c/charts/s/Chart.yaml", &b"name: s"[..])],
            "charts/s/Chart.yaml",
        ),
        (vec![chart, ("c/charts/README", b"")], "charts/README/Chart.yaml"),
        (
            vec![chart, ("c/charts/s.tgz", &nested)],
            "charts/s.tgz/Chart.yaml",
        ),
        (vec![chart, ("c/charts/s.tgz/x", b"")], "charts/s.tgz"),
        (vec![chart, ("c/values.yaml", b"- a")], "values.yaml"),
        (vec![chart, ("c/Chart.lock", b"{")], "Chart.lock"),
        (vec![chart, ("stray", b"")], "stray"),
        (vec![("c/values.yaml", b"")], "Chart.yaml"),
    ] {
        match read(&package(&files)[..]) {
            Err(PackageError::Refused { file: found, .. }) => assert_eq!(found, file),
            other => panic!("{file}: {other:?}"),
        }
    }
}

#[test]
fn damage_is_no_refusal_by_helm() {
    assert!(matches!(read(&b"<html>"[..]), Err(PackageError::NotGzip { .. })));
    assert!(matches!(read(&b""[..]), Err(PackageError::NotGzip { .. })));
    let cut = gzip(&[b'x'; 300]);
    let error = read(&cut[..]).unwrap_err();
    assert!(matches!(error, PackageError::Archive { .. }));
    assert_eq!(error.class(), crate::types::Class::Integrity);
}

#[test]
fn packages_in_packages_end() {
    let mut bytes = package(&[("c/Chart.yaml", CHART.as_bytes())]);
    for _ in 0..=MAX_NESTED {
        bytes = package(&[("c/Chart.yaml", CHART.as_bytes()), ("c/charts/s.tgz", &bytes)]);
    }
    assert!(matches!(read(&bytes[..]), Err(PackageError::Limit { .. })));
    let deep = format!("c/{}Chart.yaml", "charts/s/".repeat(70));
    let bytes = package(&[("c/Chart.yaml", CHART.as_bytes()), (&deep, CHART.as_bytes())]);
    assert!(matches!(read(&bytes[..]), Err(PackageError::Limit { .. })));
}

#[test]
fn texts_by_alias_are_bounded() {
    let text = "x".repeat(1 << 20);
    let items = "*a,".repeat(100);
    let chart = format!("{{name: c, version: 1, home: &a {text}, keywords: [{items}]}}");
    let bytes = package(&[("c/Chart.yaml", chart.as_bytes())]);
    assert!(matches!(read(&bytes[..]), Err(PackageError::Refused { .. })));
}

fn yamlish() -> impl Strategy<Value = String> {
    let words = [
        "name",
        "version",
        "1.0",
        ": ",
        "- ",
        "\n",
        "  ",
        "[",
        "]",
        "{",
        "}",
        ",",
        "&a ",
        "*a",
        "<<",
        "!!int ",
        "!x,",
        "|",
        ">",
        "+",
        "\"",
        "'",
        "\\",
        "#",
        "? ",
        "---\n",
        "...\n",
        "%YAML 1.1\n",
        "~",
        ".inf",
        "\t",
        "dependencies",
        "annotations",
        "\u{feff}",
        "é",
        "\r",
    ];
    prop::collection::vec(prop::sample::select(words.to_vec()), 0..40).prop_map(|words| words.concat())
}

proptest! {
    #[test]
    fn never_panics_on_bytes(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let _ = read(&bytes[..]);
        let _ = read(&gzip(&bytes)[..]);
    }

    #[test]
    fn never_panics_on_damage(at in 0_usize..4000, value in any::<u8>(), cut in 0_usize..4000) {
        let whole = package(&[
            ("c/Chart.yaml", CHART.as_bytes()),
            ("c/values.yaml", b"a: [1, {b: c}]\n"),
            ("c/charts/s/Chart.yaml", CHART.as_bytes()),
        ]);
        let mut bytes = whole.clone();
        let place = at % bytes.len();
        bytes[place] = value;
        let _ = read(&bytes[..]);
        let _ = read(&whole[..cut % whole.len()]);
        let mut tar = Vec::new();
        flate2::read::GzDecoder::new(&whole[..]).read_to_end(&mut tar).unwrap();
        let place = at % tar.len();
        tar[place] = value;
        let _ = read(&gzip(&tar)[..]);
    }

    #[test]
    fn never_panics_on_yaml(chart in yamlish(), values in yamlish()) {
        let prefix = "apiVersion: v2\nname: c\nversion: 1.0.0\n";
        let chart = format!("{prefix}{chart}");
        let _ = read(&package(&[("c/Chart.yaml", chart.as_bytes()), ("c/values.yaml", values.as_bytes())])[..]);
    }
}

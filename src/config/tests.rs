//! The example file and the schema tell the truth about the reader, and the environment is laid over the file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::keys::{Kind, Section};
use super::*;
use crate::types::ByteSize;

const MIRROR: &str =
    "[[mirror]]\nname = \"a\"\nsource = \"https://charts.acme.io\"\ntargets = [\"oci://r.io/c\"]\n";

fn none() -> BTreeMap<String, String> {
    BTreeMap::new()
}

fn good(text: &str) -> Config {
    check_with(text, Path::new("/nowhere/c.toml"), &none()).unwrap().0
}

fn problems(text: &str, variables: &[(&str, &str)]) -> Vec<String> {
    let variables = variables
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect();
    match check_with(text, Path::new("c.toml"), &variables) {
        Ok(_) => Vec::new(),
        Err(error) => error.problems.iter().map(ToString::to_string).collect(),
    }
}

/// A key that the example shows: its section, whether it is a default, and the line to put in its place.
struct Shown {
    section: String,
    key: String,
    form: Form,
    line: usize,
}

#[derive(PartialEq, Eq, Debug, Clone, Copy)]
enum Form {
    Live,
    Default,
    Example,
}

fn shown() -> Vec<Shown> {
    let mut section = String::new();
    let mut out = Vec::new();
    for (line, text) in EXAMPLE.lines().enumerate() {
        if text.starts_with('[') {
            section = text.trim_matches(['[', ']']).into();
        } else if !text.starts_with("##") && !text.is_empty() {
            let (form, rest) = match (text.strip_prefix("#~ "), text.strip_prefix("# ")) {
                (Some(rest), _) => (Form::Example, rest),
                (_, Some(rest)) => (Form::Default, rest),
                _ => (Form::Live, text),
            };
            let (key, _) = rest
                .split_once(" = ")
                .unwrap_or_else(|| panic!("line {}: {text}", line + 1));
            out.push(Shown {
                section: section.clone(),
                key: key.into(),
                form,
                line,
            });
        }
    }
    out
}

/// The example with the comment marks of some lines removed.
fn uncommented(lines: &[usize]) -> String {
    let mut out = String::new();
    for (number, line) in EXAMPLE.lines().enumerate() {
        out += if lines.contains(&number) {
            line.trim_start_matches(['#', '~', ' '])
        } else {
            line
        };
        out.push('\n');
    }
    out
}

#[test]
fn the_example_is_a_configuration() {
    let (config, warnings) = check_with(EXAMPLE, Path::new("config.example.toml"), &none()).unwrap();
    assert_eq!(warnings, []);
    assert_eq!(
        (config.hosts.len(), config.mirrors.len(), config.notify.len()),
        (1, 1, 1)
    );
    // Everything but the live keys is the default.
    let mirror = &config.mirrors[0];
    let wanted = MirrorConfig {
        charts: mirror.charts.clone(),
        ..MirrorConfig::new(mirror.name.clone(), mirror.source.clone(), mirror.targets.clone())
    };
    assert_eq!(*mirror, wanted);
    assert_eq!(config.hosts[0], HostConfig::new(config.hosts[0].name.clone()));
    assert_eq!(
        Config {
            hosts: Vec::new(),
            mirrors: Vec::new(),
            notify: Vec::new(),
            ..config
        },
        Config::default()
    );
}

#[test]
fn every_default_in_the_example_is_the_default() {
    let plain = good(EXAMPLE);
    let defaults: Vec<Shown> = shown()
        .into_iter()
        .filter(|shown| shown.form == Form::Default)
        .collect();
    for Shown { key, line, .. } in &defaults {
        assert_eq!(good(&uncommented(&[*line])), plain, "{key}");
    }
    let all: Vec<usize> = defaults.iter().map(|shown| shown.line).collect();
    assert_eq!(good(&uncommented(&all)), plain);
}

#[test]
fn the_example_and_the_table_have_the_same_keys() {
    let table: BTreeSet<String> = Section::all()
        .iter()
        .flat_map(|section| section.keys.iter().map(move |key| (section, key)))
        .filter(|(_, key)| !matches!(key.kind, Kind::Table(_) | Kind::Tables(_)))
        .map(|(section, key)| {
            // Of three keys one is needed; the example gives the simplest.
            let form = if key.required || (section.path, key.name) == ("notify", "url") {
                Form::Live
            } else if key.default.is_some() {
                Form::Default
            } else {
                Form::Example
            };
            format!(
                "{}.{} {form:?} {}",
                section.path,
                key.name,
                key.default.unwrap_or_default()
            )
        })
        .collect();
    let lines: Vec<&str> = EXAMPLE.lines().collect();
    let example: BTreeSet<String> = shown()
        .into_iter()
        .map(|shown| {
            let default = match shown.form {
                Form::Default => lines[shown.line].split_once(" = ").unwrap().1,
                _ => "",
            };
            format!("{}.{} {:?} {default}", shown.section, shown.key, shown.form)
        })
        .collect();
    assert_eq!(table, example);
}

/// Keys that are read and then forgotten would change nothing.
#[test]
fn every_example_value_changes_the_configuration() {
    let plain = good(EXAMPLE);
    let shown = shown();
    let line = |wanted: &str| shown.iter().find(|s| s.key == wanted).unwrap().line;
    let lease = shown.iter().find(|s| s.section == "lease").unwrap().line;
    for Shown {
        section,
        key,
        line: at,
        ..
    } in shown.iter().filter(|shown| shown.form == Form::Example)
    {
        let together = match key.as_str() {
            "username" => vec![*at, line("password_env")],
            "password_env" | "password_file" => vec![*at, line("username")],
            "keyring" if !cfg!(feature = "verify") => continue,
            _ if section == "lease" && !cfg!(feature = "kubernetes") => continue,
            "namespace" => vec![line("namespace"), lease],
            "timezone" => vec![*at, line("schedule")],
            "cert_file" | "key_file" => vec![line("cert_file"), line("key_file")],
            "header" | "header_env" => vec![line("header"), line("header_env")],
            "header_file" => vec![line("header"), *at],
            _ => vec![*at],
        };
        let text = uncommented(&together);
        let text = if key == "keyring" {
            text.replace("# provenance = \"carry\"", "provenance = \"verify\"")
        } else {
            text
        };
        let text = if key.starts_with("url_") {
            let url = text.lines().find(|line| line.starts_with("url = ")).unwrap();
            text.replace(url, "")
        } else {
            text
        };
        let variables = [
            ("REGISTRY_PASSWORD".to_owned(), "x".to_owned()),
            ("CHARTFERRY_TOKEN".to_owned(), "x".to_owned()),
            ("NOTIFY_TOKEN".to_owned(), "Bearer x".to_owned()),
            ("NOTIFY_URL".to_owned(), "https://h.io/x".to_owned()),
        ]
        .into();
        match check_with(&text, Path::new("/nowhere/c.toml"), &variables) {
            Ok((config, _)) => assert_ne!(config, plain, "{section}.{key}"),
            // Files of the example do not exist here.
            Err(error) => {
                assert!(
                    error.problems.iter().all(|p| p.kind == ProblemKind::Outside),
                    "{section}.{key}: {error}"
                );
                assert!(
                    key.ends_with("_file") || key == "keyring",
                    "{section}.{key}: {error}"
                );
            }
        }
    }
}

#[test]
fn every_other_value_of_a_default_changes_the_configuration() {
    let plain = good(EXAMPLE);
    let lines: Vec<&str> = EXAMPLE.lines().collect();
    for Shown { key, line, .. } in shown().iter().filter(|shown| shown.form == Form::Default) {
        let other = match lines[*line].split_once(" = ").unwrap().1 {
            "\"auto\"" if key == "cloud" => "\"off\"",
            "\"auto\"" => "7",
            "\"32MiB\"" | "\"256MiB\"" | "\"100MiB\"" => "\"64MiB\"",
            "\"25s\"" | "\"60s\"" | "\"0s\"" => "\"3s\"",
            "\"1h\"" => "\"2h\"",
            "\"127.0.0.1:8080\"" => "\"[::1]:80\"",
            "\"24h\"" => "\"1h\"",
            "\"10%\"" => "\"20%\"",
            "\"off\"" => "\"vanished\"",
            "\"info\"" => "\"debug\"",
            "\"text\"" => "\"json\"",
            "\"enforce\"" | "\"carry\"" => "\"off\"",
            "\"report\"" => "\"fail\"",
            "\"bytes\"" => "\"error\"",
            "\"error\"" => "\"package\"",
            "false" => "true",
            "true" => "false",
            "{}" => "{ \"A b\" = \"a-b\" }",
            "[]" if key == "accept" => "[\"a@*\"]",
            "[\"failure\", \"drift\", \"recovery\"]" => "[\"drift\"]",
            "[]" => "[\"a\"]",
            other => panic!("{key} = {other}"),
        };
        let mut changed = lines.clone();
        let replacement = format!("{key} = {other}");
        changed[*line] = &replacement;
        let mut text = changed.join("\n");
        if key.starts_with("ecr_") {
            // They are for one kind of registry alone
            text = text.replacen("# cloud = \"auto\"", "cloud = \"aws\"", 1);
            assert!(text.contains("cloud = \"aws\""));
        }
        assert_ne!(good(&text), plain, "{replacement}");
    }
}

#[test]
fn the_committed_schema_is_the_generated_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/config.schema.json");
    let wanted = format!("{:#}\n", schema());
    if std::env::var_os("CHARTFERRY_BLESS").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == wanted,
        "`docs/config.schema.json` is stale: run this test with CHARTFERRY_BLESS=1"
    );
}

#[test]
fn the_schema_takes_the_example_and_refuses_what_the_reader_refuses() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let all: Vec<usize> = shown().iter().map(|shown| shown.line).collect();
    for text in [EXAMPLE.to_owned(), uncommented(&all)] {
        let value: serde_json::Value = toml::from_str(&text).unwrap();
        let errors: Vec<String> = validator.iter_errors(&value).map(|e| e.to_string()).collect();
        assert_eq!(errors, Vec::<String>::new());
    }
    for text in [
        format!("concurrency = 0\n{MIRROR}"),
        format!("concurrency = \"many\"\n{MIRROR}"),
        format!("state_folder = \"x\"\n{MIRROR}"),
        format!("{MIRROR}latest = 0\n"),
        format!("{MIRROR}digest = \"maybe\"\n"),
        format!("{MIRROR}min_age = \"3\"\n"),
        format!("max_index_size = \"3 parsecs\"\n{MIRROR}"),
        format!("{MIRROR}[[mirror.chart]]\nlatest = 2\n"),
        format!("{MIRROR}[[host]]\nname = \"a\"\nrequests_per_second = 0\n"),
    ] {
        let value: serde_json::Value = toml::from_str(&text).unwrap();
        assert!(!validator.is_valid(&value), "{text}");
        assert_ne!(problems(&text, &[]), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn the_environment_is_laid_over_scalars() {
    let text = format!("concurrency = 2\nlog = \"warn\"\n{MIRROR}");
    let variables = [
        ("CHARTFERRY__CONCURRENCY", "8"),
        ("chartferry__memory_budget", "64MiB"),
        ("CHARTFERRY__GRACE", "1m"),
        ("CHARTFERRY__HTTP__LISTEN", "0.0.0.0:80"),
        ("CHARTFERRY_LOG", "not ours"),
    ];
    let variables = variables.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    let (config, _) = check_with(&text, Path::new("c.toml"), &variables).unwrap();
    assert_eq!(config.concurrency, Concurrency::Fixed(8));
    assert_eq!(config.memory_budget, ByteSize(64 << 20));
    assert_eq!((config.grace.as_secs(), config.log.as_str()), (60, "warn"));
    assert_eq!(config.http.listen.to_string(), "0.0.0.0:80");
}

#[test]
fn the_environment_is_checked_as_the_file_is() {
    let found = problems(
        MIRROR,
        &[
            ("CHARTFERRY__CONCURRENCY", "0"),
            ("CHARTFERRY__LOG_FORMAT", "xml"),
            ("CHARTFERRY__MIRROR__0__NAME", "b"),
            ("CHARTFERRY__MEMORYBUDGET", "1MiB"),
            ("CHARTFERRY__STATE_FOLDER", "/x"),
            ("CHARTFERRY__HTTP__LISTEN", "8080"),
            ("CHARTFERRY__HTTP__TOKEN", "x"),
        ],
    );
    for (part, advice) in [
        ("concurrency: is out of bounds", "`CHARTFERRY__CONCURRENCY`"),
        ("log_format: `xml` does not do", "`\"json\"`"),
        ("a variable cannot change a list", "`CHARTFERRY__MIRROR__0__NAME`"),
        ("memorybudget: no such key", "`CHARTFERRY__MEMORY_BUDGET`"),
        ("state_folder: no such key", "unset the variable"),
        (
            "http.listen: is no address with a port",
            "`CHARTFERRY__HTTP__LISTEN`",
        ),
        ("http.token: no such key", "`CHARTFERRY__HTTP__TOKEN`"),
    ] {
        assert!(
            found
                .iter()
                .any(|text| text.contains(part) && text.contains(advice)),
            "{part}: {found:#?}"
        );
    }
    assert_eq!(found.len(), 7);
}

#[test]
fn an_age_is_taken_from_the_run_s_beginning() {
    let now = DateTime::parse_from_rfc3339("2026-01-31T00:00:00Z")
        .unwrap()
        .to_utc();
    for (text, wanted) in [
        ("\"2024-02-29\"", "2024-02-29T00:00:00+00:00"),
        ("2024-02-29", "2024-02-29T00:00:00+00:00"),
        ("2024-02-29T12:00:00+02:00", "2024-02-29T10:00:00+00:00"),
        ("\"30d\"", "2026-01-01T00:00:00+00:00"),
    ] {
        let config = good(&format!("{MIRROR}since = {text}\n"));
        let since = config.mirrors[0].filter.since.unwrap();
        assert_eq!(since.resolve(now).to_rfc3339(), wanted, "{text}");
    }
}

#[test]
fn relative_paths_begin_at_the_file() {
    let text = MIRROR
        .replace("https://charts.acme.io", "pages/charts")
        .replace("oci://r.io/c", "oci-layout:out");
    let (config, _) = check_with(&text, Path::new("/etc/ferry/c.toml"), &none()).unwrap();
    assert_eq!(
        config.mirrors[0].source,
        SourceConfig::Folder("/etc/ferry/pages/charts".into())
    );
    assert_eq!(
        config.mirrors[0].targets,
        [TargetConfig::Layout("/etc/ferry/out".into())]
    );
}

#[test]
fn files_that_are_no_configuration_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.toml");
    let said = |path: &Path| load(path).unwrap_err().to_string();
    assert!(said(&path).contains("cannot be read"));
    assert!(said(folder.path()).contains("is a folder"));
    std::fs::write(
        &path,
        "a = 1\nb = \"\u{e9}\"\n"
            .chars()
            .map(|c| c as u8)
            .collect::<Vec<u8>>(),
    )
    .unwrap();
    assert!(said(&path).contains("not UTF-8 text from line 2"));
    std::fs::File::create(&path).unwrap().set_len(1 << 30).unwrap();
    assert!(said(&path).contains("larger than 1 MiB"));
    std::fs::write(&path, "").unwrap();
    assert!(said(&path).contains("there is no `[[mirror]]`"));
}

#[test]
fn settings_become_rules() {
    let now = DateTime::parse_from_rfc3339("2026-01-31T00:00:00Z")
        .unwrap()
        .to_utc();
    let plain = good(MIRROR).mirrors[0].rules(now).unwrap();
    assert!(
        plain.filter.include.is_none()
            && plain.filter.exclude.is_none()
            && plain.filter.app_versions.is_none()
    );
    assert!(plain.filter.deprecated && plain.min_age.is_none());
    let text = format!(
        "{MIRROR}include = [\"a*\", \"b\"]\nversions = \">=1\"\nlatest = 3\nsince = \"30d\"\nprereleases = true\ndeprecated = false\n\
         min_age = \"3d\"\naccept = [\"a@not-semver\"]\nduplicates = \"error\"\nmismatch = \"package\"\nrename = {{ \"A b\" = \"a-b\" }}\n\
         [[mirror.chart]]\nname = \"b\"\nlatest = 1\napp_versions = [\"1.*\"]\n"
    );
    let rules = good(&text).mirrors[0].rules(now).unwrap();
    let include = rules.filter.include.unwrap();
    assert!(include.is_match("abc") && include.is_match("b") && !include.is_match("bc"));
    assert_eq!(rules.filter.versions.unwrap().to_string(), ">=1");
    assert_eq!(
        (
            rules.filter.latest,
            rules.filter.prereleases,
            rules.filter.deprecated
        ),
        (Some(3), Some(true), false)
    );
    assert_eq!(
        rules.filter.since.unwrap().to_rfc3339(),
        "2026-01-01T00:00:00+00:00"
    );
    assert_eq!(rules.min_age, Some(chrono::Duration::days(3)));
    assert!(rules.accept.covers("a", "not-semver"));
    assert_eq!(
        (rules.duplicates, rules.mismatch),
        (crate::plan::Duplicates::Error, crate::plan::Mismatch::Package)
    );
    assert_eq!(rules.rename["A b"].as_str(), "a-b");
    assert_eq!(
        (rules.charts[0].latest, rules.charts[0].versions.is_none()),
        (Some(1), true)
    );
    assert!(rules.charts[0].app_versions.as_ref().unwrap().is_match("1.4"));
}

/// Whatever the file holds, the reader says something about it and lives.
#[test]
fn cut_and_twisted_files_are_no_danger() {
    let all: Vec<usize> = shown().iter().map(|shown| shown.line).collect();
    let text = uncommented(&all);
    let ends: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    for end in ends.iter().step_by(13) {
        let _ = check_with(&text[..*end], Path::new("c.toml"), &none());
        let twisted = format!("{}]{{\"\u{0}{}", &text[..*end], &text[*end..]);
        let error = check_with(&twisted, Path::new("c.toml"), &none()).unwrap_err();
        assert!(
            error
                .problems
                .iter()
                .all(|problem| !problem.text.is_empty() && problem.snippet().is_none_or(|s| !s.is_empty()))
        );
    }
}

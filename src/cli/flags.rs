//! Flags as a configuration: what is typed becomes the text of a file with one mirror and goes through the same
//! reader. So flags and file mean the same, are checked by the same rules, and cannot drift apart.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use clap::ValueEnum;

use super::args::RunArgs;
use crate::config::{self, Config, ConfigError, Problem, StateDir};

/// The name of the only mirror; the report shows the source instead.
pub(super) const MIRROR: &str = "command-line";

/// Keys whose flag is not simply the key with dashes.
const FLAGS: [(&str, &str); 12] = [
    ("source", "SOURCE"),
    ("targets", "TARGET"),
    ("versions", "--version"),
    ("prereleases", "--devel/--no-prereleases"),
    ("deprecated", "--no-deprecated"),
    ("app_versions", "--app-version"),
    ("trusted_realms", "--trusted-realm"),
    ("pass_credentials_to", "--source-pass-credentials-to"),
    ("name", "SOURCE/TARGET"),
    ("rename", "--rename"),
    ("accept", "--accept"),
    ("run_timeout", "--run-timeout"),
];

/// The configuration that the flags spell out, and warnings.
pub(super) fn read(
    args: &RunArgs,
    source: &str,
    target: &str,
) -> Result<(Config, Vec<Problem>), ConfigError> {
    let (mut config, warnings) = config::check(&text(args, source, target), Path::new("command line"))?;
    // A variable says where files of mirrors remember, which two URLs do only if they are told to.
    config.state_dir = match &args.memory.state_dir {
        Some(path) => StateDir::At(path.clone()),
        None => StateDir::Off,
    };
    Ok((config, warnings))
}

/// The configuration that flags about a target alone spell out: its host, and no mirror.
pub(super) fn read_target(args: &RunArgs, target: &str) -> Result<(Config, Vec<Problem>), ConfigError> {
    let hosts = hosts(args, "", target).into_iter();
    let text: String = hosts.map(|host| host.text).collect();
    config::check_hosts(&text, Path::new("command line"))
}

/// A problem in terms of flags.
pub(super) fn describe(problem: &Problem, args: &RunArgs) -> String {
    // `mirror[0].rename."Old Name"`: the part below the table is the flag, what follows is its value
    let key = ["mirror[0].", "host[0].", "host[1]."]
        .iter()
        .find_map(|table| problem.key.strip_prefix(table))
        .unwrap_or(&problem.key);
    let key = key.split(['.', '[']).next().unwrap_or_default();
    if key.is_empty() {
        return problem.text.clone();
    }
    // The only other key that a problem of the command line names
    let text = problem.text.replace("`keyring`", "`--keyring`");
    let target = &args.target;
    let flag = match key {
        // These are there twice, and only what was typed can be wrong
        "ca_file" if target.ca_file.is_none() => "--source-ca-file".to_owned(),
        "cert_file" if target.cert_file.is_none() => "--source-cert-file".to_owned(),
        "key_file" if target.key_file.is_none() => "--source-key-file".to_owned(),
        key => flag(key),
    };
    format!("{flag}: {text}")
}

/// A table of the file under construction. A key is written only if it was typed, so that defaults stay where they are.
struct Table {
    text: String,
}

impl Table {
    fn new(header: &str) -> Self {
        Self {
            text: format!("{header}\n"),
        }
    }

    fn raw(&mut self, key: &str, value: impl std::fmt::Display) {
        let _ = writeln!(self.text, "{key} = {value}");
    }

    fn text(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.raw(key, quoted(value));
        }
    }

    fn path(&mut self, key: &str, value: Option<&Path>) {
        self.text(key, value.map(|path| path.to_string_lossy()).as_deref());
    }

    fn list(&mut self, key: &str, values: &[String]) {
        if !values.is_empty() {
            let values: Vec<_> = values.iter().map(|value| quoted(value)).collect();
            self.raw(key, format_args!("[{}]", values.join(", ")));
        }
    }

    fn truth(&mut self, key: &str, value: bool) {
        if value {
            self.raw(key, true);
        }
    }

    fn word<W: ValueEnum>(&mut self, key: &str, value: Option<&W>) {
        let word = value.and_then(ValueEnum::to_possible_value);
        self.text(key, word.as_ref().map(clap::builder::PossibleValue::get_name));
    }
}

/// A TOML basic string. JSON strings are the same but for DEL, which TOML wants escaped.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text)
        .to_string()
        .replace('\u{7f}', "\\u007F")
}

fn text(args: &RunArgs, source: &str, target: &str) -> String {
    let mut text = state_dir(args).text;
    text.push_str(&limits(args).text);
    for host in hosts(args, source, target) {
        text.push_str(&host.text);
    }
    text.push_str(&mirror(args, source, target).text);
    text
}

/// Two URLs are no mirror of which something is remembered, unless somebody asks for it.
fn state_dir(args: &RunArgs) -> Table {
    let mut table = Table::new("# what is remembered");
    table.path(
        "state_dir",
        Some(args.memory.state_dir.as_deref().unwrap_or(Path::new("off"))),
    );
    table
}

fn limits(args: &RunArgs) -> Table {
    let limits = &args.limits;
    let mut table = Table::new("# what was typed");
    if let Some(concurrency) = limits.concurrency {
        table.raw("concurrency", concurrency);
    }
    let sizes = [
        ("memory_budget", limits.memory_budget),
        ("max_index_size", limits.max_index_size),
        ("max_package_size", limits.max_package_size),
    ];
    for (key, size) in sizes {
        table.text(key, size.map(|size| format!("{}B", size.0)).as_deref());
    }
    table.text("grace", limits.grace.as_deref());
    table
}

/// One table per host. Where source and target are one host, one table says it for both.
fn hosts(args: &RunArgs, source: &str, target: &str) -> Vec<Table> {
    let mut by_name: BTreeMap<String, Table> = BTreeMap::new();
    let mut table = |name: &str| -> Option<String> {
        by_name.entry(name.to_owned()).or_insert_with(|| {
            let mut table = Table::new("[[host]]");
            table.text("name", Some(name));
            table
        });
        Some(name.to_owned())
    };
    let target_host = target
        .strip_prefix("oci://")
        .and_then(|rest| rest.split('/').next())
        .and_then(&mut table);
    let source_host = source_host(source).as_deref().and_then(&mut table);
    if let Some(table) = target_host.and_then(|name| by_name.get_mut(&name)) {
        let target = &args.target;
        table.truth("plain_http", target.plain_http);
        table.truth("insecure_skip_tls_verify", target.insecure_skip_tls_verify);
        table.path("ca_file", target.ca_file.as_deref());
        table.path("cert_file", target.cert_file.as_deref());
        table.path("key_file", target.key_file.as_deref());
        table.list("trusted_realms", &target.trusted_realm);
    }
    if let Some(table) = source_host.and_then(|name| by_name.get_mut(&name)) {
        let source = &args.source;
        table.truth("insecure_skip_tls_verify", source.source_insecure_skip_tls_verify);
        table.path("ca_file", source.source_ca_file.as_deref());
        table.path("cert_file", source.source_cert_file.as_deref());
        table.path("key_file", source.source_key_file.as_deref());
        table.list("pass_credentials_to", &source.source_pass_credentials_to);
        table.list("allow_private", &source.allow_private);
    }
    by_name.into_values().collect()
}

/// `host[:port]` of a repository URL.
pub(super) fn source_host(source: &str) -> Option<String> {
    let url = url::Url::parse(source)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let host = url.host_str()?;
    Some(match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    })
}

fn mirror(args: &RunArgs, source: &str, target: &str) -> Table {
    let (filters, trust) = (&args.filters, &args.trust);
    let mut table = Table::new("[[mirror]]");
    table.text("name", Some(MIRROR));
    table.text("source", Some(source));
    table.list("targets", &[target.to_owned()]);
    table.list("include", &filters.include);
    table.list("exclude", &filters.exclude);
    table.text("versions", filters.versions.as_deref());
    if let Some(latest) = filters.latest {
        table.raw("latest", latest);
    }
    table.text("since", filters.since.as_deref());
    if filters.devel || filters.no_prereleases {
        table.raw("prereleases", filters.devel);
    }
    if filters.no_deprecated {
        table.raw("deprecated", false);
    }
    table.list("app_versions", &filters.app_version);
    table.word("digest", trust.digest.as_ref());
    table.word("provenance", trust.provenance.as_ref());
    table.path("keyring", trust.keyring.as_deref());
    table.word("drift", trust.drift.as_ref());
    table.truth("check_drift", trust.check_drift);
    table.text("min_age", trust.min_age.as_deref());
    table.list("accept", &trust.accept);
    table.word("duplicates", trust.duplicates.as_ref());
    table.word("mismatch", trust.mismatch.as_ref());
    table.truth("create_repositories", trust.create_repositories);
    table.text("run_timeout", args.limits.run_timeout.as_deref());
    renames(&mut table, &trust.rename);
    table
}

/// `OLD=NEW`; without `=` the value is left empty and the reader says what a name must look like.
fn renames(table: &mut Table, renames: &[String]) {
    if renames.is_empty() {
        return;
    }
    let pairs: Vec<_> = renames
        .iter()
        .map(|rename| {
            let (old, new) = rename.split_once('=').unwrap_or((rename, ""));
            format!("{} = {}", quoted(old), quoted(new))
        })
        .collect();
    table.raw("rename", format_args!("{{ {} }}", pairs.join(", ")));
}

/// Refuses flags that would have no effect on this target.
pub(super) fn check_target_use(args: &RunArgs, target: &str) -> anyhow::Result<()> {
    if let Some(flag) = target_flag(args).filter(|_| target.starts_with("oci-layout:")) {
        anyhow::bail!("`{flag}` is about a registry, and `{target}` is none");
    }
    Ok(())
}

/// Refuses flags that would have no effect on this source and target.
pub(super) fn check_use(args: &RunArgs, source: &str, target: &str) -> anyhow::Result<()> {
    check_target_use(args, target)?;
    if source_host(source).is_some() {
        return Ok(());
    }
    // Any index may name URLs, so the address rules are of use everywhere.
    let mut given = source_flags(args).filter(|flag| *flag != "--allow-private");
    if !source.starts_with("helm:") {
        if let Some(flag) = given.next() {
            anyhow::bail!("`{flag}` is about a source on a web server, and `{source}` is none");
        }
    } else if let Some(flag) = given.find(|flag| *flag != "--source-username") {
        anyhow::bail!("`{flag}` has no effect on `{source}`: `helm repo add` wrote down how to reach it");
    }
    Ok(())
}

/// What `--allow-private` says where there is no `[[host]]` to say it for: the source is a folder, or one of Helm's.
pub(super) fn allowed_everywhere(args: &RunArgs) -> &[String] {
    match args.operands.first() {
        Some(source) if args.config.is_none() && source_host(source).is_none() => &args.source.allow_private,
        _ => &[],
    }
}

/// A flag that says what the file of `--config` says for each mirror and host. `--check-drift` is not one: it asks for
/// one thorough run of what the file describes.
pub(super) fn given_beside_a_file(args: &RunArgs) -> Option<String> {
    if let Some(flag) = target_flag(args).or_else(|| source_flags(args).next()) {
        return Some(flag.to_owned());
    }
    if args.memory.state_dir.is_some() {
        return Some("--state-dir".to_owned());
    }
    let texts = [limits(args).text, mirror(args, "", "").text];
    let mut keys = texts
        .iter()
        .flat_map(|text| text.lines())
        .filter_map(|line| line.split_once(" = "));
    let (key, _) = keys.find(|(key, _)| !["name", "source", "targets", "check_drift"].contains(key))?;
    Some(flag(key))
}

fn target_flag(args: &RunArgs) -> Option<&'static str> {
    let target = &args.target;
    let given = [
        (target.plain_http, "--plain-http"),
        (target.insecure_skip_tls_verify, "--insecure-skip-tls-verify"),
        (target.ca_file.is_some(), "--ca-file"),
        (target.cert_file.is_some(), "--cert-file"),
        (target.key_file.is_some(), "--key-file"),
        (target.username.is_some(), "--username"),
        (target.registry_config.is_some(), "--registry-config"),
        (!target.trusted_realm.is_empty(), "--trusted-realm"),
    ];
    given.into_iter().find_map(|(given, flag)| given.then_some(flag))
}

fn source_flags(args: &RunArgs) -> impl Iterator<Item = &'static str> {
    let source = &args.source;
    let given = [
        (source.source_username.is_some(), "--source-username"),
        (
            source.source_insecure_skip_tls_verify,
            "--source-insecure-skip-tls-verify",
        ),
        (source.source_ca_file.is_some(), "--source-ca-file"),
        (source.source_cert_file.is_some(), "--source-cert-file"),
        (source.source_key_file.is_some(), "--source-key-file"),
        (
            !source.source_pass_credentials_to.is_empty(),
            "--source-pass-credentials-to",
        ),
        (!source.allow_private.is_empty(), "--allow-private"),
    ];
    given
        .into_iter()
        .filter_map(|(given, flag)| given.then_some(flag))
}

fn flag(key: &str) -> String {
    match FLAGS.iter().find(|(name, _)| *name == key) {
        Some((_, flag)) => (*flag).to_owned(),
        None => format!("--{}", key.replace('_', "-")),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::super::args::{Cli, Command};
    use super::*;

    fn parse(line: &[&str]) -> RunArgs {
        let words = ["chartferry", "migrate"].iter().chain(line);
        match Cli::try_parse_from(words).unwrap().command {
            Command::Migrate(args) => *args,
            other => panic!("{other:?}"),
        }
    }

    fn config(line: &[&str]) -> Result<Config, Vec<String>> {
        let args = parse(line);
        match read(&args, "https://charts.acme.io", "oci://r.acme.io/charts") {
            Ok((config, _)) => Ok(config),
            Err(error) => Err(error
                .problems
                .iter()
                .map(|problem| describe(problem, &args))
                .collect()),
        }
    }

    #[test]
    fn flags_are_a_file_with_one_mirror() {
        let config = config(&["--version", ">=1 \"x\"", "--plain-http"]);
        let problems = config.unwrap_err();
        assert!(problems[0].starts_with("--version: "), "{problems:?}");
    }

    #[test]
    fn what_is_typed_arrives() {
        let config = config(&[
            "--include",
            "a*",
            "--latest",
            "3",
            "--devel",
            "--min-age",
            "3d",
            "--rename",
            "Big One=big-one",
            "--digest",
            "warn",
            "--memory-budget",
            "1MiB",
            "--no-deprecated",
            "--source-pass-credentials-to",
            "cdn.acme.io",
        ])
        .unwrap();
        let mirror = &config.mirrors[0];
        assert_eq!(
            (mirror.include.as_slice(), mirror.filter.latest),
            (["a*".to_owned()].as_slice(), Some(3))
        );
        assert_eq!(
            (mirror.filter.prereleases, mirror.filter.deprecated),
            (Some(true), Some(false))
        );
        assert_eq!(mirror.rename["Big One"].as_str(), "big-one");
        assert_eq!(config.memory_budget.0, 1 << 20);
        assert_eq!(config.hosts.len(), 2);
    }

    #[test]
    fn only_output_goes_with_a_file() {
        assert_eq!(given_beside_a_file(&parse(&["-c", "f", "-o", "json"])), None);
        for (line, flag) in [
            (["-c", "f", "--latest", "1"], "--latest"),
            (["-c", "f", "--username", "u"], "--username"),
            (["-c", "f", "--grace", "1s"], "--grace"),
            (["-c", "f", "--version", "1.x"], "--version"),
        ] {
            assert_eq!(given_beside_a_file(&parse(&line)).as_deref(), Some(flag));
        }
    }

    #[test]
    fn a_flag_without_effect_is_refused() {
        let args = parse(&["--plain-http"]);
        assert!(check_use(&args, "dir", "oci-layout:x").is_err());
        assert!(check_use(&args, "dir", "oci://r.io").is_ok());
        let args = parse(&["--source-username", "u"]);
        assert!(check_use(&args, "dir", "oci://r.io").is_err());
        assert!(check_use(&args, "helm:a", "oci://r.io").is_ok());
        let args = parse(&["--source-username", "u", "--source-ca-file", "f"]);
        assert!(check_use(&args, "helm:a", "oci://r.io").is_err());
        assert!(check_use(&args, "https://a.io", "oci://r.io").is_ok());
    }

    #[test]
    fn a_source_without_a_host_has_its_address_rules_too() {
        for (source, rules) in [("dir", 1), ("helm:a", 1), ("https://a.io", 0)] {
            let args = parse(&[source, "oci://r.io", "--allow-private", "10.0.0.0/8"]);
            assert!(check_use(&args, source, "oci://r.io").is_ok(), "{source}");
            assert_eq!(allowed_everywhere(&args).len(), rules, "{source}");
        }
    }
}

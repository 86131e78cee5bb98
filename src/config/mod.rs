//! The configuration file: TOML and environment in, checked values out.
//!
//! Everything that is wrong is said at once, with line and column, before any network traffic (product 11):
//!
//! ```text
//! text --tree--> Node --env--> Node --fields(keys)--> sound values --host, mirror, across--> Config
//! ```
//!
//! `keys` is the one truth: reader, JSON Schema and the tests of `config.example.toml` follow it. Nobody below the
//! commands sees this module: they turn its values into the options of the modules that do the work.

mod across;
mod check;
mod env;
mod fields;
mod host;
pub mod keys;
mod kind;
mod login;
mod memory;
mod mirror;
mod notify;
mod pem;
mod problem;
mod rules;
mod schema;
mod service;
mod settings;
mod tree;
mod values;

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use chrono::{DateTime, Utc};

use fields::Fields;
use keys::GLOBAL;
use problem::{At, Problems};
pub use problem::{ConfigError, Kind as ProblemKind, Problem};
pub use rules::RulesError;
pub use schema::schema;
pub use settings::{
    ChartConfig, CloudLogin, Concurrency, Config, DigestPolicy, DriftPolicy, DuplicatesPolicy, FilterConfig,
    HostConfig, HttpConfig, LeaseConfig, LogFormat, Login, MirrorConfig, MismatchPolicy, NewRepositories,
    NotifyConfig, NotifyUrl, ProvenancePolicy, PrunePolicy, SecretAt, Since, SourceConfig, StateDir,
    TargetConfig, TrustInMemory,
};
use tree::{Entry, Node};

/// The example file, which documents every key.
pub const EXAMPLE: &str = include_str!("../../config.example.toml");

/// A larger file is no configuration, but a file given by mistake (reliability B57).
const MAX_BYTES: u64 = 1 << 20;

/// What the check of a file looks at besides the file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Surroundings<'a> {
    /// Relative paths begin here: the folder of the file.
    folder: &'a Path,
    /// The environment.
    variables: &'a BTreeMap<String, String>,
    /// Certificates end.
    now: DateTime<Utc>,
    /// A text without any mirror is of no use.
    needs_mirror: bool,
}

/// Reads and checks a file with the environment of the process over it.
pub fn load(path: &Path) -> Result<(Config, Vec<Problem>), ConfigError> {
    let text = read(path).map_err(|text| ConfigError {
        problems: vec![Problem::of_file(path, text)],
        warnings: Vec::new(),
    })?;
    check(&text, path)
}

/// Checks a text as if it stood in the file `path`, with the environment of the process over it.
pub fn check(text: &str, path: &Path) -> Result<(Config, Vec<Problem>), ConfigError> {
    check_with(text, path, &variables())
}

/// As [`check`], for who needs the hosts and no mirror.
pub fn check_hosts(text: &str, path: &Path) -> Result<(Config, Vec<Problem>), ConfigError> {
    read_text(text, path, &variables(), false)
}

fn variables() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// As [`check`], with this environment.
pub fn check_with(
    text: &str,
    path: &Path,
    variables: &BTreeMap<String, String>,
) -> Result<(Config, Vec<Problem>), ConfigError> {
    read_text(text, path, variables, true)
}

fn read_text(
    text: &str,
    path: &Path,
    variables: &BTreeMap<String, String>,
    needs_mirror: bool,
) -> Result<(Config, Vec<Problem>), ConfigError> {
    // Empty for a file here: what is typed relative is shown as it was typed
    let folder = path.parent().unwrap_or(Path::new(""));
    let near = Surroundings {
        folder,
        variables,
        now: Utc::now(),
        needs_mirror,
    };
    let mut problems = Problems::new(text, path);
    let config = match tree::parse(text, &mut problems) {
        Some(mut entries) => {
            env::overlay(&mut entries, variables, &mut problems);
            build(&entries, &near, &mut problems)
        }
        None => Config::default(),
    };
    Ok((config, problems.finish()?))
}

fn read(path: &Path) -> Result<String, String> {
    let failed = |error: std::io::Error| format!("cannot be read ({error}); correct the path");
    let file = std::fs::File::open(path).map_err(failed)?;
    if file.metadata().map_err(failed)?.is_dir() {
        return Err("is a folder; give the file".into());
    }
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err("is larger than 1 MiB and so no configuration file; correct the path".into());
    }
    String::from_utf8(bytes).map_err(|error| {
        let line = error.as_bytes()[..error.utf8_error().valid_up_to()]
            .split(|b| *b == b'\n')
            .count();
        format!("is not UTF-8 text from line {line} on; save it as UTF-8")
    })
}

/// The checked values; where a problem was taken down they do not matter.
fn build(entries: &[Entry], near: &Surroundings<'_>, problems: &mut Problems<'_>) -> Config {
    let top = Fields::read(&GLOBAL, String::new(), At::File, entries, problems);
    let default = Config::default();
    let log = top.get::<&str>("log").and_then(|log| {
        values::log(log.value)
            .map_err(|text| log.refuse(problems, ProblemKind::Value, text))
            .ok()
    });
    let hosts = tables(&top, "host", near, problems, host::read);
    across::hosts(&hosts, problems);
    let mirrors = tables(&top, "mirror", near, problems, mirror::read);
    across::mirrors(&mirrors, problems);
    across::levels(&mirrors, &hosts, problems);
    let state_dir = memory::state_dir(&top, near, problems);
    memory::check(&state_dir, &mirrors, problems);
    let receivers = tables(&top, "notify", near, problems, notify::read);
    notify::across(&receivers, &mirrors, problems);
    if near.needs_mirror && !top.has("mirror") {
        problems.refuse(
            &At::File,
            "mirror",
            ProblemKind::Missing,
            "there is no `[[mirror]]`, so nothing to do; add one",
        );
    }
    Config {
        concurrency: top.get_or("concurrency", default.concurrency),
        memory_budget: top.get_or("memory_budget", default.memory_budget),
        max_index_size: top.get_or("max_index_size", default.max_index_size),
        max_package_size: top.get_or("max_package_size", default.max_package_size),
        grace: top.get_or("grace", default.grace),
        state_dir,
        reconcile_every: top.get_or("reconcile_every", default.reconcile_every),
        log: log.unwrap_or(default.log),
        log_format: if top.get_or("log_format", "text") == "json" {
            LogFormat::Json
        } else {
            LogFormat::Text
        },
        http: table(&top, "http", problems)
            .map_or(default.http, |fields| service::http(&fields, near, problems)),
        lease: table(&top, "lease", problems).and_then(|fields| service::lease(&fields, problems)),
        hosts: hosts.into_iter().map(|(_, host)| host).collect(),
        mirrors: mirrors.into_iter().map(|(_, mirror)| mirror).collect(),
        notify: receivers.into_iter().map(|(_, receiver)| receiver).collect(),
    }
}

/// A table that is no list, if the file has it.
fn table<'a>(top: &Fields<'a>, key: &'static str, problems: &mut Problems<'_>) -> Option<Fields<'a>> {
    let Some(keys::Kind::Table(section)) = GLOBAL.key(key).map(|key| key.kind) else {
        return None;
    };
    let (node, entries) = top.get::<(&'a Node, &'a [Entry])>(key)?.value;
    Some(Fields::read(
        section,
        key.into(),
        node.at.clone(),
        entries,
        problems,
    ))
}

/// All tables of a list that could be read, with their fields for the rules across them.
fn tables<'a, T>(
    top: &Fields<'a>,
    key: &'static str,
    near: &Surroundings<'_>,
    problems: &mut Problems<'_>,
    read: impl Fn(&Fields<'a>, &Surroundings<'_>, &mut Problems<'_>) -> Option<T>,
) -> Vec<(Fields<'a>, T)> {
    let Some(keys::Kind::Tables(section)) = GLOBAL.key(key).map(|key| key.kind) else {
        return Vec::new();
    };
    let found = top
        .get::<Vec<(&'a Node, &'a [Entry])>>(key)
        .map(|found| found.value)
        .unwrap_or_default();
    let mut out = Vec::with_capacity(found.len());
    for (index, (node, entries)) in found.into_iter().enumerate() {
        let fields = Fields::read(
            section,
            format!("{key}[{index}]"),
            node.at.clone(),
            entries,
            problems,
        );
        if let Some(value) = read(&fields, near, problems) {
            out.push((fields, value));
        }
    }
    out
}

#[cfg(test)]
mod tests;

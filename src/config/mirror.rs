//! `[[mirror]]`: a source, its targets and the rules between them.

use std::collections::{BTreeMap, BTreeSet};

use super::fields::{Fields, Located};
use super::host::list;
use super::keys::CHART;
use super::problem::{Kind, Problems};
use super::settings::{
    ChartConfig, DigestPolicy, DriftPolicy, DuplicatesPolicy, FilterConfig, MirrorConfig, MismatchPolicy,
    ProvenancePolicy, Since, SourceConfig, TargetConfig,
};
use super::tree::{Entry, Node};
use super::{Surroundings, across, memory, service, values};
use crate::types::ChartName;

/// Reads one table; `None` if name, source or targets are not usable.
pub(super) fn read(
    fields: &Fields<'_>,
    near: &Surroundings<'_>,
    problems: &mut Problems<'_>,
) -> Option<MirrorConfig> {
    let name = text(fields, "name", values::mirror_name, problems);
    let source = text(
        fields,
        "source",
        |text| values::source(text, near.folder),
        problems,
    );
    let targets = targets(fields, near, source.as_ref(), problems);
    let include = list(fields, "include", values::glob, problems);
    let exclude = globs_left_out(fields, &include, problems);
    let filter = filter(fields, problems);
    let charts = charts(fields, problems);
    let rename = rename(fields, problems);
    let accept = list(fields, "accept", values::accepted, problems);
    let provenance = word(fields, "provenance", ProvenancePolicy::from_word);
    let keyring = keyring(fields, provenance, near, problems);
    let schedule = service::schedule(fields, problems);
    let default = MirrorConfig::new(name?, source?, targets?);
    let mirror = MirrorConfig {
        include,
        exclude,
        filter: FilterConfig {
            deprecated: filter.deprecated.or(default.filter.deprecated),
            app_versions: filter.app_versions.or(default.filter.app_versions),
            ..filter
        },
        charts,
        digest: word(fields, "digest", DigestPolicy::from_word).unwrap_or(default.digest),
        provenance: provenance.unwrap_or(default.provenance),
        keyring,
        drift: word(fields, "drift", DriftPolicy::from_word).unwrap_or(default.drift),
        check_drift: fields.get_or("check_drift", default.check_drift),
        min_age: fields.get_or("min_age", default.min_age),
        accept,
        duplicates: word(fields, "duplicates", DuplicatesPolicy::from_word).unwrap_or(default.duplicates),
        mismatch: word(fields, "mismatch", MismatchPolicy::from_word).unwrap_or(default.mismatch),
        rename,
        create_repositories: fields.get_or("create_repositories", default.create_repositories),
        run_timeout: fields.get("run_timeout").map(|time| time.value),
        schedule: schedule.unwrap_or(default.schedule),
        jitter: fields.get_or("jitter", default.jitter),
        memory: memory::of_mirror(fields, default.memory, problems),
        ..default
    };
    // Globs that are sound one by one may be too much together.
    if let Err(error) = mirror.rules(near.now) {
        fields
            .place("name")
            .refuse(problems, Kind::Value, error.to_string());
    }
    Some(mirror)
}

fn text<T>(
    fields: &Fields<'_>,
    key: &str,
    read: impl Fn(&str) -> Result<T, String>,
    problems: &mut Problems<'_>,
) -> Option<T> {
    let found = fields.get::<&str>(key)?;
    if found.value.is_empty() {
        found.refuse(problems, Kind::Value, "is empty; give a value or remove the key");
        return None;
    }
    read(found.value)
        .map_err(|text| found.refuse(problems, Kind::Value, text))
        .ok()
}

fn word<T>(fields: &Fields<'_>, key: &str, read: impl Fn(&str) -> Option<T>) -> Option<T> {
    fields.get::<&str>(key).and_then(|found| read(found.value))
}

/// All targets; none twice and none the source itself (reliability B58).
fn targets(
    fields: &Fields<'_>,
    near: &Surroundings<'_>,
    source: Option<&SourceConfig>,
    problems: &mut Problems<'_>,
) -> Option<Vec<TargetConfig>> {
    let found = fields.get::<Vec<Located<&str>>>("targets")?;
    if found.value.is_empty() {
        found.refuse(problems, Kind::Value, "is empty; give at least one target");
        return None;
    }
    let mut out = Vec::new();
    let mut seen = BTreeMap::new();
    for member in &found.value {
        let target = match values::target(member.value, near.folder) {
            Ok(target) => target,
            Err(text) => {
                member.refuse(problems, Kind::Value, text);
                continue;
            }
        };
        if let Some(first) = seen.insert(across::target_identity(&target), member.key.clone()) {
            member.refuse(
                problems,
                Kind::Conflict,
                format!("is the same target as `{first}`; remove one of them"),
            );
            continue;
        }
        if source.is_some_and(|source| across::is_source(&target, source)) {
            member.refuse(
                problems,
                Kind::Conflict,
                "is the source itself; give another folder",
            );
            continue;
        }
        out.push(target);
    }
    (out.len() == found.value.len()).then_some(out)
}

/// `exclude`; a glob that `include` has too would leave nothing of it.
fn globs_left_out(fields: &Fields<'_>, include: &[String], problems: &mut Problems<'_>) -> Vec<String> {
    for member in fields
        .get::<Vec<Located<&str>>>("exclude")
        .map(|found| found.value)
        .unwrap_or_default()
    {
        if include.iter().any(|glob| glob == member.value) {
            member.refuse(
                problems,
                Kind::Conflict,
                "stands in `include` as well; remove one of them",
            );
        }
    }
    list(fields, "exclude", values::glob, problems)
}

fn filter(fields: &Fields<'_>, problems: &mut Problems<'_>) -> FilterConfig {
    FilterConfig {
        versions: text(fields, "versions", values::range, problems),
        latest: fields
            .get::<u64>("latest")
            .and_then(|n| usize::try_from(n.value).ok()),
        since: fields.get::<Since>("since").map(|since| since.value),
        prereleases: fields.get("prereleases").map(|found| found.value),
        deprecated: fields.get("deprecated").map(|found| found.value),
        app_versions: fields
            .has("app_versions")
            .then(|| list(fields, "app_versions", values::glob, problems)),
    }
}

fn charts(fields: &Fields<'_>, problems: &mut Problems<'_>) -> Vec<ChartConfig> {
    let tables = fields
        .get::<Vec<(&Node, &[Entry])>>("chart")
        .map(|found| found.value)
        .unwrap_or_default();
    let mut out = Vec::new();
    let mut seen = BTreeSet::new();
    for (index, (node, entries)) in tables.into_iter().enumerate() {
        let path = fields.path_of(&format!("chart[{index}]")).replace('"', "");
        let chart = Fields::read(&CHART, path, node.at.clone(), entries, problems);
        let name = text(&chart, "name", |name| Ok(name.to_owned()), problems);
        let filter = filter(&chart, problems);
        if chart
            .get::<Vec<Located<&str>>>("app_versions")
            .is_some_and(|found| found.value.is_empty())
        {
            let text = "is empty; give globs, such as `[\"*\"]`, or remove it";
            chart.place("app_versions").refuse(problems, Kind::Value, text);
        }
        let Some(name) = name else { continue };
        if !seen.insert(name.clone()) {
            chart.place("name").refuse(
                problems,
                Kind::Conflict,
                "has a table already; make one of the two",
            );
        }
        out.push(ChartConfig { name, filter });
    }
    out
}

/// `rename`; two charts in one repository would overwrite each other.
fn rename(fields: &Fields<'_>, problems: &mut Problems<'_>) -> BTreeMap<String, ChartName> {
    let pairs = fields
        .get::<Vec<(Located<&str>, Located<&str>)>>("rename")
        .map(|found| found.value)
        .unwrap_or_default();
    let mut out = BTreeMap::new();
    let mut taken: BTreeMap<&str, &str> = BTreeMap::new();
    for (from, to) in &pairs {
        match ChartName::new(to.value) {
            Err(_) => to.refuse(
                problems,
                Kind::Value,
                "cannot be a repository name; give lower-case letters and digits joined by `.`, `_`, `__` or `-`",
            ),
            Ok(_) if from.value == to.value => {
                to.refuse(
                    problems,
                    Kind::Conflict,
                    "renames a chart to its own name; remove it",
                );
            }
            Ok(name) => {
                if let Some(other) = taken.insert(to.value, from.value) {
                    let text = format!(
                        "is the new name of `{}` as well; give each its own",
                        other.escape_debug()
                    );
                    to.refuse(problems, Kind::Conflict, text);
                }
                out.insert(from.value.to_owned(), name);
            }
        }
    }
    for (_, to) in &pairs {
        if fields.get::<Vec<Located<&str>>>("include").is_some_and(|list| {
            list.value.iter().any(|glob| glob.value == to.value) && !out.contains_key(to.value)
        }) {
            to.refuse(
                problems,
                Kind::Conflict,
                "is the name of another chart of `include`; give the renamed one another",
            );
        }
    }
    out
}

/// A keyring exactly where signatures are checked.
fn keyring(
    fields: &Fields<'_>,
    provenance: Option<ProvenancePolicy>,
    near: &Surroundings<'_>,
    problems: &mut Problems<'_>,
) -> Option<std::path::PathBuf> {
    let checks = matches!(
        provenance,
        Some(ProvenancePolicy::Verify | ProvenancePolicy::Require)
    );
    if checks && !cfg!(feature = "verify") {
        let text = "this build cannot check signatures; use `carry`, or a build with the feature `verify`";
        fields.place("provenance").refuse(problems, Kind::Conflict, text);
    }
    if checks && !fields.has("keyring") {
        let text = "needs `keyring`, a file of public keys, to check signatures; add it";
        fields.place("provenance").refuse(problems, Kind::Conflict, text);
    }
    // A `provenance` that was refused may have meant to check.
    if !checks && fields.has("keyring") && (provenance.is_some() || !fields.has("provenance")) {
        let text =
            "is used with `provenance = \"verify\"` or `\"require\"` only; set one of these or remove it";
        fields.place("keyring").refuse(problems, Kind::Conflict, text);
    }
    let found = fields.get::<&str>("keyring")?;
    match values::path(found.value, near.folder).and_then(readable) {
        Ok(path) => Some(path),
        Err(text) => {
            found.refuse(problems, Kind::Outside, text);
            None
        }
    }
}

fn readable(path: std::path::PathBuf) -> Result<std::path::PathBuf, String> {
    let shown = path.display();
    let metadata = std::fs::File::open(&path).and_then(|file| file.metadata());
    match metadata {
        Err(error) => Err(format!("`{shown}` cannot be read ({error}); correct the path")),
        Ok(metadata) if metadata.is_dir() => {
            Err(format!("`{shown}` is a folder; give a file of public keys"))
        }
        Ok(metadata) if metadata.is_file() && metadata.len() == 0 => {
            Err(format!("`{shown}` is empty; give a file of public keys"))
        }
        Ok(_) => Ok(path),
    }
}

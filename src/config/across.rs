//! Rules across the tables of a file: names used twice, hosts listed twice, targets that are one place.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use super::fields::Fields;
use super::problem::{Kind, Problems};
use super::settings::{HostConfig, MirrorConfig, SourceConfig, TargetConfig};
use crate::types::{RegistryHost, RegistryKind};

/// What two targets have in common that are the same place.
pub(super) fn target_identity(target: &TargetConfig) -> String {
    match target {
        TargetConfig::Layout(path) => format!("oci-layout:{}", plain(path).display()),
        TargetConfig::Oci(target) => {
            let prefix = target.prefix.as_ref().map_or("", |prefix| prefix.as_str());
            format!("oci://{}/{prefix}", host_identity(&target.host, false))
        }
    }
}

/// True if charts would be written where they are read.
pub(super) fn is_source(target: &TargetConfig, source: &SourceConfig) -> bool {
    match (target, source) {
        (TargetConfig::Layout(to), SourceConfig::Layout(from) | SourceConfig::Folder(from)) => {
            plain(to) == plain(from)
        }
        _ => false,
    }
}

/// Docker Hub has three names, and the default port may be written or not.
fn host_identity(host: &RegistryHost, plain_http: bool) -> String {
    let host = host.api_host();
    host.strip_suffix(if plain_http { ":80" } else { ":443" })
        .unwrap_or(host)
        .to_owned()
}

/// The path without `.` and `..`; links are resolved as far as the path exists.
fn plain(path: &Path) -> PathBuf {
    if let Ok(path) = path.canonicalize() {
        return path;
    }
    let path = std::path::absolute(path).unwrap_or_else(|_| path.into());
    path.components().fold(PathBuf::new(), |mut out, part| {
        match part {
            Component::ParentDir => {
                out.pop();
            }
            Component::CurDir => {}
            part => out.push(part),
        }
        out
    })
}

/// A host that is listed twice would have two logins.
pub(super) fn hosts(hosts: &[(Fields<'_>, HostConfig)], problems: &mut Problems<'_>) {
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for (fields, host) in hosts {
        if let Some(first) = seen.insert(host_identity(&host.name, host.plain_http), &fields.path) {
            let text = format!("is the same host as that of `{first}`; make one table of the two");
            fields.place("name").refuse(problems, Kind::Conflict, text);
        }
    }
}

/// A path that cannot hold charts at its registry is found out before the registry answers something misleading.
pub(super) fn levels(
    mirrors: &[(Fields<'_>, MirrorConfig)],
    hosts: &[(Fields<'_>, HostConfig)],
    problems: &mut Problems<'_>,
) {
    for (fields, mirror) in mirrors {
        for target in &mirror.targets {
            let TargetConfig::Oci(target) = target else {
                continue;
            };
            let same = |host: &HostConfig| {
                host_identity(&host.name, host.plain_http) == host_identity(&target.host, host.plain_http)
            };
            let host = hosts.iter().map(|(_, host)| host).find(|host| same(host));
            let kind = host
                .and_then(|host| host.kind)
                .or_else(|| RegistryKind::of_host(&target.host));
            if let Some(Err(text)) = kind.map(|kind| kind.check_target(target)) {
                fields.place("targets").refuse(problems, Kind::Value, text);
            }
        }
    }
}

/// The command line and reports know a mirror by its name.
pub(super) fn mirrors(mirrors: &[(Fields<'_>, MirrorConfig)], problems: &mut Problems<'_>) {
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for (fields, mirror) in mirrors {
        if let Some(first) = seen.insert(mirror.name.to_ascii_lowercase(), &fields.path) {
            let text = format!("is the name of `{first}` as well; give each mirror its own");
            fields.place("name").refuse(problems, Kind::Conflict, text);
        }
    }
}

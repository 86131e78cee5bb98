//! `[[host]]`: login, TLS and limits of one host.

use super::fields::{Fields, Located};
use super::problem::{Kind, Problems};
use super::settings::{CloudLogin, HostConfig, NewRepositories};
use super::{Surroundings, login, pem, values};
use crate::secret;
use crate::types::{RegistryHost, RegistryKind};

/// Reads one table; `None` if it has no usable name.
pub(super) fn read(
    fields: &Fields<'_>,
    near: &Surroundings<'_>,
    problems: &mut Problems<'_>,
) -> Option<HostConfig> {
    let name = fields.get::<&str>("name").and_then(|name| {
        values::host(name.value)
            .map_err(|text| name.refuse(problems, Kind::Value, text))
            .ok()
    });
    let login = login::read(fields, near, problems);
    tls(fields, problems);
    let mut file = |key| path(fields, key, near, problems);
    let (ca_file, cert_file, key_file) = (file("ca_file"), file("cert_file"), file("key_file"));
    for certificates in [&ca_file, &cert_file].into_iter().flatten() {
        match pem::certificates(&certificates.value, near.now) {
            Ok(None) => {}
            Ok(Some(text)) => certificates.warn(problems, Kind::Outside, text),
            Err(text) => certificates.refuse(problems, Kind::Outside, text),
        }
    }
    if let Some(key) = &key_file {
        if let Err(text) = pem::private_key(&key.value) {
            key.refuse(problems, Kind::Outside, text);
        } else if secret::is_world_readable(&key.value) {
            key.warn(problems, Kind::Outside, login::world_readable(&key.value));
        }
    }
    let mut hosts = |key| list(fields, key, values::host, problems);
    let (trusted_realms, pass_credentials_to) = (hosts("trusted_realms"), hosts("pass_credentials_to"));
    let allow_private = list(fields, "allow_private", values::private, problems);
    let cloud = cloud(fields, login.is_some(), problems);
    let default = HostConfig::new(name?);
    if login.is_some() && fields.get_or("plain_http", false) && !is_local(&default.name) {
        let place = fields.place("plain_http");
        place.warn(
            problems,
            Kind::Conflict,
            "sends the login without encryption; use it in trusted networks only",
        );
    }
    let kind = fields.get::<&str>("kind");
    let kind = kind.and_then(|kind| RegistryKind::from_word(kind.value));
    let at_ecr = kind.or_else(|| RegistryKind::of_host(&default.name)) == Some(RegistryKind::Ecr)
        || cloud == Some(CloudLogin::Aws);
    Some(HostConfig {
        kind,
        new_repositories: new_repositories(fields, at_ecr, problems),
        login,
        cloud: cloud.unwrap_or(default.cloud),
        plain_http: fields.get_or("plain_http", default.plain_http),
        insecure_skip_tls_verify: fields.get_or("insecure_skip_tls_verify", default.insecure_skip_tls_verify),
        ca_file: ca_file.map(|file| file.value),
        cert_file: cert_file.map(|file| file.value),
        key_file: key_file.map(|file| file.value),
        max_connections: fields
            .get::<u64>("max_connections")
            .and_then(|n| usize::try_from(n.value).ok()),
        requests_per_second: fields.get::<f64>("requests_per_second").map(|n| n.value),
        timeout: fields.get_or("timeout", default.timeout),
        trusted_realms,
        pass_credentials_to,
        allow_private,
        ..default
    })
}

/// A path, not looked at yet.
pub(super) fn path(
    fields: &Fields<'_>,
    key: &str,
    near: &Surroundings<'_>,
    problems: &mut Problems<'_>,
) -> Option<Located<std::path::PathBuf>> {
    let text = fields.get::<&str>(key)?;
    match values::path(text.value, near.folder) {
        Ok(value) => Some(Located {
            value,
            at: text.at,
            key: text.key,
        }),
        Err(error) => {
            text.refuse(problems, Kind::Value, error);
            None
        }
    }
}

/// A list whose members all mean something.
pub(super) fn list<T>(
    fields: &Fields<'_>,
    key: &str,
    read: impl Fn(&str) -> Result<T, String>,
    problems: &mut Problems<'_>,
) -> Vec<T> {
    let members = fields
        .get::<Vec<Located<&str>>>(key)
        .map(|found| found.value)
        .unwrap_or_default();
    let mut out = Vec::with_capacity(members.len());
    for member in members {
        match read(member.value) {
            Ok(value) => out.push(value),
            Err(text) => member.refuse(problems, Kind::Value, text),
        }
    }
    out
}

/// Whose workload identity logs in. A host has one login: a cloud that is named besides another would never be asked.
fn cloud(fields: &Fields<'_>, has_login: bool, problems: &mut Problems<'_>) -> Option<CloudLogin> {
    let word = fields.get::<&str>("cloud")?;
    let cloud = CloudLogin::from_word(word.value)?;
    if has_login && !matches!(cloud, CloudLogin::Auto | CloudLogin::Off) {
        word.refuse(
            problems,
            Kind::Conflict,
            "contradicts the login that is given here; keep one of them",
        );
    }
    Some(cloud)
}

/// What repositories are like that are created. Only ECR has such settings.
fn new_repositories(fields: &Fields<'_>, at_ecr: bool, problems: &mut Problems<'_>) -> NewRepositories {
    let mut wanted = |key| {
        let wanted = fields.get_or(key, false);
        if wanted && !at_ecr {
            let text =
                "has an effect only at Amazon ECR, and this host is none by its name, `kind` or `cloud`";
            fields.place(key).refuse(problems, Kind::Conflict, text);
        }
        wanted
    };
    NewRepositories {
        scan_on_push: wanted("ecr_scan_on_push"),
        immutable_tags: wanted("ecr_immutable_tags"),
    }
}

fn is_local(host: &RegistryHost) -> bool {
    let text = host.as_str();
    let name = text.strip_prefix('[').and_then(|rest| rest.split(']').next());
    let name = name.unwrap_or_else(|| text.split(':').next().unwrap_or_default());
    name == "localhost"
        || name
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// Settings of TLS that exclude each other: none may be given and ignored.
fn tls(fields: &Fields<'_>, problems: &mut Problems<'_>) {
    let on = |key| fields.get_or(key, false);
    for key in ["insecure_skip_tls_verify", "ca_file", "cert_file", "key_file"] {
        let given = if key == "insecure_skip_tls_verify" {
            on(key)
        } else {
            fields.has(key)
        };
        if given && on("plain_http") {
            let text = "contradicts `plain_http`, which speaks without TLS; remove one of them";
            fields.place(key).refuse(problems, Kind::Conflict, text);
        }
    }
    if on("insecure_skip_tls_verify") && fields.has("ca_file") {
        let text = "contradicts `insecure_skip_tls_verify`, which trusts any certificate; remove one of them";
        fields.place("ca_file").refuse(problems, Kind::Conflict, text);
    }
    for (key, other) in [("cert_file", "key_file"), ("key_file", "cert_file")] {
        if fields.has(key) && !fields.has(other) {
            fields.place(key).refuse(
                problems,
                Kind::Conflict,
                format!("needs `{other}` with it; add it"),
            );
        }
    }
}

//! What the service alone goes by: schedules, `[http]`, `[lease]`.

use std::net::SocketAddr;

use super::Surroundings;
use super::fields::Fields;
use super::host::{list, path};
use super::problem::{Kind, Problems};
use super::settings::{HttpConfig, LeaseConfig, SecretAt};
use crate::schedule::{Schedule, Zone};
use crate::secret;

/// Names of objects of Kubernetes end here (RFC 1123 subdomains).
const LONGEST_NAME: usize = 253;

/// `schedule` with `timezone`, or `every`; `None` if neither is given, or none that does.
pub(super) fn schedule(fields: &Fields<'_>, problems: &mut Problems<'_>) -> Option<Schedule> {
    if fields.has("schedule") && fields.has("every") {
        let text = "contradicts `schedule`; keep one of the two";
        fields.place("every").refuse(problems, Kind::Conflict, text);
    }
    if fields.has("timezone") && !fields.has("schedule") {
        let text = "is for `schedule`, and none is given; add one or remove it";
        fields.place("timezone").refuse(problems, Kind::Conflict, text);
    }
    let zone = fields.get::<&str>("timezone").map(|text| {
        let zone = text.value.parse::<Zone>();
        zone.map_err(|error| text.refuse(problems, Kind::Value, error.to_string()))
    });
    let Some(text) = fields.get::<&str>("schedule") else {
        let every = fields.get::<std::time::Duration>("every")?;
        return Schedule::every(every.value)
            .map_err(|error| every.refuse(problems, Kind::Value, error.to_string()))
            .ok();
    };
    let zone = zone.unwrap_or(Ok(Zone::UTC)).unwrap_or(Zone::UTC);
    Schedule::cron(text.value, zone)
        .map_err(|error| text.refuse(problems, Kind::Value, error.to_string()))
        .ok()
}

/// `[http]`.
pub(super) fn http(fields: &Fields<'_>, near: &Surroundings<'_>, problems: &mut Problems<'_>) -> HttpConfig {
    let listen = fields.get::<&str>("listen").and_then(|text| {
        let wrong = "is no address with a port; give one such as `127.0.0.1:8080`, or `0.0.0.0:8080` for all interfaces";
        text.value
            .parse::<SocketAddr>()
            .map_err(|_| text.refuse(problems, Kind::Value, wrong))
            .ok()
    });
    HttpConfig {
        listen: listen.unwrap_or(HttpConfig::default().listen),
        token: token(fields, near, problems),
        hosts: list(fields, "hosts", proxied_name, problems),
    }
}

/// A name as `Host` has it, without a port: which port was asked does not matter.
fn proxied_name(text: &str) -> Result<String, String> {
    let name = super::values::host(text)?;
    if name.as_str().contains([':', '*']) {
        return Err("has a port or is an address; give the name alone".into());
    }
    Ok(text.to_ascii_lowercase())
}

/// Where the token is. It is looked at, so that a missing one is told before anybody needs it, but not kept.
fn token(fields: &Fields<'_>, near: &Surroundings<'_>, problems: &mut Problems<'_>) -> Option<SecretAt> {
    if fields.has("token_file") && fields.has("token_env") {
        let text = "contradicts `token_file`; keep one of the two";
        fields.place("token_env").refuse(problems, Kind::Conflict, text);
    }
    if let Some(file) = path(fields, "token_file", near, problems) {
        if let Err(error) = secret::read_file(&file.value) {
            file.refuse(problems, Kind::Outside, error.to_string());
        } else if let Some(text) = secret::world_readable(&file.value) {
            file.warn(problems, Kind::Outside, text);
        }
        return Some(SecretAt::File(file.value));
    }
    let variable = fields.get::<&str>("token_env")?;
    // The name is not repeated: someone may have put the token itself there.
    if let Err(error) = secret::read_variable(near.variables.get(variable.value).map(String::as_str)) {
        variable.refuse(problems, Kind::Outside, error.to_string());
    }
    Some(SecretAt::Variable(variable.value.into()))
}

/// `[lease]`.
pub(super) fn lease(fields: &Fields<'_>, problems: &mut Problems<'_>) -> Option<LeaseConfig> {
    if fields.has("namespace") && !fields.has("name") {
        let text = "is that of the Lease, and no `name` is given; add one or remove it";
        fields.place("namespace").refuse(problems, Kind::Conflict, text);
    }
    if fields.has("name") && !cfg!(feature = "kubernetes") {
        let text = "this build knows no Kubernetes; use the image, or a build with the feature `kubernetes`, or remove it";
        fields.place("name").refuse(problems, Kind::Conflict, text);
    }
    let mut object = |key, longest| {
        let text = fields.get::<&str>(key)?;
        if is_object_name(text.value, longest) {
            return Some(text.value.to_owned());
        }
        let wrong = format!(
            "cannot be a name in Kubernetes; give at most {longest} lower-case letters, digits and `-`, with a letter or digit at both ends"
        );
        text.refuse(problems, Kind::Value, wrong);
        None
    };
    let namespace = object("namespace", 63);
    Some(LeaseConfig {
        name: object("name", LONGEST_NAME)?,
        namespace,
    })
}

/// RFC 1123: names of objects are labels joined by dots, namespaces are one label.
fn is_object_name(text: &str, longest: usize) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let end = |label: &str| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-');
    text.len() <= longest
        && (longest == LONGEST_NAME || !text.contains('.'))
        && text
            .split('.')
            .all(|label| end(label) && label.bytes().all(inner))
}

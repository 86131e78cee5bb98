//! The login of a `[[host]]`: which user, and where its secret is. The secret is looked at, so that a missing one is
//! told before any traffic, but not kept.

use super::fields::Fields;
use super::host::path;
use super::problem::{Kind, Problems};
use super::settings::Login;
use super::{Surroundings, values};
use crate::secret;

/// The login of a `[[host]]`; `None` if it has none, or none that is usable.
pub(super) fn read(
    fields: &Fields<'_>,
    near: &Surroundings<'_>,
    problems: &mut Problems<'_>,
) -> Option<Login> {
    agree(fields, problems);
    let username = fields.get::<&str>("username");
    let file = path(fields, "password_file", near, problems);
    let username = username.map(|name| name.value.to_owned());
    if let Some(file) = file {
        if let Err(error) = secret::read_file(&file.value) {
            file.refuse(problems, Kind::Outside, error.to_string());
        } else if let Some(text) = secret::world_readable(&file.value) {
            file.warn(problems, Kind::Outside, text);
        }
        return Some(Login::PasswordFile {
            username: username?,
            path: file.value,
        });
    }
    if let Some(variable) = fields.get::<&str>("password_env") {
        // The name is not repeated: someone may have put the password itself there.
        if let Err(error) = secret::read_variable(near.variables.get(variable.value).map(String::as_str)) {
            variable.refuse(problems, Kind::Outside, error.to_string());
        }
        return Some(Login::PasswordEnv {
            username: username?,
            variable: variable.value.into(),
        });
    }
    let helper = fields.get::<&str>("credential_helper")?;
    match values::helper(helper.value) {
        Ok(program) => Some(Login::Helper { program }),
        Err(text) => {
            helper.refuse(problems, Kind::Value, text);
            None
        }
    }
}

/// At most one origin of the secret, and a user exactly where one is needed.
fn agree(fields: &Fields<'_>, problems: &mut Problems<'_>) {
    const ORIGINS: [&str; 3] = ["password_file", "password_env", "credential_helper"];
    let given: Vec<&str> = ORIGINS.into_iter().filter(|key| fields.has(key)).collect();
    if let [first, .., last] = given[..] {
        let text = format!(
            "contradicts `{first}`; keep one of `password_file`, `password_env` and `credential_helper`"
        );
        fields.place(last).refuse(problems, Kind::Conflict, text);
    }
    let username = fields.get::<&str>("username");
    if let Some(name) = &username
        && (name.value.is_empty() || name.value.contains(|c: char| c == ':' || c.is_control()))
    {
        // RFC 7617: a user with a colon cannot be sent
        name.refuse(
            problems,
            Kind::Value,
            "is empty or holds a colon or a control character; give the plain user name",
        );
    }
    match (fields.has("username"), given.first()) {
        (true, None) => fields.place("username").refuse(
            problems,
            Kind::Conflict,
            "has no password with it; add `password_file` or `password_env`, or remove it to use what Helm, Docker and Podman have stored, or the cloud's login",
        ),
        (true, Some(&"credential_helper")) => fields.place("username").refuse(
            problems,
            Kind::Conflict,
            "contradicts `credential_helper`, which gives the user itself; remove one of them",
        ),
        (false, Some(key)) if *key != "credential_helper" => {
            fields.place(key).refuse(problems, Kind::Conflict, "has no `username` with it; add one");
        }
        _ => {}
    }
}

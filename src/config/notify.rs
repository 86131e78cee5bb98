//! `[[notify]]`: who is told, of what, and in which form.

use http::HeaderName;

use super::fields::{Fields, Located};
use super::host::{list, path};
use super::problem::{Kind, Problems};
use super::settings::{MirrorConfig, NotifyConfig, NotifyUrl, SecretAt};
use super::{Surroundings, values};
use crate::notice::{Event, Template, WebhookUrl};
use crate::secret;

/// A template file beyond this is none; the template itself has a limit of its own.
const MOST_BYTES: u64 = 128 << 10;

/// Reads one table; `None` if it has no usable name or URL.
pub(super) fn read(
    fields: &Fields<'_>,
    near: &Surroundings<'_>,
    problems: &mut Problems<'_>,
) -> Option<NotifyConfig> {
    let name = fields.get::<&str>("name").and_then(|name| {
        values::mirror_name(name.value)
            .map_err(|text| name.refuse(problems, Kind::Value, text))
            .ok()
    });
    let url = url(fields, near, problems);
    let header = header(fields, near, problems);
    let events = events(fields, problems);
    let mirrors = list(fields, "mirrors", values::glob, problems);
    let template = template(fields, near, problems);
    if let Some((url, at)) = &url
        && url.is_readable_on_the_way()
    {
        let text = "is sent without encryption, secrets included; use `https://`, or `http://` in trusted networks only";
        at.warn(problems, Kind::Value, text);
    }
    let url = notify_url(fields, near, url.map(|(url, _)| url));
    Some(NotifyConfig {
        name: name?,
        url: url?,
        events,
        mirrors,
        header,
        template,
    })
}

/// Two receivers of one name could not be told apart in logs and metrics; a glob that fits no mirror is a slip.
pub(super) fn across(
    receivers: &[(Fields<'_>, NotifyConfig)],
    mirrors: &[(Fields<'_>, MirrorConfig)],
    problems: &mut Problems<'_>,
) {
    for (at, (fields, receiver)) in receivers.iter().enumerate() {
        let same = |(_, other): &&(Fields<'_>, NotifyConfig)| other.name == receiver.name;
        if let Some((first, _)) = receivers[..at].iter().find(same) {
            let text = format!("is the name of `{}` as well; give each its own", first.path);
            fields.place("name").refuse(problems, Kind::Conflict, text);
        }
        let globs = fields.get::<Vec<Located<&str>>>("mirrors");
        for glob in globs.into_iter().flat_map(|found| found.value) {
            let Ok(compiled) = globset::Glob::new(glob.value) else {
                continue;
            };
            let compiled = compiled.compile_matcher();
            let fits = mirrors.iter().any(|(_, mirror)| compiled.is_match(&mirror.name));
            if !fits && !mirrors.is_empty() {
                glob.warn(problems, Kind::Conflict, "fits no mirror of this file");
            }
        }
    }
}

/// The URL itself as far as it can be known now, and where it is given. At most one origin.
fn url<'a>(
    fields: &Fields<'a>,
    near: &Surroundings<'_>,
    problems: &mut Problems<'_>,
) -> Option<(WebhookUrl, Located<&'a str>)> {
    let given: Vec<_> = ["url", "url_file", "url_env"]
        .into_iter()
        .filter(|key| fields.has(key))
        .collect();
    match given[..] {
        [] => fields.place("url").refuse(
            problems,
            Kind::Missing,
            "is missing: give the URL that notifications are posted to, or `url_file` or `url_env` if it holds a secret",
        ),
        [first, .., last] => {
            let text = format!("contradicts `{first}`; keep one of `url`, `url_file` and `url_env`");
            fields.place(last).refuse(problems, Kind::Conflict, text);
        }
        [_] => {}
    }
    let key = given.first()?;
    let found = fields.get::<&str>(key)?;
    let text = match *key {
        "url" => Some(found.value.to_owned()),
        _ => secret_text(fields, "url", near, problems),
    }?;
    match WebhookUrl::new(&text) {
        Ok(url) => Some((url, found)),
        Err(error) if *key == "url" => {
            found.refuse(problems, Kind::Value, error.to_string());
            None
        }
        Err(error) => {
            found.refuse(problems, Kind::Outside, format!("leads to a text that {error}"));
            None
        }
    }
}

fn notify_url(fields: &Fields<'_>, near: &Surroundings<'_>, url: Option<WebhookUrl>) -> Option<NotifyUrl> {
    match secret_at(fields, "url", near) {
        Some(place) => Some(NotifyUrl::Secret(place)),
        None => url.map(NotifyUrl::Plain),
    }
}

/// `header` and one of `header_file` and `header_env`.
fn header(
    fields: &Fields<'_>,
    near: &Surroundings<'_>,
    problems: &mut Problems<'_>,
) -> Option<(HeaderName, SecretAt)> {
    let value = ["header_file", "header_env"]
        .into_iter()
        .filter(|key| fields.has(key));
    match value.collect::<Vec<_>>()[..] {
        [_, last, ..] => {
            let text = "contradicts `header_file`; keep one of them";
            fields.place(last).refuse(problems, Kind::Conflict, text);
        }
        [key] if !fields.has("header") => {
            let text = "has no `header` with it, such as `header = \"Authorization\"`; add it";
            fields.place(key).refuse(problems, Kind::Conflict, text);
        }
        [] if fields.has("header") => {
            let text = "has no value with it; add `header_file` or `header_env`";
            fields.place("header").refuse(problems, Kind::Conflict, text);
        }
        _ => {}
    }
    let found = fields.get::<&str>("header")?;
    let name = found.value.parse::<HeaderName>();
    let name = name.ok().filter(|name| !RESERVED.contains(&name.as_str()));
    if name.is_none() {
        let text = "is no name of a header that may be set; give one such as `Authorization` or `X-Token`";
        found.refuse(problems, Kind::Value, text);
    }
    if let Some(text) = secret_text(fields, "header", near, problems)
        && http::HeaderValue::from_str(&text).is_err()
        && let Some(key) = ["header_file", "header_env"]
            .into_iter()
            .find(|key| fields.has(key))
    {
        let text = "leads to a text with a line break or a control character, which no header may hold";
        fields.place(key).refuse(problems, Kind::Outside, text);
    }
    Some((name?, secret_at(fields, "header", near)?))
}

/// What the transport sets by itself.
const RESERVED: [&str; 6] = [
    "content-length",
    "content-type",
    "host",
    "connection",
    "transfer-encoding",
    "accept-encoding",
];

/// Where `KEY_file` or `KEY_env` says that the secret is.
fn secret_at(fields: &Fields<'_>, key: &str, near: &Surroundings<'_>) -> Option<SecretAt> {
    if let Some(file) = fields.get::<&str>(&format!("{key}_file")) {
        return values::path(file.value, near.folder).ok().map(SecretAt::File);
    }
    let variable = fields.get::<&str>(&format!("{key}_env"))?;
    Some(SecretAt::Variable(variable.value.to_owned()))
}

/// The secret, looked at so that a missing one is told before anything runs, and not kept.
fn secret_text(
    fields: &Fields<'_>,
    key: &str,
    near: &Surroundings<'_>,
    problems: &mut Problems<'_>,
) -> Option<String> {
    use secrecy::ExposeSecret as _;
    if let Some(file) = path(fields, &format!("{key}_file"), near, problems) {
        match secret::read_file(&file.value) {
            Ok(secret) => {
                if let Some(text) = secret::world_readable(&file.value) {
                    file.warn(problems, Kind::Outside, text);
                }
                return Some(secret.expose_secret().to_owned());
            }
            Err(error) => file.refuse(problems, Kind::Outside, error.to_string()),
        }
        return None;
    }
    let variable = fields.get::<&str>(&format!("{key}_env"))?;
    let value = near.variables.get(variable.value).map(String::as_str);
    if let Ok(secret) = secret::read_variable(value) {
        return Some(secret.expose_secret().to_owned());
    }
    // The name is not repeated: someone may have put the secret itself there.
    let text = "names an environment variable that is not set, empty or not Unicode; set it";
    variable.refuse(problems, Kind::Outside, text);
    None
}

fn events(fields: &Fields<'_>, problems: &mut Problems<'_>) -> Vec<Event> {
    let Some(found) = fields.get::<Vec<Located<&str>>>("on") else {
        return Event::ALL.to_vec();
    };
    if found.value.is_empty() {
        found.refuse(
            problems,
            Kind::Value,
            "is empty; remove the table if nobody is to be told",
        );
    }
    let word = |text: &str| {
        Event::from_word(text).ok_or_else(|| {
            let words = Event::ALL.map(|event| format!("`{}`", event.as_str()));
            format!("is no event; there are {}", words.join(", "))
        })
    };
    let mut events = list(fields, "on", word, problems);
    events.sort();
    events.dedup();
    events
}

fn template(fields: &Fields<'_>, near: &Surroundings<'_>, problems: &mut Problems<'_>) -> Option<Template> {
    if fields.has("template") && fields.has("template_file") {
        let text = "contradicts `template`; keep one of them";
        fields
            .place("template_file")
            .refuse(problems, Kind::Conflict, text);
    }
    if let Some(found) = fields.get::<&str>("template") {
        return Template::parse(found.value)
            .map_err(|error| found.refuse(problems, Kind::Value, error.to_string()))
            .ok();
    }
    let file = path(fields, "template_file", near, problems)?;
    let shown = file.value.display().to_string();
    match read_file(&file.value) {
        Err(error) => {
            let text = format!("`{shown}` cannot be read ({error}); correct the path");
            file.refuse(problems, Kind::Outside, text);
            None
        }
        Ok(text) => Template::parse(&text)
            .map_err(|error| file.refuse(problems, Kind::Outside, format!("`{shown}` {error}")))
            .ok(),
    }
}

fn read_file(path: &std::path::Path) -> std::io::Result<String> {
    use std::io::Read as _;
    let mut text = String::new();
    std::fs::File::open(path)?
        .take(MOST_BYTES)
        .read_to_string(&mut text)?;
    Ok(text)
}

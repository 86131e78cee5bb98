//! What registries write into the bodies of errors: the JSON of the spec, or anything else (registries rule 21).

use std::fmt;

use serde_json::Value;

/// How much of a foreign text is shown.
const SHOWN: usize = 300;

/// The errors in a body, escaped and cut, never failing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems {
    found: Vec<Problem>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Problem {
    code: String,
    message: String,
}

impl Problems {
    /// Reads a body.
    pub(super) fn parse(body: &str) -> Self {
        if let Ok(json) = serde_json::from_str::<Value>(body) {
            return Self {
                found: from_json(&json),
            };
        }
        let text = body.trim();
        let message = if text.is_empty() {
            return Self::default();
        } else if text.starts_with('<') {
            title(text).unwrap_or_else(|| "an HTML page".to_owned())
        } else {
            clean(text)
        };
        Self {
            found: vec![Problem {
                code: String::new(),
                message,
            }],
        }
    }

    /// Whether one of the errors has this code.
    pub fn has(&self, code: &str) -> bool {
        self.found.iter().any(|problem| problem.code == code)
    }

    /// Whether a code begins so.
    pub(super) fn has_prefix(&self, prefix: &str) -> bool {
        self.found.iter().any(|problem| problem.code.starts_with(prefix))
    }

    /// Whether a message says so, in whatever case.
    pub fn says(&self, text: &str) -> bool {
        self.found
            .iter()
            .any(|problem| problem.message.to_ascii_lowercase().contains(text))
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, problem) in self.found.iter().enumerate() {
            let separator = if number > 0 { "; " } else { "" };
            match (problem.code.as_str(), problem.message.as_str()) {
                ("", message) => write!(f, "{separator}{message}")?,
                (code, "") => write!(f, "{separator}{code}")?,
                (code, message) => write!(f, "{separator}{code}: {message}")?,
            }
        }
        Ok(())
    }
}

/// `{"errors": [{"code", "message", "detail"}]}` and its relatives.
fn from_json(json: &Value) -> Vec<Problem> {
    let list = match json.get("errors") {
        Some(Value::Array(list)) => list.iter().take(5).collect(),
        _ => vec![json],
    };
    let problems = list.into_iter().filter_map(|entry| {
        let text = |key: &str| match entry.get(key) {
            Some(Value::String(text)) => clean(text),
            Some(Value::Number(number)) => number.to_string(),
            _ => String::new(),
        };
        let detail = match entry.get("detail") {
            Some(Value::String(detail)) => clean(detail),
            // Nexus and quotas hide the reason in here.
            Some(detail @ Value::Object(map)) if !map.is_empty() => clean(&detail.to_string()),
            _ => String::new(),
        };
        // The last is Quay's, beside its registry API.
        let keys = ["message", "error_description", "error", "error_message"];
        let mut message = keys
            .into_iter()
            .map(text)
            .find(|text| !text.is_empty())
            .unwrap_or_default();
        if !detail.is_empty() && detail != message {
            message = if message.is_empty() {
                detail
            } else {
                format!("{message} ({detail})")
            };
        }
        let code = text("code");
        (!code.is_empty() || !message.is_empty()).then_some(Problem { code, message })
    });
    problems.collect()
}

fn title(html: &str) -> Option<String> {
    let start = html.find("<title>")? + "<title>".len();
    let end = html[start..].find("</title>")? + start;
    Some(format!(
        "an HTML page titled `{}`",
        clean(html[start..end].trim())
    ))
}

/// Foreign text for a terminal: one line, escaped, not too long.
fn clean(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let short: String = line.chars().take(SHOWN).collect();
    short
        .chars()
        .flat_map(|c| {
            if c.is_control() {
                c.escape_debug().collect()
            } else {
                vec![c]
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_is_read() {
        for (body, shown) in [
            ("", ""),
            (r#"{"errors":[{"code":"DENIED","message":"no"}]}"#, "DENIED: no"),
            (
                r#"{"errors":[{"code":"NAME_UNKNOWN","message":"","detail":{"name":"a/b"}}]}"#,
                r#"NAME_UNKNOWN: {"name":"a/b"}"#,
            ),
            (
                r#"{"errors":[{"code":"A","message":"x","detail":"y"},{"code":"B"}]}"#,
                "A: x (y); B",
            ),
            (r#"{"errors":[]}"#, ""),
            (r#"{"errors":null,"message":"m"}"#, "m"),
            (r#"{"errors":[{"code":404}]}"#, "404"),
            (r#"{"error":"invalid_grant","error_description":"bad"}"#, "bad"),
            ("Not found\r\n", "Not found"),
            (
                "<html><head><title>413 Too Large</title>",
                "an HTML page titled `413 Too Large`",
            ),
            ("<html>", "an HTML page"),
            ("[1,2]", ""),
            ("a\u{1b}[31mb", "a\\u{1b}[31mb"),
        ] {
            assert_eq!(Problems::parse(body).to_string(), shown, "{body}");
        }
        assert!(Problems::parse(&"x".repeat(10_000)).to_string().len() <= SHOWN);
    }
}

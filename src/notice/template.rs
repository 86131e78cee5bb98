//! The body of a notification as the receiver wants it: JSON with placeholders in its strings.
//!
//! `{"text": "{mirror}: {message}"}` is what receivers of webhooks want from a template, and hardly more. So it is read as
//! JSON once, when the configuration is checked, and placeholders are filled into the strings of the tree that came out:
//! whatever a chart is called, the result is JSON of the same shape. A template engine that writes text would leave the
//! escaping to whoever writes the template, and bring loops and includes that nobody needs here.

use serde_json::{Map, Value};

/// Names that may stand in braces. The notification without a template is an object with exactly these keys and `schema`.
pub const PLACEHOLDERS: [&str; 18] = [
    "text",
    "message",
    "event",
    "events",
    "mirror",
    "source",
    "targets",
    "status",
    "exit_code",
    "started",
    "finished",
    "failures_in_a_row",
    "failing_since",
    "problem",
    "versions",
    "versions_more",
    "pushed",
    "counts",
];

/// A longer one is a file given by mistake.
const MOST_BYTES: usize = 64 << 10;

/// A template that can be filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Node);

/// Why a text is no template. Second halves of sentences that begin with the key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// Not JSON.
    #[error("is no JSON ({0}); placeholders belong into strings, as in `{{\"text\": \"{{message}}\"}}`")]
    Json(String),
    /// Braces with an unknown name.
    #[error("has the placeholder `{{{0}}}`, which does not exist; there are {known}", known = PLACEHOLDERS.join(", "))]
    Unknown(String),
    /// A brace that belongs to no placeholder.
    #[error("has a lone `{0}` in a string; write `{0}{0}` for the character itself")]
    Brace(char),
    /// Too long.
    #[error("is larger than 64 KiB; give a template for one message")]
    Long,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    /// A number, a truth value or nothing.
    Fixed(Value),
    Text(Vec<Piece>),
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Placeholder(String),
}

impl Template {
    /// Reads `text`. `{{` and `}}` in a string are braces themselves.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        if text.len() > MOST_BYTES {
            return Err(TemplateError::Long);
        }
        let value = serde_json::from_str(text).map_err(|error| TemplateError::Json(error.to_string()))?;
        node(value).map(Self)
    }

    /// The body with `values` in place of the names. A string that is one placeholder and nothing else becomes the value as
    /// it is, so a number stays a number and a list a list; within other text a value is written out.
    pub fn fill(&self, values: &Map<String, Value>) -> Value {
        fill(&self.0, values)
    }
}

fn node(value: Value) -> Result<Node, TemplateError> {
    Ok(match value {
        Value::String(text) => Node::Text(pieces(&text)?),
        Value::Array(list) => Node::List(list.into_iter().map(node).collect::<Result<_, _>>()?),
        Value::Object(object) => {
            let members = object.into_iter().map(|(key, value)| Ok((key, node(value)?)));
            Node::Object(members.collect::<Result<_, _>>()?)
        }
        fixed => Node::Fixed(fixed),
    })
}

fn pieces(text: &str) -> Result<Vec<Piece>, TemplateError> {
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        plain.push_str(&rest[..at]);
        let here = &rest[at..];
        if let Some(after) = here.strip_prefix("{{") {
            plain.push('{');
            rest = after;
        } else if let Some(after) = here.strip_prefix("}}") {
            plain.push('}');
            rest = after;
        } else {
            let (name, after) = here
                .strip_prefix('{')
                .ok_or(TemplateError::Brace('}'))?
                .split_once('}')
                .ok_or(TemplateError::Brace('{'))?;
            if !PLACEHOLDERS.contains(&name) {
                let shown = name.chars().take(60).collect::<String>();
                return Err(TemplateError::Unknown(shown.escape_debug().to_string()));
            }
            if !plain.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut plain)));
            }
            pieces.push(Piece::Placeholder(name.to_owned()));
            rest = after;
        }
    }
    plain.push_str(rest);
    if !plain.is_empty() {
        pieces.push(Piece::Text(plain));
    }
    Ok(pieces)
}

fn fill(node: &Node, values: &Map<String, Value>) -> Value {
    let value = |name: &str| values.get(name).cloned().unwrap_or_default();
    match node {
        Node::Fixed(fixed) => fixed.clone(),
        Node::List(list) => list.iter().map(|node| fill(node, values)).collect(),
        Node::Object(members) => members
            .iter()
            .map(|(key, node)| (key.clone(), fill(node, values)))
            .collect::<Map<_, _>>()
            .into(),
        Node::Text(pieces) => match &pieces[..] {
            [Piece::Placeholder(name)] => value(name),
            pieces => {
                let texts = pieces.iter().map(|piece| match piece {
                    Piece::Text(text) => text.clone(),
                    Piece::Placeholder(name) => match value(name) {
                        Value::String(text) => text,
                        Value::Null => String::new(),
                        other => other.to_string(),
                    },
                });
                Value::String(texts.collect())
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn values() -> Map<String, Value> {
        let Value::Object(values) = json!({
            "mirror": "a\"},{\n",
            "exit_code": 4,
            "versions": [{"chart": "x"}],
            "failing_since": null,
        }) else {
            unreachable!()
        };
        values
    }

    #[test]
    fn placeholders_become_values() {
        for (template, wanted) in [
            (r#"{"a": "{mirror}"}"#, json!({"a": "a\"},{\n"})),
            (r#"{"a": "<{mirror}> {exit_code}"}"#, json!({"a": "<a\"},{\n> 4"})),
            (r#"{"a": "{exit_code}"}"#, json!({"a": 4})),
            (
                r#"["{versions}", 1, true, null]"#,
                json!([[{"chart": "x"}], 1, true, null]),
            ),
            (r#""{{mirror}} {versions}""#, json!(r#"{mirror} [{"chart":"x"}]"#)),
            (r#"{"{mirror}": ""}"#, json!({"{mirror}": ""})),
            (r#""since {failing_since}.""#, json!("since .")),
        ] {
            let filled = Template::parse(template).unwrap().fill(&values());
            assert_eq!(filled, wanted, "{template}");
        }
    }

    #[test]
    fn what_is_no_template_is_refused() {
        for (text, part) in [
            ("{mirror}", "is no JSON"),
            ("", "is no JSON"),
            (r#"{"a": "b"} {}"#, "is no JSON"),
            (
                r#""{chart}""#,
                "`{chart}`, which does not exist; there are text, message",
            ),
            (r#""{}""#, "`{}`, which does not exist"),
            (r#""{mirror""#, "a lone `{` in a string; write `{{`"),
            (r#"["a}"]"#, "a lone `}` in a string; write `}}`"),
        ] {
            let error = Template::parse(text).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
        let long = format!("\"{}\"", "a".repeat(64 << 10));
        assert_eq!(Template::parse(&long), Err(TemplateError::Long));
    }

    proptest! {
        /// Whatever stands in the data, the shape is that of the template.
        #[test]
        fn data_cannot_leave_its_string(mirror in ".*", message in ".*") {
            let template = Template::parse(r#"{"a": ["{mirror}", "x {message} y"], "b": 1}"#).unwrap();
            let mut values = Map::new();
            values.insert("mirror".into(), mirror.clone().into());
            values.insert("message".into(), message.clone().into());
            let text = template.fill(&values).to_string();
            let read: Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(read, json!({"a": [mirror, format!("x {message} y")], "b": 1}));
        }

        #[test]
        fn no_text_makes_it_panic(text in r#"["{}a-z_\[\]:, ]*"#) {
            let _ = Template::parse(&text);
        }
    }
}

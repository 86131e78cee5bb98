//! JSON Schema of the file, for editors: generated from the key table, committed as `docs/config.schema.json`.
//! What no schema can say (files that exist, contradictions) only `config check` knows.

use serde_json::{Map, Value, json};

use super::keys::{GLOBAL, Key, Kind, Section};

/// The schema of the configuration file.
pub fn schema() -> Value {
    let mut schema = object(&GLOBAL);
    let definitions: Map<String, Value> = Section::all()
        .into_iter()
        .filter(|section| !section.path.is_empty())
        .map(|section| (section.path.to_owned(), object(section)))
        .collect();
    if let Some(schema) = schema.as_object_mut() {
        schema.insert(
            "$schema".into(),
            "https://json-schema.org/draft/2020-12/schema".into(),
        );
        schema.insert("title".into(), "chartferry configuration".into());
        schema.insert("$defs".into(), definitions.into());
    }
    schema
}

fn object(section: &Section) -> Value {
    let properties: Map<String, Value> = section
        .keys
        .iter()
        .map(|key| (key.name.to_owned(), property(key)))
        .collect();
    let required: Vec<&str> = section
        .keys
        .iter()
        .filter(|key| key.required)
        .map(|key| key.name)
        .collect();
    json!({
        "type": "object",
        "description": section.about,
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn property(key: &Key) -> Value {
    let mut property = kind(key.kind);
    if let Some(property) = property.as_object_mut() {
        property.insert("description".into(), key.about.into());
        if let Some(default) = key.default.and_then(default) {
            property.insert("default".into(), default);
        }
    }
    property
}

/// The defaults of the table are TOML that is JSON as well, where they are no tables.
fn default(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok()
}

fn kind(kind: Kind) -> Value {
    match kind {
        Kind::Text => json!({ "type": "string" }),
        Kind::Bool => json!({ "type": "boolean" }),
        Kind::Integer(low, high) => json!({ "type": "integer", "minimum": low, "maximum": high }),
        Kind::Number(low, high) => json!({ "type": "number", "exclusiveMinimum": low, "maximum": high }),
        Kind::Auto(low, high) => json!({
            "oneOf": [{ "const": "auto" }, { "type": "integer", "minimum": low, "maximum": high }]
        }),
        Kind::Size(..) => {
            json!({ "type": "string", "pattern": "^[0-9]+ *([KkMmGg]?[Bb]?|[KkMmGg][Ii][Bb]?)$" })
        }
        Kind::Duration(..) => json!({ "type": "string", "pattern": "^(0|([0-9]+ *[A-Za-zµ]+ *)+)$" }),
        Kind::Since => json!({ "type": "string", "minLength": 2 }),
        Kind::Choice(words) => json!({ "enum": words }),
        Kind::Texts => json!({ "type": "array", "items": { "type": "string", "minLength": 1 } }),
        Kind::Names => json!({ "type": "object", "additionalProperties": { "type": "string" } }),
        Kind::Table(section) => json!({ "$ref": format!("#/$defs/{}", section.path) }),
        Kind::Tables(section) => json!({
            "type": "array",
            "items": { "$ref": format!("#/$defs/{}", section.path) }
        }),
    }
}

//! The JSON Schema of all answers, generated from the structs that write them.

use schemars::JsonSchema;

use super::{Error, Mirror, Mirrors, Started, Versions};

/// An answer of `/api/v1`; its field `schema` says which.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(
    dead_code,
    clippy::large_enum_variant,
    reason = "only its schema is wanted; each answer is written by itself"
)]
enum Answer {
    Mirrors(Mirrors<'static>),
    Mirror(Mirror<'static>),
    Versions(Versions<'static>),
    Started(Started<'static>),
    Error(Error<'static>),
}

/// The schema as indented JSON, as committed in `docs/api.schema.json`.
pub fn generate() -> String {
    let schema = schemars::generate::SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator()
        .into_root_schema_for::<Answer>();
    format!("{:#}\n", schema.as_value())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/api.schema.json");

    /// `UPDATE_SCHEMA=1 cargo test --lib api::schema` writes the file anew. That answers conform to it is tested where they
    /// come over a socket, in `tests/it/service_http`.
    #[test]
    fn the_committed_file_is_the_generated_one() {
        if std::env::var_os("UPDATE_SCHEMA").is_some() {
            std::fs::write(PATH, generate()).unwrap();
        }
        assert_eq!(std::fs::read_to_string(PATH).unwrap(), generate());
    }
}

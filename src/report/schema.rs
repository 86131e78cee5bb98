//! The JSON Schema of the report, generated from the structs that write it.

use super::json::ReportView;

/// The schema as indented JSON, as committed in `docs/report.schema.json`.
pub fn generate() -> String {
    let schema = schemars::generate::SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator()
        .into_root_schema_for::<ReportView<'static>>();
    // Keys sorted by serde_json's map: the text depends on nothing but the structs.
    format!("{:#}\n", schema.as_value())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{RunReport, Signal, json, sample};

    const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/report.schema.json");

    fn validator() -> jsonschema::Validator {
        let schema = serde_json::from_str(&generate()).unwrap();
        jsonschema::options()
            .should_validate_formats(true)
            .build(&schema)
            .unwrap()
    }

    fn value(report: &RunReport) -> serde_json::Value {
        let mut out = Vec::new();
        json::write(report, &mut out).unwrap();
        serde_json::from_slice(&out).unwrap()
    }

    /// `UPDATE_SCHEMA=1 cargo test --lib report::schema` writes the file anew.
    #[test]
    fn the_committed_file_is_the_generated_one() {
        if std::env::var_os("UPDATE_SCHEMA").is_some() {
            std::fs::write(PATH, generate()).unwrap();
        }
        assert_eq!(std::fs::read_to_string(PATH).unwrap(), generate());
    }

    #[test]
    fn reports_conform() {
        let validator = validator();
        let mut odd = sample::full();
        odd.interrupted = Some(Signal::Int);
        odd.mirrors[0].error = sample::problem();
        odd.mirrors[0].targets[0].error = sample::problem();
        odd.mirrors[0].safety_limits = odd.mirrors[0].warnings.clone();
        for report in [
            sample::full(),
            sample::plan(),
            sample::empty(crate::report::Command::Plan),
            odd,
        ] {
            let errors: Vec<_> = validator
                .iter_errors(&value(&report))
                .map(|e| e.to_string())
                .collect();
            assert_eq!(errors, [""; 0]);
        }
    }

    #[test]
    fn the_schema_refuses_what_is_no_report() {
        let validator = validator();
        let good = value(&sample::full());
        let item = "/mirrors/0/targets/0/items/0";
        for (pointer, bad) in [
            ("/schema", serde_json::json!("chartferry.report/v2")),
            ("/command", serde_json::json!("push")),
            ("/started", serde_json::json!("yesterday")),
            (&format!("{item}/action"), serde_json::json!("pushing")),
            (&format!("{item}/package_digest"), serde_json::json!("sha256:00")),
            (&format!("{item}/bytes"), serde_json::json!(-1)),
        ] {
            let mut report = good.clone();
            *report.pointer_mut(pointer).unwrap() = bad;
            assert!(!validator.is_valid(&report), "{pointer}");
        }
    }
}

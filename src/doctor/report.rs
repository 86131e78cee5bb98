//! What was found, for people and for programs, and the exit code that it means.

use std::io::{self, Write as _};

use chrono::{DateTime, SecondsFormat, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use super::check::{Check, Status};
use crate::report::{ExitStatus, count, duration, paragraph, plain};

/// Name and version of the JSON form.
pub const SCHEMA: &str = "chartferry.doctor/v1";

/// What a subject is to a mirror.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Charts come from it.
    Source,
    /// Charts go to it.
    Target,
}

impl Role {
    fn word(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Target => "target",
        }
    }
}

/// A source or a target, and what was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Subject {
    /// What it is to a mirror.
    pub role: Role,
    /// Its place: `oci://host[:port][/prefix]`, `https://…` or a folder; secrets masked.
    pub name: String,
    /// The mirrors of the configuration that use it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    pub mirrors: Vec<String>,
    /// What was looked at, in this order.
    pub checks: Vec<Check>,
}

/// The result of `chartferry doctor`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// When it began.
    pub started: DateTime<Utc>,
    /// When it ended.
    pub finished: DateTime<Utc>,
    /// Targets first, then sources.
    pub subjects: Vec<Subject>,
}

/// How often each status occurs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
struct Totals {
    /// As it should be.
    ok: u64,
    /// Not looked at.
    skipped: u64,
    /// A run may go well all the same.
    warning: u64,
    /// A run cannot go well.
    failure: u64,
}

/// The JSON form.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DoctorReport")]
struct View<'a> {
    /// Name and version of this format. Within v1, fields are added, never renamed or removed.
    #[schemars(extend("const" = SCHEMA))]
    schema: &'static str,
    /// Version of chartferry.
    version: &'static str,
    /// When the first look began, in UTC.
    #[schemars(extend("format" = "date-time"))]
    started: String,
    /// When the last one ended, in UTC.
    #[schemars(extend("format" = "date-time"))]
    finished: String,
    /// From begin to end, in milliseconds.
    duration_ms: u64,
    /// Whether warnings fail.
    strict: bool,
    /// The exit code.
    exit_code: u8,
    /// Sums over all subjects.
    totals: Totals,
    /// Targets first, then sources.
    subjects: &'a [Subject],
}

impl Report {
    /// The exit code by the order of reliability 2: targets before sources before warnings, which count only if
    /// `strict`.
    pub fn status(&self, strict: bool) -> ExitStatus {
        let of = |role, status| {
            self.subjects
                .iter()
                .filter(|subject| subject.role == role)
                .flat_map(|subject| &subject.checks)
                .any(|check| check.status == status)
        };
        let warned = of(Role::Target, Status::Warning) || of(Role::Source, Status::Warning);
        if of(Role::Target, Status::Failure) {
            ExitStatus::TargetUnusable
        } else if of(Role::Source, Status::Failure) {
            ExitStatus::SourceUnusable
        } else if strict && warned {
            ExitStatus::Failed
        } else {
            ExitStatus::Success
        }
    }

    fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for check in self.subjects.iter().flat_map(|subject| &subject.checks) {
            match check.status {
                Status::Ok => totals.ok += 1,
                Status::Skipped => totals.skipped += 1,
                Status::Warning => totals.warning += 1,
                Status::Failure => totals.failure += 1,
            }
        }
        totals
    }

    fn duration_ms(&self) -> u64 {
        let took = self.finished.signed_duration_since(self.started);
        u64::try_from(took.num_milliseconds()).unwrap_or(0)
    }

    /// Writes it as JSON: one line, or indented if `pretty`.
    pub fn write_json(&self, strict: bool, pretty: bool, out: &mut dyn io::Write) -> io::Result<()> {
        let time = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Millis, true);
        let view = View {
            schema: SCHEMA,
            version: env!("CARGO_PKG_VERSION"),
            started: time(self.started),
            finished: time(self.finished),
            duration_ms: self.duration_ms(),
            strict,
            exit_code: self.status(strict).code(),
            totals: self.totals(),
            subjects: &self.subjects,
        };
        if pretty {
            serde_json::to_writer_pretty(&mut *out, &view)?;
        } else {
            serde_json::to_writer(&mut *out, &view)?;
        }
        out.write_all(b"\n")
    }

    /// Writes it for a terminal of `width` columns: a line a check, readable without colour. What was skipped for one
    /// reason shares a line.
    pub fn write_text(&self, strict: bool, width: usize, out: &mut dyn io::Write) -> io::Result<()> {
        const INDENT: usize = 2;
        let mut out = io::BufWriter::new(out);
        for subject in &self.subjects {
            // Those with a line of their own.
            let alone = subject.checks.chunk_by(Check::is_skipped_like);
            let alone = alone.filter(|checks| checks.len() == 1).flatten();
            let ids = alone.map(|check| check.id.len()).max().unwrap_or_default();
            writeln!(out, "{}", heading(subject))?;
            for checks in subject.checks.chunk_by(Check::is_skipped_like) {
                let [check, others @ ..] = checks else { continue };
                let mut first = format!("{:INDENT$}{:7}  ", "", check.status);
                let mut text = plain(&check.text).into_owned();
                if others.is_empty() {
                    first = format!("{first}{:ids$}  ", check.id);
                } else {
                    // One reason for many is said once.
                    let ids: Vec<&str> = checks.iter().map(|check| check.id).collect();
                    text = format!("{}: {text}", ids.join(", "));
                }
                let indent = first.len();
                paragraph(&mut out, &first, &text, indent, width)?;
            }
            writeln!(out)?;
        }
        writeln!(
            out,
            "doctor after {}: {}",
            duration(self.duration_ms()),
            self.verdict(strict)
        )?;
        out.flush()
    }

    fn verdict(&self, strict: bool) -> String {
        let totals = self.totals();
        let parts: Vec<String> = [(totals.failure, "failure"), (totals.warning, "warning")]
            .into_iter()
            .filter(|(number, _)| *number > 0)
            .map(|(number, word)| count(number, word))
            .collect();
        match self.status(strict) {
            ExitStatus::Success if parts.is_empty() => "all is well".to_owned(),
            ExitStatus::Failed => format!("{}, which `--strict` counts as failures", parts.join(", ")),
            _ => parts.join(", "),
        }
    }
}

fn heading(subject: &Subject) -> String {
    let mirrors = match subject.mirrors.as_slice() {
        [] => String::new(),
        [one] => format!(" (mirror {})", plain(one)),
        all => format!(" (mirrors {})", plain(&all.join(", "))),
    };
    format!("{} {}{mirrors}", subject.role.word(), plain(&subject.name))
}

/// The JSON Schema of the JSON form, as committed in `docs/doctor.schema.json`.
pub fn schema() -> String {
    let schema = schemars::generate::SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator()
        .into_root_schema_for::<View<'static>>();
    // Keys sorted by serde_json's map: the text depends on nothing but the structs.
    format!("{:#}\n", schema.as_value())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/doctor.schema.json");

    fn report(found: &[(Role, Status)]) -> Report {
        let subject = |(role, status): &(Role, Status)| Subject {
            role: *role,
            name: "oci://r.io/charts".into(),
            mirrors: vec!["a".into(), "b\u{1b}".into()],
            checks: vec![Check {
                id: "login",
                status: *status,
                text: "one two\u{1b}[31m three".into(),
                repositories: vec!["charts/a".into()],
            }],
        };
        let started = DateTime::from_timestamp(1_750_000_000, 0).unwrap();
        Report {
            started,
            finished: started + chrono::Duration::milliseconds(1_234),
            subjects: found.iter().map(subject).collect(),
        }
    }

    #[test]
    fn the_worst_decides_and_targets_come_first() {
        use Role::{Source, Target};
        use Status::{Failure, Ok, Skipped, Warning};
        for (found, code, strict) in [
            (&[][..], 0, 0),
            (&[(Target, Ok), (Source, Skipped)], 0, 0),
            (&[(Target, Warning)], 0, 2),
            (&[(Source, Warning)], 0, 2),
            (&[(Source, Failure), (Target, Warning)], 4, 4),
            (&[(Source, Failure), (Target, Failure)], 5, 5),
        ] {
            let report = report(found);
            assert_eq!(
                (report.status(false).code(), report.status(true).code()),
                (code, strict),
                "{found:?}"
            );
        }
    }

    #[test]
    fn lines_stand_below_each_other_and_are_harmless() {
        let mut out = Vec::new();
        let report = report(&[(Role::Target, Status::Warning), (Role::Source, Status::Ok)]);
        report.write_text(true, 34, &mut out).unwrap();
        let mut skipped = report.clone();
        let check = &mut skipped.subjects[0].checks[0];
        check.status = Status::Skipped;
        let check = check.clone();
        skipped.subjects[0].checks.push(check);
        let mut both = Vec::new();
        skipped.write_text(false, 80, &mut both).unwrap();
        let both = String::from_utf8(both).unwrap();
        assert!(both.contains("  skipped  login, login: one two"), "{both}");
        let alone = &mut skipped.subjects[0].checks;
        alone[1].id = "forwarding";
        alone[0].status = Status::Ok;
        let mut table = Vec::new();
        skipped.write_text(false, 80, &mut table).unwrap();
        let table = String::from_utf8(table).unwrap();
        let columns: Vec<_> = table.lines().filter_map(|line| line.find("one two")).collect();
        assert_eq!(columns[..2], [23, 23], "{table}");
        let expected = "\
target oci://r.io/charts (mirrors a, b\\u{1b})
  warning  login  one
                  two\\u{1b}[31m
                  three

source oci://r.io/charts (mirrors a, b\\u{1b})
  ok       login  one
                  two\\u{1b}[31m
                  three

doctor after 1.2s: 1 warning, which `--strict` counts as failures
";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    /// `UPDATE_SCHEMA=1 cargo test --lib doctor::report` writes the file anew.
    #[test]
    fn the_committed_schema_is_the_generated_one() {
        if std::env::var_os("UPDATE_SCHEMA").is_some() {
            std::fs::write(PATH, schema()).unwrap();
        }
        assert_eq!(std::fs::read_to_string(PATH).unwrap(), schema());
    }

    #[test]
    fn reports_conform_and_others_do_not() {
        let schema = serde_json::from_str(&schema()).unwrap();
        let validator = jsonschema::options()
            .should_validate_formats(true)
            .build(&schema)
            .unwrap();
        let json = |pretty| {
            let mut out = Vec::new();
            let found = [(Role::Target, Status::Failure), (Role::Source, Status::Skipped)];
            report(&found).write_json(true, pretty, &mut out).unwrap();
            serde_json::from_slice::<serde_json::Value>(&out).unwrap()
        };
        assert_eq!(json(true), json(false));
        let good = json(false);
        assert!(validator.is_valid(&good), "{good}");
        assert_eq!(
            (&good["exit_code"], &good["totals"]["failure"]),
            (&5.into(), &1.into())
        );
        for (pointer, bad) in [
            ("/schema", "chartferry.doctor/v2"),
            ("/started", "yesterday"),
            ("/subjects/0/role", "friend"),
            ("/subjects/0/checks/0/status", "maybe"),
        ] {
            let mut report = good.clone();
            *report.pointer_mut(pointer).unwrap() = bad.into();
            assert!(!validator.is_valid(&report), "{pointer}");
        }
    }
}

//! The report as JSON (`chartferry.report/v1`), written as a stream: no second copy of 48,000 versions.
//!
//! The structs here are the promise to programs and the one place that the schema is generated from.
//! They borrow from the report; what is rendered (tag, references) lives only while its item is written.

use std::io::{self, Write as _};

use chrono::{DateTime, SecondsFormat, Utc};
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use super::{
    Action, Command, DigestCheck, DriftPolicy, ExitStatus, HostTraffic, Item, MirrorReport, Problem,
    Provenance, RunReport, SCHEMA, Signal, TargetReport, Totals,
};
use crate::types::{Digest, Reason};

/// Writes `report` as one line of JSON.
pub fn write(report: &RunReport, out: impl io::Write) -> io::Result<()> {
    let mut out = io::BufWriter::new(out);
    serde_json::to_writer(&mut out, &ReportView::of(report))?;
    out.write_all(b"\n")?;
    out.flush()
}

/// Writes `report` indented, for people who read the file.
pub fn write_pretty(report: &RunReport, out: impl io::Write) -> io::Result<()> {
    let mut out = io::BufWriter::new(out);
    serde_json::to_writer_pretty(&mut out, &ReportView::of(report))?;
    out.write_all(b"\n")?;
    out.flush()
}

/// The result of one run of chartferry.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RunReport")]
pub(super) struct ReportView<'a> {
    /// Name and version of this format. Within v1, fields are added, never renamed or removed.
    #[schemars(extend("const" = SCHEMA))]
    schema: &'static str,
    /// Version of chartferry.
    version: &'a str,
    /// What was asked for.
    command: Command,
    /// When the run began, in UTC.
    #[schemars(extend("format" = "date-time"))]
    started: String,
    /// When it ended, in UTC.
    #[schemars(extend("format" = "date-time"))]
    finished: String,
    /// From begin to end, in milliseconds.
    duration_ms: u64,
    /// The exit code that this result has, before `--exit-zero-on`.
    exit_code: u8,
    /// The signal that ended the run early.
    #[serde(skip_serializing_if = "Option::is_none")]
    interrupted: Option<Signal>,
    /// Sums over all mirrors and targets.
    totals: Totals,
    /// One per mirror, in the order of the configuration.
    #[serde(serialize_with = "mirrors")]
    #[schemars(with = "Vec<MirrorView<'a>>")]
    mirrors: &'a [MirrorReport],
    /// One per host that was asked for anything.
    hosts: &'a [HostTraffic],
}

/// The result of one mirror: one source, one or more targets.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Mirror")]
struct MirrorView<'a> {
    /// Its name; the source where it has none.
    name: &'a str,
    /// Where the charts come from, secrets masked.
    source: &'a str,
    /// Versions that the index lists, duplicates counted.
    index_entries: u64,
    /// The part of the mirror that the run was about, `INDEX/COUNT`; `index_entries` and `items` are of this part alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    shard: Option<String>,
    /// The index is the one of the last run: `items` holds only what needs attention.
    source_unchanged: bool,
    /// The bytes of versions in the registry were compared, not only their tags.
    drift_checked: bool,
    /// What a drifted version counts for.
    drift: DriftPolicy,
    /// What kept the whole mirror from running.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a Problem>,
    /// Safety limits that held something back while the rest went on.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schemars(default)]
    safety_limits: &'a [Reason],
    /// What went on all the same but deserves a look.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schemars(default)]
    warnings: &'a [Reason],
    /// One per target.
    targets: Vec<TargetView<'a>>,
}

/// The result of one mirror at one target.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Target")]
struct TargetView<'a> {
    /// `oci://host[:port][/prefix]` or `oci-layout:DIR`.
    target: &'a str,
    /// What kept the whole target from being served.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a Problem>,
    /// What went on all the same but deserves a look.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schemars(default)]
    warnings: &'a [Reason],
    /// How many versions per action, and bytes.
    totals: Totals,
    /// Every version of the index, once.
    #[schemars(with = "Vec<ItemView<'a>>")]
    items: Items<'a>,
}

/// One version at one target.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Item")]
struct ItemView<'a> {
    /// Chart name, as in the index.
    chart: &'a str,
    /// Version, as in the index.
    version: &'a str,
    /// Tag in the registry, where the version maps to one.
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<String>,
    /// What happened, or in a plan would happen.
    action: Action,
    /// Why, where there is something to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a Reason>,
    /// What went on all the same but deserves a look.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schemars(default)]
    warnings: &'a [Reason],
    /// Where the package came from, secrets masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    source_url: Option<&'a str>,
    /// The version at the target by its tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    /// The version at the target by its digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pinned: Option<String>,
    /// sha256 of the package, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    package_digest: Option<Digest>,
    /// Digest of the manifest at the target, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    manifest_digest: Option<Digest>,
    /// What is known of the provenance file.
    #[serde(skip_serializing_if = "Option::is_none")]
    provenance: Option<Provenance>,
    /// Whether the index's digest was compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    digest_check: Option<DigestCheck>,
    /// Bytes sent to the target for this version.
    bytes: u64,
    /// From the first request for this version to the last, in milliseconds.
    duration_ms: u64,
    /// Line of the entry in the index, 1-based; 0 where there is none.
    index_line: u32,
    /// Further lines of the index with the same chart and version.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schemars(default)]
    duplicate_lines: &'a [u32],
}

/// The items of a target, rendered one by one.
struct Items<'a>(&'a TargetReport);

impl Serialize for Items<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let target = self.0;
        serializer.collect_seq(target.items.iter().map(|item| ItemView::of(item, &target.target)))
    }
}

fn mirrors<S: Serializer>(mirrors: &[MirrorReport], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(mirrors.iter().map(MirrorView::of))
}

impl<'a> ReportView<'a> {
    fn of(report: &'a RunReport) -> Self {
        Self {
            schema: SCHEMA,
            version: &report.version,
            command: report.command,
            started: time(report.started),
            finished: time(report.finished),
            duration_ms: report.duration_ms(),
            exit_code: ExitStatus::of(report).code(),
            interrupted: report.interrupted,
            totals: report.totals(),
            mirrors: &report.mirrors,
            hosts: &report.hosts,
        }
    }
}

impl<'a> MirrorView<'a> {
    fn of(mirror: &'a MirrorReport) -> Self {
        Self {
            name: &mirror.name,
            source: &mirror.source,
            index_entries: mirror.index_entries,
            shard: mirror.shard.map(|shard| shard.to_string()),
            source_unchanged: mirror.source_unchanged,
            drift_checked: mirror.drift_checked,
            drift: mirror.drift,
            error: mirror.error.as_ref(),
            safety_limits: &mirror.safety_limits,
            warnings: &mirror.warnings,
            targets: mirror.targets.iter().map(TargetView::of).collect(),
        }
    }
}

impl<'a> TargetView<'a> {
    fn of(target: &'a TargetReport) -> Self {
        Self {
            target: &target.target,
            error: target.error.as_ref(),
            warnings: &target.warnings,
            totals: target.totals(),
            items: Items(target),
        }
    }
}

impl<'a> ItemView<'a> {
    fn of(item: &'a Item, target: &str) -> Self {
        let details = item.details();
        Self {
            chart: &item.chart,
            version: &item.version,
            tag: item.tag(),
            action: item.action,
            reason: item.reason.as_deref(),
            warnings: &details.warnings,
            source_url: details.source_url.as_deref(),
            reference: item.reference(target),
            pinned: item.pinned(target),
            package_digest: details.package_digest,
            manifest_digest: details.manifest_digest,
            provenance: details.provenance,
            digest_check: details.digest_check,
            bytes: details.bytes,
            duration_ms: details.duration_ms,
            index_line: item.index_line,
            duplicate_lines: &details.duplicate_lines,
        }
    }
}

fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn json(report: &RunReport) -> serde_json::Value {
        let mut out = Vec::new();
        write(report, &mut out).unwrap();
        assert_eq!(out.split(|b| *b == b'\n').count(), 2, "one line");
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn says_everything_about_a_pushed_version() {
        let report = json(&sample::full());
        let expected = serde_json::json!({
            "chart": "ingress",
            "version": "4.11.1+up2",
            "tag": "4.11.1_up2",
            "action": "pushed",
            "source_url": "https://charts.acme.io/ingress-4.11.1+up2.tgz",
            "reference": "oci://registry.acme.io/charts/ingress:4.11.1_up2",
            "pinned": format!("oci://registry.acme.io/charts/ingress@{}", Digest::of(b"ingress")),
            "package_digest": Digest::of(b"4.11.1+up2"),
            "manifest_digest": Digest::of(b"ingress"),
            "provenance": "carried",
            "digest_check": "verified",
            "bytes": 20480,
            "duration_ms": 250,
            "index_line": 15
        });
        assert_eq!(report["mirrors"][0]["targets"][0]["items"][1], expected);
    }

    #[test]
    fn leaves_out_what_is_not_known() {
        let report = json(&sample::full());
        let items = &report["mirrors"][0]["targets"][0]["items"];
        let expected = serde_json::json!({
            "chart": "Jenkins Master",
            "version": "1.0.0",
            "action": "refused",
            "reason": {
                "code": "invalid-name",
                "text": "repository names are lower case; `rename` gives the chart another name there"
            },
            "bytes": 0,
            "duration_ms": 0,
            "index_line": 105
        });
        assert_eq!(items[10], expected);
        assert_eq!(items[0]["duplicate_lines"], serde_json::json!([115]));
    }

    #[test]
    fn begins_with_what_every_reader_needs() {
        let mut report = sample::full();
        report.interrupted = Some(Signal::Term);
        report.mirrors[0].targets[0].error = sample::problem();
        let mut out = Vec::new();
        write(&report, &mut out).unwrap();
        let start = concat!(
            r#"{"schema":"chartferry.report/v1","version":"0.1.0","command":"migrate","#,
            r#""started":"2025-06-15T15:06:40.000Z","finished":"2025-06-15T15:06:52.345Z","duration_ms":12345,"#,
            r#""exit_code":143,"interrupted":"term","totals":{"versions":12,"selected":9,"push":0,"pushed":2,"#
        );
        let text = String::from_utf8(out).unwrap();
        assert_eq!(&text[..start.len()], start);
        assert!(text.contains(concat!(
            r#""error":{"kind":"target","code":"registry-auth","#,
            r#""text":"`registry.acme.io` answered 401 Unauthorized to the login of `robot`"}"#
        )));
    }

    #[test]
    fn pretty_and_compact_say_the_same() {
        let mut out = Vec::new();
        write_pretty(&sample::full(), &mut out).unwrap();
        let pretty: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(pretty, json(&sample::full()));
    }
}

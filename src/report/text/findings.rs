//! Warnings, conflicts and failures, bounded: a broken source must not scroll everything else away.

use std::io;

use super::table::paragraph;
use super::{count, plain};
use crate::report::{Action, Item, RunReport};
use crate::types::Reason;

/// Entries shown per section.
const LIMIT: usize = 50;
/// Versions named in one entry.
const VERSIONS: usize = 3;

/// Stands where a version went wrong and nobody said why, so that it is listed all the same.
static NO_REASON: Reason = Reason {
    code: "unspecified",
    text: String::new(),
};

/// One entry: some versions of a chart with the same reason, or something about a whole mirror.
struct Finding<'a> {
    /// Chart, mirror or target.
    subject: &'a str,
    versions: Vec<&'a str>,
    reason: &'a Reason,
    url: Option<&'a str>,
}

/// Writes the sections that have entries, the worst last.
pub(super) fn write(report: &RunReport, width: usize, out: &mut dyn io::Write) -> io::Result<()> {
    section("warnings", &warnings(report), width, out)?;
    section("only at the target", &of_items(report, is_vanished), width, out)?;
    section("conflicts", &of_items(report, Item::is_conflict), width, out)?;
    section("failures", &of_items(report, Item::is_failure), width, out)?;
    section("errors", &errors(report), width, out)
}

fn section(title: &str, findings: &[Finding<'_>], width: usize, out: &mut dyn io::Write) -> io::Result<()> {
    if findings.is_empty() {
        return Ok(());
    }
    let number: usize = findings.iter().map(|finding| finding.versions.len().max(1)).sum();
    writeln!(out, "\n{title} ({number})")?;
    for finding in findings.iter().take(LIMIT) {
        let subject = plain(finding.subject);
        let first = match finding.versions.as_slice() {
            [] => format!("  {subject}: "),
            versions => format!("  {subject} {}: ", list(versions)),
        };
        let text = format!("{} [{}]", plain(&finding.reason.text), finding.reason.code);
        paragraph(out, &first, &text, 6, width)?;
        if let Some(url) = finding.url.filter(|url| !finding.reason.text.contains(url)) {
            writeln!(out, "      {}", plain(url))?;
        }
    }
    if let Some(more) = findings.get(LIMIT..).filter(|more| !more.is_empty()) {
        let more: usize = more.iter().map(|finding| finding.versions.len().max(1)).sum();
        writeln!(out, "  and {more} more, see `--report FILE`")?;
    }
    Ok(())
}

/// `1.0.0, 1.0.1, 1.0.2 and 7 more`.
fn list(versions: &[&str]) -> String {
    let named: Vec<_> = versions
        .iter()
        .take(VERSIONS)
        .map(|version| plain(version))
        .collect();
    match versions.len().saturating_sub(VERSIONS) {
        0 => named.join(", "),
        more => format!("{} and {}", named.join(", "), count(more as u64, "more version")),
    }
}

fn of_items(report: &RunReport, chosen: fn(&Item) -> bool) -> Vec<Finding<'_>> {
    let mut findings: Vec<Finding<'_>> = Vec::new();
    for (_, target) in report.targets() {
        for item in target.items.iter().filter(|item| chosen(item)) {
            let url = item.details().source_url.as_deref();
            join(
                &mut findings,
                item,
                item.reason.as_deref().unwrap_or(&NO_REASON),
                url,
            );
        }
    }
    findings
}

fn is_vanished(item: &Item) -> bool {
    item.action == Action::Vanished
}

fn warnings(report: &RunReport) -> Vec<Finding<'_>> {
    let mut findings = Vec::new();
    for mirror in &report.mirrors {
        let whole = mirror.warnings.iter().chain(&mirror.safety_limits);
        findings.extend(whole.map(|reason| about(&mirror.name, reason)));
        for target in &mirror.targets {
            findings.extend(target.warnings.iter().map(|reason| about(&target.target, reason)));
            for item in &target.items {
                for reason in &item.details().warnings {
                    join(&mut findings, item, reason, None);
                }
            }
        }
    }
    findings
}

fn errors(report: &RunReport) -> Vec<Finding<'_>> {
    let mirrors = report.mirrors.iter();
    let mut findings: Vec<_> = mirrors
        .filter_map(|mirror| Some(about(&mirror.name, &mirror.error.as_ref()?.reason)))
        .collect();
    findings.extend(
        report
            .targets()
            .filter_map(|(_, target)| Some(about(&target.target, &target.error.as_ref()?.reason))),
    );
    findings
}

fn about<'a>(subject: &'a str, reason: &'a Reason) -> Finding<'a> {
    Finding {
        subject,
        versions: Vec::new(),
        reason,
        url: None,
    }
}

/// Adds a version to the last finding if that says the same of the same chart, else a new finding.
fn join<'a>(findings: &mut Vec<Finding<'a>>, item: &'a Item, reason: &'a Reason, url: Option<&'a str>) {
    if let Some(last) = findings.last_mut()
        && last.subject == &*item.chart
        && last.reason == reason
        && !last.versions.is_empty()
    {
        last.versions.push(&item.version);
        last.url = None;
        return;
    }
    findings.push(Finding {
        subject: &item.chart,
        versions: vec![&item.version],
        reason,
        url,
    });
}

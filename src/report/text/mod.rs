//! The report for a terminal: what was done in a table, then what deserves a look, the worst last, where
//! the eye is when the prompt comes back. Readable without colour; nothing foreign reaches it unescaped.

mod findings;
mod plan;
mod summary;
mod table;

use std::fmt::Write as _;
use std::io::{self, Write as _};

use super::{Command, MirrorReport, RunReport, Signal, TargetReport, count, duration, plain, words};
pub(crate) use table::paragraph;

/// The narrowest terminal that is written for; on a narrower one lines wrap by themselves.
const MIN_WIDTH: usize = 40;

/// Writes `report` in lines of at most `width` columns where words allow it. A plan lists every version,
/// anything else only what needs attention.
pub fn write(report: &RunReport, width: usize, out: &mut dyn io::Write) -> io::Result<()> {
    let width = width.max(MIN_WIDTH);
    // A plan has a line per version; stdout by itself would be told of each.
    let mut out = io::BufWriter::new(out);
    for (number, mirror) in report.mirrors.iter().enumerate() {
        if number > 0 {
            writeln!(out)?;
        }
        write_mirror(report.command, mirror, width, &mut out)?;
    }
    findings::write(report, width, &mut out)?;
    write_end(report, width, &mut out)?;
    out.flush()
}

fn write_mirror(
    command: Command,
    mirror: &MirrorReport,
    width: usize,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    if mirror.targets.is_empty() {
        writeln!(out, "{}", heading(mirror, None))?;
    }
    for (number, target) in mirror.targets.iter().enumerate() {
        if number > 0 {
            writeln!(out)?;
        }
        writeln!(out, "{}", heading(mirror, Some(target)))?;
        if target.error.is_some() && target.items.is_empty() {
            continue;
        }
        if command == Command::Plan {
            plan::write(target, width, out)?;
        }
        summary::write(command, mirror, target, width, out)?;
        for clause in words::repositories(target) {
            paragraph(out, "", &plain(&clause), 2, width)?;
        }
    }
    Ok(())
}

/// `acme: https://charts.acme.io -> oci://registry.acme.io/charts`.
fn heading(mirror: &MirrorReport, target: Option<&TargetReport>) -> String {
    let mut text = String::new();
    if mirror.name != mirror.source {
        text = format!("{}: ", plain(&mirror.name));
    }
    if let Some(shard) = mirror.shard {
        _ = write!(text, "shard {shard} of ");
    }
    text += &plain(&mirror.source);
    if let Some(target) = target {
        text += " -> ";
        text += &plain(&target.target);
    }
    text
}

/// How the run ended and what it asked of whom.
fn write_end(report: &RunReport, width: usize, out: &mut dyn io::Write) -> io::Result<()> {
    let hosts: Vec<String> = report.hosts.iter().map(traffic).collect();
    if !hosts.is_empty() {
        writeln!(out)?;
        paragraph(out, "requests: ", &hosts.join("; "), 2, width)?;
    }
    if let Some(signal) = report.interrupted {
        let name = match signal {
            Signal::Int => "SIGINT",
            Signal::Term => "SIGTERM",
        };
        writeln!(out, "interrupted by {name}; the next run goes on from here")?;
    }
    let time = duration(report.duration_ms());
    writeln!(
        out,
        "{} after {time}: {}",
        report.command.as_str(),
        words::verdict(report)
    )
}

fn traffic(host: &super::HostTraffic) -> String {
    let mut text = format!("{} {}", plain(&host.host), host.requests);
    let mut notes = Vec::new();
    if host.retries > 0 {
        notes.push(match host.retries {
            1 => "1 retry".to_owned(),
            many => format!("{many} retries"),
        });
    }
    if host.throttled_ms > 0 {
        notes.push(format!("throttled for {}", duration(host.throttled_ms)));
    }
    if !notes.is_empty() {
        _ = write!(text, " ({})", notes.join(", "));
    }
    text
}

#[cfg(test)]
mod tests;

//! Writes a state as lines, without building the whole text in memory.

use std::borrow::Cow;
use std::io::{self, Write};

use serde::Serialize;

use super::attention::{Attention, Matter};
use super::lines::{At, End, FORMAT, Header, Line, Listed, Marks, Text, Trouble, Version};
use super::{Known, Origin, Placed, State};
use crate::types::Sha256Stream;

/// Writes all lines, the digest of the rest last.
pub(super) fn write(state: &State, out: &mut impl Write) -> io::Result<()> {
    let mut lines = Lines {
        out,
        hash: Sha256Stream::default(),
        line: Vec::new(),
    };
    lines.put(&Header {
        format: Cow::Borrowed(FORMAT),
        identity: Cow::Borrowed(&state.identity),
    })?;
    lines.put(&Line::Marks(Box::new(Marks {
        settled: state.settled.clone(),
        newest: state.newest,
        reconciled: state.reconciled,
        last_success: state.history.last_success,
        failures_in_a_row: state.history.failures_in_a_row,
    })))?;
    for run in &state.history.runs {
        lines.put(&Line::Run(Box::new(run.clone())))?;
    }
    for (matter, attention) in &state.attention {
        lines.put(&Line::Trouble(Box::new(trouble(matter, attention))))?;
    }
    for (chart, versions) in &state.charts {
        lines.put(&Line::Chart(Text(Cow::Borrowed(chart))))?;
        for (name, known) in versions {
            lines.put(&Line::Version(version(name, known)))?;
        }
    }
    let end = lines.hash.clone().finish().0;
    lines.put(&End { end })
}

struct Lines<'a, W> {
    out: &'a mut W,
    hash: Sha256Stream,
    line: Vec<u8>,
}

impl<W: Write> Lines<'_, W> {
    fn put(&mut self, line: &impl Serialize) -> io::Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, line)?;
        self.line.push(b'\n');
        self.hash.update(&self.line);
        self.out.write_all(&self.line)
    }
}

fn trouble<'a>(matter: &'a Matter, attention: &'a Attention) -> Trouble<'a> {
    Trouble {
        chart: Cow::Borrowed(&matter.chart),
        version: Cow::Borrowed(&matter.version),
        target: matter.target,
        action: Cow::Borrowed(attention.action.as_str()),
        code: Cow::Borrowed(attention.reason.code),
        text: Cow::Borrowed(&attention.reason.text),
        subject: attention.subject,
        since: attention.since,
        runs: attention.runs,
        notified: attention.notified,
    }
}

fn version<'a>(name: &'a str, known: &Known) -> Version<'a> {
    Version {
        name: Cow::Borrowed(name),
        seen: known.first_seen,
        listed: Listed::new(known.trusted, known.current),
        provenance: known.provenance,
        at: known.places.iter().map(at).collect(),
    }
}

fn at(placed: &Placed) -> At {
    let elsewhere = placed.elsewhere.as_ref();
    At {
        target: placed.target,
        adopted: placed.origin == Origin::Adopted,
        manifest: placed.manifest,
        package: placed.package,
        indexed: placed.indexed.clone(),
        elsewhere: elsewhere.map(|place| (place.0.as_str().into(), place.1.as_str().into())),
    }
}

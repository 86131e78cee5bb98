//! Every version with its action and its reason.

use std::io;

use super::plain;
use super::table::{cut, length, pad, paragraph};
use crate::report::{Action, Item, TargetReport};

/// Names and versions beyond these widths push their own line to the right, not everybody's.
const MAX_CHART: usize = 32;
const MAX_VERSION: usize = 24;
/// Reasons hang below each other only where there is this much room for them.
const MIN_REASON: usize = 24;

/// Writes a line for every version; what `prune` would delete comes first (product 4).
pub(super) fn write(target: &TargetReport, width: usize, out: &mut dyn io::Write) -> io::Result<()> {
    if target.items.is_empty() {
        return Ok(());
    }
    let widest = |text: fn(&Item) -> &str, most: usize| {
        let sizes = target.items.iter().map(|item| length(&plain(text(item))));
        sizes.max().unwrap_or(0).min(most)
    };
    let chart = widest(|item| &item.chart, MAX_CHART).max(5);
    let version = widest(|item| &item.version, MAX_VERSION).max(7);
    // The longest action has 8 letters.
    let indent = chart + 2 + version + 2 + 8 + 2;
    let room = width >= indent + MIN_REASON;
    writeln!(
        out,
        "{:chart$}  {:version$}  {:8}  REASON",
        "CHART", "VERSION", "ACTION"
    )?;
    let vanished = |item: &&Item| item.action == Action::Vanished;
    let (first, rest) = (
        target.items.iter().filter(vanished),
        target.items.iter().filter(|item| !vanished(item)),
    );
    for item in first.chain(rest) {
        let start = format!(
            "{}  {}  {:8}  ",
            pad(&plain(&item.chart), chart),
            pad(&cut(&plain(&item.version), 128), version),
            item.action
        );
        let hang = if room { indent } else { 6 };
        paragraph(out, &start, &plain(reason(item)), hang, width)?;
    }
    writeln!(out)
}

fn reason(item: &Item) -> &str {
    match (&item.reason, item.action) {
        (Some(reason), _) => &reason.text,
        (None, Action::Push) => "not at the target",
        (None, Action::Present) => "at the target",
        (None, _) => "",
    }
}

//! One target in a table: charts down, actions across.

use std::fmt::Write as _;
use std::io;
use std::sync::Arc;

use super::table::{Table, paragraph};
use super::{count, plain, words};
use crate::report::{Action, Command, MirrorReport, TargetReport, Totals};
use crate::types::ByteSize;

/// Up to this many charts, each has a row; beyond, only those in which something happened.
const ALL_CHARTS: usize = 20;
/// Never more rows than this.
const MAX_ROWS: usize = 50;
/// Columns are left out in this order where the terminal is too narrow; the sentence below has them all.
const LESS_NEEDED: [Action; 5] = [
    Action::Vanished,
    Action::Accepted,
    Action::Filtered,
    Action::Held,
    Action::Present,
];

/// Writes the table of a target and one sentence.
pub(super) fn write(
    command: Command,
    mirror: &MirrorReport,
    target: &TargetReport,
    width: usize,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let totals = target.totals();
    if is_quiet(&totals) {
        return paragraph(out, "", &nothing_to_do(command, mirror, &totals), 2, width);
    }
    let charts = by_chart(target);
    if command != Command::Plan && charts.len() > 1 {
        write_table(&charts, &totals, width, out)?;
    }
    let mut sentence = words::totals(&totals);
    if totals.present > 0 && !mirror.drift_checked {
        sentence += "; drift: not checked";
    }
    paragraph(out, "", &sentence, 2, width)
}

/// Nothing was done, nothing is to be done, nothing is wrong.
fn is_quiet(totals: &Totals) -> bool {
    use Action::{Accepted, Filtered, Held, Present};
    let quiet = [Present, Filtered, Held, Accepted];
    quiet.iter().map(|action| totals.of(*action)).sum::<u64>() == totals.versions
}

fn nothing_to_do(command: Command, mirror: &MirrorReport, totals: &Totals) -> String {
    let nothing = match command {
        Command::Verify => "",
        _ => "nothing to do: ",
    };
    let mut text = match (totals.present, totals.selected) {
        _ if mirror.source_unchanged => "nothing to do: the index is the one of the last run".to_owned(),
        (0, _) => format!("{nothing}{}", words::totals(totals)),
        (present, selected) if present == selected => {
            let verb = match command {
                Command::Verify => "match the source",
                _ => "are in place",
            };
            format!("{nothing}all {} {verb}", count(present, "selected version"))
        }
        _ => format!("{nothing}{}", words::totals(totals)),
    };
    if totals.present > 0 && totals.present == totals.selected && totals.filtered > 0 {
        _ = write!(text, ", {} filtered", totals.filtered);
    }
    if totals.present > 0 && !mirror.drift_checked {
        text += "; drift: not checked";
    }
    text
}

/// Totals per chart, in the order of the items.
fn by_chart(target: &TargetReport) -> Vec<(Arc<str>, Totals)> {
    let mut places = std::collections::HashMap::new();
    let mut charts: Vec<(Arc<str>, Totals)> = Vec::new();
    for item in &target.items {
        let place = *places.entry(item.chart.clone()).or_insert_with(|| {
            charts.push((item.chart.clone(), Totals::default()));
            charts.len() - 1
        });
        charts[place].1.add(item);
    }
    charts
}

fn write_table(
    charts: &[(Arc<str>, Totals)],
    totals: &Totals,
    width: usize,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let columns = columns(totals, width);
    let mut head = vec!["CHART".to_owned()];
    head.extend(columns.iter().map(|action| action.as_str().to_uppercase()));
    let sent = totals.bytes > 0;
    if sent {
        head.push("SENT".to_owned());
    }
    let cells = |name: String, totals: &Totals| {
        let mut cells = vec![name];
        cells.extend(columns.iter().map(|action| match totals.of(*action) {
            0 => "-".to_owned(),
            number => number.to_string(),
        }));
        if sent {
            cells.push(match totals.bytes {
                0 => "-".to_owned(),
                bytes => ByteSize(bytes).to_string(),
            });
        }
        cells
    };
    let mut table = Table::new(head);
    let shown = charts
        .iter()
        .filter(|(_, totals)| charts.len() <= ALL_CHARTS || !is_quiet(totals))
        .take(MAX_ROWS);
    let mut rows = 0;
    for (chart, totals) in shown {
        table.row(cells(plain(chart).into_owned(), totals));
        rows += 1;
    }
    let hidden = charts.len() - rows;
    if hidden > 0 {
        let mut others = Totals::default();
        others.merge(totals);
        table.row(cells(
            format!("all {}", count(charts.len() as u64, "chart")),
            &others,
        ));
    } else {
        table.row(cells("total".to_owned(), totals));
    }
    table.write(out, width)
}

/// The actions that occur, as many as fit.
fn columns(totals: &Totals, width: usize) -> Vec<Action> {
    let mut columns: Vec<Action> = Action::ALL
        .into_iter()
        .filter(|action| totals.of(*action) > 0)
        .collect();
    let wide = |columns: &[Action]| -> usize {
        // 20 for the chart, 10 for the bytes, two blanks between columns.
        30 + columns
            .iter()
            .map(|action| action.as_str().len().max(6) + 2)
            .sum::<usize>()
    };
    for action in LESS_NEEDED {
        if wide(&columns) <= width {
            break;
        }
        columns.retain(|column| *column != action);
    }
    columns
}

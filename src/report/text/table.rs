//! Columns of text for a terminal, and paragraphs beside them.

use std::io;

/// A table whose first column is text and whose other columns are numbers.
pub(super) struct Table {
    /// Head and rows, each with as many cells.
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with this head.
    pub(super) fn new(head: Vec<String>) -> Self {
        Self { rows: vec![head] }
    }

    /// Adds a row.
    pub(super) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// Writes the table, the first column cut so that no line is wider than `width`.
    pub(super) fn write(&self, out: &mut dyn io::Write, width: usize) -> io::Result<()> {
        let columns = self.rows.first().map_or(0, Vec::len);
        let mut widths = vec![0; columns];
        for row in &self.rows {
            for (slot, cell) in widths.iter_mut().zip(row) {
                *slot = (*slot).max(length(cell));
            }
        }
        let numbers: usize = widths.iter().skip(1).map(|w| w + 2).sum();
        let first = widths
            .first()
            .map_or(0, |w| (*w).min(width.saturating_sub(numbers).max(8)));
        for row in &self.rows {
            let mut line = String::new();
            for (column, (cell, size)) in row.iter().zip(&widths).enumerate() {
                if column == 0 {
                    line = pad(&cut(cell, first), first);
                } else {
                    line.push_str("  ");
                    line.extend(std::iter::repeat_n(' ', size - length(cell)));
                    line.push_str(cell);
                }
            }
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// Characters, which for the names that registries allow is columns.
pub(super) fn length(text: &str) -> usize {
    text.chars().count()
}

/// `text` with blanks up to `width`.
pub(super) fn pad(text: &str, width: usize) -> String {
    format!("{text:width$}")
}

/// `text`, its end replaced by `…` where it is longer than `width`.
pub(super) fn cut(text: &str, width: usize) -> String {
    if length(text) <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

/// Writes `first` and then the words of `text`, going on in column `indent` where a line would be wider
/// than `width`. Words are never broken: a URL can be copied.
pub(crate) fn paragraph(
    out: &mut dyn io::Write,
    first: &str,
    text: &str,
    indent: usize,
    width: usize,
) -> io::Result<()> {
    let mut line = first.to_owned();
    let mut fresh = true;
    for word in text.split(' ') {
        let gap = usize::from(!fresh);
        if !fresh && length(&line) + gap + length(word) > width {
            writeln!(out, "{}", line.trim_end())?;
            line = " ".repeat(indent);
        } else if gap == 1 {
            line.push(' ');
        }
        line.push_str(word);
        fresh = false;
    }
    writeln!(out, "{}", line.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(f: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        f(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_stand_below_each_other_and_names_are_cut() {
        let mut table = Table::new(vec!["CHART".into(), "PUSHED".into(), "SENT".into()]);
        table.row(vec!["kube-prometheus-stack".into(), "7".into(), "1.5 MiB".into()]);
        table.row(vec!["a".into(), "1234567".into(), "0 B".into()]);
        let expected = "\
CHART        PUSHED     SENT
kube-prom…        7  1.5 MiB
a           1234567      0 B
";
        assert_eq!(text(|out| table.write(out, 28).unwrap()), expected);
    }

    #[test]
    fn paragraphs_hang_and_never_break_a_word() {
        let expected = concat!(
            "  a 1: one two\n",
            "      three\n",
            "      https://charts.acme.io/x.tgz\n",
            "      four\n",
        );
        let words = "one two three https://charts.acme.io/x.tgz four";
        assert_eq!(
            text(|out| paragraph(out, "  a 1: ", words, 6, 16).unwrap()),
            expected
        );
    }
}

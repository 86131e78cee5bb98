//! The summary as Markdown, for a job page (`$GITHUB_STEP_SUMMARY`) or a comment on a pull request.
//!
//! Bounded, since such pages are (GitHub takes 1 MiB a step and 64 KiB a comment). Foreign text is shown as
//! code, so that no chart can bring links, images, mentions or HTML along.

use std::fmt::Write as _;
use std::io;

use super::{Action, Item, MirrorReport, RunReport, TargetReport, duration, plain, words};
use crate::types::Reason;

/// Rows per table: 100 rows of some 200 characters stay far below 64 KiB.
const LIMIT: usize = 100;

/// Writes `report`.
pub fn write(report: &RunReport, out: &mut dyn io::Write) -> io::Result<()> {
    writeln!(
        out,
        "## chartferry {}: {}\n",
        report.command.as_str(),
        words::verdict(report)
    )?;
    let time = duration(report.duration_ms());
    writeln!(out, "{} in {time}.\n", words::totals(&report.totals()))?;
    for (mirror, target) in report.targets() {
        write_target(mirror, target, out)?;
    }
    for mirror in report.mirrors.iter().filter(|mirror| mirror.targets.is_empty()) {
        writeln!(out, "### {}\n", code(&mirror.name))?;
    }
    write_errors(report, out)?;
    versions(report, "Failures", Item::is_failure, out)?;
    versions(report, "Conflicts", Item::is_conflict, out)?;
    write_warnings(report, out)?;
    let done = |item: &Item| matches!(item.action, Action::Push | Action::Pushed);
    versions(report, "Pushed or to push", done, out)
}

fn write_target(mirror: &MirrorReport, target: &TargetReport, out: &mut dyn io::Write) -> io::Result<()> {
    let totals = target.totals();
    writeln!(out, "### {}\n", code(&mirror.name))?;
    let part = mirror
        .shard
        .map(|shard| format!("shard {shard} of "))
        .unwrap_or_default();
    writeln!(out, "{part}{} → {}\n", code(&mirror.source), code(&target.target))?;
    let actions: Vec<Action> = Action::ALL
        .into_iter()
        .filter(|action| totals.of(*action) > 0)
        .collect();
    if !actions.is_empty() {
        let head: Vec<&str> = actions.iter().map(|action| action.as_str()).collect();
        let numbers: Vec<String> = actions
            .iter()
            .map(|action| totals.of(*action).to_string())
            .collect();
        writeln!(out, "| {} |", head.join(" | "))?;
        writeln!(out, "|{}", "---:|".repeat(actions.len()))?;
        writeln!(out, "| {} |\n", numbers.join(" | "))?;
    }
    if totals.present > 0 && !mirror.drift_checked {
        writeln!(out, "Drift: not checked.\n")?;
    }
    Ok(())
}

/// A table of the chosen versions, folded away if it is long.
fn versions(
    report: &RunReport,
    title: &str,
    chosen: impl Fn(&Item) -> bool,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let number = report
        .targets()
        .flat_map(|(_, t)| &t.items)
        .filter(|item| chosen(item))
        .count();
    if number == 0 {
        return Ok(());
    }
    writeln!(
        out,
        "<details{}><summary>{title} ({number})</summary>\n",
        open(number)
    )?;
    writeln!(
        out,
        "| chart | version | target | action | reason |\n|---|---|---|---|---|"
    )?;
    let rows = report
        .targets()
        .flat_map(|(_, target)| target.items.iter().map(move |item| (target, item)))
        .filter(|(_, item)| chosen(item));
    for (target, item) in rows.take(LIMIT) {
        writeln!(
            out,
            "| {} | {} | {} | {} | {} |",
            code(&item.chart),
            code(&item.version),
            code(&target.target),
            item.action,
            item.reason.as_deref().map(sentence).unwrap_or_default(),
        )?;
    }
    if number > LIMIT {
        writeln!(out, "\nAnd {} more.", number - LIMIT)?;
    }
    writeln!(out, "\n</details>\n")
}

/// Short tables are open.
fn open(rows: usize) -> &'static str {
    if rows <= 10 { " open" } else { "" }
}

fn write_errors(report: &RunReport, out: &mut dyn io::Write) -> io::Result<()> {
    let mirrors = report
        .mirrors
        .iter()
        .filter_map(|m| Some((&m.name, m.error.as_ref()?)));
    let targets = report
        .targets()
        .filter_map(|(_, t)| Some((&t.target, t.error.as_ref()?)));
    for (subject, problem) in mirrors.chain(targets) {
        writeln!(out, "**{}**: {}\n", code(subject), sentence(&problem.reason))?;
    }
    Ok(())
}

fn write_warnings(report: &RunReport, out: &mut dyn io::Write) -> io::Result<()> {
    let mut lines = Vec::new();
    for mirror in &report.mirrors {
        for reason in mirror.safety_limits.iter().chain(&mirror.warnings) {
            lines.push((code(&mirror.name), reason));
        }
        for target in &mirror.targets {
            lines.extend(
                target
                    .warnings
                    .iter()
                    .map(|reason| (code(&target.target), reason)),
            );
            for item in &target.items {
                let subject = || format!("{} {}", code(&item.chart), code(&item.version));
                lines.extend(item.details().warnings.iter().map(|reason| (subject(), reason)));
            }
        }
    }
    if lines.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "<details{}><summary>Warnings ({})</summary>\n",
        open(lines.len()),
        lines.len()
    )?;
    for (subject, reason) in lines.iter().take(LIMIT) {
        writeln!(out, "- {subject}: {}", sentence(reason))?;
    }
    if lines.len() > LIMIT {
        writeln!(out, "\nAnd {} more.", lines.len() - LIMIT)?;
    }
    writeln!(out, "\n</details>\n")
}

/// `sentence (code)`. Code spans in the sentence stay; everything else that Markdown acts upon is escaped.
fn sentence(reason: &Reason) -> String {
    let mut text = String::new();
    for (number, part) in plain(&reason.text).split('`').enumerate() {
        match number % 2 {
            0 => text += &escape(part),
            _ => text += &code(part),
        }
    }
    format!("{text} ({})", code(reason.code))
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        // `@` would notify people, `:` would make a link of a bare URL.
        if matches!(c, '@' | '&' | '<' | '>')
            || (c == ':' && out.ends_with("http"))
            || (c == ':' && out.ends_with("https"))
        {
            _ = write!(out, "&#{};", u32::from(c));
        } else {
            if matches!(
                c,
                '\\' | '*' | '_' | '[' | ']' | '(' | ')' | '#' | '|' | '~' | '!'
            ) {
                out.push('\\');
            }
            out.push(c);
        }
    }
    out
}

/// `text` as a code span that nothing in it can end. A bar would end the cell of a table.
fn code(text: &str) -> String {
    let text = plain(text).replace('`', "'").replace('|', "\\|");
    match text.trim() {
        "" => String::new(),
        text => format!("`{text}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Command, sample};

    fn markdown(report: &RunReport) -> String {
        let mut out = Vec::new();
        write(report, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_job_page() {
        let expected = "\
## chartferry migrate: some versions failed

2 pushed (40 KiB), 1 present, 2 filtered, 1 held, 1 drifted, 1 accepted, 1 vanished, 1 failed, 2 refused in 12.3s.

### `acme`

`https://charts.acme.io` → `oci://registry.acme.io/charts`

| pushed | present | filtered | held | drifted | accepted | vanished | failed | refused |
|---:|---:|---:|---:|---:|---:|---:|---:|---:|
| 2 | 1 | 2 | 1 | 1 | 1 | 1 | 1 | 2 |

Drift: not checked.

<details open><summary>Failures (3)</summary>

| chart | version | target | action | reason |
|---|---|---|---|---|
| `redis` | `6.0.0` | `oci://registry.acme.io/charts` | failed | `https://charts.acme.io/x.tgz` answered 404 Not Found (`not-found`) |
| `Jenkins Master` | `1.0.0` | `oci://registry.acme.io/charts` | refused | repository names are lower case; `rename` gives the chart another name there (`invalid-name`) |
| `zoo\\u{1b}[2J` | `0.1.0` | `oci://registry.acme.io/charts` | refused | repository names are lower case; `rename` gives the chart another name there (`invalid-name`) |

</details>

<details open><summary>Conflicts (1)</summary>

| chart | version | target | action | reason |
|---|---|---|---|---|
| `redis` | `5.0.0` | `oci://registry.acme.io/charts` | drifted | the source has other bytes than the registry (`drift`) |

</details>

<details open><summary>Warnings (2)</summary>

- `acme`: `/etc/password` can be read by everybody (`world-readable`)
- `ingress` `4.12.0`: the provenance file names another digest (`provenance-mismatch`)

</details>

<details open><summary>Pushed or to push (2)</summary>

| chart | version | target | action | reason |
|---|---|---|---|---|
| `ingress` | `4.12.0` | `oci://registry.acme.io/charts` | pushed |  |
| `ingress` | `4.11.1+up2` | `oci://registry.acme.io/charts` | pushed |  |

</details>

";
        assert_eq!(markdown(&sample::full()), expected);
    }

    #[test]
    fn foreign_text_stays_text() {
        let reason = Reason::new("x", "**a** <img> @all [l](http://e) | `b | \u{1b}[0m` `");
        assert_eq!(
            sentence(&reason),
            "\\*\\*a\\*\\* &#60;img&#62; &#64;all \\[l\\]\\(http&#58;//e\\) \\| `b \\| \\u{1b}[0m`  (`x`)"
        );
        assert_eq!(code("a`b|c"), "`a'b\\|c`");
    }

    #[test]
    fn is_bounded() {
        let mut report = sample::empty(Command::Migrate);
        let mut mirror = sample::full().mirrors.remove(0);
        let failed = sample::item("app", "1.0.0", Action::Failed, 1);
        mirror.targets[0].items = vec![failed; 20_000];
        report.mirrors.push(mirror);
        let text = markdown(&report);
        assert!(text.contains("<summary>Failures (20000)</summary>"));
        assert!(text.contains("\nAnd 19900 more.\n"));
        assert!(text.len() < 64 << 10, "{}", text.len());
    }
}

//! Results: on stdout in the form asked for, and in files.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal as _, Write as _};
use std::path::Path;

use anyhow::Context as _;

use super::args::{FindingsForm, OutputArgs, OutputForm};
use crate::doctor;
use crate::report::{RunReport, json, map, markdown, text};

/// Tables are as wide as this where nobody says how wide the terminal is.
const WIDTH: usize = 100;

/// Prints the report and writes the files that were asked for. One that cannot be written does not keep the others
/// from being written: a run may have taken hours.
pub(super) fn write(report: &RunReport, args: &OutputArgs) -> Vec<anyhow::Error> {
    let printed = print_report(report, args.output);
    let saved = args
        .report
        .as_deref()
        .map_or(Ok(()), |path| to_file(path, |out| json::write(report, out)));
    let mapped = args
        .map
        .as_deref()
        .map_or(Ok(()), |path| to_file(path, |out| map::write(report, out)));
    [printed, saved, mapped]
        .into_iter()
        .filter_map(Result::err)
        .collect()
}

fn print_report(report: &RunReport, form: OutputForm) -> anyhow::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    let printed = match form {
        OutputForm::Table => text::write(report, width(), &mut out),
        OutputForm::Json if io::stdout().is_terminal() => json::write_pretty(report, &mut out),
        OutputForm::Json => json::write(report, &mut out),
        OutputForm::Markdown => markdown::write(report, &mut out),
    };
    gone_is_fine(printed.and_then(|()| out.flush())).context("cannot print the result")
}

/// Prints what `doctor` found.
pub(super) fn findings(report: &doctor::Report, strict: bool, form: FindingsForm) -> anyhow::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    let printed = match form {
        FindingsForm::Table => report.write_text(strict, width(), &mut out),
        FindingsForm::Json => report.write_json(strict, io::stdout().is_terminal(), &mut out),
    };
    gone_is_fine(printed.and_then(|()| out.flush())).context("cannot print the result")
}

/// Prints a text that is the whole result of a command.
pub(super) fn print(text: &str) -> anyhow::Result<()> {
    gone_is_fine(io::stdout().lock().write_all(text.as_bytes())).context("cannot print the result")
}

/// A reader that has seen enough (`… | head`) is no failure of ours.
fn gone_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Writes beside the file and renames, so that a reader never sees half of it. A link stays one: what it leads to is
/// replaced. What is no plain file, such as `/dev/stdout`, is written directly.
fn to_file(path: &Path, write: impl Fn(&mut dyn io::Write) -> io::Result<()>) -> anyhow::Result<()> {
    let run = || -> io::Result<()> {
        if is_stream(path) {
            // What was printed there before stays, also where standard output is a file
            let stream = File::options().append(true).open(path)?;
            return write(&mut BufWriter::new(stream));
        }
        let path = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        let mut file = tempfile::Builder::new()
            .permissions(readable())
            .tempfile_in(folder)?;
        let mut out = BufWriter::new(&mut file);
        write(&mut out)?;
        out.flush()?;
        drop(out);
        file.persist(&path)?;
        Ok(())
    };
    run().with_context(|| format!("cannot write `{}`", path.display()))
}

/// A pipe, a terminal, a device; and the names of open files, which lead to plain files where output is redirected:
/// renaming over those would replace the name itself.
fn is_stream(path: &Path) -> bool {
    let open = ["/dev/stdout", "/dev/stderr"]
        .iter()
        .any(|name| path == Path::new(name))
        || path.starts_with("/dev/fd")
        || path.starts_with("/proc");
    open || path.metadata().is_ok_and(|found| !found.is_file())
}

/// Reports are read by others than who wrote them; the umask still applies.
fn readable() -> std::fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o666)
}

fn width() -> usize {
    let columns = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    let terminal = || {
        rustix::termios::tcgetwinsize(io::stdout())
            .ok()
            .map(|size| usize::from(size.ws_col))
    };
    columns
        .or_else(terminal)
        .filter(|width| *width > 0)
        .unwrap_or(WIDTH)
        .max(60)
}

//! Streams an archive, and the packages within it, into a chart.

use std::io::{BufRead, BufReader, Read};

use super::chart::{Chart, Role};
use super::gunzip::Gunzip;
use super::path::below_chart;
use super::{
    MAX_CHARTS, MAX_ENTRIES, MAX_FILE, MAX_FILE_HELM3, MAX_NESTED, MAX_TOTAL, MAX_UNPACKED, PackageError,
    values,
};
use crate::helm::metadata::check_lock;
use crate::helm::tar::{Entry, Tar};
use crate::types::Reason;

/// Texts of the metadata of all charts of a package together: a file of a few kilobytes with aliases can name
/// one text a thousand times.
const MAX_TEXT: usize = 32 << 20;

/// Limits used up, and what either Helm has against the package so far.
pub(super) struct Loader {
    total_left: u64,
    entries_left: usize,
    charts_left: usize,
    pending_left: u64,
    pub(super) text_left: usize,
    helm3: Option<String>,
    helm4: Option<String>,
}

impl Default for Loader {
    fn default() -> Self {
        Self {
            total_left: MAX_TOTAL,
            entries_left: MAX_ENTRIES,
            charts_left: MAX_CHARTS,
            pending_left: MAX_FILE,
            text_left: MAX_TEXT,
            helm3: None,
            helm4: None,
        }
    }
}

fn limit(file: &str, what: &'static str, limit: &'static str) -> PackageError {
    PackageError::Limit {
        file: file.to_owned(),
        what,
        limit,
    }
}

impl Loader {
    /// Reads the archive in `source` into `chart`; true if the gzip stream is whole. `nested` counts the
    /// archives around this one, for which the end of the stream is not looked at.
    pub(super) fn archive(
        &mut self,
        source: &mut dyn BufRead,
        chart: &mut Chart,
        nested: usize,
    ) -> Result<bool, PackageError> {
        let archive = match chart.at.trim_end_matches('/') {
            "" => "package".to_owned(),
            at => at.to_owned(),
        };
        let damaged = |source| PackageError::Archive {
            archive: archive.clone(),
            source,
        };
        let mut tar = Tar::new(BufReader::with_capacity(32 << 10, Gunzip::new(source)));
        let mut left = MAX_UNPACKED;
        let mut empty = true;
        while let Some(entry) = tar.next().map_err(damaged)? {
            self.entries_left = self
                .entries_left
                .checked_sub(1)
                .ok_or_else(|| limit(&archive, "the number of files", "200,000"))?;
            if entry.skipped {
                continue;
            }
            let name = format!("{}{}", chart.at, String::from_utf8_lossy(&entry.name));
            let path = below_chart(&entry.name).map_err(|problem| PackageError::refused(&name, problem))?;
            self.admit(&entry, &name, &mut left)?;
            self.file(&mut tar, &entry, &path, chart, nested)
                .map_err(|error| match error {
                    Failure::Read(source) => damaged(source),
                    Failure::Package(error) => error,
                })?;
            empty = false;
        }
        if empty {
            return Err(PackageError::refused(archive, "no files in the archive"));
        }
        let mut gunzip = tar.into_inner().into_inner();
        Ok(nested > 0 || gunzip.is_complete(self.total_left))
    }

    /// Applies the limits of size.
    fn admit(&mut self, entry: &Entry, name: &str, left: &mut u64) -> Result<(), PackageError> {
        let too_large = || PackageError::refused(name, "the archive unpacks to 100 MiB or more");
        let size = u64::try_from(entry.size).unwrap_or(0);
        if size > *left || entry.data < size {
            return Err(too_large());
        }
        *left -= size;
        if *left == 0 {
            return Err(too_large());
        }
        self.total_left = self
            .total_left
            .checked_sub(size)
            .ok_or_else(|| limit(name, "all that is unpacked", "512 MiB"))?;
        if entry.size > MAX_FILE_HELM3 {
            let text = format!("`{}` is over 5 MiB", name.escape_debug());
            self.helm3.get_or_insert(text);
        }
        Ok(())
    }

    fn file<R: BufRead>(
        &mut self,
        tar: &mut Tar<R>,
        entry: &Entry,
        path: &[u8],
        chart: &mut Chart,
        nested: usize,
    ) -> Result<(), Failure> {
        let name = format!("{}{}", chart.at, String::from_utf8_lossy(path));
        let charts_left = &mut self.charts_left;
        let role = chart.place(path, || {
            *charts_left = charts_left
                .checked_sub(1)
                .ok_or_else(|| limit(&name, "the number of subcharts", "10,000"))?;
            Ok(())
        })?;
        match role {
            Role::Other => {}
            Role::Chart(chart) => {
                let data = contents(tar, entry, &name)?;
                let refused = |error| PackageError::refused(&name, error);
                chart.draft.overlay(&data, &mut self.text_left).map_err(refused)?;
                if chart.draft.api_version().is_empty() {
                    chart.draft.api_version().push_str("v1");
                }
                chart.files += 1;
                chart.mtime = entry.mtime;
            }
            Role::Requirements(chart) => {
                let data = contents(tar, entry, &name)?;
                self.pending_left = self
                    .pending_left
                    .checked_sub(entry.data + 1)
                    .ok_or_else(|| limit(&name, "all requirements.yaml together", "16 MiB"))?;
                chart.requirements.push(data);
            }
            Role::Lock => {
                let data = contents(tar, entry, &name)?;
                check_lock(&data).map_err(|error| PackageError::refused(&name, error))?;
            }
            Role::Values => self.values(&contents(tar, entry, &name)?, &name)?,
            Role::Archive { depth } => self.subchart(tar, &name, depth, nested + 1)?,
        }
        Ok(())
    }

    fn values(&mut self, data: &[u8], name: &str) -> Result<(), PackageError> {
        match values::check(data) {
            values::Verdict {
                helm3: Err(error),
                helm4: Err(_),
            } => return Err(PackageError::refused(name, error)),
            verdict => {
                let text = |error| format!("`{}`: {error}", name.escape_debug());
                if let Err(error) = verdict.helm3 {
                    self.helm3.get_or_insert_with(|| text(error));
                }
                if let Err(error) = verdict.helm4 {
                    self.helm4.get_or_insert_with(|| text(error));
                }
            }
        }
        Ok(())
    }

    /// Loads a packaged subchart from the data of the current entry.
    fn subchart(
        &mut self,
        tar: &mut dyn Read,
        name: &str,
        depth: usize,
        nested: usize,
    ) -> Result<(), PackageError> {
        if nested > MAX_NESTED {
            return Err(limit(name, "the nesting of packages", "16"));
        }
        let mut chart = Chart::new(format!("{name}/"), depth);
        self.archive(&mut BufReader::new(tar), &mut chart, nested)?;
        chart.finish(&mut self.text_left)?;
        Ok(())
    }

    /// What the two Helms say in the end: a warning if only one of them refuses the package.
    pub(super) fn verdict(self) -> Result<Option<Reason>, PackageError> {
        Ok(match (self.helm3, self.helm4) {
            (None, None) => None,
            (Some(helm3), Some(helm4)) => return Err(PackageError::RefusedByBoth { helm3, helm4 }),
            (Some(why), None) => Some(Reason::new(
                "only-helm-4",
                format!("Helm 3.22.0 refuses this package, Helm 4.3.1 takes it: {why}"),
            )),
            (None, Some(why)) => Some(Reason::new(
                "only-helm-3",
                format!("Helm 4.3.1 refuses this package, Helm 3.22.0 takes it: {why}"),
            )),
        })
    }
}

/// Reading the outer archive failed, or the package is refused.
enum Failure {
    Read(std::io::Error),
    Package(PackageError),
}

impl From<PackageError> for Failure {
    fn from(error: PackageError) -> Self {
        Self::Package(error)
    }
}

/// The data of the current entry without a byte order mark.
fn contents<R: BufRead>(tar: &mut Tar<R>, entry: &Entry, name: &str) -> Result<Vec<u8>, Failure> {
    if entry.data > MAX_FILE {
        return Err(limit(name, "the size of a file to be parsed", "16 MiB").into());
    }
    let mut data = Vec::with_capacity(usize::try_from(entry.data).unwrap_or(0).min(64 << 10));
    tar.read_to_end(&mut data).map_err(Failure::Read)?;
    if data.starts_with(&[0xef, 0xbb, 0xbf]) {
        data.drain(..3);
    }
    Ok(data)
}

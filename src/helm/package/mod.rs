//! A chart package (`.tgz`) as `helm push` loads it: what goes into the config blob, and whether Helm takes the
//! package at all (helm-oci-format 1.2 to 1.6).
//!
//! The archive is read once, as a stream; only the few files that decide are held, one at a time, and never
//! more than `MAX_FILE` of any. Nothing is unpacked to disk. A package is refused only if both Helm 3.22.0 and
//! Helm 4.3.1 refuse it; one that only one of them takes gets a warning that names the other.

mod chart;
mod error;
mod gunzip;
mod load;
mod path;
mod values;

#[cfg(test)]
mod tests;

use std::io::{BufRead, BufReader, Read};

pub use error::PackageError;

use super::metadata::Metadata;
use crate::types::Reason;
use chart::Chart;
use load::Loader;

/// Helm refuses an archive whose files reach this size together.
const MAX_UNPACKED: u64 = 100 << 20;

/// Helm 3.22.0 refuses larger files, Helm 4.3.1 does not.
const MAX_FILE_HELM3: i64 = 5 << 20;

/// Larger metadata, lock and values files are not parsed. Helm 4 would; the metadata alone could not be pushed.
const MAX_FILE: u64 = 16 << 20;

/// Bytes of all archives together, packages within packages counted again: Helm has no limit there, so that a
/// package of a few kilobytes could unpack for hours.
const MAX_TOTAL: u64 = 512 << 20;

/// Entries and subcharts of all archives together.
const MAX_ENTRIES: usize = 200_000;
const MAX_CHARTS: usize = 10_000;

/// Packages within packages.
const MAX_NESTED: usize = 16;

/// What a package says about itself.
#[derive(Debug)]
pub struct Package {
    /// The metadata after Helm's cleaning.
    pub metadata: Metadata,
    /// The exact bytes of the config blob.
    pub config: Vec<u8>,
    /// Modification time of Chart.yaml in the archive, in seconds since 1970.
    pub chart_yaml_mtime: i64,
    /// The gzip stream ends with a right trailer. Helm does not care; without another digest it is the only
    /// sign that a download is whole.
    pub gzip_complete: bool,
    /// What is odd but no reason to refuse it; codes `only-helm-3` and `only-helm-4` if one Helm refuses it.
    pub warnings: Vec<Reason>,
}

/// Reads a package. Blocking; memory stays within a few times 16 MiB however hostile the bytes, and far below
/// for real packages.
pub fn read(reader: impl Read) -> Result<Package, PackageError> {
    let mut reader = BufReader::with_capacity(64 << 10, reader);
    check_magic(&mut reader)?;
    let mut loader = Loader::default();
    let mut chart = Chart::new(String::new(), 0);
    let gzip_complete = loader.archive(&mut reader, &mut chart, 0)?;
    let (mtime, files, ambiguous) = (chart.mtime, chart.files, chart.draft.ambiguous);
    let metadata = chart.finish(&mut loader.text_left)?;
    let mut warnings = Vec::from_iter(loader.verdict()?);
    if files > 1 {
        let text = format!("the package holds {files} Chart.yaml; Helm lays them over each other");
        warnings.push(Reason::new("chart-yaml-twice", text));
    }
    if ambiguous {
        let text = "Chart.yaml has keys that are equal as texts (`1` and `'1'`); Helm takes a random one";
        warnings.push(Reason::new("ambiguous-keys", text));
    }
    if !gzip_complete {
        let text = "the gzip trailer is missing or wrong; Helm does not check it";
        warnings.push(Reason::new("gzip-trailer", text));
    }
    let config = metadata.to_config();
    Ok(Package {
        metadata,
        config,
        chart_yaml_mtime: mtime,
        gzip_complete,
        warnings,
    })
}

/// Helm goes by the first three bytes.
fn check_magic(reader: &mut impl BufRead) -> Result<(), PackageError> {
    let source = |source| PackageError::Archive {
        archive: "package".into(),
        source,
    };
    let start = reader.fill_buf().map_err(source)?;
    if start.starts_with(&[0x1f, 0x8b, 8]) {
        return Ok(());
    }
    Err(PackageError::NotGzip {
        start: start[..start.len().min(16)].to_vec(),
    })
}

//! A chart and its subcharts while the archive streams by (helm-oci-format 1.3).

use std::collections::BTreeMap;

use super::PackageError;
use crate::helm::metadata::{Draft, Metadata};

/// Folders of subcharts within subcharts, all archives counted on.
pub(super) const MAX_DEPTH: usize = 64;

/// What is kept of a chart: its metadata, and files that may only be read at the end.
#[derive(Debug, Default)]
pub(super) struct Chart {
    /// Path in the package, for messages: empty or ending in `/`.
    pub(super) at: String,
    pub(super) depth: usize,
    pub(super) draft: Draft,
    /// How many Chart.yaml there were.
    pub(super) files: usize,
    pub(super) mtime: i64,
    /// They go over Chart.yaml, whichever comes first in the archive.
    pub(super) requirements: Vec<Vec<u8>>,
    subcharts: BTreeMap<Vec<u8>, Subchart>,
}

#[derive(Debug)]
enum Subchart {
    Folder(Box<Chart>),
    /// A `.tgz`, loaded when it came by.
    Archive,
}

/// What a file of the archive is to Helm.
#[derive(Debug)]
pub(super) enum Role<'a> {
    /// Chart.yaml of this chart.
    Chart(&'a mut Chart),
    Requirements(&'a mut Chart),
    Lock,
    Values,
    /// A packaged subchart.
    Archive {
        depth: usize,
    },
    /// Any other file.
    Other,
}

fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

impl Chart {
    /// A chart whose files have `at` in front.
    pub(super) fn new(at: String, depth: usize) -> Self {
        Self {
            at,
            depth,
            ..Self::default()
        }
    }

    /// Finds out what the file at `path` is; subcharts come into being on the way, counted by `count`.
    pub(super) fn place<'a>(
        mut self: &'a mut Self,
        mut path: &[u8],
        mut count: impl FnMut() -> Result<(), PackageError>,
    ) -> Result<Role<'a>, PackageError> {
        loop {
            match path {
                b"Chart.yaml" => return Ok(Role::Chart(self)),
                b"requirements.yaml" => return Ok(Role::Requirements(self)),
                b"Chart.lock" | b"requirements.lock" => return Ok(Role::Lock),
                b"values.yaml" => return Ok(Role::Values),
                _ => {}
            }
            let Some(below) = path
                .strip_prefix(b"charts/")
                .filter(|below| !below.ends_with(b".prov"))
            else {
                return Ok(Role::Other);
            };
            let end = below.iter().position(|b| *b == b'/');
            let name = &below[..end.unwrap_or(below.len())];
            if matches!(name, [b'_' | b'.', ..]) {
                return Ok(Role::Other);
            }
            if name.ends_with(b".tgz") {
                return self.place_archive(name, end.is_some(), count);
            }
            self = self.subchart(name, &mut count)?;
            match end {
                // A file where a folder must be: the subchart stays without Chart.yaml, which is found at the end.
                None => return Ok(Role::Other),
                Some(end) => path = &below[end + 1..],
            }
        }
    }

    fn place_archive(
        &mut self,
        name: &[u8],
        folder: bool,
        mut count: impl FnMut() -> Result<(), PackageError>,
    ) -> Result<Role<'_>, PackageError> {
        if self.subcharts.contains_key(name) {
            // Of several, Helm takes the first.
            return Ok(Role::Other);
        }
        let file = format!("{}charts/{}", self.at, shown(name));
        if folder {
            return Err(PackageError::refused(file, "a folder with the name of a package"));
        }
        count()?;
        self.subcharts.insert(name.to_vec(), Subchart::Archive);
        Ok(Role::Archive {
            depth: self.depth + 1,
        })
    }

    fn subchart(
        &mut self,
        name: &[u8],
        count: &mut impl FnMut() -> Result<(), PackageError>,
    ) -> Result<&mut Self, PackageError> {
        let at = format!("{}charts/{}/", self.at, shown(name));
        let depth = self.depth + 1;
        if depth > MAX_DEPTH {
            return Err(PackageError::Limit {
                file: at,
                what: "the nesting of subcharts",
                limit: "64",
            });
        }
        if !self.subcharts.contains_key(name) {
            count()?;
        }
        let new = || Subchart::Folder(Box::new(Self::new(at, depth)));
        match self.subcharts.entry(name.to_vec()).or_insert_with(new) {
            Subchart::Folder(chart) => Ok(chart),
            Subchart::Archive => Err(PackageError::refused(
                shown(name),
                "a folder and a package at once",
            )),
        }
    }

    /// Reads what had to wait, validates this chart and its subcharts, and gives the metadata of this one.
    pub(super) fn finish(mut self, left: &mut usize) -> Result<Metadata, PackageError> {
        let at = std::mem::take(&mut self.at);
        if self.files == 0 && self.requirements.is_empty() {
            return Err(PackageError::refused(format!("{at}Chart.yaml"), "missing"));
        }
        for file in std::mem::take(&mut self.requirements) {
            self.draft
                .overlay(&file, left)
                .map_err(|error| PackageError::refused(format!("{at}requirements.yaml"), error))?;
        }
        for subchart in self.subcharts.into_values() {
            if let Subchart::Folder(chart) = subchart {
                chart.finish(left)?;
            }
        }
        self.draft
            .finish()
            .map_err(|error| PackageError::refused(format!("{at}Chart.yaml"), error))
    }
}

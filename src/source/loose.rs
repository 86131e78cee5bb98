//! A folder of packages without an index: they are indexed by reading them, as `helm repo index` does.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::SourceError;
use super::charts::Charts;
use crate::helm::index::{Entry, Index, IndexDigest};
use crate::helm::package;
use crate::types::{Digest, Reason, Sha256Stream};

/// The index of the packages in `folder` and one level below it, and a digest that tells whether any of them changed.
pub(super) fn index(folder: &Path) -> Result<(Index, Digest), SourceError> {
    let folder = folder.canonicalize().map_err(|source| SourceError::Io {
        path: folder.to_path_buf(),
        source,
    })?;
    let mut charts = Charts::default();
    let mut warnings = Vec::new();
    let mut all = Sha256Stream::default();
    for path in packages(&folder)? {
        let file = path.strip_prefix(&folder).unwrap_or(&path);
        let Some(name) = file.to_str() else {
            let text = format!("`{}` is left out: its name is not UTF-8", file.display());
            warnings.push(Reason::new("not-a-chart", text.escape_debug().to_string()));
            continue;
        };
        let (chart, digest) = read(&path)?;
        all.update(format!("{name}\0{digest}\n").as_bytes());
        match chart {
            Ok(chart) => charts.add(entry(name, digest, &chart)),
            Err(error) => warnings.push(Reason::new(
                "not-a-chart",
                format!(
                    "`{}` is left out, as it is no chart that Helm reads: {error}",
                    name.escape_debug()
                ),
            )),
        }
    }
    Ok((charts.finish(warnings), all.finish().0))
}

/// All `.tgz` files, those of the folder first, by name. Links that lead out of it are left alone.
fn packages(folder: &Path) -> Result<Vec<PathBuf>, SourceError> {
    let (mut files, mut folders) = list(folder)?;
    folders.sort();
    files.sort();
    for below in folders {
        let (mut more, _) = list(&below)?;
        more.sort();
        files.append(&mut more);
    }
    Ok(files)
}

fn list(folder: &Path) -> Result<(Vec<PathBuf>, Vec<PathBuf>), SourceError> {
    let io = |source: io::Error| SourceError::Io {
        path: folder.to_path_buf(),
        source,
    };
    let (mut files, mut folders) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(folder).map_err(io)? {
        let entry = entry.map_err(io)?;
        let (kind, path) = (entry.file_type().map_err(io)?, entry.path());
        if kind.is_dir() {
            folders.push(path);
        } else if kind.is_file() && path.extension().is_some_and(|end| end == "tgz") {
            files.push(path);
        }
    }
    Ok((files, folders))
}

/// Reads a package and its digest in one go.
fn read(path: &Path) -> Result<(Result<package::Package, package::PackageError>, Digest), SourceError> {
    let io = |source| SourceError::Io {
        path: path.to_path_buf(),
        source,
    };
    let mut hashed = Hashed {
        file: File::open(path).map_err(io)?,
        hash: Sha256Stream::default(),
    };
    let chart = package::read(&mut hashed);
    // Helm stops at the end of the archive; the digest is that of the whole file.
    io::copy(&mut hashed, &mut io::sink()).map_err(io)?;
    Ok((chart, hashed.hash.finish().0))
}

struct Hashed {
    file: File,
    hash: Sha256Stream,
}

impl Read for Hashed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.hash.update(&buffer[..read]);
        Ok(read)
    }
}

/// `created` stays open: the time of the package itself is what counts then (product.md 3).
fn entry(file: &str, digest: Digest, chart: &package::Package) -> Entry {
    let metadata = &chart.metadata;
    let name: Arc<str> = metadata.name.as_str().into();
    Entry {
        chart: Arc::clone(&name),
        name: Some(name),
        version: metadata.version.as_str().into(),
        urls: Box::new([url(file).into()]),
        digest: IndexDigest::Sha256(digest),
        created: None,
        app_version: (!metadata.app_version.is_empty()).then(|| metadata.app_version.as_str().into()),
        deprecated: metadata.deprecated,
        line: 0,
        problem: None,
    }
}

/// The name of a file as a relative URL: `./` keeps a colon from making a scheme.
fn url(file: &str) -> String {
    use std::fmt::Write as _;
    let mut url = String::from("./");
    for byte in file.bytes() {
        match byte {
            b'%' | b'?' | b'#' | b'\\' | 0..=0x20 | 0x7f.. => {
                let _ = write!(url, "%{byte:02X}");
            }
            _ => url.push(char::from(byte)),
        }
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_urls() {
        assert_eq!(url("sub/a-1.0.0+b.tgz"), "./sub/a-1.0.0+b.tgz");
        assert_eq!(url("a b%?#\u{e9}.tgz"), "./a%20b%25%3F%23%C3%A9.tgz");
    }
}

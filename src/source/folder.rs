//! A folder as source: with an `index.yaml`, or with packages only.
//!
//! Whatever the index says, a package is looked for on disk first, so that a clone of a published repository works
//! without a network; and whatever it says, nothing outside the folder is read.

use std::io;
use std::path::{Path, PathBuf};

use url::Url;

use super::urls::{self, PackageUrl, UrlError, Written};
use super::web::Web;
use super::{
    ProvenanceFile, Snapshot, SourceError, SourceOptions, Validators, blocking, index_spool, loose,
    read_file, read_index,
};
use crate::helm::provenance;
use crate::net::Net;
use crate::payload::{Budget, Spool, Spooled};

/// A folder.
pub(super) struct FolderSource {
    folder: PathBuf,
    web: Web,
    budget: Budget,
}

impl FolderSource {
    pub(super) fn new(folder: &Path, net: Net, budget: Budget, options: SourceOptions) -> Self {
        Self {
            folder: folder.to_path_buf(),
            web: Web::new(None, net, budget.clone(), options),
            budget,
        }
    }

    /// For what is not in the folder.
    pub(super) fn web(&self) -> &Web {
        &self.web
    }

    pub(super) async fn snapshot(&self, previous: Option<&Validators>) -> Result<Snapshot, SourceError> {
        let path = self.folder.join("index.yaml");
        let limits = self.web.options().index_limits;
        let (read, body) = match read_file(&path, index_spool(&self.budget, &limits), "max_index_size").await
        {
            Err(SourceError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                let folder = self.folder.clone();
                let (index, body) = blocking(move || loose::index(&folder)).await?;
                (Err(index), body)
            }
            spooled => {
                let spooled = spooled?;
                (Ok(spooled.payload), spooled.digest)
            }
        };
        let validators = Validators {
            etag: None,
            last_modified: None,
            body,
        };
        if previous.is_some_and(|previous| previous.body == body) {
            return Ok(Snapshot::Unchanged { validators });
        }
        let index = match read {
            Ok(payload) => read_index(payload, limits, path.display().to_string()).await?,
            Err(index) => index,
        };
        Ok(Snapshot::Fresh { index, validators })
    }

    pub(super) async fn locate(&self, text: &str, version: &str) -> Result<PackageUrl, SourceError> {
        let (text, version, folder) = (text.to_owned(), version.to_owned(), self.folder.clone());
        blocking(move || locate(&folder, &text, &version)).await
    }

    pub(super) async fn package(&self, path: &Path) -> Result<Spooled, SourceError> {
        let spool = Spool::new(&self.budget, self.web.options().max_package_size);
        read_file(path, spool, "max_package_size").await
    }

    pub(super) async fn provenance(&self, package: &Path) -> Result<ProvenanceFile, SourceError> {
        let mut path = package.as_os_str().to_owned();
        path.push(".prov");
        let (folder, path) = (self.folder.clone(), PathBuf::from(path));
        blocking(move || {
            let folder = canonical(&folder)?;
            let Some(path) = inside(&folder, &path)? else {
                return Ok(ProvenanceFile::None);
            };
            let io = |source| SourceError::Io {
                path: path.clone(),
                source,
            };
            if std::fs::metadata(&path).map_err(io)?.len() > provenance::MAX_SIZE {
                return Err(SourceError::TooLarge {
                    url: path.display().to_string(),
                    limit: provenance::MAX_SIZE,
                    key: "size of a provenance file",
                });
            }
            Ok(ProvenanceFile::of(std::fs::read(&path).map_err(io)?.into()))
        })
        .await
    }
}

fn locate(folder: &Path, text: &str, version: &str) -> Result<PackageUrl, SourceError> {
    let refused = |error| SourceError::Url {
        url: urls::shown(text),
        error,
    };
    let mut url = match urls::read(text, version).map_err(refused)? {
        Written::Oci(reference) => return Ok(PackageUrl::Oci(reference)),
        Written::Absolute(url) => url,
        Written::Relative => relative(text).map_err(refused)?,
    };
    let folder = canonical(folder)?;
    let names: Vec<String> = url
        .path_segments()
        .into_iter()
        .flatten()
        .filter_map(name)
        .collect();
    for start in 0..names.len() {
        let path = names[start..]
            .iter()
            .fold(folder.clone(), |path, name| path.join(name));
        if let Some(path) = inside(&folder, &path)? {
            return Ok(PackageUrl::File(path));
        }
    }
    url.set_fragment(None);
    match url.scheme() {
        "http" | "https" if url.host_str() != Some(NOWHERE) => Ok(PackageUrl::Http(url)),
        _ => Err(SourceError::NotInFolder {
            url: urls::shown(text),
            folder,
        }),
    }
}

/// Stands for the folder where relative URLs are resolved; names ending in `.invalid` never exist (RFC 6761).
const NOWHERE: &str = "folder.invalid";

/// A relative URL as one with a path. A path that climbs is refused: the URL standard would stop at the root in
/// silence, and so would name another file than the index means.
fn relative(text: &str) -> Result<Url, UrlError> {
    let path = text.split(['?', '#']).next().unwrap_or_default();
    let mut depth = 0_i32;
    for part in path.split(['/', '\\']) {
        depth += match decode(part).as_deref().unwrap_or(part) {
            ".." => -1,
            "" | "." => 0,
            _ => 1,
        };
        if depth < 0 {
            return Err(UrlError::Climbs);
        }
    }
    Url::parse(&format!("http://{NOWHERE}/"))
        .and_then(|base| base.join(text))
        .map_err(UrlError::Malformed)
}

/// A part of a URL's path as the name of a file; `None` if it cannot be one.
fn name(segment: &str) -> Option<String> {
    let name = decode(segment)?;
    let good = !name.is_empty() && !name.contains(['/', '\0']) && name != ".." && name != ".";
    good.then_some(name)
}

/// Undoes %-escapes; `None` if that gives no UTF-8.
fn decode(segment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let [first, after @ ..] = rest {
        let digit = |at: usize| after.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        if let (b'%', Some(high), Some(low)) = (first, digit(0), digit(1)) {
            bytes.push(u8::try_from(high * 16 + low).ok()?);
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}

fn canonical(folder: &Path) -> Result<PathBuf, SourceError> {
    folder.canonicalize().map_err(|source| SourceError::Io {
        path: folder.to_path_buf(),
        source,
    })
}

/// The plain file at `path`, if there is one. A link that leads out of the folder is an error rather than nothing: what
/// it hides should not be fetched from elsewhere in silence.
fn inside(folder: &Path, path: &Path) -> Result<Option<PathBuf>, SourceError> {
    match path.canonicalize() {
        Ok(real) if !real.starts_with(folder) => Err(SourceError::Outside {
            path: path.to_path_buf(),
            folder: folder.to_path_buf(),
        }),
        Ok(real) => Ok(real.is_file().then_some(real)),
        Err(error) => match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::InvalidFilename => {
                Ok(None)
            }
            _ => Err(SourceError::Io {
                path: path.to_path_buf(),
                source: error,
            }),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn folder() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("src/charts/b")).unwrap();
        for file in ["a.tgz", "charts b.tgz", "charts/a.tgz", "charts/b/c.tgz"] {
            fs::write(dir.path().join("src").join(file), file).unwrap_or_default();
        }
        fs::write(dir.path().join("secret.tgz"), "secret").unwrap();
        dir
    }

    fn found(dir: &Path, text: &str) -> String {
        let src = dir.join("src").canonicalize().unwrap();
        match locate(&src, text, "1.0.0") {
            Ok(PackageUrl::File(path)) => path.strip_prefix(&src).unwrap().display().to_string(),
            Ok(PackageUrl::Http(url)) => url.into(),
            Ok(other) => format!("{other:?}"),
            Err(SourceError::Url { error, .. }) => format!("{error:?}"),
            Err(SourceError::NotInFolder { .. }) => "none".into(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn the_longest_tail_is_the_file() {
        let dir = folder();
        for (text, file) in [
            ("a.tgz", "a.tgz"),
            ("./charts/../a.tgz", "a.tgz"),
            ("/charts/a.tgz?x=1#y", "charts/a.tgz"),
            ("charts%20b.tgz", "charts b.tgz"),
            ("charts b.tgz", "charts b.tgz"),
            ("https://h/stable/charts/a.tgz", "charts/a.tgz"),
            ("https://h/stable/x/a.tgz?token=1", "a.tgz"),
            ("https://h/charts/b/c.tgz", "charts/b/c.tgz"),
            ("file:///somewhere/else/charts/a.tgz", "charts/a.tgz"),
            ("https://h/x/none.tgz?token=1", "https://h/x/none.tgz?token=1"),
            ("https://h/x/charts/b", "https://h/x/charts/b"),
            ("none.tgz", "none"),
            ("file:///etc/passwd", "none"),
            ("", "none"),
        ] {
            assert_eq!(found(dir.path(), text), file, "{text}");
        }
    }

    #[test]
    fn nothing_outside_is_found() {
        let dir = folder();
        std::os::unix::fs::symlink("../secret.tgz", dir.path().join("src/link.tgz")).unwrap();
        std::os::unix::fs::symlink("..", dir.path().join("src/up")).unwrap();
        std::os::unix::fs::symlink("a.tgz", dir.path().join("src/good.tgz")).unwrap();
        for (text, outcome) in [
            ("../secret.tgz", "Climbs"),
            ("charts/../../secret.tgz", "Climbs"),
            ("%2e%2e/secret.tgz", "Climbs"),
            ("..\\secret.tgz", "Climbs"),
            ("..%2fsecret.tgz", "none"),
            ("https://h/..%2fsecret.tgz", "https://h/..%2fsecret.tgz"),
            ("good.tgz", "a.tgz"),
        ] {
            assert_eq!(found(dir.path(), text), outcome, "{text}");
        }
        for text in ["link.tgz", "up/secret.tgz", "https://h/up/secret.tgz"] {
            let outcome = found(dir.path(), text);
            assert!(outcome.contains("leads out of the folder"), "{outcome}");
        }
    }
}

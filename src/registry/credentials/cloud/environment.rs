//! The variables and files by which a cloud tells a workload who it is.

use std::collections::BTreeMap;
use std::fmt;
#[cfg(any(feature = "aws", feature = "azure", feature = "google"))]
use std::path::{Path, PathBuf};

#[cfg(any(feature = "aws", feature = "azure", feature = "google"))]
use super::CloudError;

/// The environment of the process, as it was when the program began.
pub(super) struct Environment {
    #[cfg_attr(
        not(any(feature = "aws", feature = "azure", feature = "google")),
        expect(dead_code, reason = "only clouds read it")
    )]
    variables: BTreeMap<String, String>,
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Environment")
    }
}

impl Environment {
    pub(super) fn new(variables: BTreeMap<String, String>) -> Self {
        Self { variables }
    }
}

#[cfg(any(feature = "aws", feature = "azure", feature = "google"))]
impl Environment {
    /// A variable; an empty one is as good as none, as for all SDKs.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let value = self.variables.get(name)?.trim();
        (!value.is_empty()).then_some(value)
    }

    /// A path in a variable.
    pub(super) fn path(&self, name: &str) -> Option<PathBuf> {
        self.get(name).map(PathBuf::from)
    }

    /// A path below the home folder.
    #[cfg(any(feature = "aws", feature = "google"))]
    pub(super) fn home(&self, below: &str) -> Option<PathBuf> {
        self.path("HOME").map(|home| home.join(below))
    }
}

/// The largest file of these: a key file has two kilobytes.
#[cfg(any(feature = "aws", feature = "azure", feature = "google"))]
const LARGEST: u64 = 1 << 20;

/// Reads a file anew, since tokens in files rotate. `None` if there is none.
#[cfg(any(feature = "aws", feature = "azure", feature = "google"))]
pub(super) async fn read(way: &str, path: &Path) -> Result<Option<String>, CloudError> {
    use std::io::{ErrorKind, Read as _};

    let file = path.to_owned();
    let read = move || -> Result<Option<String>, String> {
        let opened = match std::fs::File::open(&file) {
            Ok(opened) => opened,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            Err(error) => return Err(format!("cannot be read ({error}); correct its permissions")),
        };
        let mut text = String::new();
        opened
            .take(LARGEST)
            .read_to_string(&mut text)
            .map_err(|error| format!("cannot be read ({error}); give a text file"))?;
        Ok(Some(text))
    };
    super::super::blocking(read)
        .await
        .and_then(|read| read)
        .map_err(|what| CloudError::File {
            way: way.to_owned(),
            path: path.to_owned(),
            what,
        })
}

/// The same for a file that must be there and hold something.
#[cfg(any(feature = "aws", feature = "azure", feature = "google"))]
pub(super) async fn read_named(way: &str, path: &Path, variable: &str) -> Result<String, CloudError> {
    let wrong = |what: String| CloudError::File {
        way: way.to_owned(),
        path: path.to_owned(),
        what,
    };
    match read(way, path).await? {
        None => Err(wrong(format!("is not there; mount it or correct `{variable}`"))),
        Some(text) if text.trim().is_empty() => {
            Err(wrong(format!("is empty; see who writes it (`{variable}`)")))
        }
        Some(text) => Ok(text.trim().to_owned()),
    }
}

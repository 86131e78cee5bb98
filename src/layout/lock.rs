//! Finds or creates the folder of a layout and keeps other processes from writing to it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::blobs;
use super::error::{LayoutError, io};

/// The file that makes a folder a layout (image-spec "oci-layout file"). It is never replaced, so it is also what
/// writers lock: a layout gets no file that the image-spec does not know.
pub(super) const MARKER: &str = "oci-layout";
const MARKER_TEXT: &str = r#"{"imageLayoutVersion":"1.0.0"}"#;
/// More than any `oci-layout` file needs.
const MARKER_LIMIT: u64 = 64 << 10;

/// Names of files that are being written begin with this.
pub(super) const TEMPORARY: &str = ".chartferry-";

#[derive(serde::Deserialize)]
struct Marker {
    #[serde(rename = "imageLayoutVersion")]
    version: String,
}

/// True where nothing is, or a folder with nothing in it.
pub(super) fn is_free(dir: &Path) -> bool {
    !dir.exists() || is_empty(dir).unwrap_or(false)
}

/// The absolute folder of a layout that is there.
pub(super) fn existing(dir: &Path) -> Result<PathBuf, LayoutError> {
    let marker = dir.join(MARKER);
    let file = match File::open(&marker) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(LayoutError::Absent {
                dir: dir.to_path_buf(),
            });
        }
        other => other.map_err(io("read", &marker))?,
    };
    check_marker(&file, &marker)?;
    dir.canonicalize().map_err(io("read", dir))
}

/// The absolute folder, made where needed, and the file whose lock says that this process writes to it.
pub(super) fn create(dir: &Path) -> Result<(PathBuf, File), LayoutError> {
    fs::create_dir_all(dir).map_err(io("create", dir))?;
    let dir = dir.canonicalize().map_err(io("read", dir))?;
    let marker = dir.join(MARKER);
    if !marker.exists() && !is_empty(&dir)? {
        return Err(LayoutError::Foreign { dir });
    }
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&marker)
        .map_err(io("create", &marker))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(LayoutError::Busy { dir }),
        Err(TryLockError::Error(error)) => return Err(io("lock", &marker)(error)),
    }
    // Empty: new, or a process died between creating and writing it.
    if file.metadata().map_err(io("read", &marker))?.len() == 0 {
        file.write_all(MARKER_TEXT.as_bytes())
            .and_then(|()| file.sync_all())
            .map_err(io("write", &marker))?;
        blobs::sync_folder(&dir)?;
    } else {
        check_marker(&file, &marker)?;
    }
    let folder = blobs::folder(&dir);
    fs::create_dir_all(&folder).map_err(io("create", &folder))?;
    Ok((dir, file))
}

fn is_empty(dir: &Path) -> Result<bool, LayoutError> {
    Ok(fs::read_dir(dir).map_err(io("read", dir))?.next().is_none())
}

fn check_marker(file: &File, path: &Path) -> Result<(), LayoutError> {
    let malformed = |why: String| LayoutError::Malformed {
        path: path.to_path_buf(),
        why,
    };
    let mut text = Vec::new();
    file.take(MARKER_LIMIT)
        .read_to_end(&mut text)
        .map_err(io("read", path))?;
    let marker: Marker = serde_json::from_slice(&text).map_err(|error| malformed(error.to_string()))?;
    if marker.version.starts_with("1.") {
        Ok(())
    } else {
        Err(malformed(format!(
            "its version is `{}`, and only 1.x is known",
            marker.version.escape_debug()
        )))
    }
}

/// Removes what a writer that died left half-written. Best effort: such files are never looked at.
pub(super) fn remove_leftovers(dir: &Path) {
    for folder in [dir.to_path_buf(), blobs::folder(dir)] {
        let Ok(entries) = fs::read_dir(folder) else {
            continue;
        };
        for entry in entries.flatten() {
            if entry.file_name().to_string_lossy().starts_with(TEMPORARY) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

//! Whether a layout could be written or made, told without writing: what `doctor` says before a run finds out.

use std::fs;
use std::io::{Error, ErrorKind};
use std::path::Path;

use rustix::fs::{Access, access};

use super::error::{LayoutError, io};
use super::{blobs, index, lock};

/// Fails for the first part of the layout that this process may not write to; where there is none yet, for the place at
/// which its folder would be made.
pub(super) fn check(dir: &Path) -> Result<(), LayoutError> {
    let absolute = std::path::absolute(dir).map_err(io("read", dir))?;
    for place in absolute.ancestors() {
        match fs::metadata(place) {
            Ok(found) if !found.is_dir() => {
                return Err(io("create a folder in", place)(ErrorKind::NotADirectory.into()));
            }
            Ok(_) => {
                may(place, Access::WRITE_OK | Access::EXEC_OK)?;
                break;
            }
            Err(error) if is_missing(&error) && fs::symlink_metadata(place).is_err() => {}
            // Also a link that leads nowhere: no folder can be made of it.
            Err(error) => return Err(io("create a folder at", place)(error)),
        }
    }
    for (part, wanted) in [
        (absolute.join("blobs"), Access::EXEC_OK),
        (blobs::folder(&absolute), Access::WRITE_OK | Access::EXEC_OK),
        (absolute.join(lock::MARKER), Access::READ_OK | Access::WRITE_OK),
        (absolute.join(index::FILE), Access::READ_OK),
    ] {
        if part.exists() {
            may(&part, wanted)?;
        }
    }
    Ok(())
}

fn may(place: &Path, wanted: Access) -> Result<(), LayoutError> {
    access(place, wanted).map_err(|error| io("write to", place)(error.into()))
}

fn is_missing(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

//! Blobs and other files of a layout: written whole or not at all, read only with the right digest.
//!
//! The only names used are the hex digits of checked digests, so nothing that a source or an index says can lead out
//! of the folder; links are not followed.

use std::fs::{self, File};
use std::io::{self as std_io, Read, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde::Deserialize;
use tokio::io::AsyncReadExt as _;

use super::error::{LayoutError, io};
use super::lock::TEMPORARY;
use crate::payload::{Budget, Payload, Spool, Spooled};
use crate::types::{Digest, Sha256Stream};

/// Manifests are at most this long (helm-oci-format 2; distribution refuses longer ones as well).
const MANIFEST_LIMIT: u64 = 4 << 20;
const CHUNK: usize = 64 << 10;

/// Where blobs are.
pub(super) fn folder(dir: &Path) -> PathBuf {
    dir.join("blobs").join("sha256")
}

fn place(dir: &Path, digest: &Digest) -> PathBuf {
    folder(dir).join(digest.hex())
}

/// Refuses a layout whose `blobs/sha256` lies elsewhere. `dir` is canonical.
pub(super) fn check_folder(dir: &Path) -> Result<(), LayoutError> {
    let folder = folder(dir);
    match folder.canonicalize() {
        Ok(real) if real == folder => Ok(()),
        Ok(_) => Err(LayoutError::Escapes { path: folder }),
        // Some tools make the folder with the first blob only.
        Err(error) if error.kind() == std_io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(io("read", &folder)(error)),
    }
}

/// The size of a blob, if it is there as a plain file.
pub(super) fn size(dir: &Path, digest: &Digest) -> Result<Option<u64>, LayoutError> {
    let path = place(dir, digest);
    match fs::symlink_metadata(&path) {
        Ok(metadata) if metadata.is_file() => Ok(Some(metadata.len())),
        Ok(_) => Err(LayoutError::Escapes { path }),
        Err(error) if error.kind() == std_io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io("read", &path)(error)),
    }
}

/// Writes a blob unless it is there.
pub(super) fn write(dir: &Path, digest: &Digest, payload: &Payload) -> Result<(), LayoutError> {
    let path = place(dir, digest);
    if size(dir, digest)? == Some(payload.size()) {
        let file = File::open(&path).map_err(io("read", &path))?;
        let (found, _) = copy(file, &mut std_io::sink()).map_err(io("read", &path))?;
        if found == *digest {
            return Ok(());
        }
    }
    let folder = folder(dir);
    let mut temporary = temporary(&folder)?;
    let reader = payload.reader().map_err(io("read the bytes for", &path))?;
    let (found, size) = copy(reader, temporary.as_file_mut()).map_err(io("write", &path))?;
    if found != *digest {
        return Err(LayoutError::Corrupt {
            place: "given for a blob".into(),
            expected: *digest,
            found,
            size,
        });
    }
    finish(temporary, &path)
}

/// Copies and hashes.
fn copy(mut reader: impl Read, writer: &mut impl Write) -> std_io::Result<(Digest, u64)> {
    let mut hash = Sha256Stream::default();
    let mut buffer = vec![0; CHUNK];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(hash.finish()),
            Ok(read) => {
                hash.update(&buffer[..read]);
                writer.write_all(&buffer[..read])?;
            }
            Err(error) if error.kind() == std_io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// A new file that goes away unless it is finished. Readable by others as far as the umask allows: a layout is made
/// to be carried around.
fn temporary(folder: &Path) -> Result<tempfile::NamedTempFile, LayoutError> {
    tempfile::Builder::new()
        .prefix(TEMPORARY)
        .permissions(fs::Permissions::from_mode(0o666))
        .tempfile_in(folder)
        .map_err(io("create a file in", folder))
}

fn finish(temporary: tempfile::NamedTempFile, path: &Path) -> Result<(), LayoutError> {
    temporary.as_file().sync_all().map_err(io("write", path))?;
    temporary
        .persist(path)
        .map(drop)
        .map_err(|error| io("write", path)(error.error))
}

/// Makes the names in a folder durable.
pub(super) fn sync_folder(folder: &Path) -> Result<(), LayoutError> {
    File::open(folder)
        .and_then(|file| file.sync_all())
        .map_err(io("sync", folder))
}

/// Puts a file with this text in place of the old one, durably.
pub(super) fn replace_file(dir: &Path, name: &str, text: &[u8]) -> Result<(), LayoutError> {
    let path = dir.join(name);
    let mut temporary = temporary(dir)?;
    temporary.write_all(text).map_err(io("write", &path))?;
    finish(temporary, &path)?;
    sync_folder(dir)
}

/// Reads a blob into memory or a temporary file.
pub(super) async fn read(
    dir: &Path,
    digest: &Digest,
    expected: u64,
    budget: &Budget,
) -> Result<Spooled, LayoutError> {
    let path = place(dir, digest);
    if size(dir, digest)?.is_none() {
        return Err(LayoutError::NoBlob {
            dir: dir.to_path_buf(),
            digest: *digest,
        });
    }
    let mut file = tokio::fs::File::open(&path).await.map_err(io("read", &path))?;
    let mut spool = Spool::new(budget, expected);
    let mut buffer = vec![0; CHUNK];
    loop {
        let read = file.read(&mut buffer).await.map_err(io("read", &path))?;
        if read == 0 {
            break;
        }
        spool.write(&buffer[..read]).await?;
    }
    let spooled = spool.finish().await?;
    if spooled.digest == *digest {
        return Ok(spooled);
    }
    Err(corrupt(&path, digest, spooled.digest, spooled.size))
}

fn corrupt(path: &Path, expected: &Digest, found: Digest, size: u64) -> LayoutError {
    LayoutError::Corrupt {
        place: format!("of `{}`", path.display()),
        expected: *expected,
        found,
        size,
    }
}

/// Reads a manifest.
pub(super) fn read_manifest(dir: &Path, digest: &Digest) -> Result<Bytes, LayoutError> {
    let path = place(dir, digest);
    let Some(size) = size(dir, digest)? else {
        return Err(LayoutError::NoBlob {
            dir: dir.to_path_buf(),
            digest: *digest,
        });
    };
    if size > MANIFEST_LIMIT {
        return Err(LayoutError::Malformed {
            path,
            why: format!("a manifest of {size} bytes is longer than any registry takes"),
        });
    }
    let bytes = fs::read(&path).map_err(io("read", &path))?;
    let found = Digest::of(&bytes);
    if found == *digest {
        return Ok(bytes.into());
    }
    Err(corrupt(&path, digest, found, size))
}

#[derive(Deserialize)]
struct Children {
    config: Option<Child>,
    #[serde(default)]
    layers: Vec<Child>,
}

#[derive(Deserialize)]
struct Child {
    digest: Digest,
    size: u64,
}

/// A tag never points at something incomplete: all blobs of a manifest are there before it is named.
pub(super) fn check_children(dir: &Path, name: &str, manifest: &[u8]) -> Result<(), LayoutError> {
    let children: Children = serde_json::from_slice(manifest).map_err(|error| LayoutError::Malformed {
        path: PathBuf::from(name),
        why: error.to_string(),
    })?;
    for child in children.config.iter().chain(&children.layers) {
        if size(dir, &child.digest)? != Some(child.size) {
            return Err(LayoutError::Incomplete {
                name: name.to_owned(),
                digest: child.digest,
            });
        }
    }
    Ok(())
}

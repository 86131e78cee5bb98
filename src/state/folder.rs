//! The folder in which states are, and its few operations on files: lock, read, replace, set aside.
//!
//! All of them go through the opened folder and follow no link, so nobody who can write beside it leads us elsewhere.

use std::fs::{DirBuilder, File, TryLockError};
use std::io::{self, BufWriter, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::error::{StateError, io};
use crate::types::Reason;

const FOLDER: OFlags = OFlags::DIRECTORY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::RDONLY)
    .union(OFlags::CLOEXEC);
/// For this user's eyes only: names of charts may be confidential.
const OWNER_ONLY: Mode = Mode::RUSR.union(Mode::WUSR);
const BUFFER: usize = 256 << 10;

/// A folder with the states of any number of mirrors. Cloning shares it.
#[derive(Debug, Clone)]
pub struct StateFolder {
    path: PathBuf,
    folder: Arc<OwnedFd>,
    warnings: Vec<Reason>,
}

impl StateFolder {
    /// Opens the folder and makes it, with those above it, where it is not there: 0700.
    pub fn open(path: &Path) -> Result<Self, StateError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .or_else(|error| match path.symlink_metadata() {
                // A link to nowhere, or a file: said better below.
                Ok(_) => Ok(()),
                Err(_) => Err(error),
            })
            .map_err(io("create the folder", path))?;
        match Self::existing(path)? {
            Some(folder) => Ok(folder),
            None => Err(io("open the folder", path)(Errno::NOENT)),
        }
    }

    /// Opens the folder if it is there. For those who only look.
    pub fn existing(path: &Path) -> Result<Option<Self>, StateError> {
        let folder = match rustix::fs::open(path, FOLDER, Mode::empty()) {
            Ok(folder) => folder,
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP | Errno::NOTDIR) => {
                let path = path.to_path_buf();
                return Err(if path.is_symlink() {
                    StateError::Link { path }
                } else {
                    StateError::NotAFolder { path }
                });
            }
            Err(error) => return Err(io("open the folder", path)(error)),
        };
        let status = rustix::fs::fstat(&folder).map_err(io("read", path))?;
        Ok(Some(Self {
            path: path.to_path_buf(),
            folder: Arc::new(folder),
            warnings: shared(path, status.st_uid, Mode::from_raw_mode(status.st_mode)),
        }))
    }

    /// What is odd about the folder: volumes of Kubernetes belong to root, so that is no error (reliability 4.4).
    pub fn warnings(&self) -> &[Reason] {
        &self.warnings
    }

    /// The place of a file in it.
    pub(super) fn place(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Takes the lock of a mirror. The system gives it back however this process ends. The file stays, since removing a locked file would let two processes lock two files.
    pub(super) fn lock(&self, name: &str, mirror: &str) -> Result<Lock, StateError> {
        let path = self.place(name);
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = rustix::fs::openat(self.folder.as_fd(), name, flags, OWNER_ONLY);
        let file = File::from(file.map_err(|error| refused("lock", &path, error))?);
        match file.try_lock() {
            Ok(()) => Ok(Lock(file)),
            Err(TryLockError::WouldBlock) => Err(StateError::Busy {
                mirror: mirror.into(),
                path,
            }),
            Err(TryLockError::Error(error)) => Err(io("lock", &path)(error)),
        }
    }

    /// Opens a file for reading, if it is there.
    pub(super) fn read(&self, name: &str) -> Result<Option<File>, StateError> {
        let path = self.place(name);
        // A pipe must not keep us waiting for a writer.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = match rustix::fs::openat(self.folder.as_fd(), name, flags, Mode::empty()) {
            Err(Errno::NOENT) => return Ok(None),
            other => other.map_err(|error| refused("read", &path, error))?,
        };
        let status = rustix::fs::fstat(&file).map_err(io("read", &path))?;
        if FileType::from_raw_mode(status.st_mode) == FileType::RegularFile {
            Ok(Some(File::from(file)))
        } else {
            Err(io("read", &path)(io::Error::other("it is no regular file")))
        }
    }

    /// Finds out whether the file can be replaced: better before the work than after it. `room` bytes have to fit on the
    /// disk.
    pub(super) fn probe(&self, name: &str, room: usize) -> Result<(), StateError> {
        let new = format!("{name}.new");
        let staged = self.stage(&new, |file| file.write_all(&vec![0; room]));
        let removed = rustix::fs::unlinkat(self.folder.as_fd(), new.as_str(), AtFlags::empty());
        staged.map_err(io("write", &self.place(name)))?;
        removed.map_err(io("write", &self.place(name)))
    }

    /// Puts what `write` writes in place of the file, whole or not at all. Only who holds the lock may call it: the
    /// name of the new file is always the same, so one that a killed process left is found and removed.
    pub(super) fn replace(
        &self,
        name: &str,
        write: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>,
    ) -> Result<(), StateError> {
        let new = format!("{name}.new");
        let done = self.stage(&new, write).and_then(|()| self.commit(&new, name));
        done.map_err(|error| {
            // Best effort: on a full disk the space is wanted back.
            let _ = rustix::fs::unlinkat(self.folder.as_fd(), new.as_str(), AtFlags::empty());
            StateError::Unsaved {
                path: self.place(name),
                error,
            }
        })
    }

    /// Writes a new file, durably.
    pub(super) fn stage(
        &self,
        new: &str,
        write: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>,
    ) -> io::Result<()> {
        match rustix::fs::unlinkat(self.folder.as_fd(), new, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => return Err(error.into()),
        }
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = File::from(rustix::fs::openat(self.folder.as_fd(), new, flags, OWNER_ONLY)?);
        let mut buffered = BufWriter::with_capacity(BUFFER, &file);
        write(&mut buffered)?;
        buffered.flush()?;
        drop(buffered);
        file.sync_all()
    }

    /// Gives a staged file its name, durably.
    pub(super) fn commit(&self, new: &str, name: &str) -> io::Result<()> {
        rustix::fs::renameat(self.folder.as_fd(), new, self.folder.as_fd(), name)?;
        Ok(rustix::fs::fsync(self.folder.as_fd())?)
    }

    /// Gives a broken file another name, so that it can be looked into. Of several only the last is kept.
    pub(super) fn set_aside(&self, name: &str) -> Result<PathBuf, StateError> {
        let aside = format!("{name}.broken");
        let path = self.place(name);
        self.commit(name, &aside)
            .map_err(io("set aside the broken", &path))?;
        Ok(self.place(&aside))
    }
}

/// A lock that is held until this is dropped.
#[derive(Debug)]
pub(super) struct Lock(File);

impl Drop for Lock {
    /// Closing the file is not enough: a process that is just being started shares it until it is the other program.
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}

fn refused(action: &'static str, path: &Path, error: Errno) -> StateError {
    match error {
        Errno::LOOP => StateError::Link {
            path: path.to_path_buf(),
        },
        error => io(action, path)(error),
    }
}

fn shared(path: &Path, owner: u32, mode: Mode) -> Vec<Reason> {
    let mut warnings = Vec::new();
    let (us, shown) = (rustix::process::geteuid().as_raw(), path.display());
    if owner != us {
        let text =
            format!("the state folder `{shown}` belongs to user {owner}, not to {us} who runs chartferry");
        warnings.push(Reason::new("state-folder-shared", text));
    }
    if mode.contains(Mode::WOTH) {
        let text = format!("anybody may write to the state folder `{shown}`; `chmod 700` it");
        warnings.push(Reason::new("state-folder-shared", text));
    }
    warnings
}

//! A disk that is soon full.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A file system of a few kilobytes, which only root can make.
pub(crate) struct TinyDisk(pub(crate) PathBuf);

impl TinyDisk {
    /// At `path`, which is made; `None` where that is not allowed.
    pub(crate) fn mount(path: &Path) -> Option<Self> {
        std::fs::create_dir(path).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=256k,mode=700", "tmpfs"])
            .arg(path)
            .stderr(Stdio::null())
            .status();
        mounted
            .is_ok_and(|status| status.success())
            .then(|| Self(path.to_owned()))
    }
}

impl Drop for TinyDisk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
    }
}

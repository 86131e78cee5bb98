//! Whether the configuration file has changed.
//!
//! The content is looked at every few seconds. Notices of the kernel (inotify) would come sooner but not always: a
//! `ConfigMap` changes by a link two folders above the file being replaced, network file systems tell nothing, and editors
//! replace files as they like. Reading some kilobytes costs nothing and is right everywhere.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest as _, Sha256};

/// Between two looks.
pub(super) const POLL: Duration = Duration::from_secs(5);
/// A file that changes is looked at again after this time and is taken only if it is still the same: one that is just
/// being written would be refused for what is missing at its end.
const SETTLE: Duration = Duration::from_secs(1);
/// More is no configuration file, which reading it will say.
const MOST: u64 = 2 << 20;

/// What a file holds, in short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

/// What the file `path` holds; none if it cannot be read.
pub fn fingerprint(path: &Path) -> Option<Fingerprint> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).ok()?;
    file.take(MOST).read_to_end(&mut bytes).ok()?;
    Some(Fingerprint(Sha256::digest(&bytes).into()))
}

/// Watches one file.
#[derive(Debug)]
pub(super) struct Lookout {
    path: PathBuf,
    /// What was tried last, whether or not it did.
    tried: Option<Fingerprint>,
}

impl Lookout {
    pub(super) fn new(path: PathBuf, tried: Option<Fingerprint>) -> Self {
        Self { path, tried }
    }

    /// Waits until the file holds something that was not tried yet. May be dropped and called again at any time.
    pub(super) async fn changed(&mut self) {
        loop {
            tokio::time::sleep(POLL).await;
            let now = self.look().await;
            if now == self.tried {
                continue;
            }
            tokio::time::sleep(SETTLE).await;
            if self.look().await == now {
                self.tried = now;
                return;
            }
        }
    }

    /// It is about to be read for another reason.
    pub(super) async fn note(&mut self) {
        self.tried = self.look().await;
    }

    /// A disk that is slow, or gone with its network, must not hold up anything else.
    async fn look(&self) -> Option<Fingerprint> {
        let path = self.path.clone();
        tokio::task::spawn_blocking(move || fingerprint(&path))
            .await
            .ok()?
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    /// Kubernetes mounts a `ConfigMap` as `config.toml -> ..data/config.toml`, `..data -> ..2026_01`, and replaces `..data`.
    #[tokio::test]
    async fn sees_the_link_of_a_config_map_move() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for (name, text) in [("..1", "a"), ("..2", "b")] {
            fs::create_dir(at(name)).unwrap();
            fs::write(at(name).join("c.toml"), text).unwrap();
        }
        symlink("..1", at("..data")).unwrap();
        symlink("..data/c.toml", at("c.toml")).unwrap();
        let path = at("c.toml");
        let mut lookout = Lookout::new(path.clone(), fingerprint(&path));
        lookout.note().await;
        assert_eq!(lookout.look().await, lookout.tried);
        symlink("..2", at("..new")).unwrap();
        fs::rename(at("..new"), at("..data")).unwrap();
        assert_ne!(lookout.look().await, lookout.tried);
        assert_eq!(fingerprint(&at("nowhere")), None);
    }
}

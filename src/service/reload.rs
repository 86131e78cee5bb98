//! Whether the configuration file has changed.
//!
//! The content is looked at every few seconds. Notices of the kernel (inotify) would come sooner but not always: a
//! `ConfigMap` changes by a link two folders above the file being replaced, network file systems tell nothing, and editors
//! replace files as they like. Reading some kilobytes costs nothing and is right everywhere.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

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

/// What a look has found that was not tried yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    Nothing,
    /// This, or that the file cannot be read.
    Once(Option<Fingerprint>),
}

/// Watches one file.
#[derive(Debug)]
pub(super) struct Lookout {
    path: PathBuf,
    /// What was tried last, whether or not it did.
    tried: Option<Fingerprint>,
    /// Something else that was seen once.
    seen: Seen,
    next: Instant,
}

impl Lookout {
    pub(super) fn new(path: PathBuf, tried: Option<Fingerprint>) -> Self {
        Self {
            path,
            tried,
            seen: Seen::Nothing,
            next: Instant::now() + POLL,
        }
    }

    /// Waits until the file holds something that was not tried yet. What it waits for is kept when it is dropped half-way.
    pub(super) async fn changed(&mut self) {
        loop {
            tokio::time::sleep_until(self.next).await;
            let now = self.look().await;
            if now == self.tried {
                self.seen = Seen::Nothing;
                self.next = Instant::now() + POLL;
            } else if self.seen == Seen::Once(now) {
                self.tried = now;
                self.seen = Seen::Nothing;
                self.next = Instant::now() + POLL;
                return;
            } else {
                self.seen = Seen::Once(now);
                self.next = Instant::now() + SETTLE;
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

    use tokio::time::timeout;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_file_that_is_being_written_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.toml");
        fs::write(&path, "a").unwrap();
        let mut lookout = Lookout::new(path.clone(), fingerprint(&path));
        let mut writes = 0;
        while timeout(SETTLE / 2, lookout.changed()).await.is_err() {
            if writes < 20 {
                writes += 1;
                fs::write(&path, "a".repeat(writes + 1)).unwrap();
            }
        }
        assert_eq!(writes, 20);
        // One that is away for a moment has not changed
        tokio::time::sleep_until(lookout.next - SETTLE / 2).await;
        fs::remove_file(&path).unwrap();
        assert!(timeout(SETTLE, lookout.changed()).await.is_err());
        fs::write(&path, "a".repeat(21)).unwrap();
        assert!(timeout(POLL * 3, lookout.changed()).await.is_err());
    }

    /// Kubernetes mounts a `ConfigMap` as `config.toml -> ..data/config.toml`, `..data -> ..2026_01`, and replaces `..data`.
    #[tokio::test(start_paused = true)]
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
        assert!(timeout(POLL * 3, lookout.changed()).await.is_err());
        symlink("..2", at("..new")).unwrap();
        fs::rename(at("..new"), at("..data")).unwrap();
        // Others look at the clock more often than it takes to look at the file
        let changed = async { while timeout(SETTLE / 2, lookout.changed()).await.is_err() {} };
        timeout(POLL * 2, changed).await.unwrap();
        assert!(timeout(POLL * 3, lookout.changed()).await.is_err(), "once");
        assert_eq!(fingerprint(&at("nowhere")), None);
    }
}

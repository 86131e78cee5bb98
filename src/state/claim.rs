//! The service's lock on the whole folder, held for its life. The locks of single mirrors are taken for each run, so that a
//! `migrate` between two runs stays possible.

use super::StateFolder;
use super::error::StateError;
use super::folder::Lock;

/// Names of mirrors begin with a letter or digit, so none has this lock.
const LOCK: &str = ".service.lock";
/// A file that is written and removed, to see whether that can be done.
const PROBE: &str = ".service";
/// Bytes that are written for it: a full disk has room for an empty file.
const ROOM: usize = 4096;

/// Held until it is dropped or the process ends.
#[derive(Debug)]
pub struct Claim {
    folder: StateFolder,
    _lock: Lock,
}

impl Claim {
    /// Keeps other services away from `folder`. [`StateError::Served`] if there is one (reliability F40).
    pub fn new(folder: &StateFolder) -> Result<Self, StateError> {
        let lock = folder.lock(LOCK, "").map_err(|error| match error {
            StateError::Busy { path, .. } => StateError::Served { path },
            other => other,
        })?;
        Ok(Self {
            folder: folder.clone(),
            _lock: lock,
        })
    }

    /// Whether states can be saved now. It blocks while the disk works.
    pub fn check(&self) -> Result<(), StateError> {
        self.folder.probe(PROBE, ROOM)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_service() {
        let place = tempfile::tempdir().unwrap();
        let folder = StateFolder::open(place.path()).unwrap();
        let claim = Claim::new(&folder).unwrap();
        claim.check().unwrap();
        let error = Claim::new(&StateFolder::open(place.path()).unwrap()).unwrap_err();
        assert!(error.to_string().contains("another service"), "{error}");
        assert_eq!(error.code(), "already-running");
        drop(claim);
        Claim::new(&folder).unwrap();
    }
}

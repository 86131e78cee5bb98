//! The state of one mirror on disk, held by one process.

use chrono::{DateTime, TimeDelta, Utc};

use super::decode::{Broken, Content, read};
use super::encode::write;
use super::error::{StateError, io};
use super::folder::Lock;
use super::lines::FORMAT;
use super::{Identity, State, StateFolder};
use crate::types::Reason;

/// Between two saves during a run. Saving 48,000 versions takes a fraction of a second, and what a killed run had not
/// saved is found out again from the registry.
const CHECKPOINT: TimeDelta = TimeDelta::seconds(10);

/// The state of a mirror, locked until it is dropped or the process ends, however it ends.
#[derive(Debug)]
pub struct MirrorState {
    state: State,
    folder: StateFolder,
    file: String,
    warnings: Vec<Reason>,
    saved: Option<DateTime<Utc>>,
    _lock: Lock,
}

/// A state to look at.
#[derive(Debug)]
pub struct Peeked {
    /// What is remembered; a new state if there is nothing.
    pub state: State,
    /// What deserves a look.
    pub warnings: Vec<Reason>,
}

impl MirrorState {
    /// Takes the lock, then reads the file. A broken one is set aside and the mirror begins anew: what was pushed is
    /// found in the registry. It is an error if the file is of a later format or belongs to another mirror, source or
    /// target (reliability B64), if another process holds the lock ([`StateError::Busy`], exit code 75), or if nothing
    /// can be written there (reliability F38).
    pub fn open(folder: &StateFolder, identity: &Identity) -> Result<Self, StateError> {
        let stem = identity.file_stem();
        let lock = folder.lock(&format!("{stem}.lock"), &identity.mirror)?;
        let file = format!("{stem}.state");
        let mut warnings = folder.warnings().to_vec();
        let state = match load(folder, &file, identity) {
            Ok((state, mut dropped)) => {
                warnings.append(&mut dropped);
                state
            }
            Err(Unread::Refused(error)) => return Err(error),
            Err(Unread::Broken(broken)) => {
                let aside = folder.set_aside(&file)?;
                let text = format!(
                    "the state of `{}` is broken ({broken}) and was set aside as `{}`; it is built anew from the registry",
                    identity.mirror.escape_debug(),
                    aside.display()
                );
                warnings.push(Reason::new("state-broken", text));
                State::new(identity.clone())
            }
        };
        // A disk without room is no reason not to run: what is remembered stays as it was, and the report says so
        folder.probe(&file, 0)?;
        Ok(Self {
            state,
            folder: folder.clone(),
            file,
            warnings,
            saved: None,
            _lock: lock,
        })
    }

    /// What is remembered.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// To remember more.
    pub fn state_mut(&mut self) -> &mut State {
        &mut self.state
    }

    /// What was odd when it was opened.
    pub fn warnings(&self) -> &[Reason] {
        &self.warnings
    }

    /// Saves all, durably, whole or not at all. It blocks while the disk works.
    pub fn save(&mut self, now: DateTime<Utc>) -> Result<(), StateError> {
        self.saved = Some(now);
        self.folder.replace(&self.file, |out| write(&self.state, out))
    }

    /// Whether the last save is long enough ago for another one.
    pub fn is_checkpoint_due(&self, now: DateTime<Utc>) -> bool {
        let recent = |saved: DateTime<Utc>| saved <= now && now - saved < CHECKPOINT;
        !self.saved.is_some_and(recent)
    }

    /// Saves if the last time is long enough ago. To be called after each version that was carried.
    pub fn checkpoint(&mut self, now: DateTime<Utc>) -> Result<(), StateError> {
        if self.is_checkpoint_due(now) {
            self.save(now)
        } else {
            Ok(())
        }
    }
}

impl Peeked {
    /// Reads the state of a mirror without a lock, and writes nothing: for `plan` and the status page. `folder` is none
    /// if it does not exist. Files are replaced whole, so a run that goes on meanwhile does no harm.
    pub fn read(folder: Option<&StateFolder>, identity: &Identity) -> Result<Self, StateError> {
        let anew = |warnings| Self {
            state: State::new(identity.clone()),
            warnings,
        };
        let Some(folder) = folder else {
            return Ok(anew(Vec::new()));
        };
        let mut warnings = folder.warnings().to_vec();
        match load(folder, &format!("{}.state", identity.file_stem()), identity) {
            Ok((state, mut dropped)) => {
                warnings.append(&mut dropped);
                Ok(Self { state, warnings })
            }
            Err(Unread::Refused(error)) => Err(error),
            Err(Unread::Broken(broken)) => {
                let text = format!(
                    "the state of `{}` is broken ({broken}) and of no use",
                    identity.mirror.escape_debug()
                );
                warnings.push(Reason::new("state-broken", text));
                Ok(anew(warnings))
            }
        }
    }
}

/// Why there is no state.
enum Unread {
    Refused(StateError),
    Broken(Broken),
}

fn load(folder: &StateFolder, file: &str, identity: &Identity) -> Result<(State, Vec<Reason>), Unread> {
    let Some(open) = folder.read(file).map_err(Unread::Refused)? else {
        return Ok((State::new(identity.clone()), Vec::new()));
    };
    let path = folder.place(file);
    let content = read(open).map_err(|broken| match broken {
        // It may well be sound: a volume that is away for a moment must not cost what is remembered
        Broken::Io(error) => Unread::Refused(io("read", &path)(error)),
        broken => Unread::Broken(broken),
    });
    match content? {
        Content::Newer(found) => Err(Unread::Refused(StateError::Newer {
            path,
            found,
            known: FORMAT,
        })),
        Content::Sound(mut state) => {
            let places = state.identity().carried_over(identity, &path);
            let dropped = state.retarget(identity, &places.map_err(Unread::Refused)?);
            Ok((*state, dropped))
        }
    }
}

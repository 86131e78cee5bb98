//! The folder and its files: rights, links, full disks, crashes half-way.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use super::{bytes, file, folder, full, open, sample, sound, write};
use crate::report::ProblemKind;
use crate::state::{Identity, MirrorState, Peeked, State, StateError, StateFolder};

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
}

fn refusal(path: &Path, identity: &Identity) -> StateError {
    MirrorState::open(&folder(path), identity).unwrap_err()
}

#[test]
fn nobody_else_may_look_in() {
    let temp = tempfile::tempdir().unwrap();
    let deep = temp.path().join("a/b");
    let mut opened = MirrorState::open(&StateFolder::open(&deep).unwrap(), &sample::identity()).unwrap();
    opened.save(sample::day(1)).unwrap();
    assert_eq!(opened.warnings(), []);
    assert_eq!((mode(&deep), mode(&temp.path().join("a"))), (0o700, 0o700));
    let files: Vec<_> = fs::read_dir(&deep)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    assert_eq!(files.len(), 2, "{files:?}");
    assert!(files.iter().all(|file| mode(file) == 0o600));
}

#[test]
fn a_folder_for_everybody_is_a_warning() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("state");
    fs::create_dir(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
    let opened = open(temp.path());
    let codes: Vec<_> = opened.warnings().iter().map(|reason| reason.code).collect();
    assert_eq!(codes, ["state-folder-shared"]);
}

#[test]
fn what_is_no_folder_of_ours_is_refused_by_name() {
    let temp = tempfile::tempdir().unwrap();
    let path = |name: &str| temp.path().join(name);
    fs::create_dir(path("real")).unwrap();
    symlink(path("real"), path("link")).unwrap();
    symlink(path("nowhere"), path("dangling")).unwrap();
    fs::write(path("file"), "").unwrap();
    for (name, hint) in [
        ("link", "symbolic link"),
        ("dangling", "symbolic link"),
        ("file", "not a folder"),
        ("file/below", "create the folder"),
    ] {
        let error = StateFolder::open(&path(name)).unwrap_err();
        let text = error.to_string();
        assert!(text.contains(hint) && text.contains(name), "{text}");
        assert!(text.contains("`state_dir`"), "{text}");
        assert_eq!(
            (error.code(), error.problem().kind),
            ("state-unusable", ProblemKind::Config)
        );
    }
    assert!(fs::read_dir(path("real")).unwrap().next().is_none());
    // No file system lets even root make this one.
    let error = StateFolder::open(Path::new("/proc/self/state")).unwrap_err();
    assert!(error.to_string().contains("`/proc/self/state`"), "{error}");
    assert!(StateFolder::existing(&path("none")).unwrap().is_none());
}

#[test]
fn links_and_pipes_in_the_folder_are_not_followed() {
    for extension in ["state", "lock"] {
        let temp = tempfile::tempdir().unwrap();
        open(temp.path()).save(sample::day(1)).unwrap();
        let (place, victim) = (file(temp.path(), extension), temp.path().join("victim"));
        fs::write(&victim, "precious").unwrap();
        fs::remove_file(&place).unwrap();
        symlink(&victim, &place).unwrap();
        let error = refusal(temp.path(), &sample::identity());
        assert!(
            matches!(&error, StateError::Link { path } if *path == place),
            "{error}"
        );
        assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
    }
    let temp = tempfile::tempdir().unwrap();
    folder(temp.path());
    fs::create_dir(file(temp.path(), "state")).unwrap();
    let error = refusal(temp.path(), &sample::identity());
    assert!(error.to_string().contains("no regular file"), "{error}");
}

#[test]
fn what_was_saved_is_there_next_time() {
    let temp = tempfile::tempdir().unwrap();
    let mut opened = open(temp.path());
    *opened.state_mut() = full();
    opened.checkpoint(sample::day(1)).unwrap();
    opened.state_mut().reconciled(sample::day(8));
    // Too early, and then late enough.
    let soon = sample::day(1) + chrono::TimeDelta::seconds(9);
    opened.checkpoint(soon).unwrap();
    assert_eq!(sound(&fs::read(file(temp.path(), "state")).unwrap()), full());
    opened.checkpoint(soon + chrono::TimeDelta::seconds(1)).unwrap();
    let last = opened.state().clone();
    drop(opened);
    assert_eq!(*open(temp.path()).state(), last);
}

#[test]
fn a_broken_file_is_set_aside_once() {
    let temp = tempfile::tempdir().unwrap();
    let (place, aside) = (file(temp.path(), "state"), file(temp.path(), "state.broken"));
    let written = bytes(&full());
    for broken in [&b""[..], b"garbage", &[0; 4096], &written[..written.len() - 1]] {
        folder(temp.path());
        fs::write(&place, broken).unwrap();
        let peeked = Peeked::read(Some(&folder(temp.path())), &sample::identity()).unwrap();
        assert_eq!(peeked.warnings[0].code, "state-broken");
        assert_eq!(fs::read(&place).unwrap(), broken);
        let opened = open(temp.path());
        assert_eq!(opened.warnings().len(), 1);
        assert_eq!(opened.warnings()[0].code, "state-broken");
        assert!(opened.warnings()[0].text.contains(aside.to_str().unwrap()));
        assert_eq!(*opened.state(), State::new(sample::identity()));
        assert_eq!(fs::read(&aside).unwrap(), broken);
        drop(opened);
        assert_eq!(open(temp.path()).warnings(), []);
    }
}

#[test]
fn a_crash_before_the_rename_changes_nothing() {
    let temp = tempfile::tempdir().unwrap();
    let mut opened = open(temp.path());
    *opened.state_mut() = full();
    opened.save(sample::day(1)).unwrap();
    drop(opened);
    let stem = sample::identity().file_stem();
    let new = format!("{stem}.state.new");
    for staged in [&b"half a sta"[..], &bytes(&State::new(sample::identity()))] {
        folder(temp.path())
            .stage(&new, |out| out.write_all(staged))
            .unwrap();
        assert_eq!(mode(&file(temp.path(), "state.new")), 0o600);
        let opened = open(temp.path());
        assert_eq!((opened.state(), opened.warnings()), (&full(), &[][..]));
        assert!(!file(temp.path(), "state.new").exists());
    }
    // After the rename, and before anything else, it is the new one.
    let newer = State::new(sample::identity());
    let place = folder(temp.path());
    place.stage(&new, |out| write(&newer, out)).unwrap();
    place.commit(&new, &format!("{stem}.state")).unwrap();
    assert_eq!(*open(temp.path()).state(), newer);
}

#[test]
fn a_full_disk_leaves_the_last_state() {
    let temp = tempfile::tempdir().unwrap();
    let mut opened = open(temp.path());
    *opened.state_mut() = full();
    opened.save(sample::day(1)).unwrap();
    let name = format!("{}.state", sample::identity().file_stem());
    let whole = bytes(&full());
    for room in [0, 1, 1000, whole.len() - 1] {
        let error = folder(temp.path())
            .replace(&name, |out| {
                out.write_all(&whole[..room])?;
                out.flush()?;
                Err(io::ErrorKind::StorageFull.into())
            })
            .unwrap_err();
        assert_eq!(error.code(), "state-unsaved");
        assert!(
            error
                .to_string()
                .contains(file(temp.path(), "state").to_str().unwrap()),
            "{error}"
        );
        assert!(!file(temp.path(), "state.new").exists());
        assert_eq!(fs::read(file(temp.path(), "state")).unwrap(), whole);
    }
    let full_device = fs::OpenOptions::new().write(true).open("/dev/full");
    if let Ok(mut device) = full_device {
        let error = write(&full(), &mut device).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
    // What cannot be written is known at the start, not after the work.
    drop(opened);
    fs::create_dir(file(temp.path(), "state.new")).unwrap();
    assert_eq!(refusal(temp.path(), &sample::identity()).code(), "state-unusable");
    assert_eq!(fs::read(file(temp.path(), "state")).unwrap(), whole);
}

#[test]
fn a_look_writes_nothing() {
    let none = Peeked::read(None, &sample::identity()).unwrap();
    assert_eq!(none.state, State::new(sample::identity()));
    let temp = tempfile::tempdir().unwrap();
    let empty = folder(temp.path());
    Peeked::read(Some(&empty), &sample::identity()).unwrap();
    assert_eq!(fs::read_dir(temp.path().join("state")).unwrap().count(), 0);
    // Also while a run holds the lock.
    let mut held = open(temp.path());
    *held.state_mut() = full();
    held.save(sample::day(1)).unwrap();
    let peeked = Peeked::read(Some(&empty), &sample::identity()).unwrap();
    assert_eq!(peeked.state, full());
}

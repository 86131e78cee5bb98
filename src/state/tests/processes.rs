//! Two processes and one state (reliability F40, G7).

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::{folder, open, sample};
use crate::report::ProblemKind;
use crate::state::{Identity, MirrorState, StateError};

/// Tells the other process which folder to hold.
const HOLD: &str = "CHARTFERRY_TEST_HOLD_STATE";
const HELD: &str = "the lock is held";

/// The other process: this very test binary, running only this. By itself it does nothing.
#[test]
fn holder() {
    let Some(path) = std::env::var_os(HOLD) else {
        return;
    };
    let _held = open(Path::new(&path));
    // The harness catches what is printed by `println!`.
    std::io::Write::write_all(&mut std::io::stdout(), format!("{HELD}\n").as_bytes()).unwrap();
    std::thread::sleep(std::time::Duration::from_secs(120));
}

struct Holder(Child);

impl Holder {
    fn start(path: &Path) -> Self {
        let name = concat!(module_path!(), "::holder");
        let name = name.split_once("::").unwrap().1;
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([name, "--exact", "--nocapture"])
            .env(HOLD, path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.map_while(Result::ok).any(|line| line.contains(HELD)));
        Self(child)
    }
}

impl Drop for Holder {
    /// SIGKILL.
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn the_second_process_is_told_so_until_the_first_is_dead() {
    let temp = tempfile::tempdir().unwrap();
    let holder = Holder::start(temp.path());
    let error = MirrorState::open(&folder(temp.path()), &sample::identity()).unwrap_err();
    assert!(matches!(&error, StateError::Busy { mirror, .. } if &**mirror == "acme"));
    assert_eq!(error.problem().kind, ProblemKind::AlreadyRunning);
    assert!(error.to_string().contains("already running"), "{error}");
    // Another mirror is another matter.
    let other = Identity::named("other", "s", &["t"]);
    MirrorState::open(&folder(temp.path()), &other).unwrap();
    drop(holder);
    open(temp.path());
}

#[test]
fn the_lock_lasts_as_long_as_the_state() {
    let temp = tempfile::tempdir().unwrap();
    let mut first = open(temp.path());
    let busy = || MirrorState::open(&folder(temp.path()), &sample::identity()).is_err();
    assert!(busy());
    first.save(sample::day(1)).unwrap();
    assert!(busy());
    drop(first);
    assert!(!busy());
}

//! The state on disk: what is written, what is read back, and everything that may happen to it in between.

mod broken;
mod disk;
mod many;
mod processes;
mod targets;

use std::path::Path;

use chrono::TimeDelta;

use super::decode::{Broken, Content, read};
use super::encode::write;
use super::{
    Identity, Matter, MaxShrink, MirrorState, Origin, Provenance, RunSummary, Seen, Settled, State,
    StateFolder, Stored, Wanted, sample,
};
use crate::report::{Action, ExitStatus, Totals};
use crate::types::{Digest, Reason};

/// A state with everything in it that there is.
fn full() -> State {
    let mut state = State::new(sample::identity());
    let names: Vec<_> = (0..12).map(|n| format!("{n}.0.0+up\"é\n{n}")).collect();
    let seen = |from: usize| {
        names[from..].iter().map(|version| Seen {
            chart: "app",
            version,
            created: Some(sample::day(3)),
        })
    };
    let max = MaxShrink::default();
    state.look(seen(0), max, false, sample::day(4) + TimeDelta::nanoseconds(7));
    let (repository, tag) = sample::place("renamed", "1.0.0");
    for (target, version, digests, origin) in [
        (0, "1.0.0", &[][..], Origin::Pushed),
        (1, "1.0.0", &[Digest::of(b"other")], Origin::Adopted),
        (1, "2.0.0", &[Digest::of(b"other")], Origin::Pushed),
    ] {
        let wanted = Wanted {
            chart: if target == 0 { "renamed" } else { "App Two" },
            digests,
            ..sample::wanted("", version, (&repository, &tag))
        };
        let stored = Stored {
            origin,
            provenance: Provenance::Carried(Digest::of(b"provenance")),
            ..sample::pushed(version)
        };
        assert!(state.stored(target, &wanted, &stored, sample::day(5)));
    }
    state.look(seen(11), max, false, sample::day(6));
    state.set_settled(Some(Settled {
        validators: sample::validators("index"),
        settings: Digest::of(b"settings"),
        until: Some(sample::day(9)),
    }));
    state.reconciled(sample::day(6));
    let matter = Matter {
        chart: "app".into(),
        version: "1.0.0".into(),
        target: 1,
    };
    let reason = Reason::new("drift", "two\nlines");
    state.note(
        matter,
        Action::Drifted,
        &reason,
        Some(Digest::of(b"now")),
        sample::day(6),
    );
    let totals = Totals {
        pushed: 3,
        bytes: 99,
        ..Totals::default()
    };
    for status in [ExitStatus::Success, ExitStatus::SourceUnusable] {
        let times = (sample::day(6), sample::day(7));
        state.ended(RunSummary::new(times, status, &totals, Some("why")), status);
    }
    state
}

fn bytes(state: &State) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(state, &mut bytes).unwrap();
    bytes
}

fn sound(bytes: &[u8]) -> State {
    match read(bytes).unwrap() {
        Content::Sound(state) => *state,
        Content::Newer(format) => panic!("{format}"),
    }
}

fn folder(path: &Path) -> StateFolder {
    StateFolder::open(&path.join("state")).unwrap()
}

fn open(path: &Path) -> MirrorState {
    MirrorState::open(&folder(path), &sample::identity()).unwrap()
}

/// The only file with this extension.
fn file(path: &Path, extension: &str) -> std::path::PathBuf {
    let stem = sample::identity().file_stem();
    path.join("state").join(format!("{stem}.{extension}"))
}

#[test]
fn what_is_written_is_read_back() {
    let state = full();
    let written = bytes(&state);
    let read = sound(&written);
    assert_eq!(read, state);
    assert_eq!(bytes(&read), written);
    let new = State::new(Identity::unnamed("s", "t"));
    assert_eq!(sound(&bytes(&new)), new);
}

#[test]
fn people_can_look_into_it() {
    let mut state = State::new(Identity::named("m", "https://h/", &["oci://r.io"]));
    let (repository, tag) = sample::place("app", "1.0.0");
    let package = sample::pushed("x").package.unwrap();
    let digests = [package];
    let wanted = Wanted {
        digests: &digests,
        ..sample::wanted("app", "1.0.0", (&repository, &tag))
    };
    state.stored(0, &wanted, &sample::pushed("x"), sample::day(1));
    state.trust();
    let text = String::from_utf8(bytes(&state)).unwrap();
    let lines: Vec<_> = text.lines().collect();
    let manifest = sample::pushed("x").manifest;
    let version = format!(
        r#"{{"version":{{"name":"1.0.0","seen":"1970-01-02T00:00:00Z","provenance":"none","at":[{{"manifest":"{manifest}","package":"{package}"}}]}}}}"#
    );
    assert_eq!(
        lines[..4],
        [
            r#"{"format":"chartferry.state/v1","identity":{"mirror":"m","source":"https://h/","targets":["oci://r.io"]}}"#,
            r#"{"marks":{"failures_in_a_row":0}}"#,
            r#"{"chart":"app"}"#,
            &version,
        ]
    );
    assert!(lines[4].starts_with(r#"{"end":"sha256:"#) && lines.len() == 5);
}

fn is_broken(bytes: &[u8]) -> bool {
    let found: Result<Content, Broken> = read(bytes);
    found.is_err()
}

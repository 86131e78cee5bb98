//! A state whose mirror, source or targets changed (reliability B64).

use std::fs;

use super::{bytes, file, folder, full, open, sample, sound};
use crate::state::{Identity, MirrorState, Peeked, StateError};
use crate::types::Digest;

#[test]
fn another_source_or_target_is_refused_and_the_file_stays() {
    let temp = tempfile::tempdir().unwrap();
    let mut opened = open(temp.path());
    *opened.state_mut() = full();
    opened.save(sample::day(1)).unwrap();
    drop(opened);
    let written = fs::read(file(temp.path(), "state")).unwrap();
    let ours = sample::identity();
    for (identity, expected) in [
        (
            Identity {
                source: "https://other/".into(),
                ..ours.clone()
            },
            "source",
        ),
        (
            Identity {
                targets: vec!["oci://other".into()],
                ..ours.clone()
            },
            "targets",
        ),
    ] {
        for error in [
            MirrorState::open(&folder(temp.path()), &identity).unwrap_err(),
            Peeked::read(Some(&folder(temp.path())), &identity).unwrap_err(),
        ] {
            assert!(
                matches!(&error, StateError::Foreign { what, .. } if *what == expected),
                "{error}"
            );
            assert_eq!(error.code(), "state-foreign");
            assert!(error.to_string().contains("remove the file"), "{error}");
        }
        assert_eq!(fs::read(file(temp.path(), "state")).unwrap(), written);
    }
}

#[test]
fn a_later_format_is_refused_and_the_file_stays() {
    let temp = tempfile::tempdir().unwrap();
    drop(open(temp.path()));
    let lines = "{\"format\":\"chartferry.state/v7\"}\n";
    let text = format!("{lines}{{\"end\":\"{}\"}}\n", Digest::of(lines.as_bytes()));
    fs::write(file(temp.path(), "state"), &text).unwrap();
    let error = MirrorState::open(&folder(temp.path()), &sample::identity()).unwrap_err();
    assert_eq!(error.code(), "state-newer");
    assert!(error.to_string().contains("`chartferry.state/v7`"), "{error}");
    assert_eq!(fs::read_to_string(file(temp.path(), "state")).unwrap(), text);
}

#[test]
fn targets_may_come_go_and_change_places() {
    let written = bytes(&full());
    let ours = sample::identity();
    let [first, second] = [&*ours.targets[0], &*ours.targets[1]];
    for (targets, at, dropped) in [
        (vec![first, second], [Some(0), Some(1)], 0),
        (vec![second, first], [Some(1), Some(0)], 0),
        (vec![first, second, "oci://new"], [Some(0), Some(1)], 0),
        (vec!["oci://new", second], [None, Some(1)], 1),
        (vec![first], [Some(0), None], 1),
    ] {
        let mut state = sound(&written);
        let now = Identity::named(&ours.mirror, &ours.source, &targets);
        let places = state.identity().carried_over(&now, "x".as_ref()).unwrap();
        let warnings = state.retarget(&now, &places);
        assert_eq!(warnings.len(), dropped, "{targets:?}");
        assert!(
            warnings
                .iter()
                .all(|reason| reason.code == "state-target-dropped")
        );
        assert_eq!(*state.identity(), now);
        for (old, now) in at.into_iter().enumerate() {
            let Some(now) = now else { continue };
            for (chart, version, known) in full().versions() {
                let kept = state.known(chart, version).and_then(|known| known.at(now));
                let before = known.at(old).map(|placed| placed.manifest);
                assert_eq!(
                    kept.map(|placed| placed.manifest),
                    before,
                    "{targets:?} {chart} {version}"
                );
            }
        }
        // Whatever was settled, it was not for these targets.
        assert_eq!(state.settled.is_some(), now == ours);
        let troubles: Vec<_> = state
            .attention()
            .map(|(matter, _)| usize::from(matter.target))
            .collect();
        assert_eq!(troubles, at[1].into_iter().collect::<Vec<_>>());
        // It can be written and read as it is now.
        assert_eq!(sound(&bytes(&state)), state);
    }
}
